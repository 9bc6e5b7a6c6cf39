package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"rowsmith/cmd/internal/access"
	"rowsmith/tasks"
)

// inner is what must never come out: it stands in every error and panic of the parts below.
const inner = "sqlite: disk I/O error at /var/secret for jane@acme.example"

// broken is every part below the API, failing.
type broken struct{ err error }

func (b broken) Bound(context.Context, string, string) error { return b.err }

func (b broken) Sheets(context.Context, string) ([]access.Sheet, error) { return nil, b.err }

func (b broken) ServeHTTP(http.ResponseWriter, *http.Request) { panic(inner) }

type logBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *logBuffer) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.String()
}

// serve starts an API over c, with more routes where add is given.
func serve(t *testing.T, c Config, add func(*echo.Echo)) (srv *httptest.Server, log *logBuffer) {
	t.Helper()
	gate, err := access.NewGate("acme", "key", "internal")
	if err != nil {
		t.Fatal(err)
	}
	log = new(logBuffer)
	c.Gate, c.Log = gate, slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	e := echo.New()
	e.Use(Observe(c.Log, time.Now))
	if err := Mount(e, c); err != nil {
		t.Fatal(err)
	}
	if add != nil {
		add(e)
	}
	srv = httptest.NewServer(e)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(srv.Close)
	return srv, log
}

func ask(t *testing.T, method, url, key, body string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, b
}

// checkProblem holds an answer to the form of all errors.
func checkProblem(t *testing.T, resp *http.Response, body []byte, st int, code tasks.Code) {
	t.Helper()
	var p Problem
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Errorf("%s: %v: %q", resp.Request.URL.Path, err, body)
		return
	}
	if resp.StatusCode != st || p.Status != st || p.Code != code || p.Title != http.StatusText(st) || p.Type != "about:blank" {
		t.Errorf("%s: status %d, %+v; want %d %s", resp.Request.URL.Path, resp.StatusCode, p, st, code)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("%s: Content-Type %q", resp.Request.URL.Path, ct)
	}
	if id := resp.Header.Get("X-Request-Id"); id == "" || id != p.RequestID {
		t.Errorf("%s: request_id %q, header %q", resp.Request.URL.Path, p.RequestID, id)
	}
	if d := p.Detail; d == "" || strings.Contains(d, "goroutine") || strings.Contains(d, ".go:") || strings.Contains(d, "sqlite") {
		t.Errorf("%s: detail %q", resp.Request.URL.Path, d)
	}
	if after := resp.Header.Get("Retry-After"); (st == 503) != (after != "") {
		t.Errorf("%s: status %d with Retry-After %q", resp.Request.URL.Path, st, after)
	}
	if auth := resp.Header.Get("WWW-Authenticate"); (st == 401) != (auth != "") {
		t.Errorf("%s: status %d with WWW-Authenticate %q", resp.Request.URL.Path, st, auth)
	}
}

// Whatever breaks below, the answer says no more than its code: no cause, no stack.
func TestFailuresSayNothingOfTheInside(t *testing.T) {
	for _, tc := range []struct {
		err  error
		st   int
		code tasks.Code
	}{
		{errors.New(inner), 500, codeInternal},
		{fmt.Errorf("list: %w", context.DeadlineExceeded), 503, tasks.CodeUnavailable},
		{fmt.Errorf("list: %w", &tasks.Error{Code: tasks.CodeUnavailable, Detail: "Wait.", Err: errors.New(inner)}), 503, tasks.CodeUnavailable},
		{fmt.Errorf("bound: %w", access.ErrNotFound), 404, tasks.CodeNotFound},
		{&tasks.Error{Code: "a_code_without_a_status", Detail: "Odd.", Err: errors.New(inner)}, 500, "a_code_without_a_status"},
		{echo.NewHTTPError(http.StatusTeapot, inner), 500, codeInternal},
	} {
		b := broken{tc.err}
		srv, log := serve(t, Config{
			Bindings: b, Deliver: b, Ready: func(context.Context) error { return tc.err }, Tick: func(context.Context) (int, error) { return 0, tc.err },
		}, nil)
		for _, r := range []struct{ method, path, key, body string }{
			{"GET", "/v1/sheets", "key", ""},
			{"POST", "/v1/jobs", "key", `{"spreadsheet_id":"s","want":["email"]}`},
			{"POST", "/internal/tick", "internal", ""},
		} {
			resp, body := ask(t, r.method, srv.URL+r.path, r.key, r.body)
			checkProblem(t, resp, body, tc.st, tc.code)
			if strings.Contains(string(body), "jane@") {
				t.Errorf("%s: %s", r.path, body)
			}
			if tc.st >= 500 && !strings.Contains(log.text(), resp.Header.Get("X-Request-Id")) {
				t.Errorf("%s: the failure is not in the log", r.path)
			}
		}
		resp, body := ask(t, "GET", srv.URL+"/ready", "", "")
		checkProblem(t, resp, body, 503, tasks.CodeUnavailable)
	}
}

// There is no service behind this API: every route that needs one panics.
func TestPanicsAreAnswersWithoutAStack(t *testing.T) {
	srv, log := serve(t, Config{
		Bindings: broken{}, Deliver: broken{}, Ready: func(context.Context) error { panic(inner) }, Tick: func(context.Context) (int, error) { panic(errors.New(inner)) },
	}, nil)
	asked := 0
	for _, r := range routes() {
		switch r.path {
		case "/health", "/openapi.json", "/v1/me", "/v1/sheets":
			continue // need nothing that is missing
		}
		key := map[access.Credential]string{access.APIKey: "key", access.Internal: "internal"}[r.who]
		resp, body := ask(t, r.method, srv.URL+strings.NewReplacer("{id}", "j00000000000000000000", "{kind}", "chunk").Replace(r.path), key, `{"spreadsheet_id":"s","want":["email"]}`)
		checkProblem(t, resp, body, 500, codeInternal)
		if cd := resp.Header.Get("Content-Disposition"); cd != "" {
			t.Errorf("%s: an error as a file: %q", r.path, cd)
		}
		if !strings.Contains(log.text(), resp.Header.Get("X-Request-Id")) {
			t.Errorf("%s: the panic is not in the log", r.path)
		}
		asked++
	}
	if asked < 10 {
		t.Errorf("only %d routes were asked", asked)
	}
	if strings.Contains(log.text(), "jane@") {
		t.Error("the log holds a panic's value")
	}
	if !strings.Contains(log.text(), "nil pointer") || !strings.Contains(log.text(), "failure_test.go") {
		t.Error("the log doesn't say where the panics were")
	}
}

// A file that breaks off must not look whole.
func TestABegunAnswerIsBrokenOff(t *testing.T) {
	for name, end := range map[string]func() error{
		"error": func() error { return errors.New(inner) },
		"panic": func() error { panic(inner) },
	} {
		srv, log := serve(t, Config{}, func(e *echo.Echo) {
			e.GET("/begun", func(c echo.Context) error {
				if _, err := io.WriteString(c.Response(), "row,state\n1,enriched\n"); err != nil {
					return err
				}
				c.Response().Flush()
				return end()
			})
		})
		resp, err := http.Get(srv.URL + "/begun")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil {
			t.Errorf("%s: the answer seems whole: %q", name, b)
		}
		if strings.Contains(string(b), "detail") {
			t.Errorf("%s: a problem within a file: %q", name, b)
		}
		if !strings.Contains(log.text(), resp.Header.Get("X-Request-Id")) {
			t.Errorf("%s: not in the log", name)
		}
	}
}

// Somebody who hangs up is no fault of ours.
func TestAbandonedRequestsAreNoErrors(t *testing.T) {
	began := make(chan struct{})
	srv, log := serve(t, Config{Ready: func(ctx context.Context) error {
		close(began)
		<-ctx.Done()
		return ctx.Err()
	}}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-began
		cancel()
	}()
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Fatal("an answer came")
	}
	srv.Close() // waits for the handler
	if !strings.Contains(log.text(), "request abandoned") || strings.Contains(log.text(), `"level":"ERROR"`) {
		t.Errorf("log: %s", log.text())
	}
}

// A download that fails before its first byte is an error to read, not a file to save.
func TestAFailedDownloadIsNoFile(t *testing.T) {
	srv, _ := serve(t, Config{}, func(e *echo.Echo) {
		e.GET("/file", func(c echo.Context) error {
			c.Response().Header().Set(echo.HeaderContentType, "text/csv; charset=utf-8")
			c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="results.csv"`)
			return errors.New(inner)
		})
	})
	resp, body := ask(t, "GET", srv.URL+"/file", "", "")
	checkProblem(t, resp, body, 500, codeInternal)
	if cd := resp.Header.Get("Content-Disposition"); cd != "" {
		t.Errorf("Content-Disposition %q", cd)
	}
}
