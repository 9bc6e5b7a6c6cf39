package storetest

import (
	"context"
	"fmt"
	"maps"
	"time"

	"rowsmith/tasks/store"
)

// brief writes a document that expires, and returns when it has.
func (i *instance) brief(keys ...store.Key) []store.Doc {
	i.Helper()
	expires := i.soon()
	var writes []store.Write
	for _, k := range keys {
		d := doc(k, "brief", store.Fields{"color": "red", "n": int64(5)})
		d.Expires = expires
		writes = append(writes, store.Create(d))
	}
	i.commit(writes...)
	docs := i.get(keys...)
	i.pass(expires)
	return docs
}

var expiryTests = []test{
	{"ExpiredIsAbsent", func(i *instance) {
		i.brief(thing("a"))
		i.absent(thing("a"))
		later := i.now().Add(time.Hour)
		i.commit(store.Create(store.Doc{Key: thing("later"), Expires: later}))
		if d := i.one(thing("later")); d.Expires != later.UTC().Truncate(time.Microsecond) {
			i.Errorf("expires %v, want %v", d.Expires, later)
		}
	}},
	{"FromThatMomentOn", func(i *instance) {
		if i.Advance == nil {
			i.Skip("store time cannot be moved")
		}
		expires := i.now().Add(time.Hour)
		i.commit(store.Create(store.Doc{Key: thing("a"), Expires: expires}))
		i.Advance(time.Hour - time.Microsecond)
		i.one(thing("a"))
		i.Advance(time.Microsecond)
		i.absent(thing("a"))
	}},
	{"WrittenExpired", func(i *instance) {
		i.commit(store.Set(store.Doc{Key: thing("a"), Expires: time.Unix(1, 0)}))
		i.absent(thing("a"))
		i.commit(store.Create(store.Doc{Key: thing("a"), Expires: time.Unix(2, 0)}))
		i.commit(store.Create(doc(thing("a"), "now", nil)))
		i.one(thing("a"))
	}},
	{"CreateOverExpired", func(i *instance) {
		i.brief(thing("a"))
		i.commit(store.Create(doc(thing("a"), "new", nil)))
		d := i.one(thing("a"))
		if string(d.Payload) != "new" || len(d.Fields) != 0 || !d.Expires.IsZero() {
			i.Errorf("something of the expired document is left: %+v", d)
		}
		i.refused(store.ErrExists, 0, store.Create(doc(thing("a"), "", nil)))
	}},
	{"OneCreateOverExpiredWins", func(i *instance) {
		i.brief(thing("a"))
		i.oneWins(store.ErrExists, func(n int) error {
			_, err := i.Store.Commit(i.ctx, store.Create(doc(thing("a"), fmt.Sprint(n), nil)))
			return err
		})
	}},
	{"RevsOfExpiredDoNotCompare", func(i *instance) {
		docs := i.brief(thing("a"), thing("b"))
		docs[0].Expires = time.Time{}
		i.refused(store.ErrConflict, 0, store.Replace(docs[0]))
		i.refused(store.ErrConflict, 0, store.DeleteAt(thing("b"), docs[1].Rev))
		i.absent(thing("a"), thing("b"))
	}},
	{"IncrementBeginsAnew", func(i *instance) {
		i.brief(thing("a"))
		i.commit(store.Increment(thing("a"), map[string]int64{"n": 1}, time.Time{}))
		d := i.one(thing("a"))
		if len(d.Payload) != 0 || !maps.Equal(d.Fields, store.Fields{"n": int64(1)}) || !d.Expires.IsZero() {
			i.Errorf("an increment went on from an expired document: %+v", d)
		}
	}},
	{"EveryWriteOverExpired", func(i *instance) {
		docs := i.brief(thing("set"), thing("incremented"), thing("expires"), thing("deleted"), thing("created"))
		i.commit(store.Set(doc(thing("set"), "new", nil)), store.Increment(thing("incremented"), map[string]int64{"m": 2}, time.Time{}),
			store.Increment(thing("expires"), map[string]int64{"n": 2}, i.now().Add(time.Hour)), store.Delete(thing("deleted")), store.Create(doc(thing("created"), "", nil)))
		i.absent(thing("deleted"))
		for _, d := range []store.Doc{
			doc(thing("set"), "new", nil), doc(thing("incremented"), "", store.Fields{"m": int64(2)}),
			doc(thing("expires"), "", store.Fields{"n": int64(2)}), doc(thing("created"), "", nil),
		} {
			if got := i.one(d.Key); !maps.Equal(got.Fields, d.Fields) || string(got.Payload) != string(d.Payload) || got.Schema != 3 || got.Expires.IsZero() != (d.Key != thing("expires")) {
				i.Errorf("%s: something of the expired document is left: %+v", d.Key, got)
			}
		}
		i.refused(store.ErrConflict, 1, store.Set(doc(thing("beside"), "", nil)), store.Replace(docs[1]))
		i.absent(thing("beside"))
	}},
	{"OneIncrementBeginsAnew", func(i *instance) {
		i.brief(thing("a"))
		together(8, func(int) {
			if _, err := i.Store.Commit(i.ctx, store.Increment(thing("a"), map[string]int64{"n": 1}, time.Time{})); err != nil {
				i.Errorf("increment: %v", err)
			}
		})
		if d := i.one(thing("a")); d.Fields["n"] != int64(8) || len(d.Payload) > 0 {
			i.Errorf("after 8 increments over an expired document: %+v", d)
		}
	}},
	{"TransactionsWriteOverExpired", func(i *instance) {
		docs := i.brief(thing("created"), thing("incremented"), thing("replaced"))
		i.commit(store.Create(doc(thing("there"), "", nil)))
		i.transact(func(tx store.Tx) error {
			if _, err := tx.Get(thing("there")); err != nil {
				return err
			}
			return tx.Write(store.Create(doc(thing("created"), "", nil)), store.Increment(thing("incremented"), map[string]int64{"n": 1}, time.Time{}))
		})
		i.one(thing("created"))
		if n := i.one(thing("incremented")).Fields["n"]; n != int64(1) {
			i.Errorf("n is %v", n)
		}
		err := i.Store.Transact(i.ctx, func(_ context.Context, tx store.Tx) error {
			if _, err := tx.Get(thing("there")); err != nil {
				return err
			}
			return tx.Write(store.Set(doc(thing("there"), "new", nil)), store.Replace(docs[2]))
		})
		i.is(err, store.ErrConflict, "a replace of an expired document")
		if d := i.one(thing("there")); len(d.Payload) > 0 {
			i.Error("half a transaction was applied")
		}
	}},
	{"IncrementExpires", func(i *instance) {
		expires := i.soon()
		i.commit(store.Increment(thing("a"), map[string]int64{"n": 1}, expires))
		i.one(thing("a"))
		i.pass(expires)
		i.absent(thing("a"))
	}},
	{"QueriesDoNotSeeExpired", func(i *instance) {
		var keys []store.Key
		for n := range 7 {
			keys = append(keys, thing(fmt.Sprintf("a%d", n)))
		}
		i.commit(store.Create(doc(thing("a3x"), "", store.Fields{"color": "red", "n": int64(5)})), store.Create(doc(thing("z"), "", store.Fields{"color": "red", "n": int64(5)})))
		i.brief(keys...)
		for _, q := range []store.Query{
			{Kind: "things", Account: "acme", Limit: 1},
			{Kind: "things", Account: "acme", Limit: 2, Where: where("color", "==", "red"), Order: order("n")},
			{Kind: "things", Limit: 1, Where: where("color", "==", "red"), Order: order("n")},
		} {
			if docs, _ := i.follow(q, nil); ids(docs) != "a3x z" {
				i.Errorf("%+v: %s", q, ids(docs))
			}
		}
		// Aggregates may still count them, but no others.
		q := store.Query{Kind: "things", Account: "acme", Where: where("color", "==", "red")}
		if n, err := i.Store.Count(i.ctx, q); err != nil || n < 2 || n > 9 {
			i.Errorf("count %d, %v, want 2 to 9", n, err)
		}
		if n, err := i.Store.Sum(i.ctx, q, "n"); err != nil || n < 10 || n > 45 {
			i.Errorf("sum %d, %v, want 10 to 45", n, err)
		}
	}},
	{"TransactionsDoNotSeeExpired", func(i *instance) {
		i.brief(thing("a"))
		i.transact(func(tx store.Tx) error {
			r, err := tx.Get(thing("a"))
			if err != nil {
				return err
			}
			p, err := tx.Query(store.Query{Kind: "things", Account: "acme", Limit: 5})
			if err != nil {
				return err
			}
			if r.Docs[0].Exists() || len(p.Docs) != 0 {
				i.Errorf("get %+v, query %d documents", r.Docs[0], len(p.Docs))
			}
			return tx.Write(store.Create(doc(thing("a"), "new", nil)))
		})
		if string(i.one(thing("a")).Payload) != "new" {
			i.Error("not written")
		}
	}},
	{"ExpiryIsTakenBack", func(i *instance) {
		expires := i.soon()
		brief := doc(thing("set"), "", nil)
		brief.Expires = expires
		again := brief
		again.Key = thing("replaced")
		i.commit(store.Create(brief), store.Create(again))
		i.commit(store.Set(doc(thing("set"), "", nil)))
		d := i.one(thing("replaced"))
		d.Expires = time.Time{}
		i.commit(store.Replace(d))
		i.pass(expires)
		i.one(thing("set"))
		i.one(thing("replaced"))
	}},
}
