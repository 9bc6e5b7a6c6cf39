package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"rowsmith/tasks/store"
)

// transact runs a transaction that must succeed.
func (i *instance) transact(f func(tx store.Tx) error) {
	i.Helper()
	if err := i.Store.Transact(i.ctx, func(_ context.Context, tx store.Tx) error { return f(tx) }); err != nil {
		i.Fatalf("transact: %v", err)
	}
}

// meanwhile starts f beside a transaction's closure and gives it time to end. Where the store locks what
// the closure read, f can only end after the closure does: so this waits, but not for ever.
func (i *instance) meanwhile(f func() error) (ended chan error) {
	ended = make(chan error, 1)
	over := make(chan struct{})
	go func() {
		ended <- f()
		close(over)
	}()
	limit := 300 * time.Millisecond
	if i.Reruns {
		limit = time.Minute
	}
	select {
	case <-over:
	case <-time.After(limit):
	}
	return ended
}

// add is a read-modify-write of entry id's n.
func add(tx store.Tx, key store.Key) error {
	r, err := tx.Get(key)
	if err != nil {
		return err
	}
	n, _ := r.Docs[0].Fields["n"].(int64)
	return tx.Write(store.Set(doc(key, "", store.Fields{"n": n + 1})))
}

var allEntries = store.Query{Kind: "entries", Account: "acme", Limit: 100}

var errOwn = errors.New("the closure's own")

var transactionTests = []test{
	{"AppliesAll", func(i *instance) {
		i.commit(store.Create(doc(thing("a"), "A", store.Fields{"n": int64(1)})), store.Create(doc(entry("gone"), "", nil)))
		i.transact(func(tx store.Tx) error {
			r, err := tx.Get(thing("a"), thing("none"))
			if err != nil {
				return err
			}
			if string(r.Docs[0].Payload) != "A" || r.Docs[1].Exists() || r.At.IsZero() {
				i.Errorf("get: %+v", r)
			}
			p, err := tx.Query(allEntries)
			if err != nil {
				return err
			}
			if len(p.Docs) != 1 || p.Docs[0].Key != entry("gone") {
				i.Errorf("query: %+v", p.Docs)
			}
			if err := tx.Write(store.Replace(store.Doc{Key: thing("a"), Payload: []byte("B"), Rev: r.Docs[0].Rev})); err != nil {
				return err
			}
			return tx.Write(store.Create(doc(entry("new"), "", nil)), store.Delete(entry("gone")), store.Increment(entry("n"), map[string]int64{"n": 3}, time.Time{}))
		})
		if string(i.one(thing("a")).Payload) != "B" || i.one(entry("n")).Fields["n"] != int64(3) {
			i.Error("not all was applied")
		}
		i.one(entry("new"))
		i.absent(entry("gone"))
	}},
	{"NothingToDo", func(i *instance) {
		i.transact(func(store.Tx) error { return nil })
		i.transact(func(tx store.Tx) error { return tx.Write() })
		i.transact(func(tx store.Tx) error { _, err := tx.Get(thing("a")); return err })
	}},
	{"ErrorRollsBackAndComesBackAsItIs", func(i *instance) {
		err := i.Store.Transact(i.ctx, func(_ context.Context, tx store.Tx) error {
			if err := tx.Write(store.Set(doc(thing("a"), "", nil))); err != nil {
				return err
			}
			return errOwn
		})
		if err != errOwn {
			i.Errorf("error %v, want the closure's own, unwrapped", err)
		}
		i.absent(thing("a"))
	}},
	{"ReadAfterWriteIsRefused", func(i *instance) {
		for name, read := range map[string]func(tx store.Tx) error{
			"get":   func(tx store.Tx) error { _, err := tx.Get(thing("b")); return err },
			"query": func(tx store.Tx) error { _, err := tx.Query(allEntries); return err },
		} {
			for _, goOn := range []bool{false, true} {
				err := i.Store.Transact(i.ctx, func(_ context.Context, tx store.Tx) error {
					if err := tx.Write(store.Set(doc(thing("a"), "", nil))); err != nil {
						return err
					}
					err := read(tx)
					i.is(err, store.ErrInvalid, "%s after a write", name)
					if goOn {
						return nil
					}
					return err
				})
				i.is(err, store.ErrInvalid, "a transaction with a %s after a write (closure goes on: %v)", name, goOn)
			}
		}
		i.absent(thing("a"))
	}},
	{"BreachesAreRefused", func(i *instance) {
		many := make([]store.Write, store.MaxWrites)
		for n := range many {
			many[n] = store.Set(doc(thing(fmt.Sprint(n)), "", nil))
		}
		for name, c := range map[string]struct {
			want  error
			write []store.Write
		}{
			"too many":         {store.ErrTooLarge, append(many[:store.MaxWrites:store.MaxWrites], store.Set(doc(thing("more"), "", nil)))},
			"same key":         {store.ErrInvalid, []store.Write{store.Set(doc(thing("a"), "", nil)), store.Delete(thing("a"))}},
			"undeclared field": {store.ErrInvalid, []store.Write{store.Set(doc(thing("a"), "", store.Fields{"size": int64(1)}))}},
			"too large":        {store.ErrTooLarge, []store.Write{store.Set(doc(thing("a"), string(make([]byte, store.MaxDocument)), nil))}},
		} {
			for _, goOn := range []bool{false, true} {
				err := i.Store.Transact(i.ctx, func(_ context.Context, tx store.Tx) error {
					for _, w := range c.write { // one by one: the limits are the transaction's
						if err := tx.Write(w); err != nil && !goOn {
							return err
						}
					}
					return nil
				})
				i.is(err, c.want, "%s (closure goes on: %v)", name, goOn)
			}
		}
		for name, read := range map[string]func(tx store.Tx) error{
			"bad key":    func(tx store.Tx) error { _, err := tx.Get(store.Key{}); return err },
			"bad query":  func(tx store.Tx) error { _, err := tx.Query(store.Query{Kind: "entries", Account: "acme"}); return err },
			"bad cursor": func(tx store.Tx) error { q := allEntries; q.After = "x"; _, err := tx.Query(q); return err },
		} {
			err := i.Store.Transact(i.ctx, func(_ context.Context, tx store.Tx) error { return read(tx) })
			i.is(err, store.ErrInvalid, "%s", name)
		}
		i.absent(thing("a"), thing("0"), thing("more"))
		i.transact(func(tx store.Tx) error { return tx.Write(many...) })
		i.one(thing("499"))
	}},
	{"ImpossibleWritesFailIt", func(i *instance) {
		i.commit(store.Create(doc(thing("a"), "", nil)))
		rev := i.commit(store.Set(doc(thing("b"), "", nil))).Revs[0]
		i.commit(store.Set(doc(thing("b"), "", nil)))
		for name, c := range map[string]struct {
			want error
			w    store.Write
		}{
			"create":         {store.ErrExists, store.Create(doc(thing("a"), "", nil))},
			"replace":        {store.ErrConflict, store.Replace(store.Doc{Key: thing("b"), Rev: rev})},
			"delete at":      {store.ErrConflict, store.DeleteAt(thing("b"), rev)},
			"replace absent": {store.ErrConflict, store.Replace(store.Doc{Key: thing("none"), Rev: rev})},
		} {
			err := i.Store.Transact(i.ctx, func(_ context.Context, tx store.Tx) error {
				return tx.Write(store.Set(doc(thing("beside"), "", nil)), c.w)
			})
			i.is(err, c.want, "%s", name)
			var w *store.WriteError
			if !errors.As(err, &w) || w.Key != c.w.Doc.Key {
				i.Errorf("%s: %v is no WriteError that names %s", name, err, c.w.Doc.Key)
			}
		}
		i.absent(thing("beside"))
	}},
	{"TxIsDeadAfterItsRun", func(i *instance) {
		var kept store.Tx
		i.transact(func(tx store.Tx) error { kept = tx; _, err := tx.Get(thing("a")); return err })
		_, err := kept.Get(thing("a"))
		i.is(err, store.ErrInvalid, "get after the end")
		i.is(kept.Write(store.Set(doc(thing("a"), "", nil))), store.ErrInvalid, "write after the end")
		i.absent(thing("a"))
	}},
	{"RunsAgainWhenADocumentChanged", func(i *instance) {
		i.changedMeanwhile("a document read", func(tx store.Tx) error { return add(tx, entry("n")) },
			store.Increment(entry("n"), map[string]int64{"n": 10}, time.Time{}))
		if n := i.one(entry("n")).Fields["n"]; n != int64(11) {
			i.Errorf("n is %v, want 11: an update was lost", n)
		}
	}},
	{"RunsAgainWhenAQueryWouldAnswerOtherwise", func(i *instance) {
		i.commit(store.Create(doc(entry("a"), "", nil)))
		count := func(tx store.Tx) error {
			p, err := tx.Query(allEntries)
			if err != nil {
				return err
			}
			return tx.Write(store.Set(doc(thing("count"), fmt.Sprint(len(p.Docs)), nil)))
		}
		i.changedMeanwhile("a query's answer", count, store.Create(doc(entry("b"), "", nil)))
		// In a store that locks, the insert may have come after all of the transaction.
		if p := string(i.one(thing("count")).Payload); i.Reruns && p != "2" {
			i.Errorf("counted %s, want 2: a document slipped in", p)
		}
	}},
	{"ReadsAreOfOneMoment", func(i *instance) {
		set := func(v string) []store.Write {
			return []store.Write{store.Set(doc(entry("a"), v, nil)), store.Set(doc(thing("b"), v, nil))}
		}
		i.commit(set("0")...)
		var changed chan error
		i.transact(func(tx store.Tx) error {
			a, err := tx.Get(entry("a"))
			if err != nil {
				return err
			}
			if changed == nil {
				changed = i.meanwhile(func() error { _, err := i.Store.Commit(i.ctx, set("1")...); return err })
			}
			b, err := tx.Get(thing("b"))
			if err != nil {
				return err
			}
			if x, y := string(a.Docs[0].Payload), string(b.Docs[0].Payload); x != y {
				return fmt.Errorf("a transaction saw %q and %q", x, y)
			}
			return nil
		})
		if err := <-changed; err != nil {
			i.Errorf("the commit beside it: %v", err)
		}
	}},
	{"NoUpdateIsLost", func(i *instance) {
		const callers, each = 3, 4
		var runs atomic.Int64
		together(callers, func(int) {
			for range each {
				for { // too much contention may end in ErrConflict: then the caller tries again
					err := i.Store.Transact(i.ctx, func(_ context.Context, tx store.Tx) error {
						runs.Add(1)
						return add(tx, entry("n"))
					})
					if err == nil {
						break
					}
					if !errors.Is(err, store.ErrConflict) {
						i.Errorf("transact: %v", err)
						return
					}
				}
			}
		})
		if n := i.one(entry("n")).Fields["n"]; n != int64(callers*each) {
			i.Errorf("n is %v after %d transactions in %d runs", n, callers*each, runs.Load())
		}
	}},
	{"ThoseThatShareNothingDoNotWaitForEachOther", func(i *instance) {
		// The inner one runs wholly within the outer's closure, on other documents: neither may run again for it.
		runs := 0
		i.transact(func(tx store.Tx) error {
			runs++
			if err := add(tx, entry("outer")); err != nil {
				return err
			}
			return <-i.meanwhile(func() error {
				return i.Store.Transact(i.ctx, func(_ context.Context, tx store.Tx) error { return add(tx, entry("inner")) })
			})
		})
		if runs != 1 {
			i.Errorf("the closure ran %d times", runs)
		}
		i.one(entry("outer"))
		i.one(entry("inner"))
	}},
}

// changedMeanwhile runs f in a transaction beside whose first run write is committed.
func (i *instance) changedMeanwhile(what string, f func(tx store.Tx) error, write store.Write) {
	i.Helper()
	runs := 0
	var changed chan error
	i.transact(func(tx store.Tx) error {
		runs++
		if err := f(tx); err != nil {
			return err
		}
		if changed == nil {
			changed = i.meanwhile(func() error { _, err := i.Store.Commit(i.ctx, write); return err })
		}
		return nil
	})
	if err := <-changed; err != nil {
		i.Errorf("the commit beside it: %v", err)
	}
	if i.Reruns && runs < 2 {
		i.Errorf("%s changed, and the closure ran %d time", what, runs)
	}
}
