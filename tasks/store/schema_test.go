package store_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"rowsmith/tasks/store"
)

func things() store.Kind {
	return store.Kind{
		Name: "things", Schema: 2, Expires: true,
		Fields: []store.Field{{Name: "color", Type: store.String}, {Name: "n", Type: store.Int}, {Name: "at", Type: store.Time}, {Name: "flag", Type: store.Bool}},
		Shapes: []store.Shape{
			{},
			{Equal: []string{"color"}, Range: "n", Order: []store.Order{{Field: "n"}, {Field: "at", Desc: true}}, Sum: []string{"n"}},
			{Order: []store.Order{{Field: "color"}, {Field: "flag"}, {Field: "at"}}, Across: true},
		},
	}
}

func schema(t testing.TB) *store.Schema {
	t.Helper()
	s, err := store.NewSchema(things())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemaProblems(t *testing.T) {
	for name, c := range map[string]struct {
		change func(k *store.Kind)
		want   string
	}{
		"no name":           {func(k *store.Kind) { k.Name = "" }, "a kind's name"},
		"upper case":        {func(k *store.Kind) { k.Name = "Things" }, "a kind's name"},
		"injection":         {func(k *store.Kind) { k.Name = "a; DROP" }, "a kind's name"},
		"no schema":         {func(k *store.Kind) { k.Schema = 0 }, "versions begin at 1"},
		"field's name":      {func(k *store.Kind) { k.Fields[0].Name = "1st" }, `field "1st"`},
		"long name":         {func(k *store.Kind) { k.Fields[0].Name = strings.Repeat("a", 65) }, "at most 64"},
		"store's own":       {func(k *store.Kind) { k.Fields[0].Name = "rev" }, "the store's own"},
		"twice":             {func(k *store.Kind) { k.Fields[0].Name = "n" }, "declared twice"},
		"no type":           {func(k *store.Kind) { k.Fields[0].Type = 0 }, "has no type"},
		"unknown type":      {func(k *store.Kind) { k.Fields[0].Type = 9 }, "has no type"},
		"equal undeclared":  {func(k *store.Kind) { k.Shapes[1].Equal[0] = "size" }, `equal "size"`},
		"order undeclared":  {func(k *store.Kind) { k.Shapes[2].Order[0].Field = "size" }, `order "size"`},
		"range not first":   {func(k *store.Kind) { k.Shapes[1].Range = "at" }, "first of its order"},
		"range, no order":   {func(k *store.Kind) { k.Shapes[0].Range = "n" }, "first of its order"},
		"equal and ordered": {func(k *store.Kind) { k.Shapes[1].Equal[0] = "n" }, "used twice"},
		"sum of a string":   {func(k *store.Kind) { k.Shapes[1].Sum[0] = "color" }, "not a declared int"},
	} {
		k := things()
		c.change(&k)
		_, err := store.NewSchema(k)
		if !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	_, err := store.NewSchema(things(), store.Kind{}, things())
	if err == nil || !strings.Contains(err.Error(), "declared twice") || !strings.Contains(err.Error(), "versions begin") {
		t.Errorf("not all problems are named: %v", err)
	}
	s, err := store.NewSchema(store.Kind{Name: "b", Schema: 1}, store.Kind{Name: "a", Schema: 1})
	if err != nil || len(s.Kinds()) != 2 || s.Kinds()[0].Name != "a" {
		t.Errorf("kinds %v, %v, want a and b", s.Kinds(), err)
	}
}

// TestErrorsNameNoValues: what people wrote may be in a field or an id that is refused, and errors are logged.
func TestErrorsNameNoValues(t *testing.T) {
	s := schema(t)
	key := store.Key{Account: "acme", Kind: "things", ID: "x"}
	const secret = "jane@example.com"
	for _, d := range []store.Doc{
		{Key: key, Fields: store.Fields{"n": secret}},
		{Key: key, Fields: store.Fields{"color": secret + "\xff"}},
		{Key: key, Fields: store.Fields{"color": strings.Repeat(secret, 100)}},
	} {
		if err := s.NewBatch().Add(store.Set(d)); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("error is %v", err)
		}
	}
	if _, err := s.Plan(store.Query{Kind: "things", Account: "acme", Limit: 1, Where: []store.Where{{Field: "color", Cmp: store.Eq, Value: secret}}}); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("error is %v", err)
	}
}

// TestPlan: what an implementation is handed, whatever the order of the conditions.
func TestPlan(t *testing.T) {
	s := schema(t)
	p, err := s.Plan(store.Query{
		Kind: "things", Account: "acme", Limit: 7, Order: things().Shapes[1].Order,
		Where: []store.Where{{Field: "n", Cmp: store.Lt, Value: int64(9)}, {Field: "color", Cmp: store.Eq, Value: "red"}, {Field: "n", Cmp: store.Ge, Value: int64(1)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Equal) != 1 || p.Equal[0].Value != "red" || len(p.Bounds) != 2 || p.Bounds[0].Cmp != store.Lt || p.Bounds[1].Cmp != store.Ge ||
		p.Limit != 7 || !p.IDDesc() || p.After != nil || p.Shape.Range != "n" {
		t.Errorf("plan %+v", p)
	}
}

func TestCursor(t *testing.T) {
	s := schema(t)
	q := store.Query{Kind: "things", Limit: 1, Order: things().Shapes[2].Order}
	p, err := s.Plan(q)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(1969, 7, 20, 20, 17, 40, 123456000, time.UTC)
	for _, color := range []string{"", "red", "\x00\u2028<&>\"\U0001F600", strings.Repeat("é", store.MaxString/2)} {
		q.After = p.Cursor(store.Doc{Key: store.Key{Account: "a", Kind: "things", ID: "é"}, Fields: store.Fields{"color": color, "flag": true, "at": at}})
		next, err := s.Plan(q)
		if err != nil {
			t.Fatal(err)
		}
		if a := next.After; a.Account != "a" || a.ID != "é" || a.Values[0] != color || a.Values[1] != true || a.Values[2] != at {
			t.Errorf("position %+v", a)
		}
	}
	p, err = s.Plan(store.Query{Kind: "things", Account: "acme", Limit: 1, Order: things().Shapes[1].Order, Where: []store.Where{{Field: "color", Cmp: store.Eq, Value: ""}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{math.MinInt64, math.MaxInt64, 1<<53 + 1} {
		q := store.Query{Kind: "things", Account: "acme", Limit: 1, Order: p.Order, Where: p.Equal,
			After: p.Cursor(store.Doc{Key: store.Key{Account: "acme", ID: "x"}, Fields: store.Fields{"n": n, "at": at}})}
		if next, err := s.Plan(q); err != nil || next.After.Values[0] != n {
			t.Errorf("%d came back as %+v, %v", n, next.After, err)
		}
	}
}

// FuzzCursor: cursors come from outside. Whatever they are, a plan is refused or sound.
func FuzzCursor(f *testing.F) {
	s := schema(f)
	q := store.Query{Kind: "things", Limit: 1, Order: things().Shapes[2].Order}
	p, err := s.Plan(q)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.Cursor(store.Doc{Key: store.Key{Account: "a", ID: "b"}, Fields: store.Fields{"color": "red", "flag": true, "at": time.Unix(0, 0)}}))
	f.Add("")
	f.Add("W10")
	f.Add("bnVsbA")
	f.Add("WyIiLCJhIiwiYiIsbnVsbCxudWxsLG51bGxd")
	f.Fuzz(func(t *testing.T, cursor string) {
		q := q
		q.After = cursor
		p, err := s.Plan(q)
		if err != nil {
			if !errors.Is(err, store.ErrInvalid) {
				t.Fatalf("error is %v, want ErrInvalid", err)
			}
			return
		}
		if cursor == "" {
			return
		}
		color, isString := p.After.Values[0].(string)
		flag, isBool := p.After.Values[1].(bool)
		at, isTime := p.After.Values[2].(time.Time)
		if !isString || !isBool || !isTime {
			t.Fatalf("position %+v", p.After)
		}
		again := q
		again.After = p.Cursor(store.Doc{Key: store.Key{Account: p.After.Account, ID: p.After.ID}, Fields: store.Fields{"color": color, "flag": flag, "at": at}})
		if same, err := s.Plan(again); err != nil || same.After.ID != p.After.ID || same.After.Values[2] != p.After.Values[2] {
			t.Fatalf("%+v written and read is %+v, %v", p.After, same.After, err)
		}
	})
}
