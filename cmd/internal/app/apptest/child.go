package apptest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rowsmith/cmd/internal/app"
	"rowsmith/enrichment"
	"rowsmith/tasks/queue"
	"rowsmith/tasks/store"
	"rowsmith/tasks/store/firestore/emulator"
)

// A childSpec is what a child is started with.
type childSpec struct {
	Config app.Config
	Lease  time.Duration
	Vendor string // URL of a Vendor
	DieAt  Order
}

// An Order is a moment: the N-th time, from 1, that a step is reached; with an empty Step the N-th step of all.
type Order struct {
	Step string
	N    int64
}

const childVariable = "ROWSMITH_TEST_CHILD"

// Main is the TestMain of packages that start children: it is emulator.Main, and the program itself where the test binary is run as a child.
func Main(m *testing.M) int {
	v := os.Getenv(childVariable)
	if v == "" {
		return emulator.Main(m)
	}
	if err := beChild(v); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	return 0
}

// A child is the program under test in a process of its own, with levers: see [child.levers].
type child struct {
	*app.App
	around  atomic.Int64 // status that the embedded Sheets API answers with; 0: its own
	stores  faults
	queues  faults
	repeats atomic.Int64 // how often each of the embedded queue's deliveries goes out

	mu      sync.Mutex
	steps   map[string]int64
	dieAt   Order
	holdAt  Order
	moved   chan struct{} // closed at the next step
	held    chan struct{} // closed when holdAt is reached
	release chan struct{}
}

// beChild runs until its standard input ends, which it does when the parent is gone.
func beChild(v string) error {
	var spec childSpec
	if err := json.Unmarshal([]byte(v), &spec); err != nil {
		return err
	}
	c := &child{steps: map[string]int64{}, moved: make(chan struct{}), dieAt: spec.DieAt}
	c.repeats.Store(1)
	parts := app.Parts{
		Log:  slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})),
		Step: func(step, _ string) { c.step(step) }, Lease: spec.Lease, Deliver: repeater{&c.repeats, new(http.Transport)},
		Store:  func(s store.Store) store.Store { return faultyStore{s, &c.stores} },
		Queue:  func(q queue.Queue) queue.Queue { return faultyQueue{q, &c.queues} },
		Around: c.aroundSheets,
	}
	if spec.Vendor != "" {
		parts.Providers = []enrichment.Provider{&vendorClient{url: spec.Vendor, step: c.step}}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if c.App, err = app.Open(context.Background(), spec.Config, parts); err != nil {
		return err
	}
	go http.Serve(ln, c.levers())
	err = json.NewEncoder(os.Stdout).Encode(childAddrs{URL: c.URL(), Levers: "http://" + ln.Addr().String()})
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return c.Close(ctx)
}

// childAddrs is the line that a child prints when it is ready.
type childAddrs struct{ URL, Levers string }

// step counts a step, and dies or waits at it where that was ordered.
func (c *child) step(step string) {
	c.mu.Lock()
	c.steps[step]++
	c.steps[""]++
	close(c.moved)
	c.moved = make(chan struct{})
	at := func(o Order) bool { return o.N > 0 && c.steps[o.Step] == o.N && (o.Step == "" || o.Step == step) }
	if at(c.dieAt) {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	var wait chan struct{}
	if at(c.holdAt) {
		c.holdAt, wait = Order{}, c.release
		close(c.held)
	}
	c.mu.Unlock()
	if wait != nil {
		<-wait
	}
}

func (c *child) aroundSheets(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if st := c.around.Load(); st != 0 && r.Header.Get(makerHeader) == "" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(int(st))
			fmt.Fprintf(w, `{"error":{"code":%d,"message":"fault","status":"PERMISSION_DENIED"}}`, st)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// makerHeader marks calls of the test's own to an embedded Sheets API.
const makerHeader = "X-Rowsmith-Test"

// levers are what a test pulls in a child.
func (c *child) levers() http.Handler {
	mux := http.NewServeMux()
	number := func(pattern string, do func(int64)) {
		mux.HandleFunc("POST "+pattern, func(w http.ResponseWriter, r *http.Request) {
			n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			do(n)
		})
	}
	number("/sheets", func(n int64) { c.around.Store(n) })
	number("/store", c.stores.set)
	number("/queue", c.queues.set)
	number("/repeat", c.repeats.Store)
	order := func(r *http.Request) Order {
		n, _ := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64) // 0 is never
		o := Order{Step: r.URL.Query().Get("step"), N: n}
		o.N += c.steps[o.Step] // the n-th from now on
		return o
	}
	mux.HandleFunc("POST /die", func(_ http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.dieAt = order(r)
	})
	mux.HandleFunc("POST /hold", func(_ http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.holdAt, c.held, c.release = order(r), make(chan struct{}), make(chan struct{})
	})
	mux.HandleFunc("GET /held", func(_ http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		held := c.held
		c.mu.Unlock()
		select {
		case <-held:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /release", func(http.ResponseWriter, *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		close(c.release)
	})
	mux.HandleFunc("POST /tick", func(w http.ResponseWriter, r *http.Request) {
		if _, err := c.Tasks.Tick(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /steps", func(w http.ResponseWriter, _ *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = json.NewEncoder(w).Encode(c.steps) // a test that went away needs no answer
	})
	mux.HandleFunc("GET /reached", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for {
			c.mu.Lock()
			there, moved := c.steps[r.URL.Query().Get("step")] >= n, c.moved
			c.mu.Unlock()
			if there {
				return
			}
			select {
			case <-moved:
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("GET /documents", func(w http.ResponseWriter, r *http.Request) {
		docs, err := Documents(r.Context(), c.Store, r.URL.Query().Get("kind"), r.URL.Query().Get("job"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(docs)
	})
	return mux
}

// Documents reads the payloads of a job's documents of one kind, "chunks" or "entries".
func Documents(ctx context.Context, s store.Store, kind, job string) ([]json.RawMessage, error) {
	q := store.Query{Kind: kind, Account: app.Account, Limit: 100, Where: []store.Where{{Field: "job", Cmp: store.Eq, Value: job}}}
	out := []json.RawMessage{}
	for {
		p, err := s.Query(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, d := range p.Docs {
			b := d.Payload
			if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
				z, err := gzip.NewReader(bytes.NewReader(b))
				if err != nil {
					return nil, err
				}
				if b, err = io.ReadAll(z); err != nil {
					return nil, err
				}
			}
			out = append(out, b)
		}
		if q.After = p.Next; q.After == "" {
			return out, nil
		}
	}
}

// faults makes the next calls fail: n of them, or all while n is negative.
type faults struct{ n atomic.Int64 }

func (f *faults) set(n int64) { f.n.Store(n) }

// next reports whether this call fails, and whether it has its effect first: every other one does.
func (f *faults) next() (fails, after bool) {
	for {
		n := f.n.Load()
		if n == 0 {
			return false, false
		}
		if n < 0 {
			return true, false
		}
		if f.n.CompareAndSwap(n, n-1) {
			return true, n%2 == 0
		}
	}
}

var errFault = errors.New("fault ordered by the test")

type faultyStore struct {
	store.Store
	f *faults
}

func (s faultyStore) Get(ctx context.Context, keys ...store.Key) (store.Read, error) {
	if s.f.n.Load() < 0 {
		return store.Read{}, fmt.Errorf("%w: %w", store.ErrUnavailable, errFault)
	}
	return s.Store.Get(ctx, keys...)
}

func (s faultyStore) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if s.f.n.Load() < 0 {
		return store.Page{}, fmt.Errorf("%w: %w", store.ErrUnavailable, errFault)
	}
	return s.Store.Query(ctx, q)
}

func (s faultyStore) Commit(ctx context.Context, writes ...store.Write) (store.Commit, error) {
	fails, after := s.f.next()
	if !fails {
		return s.Store.Commit(ctx, writes...)
	}
	if after {
		if c, err := s.Store.Commit(ctx, writes...); err != nil {
			return c, err
		}
	}
	return store.Commit{}, fmt.Errorf("%w: %w", store.ErrUnavailable, errFault)
}

type faultyQueue struct {
	queue.Queue
	f *faults
}

func (q faultyQueue) Enqueue(ctx context.Context, t queue.Task) (bool, error) {
	fails, after := q.f.next()
	if !fails {
		return q.Queue.Enqueue(ctx, t)
	}
	if after {
		if added, err := q.Queue.Enqueue(ctx, t); err != nil {
			return added, err
		}
	}
	return false, fmt.Errorf("%w: %w", queue.ErrUnavailable, errFault)
}

// A repeater delivers each of the embedded queue's requests several times at once, as "at least once" allows. The first one's answer counts.
type repeater struct {
	times *atomic.Int64
	base  http.RoundTripper
}

func (r repeater) RoundTrip(req *http.Request) (*http.Response, error) {
	times := r.times.Load()
	if times <= 1 || req.Body == nil {
		return r.base.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body.Close()
	for range times - 1 {
		go func() {
			again := req.Clone(context.WithoutCancel(req.Context()))
			again.Body = io.NopCloser(bytes.NewReader(body))
			if resp, err := r.base.RoundTrip(again); err == nil {
				resp.Body.Close()
			}
		}()
	}
	first := req.Clone(req.Context())
	first.Body = io.NopCloser(bytes.NewReader(body))
	return r.base.RoundTrip(first)
}
