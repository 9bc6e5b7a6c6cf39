// Package storetest is the suite that every implementation of package store
// passes: a subtest for each behaviour the contract promises, and a state
// machine that compares a store with a simple model of it.
//
// It is for tests only. It assumes nothing that the contract does not say: not how soon a closure runs
// again, not which of several impossible writes is named, not that expired documents are counted or not.
// It asks little of a store with a few milliseconds a call and slow transactions.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"rowsmith/tasks/store"
)

// A Harness is a fresh, empty store, opened with [Kinds].
type Harness struct {
	Store store.Store

	// Reopen closes the store and opens another over the same documents. Nil skips what needs it.
	Reopen func(t *testing.T) store.Store

	// Advance moves store time on. Nil makes the suite use short expiries and wait for them.
	Advance func(d time.Duration)

	// Reruns says that a transaction is certain to run again when a document it read is changed by a
	// commit that ends before it does. A store that locks what is read makes that commit wait instead.
	Reruns bool

	// CommitBytes is the largest commit that the other end of this store can take, where that is a stand-in that takes less
	// than [store.MaxCommit]. Zero means that it takes that.
	CommitBytes int
}

// Kinds are the kinds that a [Harness] declares.
func Kinds() []store.Kind {
	asc := func(fields ...string) (o []store.Order) {
		for _, f := range fields {
			o = append(o, store.Order{Field: f})
		}
		return o
	}
	desc := func(f string) store.Order { return store.Order{Field: f, Desc: true} }
	return []store.Kind{
		{
			Name: "things", Schema: 3, Expires: true,
			Fields: []store.Field{
				{Name: "color", Type: store.String},
				{Name: "name", Type: store.String},
				{Name: "n", Type: store.Int},
				{Name: "m", Type: store.Int},
				{Name: "flag", Type: store.Bool},
				{Name: "at", Type: store.Time},
			},
			Shapes: []store.Shape{
				{},
				{Across: true},
				{Equal: []string{"color"}, Sum: []string{"n", "m"}},
				{Equal: []string{"flag", "color"}},
				{Equal: []string{"color"}, Range: "n", Order: asc("n"), Sum: []string{"n"}},
				{Equal: []string{"color"}, Range: "n", Order: []store.Order{desc("n")}},
				{Range: "name", Order: asc("name")},
				{Range: "at", Order: []store.Order{desc("at")}},
				{Range: "flag", Order: asc("flag")},
				{Order: []store.Order{{Field: "color"}, desc("n")}},
				{Order: []store.Order{desc("color"), {Field: "n"}}},
				{Equal: []string{"color"}, Range: "n", Order: asc("n"), Across: true, Sum: []string{"n"}},
				{Equal: []string{"flag"}, Across: true},
				{Equal: []string{"at"}},
			},
		},
		{
			Name: "entries", Schema: 1,
			Fields: []store.Field{{Name: "n", Type: store.Int}, {Name: "m", Type: store.Int}, {Name: "state", Type: store.String}},
			Shapes: []store.Shape{{Sum: []string{"n"}}, {Equal: []string{"state"}, Sum: []string{"n"}}},
		},
		{Name: "plain", Schema: 1},
	}
}

// Run runs the suite. It calls open for a fresh store in every subtest; open closes it by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	groups := []struct {
		name  string
		tests []test
	}{
		{"Documents", documentTests},
		{"Keys", keyTests},
		{"Limits", limitTests},
		{"Writes", writeTests},
		{"Races", raceTests},
		{"Transactions", transactionTests},
		{"Queries", queryTests},
		{"Pages", pageTests},
		{"Aggregates", aggregateTests},
		{"Expiry", expiryTests},
		{"Lifetime", lifetimeTests},
		{"Model", modelTests},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, c := range g.tests {
				t.Run(c.name, func(t *testing.T) {
					h := open(t)
					ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
					defer cancel()
					c.run(&instance{T: t, Harness: h, ctx: ctx})
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(*instance)
}

// An instance is one subtest's store, with the steps that tests are made of. They fail the test when the store does.
type instance struct {
	*testing.T
	Harness
	ctx context.Context
}

// thing is the key of a document of the kind with everything.
func thing(id string) store.Key { return store.Key{Account: "acme", Kind: "things", ID: id} }

func entry(id string) store.Key { return store.Key{Account: "acme", Kind: "entries", ID: id} }

func doc(key store.Key, payload string, fields store.Fields) store.Doc {
	return store.Doc{Key: key, Payload: []byte(payload), Fields: fields}
}

func (i *instance) commit(writes ...store.Write) store.Commit {
	i.Helper()
	c, err := i.Store.Commit(i.ctx, writes...)
	if err != nil {
		i.Fatalf("commit: %v", err)
	}
	if len(c.Revs) != len(writes) {
		i.Fatalf("commit of %d writes returned %d revs", len(writes), len(c.Revs))
	}
	return c
}

func (i *instance) get(keys ...store.Key) []store.Doc {
	i.Helper()
	r, err := i.Store.Get(i.ctx, keys...)
	if err != nil {
		i.Fatalf("get: %v", err)
	}
	if len(r.Docs) != len(keys) {
		i.Fatalf("get of %d keys returned %d docs", len(keys), len(r.Docs))
	}
	return r.Docs
}

// one returns a document that must be there.
func (i *instance) one(key store.Key) store.Doc {
	i.Helper()
	d, err := store.One(i.ctx, i.Store, key)
	if err != nil {
		i.Fatal(err)
	}
	return d
}

func (i *instance) absent(keys ...store.Key) {
	i.Helper()
	for _, d := range i.get(keys...) {
		if d.Exists() {
			i.Errorf("%s is there", d.Key)
		}
		if len(d.Payload) > 0 || len(d.Fields) > 0 || d.Schema != 0 || !d.Expires.IsZero() {
			i.Errorf("%s is absent but not empty: %+v", d.Key, d)
		}
	}
}

func (i *instance) query(q store.Query) store.Page {
	i.Helper()
	p, err := i.Store.Query(i.ctx, q)
	if err != nil {
		i.Fatalf("query: %v", err)
	}
	return p
}

// is fails the test unless err is want and, as the contract says of every error, one of the package's sentinels.
func (i *instance) is(err, want error, format string, args ...any) {
	i.Helper()
	if !errors.Is(err, want) {
		i.Errorf("%s: error is %v, want %v", fmt.Sprintf(format, args...), err, want)
	}
}

// refused commits writes of which the one at index is impossible.
func (i *instance) refused(want error, index int, writes ...store.Write) {
	i.Helper()
	_, err := i.Store.Commit(i.ctx, writes...)
	if !errors.Is(err, want) {
		i.Errorf("commit: error is %v, want %v", err, want)
		return
	}
	var w *store.WriteError
	if !errors.As(err, &w) {
		i.Errorf("commit: %v is no WriteError", err)
		return
	}
	if w.Index != index || w.Key != writes[index].Doc.Key {
		i.Errorf("commit: the error names write %d (%s), want %d (%s)", w.Index, w.Key, index, writes[index].Doc.Key)
	}
}

func (i *instance) now() time.Time {
	i.Helper()
	at, err := i.Store.Now(i.ctx)
	if err != nil {
		i.Fatalf("now: %v", err)
	}
	return at
}

// soon is an expiry that pass passes.
func (i *instance) soon() time.Time { return i.now().Add(150 * time.Millisecond) }

// pass returns when store time has reached at.
func (i *instance) pass(at time.Time) {
	i.Helper()
	for {
		left := at.Sub(i.now())
		if left <= 0 {
			return
		}
		if i.Advance != nil {
			i.Advance(left)
			continue
		}
		select { // the only clock that can be waited for is the real one
		case <-time.After(left):
		case <-i.ctx.Done():
			i.Fatal("store time does not pass")
		}
	}
}

// reopen replaces the store by another over the same documents.
func (i *instance) reopen() {
	i.Helper()
	if i.Reopen == nil {
		i.Skip("cannot be reopened")
	}
	i.Store = i.Reopen(i.T)
}
