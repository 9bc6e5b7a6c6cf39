// Package app makes a program of the parts: it is the only place that chooses implementations. A [Config] says
// what is wanted, [Open] builds it, [App.Close] takes it down in the order that loses nothing.
//
// On one machine everything is embedded: one SQLite file holds store and queue, sheetsim holds the spreadsheets, and the queue
// calls the worker over HTTP on loopback, exactly as Cloud Tasks would. With Config.Serve the spreadsheets are Google's, and store and
// queue may be Firestore and Cloud Tasks, which any number of processes share.
//
// It refuses to share a data folder with another running Rowsmith, and embedded programs listen on nothing but loopback.
package app

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/labstack/echo/v4"

	"rowsmith/cmd/internal/access"
	"rowsmith/cmd/internal/api"
	"rowsmith/cmd/internal/playground"
	"rowsmith/enrichment"
	"rowsmith/enrichment/provider"
	"rowsmith/sheets"
	"rowsmith/sheets/sheetsim"
	"rowsmith/tasks"
	"rowsmith/tasks/queue"
	queuesqlite "rowsmith/tasks/queue/sqlite"
	"rowsmith/tasks/store"
)

// Version is the program's version; releases set it at build time.
var Version = "0.1.0-dev"

// Account is the one account of a program on one machine.
const Account = "dev"

// Parts are what tests put in place of the real ones. The zero value is the real program.
type Parts struct {
	Clock clockwork.Clock
	Log   *slog.Logger
	// Providers are asked after the built-in ones.
	Providers []enrichment.Provider
	// Step is told each step of each job.
	Step func(step, job string)
	// Around wraps the embedded Sheets API.
	Around func(http.Handler) http.Handler
	// Store and Queue wrap what the configuration chose.
	Store func(store.Store) store.Store
	Queue func(queue.Queue) queue.Queue
	// Deliver carries the embedded queue's deliveries to the worker.
	Deliver http.RoundTripper
	// Lease is how long a claim holds; see tasks.Config.
	Lease time.Duration
}

// An App is a running program.
type App struct {
	Tasks *tasks.Service
	Store store.Store
	Queue queue.Queue
	// Sheets reaches the spreadsheets as any client would.
	Sheets *sheets.Client
	// Sim is the embedded spreadsheets themselves, Embedded the embedded queue; nil where the program has none.
	Sim      *sheetsim.Server
	Embedded *queuesqlite.Queue

	url     string
	log     *slog.Logger
	clock   clockwork.Clock
	write   *sql.DB
	read    *sql.DB
	server  *http.Server
	unused  unused
	life    context.Context // of everything that goes on while the program runs
	stop    context.CancelFunc
	workers sync.WaitGroup
	closing []func(context.Context) error // in the order of opening
}

// ErrInUse: another Rowsmith has the data folder.
var ErrInUse = errors.New("data folder in use")

// Open builds the program and starts it: when it returns, everything answers. ctx is for opening only.
func Open(ctx context.Context, c Config, p Parts) (a *App, err error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if p.Clock == nil {
		p.Clock = clockwork.NewRealClock()
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	a = &App{log: p.Log, clock: p.Clock}
	a.life, a.stop = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close(context.Background()))
			a = nil
		}
	}()
	if err := a.openData(c); err != nil {
		return a, err
	}
	if err := a.openStore(ctx, c, p); err != nil {
		return a, err
	}
	return a, a.serve(ctx, c, p)
}

// serve listens, and starts what listens, what delivers and what ticks, in that order.
func (a *App) serve(ctx context.Context, c Config, p Parts) error {
	internal := "int_" + rand.Text()
	b, err := a.openQueue(ctx, c, p, internal)
	if err != nil {
		return err
	}
	a.Queue = b.queue
	if p.Queue != nil {
		a.Queue = p.Queue(a.Queue)
	}
	if !c.Serve {
		a.Sim, err = sheetsim.Open(ctx, sheetsim.Config{Dir: filepath.Join(c.Data, "sheets"), Clock: p.Clock, Log: p.Log})
		if err != nil {
			return fmt.Errorf("embedded spreadsheets: %w", err)
		}
		a.onClose(func(context.Context) error { return a.Sim.Close() })
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.Addr, err)
	}
	a.url = "http://" + reachable(ln.Addr())
	if err := a.assemble(ctx, c, p, b, internal); err != nil {
		return errors.Join(err, ln.Close())
	}
	if err := a.tellAddress(c); err != nil {
		return errors.Join(err, ln.Close())
	}
	a.workers.Go(func() {
		if err := a.server.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			p.Log.Error("server stopped", "err", err)
		}
	})
	a.onClose(a.stopServing)
	if c.Tools {
		return nil
	}
	if c.Serve && c.Role == "api" {
		return nil
	}
	if err := b.start(a.url); err != nil {
		return err
	}
	a.workers.Go(func() { a.tick(a.life) })
	return nil
}

// assemble makes the service and the server of the parts that are open.
func (a *App) assemble(ctx context.Context, c Config, p Parts, b backend, internal string) error {
	var err error
	if a.Sheets, err = a.sheetsClient(ctx, c, p, internal); err != nil {
		return err
	}
	built, err := newEngine(c, p, &cache{a.Store, p.Clock.Now})
	if err != nil {
		return err
	}
	interval := c.WriteInterval
	if !c.Serve {
		interval = writeInterval
	}
	a.Tasks, err = tasks.New(tasks.Config{
		Store: a.Store, Queue: a.Queue, Engine: built.engine, Sources: built.sources, Access: oneClient{a.Sheets},
		Clock: p.Clock, Log: p.Log, Instance: strings.ToLower(rand.Text()), Exclusive: c.sqlite() && c.StoreKind != "firestore", Step: p.Step,
		Interval: interval, Lease: p.Lease,
	})
	if err != nil {
		return err
	}
	handler, err := a.handler(c, p, b.verifier)
	if err != nil {
		return err
	}
	a.server = &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return a.life },
		ErrorLog:    slog.NewLogLogger(p.Log.Handler(), slog.LevelWarn),
		ConnState:   a.unused.note,
	}
	return nil
}

// sheetsClient reaches Google's spreadsheets with the service account, or the embedded ones.
func (a *App) sheetsClient(ctx context.Context, c Config, p Parts, internal string) (*sheets.Client, error) {
	opts := sheets.Options{Endpoint: a.url + "/sheets/", Clock: p.Clock, Log: p.Log}
	switch {
	case c.Tools:
	case c.Serve:
		account, err := NewGoogleAccount(context.WithoutCancel(ctx), c.GoogleCredentials)
		if err != nil {
			return nil, err
		}
		opts.Endpoint, opts.Tokens = c.SheetsEndpoint, account
	case c.Private:
		opts.Tokens = fixedToken(internal)
	}
	return sheets.NewClient(ctx, opts)
}

// stopServing stops deliveries first, so that what is under way can still call in; then the listener. What is not done when most of the time
// is over is told to stop: it hands its leases back.
func (a *App) stopServing(ctx context.Context) error {
	gentle := ctx
	if until, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		gentle, cancel = context.WithTimeout(ctx, time.Until(until)*6/10)
		defer cancel()
	}
	var err error
	if a.Embedded != nil {
		err = a.Embedded.Close(gentle)
	}
	a.unused.close()
	serr := a.server.Shutdown(gentle)
	a.stop()
	if serr != nil {
		serr = a.server.Shutdown(ctx) // what was told to stop ends now
	}
	return errors.Join(err, serr)
}

// reachable is an address to call a listener of this machine at: one on all addresses is called on loopback.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr.String()
}

// writeInterval is the least time between two writes to an embedded sheet. It has no quota; a quarter of a second keeps writes
// large and progress lively.
const writeInterval = 250 * time.Millisecond

// tickEvery is how often state without a task is looked for.
const tickEvery = time.Minute

// tick finds what a crash left, at once and then every minute, until the program stops.
func (a *App) tick(ctx context.Context) {
	for {
		if _, err := a.Tasks.Tick(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("tick", "err", err)
		}
		if r, ok := a.Store.(interface {
			RemoveExpired(context.Context, int) (int, error)
		}); ok {
			if _, err := r.RemoveExpired(ctx, 1000); err != nil && ctx.Err() == nil {
				a.log.Warn("remove expired documents", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-a.clock.After(tickEvery):
		}
	}
}

func (a *App) handler(c Config, p Parts, verifier access.Verifier) (http.Handler, error) {
	key, bindings := c.DevAPIKey, access.Bindings(embeddedBindings{a.Sim})
	switch {
	case c.Tools && c.Serve:
		key, bindings = c.APIKey, listed{}
	case c.Serve:
		key, bindings = c.APIKey, listed{c.Spreadsheets}
		if c.Role == "worker" {
			key = rand.Text() // nobody's: a worker answers the queue alone
		}
	}
	gate, err := access.NewGateFor(Account, key, verifier)
	if err != nil {
		return nil, err
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Use(api.Observe(p.Log, p.Clock.Now))
	if !c.Serve {
		e.Use(onlyLoopback)
	}
	err = api.Mount(e, api.Config{
		Tasks: a.Tasks, Gate: gate, Bindings: bindings, Deliver: queue.Handler(a.Queue, p.Log, a.Tasks.Work),
		Ready: func(ctx context.Context) error { return errors.Join(a.Store.Ping(ctx), a.Queue.Ping(ctx)) },
		Tick:  a.Tasks.Tick, Log: p.Log, Version: Version,
	})
	if err != nil || c.Serve {
		return e, err
	}
	var sim http.Handler = a.Sim
	if p.Around != nil {
		sim = p.Around(sim)
	}
	private := c.Private
	serve := func(h http.Handler) echo.HandlerFunc {
		return func(c echo.Context) error {
			if private {
				if _, err := gate.Caller(c.Request().Context(), access.Internal, api.Secret(c.Request().Header)); err != nil {
					return err
				}
			}
			h.ServeHTTP(c.Response(), c.Request())
			return nil
		}
	}
	e.Any("/sheets/*", serve(http.StripPrefix("/sheets", sim)))
	if !c.Private {
		// Google's own client for Node keeps only the host of the base URL that it is given.
		e.Any("/v4/*", serve(sim))
		page := playground.Handler(c.DevAPIKey)
		get := []string{http.MethodGet, http.MethodHead}
		e.Match(get, "/", echo.WrapHandler(page))
		e.Match(get, "/playground/*", echo.WrapHandler(http.StripPrefix("/playground", page)))
	}
	return e, nil
}

// URL is the program's base address, without a slash at the end.
func (a *App) URL() string { return a.url }

func (a *App) onClose(f func(context.Context) error) { a.closing = append(a.closing, f) }

// Close stops the program: no new work is begun, what is under way may end for most of the time that ctx allows, then
// its leases are handed back. Nothing that was acknowledged is lost either way.
func (a *App) Close(ctx context.Context) error {
	var errs []error
	for i := len(a.closing) - 1; i >= 0; i-- {
		errs = append(errs, a.closing[i](ctx))
		if i == len(a.closing)-1 { // the last thing opened is what serves
			a.stop()
			a.workers.Wait()
		}
	}
	a.closing = nil
	a.stop()
	return errors.Join(errs...)
}

// engineParts is the engine and what it was made from.
type engineParts struct {
	engine  enrichment.Enricher
	sources []enrichment.Info
}

func newEngine(c Config, p Parts, cache enrichment.Cache) (engineParts, error) {
	names := provider.ResolverConfig{Clock: p.Clock, Log: p.Log}
	if c.DNS != "" {
		names.Servers = []string{c.DNS}
	}
	resolver, err := provider.NewResolver(names)
	if err != nil {
		return engineParts{}, fmt.Errorf("name server: %w", err)
	}
	providers := append(provider.Keyless(), provider.NewDNS(resolver), provider.NewVerdict(resolver))
	providers = append(providers, p.Providers...)
	engine, err := enrichment.New(enrichment.Config{Providers: providers, Cache: cache, Clock: p.Clock, Log: p.Log})
	if err != nil {
		return engineParts{}, err
	}
	out := engineParts{engine: engine}
	for _, pr := range providers {
		out.sources = append(out.sources, pr.Info())
	}
	return out, nil
}
