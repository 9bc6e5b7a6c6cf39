package firestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"rowsmith/tasks/store"
)

// attempts is how often a transaction's closure runs before contention is given up on.
const attempts = 10

// errAgain: the closure must run again.
var errAgain = errors.New("contention")

// A view is a transaction of the service, begun by its first read. A nil view is none.
type view struct {
	id    []byte
	again []byte // the transaction that this one repeats: it keeps that one's age, and so its right of way
}

func (v *view) begun() bool { return v != nil && len(v.id) > 0 }

func (v *view) begin(id []byte) {
	if v != nil && len(id) > 0 {
		v.id = id
	}
}

func (v *view) options() *pb.TransactionOptions {
	return &pb.TransactionOptions{Mode: &pb.TransactionOptions_ReadWrite_{ReadWrite: &pb.TransactionOptions_ReadWrite{RetryTransaction: v.again}}}
}

// Transact implements [store.Store]. The service locks what f reads until it is over, and answers Aborted to one of those that
// want the same; that one's closure runs again. Of those in this process one at a time does.
func (s *Store) Transact(ctx context.Context, f func(ctx context.Context, tx store.Tx) error) error {
	v := &view{}
	for n := range attempts {
		if n > 0 && !pause(ctx, backoff(n-1)) {
			break
		}
		err := s.try(ctx, v, f)
		if !errors.Is(err, errAgain) {
			return err
		}
		if n == 0 {
			select {
			case s.again <- struct{}{}:
				defer func() { <-s.again }()
			case <-ctx.Done():
			}
		}
		v = &view{again: v.id}
	}
	if err := s.ready(ctx); err != nil {
		return fmt.Errorf("transact: %w", err)
	}
	return fmt.Errorf("transact: gave up after %d runs: %w", attempts, store.ErrConflict)
}

// try runs f once and applies its writes. It returns errAgain when f must run again.
func (s *Store) try(ctx context.Context, v *view, f func(ctx context.Context, tx store.Tx) error) error {
	if err := s.ready(ctx); err != nil {
		return fmt.Errorf("transact: %w", err)
	}
	t := &transaction{ctx: ctx, store: s, view: v, batch: s.schema.NewBatch()}
	err := t.run(f)
	switch {
	case t.stale:
		return errAgain
	case err != nil:
		return err
	case t.broken != nil:
		return t.broken
	case len(t.batch.Writes()) == 0:
		t.rollback()
		return nil // what it read was locked, and so all of one moment
	case !v.begun():
		if _, err := s.commit(ctx, t.batch.Writes()); err != nil {
			return fmt.Errorf("transact: %w", err)
		}
		return nil
	}
	if err := t.apply(); err != nil {
		if errors.Is(err, errAgain) {
			return err
		}
		return fmt.Errorf("transact: %w", err)
	}
	return nil
}

// A transaction is one run of a closure.
type transaction struct {
	ctx   context.Context
	store *Store
	view  *view
	batch *store.Batch

	wrote  bool
	over   bool
	stale  bool  // the service gave the transaction up
	broken error // the first breach of the contract
}

// run runs f, and lets go of the locks unless there is something to apply.
func (t *transaction) run(f func(ctx context.Context, tx store.Tx) error) (err error) {
	applies := false
	defer func() {
		t.over = true
		if !applies { // also when f panics
			t.rollback()
		}
	}()
	err = f(t.ctx, t)
	applies = err == nil && !t.stale && t.broken == nil
	return err
}

// rollback lets go of the transaction's locks. Should it fail, they go by themselves after a while.
func (t *transaction) rollback() {
	if !t.view.begun() || t.stale {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), 5*time.Second)
	defer cancel()
	t.store.counts.calls.Add(1)
	_ = t.store.client.Rollback(ctx, &pb.RollbackRequest{Database: t.store.database, Transaction: t.view.id})
}

// apply commits what f wrote.
func (t *transaction) apply() error {
	s, c := t.store, t.store.change(t.batch.Writes())
	if err := c.prepare(t.ctx, t.view, store.OpCreate, store.OpIncrement); err != nil {
		if status.Code(err) == codes.Aborted {
			return errAgain
		}
		t.rollback()
		return s.contract(t.ctx, err)
	}
	_, err := c.send(t.ctx, t.view)
	switch {
	case err == nil:
		return nil
	case status.Code(err) == codes.Aborted:
		return errAgain
	}
	t.rollback()
	if c.suspicious(err, 0) || lost(err) {
		_, applied, why := c.look(t.ctx)
		var w *store.WriteError
		switch {
		case applied:
			return nil
		case lost(err):
			// To run again could apply the writes twice: to see them there is the only certainty.
		case errors.As(why, &w):
			return why
		case refused(err) || errors.As(err, &w):
			return errAgain // what stood in the way is gone
		}
	}
	return s.contract(t.ctx, err)
}

// refuse remembers the first breach of the contract: it fails the transaction even if f ignores it.
func (t *transaction) refuse(err error) error {
	if t.broken == nil {
		t.broken = err
	}
	return err
}

// readable reports why nothing can be read now.
func (t *transaction) readable(op string) error {
	switch {
	case t.over:
		return fmt.Errorf("transact: %s after the end: %w", op, store.ErrInvalid)
	case t.wrote:
		return t.refuse(fmt.Errorf("transact: %s after a write: %w", op, store.ErrInvalid))
	case t.stale:
		return fmt.Errorf("transact: %s: %w: %w", op, errAgain, store.ErrConflict)
	}
	return t.store.ready(t.ctx)
}

// read runs f, which reads in the view. When that can be made good by another run, f's error is the closure's to pass on.
func (t *transaction) read(op string, f func(ctx context.Context) error) error {
	err := t.store.attempt(t.ctx, f)
	if err == nil {
		return nil
	}
	if t.ctx.Err() == nil && passing(err) {
		if status.Code(err) != codes.Aborted {
			t.rollback() // it may hold locks
		}
		t.stale = true
		return fmt.Errorf("transact: %s: %w: %w", op, errAgain, store.ErrConflict)
	}
	return t.refuse(fmt.Errorf("transact: %s: %w", op, t.store.contract(t.ctx, err)))
}

// Get implements [store.Tx].
func (t *transaction) Get(keys ...store.Key) (store.Read, error) {
	if err := t.readable("get"); err != nil {
		return store.Read{}, err
	}
	if err := t.store.schema.CheckKeys(keys); err != nil {
		return store.Read{}, t.refuse(fmt.Errorf("transact: get: %w", err))
	}
	if len(keys) == 0 {
		at, err := t.store.Now(t.ctx)
		return store.Read{At: at}, err
	}
	var r store.Read
	err := t.read("get", func(ctx context.Context) (err error) {
		r, err = t.store.get(ctx, keys, t.view)
		return err
	})
	if err != nil {
		return store.Read{}, err
	}
	return r, nil
}

// Query implements [store.Tx].
func (t *transaction) Query(query store.Query) (store.Page, error) {
	if err := t.readable("query"); err != nil {
		return store.Page{}, err
	}
	plan, err := t.store.schema.Plan(query)
	if err != nil {
		return store.Page{}, t.refuse(fmt.Errorf("transact: %w", err))
	}
	var page store.Page
	err = t.read("query "+query.Kind, func(ctx context.Context) (err error) {
		page, err = t.store.page(ctx, plan, t.view)
		return err
	})
	if err != nil {
		return store.Page{}, err
	}
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
