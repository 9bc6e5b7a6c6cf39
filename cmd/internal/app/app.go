// Package app makes a program of the parts: it is the only place that chooses implementations. A [Config] says
// what is wanted, [Open] builds it, [App.Close] takes it down in the order that loses nothing.
//
// On one machine everything is embedded: one SQLite file holds store and queue, sheetsim holds the spreadsheets, and the queue
// calls the worker over HTTP on loopback, exactly as Cloud Tasks would.
//
// It refuses to share a data folder with another running Rowsmith, and to listen on anything but loopback.
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
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
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
	storesqlite "rowsmith/tasks/store/sqlite"
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
}

// An App is a running program.
type App struct {
	Tasks  *tasks.Service
	Sheets *sheets.Client   // reaches the embedded spreadsheets as any client would
	Sim    *sheetsim.Server // the embedded spreadsheets themselves
	Store  store.Store
	Queue  *queuesqlite.Queue

	url     string
	log     *slog.Logger
	clock   clockwork.Clock
	lock    *flock.Flock
	write   *sql.DB
	read    *sql.DB
	server  *http.Server
	unused  unused
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

// openData takes the data folder for this process.
func (a *App) openData(c Config) error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	a.lock = flock.New(filepath.Join(c.Data, "lock"))
	got, err := a.lock.TryLock()
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if !got {
		a.lock = nil
		return fmt.Errorf("%w: another Rowsmith is using %s; wait for it, or choose another folder with --data", ErrInUse, c.Data)
	}
	a.onClose(func(context.Context) error { return a.lock.Unlock() })
	return nil
}

func (a *App) openStore(ctx context.Context, c Config, p Parts) error {
	var err error
	if a.write, a.read, err = storesqlite.Open(c.database()); err != nil {
		return err
	}
	a.onClose(func(context.Context) error { return errors.Join(a.write.Close(), a.read.Close()) })
	schema, err := store.NewSchema(Kinds()...)
	if err != nil {
		return err
	}
	st, err := storesqlite.New(ctx, a.write, a.read, schema, p.Clock)
	if err != nil {
		return err
	}
	a.Store = st
	a.onClose(func(context.Context) error { return st.Close() })
	return nil
}

// serve listens, and starts what listens, what delivers and what ticks, in that order.
func (a *App) serve(ctx context.Context, c Config, p Parts) error {
	life, stop := context.WithCancel(context.Background())
	a.stop = stop
	internal := "int_" + rand.Text()
	sim, err := sheetsim.Open(ctx, sheetsim.Config{Dir: filepath.Join(c.Data, "sheets"), Clock: p.Clock, Log: p.Log})
	if err != nil {
		return fmt.Errorf("embedded spreadsheets: %w", err)
	}
	a.Sim = sim
	a.onClose(func(context.Context) error { return sim.Close() })

	q, err := queuesqlite.New(ctx, a.write, a.read, queuesqlite.Config{
		Queues: tasks.Queues(c.workers()), Clock: p.Clock, Log: p.Log,
		Authorize: func(r *http.Request) error { r.Header.Set("Authorization", "Bearer "+internal); return nil },
	})
	if err != nil {
		return fmt.Errorf("embedded queue: %w", err)
	}
	a.Queue = q

	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.Addr, err)
	}
	a.url = "http://" + ln.Addr().String()
	opts := sheets.Options{Endpoint: a.url + "/sheets/", Clock: p.Clock, Log: p.Log}
	if c.Private {
		opts.Tokens = fixedToken(internal)
	}
	if a.Sheets, err = sheets.NewClient(ctx, opts); err != nil {
		return errors.Join(err, ln.Close())
	}
	built, err := newEngine(c, p, &cache{a.Store, p.Clock.Now})
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	a.Tasks, err = tasks.New(tasks.Config{
		Store: a.Store, Queue: q, Engine: built.engine, Sources: built.sources, Access: embedded{a.Sheets},
		Clock: p.Clock, Log: p.Log, Instance: rand.Text(), Exclusive: true, Step: p.Step,
		Interval: writeInterval,
	})
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	handler, err := a.handler(c, p, internal)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	a.server = &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return life },
		ErrorLog:    slog.NewLogLogger(p.Log.Handler(), slog.LevelWarn),
		ConnState:   a.unused.note,
	}
	a.workers.Go(func() {
		if err := a.server.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			p.Log.Error("server stopped", "err", err)
		}
	})
	// Closing: no new deliveries first, so that what is under way can still call in; then the listener.
	a.onClose(func(ctx context.Context) error {
		err := q.Close(ctx)
		stop()
		a.unused.close()
		return errors.Join(err, a.server.Shutdown(ctx))
	})
	if err := q.Start(a.url, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}); err != nil {
		return err
	}
	a.workers.Go(func() { a.tick(life) })
	return nil
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

func (a *App) handler(c Config, p Parts, internal string) (http.Handler, error) {
	gate, err := access.NewGate(Account, c.DevAPIKey, internal)
	if err != nil {
		return nil, err
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Use(api.Observe(p.Log, p.Clock.Now), onlyLoopback)
	err = api.Mount(e, api.Config{
		Tasks: a.Tasks, Gate: gate, Bindings: embeddedBindings{a.Sim}, Deliver: queue.Handler(a.Queue, p.Log, a.Tasks.Work),
		Ready: func(ctx context.Context) error { return errors.Join(a.Store.Ping(ctx), a.Queue.Ping(ctx)) },
		Tick:  a.Tasks.Tick, Log: p.Log, Version: Version,
	})
	if err != nil {
		return nil, err
	}
	var sim http.Handler = a.Sim
	if p.Around != nil {
		sim = p.Around(sim)
	}
	sim = http.StripPrefix("/sheets", sim)
	private := c.Private
	e.Any("/sheets/*", func(c echo.Context) error {
		if private {
			if _, err := gate.Caller(c.Request().Context(), access.Internal, api.Secret(c.Request().Header)); err != nil {
				return err
			}
		}
		sim.ServeHTTP(c.Response(), c.Request())
		return nil
	})
	if !c.Private {
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

// Close stops the program: no new work is begun, what is under way may end as long as ctx allows, then
// its leases are handed back. Nothing that was acknowledged is lost either way.
func (a *App) Close(ctx context.Context) error {
	var errs []error
	for i := len(a.closing) - 1; i >= 0; i-- {
		errs = append(errs, a.closing[i](ctx))
		if a.stop != nil && i == len(a.closing)-1 {
			a.stop()
			a.workers.Wait()
		}
	}
	a.closing = nil
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
