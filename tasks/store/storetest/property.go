package storetest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"rowsmith/tasks/store"
)

var modelTests = []test{
	{"BehavesLikeAMap", func(i *instance) {
		i.fewChecks()
		var runs atomic.Int64
		rapid.Check(i.T, func(t *rapid.T) {
			// Each run has accounts of its own, so that one store serves them all.
			m := &machine{T: t, i: i, account: fmt.Sprintf("run%d", runs.Add(1)), docs: model{}}
			t.Repeat(map[string]func(*rapid.T){
				"commit":   m.commit,
				"transact": m.transact,
				"get":      m.get,
				"query":    m.query,
				"count":    m.count,
				"time":     m.time,
				"reopen":   m.reopen,
			})
			m.get(t)
		})
	}},
}

// fewChecks makes random tests run 20 times unless the command line says how often.
func (i *instance) fewChecks() {
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "rapid.checks" })
	if f := flag.Lookup("rapid.checks"); !said && f != nil {
		was := f.Value.String()
		if err := f.Value.Set("20"); err != nil {
			i.Fatal(err)
		}
		i.Cleanup(func() { f.Value.Set(was) }) //nolint:errcheck // it was its own value
	}
}

// A machine does random things to a store and to a model of it, and compares.
type machine struct {
	*rapid.T
	i       *instance
	account string
	docs    model
}

var kinds = []string{"things", "entries"}

func (m *machine) key(t *rapid.T) store.Key {
	return store.Key{
		Account: m.account,
		Kind:    rapid.SampledFrom(kinds).Draw(t, "kind"),
		ID:      rapid.SampledFrom([]string{"a", "b", "c", "d", "é", "\U0001F600"}).Draw(t, "id"),
	}
}

func value(t *rapid.T, ft store.Type) any {
	switch ft {
	case store.String:
		return rapid.SampledFrom([]string{"", "red", "blue", "Ä"}).Draw(t, "string")
	case store.Int:
		return rapid.Int64Range(-2, 2).Draw(t, "int")
	case store.Bool:
		return rapid.Bool().Draw(t, "bool")
	}
	return time.UnixMicro(rapid.Int64Range(-2, 2).Draw(t, "time")).UTC()
}

func kindOf(name string) store.Kind {
	all := Kinds()
	return all[slices.IndexFunc(all, func(k store.Kind) bool { return k.Name == name })]
}

// expiry is none, long past, near (where time can be moved) or far.
func (m *machine) expiry(t *rapid.T, kind store.Kind) time.Time {
	if !kind.Expires {
		return time.Time{}
	}
	choices := []time.Time{{}, {}, {}, time.Unix(1, 0).UTC(), m.i.now().Add(1000 * time.Hour)}
	if m.i.Advance != nil {
		choices = append(choices, m.i.now().Add(time.Second), m.i.now().Add(2*time.Second))
	}
	return rapid.SampledFrom(choices).Draw(t, "expires")
}

// rev is the document's own, mostly.
func (m *machine) rev(t *rapid.T, key store.Key) store.Rev {
	if d, ok := m.docs[key]; ok && d.Rev != "" && rapid.IntRange(0, 4).Draw(t, "fresh") > 0 {
		return d.Rev
	}
	return m.i.commit(store.Set(store.Doc{Key: store.Key{Account: m.account + "x", Kind: key.Kind, ID: "rev"}})).Revs[0]
}

// writes are up to four, of different documents.
func (m *machine) writes(t *rapid.T) []store.Write {
	var list []store.Write
	used := map[store.Key]bool{}
	for range rapid.IntRange(1, 4).Draw(t, "writes") {
		key := m.key(t)
		if used[key] {
			continue
		}
		used[key] = true
		kind := kindOf(key.Kind)
		d := store.Doc{Key: key, Schema: rapid.IntRange(0, 2).Draw(t, "schema"), Payload: rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "payload"), Expires: m.expiry(t, kind)}
		for _, f := range kind.Fields {
			if rapid.Bool().Draw(t, "present") {
				if d.Fields == nil {
					d.Fields = store.Fields{}
				}
				d.Fields[f.Name] = value(t, f.Type)
			}
		}
		switch rapid.IntRange(0, 6).Draw(t, "op") {
		case 0, 1:
			list = append(list, store.Create(d))
		case 2:
			list = append(list, store.Set(d))
		case 3:
			d.Rev = m.rev(t, key)
			list = append(list, store.Replace(d))
		case 4:
			list = append(list, store.Increment(key, map[string]int64{"n": rapid.Int64Range(-2, 2).Draw(t, "by")}, d.Expires))
		case 5:
			list = append(list, store.Delete(key))
		case 6:
			list = append(list, store.DeleteAt(key, m.rev(t, key)))
		}
	}
	return list
}

// wrong checks a commit's error against the writes that were impossible.
func (m *machine) wrong(t *rapid.T, wrong map[int]error, err error) {
	if len(wrong) == 0 {
		if err != nil {
			t.Fatalf("a possible commit failed: %v", err)
		}
		return
	}
	var w *store.WriteError
	if !errors.As(err, &w) {
		t.Fatalf("error is %v, want a WriteError: impossible are %v", err, wrong)
	}
	if want := wrong[w.Index]; want == nil || !errors.Is(err, want) {
		t.Fatalf("error is %v; impossible are %v", err, wrong)
	}
}

func (m *machine) commit(t *rapid.T) {
	writes := m.writes(t)
	wrong := m.docs.possible(writes, m.i.now())
	c, err := m.i.Store.Commit(m.i.ctx, writes...)
	m.wrong(t, wrong, err)
	if err == nil {
		m.docs.apply(writes, c.Revs, c.At)
	}
}

func (m *machine) transact(t *rapid.T) {
	key, writes, q, fail := m.key(t), m.writes(t), m.random(t), rapid.IntRange(0, 4).Draw(t, "fail") == 0
	wrong := m.docs.possible(writes, m.i.now())
	err := m.i.Store.Transact(m.i.ctx, func(_ context.Context, tx store.Tx) error {
		r, err := tx.Get(key)
		if err != nil {
			return err
		}
		m.same(t, key, r.Docs[0], r.At)
		p, err := tx.Query(q)
		if err != nil {
			return err
		}
		m.page(t, m.docs.answer(q, p.At, false), p, q.Limit)
		if err := tx.Write(writes...); err != nil {
			return err
		}
		if fail {
			return errOwn
		}
		return nil
	})
	if fail {
		if err != errOwn {
			t.Fatalf("error %v, want the closure's", err)
		}
		return
	}
	m.wrong(t, wrong, err)
	if err == nil {
		m.docs.apply(writes, nil, m.i.now())
		for _, w := range writes { // a transaction does not tell the revs it made
			if d, ok := m.docs[w.Doc.Key]; ok {
				d.Rev = m.i.get(w.Doc.Key)[0].Rev
				m.docs[w.Doc.Key] = d
			}
		}
	}
}

func (m *machine) same(t *rapid.T, key store.Key, got store.Doc, at time.Time) {
	want, ok := m.docs.live(key, at)
	if got.Exists() != ok {
		t.Fatalf("%s is there: %v, want %v", key, got.Exists(), ok)
	}
	if !ok {
		return
	}
	if why := differ(want, got); why != "" || want.Rev != "" && got.Rev != want.Rev {
		t.Fatalf("%s: %s (rev %q, want %q)", key, why, got.Rev, want.Rev)
	}
}

func (m *machine) get(t *rapid.T) {
	var keys []store.Key
	for _, kind := range kinds {
		for _, id := range []string{"a", "b", "c", "d", "é", "\U0001F600"} {
			keys = append(keys, store.Key{Account: m.account, Kind: kind, ID: id})
		}
	}
	r, err := m.i.Store.Get(m.i.ctx, keys...)
	if err != nil {
		t.Fatal(err)
	}
	for n, d := range r.Docs {
		m.same(t, keys[n], d, r.At)
	}
}

// random is a query of a random declared shape.
func (m *machine) random(t *rapid.T) store.Query {
	kind := kindOf(rapid.SampledFrom(kinds).Draw(t, "kind"))
	shapes := slices.DeleteFunc(slices.Clone(kind.Shapes), func(s store.Shape) bool { return s.Across })
	s := rapid.SampledFrom(shapes).Draw(t, "shape")
	q := store.Query{Kind: kind.Name, Account: m.account, Order: s.Order, Limit: rapid.IntRange(1, 4).Draw(t, "limit")}
	for _, f := range s.Equal {
		q.Where = append(q.Where, store.Where{Field: f, Cmp: store.Eq, Value: value(t, kind.FieldType(f))})
	}
	if s.Range != "" {
		if c := rapid.SampledFrom([]store.Cmp{"", store.Gt, store.Ge}).Draw(t, "lower"); c != "" {
			q.Where = append(q.Where, store.Where{Field: s.Range, Cmp: c, Value: value(t, kind.FieldType(s.Range))})
		}
		if c := rapid.SampledFrom([]store.Cmp{"", store.Lt, store.Le}).Draw(t, "upper"); c != "" {
			q.Where = append(q.Where, store.Where{Field: s.Range, Cmp: c, Value: value(t, kind.FieldType(s.Range))})
		}
	}
	return q
}

// page compares one page with what is left of the answer, and returns what is left after it.
func (m *machine) page(t *rapid.T, want []store.Doc, p store.Page, limit int) []store.Doc {
	n := min(limit, len(want))
	if ids(p.Docs) != ids(want[:n]) || (p.Next != "") != (len(want) > n) {
		t.Fatalf("page %q, more: %v, want %q of %q", ids(p.Docs), p.Next != "", ids(want[:n]), ids(want))
	}
	for k, d := range p.Docs {
		if why := differ(want[k], d); why != "" {
			t.Fatalf("%s: %s", d.Key, why)
		}
	}
	return want[n:]
}

func (m *machine) query(t *rapid.T) {
	q := m.random(t)
	want := m.docs.answer(q, m.i.now(), false)
	for {
		p, err := m.i.Store.Query(m.i.ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		want = m.page(t, want, p, q.Limit)
		if q.After = p.Next; q.After == "" {
			return
		}
	}
}

// count compares Count and, where it is declared, Sum. Expired documents may be counted.
func (m *machine) count(t *rapid.T) {
	q := m.random(t)
	sum := func(docs []store.Doc) (n int64) {
		for _, d := range docs {
			v, _ := d.Fields["n"].(int64)
			n += v
		}
		return n
	}
	live, all := m.docs.answer(q, m.i.now(), true), m.docs.answer(q, time.Time{}, true)
	n, err := m.i.Store.Count(m.i.ctx, q)
	if err != nil || n < int64(len(live)) || n > int64(len(all)) {
		t.Fatalf("count %d, %v, want %d to %d", n, err, len(live), len(all))
	}
	if n, err = m.i.Store.Sum(m.i.ctx, q, "n"); errors.Is(err, store.ErrInvalid) {
		return
	}
	if err != nil || len(live) == len(all) && n != sum(live) {
		t.Fatalf("sum %d, %v, want %d", n, err, sum(live))
	}
}

func (m *machine) time(t *rapid.T) {
	if m.i.Advance == nil {
		t.Skip("store time cannot be moved")
	}
	m.i.Advance(500 * time.Millisecond)
}

func (m *machine) reopen(t *rapid.T) {
	if m.i.Reopen == nil || rapid.IntRange(0, 9).Draw(t, "seldom") > 0 {
		t.Skip("not now")
	}
	m.i.Store = m.i.Reopen(m.i.T)
}
