package apptest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/cmd/internal/app"
	"rowsmith/sheets"
	"rowsmith/sheets/sheetsim"
	"rowsmith/sheets/sheetsim/discovery"
	"rowsmith/tasks"
	"rowsmith/tasks/queue/cloudtasks"
	"rowsmith/tasks/queue/cloudtasks/cloudtaskssim"
	"rowsmith/tasks/store/firestore/emulator"
)

// A Google stands in for Google's spreadsheets on this machine: sheetsim behind bearer tokens, a token server that gives them to a
// service account, and that account's key file.
type Google struct {
	Sim      *sheetsim.Server
	Endpoint string // of the Sheets API
	KeyFile  string // of the service account
	Email    string // of the service account

	mu      sync.Mutex
	tokens  map[string]bool
	shared  map[string]bool // spreadsheets; nil: all are
	refuse  int             // status that the token server answers with; 0: it gives tokens
	expires int             // seconds
}

// Refuse makes the token server answer with a status; 0: give tokens again.
func (g *Google) Refuse(status int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuse = status
}

// Expire makes all tokens given so far worthless.
func (g *Google) Expire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.tokens)
}

// Share says which spreadsheets are shared with the account; the others answer 403.
func (g *Google) Share(ids ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shared = map[string]bool{}
	for _, id := range ids {
		g.shared[id] = true
	}
}

// StartGoogle serves it until the test ends.
func StartGoogle(t testing.TB) *Google {
	t.Helper()
	g := &Google{Email: "rowsmith@demo.iam.gserviceaccount.com", tokens: map[string]bool{}, expires: 3600}
	var err error
	g.Sim, err = sheetsim.Open(t.Context(), sheetsim.Config{Dir: t.TempDir(), Authorize: g.authorize})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Sim.Close() })
	api := httptest.NewServer(discovery.Check(t, g.Sim))
	t.Cleanup(api.Close)
	g.Endpoint = api.URL + "/"
	tokens := httptest.NewServer(http.HandlerFunc(g.token))
	t.Cleanup(tokens.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": g.Email, "private_key_id": "k", "token_uri": tokens.URL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	g.KeyFile = filepath.Join(t.TempDir(), "sa.json")
	if err := os.WriteFile(g.KeyFile, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *Google) token(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if g.refuse != 0 {
		w.WriteHeader(g.refuse)
		io.WriteString(w, `{"error":"invalid_grant","error_description":"account not found"}`)
		return
	}
	t := "ya29." + rand.Text()
	g.tokens[t] = true
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": t, "token_type": "Bearer", "expires_in": g.expires})
}

func (g *Google) authorize(r *http.Request, op sheetsim.Op) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		return "", sheetsim.ErrUnauthenticated
	}
	if r.Header.Get("Authorization") == "Bearer maker" {
		return "maker", nil
	}
	if g.shared != nil && op.SpreadsheetID != "" && !g.shared[op.SpreadsheetID] {
		return "", sheetsim.ErrForbidden
	}
	return g.Email, nil
}

// A Cloud is what the program runs on beyond one machine: Google's own Firestore emulator, a Cloud Tasks double, and a Google.
type Cloud struct {
	*Google
	Tasks  *cloudtaskssim.Server
	Config app.Config // of a process of it; Addr and WorkerURL are its own
}

// StartCloud starts one, with a project of its own. It skips the test where the emulator is not installed, unless STRICT is set.
func StartCloud(t testing.TB, dns string) *Cloud {
	t.Helper()
	emulator.Host(t)
	g := StartGoogle(t)
	sim, err := cloudtaskssim.New(cloudtaskssim.Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	return &Cloud{Google: g, Tasks: sim, Config: app.Config{
		Serve: true, Role: "all", StoreKind: "firestore", QueueKind: "cloudtasks", APIKey: Key, DNS: dns,
		GoogleCredentials: g.KeyFile, SheetsEndpoint: g.Endpoint, WriteInterval: 250 * time.Millisecond,
		Project: emulator.Project(), Location: "europe-west1", TasksEndpoint: sim.Addr(),
		ServiceAccount: "tasks@demo.iam.gserviceaccount.com", Issuer: sim.Issuer(),
	}}
}

// ensure makes the queues, as deploying does.
func (c *Cloud) ensure(t testing.TB) {
	t.Helper()
	q, err := cloudtasks.Open(t.Context(), c.Config.TasksEndpoint, cloudtasks.Config{
		Project: c.Config.Project, Location: c.Config.Location, Target: c.Config.WorkerURL, Audience: c.Config.WorkerURL,
		ServiceAccount: c.Config.ServiceAccount, Queues: tasks.Queues(max(2, c.Config.Workers)), Clock: clockwork.NewRealClock(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = q.Ensure(t.Context())
	if err := errors.Join(err, q.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// FreeAddr is an address of this machine that nobody listens on at the moment.
func FreeAddr(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// Process starts one process of the cloud. The queue delivers to the first that was started.
func (c *Cloud) Process(t testing.TB, sheets *Spreadsheets, p app.Parts) *Program {
	t.Helper()
	l := new(Log)
	p.Log = slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg := c.Config
	cfg.Spreadsheets = sheets.IDs
	cfg.Addr = FreeAddr(t)
	if cfg.WorkerURL == "" {
		cfg.WorkerURL = "http://" + cfg.Addr
		c.Config.WorkerURL = cfg.WorkerURL
	}
	a, err := app.Open(t.Context(), cfg, p)
	if err != nil {
		t.Fatal(err)
	}
	c.ensure(t)
	prog := &Program{App: a, Log: l, t: t}
	t.Cleanup(prog.Stop)
	return prog
}

// Spreadsheets are what a test made before the program starts.
type Spreadsheets struct{ IDs []string }

// maker is the way to the sheets of somebody who may do everything.
func (g *Google) maker() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.tokens["maker"] = true
		g.mu.Unlock()
		r.Header.Set("Authorization", "Bearer maker")
		g.Sim.ServeHTTP(w, r)
	})
}

// Make makes a spreadsheet as somebody who may, and returns its id and its tab's.
func (g *Google) Make(t testing.TB, s *Spreadsheets, rows [][]any) (string, int64) {
	t.Helper()
	server := httptest.NewServer(g.maker())
	defer server.Close()
	c, err := sheets.NewClient(t.Context(), sheets.Options{Endpoint: server.URL + "/"})
	if err != nil {
		t.Fatal(err)
	}
	p := &Program{App: &app.App{Sheets: c}, t: t}
	id, tab := p.Sheet(rows)
	s.IDs = append(s.IDs, id)
	return id, tab
}
