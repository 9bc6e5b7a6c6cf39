package sqlite

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/tasks/store"
	"rowsmith/tasks/store/storetest"
)

// TestClockIsSetBack: store time does not run backwards with the machine's, and does not stand still until it has caught up.
func TestClockIsSetBack(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	source := &readings{at: []time.Time{
		start, start.Add(time.Second), start.Add(-time.Hour), start.Add(-time.Hour + 3*time.Second), start.Add(time.Minute),
	}}
	c := &clock{source: source}
	for n, want := range []time.Duration{0, time.Second, time.Second, 4 * time.Second, time.Minute} {
		if got := c.now().Sub(start); got != want {
			t.Errorf("reading %d: %v after the start, want %v", n, got, want)
		}
	}
}

// readings is a clock that shows given times one after the other.
type readings struct {
	clockwork.Clock
	at []time.Time
}

func (s *readings) Now() time.Time {
	t := s.at[0]
	s.at = s.at[1:]
	return t
}

// TestQueriesUseTheirIndex: no declared shape is answered by reading a whole table or by sorting, first
// page or later.
func TestQueriesUseTheirIndex(t *testing.T) {
	write, read, err := Open(filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	defer read.Close()
	schema, err := store.NewSchema(storetest.Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(context.Background(), write, read, schema, clockwork.NewRealClock())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	values := map[store.Type]any{store.String: "x", store.Int: int64(1), store.Bool: true, store.Time: time.Unix(1, 0)}
	explain := func(text string, args []any) string {
		var steps []string
		var a, b, c int
		var detail string
		err := s.pool().each(t.Context(), `EXPLAIN QUERY PLAN `+text, args, []any{&a, &b, &c, &detail}, func() { steps = append(steps, detail) })
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return strings.Join(steps, "; ")
	}
	for _, k := range schema.Kinds() {
		table := s.tables[k.Name]
		for _, shape := range k.Shapes {
			q := store.Query{Kind: k.Name, Account: "acme", Order: shape.Order, Limit: 10}
			if shape.Across {
				q.Account = ""
			}
			last := store.Doc{Key: store.Key{Account: "acme", Kind: k.Name, ID: "x"}, Fields: store.Fields{}}
			for _, f := range shape.Equal {
				q.Where = append(q.Where, store.Where{Field: f, Cmp: store.Eq, Value: values[k.FieldType(f)]})
			}
			for _, o := range shape.Order {
				last.Fields[o.Field] = values[k.FieldType(o.Field)]
			}
			for range 2 {
				p, err := schema.Plan(q)
				if err != nil {
					t.Fatal(err)
				}
				from, args := table.conditions(p, time.Now())
				plan := explain(`SELECT `+table.columns+from+table.order(p)+` LIMIT ?`, append(args, p.Limit))
				everything := shape.Across && len(shape.Equal)+len(shape.Order) == 0
				if !strings.Contains(plan, "USING INDEX") || strings.Contains(plan, "TEMP B-TREE") || strings.HasPrefix(plan, "SCAN") && !everything {
					t.Errorf("%s %+v, later page %v: %s", k.Name, shape, q.After != "", plan)
				}
				q.After = p.Cursor(last)
			}
		}
		keys := explain(table.lookup(table.columns), []any{`[["a","b"]]`})
		if !strings.Contains(keys, "SEARCH t USING INDEX") {
			t.Errorf("%s by keys: %s", k.Name, keys)
		}
	}
}
