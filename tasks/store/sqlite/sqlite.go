// Package sqlite is the embedded store: the contract of package store over
// one SQLite file, for one machine.
//
// It is for a program that has the file to itself; a second process (a
// command beside a running server) may share it, and waits its turn. It stands in
// for Firestore, so it refuses what Firestore refuses and re-runs transactions as Firestore
// does: optimistically, each closure on a snapshot that is checked again when its writes are applied.
//
// # What it refuses
//
// A file that a newer program wrote ([ErrNewer]), a field whose type changed, and
// in-memory databases: two pools over one could not see each other.
//
// # How it is stored
//
//	store_meta      key → value: "format" (of this layout), "seq" (the last commit's number)
//	store_kinds     kind → schema version and field types last opened with
//	docs_KIND       account, id, rev, schema, expires, payload, and a column f_FIELD for each field
//	docs_KIND_HASH  an index for each declared shape, and one for expiry
//
// Times are Unix microseconds, booleans 0 and 1. A Rev is the number of the commit that wrote the document, so it never comes
// back, not even after a delete. Names are the store's own, so that
// the queue's tables can lie in the same file.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/tasks/store"
)

// ErrNewer: the file was written by a newer version of this program, which
// may keep things in it that this one would lose.
var ErrNewer = errors.New("written by a newer version of this program")

// A Store is the embedded implementation of [store.Store].
type Store struct {
	schema *store.Schema
	tables map[string]*table
	write  *sql.DB
	read   *sql.DB
	reads  *statements
	writer *writer
	clock  *clock
	closed atomic.Bool

	// views bounds the transactions whose snapshot is open, so that they never hold every read connection.
	views chan struct{}
	// again is held by a transaction that has met a conflict, so that those that
	// lost a race do not race each other as well.
	again chan struct{}
}

var _ store.Store = (*Store)(nil)

// New opens the store in a database given as two pools, as [Open] makes them: write with one
// connection whose transactions begin immediately, read with a few. It
// makes its tables or brings them up to date with the schema. The pools stay the caller's: they may be shared with
// other tables' owners, and are closed after the store. Store time is clock's.
func New(ctx context.Context, write, read *sql.DB, schema *store.Schema, clk clockwork.Clock) (*Store, error) {
	s := &Store{schema: schema, tables: map[string]*table{}, write: write, read: read, clock: &clock{source: clk}}
	for _, k := range schema.Kinds() {
		s.tables[k.Name] = newTable(k)
	}
	if err := migrate(ctx, write, s.tables); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s.reads = &statements{db: read}
	w, err := newWriter(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", unavailable(err))
	}
	s.writer = w
	views := 64
	if most := read.Stats().MaxOpenConnections; most > 0 {
		views = max(1, most-1)
	}
	s.views, s.again = make(chan struct{}, views), make(chan struct{}, 1)
	return s, nil
}

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, keys ...store.Key) (store.Read, error) {
	if err := s.schema.CheckKeys(keys); err != nil {
		return store.Read{}, fmt.Errorf("get: %w", err)
	}
	var r store.Read
	err := s.retry(ctx, "get", func() error {
		at := s.clock.now()
		if oneKind(keys) { // one statement, so one moment
			docs, err := s.get(ctx, s.pool(), keys, at)
			r = store.Read{Docs: docs, At: at}
			return err
		}
		return s.snapshot(ctx, func(q session) error {
			docs, err := s.get(ctx, q, keys, at)
			r = store.Read{Docs: docs, At: at}
			return err
		})
	})
	if err != nil {
		return store.Read{}, err
	}
	return r, nil
}

// Query implements [store.Store].
func (s *Store) Query(ctx context.Context, q store.Query) (store.Page, error) {
	plan, err := s.schema.Plan(q)
	if err != nil {
		return store.Page{}, err
	}
	var page store.Page
	err = s.retry(ctx, "query "+q.Kind, func() (err error) {
		page, err = s.page(ctx, s.pool(), plan, s.clock.now())
		return err
	})
	if err != nil {
		return store.Page{}, err
	}
	return page, nil
}

// Count implements [store.Store]. Expired documents are not counted.
func (s *Store) Count(ctx context.Context, q store.Query) (int64, error) {
	plan, err := s.schema.PlanCount(q)
	if err != nil {
		return 0, err
	}
	return s.aggregate(ctx, "count "+q.Kind, plan)
}

// Sum implements [store.Store]. Expired documents are not summed.
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
	if err := s.ready(ctx); err != nil {
		return store.Commit{}, fmt.Errorf("commit: %w", err)
	}
	if len(writes) == 0 {
		return store.Commit{At: s.clock.now()}, nil
	}
	c, err := s.writer.do(ctx, &request{writes: batch.Writes()})
	if err != nil {
		return store.Commit{}, fmt.Errorf("commit: %w", err)
	}
	return c, nil
}

// Now implements [store.Store].
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	if err := s.ready(ctx); err != nil {
		return time.Time{}, fmt.Errorf("now: %w", err)
	}
	return s.clock.now(), nil
}

// Ping implements [store.Store].
func (s *Store) Ping(ctx context.Context) error {
	return s.retry(ctx, "ping", func() error {
		var n int64
		return s.pool().row(ctx, `SELECT value FROM store_meta WHERE key = 'seq'`, nil, &n)
	})
}

// Close implements [store.Store]. The pools stay open.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return errors.Join(s.reads.close(), s.writer.close())
}

// RemoveExpired deletes the bytes of up to limit documents that have expired,
// and returns how many; fewer than limit means that none are left for now. Nothing that a
// reader could see changes. Call it now and then.
func (s *Store) RemoveExpired(ctx context.Context, limit int) (int, error) {
	removed := 0
	err := s.retry(ctx, "remove expired", func() error {
		at := s.clock.now().UnixMicro()
		for _, k := range s.schema.Kinds() {
			if !k.Expires || removed >= limit {
				continue
			}
			t := s.tables[k.Name]
			r, err := s.write.ExecContext(ctx, `DELETE FROM `+t.name+` WHERE rowid IN (SELECT rowid FROM `+t.name+
				` WHERE expires <= ? LIMIT ?)`, at, limit-removed)
			if err != nil {
				return err
			}
			n, err := r.RowsAffected()
			if err != nil {
				return err
			}
			removed += int(n)
		}
		return nil
	})
	return removed, err
}

// ready reports why no call can be made now: [store.ErrUnavailable] when the store is closed or ctx ended.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return fmt.Errorf("closed: %w", store.ErrUnavailable)
	}
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	return nil
}

// retry runs f until the file is not busy, as long as ctx allows, and gives its error the contract's form.
func (s *Store) retry(ctx context.Context, op string, f func() error) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		if err := s.ready(ctx); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		err := f()
		if err == nil {
			return nil
		}
		if isBusy(err) && pause(ctx, wait) {
			continue
		}
		if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
			err = fmt.Errorf("%w: %w", ended, err)
		}
		return fmt.Errorf("%s: %w", op, unavailable(err))
	}
}

// pause waits for d of real time (a file's lock knows no store time) and reports whether ctx still allows to go on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func oneKind(keys []store.Key) bool {
	for _, k := range keys {
		if k.Kind != keys[0].Kind {
			return false
		}
	}
	return true
}
