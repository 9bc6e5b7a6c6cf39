package store

import "time"

// A Type is the type of a declared field.
type Type uint8

// The types a field can have, with the Go type of their values.
const (
	String Type = iota + 1 // string
	Int                    // int64
	Bool                   // bool
	Time                   // time.Time, UTC, microseconds
)

// A Field declares one field of a kind.
type Field struct {
	Name string // [a-z][a-z0-9_]*; not one of the store's own: "payload", "schema", "expires", "rev", "account", "id"
	Type Type
}

// A Shape declares one form of query: which fields are compared for
// equality, which one (if any) by range, and the order. Values, limits and cursors are
// free, and so is whether Range has a lower bound, an upper one, both or none. One composite index serves one shape
// (none is needed without Range and Order: single-field indexes do), one more each field of Sum:
// Firestore sums what an index holds.
type Shape struct {
	Equal  []string // fields compared with ==
	Range  string   // the one field compared with < <= > >=; it must then be the first of Order
	Order  []Order  // beyond it, ties are broken by account and id, in the direction of the last Order (ascending without)
	Across bool     // the query spans all accounts (Query.Account empty); without it, it is of one
	Sum    []string // int fields that [Store.Sum] is asked for over Equal and Range
}

// An Order is one step of a query's order.
type Order struct {
	Field string
	Desc  bool
}

// A Kind declares a collection: what its documents look like and every query that will be made of it.
// Kinds are values in the packages that own them, handed to the store when it is opened.
type Kind struct {
	Name    string // collection name: [a-z][a-z0-9_]*
	Schema  int    // the version that writes stamp, at least 1
	Fields  []Field
	Shapes  []Shape
	Expires bool // documents may carry an expiry
}

// A Cmp compares a field with a value.
type Cmp string

// The comparisons. At most one field of a query may use other than Eq; it may use two (a lower and an upper bound).
const (
	Eq Cmp = "=="
	Lt Cmp = "<"
	Le Cmp = "<="
	Gt Cmp = ">"
	Ge Cmp = ">="
)

// A Where is one condition of a query. Values have the field's Go type.
type Where struct {
	Field string
	Cmp   Cmp
	Value any
}

// A Query asks for the documents of one kind, of one account, or (Account
// empty, where the kind declares it) of all. Order must be what the matching [Shape] declares.
type Query struct {
	Kind    string
	Account string
	Where   []Where
	Order   []Order
	Limit   int    // 1 to [MaxLimit]
	After   string // Page.Next of the page before
}

// A Page is one page of a query's answer.
type Page struct {
	Docs []Doc
	Next string    // pass as Query.After; empty when there is no more
	At   time.Time // the store's clock at the moment of reading
}
