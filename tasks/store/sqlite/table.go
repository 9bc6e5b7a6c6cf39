package sqlite

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"rowsmith/tasks/store"
)

// many is how many documents one statement writes where there are that many.
const many = 20

// A table is a kind as SQLite sees it: its columns and statements.
type table struct {
	kind  store.Kind
	name  string
	stale []string // columns of fields that were once declared; see migrate

	head    string // the columns of a document without its payload, as scanned by row.doc
	columns string // head and payload
}

func newTable(k store.Kind) *table {
	t := &table{kind: k, name: "docs_" + k.Name}
	head := []string{"account", "id", "rev", "schema", "expires"}
	for _, f := range k.Fields {
		head = append(head, column(f.Name))
	}
	t.head = "t." + strings.Join(head, ", t.")
	t.columns = t.head + ", t.payload"
	return t
}

func column(field string) string { return "f_" + field }

func columnType(t store.Type) string {
	if t == store.String {
		return "TEXT"
	}
	return "INTEGER"
}

// create is the statement that makes the table. The payload comes after what is
// filtered and summed, so that those columns are reached without reading it.
func (t *table) create() string {
	var b strings.Builder
	fmt.Fprintf(&b, `CREATE TABLE IF NOT EXISTS %s (account TEXT NOT NULL, id TEXT NOT NULL, rev INTEGER NOT NULL, schema INTEGER NOT NULL, expires INTEGER, `, t.name)
	for _, f := range t.kind.Fields {
		fmt.Fprintf(&b, "%s %s, ", column(f.Name), columnType(f.Type))
	}
	b.WriteString("payload BLOB NOT NULL, PRIMARY KEY (account, id)) STRICT")
	return b.String()
}

// indexes are the indexes the kind's shapes need, by name; a name tells an index's definition.
func (t *table) indexes() map[string]string {
	list := map[string]string{}
	add := func(columns, where string) {
		h := fnv.New64a()
		fmt.Fprintf(h, "%s %s", columns, where)
		name := fmt.Sprintf("%s_%016x", t.name, h.Sum64())
		list[name] = fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON %s (%s)%s", name, t.name, columns, where)
	}
	if t.kind.Expires {
		add("expires", " WHERE expires IS NOT NULL")
	}
	for _, s := range t.kind.Shapes {
		var c []string
		if !s.Across {
			c = append(c, "account")
		}
		for _, f := range s.Equal {
			c = append(c, column(f))
		}
		down := ""
		for _, o := range s.Order {
			down = ""
			if o.Desc {
				down = " DESC"
			}
			c = append(c, column(o.Field)+down)
		}
		if len(c) <= 1 && len(s.Sum) == 0 && len(s.Equal)+len(s.Order) == 0 {
			continue // the primary key serves it
		}
		if s.Across {
			c = append(c, "account"+down)
		}
		c = append(c, "id"+down)
		for _, f := range s.Sum {
			if !slices.Contains(c, column(f)) {
				c = append(c, column(f))
			}
		}
		add(strings.Join(c, ", "), "")
	}
	return list
}

// lookup selects columns of the documents whose [account, id] pairs are in a JSON array, each with its place in the array.
func (t *table) lookup(columns string) string {
	return `SELECT j.key, ` + columns + ` FROM json_each(?) j CROSS JOIN ` + t.name +
		` t ON t.account = j.value ->> 0 AND t.id = j.value ->> 1`
}

// put writes n documents whether or not they are there.
func (t *table) put(n int) string {
	names := []string{"account", "id", "rev", "schema", "expires"}
	for _, f := range t.kind.Fields {
		names = append(names, column(f.Name))
	}
	names = append(names, "payload")
	var set []string
	for _, c := range names[2:] {
		set = append(set, c+" = excluded."+c)
	}
	for _, c := range t.stale {
		set = append(set, c+" = NULL")
	}
	row := "(?" + strings.Repeat(", ?", len(names)-1) + ")"
	return `INSERT INTO ` + t.name + ` (` + strings.Join(names, ", ") + `) VALUES ` + row + strings.Repeat(", "+row, n-1) +
		` ON CONFLICT (account, id) DO UPDATE SET ` + strings.Join(set, ", ")
}

// amend writes the rev, expiry and int fields of a document that is there, leaving the rest.
func (t *table) amend() string {
	set := "rev = ?, expires = ?"
	for _, f := range t.ints() {
		set += ", " + column(f) + " = ?"
	}
	return `UPDATE ` + t.name + ` SET ` + set + ` WHERE account = ? AND id = ?`
}

func (t *table) remove() string { return `DELETE FROM ` + t.name + ` WHERE account = ? AND id = ?` }

// ints are the fields that can be incremented.
func (t *table) ints() []string {
	var names []string
	for _, f := range t.kind.Fields {
		if f.Type == store.Int {
			names = append(names, f.Name)
		}
	}
	return names
}

// putArgs appends the arguments of put for one document.
func (t *table) putArgs(args []any, d store.Doc, rev int64) []any {
	args = append(args, d.Key.Account, d.Key.ID, rev, int64(d.Schema), expiry(d.Expires))
	for _, f := range t.kind.Fields {
		args = append(args, argument(d.Fields[f.Name]))
	}
	payload := d.Payload
	if payload == nil {
		payload = []byte{}
	}
	return append(args, payload)
}

// argument returns a field's value as SQLite stores it; an absent one is NULL.
func argument(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UnixMicro()
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	}
	return v
}

func expiry(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UnixMicro()
}

// A row receives the columns of one document.
type row struct {
	table   *table
	account string
	id      string
	rev     int64
	schema  int64
	expires *int64
	fields  []any
	payload []byte
}

func (t *table) row() *row { return &row{table: t, fields: make([]any, len(t.kind.Fields))} }

// into returns what the head's columns are scanned into, and the payload's where it is among them.
func (r *row) into(payload bool) []any {
	dest := []any{&r.account, &r.id, &r.rev, &r.schema, &r.expires}
	for i := range r.fields {
		dest = append(dest, &r.fields[i])
	}
	if payload {
		dest = append(dest, &r.payload)
	}
	return dest
}

// doc returns the document that was scanned last.
func (r *row) doc() store.Doc {
	d := store.Doc{
		Key:    store.Key{Account: r.account, Kind: r.table.kind.Name, ID: r.id},
		Schema: int(r.schema),
		Rev:    revision(r.rev),
	}
	if len(r.payload) > 0 {
		d.Payload = r.payload
		r.payload = nil
	}
	if r.expires != nil {
		d.Expires = time.UnixMicro(*r.expires).UTC()
	}
	for i, f := range r.table.kind.Fields {
		if r.fields[i] == nil {
			continue
		}
		if d.Fields == nil {
			d.Fields = store.Fields{}
		}
		v := r.fields[i]
		if n, ok := v.(int64); ok {
			switch f.Type {
			case store.Bool:
				v = n != 0
			case store.Time:
				v = time.UnixMicro(n).UTC()
			}
		}
		d.Fields[f.Name] = v
	}
	return d
}

func revision(seq int64) store.Rev { return store.Rev(strconv.FormatInt(seq, 10)) }
