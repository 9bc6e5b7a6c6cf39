package storetest

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rowsmith/tasks/store"
)

// differ says in what two documents differ, rev aside; empty when in nothing.
func differ(want, got store.Doc) string {
	switch {
	case want.Key != got.Key:
		return fmt.Sprintf("key %s, want %s", got.Key, want.Key)
	case want.Schema != got.Schema:
		return fmt.Sprintf("schema %d, want %d", got.Schema, want.Schema)
	case !bytes.Equal(want.Payload, got.Payload):
		return fmt.Sprintf("payload of %d bytes, want %d", len(got.Payload), len(want.Payload))
	case !maps.Equal(want.Fields, got.Fields):
		return fmt.Sprintf("fields %v, want %v", got.Fields, want.Fields)
	case want.Expires != got.Expires:
		return fmt.Sprintf("expires %v, want %v", got.Expires, want.Expires)
	}
	return ""
}

// A model is the simplest thing that behaves like a store. Revs are the store's own: the
// model takes them over from what a commit returned.
type model map[store.Key]store.Doc

// live returns the document of key as of at.
func (m model) live(key store.Key, at time.Time) (store.Doc, bool) {
	d, ok := m[key]
	if ok && !d.Expires.IsZero() && !d.Expires.After(at) {
		return store.Doc{}, false
	}
	return d, ok
}

// possible returns the error of each write that cannot be applied as of at.
func (m model) possible(writes []store.Write, at time.Time) map[int]error {
	wrong := map[int]error{}
	for n, w := range writes {
		d, ok := m.live(w.Doc.Key, at)
		switch w.Op {
		case store.OpCreate:
			if ok {
				wrong[n] = store.ErrExists
			}
		case store.OpReplace, store.OpDeleteAt:
			if !ok || d.Rev != w.Doc.Rev {
				wrong[n] = store.ErrConflict
			}
		}
	}
	return wrong
}

// apply applies writes that are possible.
func (m model) apply(writes []store.Write, revs []store.Rev, at time.Time) {
	for n, w := range writes {
		d := w.Doc
		switch w.Op {
		case store.OpDelete, store.OpDeleteAt:
			delete(m, d.Key)
			continue
		case store.OpIncrement:
			is, ok := m.live(d.Key, at)
			if !ok {
				is = store.Doc{Key: d.Key}
			}
			is.Fields = maps.Clone(is.Fields)
			if is.Fields == nil {
				is.Fields = store.Fields{}
			}
			for f, by := range w.By {
				old, _ := is.Fields[f].(int64)
				is.Fields[f] = old + by
			}
			if !d.Expires.IsZero() {
				is.Expires = d.Expires
			}
			d = is
		}
		if d.Schema == 0 {
			for _, k := range Kinds() {
				if k.Name == d.Key.Kind {
					d.Schema = k.Schema
				}
			}
		}
		if revs != nil {
			d.Rev = revs[n]
		}
		m[d.Key] = d
	}
}

// answer returns all documents that q matches, in order, or (unordered) those that Count and Sum see.
func (m model) answer(q store.Query, at time.Time, unordered bool) []store.Doc {
	var docs []store.Doc
	for key := range m {
		d, ok := m.live(key, at)
		if !ok || key.Kind != q.Kind || q.Account != "" && key.Account != q.Account {
			continue
		}
		if slices.ContainsFunc(q.Where, func(w store.Where) bool { return !holds(w, d.Fields[w.Field]) }) {
			continue
		}
		if !unordered && slices.ContainsFunc(q.Order, func(o store.Order) bool { return d.Fields[o.Field] == nil }) {
			continue
		}
		docs = append(docs, d)
	}
	slices.SortFunc(docs, func(a, b store.Doc) int {
		desc := false
		for _, o := range q.Order {
			c := 0
			if a.Fields[o.Field] != nil && b.Fields[o.Field] != nil {
				c = compare(a.Fields[o.Field], b.Fields[o.Field])
			}
			if desc = o.Desc; desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		c := cmp.Or(strings.Compare(a.Key.Account, b.Key.Account), strings.Compare(a.Key.ID, b.Key.ID))
		if desc {
			c = -c
		}
		return c
	})
	return docs
}

func holds(w store.Where, v any) bool {
	if v == nil {
		return false
	}
	c := compare(v, w.Value)
	switch w.Cmp {
	case store.Eq:
		return c == 0
	case store.Lt:
		return c < 0
	case store.Le:
		return c <= 0
	case store.Gt:
		return c > 0
	}
	return c >= 0
}

// compare orders two values of one type.
func compare(a, b any) int {
	switch a := a.(type) {
	case string:
		return strings.Compare(a, b.(string))
	case int64:
		return cmp.Compare(a, b.(int64))
	case time.Time:
		return a.Compare(b.(time.Time))
	case bool:
		switch {
		case a == b.(bool):
			return 0
		case a:
			return 1
		}
	}
	return -1
}
