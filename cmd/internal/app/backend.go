package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/jonboulle/clockwork"

	"rowsmith/cmd/internal/access"
	"rowsmith/tasks"
	"rowsmith/tasks/queue"
	"rowsmith/tasks/queue/cloudtasks"
	queuesqlite "rowsmith/tasks/queue/sqlite"
	"rowsmith/tasks/store"
	"rowsmith/tasks/store/firestore"
	storesqlite "rowsmith/tasks/store/sqlite"
)

// openData takes the data folder for this process and opens the file in it.
func (a *App) openData(c Config) error {
	if !c.sqlite() {
		return nil
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	lock := flock.New(filepath.Join(c.Data, "lock"))
	got, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if !got {
		return fmt.Errorf("%w: another Rowsmith is using %s; wait for it, or choose another folder with --data", ErrInUse, c.Data)
	}
	a.onClose(func(context.Context) error { return lock.Unlock() })
	if a.write, a.read, err = storesqlite.Open(c.database()); err != nil {
		return err
	}
	a.onClose(func(context.Context) error { return errors.Join(a.write.Close(), a.read.Close()) })
	return nil
}

// openStore opens the store that the configuration names.
func (a *App) openStore(ctx context.Context, c Config, p Parts) error {
	schema, err := store.NewSchema(Kinds()...)
	if err != nil {
		return err
	}
	if c.Serve && c.StoreKind == "firestore" {
		a.Store, err = firestore.Open(ctx, firestore.Config{Project: c.Project, Database: c.Database}, schema, p.Clock)
	} else {
		a.Store, err = storesqlite.New(ctx, a.write, a.read, schema, p.Clock)
	}
	if err != nil {
		return err
	}
	a.onClose(func(context.Context) error { return a.Store.Close() })
	if p.Store != nil {
		a.Store = p.Store(a.Store)
	}
	return nil
}

// OpenStore opens the store alone, beside a program that may be running. Only documents of their own kind may be written through it.
func OpenStore(ctx context.Context, c Config, p Parts) (store.Store, func() error, error) {
	if p.Clock == nil {
		p.Clock = clockwork.NewRealClock()
	}
	a := &App{}
	if !c.Serve || c.StoreKind == "sqlite" {
		if _, err := os.Stat(c.database()); err != nil {
			return nil, nil, fmt.Errorf("there is no Rowsmith in %s", c.Data)
		}
		var err error
		if a.write, a.read, err = storesqlite.Open(c.database()); err != nil {
			return nil, nil, err
		}
		a.onClose(func(context.Context) error { return errors.Join(a.read.Close(), a.write.Close()) })
	}
	closing := func() error {
		var errs []error
		for i := len(a.closing) - 1; i >= 0; i-- {
			errs = append(errs, a.closing[i](context.Background()))
		}
		return errors.Join(errs...)
	}
	if err := a.openStore(ctx, c, p); err != nil {
		return nil, nil, errors.Join(err, closing())
	}
	return a.Store, closing, nil
}

// A backend is a queue with what goes with it: how its deliveries prove themselves, and how they begin once the program listens.
type backend struct {
	queue    queue.Queue
	verifier access.Verifier
	start    func(target string) error
}

// openQueue opens the queue that the configuration names. secret is what an embedded queue's deliveries carry.
func (a *App) openQueue(ctx context.Context, c Config, p Parts, secret string) (backend, error) {
	settings := tasks.Queues(c.workers())
	if c.Serve && c.QueueKind == "cloudtasks" {
		audience := c.Audience
		if audience == "" {
			audience = c.WorkerURL
		}
		q, err := cloudtasks.Open(ctx, c.TasksEndpoint, cloudtasks.Config{
			Project: c.Project, Location: c.Location, Prefix: c.TasksPrefix, Target: c.WorkerURL, Audience: audience,
			ServiceAccount: c.ServiceAccount, Queues: settings, Clock: p.Clock, Log: p.Log,
		})
		if err != nil {
			return backend{}, err
		}
		a.onClose(q.Close)
		v, err := access.NewOIDC(access.OIDCConfig{Issuer: c.Issuer, Audience: audience, ServiceAccount: c.ServiceAccount, Clock: p.Clock, Log: p.Log})
		if err != nil {
			return backend{}, err
		}
		return backend{queue: q, verifier: v, start: func(string) error { return nil }}, nil
	}
	q, err := queuesqlite.New(ctx, a.write, a.read, queuesqlite.Config{
		Queues: settings, Clock: p.Clock, Log: p.Log,
		Authorize: func(r *http.Request) error { r.Header.Set("Authorization", "Bearer "+secret); return nil },
	})
	if err != nil {
		return backend{}, fmt.Errorf("embedded queue: %w", err)
	}
	a.Embedded = q
	if p.Deliver == nil {
		p.Deliver = &http.Transport{MaxIdleConnsPerHost: 64}
	}
	return backend{
		queue: q, verifier: access.NewSecret(secret),
		start: func(target string) error {
			return q.Start(target, &http.Client{Transport: p.Deliver})
		},
	}, nil
}
