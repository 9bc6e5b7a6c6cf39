package firestore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"

	"rowsmith/tasks/store"
	"rowsmith/tasks/store/firestore"
	"rowsmith/tasks/store/firestore/emulator"
	"rowsmith/tasks/store/storetest"
)

// TestCosts pins what each operation costs. Those made for documents that many touch are one request, of no transaction.
func TestCosts(t *testing.T) {
	f := &fault{}
	s, clean := faulty(t, f)
	far := time.Now().Add(time.Hour)
	var fill []store.Write
	for n := range 20 {
		fill = append(fill, store.Set(store.Doc{Key: entry(fmt.Sprintf("e%02d", n)), Fields: store.Fields{"state": "x", "n": int64(n)}}))
	}
	revs := must(t, clean, append(fill, store.Create(doc(entry("a"), "")), store.Create(doc(entry("b"), "")), store.Create(store.Doc{Key: thing("a"), Expires: far}),
		store.Create(store.Doc{Key: thing("expired"), Expires: time.Unix(1, 0)}))...).Revs
	a, b, expiring := revs[20], revs[21], revs[22]
	if _, err := s.Now(t.Context()); err != nil { // so that the time is known
		t.Fatal(err)
	}
	query := store.Query{Kind: "entries", Account: "acme", Limit: 50, Where: []store.Where{{Field: "state", Cmp: store.Eq, Value: "x"}}}
	commit := func(writes ...store.Write) func() error {
		return func() error { _, err := s.Commit(t.Context(), writes...); return err }
	}
	ask := func(q store.Query) func() error {
		return func() error { _, err := s.Query(t.Context(), q); return err }
	}
	few, none := query, query
	few.Limit, none.Where = 5, []store.Where{{Field: "state", Cmp: store.Eq, Value: "none"}}
	f.next = func(_ int, req *pb.CommitRequest, on func() error) error {
		if len(req.Transaction) > 0 {
			t.Errorf("a commit in a transaction: %v", req)
		}
		return on()
	}
	for _, c := range []struct {
		name string
		do   func() error
		want firestore.Counts
	}{
		{"create", commit(store.Create(doc(entry("new"), ""))), firestore.Counts{Writes: 1, Calls: 1}},
		{"set", commit(store.Set(doc(entry("new"), ""))), firestore.Counts{Writes: 1, Calls: 1}},
		{"replace", commit(store.Replace(store.Doc{Key: entry("a"), Rev: a})), firestore.Counts{Writes: 1, Calls: 1}},
		{"replace of one that expires", commit(store.Replace(store.Doc{Key: thing("a"), Rev: expiring, Expires: far})), firestore.Counts{Writes: 1, Calls: 1}},
		{"increment", commit(bump(entry("sum"))), firestore.Counts{Writes: 1, Calls: 1}},
		{"increment of a kind that expires", commit(bump(thing("sum"))), firestore.Counts{Reads: 1, Writes: 1, Calls: 2}},
		{"delete", commit(store.DeleteAt(entry("b"), b), store.Delete(entry("never"))), firestore.Counts{Deletes: 2, Calls: 1}},
		{"several", commit(store.Set(doc(entry("x"), "")), bump(entry("sum")), store.Delete(entry("x2"))), firestore.Counts{Writes: 2, Deletes: 1, Calls: 1}},
		{"create in vain", commit(store.Create(doc(entry("new"), ""))), firestore.Counts{Reads: 1, Calls: 2}},
		{"create over an expired one", commit(store.Create(doc(thing("expired"), ""))), firestore.Counts{Reads: 1, Writes: 1, Calls: 3}},
		{"nothing", commit(), firestore.Counts{}},
		{"get", func() error { _, err := s.Get(t.Context(), entry("a"), entry("nowhere"), entry("a")); return err }, firestore.Counts{Reads: 2, Calls: 1}},
		{"query", ask(query), firestore.Counts{Reads: 20, Calls: 1}},
		{"query, more to come", ask(few), firestore.Counts{Reads: 6, Calls: 1}},
		{"query of nothing", ask(none), firestore.Counts{Reads: 1, Calls: 1}},
		{"count", func() error { _, err := s.Count(t.Context(), query); return err }, firestore.Counts{Reads: 1, Calls: 1}},
		{"sum", func() error { _, err := s.Sum(t.Context(), query, "n"); return err }, firestore.Counts{Reads: 1, Calls: 1}},
		{"now", func() error { _, err := s.Now(t.Context()); return err }, firestore.Counts{}},
	} {
		was := s.Counts()
		if err := c.do(); err != nil && !errors.Is(err, store.ErrExists) {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := s.Counts().Sub(was); got != c.want {
			t.Errorf("%s costs %+v, want %+v", c.name, got, c.want)
		}
	}
}

// workers opens a store for each of n processes that share a database.
func workers(t *testing.T, n int) []*firestore.Store {
	t.Helper()
	c := firestore.Config{Project: emulator.Project()}
	var list []*firestore.Store
	for range n {
		list = append(list, open(t, c, storetest.Kinds()...))
	}
	return list
}

// TestHotDocument: what many workers touch at once is exact and soon done, by increments and by compare-and-set.
func TestHotDocument(t *testing.T) {
	const each = 25
	all := workers(t, 4)
	must(t, all[0], store.Create(store.Doc{Key: entry("cas"), Fields: store.Fields{"n": int64(0)}}))
	var wg sync.WaitGroup
	for _, s := range all {
		for range 3 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range each {
					if _, err := s.Commit(t.Context(), bump(entry("sum"))); err != nil {
						t.Errorf("increment: %v", err)
					}
				}
			}()
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			for done := 0; done < 5; {
				d, err := store.One(t.Context(), s, entry("cas"))
				if err != nil {
					t.Error(err)
					return
				}
				d.Fields["n"] = d.Fields["n"].(int64) + 1
				switch _, err := s.Commit(t.Context(), store.Replace(d)); {
				case err == nil:
					done++
				case !errors.Is(err, store.ErrConflict):
					t.Errorf("replace: %v", err)
					return
				}
			}
		}()
	}
	wg.Wait()
	if n := one(t, all[0], entry("sum")).Fields["n"]; n != int64(4*3*each) {
		t.Errorf("%v after %d increments", n, 4*3*each)
	}
	if n := one(t, all[0], entry("cas")).Fields["n"]; n != int64(4*5) {
		t.Errorf("%v after %d compare-and-sets", n, 4*5)
	}
}

// TestProcessesClaimOnce: four processes query, pick at random and compare-and-set; each job is done once, and few claims are in vain.
func TestProcessesClaimOnce(t *testing.T) {
	const jobs = 60
	all := workers(t, 4)
	var writes []store.Write
	for n := range jobs {
		writes = append(writes, store.Create(store.Doc{Key: entry(fmt.Sprintf("%02d", n)), Fields: store.Fields{"state": "waiting"}}))
	}
	must(t, all[0], writes...)
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				p, err := s.Query(t.Context(), store.Query{Kind: "entries", Account: "acme", Limit: 10,
					Where: []store.Where{{Field: "state", Cmp: store.Eq, Value: "waiting"}}})
				if err != nil {
					t.Error(err)
					return
				}
				if len(p.Docs) == 0 {
					return
				}
				d := p.Docs[rand.IntN(len(p.Docs))]
				d.Fields["state"] = "claimed"
				_, err = s.Commit(t.Context(), store.Replace(d), bump(entry("done")), store.Create(doc(thing(d.Key.ID), "by one")))
				if err != nil && !errors.Is(err, store.ErrConflict) {
					t.Errorf("claim: %v", err)
					return
				}
			}
		}()
	}
	wg.Wait()
	if n := one(t, all[0], entry("done")).Fields["n"]; n != int64(jobs) {
		t.Errorf("%v claims of %d jobs", n, jobs)
	}
}

// TestTransactionsOfProcesses: a rarely contended document under a read-modify-write of two processes.
func TestTransactionsOfProcesses(t *testing.T) {
	all := workers(t, 2)
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				err := s.Transact(t.Context(), func(_ context.Context, tx store.Tx) error {
					r, err := tx.Get(entry("n"))
					if err != nil {
						return err
					}
					n, _ := r.Docs[0].Fields["n"].(int64)
					return tx.Write(store.Set(store.Doc{Key: entry("n"), Fields: store.Fields{"n": n + 1}}))
				})
				if err == nil {
					return
				}
				if !errors.Is(err, store.ErrConflict) {
					t.Errorf("transact: %v", err)
					return
				}
			}
		}()
	}
	wg.Wait()
	if n := one(t, all[0], entry("n")).Fields["n"]; n != int64(2) {
		t.Errorf("%v after 2 transactions", n)
	}
}
