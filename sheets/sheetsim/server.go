package sheetsim

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"github.com/jonboulle/clockwork"

	"rowsmith/sheets/sheetsim/discovery"
)

// Config is what a server is made of. Only Dir is needed.
type Config struct {
	Dir   string // folder of sheets.db; made if it is not there
	Clock clockwork.Clock
	Log   *slog.Logger
	// Quotas, if set, are held per minute of Clock; a call beyond them is answered 429.
	Quotas *Quotas
	// NewID makes a spreadsheet's id; nil: 44 random characters, as Google's are.
	NewID func() string
	// Authorize, if set, says who is calling. [ErrUnauthenticated] and [ErrForbidden] (wrapped or bare) are answered 401 and 403,
	// [ErrUnknown] 404, as for a spreadsheet that isn't there. It sees the spreadsheet's id in the operation.
	Authorize func(r *http.Request, op Op) (identity string, err error)
	// Evaluate, if set, gives formulas their values when they are entered: a string, float64, int, bool or [CellError];
	// anything else leaves it to the built-in rules (constants and HYPERLINK, else #NAME?).
	Evaluate func(formula string) any
}

// What Config.Authorize may refuse with.
var (
	ErrUnauthenticated = errors.New("not authenticated")
	ErrForbidden       = errors.New("no permission")
	ErrUnknown         = errors.New("unknown to the caller")
)

// ErrNotFound: there is no spreadsheet of that id.
var ErrNotFound = errors.New("spreadsheet not found")

// A Server answers the Sheets API on a folder of spreadsheets. It is safe for concurrent use.
type Server struct {
	cfg  Config
	doc  *discovery.Document
	disk *disk
	hook hooks
	rate rates
	open sync.RWMutex // held for reading by every request, for writing by Close
	shut bool
}

// Open opens the spreadsheets in cfg.Dir, or an empty folder. It reads none of them.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Clock == nil {
		cfg.Clock = clockwork.NewRealClock()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.NewID == nil {
		cfg.NewID = newID
	}
	doc, err := discovery.Load()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of spreadsheets: %w", err)
	}
	d, err := openDisk(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	return &Server{cfg: cfg, doc: doc, disk: d}, nil
}

// newID makes an id of the form that Google's have.
func newID() string {
	var b [33]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Close waits for the running requests and closes the file. Later requests are answered 503.
func (s *Server) Close() error {
	s.open.Lock()
	defer s.open.Unlock()
	if s.shut {
		return nil
	}
	s.shut = true
	return s.disk.close()
}

// List returns all spreadsheets, oldest first.
func (s *Server) List(ctx context.Context) ([]Entry, error) { return s.disk.list(ctx) }

// Delete deletes a spreadsheet for good. If there is none of that id the error is [ErrNotFound].
func (s *Server) Delete(ctx context.Context, id string) error {
	err := s.disk.remove(ctx, id)
	var e *apiError
	if errors.As(err, &e) && e.code == http.StatusNotFound {
		return fmt.Errorf("delete spreadsheet %s: %w", id, ErrNotFound)
	}
	return err
}
