package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rowsmith/tasks/store"
)

// attempts is how often a transaction's closure runs before contention is given up on.
const attempts = 20

// Transact implements [store.Store]. Each run of f reads one snapshot without holding any lock; when it
// returns, what it read is compared with what is there, under the write lock, and f runs again if they differ.
func (s *Store) Transact(ctx context.Context, f func(ctx context.Context, tx store.Tx) error) error {
	for n := range attempts {
		err := s.try(ctx, f)
		if !errors.Is(err, errStale) {
			return err
		}
		if n == 0 {
			select {
			case s.again <- struct{}{}:
				defer func() { <-s.again }()
			case <-ctx.Done():
				return fmt.Errorf("transact: %w", unavailable(ctx.Err()))
			}
		}
	}
	return fmt.Errorf("transact: gave up after %d runs: %w", attempts, store.ErrConflict)
}

// try runs f once and applies its writes. It returns errStale when f must run again.
func (s *Store) try(ctx context.Context, f func(ctx context.Context, tx store.Tx) error) error {
	if err := s.ready(ctx); err != nil {
		return fmt.Errorf("transact: %w", err)
	}
	t := &transaction{ctx: ctx, store: s, batch: s.schema.NewBatch(), at: s.clock.now(), view: &view{}}
	err := t.run(f)
	if err != nil {
		return err
	}
	if t.broken != nil {
		return t.broken
	}
	writes := t.batch.Writes()
	if len(writes) == 0 {
		return nil // it read one snapshot, which was so
	}
	if !t.opened {
		t.view = nil
	}
	_, err = s.writer.do(ctx, &request{writes: writes, view: t.view})
	if err != nil && !errors.Is(err, errStale) {
		return fmt.Errorf("transact: %w", err)
	}
	return err
}

// A transaction is one run of a closure.
type transaction struct {
	ctx   context.Context
	store *Store
	at    time.Time
	tx    *sql.Tx // the snapshot, from the first read on
	view  *view
	batch *store.Batch

	opened bool
	wrote  bool
	over   bool
	broken error // the first breach of the contract
}

// run runs f, and lets go of the snapshot whatever happens.
func (t *transaction) run(f func(ctx context.Context, tx store.Tx) error) error {
	defer func() {
		t.over = true
		if t.tx != nil {
			t.tx.Rollback() //nolint:errcheck // nothing was written
			<-t.store.views
		}
	}()
	return f(t.ctx, t)
}

// refuse remembers the first breach of the contract: it fails the transaction even if f ignores it.
func (t *transaction) refuse(err error) error {
	if t.broken == nil {
		t.broken = err
	}
	return err
}

// snapshot returns the session of the transaction's reads, opened by the first of them.
func (t *transaction) snapshot(op string) (session, error) {
	switch {
	case t.over:
		return session{}, fmt.Errorf("transact: %s after the end: %w", op, store.ErrInvalid)
	case t.wrote:
		return session{}, t.refuse(fmt.Errorf("transact: %s after a write: %w", op, store.ErrInvalid))
	}
	if err := t.store.ready(t.ctx); err != nil {
		return session{}, err
	}
	if t.tx == nil {
		select {
		case t.store.views <- struct{}{}:
		case <-t.ctx.Done():
			return session{}, unavailable(t.ctx.Err())
		}
		tx, err := t.store.read.BeginTx(t.ctx, nil)
		if err != nil {
			<-t.store.views
			return session{}, unavailable(err)
		}
		t.tx, t.opened = tx, true
		// The snapshot is taken by the first statement.
		err = t.session().row(t.ctx, `SELECT value FROM store_meta WHERE key = 'seq'`, nil, &t.view.seq)
		if err != nil {
			return session{}, t.refuse(unavailable(err))
		}
	}
	return t.session(), nil
}

func (t *transaction) session() session {
	return session{tx: t.tx, prepared: t.store.reads, lacking: new([]string)} // what it lacks others prepare
}

// Get implements [store.Tx].
func (t *transaction) Get(keys ...store.Key) (store.Read, error) {
	q, err := t.snapshot("get")
	if err != nil {
		return store.Read{}, err
	}
	if err := t.store.schema.CheckKeys(keys); err != nil {
		return store.Read{}, t.refuse(fmt.Errorf("transact: get: %w", err))
	}
	docs, err := t.store.get(t.ctx, q, keys, t.at)
	if err != nil {
		return store.Read{}, t.refuse(fmt.Errorf("transact: get: %w", unavailable(err)))
	}
	t.view.gets = append(t.view.gets, seen{docs: bare(docs)})
	return store.Read{Docs: docs, At: t.at}, nil
}

// Query implements [store.Tx].
func (t *transaction) Query(query store.Query) (store.Page, error) {
	q, err := t.snapshot("query")
	if err != nil {
		return store.Page{}, err
	}
	plan, err := t.store.schema.Plan(query)
	if err != nil {
		return store.Page{}, t.refuse(fmt.Errorf("transact: %w", err))
	}
	page, err := t.store.page(t.ctx, q, plan, t.at)
	if err != nil {
		return store.Page{}, t.refuse(fmt.Errorf("transact: query %s: %w", query.Kind, unavailable(err)))
	}
	t.view.queries = append(t.view.queries, asked{plan: plan, seen: seen{docs: bare(page.Docs)}, next: page.Next})
	return page, nil
}

// Write implements [store.Tx].
func (t *transaction) Write(writes ...store.Write) error {
	if t.over {
		return fmt.Errorf("transact: write after the end: %w", store.ErrInvalid)
	}
	t.wrote = true
	if err := t.batch.Add(writes...); err != nil {
		return t.refuse(fmt.Errorf("transact: %w", err))
	}
	return nil
}

// A view is what a closure read, without payloads.
type view struct {
	seq     int64 // the last commit that its snapshot saw
	gets    []seen
	queries []asked
}

type seen struct{ docs []store.Doc }

type asked struct {
	plan store.Plan
	seen
	next string
}

// bare keeps of docs what tells whether they changed.
func bare(docs []store.Doc) []store.Doc {
	list := make([]store.Doc, len(docs))
	for i, d := range docs {
		list[i] = store.Doc{Key: d.Key, Rev: d.Rev, Expires: d.Expires}
	}
	return list
}

func (s seen) alive(at time.Time) bool {
	for _, d := range s.docs {
		if !alive(d, at) {
			return false
		}
	}
	return true
}

func (s seen) same(docs []store.Doc) bool {
	if len(docs) != len(s.docs) {
		return false
	}
	for i, d := range docs {
		if d.Key != s.docs[i].Key || d.Rev != s.docs[i].Rev {
			return false
		}
	}
	return true
}

// holds reports whether the view is still so at commit number seq and store time at. Where nothing was
// committed since, only expiry can have changed it.
func (v *view) holds(ctx context.Context, s *Store, q session, seq int64, at time.Time) (bool, error) {
	for _, g := range v.gets {
		if !g.alive(at) {
			return false, nil
		}
		if seq == v.seq {
			continue
		}
		keys := make([]store.Key, len(g.docs))
		for i, d := range g.docs {
			keys[i] = d.Key
		}
		docs := make([]store.Doc, len(keys))
		for i, k := range keys {
			docs[i].Key = k
		}
		err := s.find(ctx, q, keys, false, func(i int, d store.Doc) {
			if alive(d, at) {
				docs[i] = d
			}
		})
		if err != nil || !g.same(docs) {
			return false, err
		}
	}
	for _, a := range v.queries {
		if !a.alive(at) {
			return false, nil
		}
		if seq == v.seq {
			continue
		}
		page, err := s.page(ctx, q, a.plan, at)
		if err != nil || !a.same(page.Docs) || page.Next != a.next {
			return false, err
		}
	}
	return true, nil
}
