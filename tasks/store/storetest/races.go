package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"rowsmith/tasks/store"
)

// together runs f in n goroutines that begin at the same moment, and waits for them.
func together(n int, f func(n int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for k := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			<-start
			f(k)
		}()
	}
	close(start)
	wg.Wait()
}

// oneWins runs f in many goroutines: exactly one may succeed, the others must fail with lose.
func (i *instance) oneWins(lose error, f func(n int) error) {
	i.Helper()
	var won atomic.Int64
	together(16, func(n int) {
		switch err := f(n); {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, lose):
			i.Errorf("a loser's error is %v, want %v", err, lose)
		}
	})
	if won.Load() != 1 {
		i.Errorf("%d won, want 1", won.Load())
	}
}

var raceTests = []test{
	{"OneCreateWins", func(i *instance) {
		for round := range 3 {
			i.oneWins(store.ErrExists, func(n int) error {
				_, err := i.Store.Commit(i.ctx, store.Create(doc(thing(fmt.Sprint(round)), fmt.Sprint(n), nil)))
				return err
			})
		}
	}},
	{"OneReplaceWins", func(i *instance) {
		i.commit(store.Create(doc(thing("a"), "", nil)))
		for range 3 {
			is := i.one(thing("a"))
			i.oneWins(store.ErrConflict, func(n int) error {
				_, err := i.Store.Commit(i.ctx, store.Replace(is), store.Set(doc(thing("by"), fmt.Sprint(n), nil)))
				return err
			})
		}
	}},
	{"OneDeleteAtWins", func(i *instance) {
		rev := i.commit(store.Create(doc(thing("a"), "", nil))).Revs[0]
		i.oneWins(store.ErrConflict, func(int) error {
			_, err := i.Store.Commit(i.ctx, store.DeleteAt(thing("a"), rev))
			return err
		})
	}},
	{"IncrementsAreExact", func(i *instance) {
		const callers, each = 8, 10
		together(callers, func(n int) {
			for k := range each {
				own := entry(fmt.Sprintf("%d-%d", n, k))
				_, err := i.Store.Commit(i.ctx, store.Increment(entry("sum"), map[string]int64{"n": 1, "m": int64(-k)}, time.Time{}), store.Create(doc(own, "", nil)))
				if err != nil {
					i.Errorf("increment: %v", err)
				}
			}
		})
		if d := i.one(entry("sum")); d.Fields["n"] != int64(callers*each) || d.Fields["m"] != int64(-callers*each*(each-1)/2) {
			i.Errorf("after %d increments: %v", callers*each, d.Fields)
		}
	}},
	// A commit of several documents is never seen half: neither by a Get, nor by a query, nor by a transaction.
	{"ReadersSeeWholeCommits", func(i *instance) {
		set := func(v int64) []store.Write {
			return []store.Write{
				store.Set(doc(entry("a"), "", store.Fields{"n": v, "state": "x"})),
				store.Set(doc(thing("b"), "", store.Fields{"n": v})),
				store.Set(doc(entry("c"), "", store.Fields{"n": v, "state": "x"})),
			}
		}
		i.commit(set(0)...)
		ctx, stop := context.WithCancel(i.ctx)
		var wg sync.WaitGroup
		wg.Add(1)
		go func() {
			defer wg.Done()
			for v := int64(1); ctx.Err() == nil; v++ {
				if _, err := i.Store.Commit(ctx, set(v)...); err != nil && ctx.Err() == nil {
					i.Errorf("commit: %v", err)
					return
				}
			}
		}()
		agree := func(what string, docs []store.Doc) {
			for _, d := range docs {
				if d.Fields["n"] != docs[0].Fields["n"] {
					i.Errorf("%s saw half a commit: %v and %v", what, docs[0].Fields, d.Fields)
				}
			}
		}
		for range 30 {
			agree("get", i.get(entry("a"), thing("b"), entry("c")))
			agree("query", i.query(store.Query{Kind: "entries", Account: "acme", Limit: 5, Where: []store.Where{{Field: "state", Cmp: store.Eq, Value: "x"}}}).Docs)
		}
		stop()
		wg.Wait()
	}},
	// How work is claimed: query a few candidates, pick one at random, compare-and-set.
	{"WorkIsClaimedOnce", func(i *instance) {
		const jobs, workers = 30, 5
		var writes []store.Write
		for n := range jobs {
			writes = append(writes, store.Create(doc(entry(fmt.Sprintf("%02d", n)), "", store.Fields{"state": "waiting"})))
		}
		i.commit(writes...)
		var mu sync.Mutex
		claimed := map[string]int{}
		together(workers, func(n int) {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			for i.ctx.Err() == nil {
				p, err := i.Store.Query(i.ctx, store.Query{Kind: "entries", Account: "acme", Limit: 5, Where: []store.Where{{Field: "state", Cmp: store.Eq, Value: "waiting"}}})
				if err != nil {
					i.Errorf("query: %v", err)
					return
				}
				if len(p.Docs) == 0 {
					return
				}
				d := p.Docs[random.IntN(len(p.Docs))]
				d.Fields["state"] = "claimed"
				switch _, err := i.Store.Commit(i.ctx, store.Replace(d)); {
				case err == nil:
					mu.Lock()
					claimed[d.Key.ID]++
					mu.Unlock()
				case !errors.Is(err, store.ErrConflict):
					i.Errorf("claim: %v", err)
					return
				}
			}
		})
		if len(claimed) != jobs {
			i.Errorf("%d of %d were claimed", len(claimed), jobs)
		}
		for id, n := range claimed {
			if n != 1 {
				i.Errorf("%s was claimed %d times", id, n)
			}
		}
	}},
	{"ACommitIsSeenOnceItEnds", func(i *instance) {
		together(6, func(n int) {
			for k := range 5 {
				key := thing(fmt.Sprintf("%d-%d", n, k))
				if _, err := i.Store.Commit(i.ctx, store.Create(doc(key, "", nil))); err != nil {
					i.Errorf("commit: %v", err)
					return
				}
				if _, err := store.One(i.ctx, i.Store, key); err != nil {
					i.Errorf("after its commit: %v", err)
				}
			}
		})
	}},
}
