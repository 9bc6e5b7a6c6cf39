package store

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// MaxLimit is the largest Query.Limit.
const MaxLimit = 1000

// A Plan is a query that was found valid: what an implementation translates into its own language.
// Values are in normal form.
type Plan struct {
	Kind    Kind
	Shape   Shape     // the declared shape that serves it
	Account string    // empty: all accounts
	Equal   []Where   // one for each of Shape.Equal, in its order
	Bounds  []Where   // at most one lower and one upper bound, on Shape.Range
	Order   []Order   // the documents that lack one of these fields are not seen
	Limit   int       // documents wanted
	After   *Position // nil: from the beginning
	Sum     string    // the field that PlanSum was asked for
}

// A Position is where a page ends: the last document's values of the order's
// fields, and its key.
type Position struct {
	Values  []any // one for each of Plan.Order
	Account string
	ID      string
}

// IDDesc reports the direction in which ties are broken, by account and then id: that of the last
// of Order, ascending where there is none.
func (p Plan) IDDesc() bool { return len(p.Order) > 0 && p.Order[len(p.Order)-1].Desc }

// Plan validates a query. The error is [ErrInvalid].
func (s *Schema) Plan(q Query) (Plan, error) {
	p, err := s.plan(q)
	if err != nil {
		return Plan{}, err
	}
	if q.Limit < 1 || q.Limit > MaxLimit {
		return Plan{}, fmt.Errorf("query %s: limit %d is not 1 to %d: %w", q.Kind, q.Limit, MaxLimit, ErrInvalid)
	}
	p.Order, p.Limit = slices.Clone(q.Order), q.Limit
	i := slices.IndexFunc(p.Kind.Shapes, func(sh Shape) bool {
		return p.sameConditions(sh) && slices.Equal(sh.Order, q.Order) && (len(p.Bounds) == 0 || sh.Range == p.Bounds[0].Field)
	})
	if i < 0 {
		return Plan{}, p.undeclared("query")
	}
	p.use(p.Kind.Shapes[i])
	if q.After != "" {
		if p.After, err = p.position(q.After); err != nil {
			return Plan{}, err
		}
	}
	return p, nil
}

// PlanCount validates a query to be counted: any declared shape with its
// conditions serves, whatever its order. Order, Limit and After are ignored.
func (s *Schema) PlanCount(q Query) (Plan, error) {
	p, err := s.plan(q)
	if err != nil {
		return Plan{}, err
	}
	i := slices.IndexFunc(p.Kind.Shapes, func(sh Shape) bool {
		return p.sameConditions(sh) && (len(p.Bounds) == 0 || sh.Range == p.Bounds[0].Field)
	})
	if i < 0 {
		return Plan{}, p.undeclared("count")
	}
	p.use(p.Kind.Shapes[i])
	return p, nil
}

// PlanSum validates a query whose field is to be summed: a declared shape
// with its conditions must name the field in its Sum.
func (s *Schema) PlanSum(q Query, field string) (Plan, error) {
	p, err := s.plan(q)
	if err != nil {
		return Plan{}, err
	}
	if p.Kind.FieldType(field) != Int {
		return Plan{}, fmt.Errorf("sum of %s.%s, which is not a declared int: %w", q.Kind, field, ErrInvalid)
	}
	i := slices.IndexFunc(p.Kind.Shapes, func(sh Shape) bool {
		bound := ""
		if len(p.Bounds) > 0 {
			bound = p.Bounds[0].Field
		}
		return p.sameConditions(sh) && sh.Range == bound && slices.Contains(sh.Sum, field)
	})
	if i < 0 {
		return Plan{}, p.undeclared("sum of " + field)
	}
	p.use(p.Kind.Shapes[i])
	p.Sum = field
	return p, nil
}

// plan checks everything about q but its shape, limit, order and cursor.
func (s *Schema) plan(q Query) (Plan, error) {
	kind, ok := s.Kind(q.Kind)
	if !ok {
		return Plan{}, fmt.Errorf("query: kind %q is not declared: %w", q.Kind, ErrInvalid)
	}
	if q.Account != "" {
		if why := badSegment(q.Account); why != "" {
			return Plan{}, fmt.Errorf("query %s: account %s: %w", q.Kind, why, ErrInvalid)
		}
	}
	p := Plan{Kind: kind, Account: q.Account}
	bad := func(format string, args ...any) (Plan, error) {
		return Plan{}, fmt.Errorf("query %s: %s: %w", q.Kind, fmt.Sprintf(format, args...), ErrInvalid)
	}
	lower, upper := false, false
	for _, w := range q.Where {
		v, err := kind.checkValue(w.Field, w.Value)
		if err != nil {
			return bad("%v", err)
		}
		w.Value = v
		switch w.Cmp {
		case Eq:
			if slices.ContainsFunc(p.Equal, func(e Where) bool { return e.Field == w.Field }) {
				return bad("%s compared twice", w.Field)
			}
			p.Equal = append(p.Equal, w)
			continue
		case Gt, Ge:
			if lower {
				return bad("two lower bounds")
			}
			lower = true
		case Lt, Le:
			if upper {
				return bad("two upper bounds")
			}
			upper = true
		default:
			return bad("unknown comparison %q", w.Cmp)
		}
		if len(p.Bounds) > 0 && p.Bounds[0].Field != w.Field {
			return bad("ranges on two fields, %s and %s", p.Bounds[0].Field, w.Field)
		}
		p.Bounds = append(p.Bounds, w)
	}
	return p, nil
}

// sameConditions reports whether sh compares the same fields for equality over the same scope.
func (p Plan) sameConditions(sh Shape) bool {
	if sh.Across != (p.Account == "") || len(sh.Equal) != len(p.Equal) {
		return false
	}
	for _, w := range p.Equal {
		if !slices.Contains(sh.Equal, w.Field) {
			return false
		}
	}
	return true
}

// use makes sh the plan's shape and puts the conditions into its order.
func (p *Plan) use(sh Shape) {
	p.Shape = sh
	slices.SortFunc(p.Equal, func(a, b Where) int {
		return slices.Index(sh.Equal, a.Field) - slices.Index(sh.Equal, b.Field)
	})
}

// undeclared is the error for a shape that no one declared; it says which, so that it can be.
func (p Plan) undeclared(what string) error {
	return fmt.Errorf("%s: kind %s declares no shape {%s}: %w", what, p.Kind.Name, p.form(), ErrInvalid)
}

// form spells the plan's shape, without values.
func (p Plan) form() string {
	var b strings.Builder
	equal := make([]string, len(p.Equal))
	for i, w := range p.Equal {
		equal[i] = w.Field
	}
	slices.Sort(equal)
	fmt.Fprintf(&b, "equal %v", equal)
	if len(p.Bounds) > 0 {
		fmt.Fprintf(&b, " range %s", p.Bounds[0].Field)
	}
	for _, o := range p.Order {
		fmt.Fprintf(&b, " order %s", o.Field)
		if o.Desc {
			b.WriteString(" desc")
		}
	}
	if p.Account == "" {
		b.WriteString(" across")
	}
	return b.String()
}

// maxCursor bounds a cursor that came from outside: a handful of values and a key fit many times.
const maxCursor = 32 << 10

// Cursor returns the cursor that continues after d, the last document of a
// page. It is opaque, safe in a URL, and good only for a query of the same kind and form.
func (p Plan) Cursor(d Doc) string {
	at := []any{p.fingerprint(), d.Key.Account, d.Key.ID}
	for _, o := range p.Order {
		v := d.Fields[o.Field]
		if t, ok := v.(time.Time); ok {
			v = t.UnixMicro()
		}
		at = append(at, v)
	}
	text, err := json.Marshal(at)
	if err != nil { // strings, numbers and booleans only
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// fingerprint tells one query's cursors from another's. The account is left
// out: a cursor is a position, and whose documents are read is the query's to say.
func (p Plan) fingerprint() string {
	h := fnv.New32a()
	scope := p
	scope.Bounds = nil // a page may be continued with other bounds
	fmt.Fprintf(h, "%s %s", p.Kind.Name, scope.form())
	return fmt.Sprintf("%08x", h.Sum32())
}

// position reads a cursor. It can come from outside, so anything else than a cursor of this query is [ErrInvalid].
func (p Plan) position(cursor string) (*Position, error) {
	bad := fmt.Errorf("query %s: the cursor is not one of this query: %w", p.Kind.Name, ErrInvalid)
	if len(cursor) > maxCursor {
		return nil, bad
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, bad
	}
	var parts []json.RawMessage
	if json.Unmarshal(text, &parts) != nil || len(parts) != 3+len(p.Order) {
		return nil, bad
	}
	var print string
	pos := Position{Values: make([]any, len(p.Order))}
	for i, into := range []*string{&print, &pos.Account, &pos.ID} {
		if json.Unmarshal(parts[i], into) != nil {
			return nil, bad
		}
	}
	if print != p.fingerprint() || badSegment(pos.Account) != "" || badSegment(pos.ID) != "" {
		return nil, bad
	}
	if p.Account != "" && pos.Account != p.Account {
		return nil, bad
	}
	for i, o := range p.Order {
		v, err := decodeValue(p.Kind.FieldType(o.Field), parts[3+i])
		if err != nil {
			return nil, bad
		}
		if pos.Values[i], err = p.Kind.checkValue(o.Field, v); err != nil {
			return nil, bad
		}
	}
	return &pos, nil
}

func decodeValue(t Type, text json.RawMessage) (any, error) {
	if string(text) == "null" { // json leaves the zero value for it
		return nil, ErrInvalid
	}
	var err error
	switch t {
	case String:
		var v string
		err = json.Unmarshal(text, &v)
		return v, err
	case Bool:
		var v bool
		err = json.Unmarshal(text, &v)
		return v, err
	}
	var v int64
	if err = json.Unmarshal(text, &v); err == nil && t == Time {
		return time.UnixMicro(v).UTC(), nil
	}
	return v, err
}
