package enrichment_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	. "rowsmith/enrichment"
)

var start = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// A fake is a provider of one function, which counts its queries.
type fake struct {
	info   Info
	answer func(Query) Answer
	whole  func(ctx context.Context, batch []Query) []Answer // instead of answer

	mu      sync.Mutex
	calls   int
	queries []Query
}

func (f *fake) Info() Info { return f.info }

func (f *fake) Lookup(ctx context.Context, batch []Query) []Answer {
	f.mu.Lock()
	f.calls++
	for _, q := range batch {
		q.Subject = maps.Clone(q.Subject)
		f.queries = append(f.queries, q)
	}
	f.mu.Unlock()
	if f.whole != nil {
		return f.whole(ctx, batch)
	}
	out := make([]Answer, len(batch))
	for i, q := range batch {
		out[i] = f.answer(q)
	}
	return out
}

func (f *fake) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.queries)
}

// source makes a provider that needs one set of attributes and gives fixed values.
func source(id string, needs, gives []string, values map[string]any, opts ...func(*Info)) *fake {
	f := &fake{info: Info{ID: id, Name: id, Needs: [][]string{needs}, Gives: gives}}
	for _, o := range opts {
		o(&f.info)
	}
	f.answer = func(Query) Answer { return hit(values) }
	return f
}

func hit(values map[string]any) Answer {
	if len(values) == 0 {
		return Answer{Outcome: Miss, Reason: ReasonNotFound}
	}
	a := Answer{Outcome: Hit, Values: map[string]Value{}}
	for name, v := range values {
		a.Values[name] = Value{Value: v, Confidence: 0.9}
	}
	return a
}

func local(i *Info)   { i.Local = true }
func network(i *Info) { i.Network = true }

func paid(price int64) func(*Info) {
	return func(i *Info) { i.Network, i.Paid, i.Personal, i.Price = true, true, true, price }
}

func batch(n int) func(*Info) { return func(i *Info) { i.Batch = n } }

func only(names ...string) []string { return names }

// A memory is a cache for tests.
type memory struct {
	mu      sync.Mutex
	records map[string]Record
	gets    int
	puts    int
	err     error
}

func (m *memory) Get(_ context.Context, account string, keys []string) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gets++
	out := make([]Record, len(keys))
	for i, k := range keys {
		out[i] = m.records[account+"/"+k]
	}
	return out, m.err
}

func (m *memory) Put(_ context.Context, account string, records []Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.puts++
	if m.records == nil {
		m.records = map[string]Record{}
	}
	for _, r := range records {
		old := m.records[account+"/"+r.Key]
		merged := Record{Key: r.Key, Values: map[string]Value{}, Misses: map[string]time.Time{}, Buyer: map[string]string{}}
		for _, x := range []Record{old, r} {
			maps.Copy(merged.Values, x.Values)
			maps.Copy(merged.Misses, x.Misses)
			maps.Copy(merged.Buyer, x.Buyer)
		}
		m.records[account+"/"+r.Key] = merged
	}
	return m.err
}

// A ledger is a journal for tests, as the contract has it.
type ledger struct {
	mu    sync.Mutex
	calls map[string]Call
	ends  int
	err   error
}

func (l *ledger) Begin(_ context.Context, calls []Call) (map[string]Call, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == nil {
		l.calls = map[string]Call{}
	}
	before := map[string]Call{}
	for _, c := range calls {
		old, ok := l.calls[c.ID]
		if ok {
			before[c.ID] = old
		}
		if !ok || !old.Outcome.Final() && (old.Outcome != 0 || c.Attempt > old.Attempt) {
			l.calls[c.ID] = c
		}
	}
	return before, l.err
}

func (l *ledger) End(_ context.Context, calls []Call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range calls {
		l.calls[c.ID] = c
		l.ends++
	}
	return l.err
}

func engine(t testing.TB, providers ...Provider) *Engine {
	t.Helper()
	return engineOf(t, Config{Providers: providers})
}

func engineOf(t testing.TB, c Config) *Engine {
	t.Helper()
	if c.Clock == nil {
		c.Clock = clockwork.NewFakeClockAt(start)
	}
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func enrich(t testing.TB, e *Engine, want Want, subjects ...Subject) []Result {
	t.Helper()
	res, err := e.Enrich(context.Background(), subjects, want)
	if err != nil {
		t.Fatal(err)
	}
	if len(res) != len(subjects) {
		t.Fatalf("%d results for %d subjects", len(res), len(subjects))
	}
	return res
}

// expect compares a result's values ("a=1") and reasons.
func expect(t testing.TB, r Result, values map[string]any, missing map[string]string) {
	t.Helper()
	for name, want := range values {
		if got := r.Values[name].Value; got != want {
			t.Errorf("%s = %#v, want %#v (missing: %v)", name, got, want, r.Missing)
		}
	}
	got := 0
	for name, v := range r.Values {
		if v.Value != nil {
			got++
			if _, ok := values[name]; !ok {
				t.Errorf("%s = %#v was not expected", name, v.Value)
			}
		}
	}
	if !maps.Equal(r.Missing, missing) {
		t.Errorf("missing %v, want %v", r.Missing, missing)
	}
}
