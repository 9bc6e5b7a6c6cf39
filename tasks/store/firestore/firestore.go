// Package firestore is the cloud's store: the contract of package store over Google Firestore in native mode.
//
// It is for many processes on many machines. It uses the service's own client (cloud.google.com/go/firestore/apiv1), not the friendlier
// one above it: that one repeats a commit whose answer was lost, and so counts an increment twice, and hides the times of commits and queries.
//
// # What it refuses
//
// What every store refuses, decided by [store.Schema], and a stored field whose type is not the declared one. It makes no indexes: those are
// declared in deploy/firestore.indexes.json, which [IndexesOf] makes from the kinds.
//
// # How it is stored
//
//	accounts/{account}/{kind}/{id}   a document; queries across accounts are collection-group queries
//	  payload     bytes; left out when empty
//	  expires     timestamp; what the TTL policy looks at
//	  FIELD       a declared field: string, integer, boolean or timestamp
//	  _store      map: schema (the payload's version), rev (a number drawn for each commit), made (the version current when an increment made the document)
//
// Nothing but declared fields is indexed, and of those only what a declared shape needs.
//
// A [store.Rev] is the document's update time in Unix nanoseconds and, behind a dot, its expiry in Unix microseconds if it has one. _store.rev makes
// every write a change: one that changes nothing would leave the update time (see WriteResult.update_time), and a Rev would stay. It also
// tells whether a commit whose answer was lost was applied.
//
// # What it costs
//
// A Get is a read a key, a query a read a document and one to see that there are more, a Count or Sum a read a thousand documents, each
// at least one. A write is a write. An Increment of a kind that expires is a read beside: an expired document must not be
// counted on. [Store.Counts] tells.
package firestore

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	firestore "cloud.google.com/go/firestore/apiv1"
	"github.com/jonboulle/clockwork"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"rowsmith/tasks/store"
)

// DefaultDatabase is the name of the database that a project has when no one named one.
const DefaultDatabase = "(default)"

// A Config names a database.
type Config struct {
	Project  string // project id
	Database string // database id; empty means [DefaultDatabase]

	// Emulator is the host:port of Google's emulator, reached without encryption or credentials. Empty
	// means the environment's FIRESTORE_EMULATOR_HOST, as for every Google client, and the real service without it.
	Emulator string

	// Options are added to those of the client: credentials, dial options.
	Options []option.ClientOption
}

// A Store is the implementation of [store.Store] over Firestore.
type Store struct {
	schema   *store.Schema
	client   *firestore.Client
	database string // projects/P/databases/D
	clock    *clock
	counts   counts
	emulated bool
	again    chan struct{} // held by the one transaction of this process that runs again
	closed   atomic.Bool
}

var _ store.Store = (*Store)(nil)

// Open opens a store over the database that c names. It makes no call: use [Store.Ping] to see whether
// the service answers. Store time is the service's; clk only measures how long ago that was told.
func Open(ctx context.Context, c Config, schema *store.Schema, clk clockwork.Clock) (*Store, error) {
	if c.Project == "" {
		return nil, fmt.Errorf("open firestore: no project: %w", store.ErrInvalid)
	}
	if c.Database == "" {
		c.Database = DefaultDatabase
	}
	if c.Emulator == "" {
		c.Emulator = os.Getenv("FIRESTORE_EMULATOR_HOST")
	}
	var options []option.ClientOption
	if c.Emulator != "" {
		options = append(options, option.WithEndpoint("passthrough:///"+c.Emulator), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
			option.WithGRPCDialOption(grpc.WithPerRPCCredentials(emulatorOwner{})))
	}
	client, err := firestore.NewClient(ctx, append(options, c.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("open firestore %s/%s: %w", c.Project, c.Database, err)
	}
	client.CallOptions = &firestore.CallOptions{} // what may be repeated is decided here, not by the client
	return &Store{
		schema: schema, client: client, database: "projects/" + c.Project + "/databases/" + c.Database,
		clock: &clock{source: clk}, emulated: c.Emulator != "", again: make(chan struct{}, 1),
	}, nil
}

// emulatorOwner makes the emulator skip its security rules.
type emulatorOwner struct{}

// GetRequestMetadata implements the interface of package credentials.
func (emulatorOwner) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer owner"}, nil
}

// RequireTransportSecurity implements the interface of package credentials.
func (emulatorOwner) RequireTransportSecurity() bool { return false }

// Close implements [store.Store].
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.client.Close()
}

// Ping implements [store.Store]. It costs one read.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.ask(ctx, "ping")
	return err
}

// Now implements [store.Store]. It asks the service, at the price of a read, when the last answer was more than some seconds ago.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	if err := s.ready(ctx); err != nil {
		return time.Time{}, fmt.Errorf("now: %w", err)
	}
	if at, ok := s.clock.now(); ok {
		return at, nil
	}
	return s.ask(ctx, "now")
}

// ask reads a document that is never there, for the time at which it wasn't.
func (s *Store) ask(ctx context.Context, op string) (time.Time, error) {
	var at time.Time
	err := s.retry(ctx, op, func(ctx context.Context) error {
		f, err := s.fetch(ctx, []string{s.root() + "/clock/none"}, nil, nil)
		at = f.at
		return err
	})
	return at, err
}

// ready reports why no call can be made now: [store.ErrUnavailable] when the store is closed or ctx ended.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return fmt.Errorf("closed: %w", store.ErrUnavailable)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return nil
}

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, keys ...store.Key) (store.Read, error) {
	if err := s.schema.CheckKeys(keys); err != nil {
		return store.Read{}, fmt.Errorf("get: %w", err)
	}
	if len(keys) == 0 {
		at, err := s.Now(ctx)
		return store.Read{At: at}, err
	}
	var r store.Read
	err := s.retry(ctx, "get", func(ctx context.Context) (err error) {
		r, err = s.get(ctx, keys, nil)
		return err
	})
	if err != nil {
		return store.Read{}, err
	}
	return r, nil
}

// get reads keys' documents at one moment, in the view of tx if there is one.
func (s *Store) get(ctx context.Context, keys []store.Key, tx *view) (store.Read, error) {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = s.name(k)
	}
	f, err := s.fetch(ctx, names, nil, tx)
	if err != nil {
		return store.Read{}, err
	}
	r := store.Read{Docs: make([]store.Doc, len(keys)), At: f.at}
	for i, k := range keys {
		r.Docs[i].Key = k
		found := f.docs[names[i]]
		if found == nil {
			continue
		}
		d, err := s.decode(k, found)
		if err != nil {
			return store.Read{}, err
		}
		if alive(d.Expires, f.at) {
			r.Docs[i] = d
		}
	}
	return r, nil
}

// alive reports whether a document that is there and has that expiry exists as of at.
func alive(expires, at time.Time) bool { return expires.IsZero() || expires.After(at) }

// Query implements [store.Store].
func (s *Store) Query(ctx context.Context, q store.Query) (store.Page, error) {
	plan, err := s.schema.Plan(q)
	if err != nil {
		return store.Page{}, err
	}
	var page store.Page
	err = s.retry(ctx, "query "+q.Kind, func(ctx context.Context) (err error) {
		page, err = s.page(ctx, plan, nil)
		return err
	})
	if err != nil {
		return store.Page{}, err
	}
	return page, nil
}

// Count implements [store.Store]. Expired documents are counted until the service removes them.
func (s *Store) Count(ctx context.Context, q store.Query) (int64, error) {
	plan, err := s.schema.PlanCount(q)
	if err != nil {
		return 0, err
	}
	return s.aggregate(ctx, "count "+q.Kind, plan)
}

// Sum implements [store.Store]. Expired documents are summed until the service removes them.
func (s *Store) Sum(ctx context.Context, q store.Query, field string) (int64, error) {
	plan, err := s.schema.PlanSum(q, field)
	if err != nil {
		return 0, err
	}
	return s.aggregate(ctx, "sum "+q.Kind+"."+field, plan)
}

// Commit implements [store.Store].
func (s *Store) Commit(ctx context.Context, writes ...store.Write) (store.Commit, error) {
	batch := s.schema.NewBatch()
	if err := batch.Add(writes...); err != nil {
		return store.Commit{}, fmt.Errorf("commit: %w", err)
	}
	if len(writes) == 0 {
		at, err := s.Now(ctx)
		return store.Commit{At: at}, err
	}
	c, err := s.commit(ctx, batch.Writes())
	if err != nil {
		return store.Commit{}, fmt.Errorf("commit: %w", err)
	}
	return c, nil
}
