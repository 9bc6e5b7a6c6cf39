package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rowsmith/tasks/store"
)

// get reads the documents of keys as of store time at, absent and expired ones with only their key set.
func (s *Store) get(ctx context.Context, q session, keys []store.Key, at time.Time) ([]store.Doc, error) {
	docs := make([]store.Doc, len(keys))
	for i, k := range keys {
		docs[i].Key = k
	}
	return docs, s.find(ctx, q, keys, true, func(i int, d store.Doc) {
		if alive(d, at) {
			docs[i] = d
		}
	})
}

// find calls f with each of the keys' documents that is there, expired or not, and its key's place among keys: one statement a kind.
func (s *Store) find(ctx context.Context, q session, keys []store.Key, payload bool, f func(int, store.Doc)) error {
	pairs := map[string][][2]string{}
	places := map[string][]int{}
	for i, k := range keys {
		pairs[k.Kind] = append(pairs[k.Kind], [2]string{k.Account, k.ID})
		places[k.Kind] = append(places[k.Kind], i)
	}
	for kind, list := range pairs {
		t := s.tables[kind]
		columns := t.head
		if payload {
			columns = t.columns
		}
		text, err := json.Marshal(list)
		if err != nil {
			return err
		}
		r, place := t.row(), 0
		err = q.each(ctx, t.lookup(columns), []any{string(text)}, append([]any{&place}, r.into(payload)...), func() {
			f(places[kind][place], r.doc())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// alive reports whether a document that is there exists as of at.
func alive(d store.Doc, at time.Time) bool { return d.Expires.IsZero() || d.Expires.After(at) }

// page reads one page of a query as of store time at.
func (s *Store) page(ctx context.Context, q session, p store.Plan, at time.Time) (store.Page, error) {
	t := s.tables[p.Kind.Name]
	from, args := t.conditions(p, at)
	text := `SELECT ` + t.columns + from + t.order(p) + ` LIMIT ?`
	page := store.Page{At: at}
	more := false
	r := t.row()
	err := q.each(ctx, text, append(args, p.Limit+1), r.into(true), func() {
		if len(page.Docs) == p.Limit {
			more = true
			return
		}
		page.Docs = append(page.Docs, r.doc())
	})
	if err != nil {
		return store.Page{}, err
	}
	if more {
		page.Next = p.Cursor(page.Docs[p.Limit-1])
	}
	return page, nil
}

// aggregate counts what a plan matches, or sums its field.
func (s *Store) aggregate(ctx context.Context, op string, p store.Plan) (int64, error) {
	t := s.tables[p.Kind.Name]
	what := `count(*)`
	if p.Sum != "" {
		what = `coalesce(sum(t.` + column(p.Sum) + `), 0)`
	}
	var n int64
	err := s.retry(ctx, op, func() error {
		from, args := t.conditions(p, s.clock.now())
		return s.pool().row(ctx, `SELECT `+what+from, args, &n)
	})
	if isOverflow(err) {
		return 0, fmt.Errorf("%s: outside of int64: %w", op, store.ErrTooLarge)
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// conditions is a plan's FROM and WHERE.
func (t *table) conditions(p store.Plan, at time.Time) (string, []any) {
	var where []string
	var args []any
	and := func(text string, values ...any) {
		where = append(where, text)
		for _, v := range values {
			args = append(args, argument(v))
		}
	}
	if p.Account != "" {
		and("t.account = ?", p.Account)
	}
	for _, w := range p.Equal {
		and("t."+column(w.Field)+" = ?", w.Value)
	}
	for _, w := range p.Bounds {
		and("t."+column(w.Field)+" "+string(w.Cmp)+" ?", w.Value)
	}
	for _, o := range p.Order {
		and("t." + column(o.Field) + " IS NOT NULL")
	}
	if t.kind.Expires {
		and("(t.expires IS NULL OR t.expires > ?)", at)
	}
	if p.After != nil {
		text, values := after(p)
		and(text, values...)
	}
	from := ` FROM ` + t.name + ` t`
	if len(where) > 0 {
		from += ` WHERE ` + strings.Join(where, " AND ")
	}
	return from, args
}

// A step is one column of a query's full order.
type step struct {
	column string
	desc   bool
}

// steps is a plan's order down to the key, which makes it total.
func steps(p store.Plan) []step {
	var list []step
	for _, o := range p.Order {
		list = append(list, step{"t." + column(o.Field), o.Desc})
	}
	if p.Account == "" {
		list = append(list, step{"t.account", p.IDDesc()})
	}
	return append(list, step{"t.id", p.IDDesc()})
}

func (t *table) order(p store.Plan) string {
	var list []string
	for _, s := range steps(p) {
		if s.desc {
			s.column += " DESC"
		}
		list = append(list, s.column)
	}
	return ` ORDER BY ` + strings.Join(list, ", ")
}

// after is the condition that a document comes after the plan's position. The first step's bound is
// implied by the rest; it is said so that the index is entered there.
func after(p store.Plan) (string, []any) {
	at := append([]any{}, p.After.Values...)
	if p.Account == "" {
		at = append(at, p.After.Account)
	}
	at = append(at, p.After.ID)
	list := steps(p)
	var either []string
	var args []any
	for i := range list {
		var all []string
		for j, s := range list[:i] {
			all = append(all, s.column+" = ?")
			args = append(args, at[j])
		}
		all = append(all, list[i].column+beyond(list[i])+" ?")
		args = append(args, at[i])
		either = append(either, strings.Join(all, " AND "))
	}
	return list[0].column + beyond(list[0]) + "= ? AND (" + strings.Join(either, " OR ") + ")", append([]any{at[0]}, args...)
}

func beyond(s step) string {
	if s.desc {
		return " <"
	}
	return " >"
}
