package apptest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"rowsmith/cmd/internal/app"
	"rowsmith/sheets"
	"rowsmith/tasks"
	"rowsmith/tasks/queue/cloudtasks/cloudtaskssim"
)

// A World is one sheet, and the program that works on it in a process of its own: with embedded parts, or with Firestore's emulator, the
// double of Cloud Tasks and sheets behind a token server. A test that uses nothing else runs on both unchanged.
type World struct {
	*Process
	Vendor *Vendor
	Sheets *sheets.Client // the test's own, which no fault reaches
	ID     string         // of the spreadsheet
	Tab    int64
	JobID  string

	t       testing.TB
	cloud   *Cloud // nil: embedded
	balance *Balancer
	data    string
	dns     string
	lease   time.Duration
	api     string // of the test's own way to the sheets
	request map[string]any
}

// Worlds are the names of the kinds of world.
var Worlds = []string{"embedded", "cloud"}

// NewWorld makes a world of a kind whose sheet holds rows, and starts its program. lease 0 is the program's own. It skips the test where
// the kind can't be had.
func NewWorld(t testing.TB, kind, dns string, lease time.Duration, dieAt Order, rows [][]any) *World {
	t.Helper()
	w := &World{t: t, dns: dns, lease: lease, Vendor: StartVendor(t)}
	var mine http.Handler
	if kind == "cloud" {
		w.cloud = StartCloud(t, dns)
		w.balance = w.cloud.Balance(t)
		mine = w.cloud.maker()
	} else {
		w.data = filepath.Join(t.TempDir(), "data")
		mine = http.HandlerFunc(w.embeddedSheets)
	}
	own := httptest.NewServer(mine)
	t.Cleanup(own.Close)
	w.api = own.URL + "/"
	var err error
	if w.Sheets, err = sheets.NewClient(t.Context(), sheets.Options{Endpoint: w.api}); err != nil {
		t.Fatal(err)
	}
	if w.cloud == nil {
		w.Start(Order{}) // the sheet is in the program
	}
	p := &Program{App: &app.App{Sheets: w.Sheets}, t: t}
	w.ID, w.Tab = p.Sheet(rows)
	if w.cloud == nil && dieAt != (Order{}) {
		w.DieAt(dieAt)
	}
	if w.cloud != nil {
		w.cloud.Config.Spreadsheets = []string{w.ID}
		w.Start(dieAt)
	}
	return w
}

// embeddedSheets is the test's own way to the sheets of the process that runs at the moment.
func (w *World) embeddedSheets(rw http.ResponseWriter, r *http.Request) {
	at, err := url.Parse(w.URL + "/sheets")
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadGateway)
		return
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(at)
		p.Out.Header.Set(makerHeader, "1")
	}}
	proxy.ServeHTTP(rw, r)
}

// Start starts the program again, after it died or was stopped. Where it died before it said which job was made, the call is made again.
func (w *World) Start(dieAt Order) {
	w.t.Helper()
	c := app.Config{Addr: "127.0.0.1:0", Data: w.data, DNS: w.dns, DevAPIKey: Key, Workers: 2}
	if w.cloud != nil {
		c = w.cloud.Config
		c.Addr, c.Workers = "127.0.0.1:0", 2
	}
	w.Process = StartProcess(w.t, c, w.lease, w.Vendor.URL, dieAt)
	if w.cloud != nil {
		w.balance.Set(w.URL)
		w.cloud.ensure(w.t)
	}
	if w.request != nil && w.JobID == "" {
		w.Create(w.request)
	}
}

// Create makes the job. It may be that the program dies before it answers: then Start asks again.
func (w *World) Create(request map[string]any) {
	w.t.Helper()
	w.request, w.JobID = request, ""
	request["spreadsheet_id"] = w.ID
	st, b, err := w.Try(w.t.Context(), http.MethodPost, "/v1/jobs", request, "Idempotency-Key", fmt.Sprint(w.ID, request))
	if err != nil {
		select {
		case <-w.Died():
			return
		case <-time.After(10 * time.Second):
			w.t.Fatal(err)
		}
	}
	var j tasks.Job
	if err := json.Unmarshal(b, &j); err != nil || st != http.StatusCreated {
		w.t.Fatalf("create job: status %d: %s", st, b)
	}
	w.JobID = j.ID
}

// Change makes changes to the spreadsheet as a person would: requests of spreadsheets.batchUpdate.
func (w *World) Change(requests ...map[string]any) {
	w.t.Helper()
	b, err := json.Marshal(map[string]any{"requests": requests})
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.api+"v4/spreadsheets/"+w.ID+":batchUpdate", bytes.NewReader(b))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var text bytes.Buffer
		_, _ = text.ReadFrom(resp.Body) // for the message only
		w.t.Fatalf("change: %d %s", resp.StatusCode, &text)
	}
}

// Rows reads the tab.
func (w *World) Rows() [][]any {
	w.t.Helper()
	p := &Program{App: &app.App{Sheets: w.Sheets}, t: w.t}
	return p.Rows(w.ID, w.Tab)
}

// FailStore has the next n commits fail, every other one after it took effect; -1: all calls of the store; 0: none any more.
func (w *World) FailStore(n int64) { w.pull("POST", "/store", "n", number(n)) }

// FailQueue has the next n tasks not be enqueued; -1: all; 0: none any more.
func (w *World) FailQueue(n int64) {
	if w.cloud == nil {
		w.pull("POST", "/queue", "n", number(n))
		return
	}
	var f faults
	f.set(n)
	w.cloud.Tasks.Fail(func(c cloudtaskssim.Call) cloudtaskssim.Fault {
		if c.Method != "CreateTask" {
			return cloudtaskssim.Fault{}
		}
		if fails, after := f.next(); fails {
			return cloudtaskssim.Fault{Code: codes.FailedPrecondition, After: after}
		}
		return cloudtaskssim.Fault{}
	})
}

// Repeat has each delivery go out n times at once.
func (w *World) Repeat(n int) {
	if w.cloud == nil {
		w.pull("POST", "/repeat", "n", number(int64(n)))
		return
	}
	w.cloud.Tasks.Double(func(cloudtaskssim.Event) int { return n - 1 })
}

// Share says whether the program may use the sheet.
func (w *World) Share(with bool) {
	switch {
	case w.cloud == nil && with:
		w.pull("POST", "/sheets", "n", "0")
	case w.cloud == nil:
		w.pull("POST", "/sheets", "n", "403")
	case with:
		w.cloud.Share(w.ID)
	default:
		w.cloud.Share()
	}
}

// Tokens says whether the program's tokens are any good. Embedded sheets have none: they answer 401.
func (w *World) Tokens(good bool) {
	switch {
	case w.cloud == nil && good:
		w.pull("POST", "/sheets", "n", "0")
	case w.cloud == nil:
		w.pull("POST", "/sheets", "n", "401")
	case good:
		w.cloud.Refuse(0)
	default:
		w.cloud.Refuse(http.StatusBadRequest)
		w.cloud.Expire()
	}
}

// Expire makes the token that the program has worthless; it can get another. Nothing is to be seen of it.
func (w *World) Expire() {
	if w.cloud != nil {
		w.cloud.Expire()
	}
}

// A Balancer is one address in front of several processes: requests go to them in turn.
type Balancer struct {
	URL string

	next atomic.Uint64
	mu   sync.Mutex
	to   []*url.URL
}

// Balance puts a balancer where the queue delivers to.
func (c *Cloud) Balance(t testing.TB) *Balancer {
	b := new(Balancer)
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	proxy := &httputil.ReverseProxy{
		Transport:    transport,
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(r.In.Context().Value(b).(*url.URL)) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		to := b.to
		b.mu.Unlock()
		if len(to) == 0 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		at := to[b.next.Add(1)%uint64(len(to))]
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), b, at)))
	}))
	t.Cleanup(func() { s.Close(); transport.CloseIdleConnections() })
	b.URL = s.URL
	c.Config.WorkerURL = b.URL
	return b
}

// Set says which processes requests go to, by base URL.
func (b *Balancer) Set(urls ...string) {
	var to []*url.URL
	for _, s := range urls {
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			to = append(to, u)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to = to
}
