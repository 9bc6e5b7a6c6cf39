package sheets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
	"google.golang.org/api/option"
	gsheets "google.golang.org/api/sheets/v4"
)

// A TokenSource gives the bearer token of the identity that a client acts as. An error that is [ErrAccess]
// says the grant is gone for good; any other counts as [ErrUnavailable].
type TokenSource interface {
	Token(ctx context.Context) (string, error)
}

// A Renewer is a TokenSource that may be told that a token it gave is not taken any more, so that it gives another.
type Renewer interface {
	Renew(token string)
}

// Options say how a Client reaches the API. The zero value reaches Google's without credentials.
type Options struct {
	Endpoint string          // base URL, e.g. "http://127.0.0.1:8080/sheets/"; empty: Google's
	HTTP     *http.Client    // nil: one with a time limit of 180 s, Google's own
	Tokens   TokenSource     // nil: no credentials. A token is sent to the endpoint's host only
	Clock    clockwork.Clock // nil: the real one
	Log      *slog.Logger    // nil: none
	Attempts int             // how often a repeatable call is made at most; 0: 5
}

// A Client reads and fills spreadsheets through the Sheets API v4, as one identity. It is safe for
// several goroutines. Reads, and writes of values to fixed places, are repeated with growing pauses after a 429, a 5xx or a network
// failure, as long as the context allows; a structural change is repeated only after a 429, which says that nothing was done.
type Client struct {
	api      *gsheets.Service
	clock    clockwork.Clock
	log      *slog.Logger
	attempts int
}

// NewClient makes a client; it calls nobody yet.
func NewClient(ctx context.Context, o Options) (*Client, error) {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Attempts <= 0 {
		o.Attempts = 5
	}
	if o.Endpoint == "" {
		o.Endpoint = "https://sheets.googleapis.com/"
	}
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("sheets endpoint %q: want http(s)://host/path/", o.Endpoint)
	}
	if !strings.HasSuffix(o.Endpoint, "/") {
		o.Endpoint += "/"
	}
	web := &http.Client{Timeout: 180 * time.Second}
	if o.HTTP != nil {
		c := *o.HTTP
		web = &c
	}
	base := web.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	web.Transport = &bearer{base: base, tokens: o.Tokens, scheme: u.Scheme, host: u.Host}
	api, err := gsheets.NewService(ctx, option.WithEndpoint(o.Endpoint), option.WithHTTPClient(web))
	if err != nil {
		return nil, fmt.Errorf("sheets client: %w", err)
	}
	api.UserAgent = "rowsmith"
	return &Client{api: api, clock: o.Clock, log: o.Log, attempts: o.Attempts}, nil
}

// bearer adds the token, for the endpoint itself and nobody it redirects to.
type bearer struct {
	base         http.RoundTripper
	tokens       TokenSource
	scheme, host string
}

func (b *bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	if b.tokens == nil || req.URL.Host != b.host || req.URL.Scheme != b.scheme {
		return b.base.RoundTrip(req)
	}
	token, err := b.tokens.Token(req.Context())
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, tokenError{err}
	}
	first := req.Clone(req.Context())
	first.Header.Set("Authorization", "Bearer "+token)
	resp, err := b.base.RoundTrip(first)
	renewer, can := b.tokens.(Renewer)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !can || req.Body != nil && req.GetBody == nil {
		return resp, err
	}
	// Nothing was done: a token that was revoked before its time is replaced once.
	renewer.Renew(token)
	fresh, err := b.tokens.Token(req.Context())
	if err != nil || fresh == token {
		return resp, nil
	}
	again := req.Clone(req.Context())
	if req.Body != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return resp, nil
		}
	}
	resp.Body.Close()
	again.Header.Set("Authorization", "Bearer "+fresh)
	return b.base.RoundTrip(again)
}

// A repeat says after which failures a call is made again.
type repeat int

const (
	never       repeat = iota // the caller looks first
	whenRefused               // after a 429 only: nothing was done
	always                    // also when it may have been done: it changes nothing, or the same again
)

// call makes one call of the API, repeating it as its kind allows, and classifies its error.
func (c *Client) call(ctx context.Context, op, id string, again repeat, f func() error) error {
	const first, longest = time.Second, 32 * time.Second
	for n := 1; ; n++ {
		err := classify(op, id, f(), c.clock.Now())
		if err == nil {
			return nil
		}
		var e *Error
		if !errors.As(err, &e) || n >= c.attempts || ctx.Err() != nil {
			return err
		}
		switch {
		case again >= whenRefused && e.Kind == ErrQuota:
		case again == always && e.Kind == ErrUnavailable:
		default:
			return err
		}
		// Full jitter over the upper half, so that instances that were refused together come back apart.
		pause := min(first<<(n-1), longest)
		pause = max(pause/2+rand.N(pause/2+1), e.RetryAfter)
		if deadline, ok := ctx.Deadline(); ok && c.clock.Now().Add(pause).After(deadline) {
			return err
		}
		c.log.LogAttrs(ctx, slog.LevelInfo, "sheets call repeated", slog.String("op", op),
			slog.Int("status", e.Status), slog.Int("attempt", n), slog.Duration("pause", pause))
		if sleep(ctx, c.clock, pause) != nil {
			return err
		}
	}
}

// Create makes a spreadsheet with these tabs, or with one named by the locale when none is given. After an
// [ErrUnavailable] it may exist nevertheless.
func (c *Client) Create(ctx context.Context, title string, tabs ...string) (Spreadsheet, error) {
	want := &gsheets.Spreadsheet{Properties: &gsheets.SpreadsheetProperties{Title: title}}
	for i, name := range tabs {
		want.Sheets = append(want.Sheets, &gsheets.Sheet{Properties: &gsheets.SheetProperties{Title: name, Index: int64(i)}})
	}
	var got *gsheets.Spreadsheet
	err := c.call(ctx, "create spreadsheet", "", whenRefused, func() (err error) {
		got, err = c.api.Spreadsheets.Create(want).Fields(overviewFields).Context(ctx).Do()
		return err
	})
	if err != nil {
		return Spreadsheet{}, err
	}
	return overview(got), nil
}

// fail makes an error of our own finding, as if the other side had said it.
func fail(op, id string, kind error, cause error) error {
	return &Error{Op: op, Spreadsheet: id, Kind: kind, Message: messageOf(kind), cause: cause}
}
