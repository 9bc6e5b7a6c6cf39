// Package store is the contract "remember this": durable documents that many
// processes share. It is shaped so that Firestore fits without emulating
// anything, and so that one SQLite file can stand in for it on one machine.
//
// # What it is
//
// A document is one opaque payload (the owner's JSON, never looked into here)
// beside a few declared fields. Only declared fields can be queried,
// incremented or summed. A document is addressed by a [Key]: the account it
// belongs to, its kind, and an id that its owner chooses. The account always
// comes first, so nothing can be reached without saying whose it is; facts
// that belong to nobody live under the account [Shared].
//
// A [Kind] declares, once and in code, the schema version its documents are
// written with, their fields, and every shape of query that will be made. A
// query whose shape was not declared is refused by every implementation, so
// the list of indexes that production needs can be derived and tested.
//
// # What it refuses
//
// Documents over [MaxDocument], commits over [MaxWrites] writes or
// [MaxCommit] bytes, a read after a write in a transaction, the same key
// twice in one commit, undeclared kinds, fields and query shapes: all with
// [ErrInvalid] or [ErrTooLarge], before anything is written.
//
// # Designing for it
//
// A hot document (one that many workers touch) is changed with [Create],
// [Increment] or [Replace] (compare-and-set), never with a read-modify-write
// transaction: Firestore serialises those, and its emulator collapses. Work is
// claimed by querying a few candidates, picking one at random, and
// compare-and-set. No growing timestamp is the only field of a query: an
// index of its own would cap the collection at 500 writes a second.
package store

import (
	"context"
	"time"
)

// Limits that every implementation enforces. They are Firestore's
// (firebase.google.com/docs/firestore/quotas), so that what works on one
// machine works in the cloud.
const (
	// MaxDocument is the largest document in bytes, counted by [Size]: payload, fields and key together.
	MaxDocument = 1 << 20
	// MaxWrites is the most writes one commit or transaction may hold.
	MaxWrites = 500
	// MaxCommit is the largest commit in bytes, the [Size] of all its documents together.
	MaxCommit = 10 << 20
	// MaxID is the longest document id in bytes.
	MaxID = 1000
	// MaxString is the longest string field in bytes: what Firestore can index.
	MaxString = 1500
)

// Shared is the account of documents that belong to no one: keyless facts
// that are the same for everybody.
const Shared = "_shared"

// A Key addresses one document. Its text form is "account/kind/id".
//
// Account and ID are 1 to [MaxID] bytes of UTF-8 without control characters and "/";
// neither may be "." or "..", or begin and end with "__" (Firestore's rules).
type Key struct {
	Account string
	Kind    string
	ID      string
}

// String returns "account/kind/id", the form used in errors. It names no cell
// value as long as ids do not.
func (k Key) String() string { return k.Account + "/" + k.Kind + "/" + k.ID }

// A Rev identifies one state of one document. It changes with every write and
// is meaningless beyond comparison. The empty Rev means "no such document".
type Rev string

// Fields are a document's declared fields: string (UTF-8, at most [MaxString] bytes), int64, bool or time.Time
// (UTC, microseconds: finer is cut off; years 1 to 9999). A field that is not in the map is absent, and a query
// that filters or orders by it does not see the document.
type Fields map[string]any

// A Doc is one document as read or to be written.
type Doc struct {
	Key Key

	// Schema is the version of the payload's format. Zero on writing means
	// the kind's current version; reads return what was written.
	Schema int

	// Payload is opaque to the store. Nil and empty are the same.
	Payload []byte

	Fields Fields

	// Expires is when the document ceases to exist; zero means never. From
	// that moment of store time on, every operation treats it as absent,
	// though its bytes may go later.
	Expires time.Time

	// Rev is set by reads. [Replace] and [DeleteAt] compare it.
	Rev Rev
}

// Exists reports whether a read found the document.
func (d Doc) Exists() bool { return d.Rev != "" }

// A Read is what Get found: one Doc for each key, in the keys' order, absent
// ones with only Key set; and At, the store's clock at the moment of reading.
// Leases are computed from At, never from the caller's clock.
type Read struct {
	Docs []Doc
	At   time.Time
}

// A Commit tells what a successful commit did: At, the store's time of it, and the
// new Rev of each write in order (empty for deletes).
type Commit struct {
	At   time.Time
	Revs []Rev
}

// A Store keeps documents. All methods are safe for concurrent use, return
// errors that [errors.Is] one of this package's sentinels, and honour ctx: when it
// ends first the error is both [ErrUnavailable] and ctx's own. A
// method that returns [ErrUnavailable] may or may not have had its effect.
// Payloads given to a method must not be changed before it (for a [Tx], the transaction) returns.
type Store interface {
	// Get reads documents. It sees every commit that ended before it began.
	// The documents of one Get are read at one moment. Absent documents are
	// no error, and a key may be named twice. More than [MaxWrites] keys are [ErrTooLarge].
	Get(ctx context.Context, keys ...Key) (Read, error)

	// Commit applies the writes all or none, in one moment. When one of them
	// cannot be applied the error is a [*WriteError] that names it:
	//
	//   [ErrExists]    a Create found the document there
	//   [ErrConflict]  a Replace or DeleteAt found another Rev, or nothing
	//
	// and nothing was written. Aborted or contended commits are tried again
	// inside, as long as ctx allows: callers see ErrConflict only for a Rev
	// that really differs. A write that breaks the contract is a [*WriteError] of [ErrInvalid]
	// or [ErrTooLarge]; a commit that is too large as a whole is plain [ErrTooLarge].
	// A commit of no writes does nothing and succeeds.
	Commit(ctx context.Context, writes ...Write) (Commit, error)

	// Transact runs f with a consistent view and applies what it wrote when
	// it returns nil. All of f's reads come before its first write: a read after a
	// write fails with [ErrInvalid]. f may run several times, so it has no effects
	// outside of tx, and resets what it captured. It runs again when anything it read, the answers
	// of its queries included, is no longer so when it is applied. Reads in a transaction do not
	// see its own writes. An error from f rolls back and is returned as it is; a call on tx that broke the contract
	// fails the transaction even where f goes on. f calls tx from one goroutine, and not this store itself. Too much contention ends in
	// [ErrConflict]. Meant for rarely contended documents only (see the
	// package comment).
	Transact(ctx context.Context, f func(ctx context.Context, tx Tx) error) error

	// Query returns the documents that match q, at most q.Limit of them, and a cursor
	// for the rest; fewer than q.Limit only where there are no more. Each page is read at one moment. Following
	// the cursors shows every document that matched all the while exactly once, whatever else is written meanwhile.
	Query(ctx context.Context, q Query) (Page, error)

	// Count returns how many documents match q (order, limit and cursor ignored; a shape with
	// q's conditions must be declared, in any order).
	// Expired documents that are not yet removed may be counted.
	Count(ctx context.Context, q Query) (int64, error)

	// Sum returns the sum of an int64 field over the documents that match q; documents
	// without the field count as zero. It fails with [ErrInvalid] when no shape with q's conditions
	// names the field in its Sum, with [ErrTooLarge] when the sum is outside of int64. Order and expired documents as in Count.
	Sum(ctx context.Context, q Query, field string) (int64, error)

	// Now returns the store's clock, the only one that leases and expiry are measured by.
	// It is monotonic for one store within a process: never before the At of an earlier answer.
	Now(ctx context.Context) (time.Time, error)

	// Ping reports whether the store answers.
	Ping(ctx context.Context) error

	// Close releases what the store holds. Later calls fail with [ErrUnavailable].
	Close() error
}

// A Tx is the view and the writes of one run of a transaction's closure.
type Tx interface {
	// Get reads like [Store.Get], in the transaction's view.
	Get(keys ...Key) (Read, error)
	// Query reads like [Store.Query], in the transaction's view.
	Query(q Query) (Page, error)
	// Write adds writes, applied when the closure returns nil; the limits of [Store.Commit]
	// hold for all of a transaction's writes together, and what breaks them is refused here. Whether they can be applied shows at the end: a Create that finds
	// the document there fails the transaction with [ErrExists], a Replace or DeleteAt likewise with ErrConflict.
	Write(writes ...Write) error
}

// A Write is one change in a commit. Make it with [Create], [Set],
// [Replace], [Increment], [Delete] or [DeleteAt].
type Write struct {
	Op  Op
	Doc Doc
	By  map[string]int64 // Increment: field → delta
}

// An Op is what a [Write] does.
type Op uint8

// The operations.
const (
	OpCreate Op = iota + 1
	OpSet
	OpReplace
	OpIncrement
	OpDelete
	OpDeleteAt
)

// Create writes a document that must not exist. An expired one does not exist.
func Create(d Doc) Write { return Write{Op: OpCreate, Doc: d} }

// Set writes a document whether or not it exists, payload, fields and expiry
// all replaced. It is blind: use it only where the last writer may win.
func Set(d Doc) Write { return Write{Op: OpSet, Doc: d} }

// Replace writes a document that must still be at d.Rev (compare-and-set),
// payload, fields and expiry all replaced. An empty d.Rev is [ErrInvalid].
func Replace(d Doc) Write { return Write{Op: OpReplace, Doc: d} }

// Increment adds to declared int fields (at least one; absent ones count as zero) without reading, exact under any
// concurrency; a sum outside of int64 stays at its end. Where the document does not exist it is made, with an empty
// payload, the kind's current schema version and the deltas as values. Other fields, the payload and its version stay. A non-zero expires
// sets the document's expiry, zero leaves it.
func Increment(key Key, by map[string]int64, expires time.Time) Write {
	return Write{Op: OpIncrement, Doc: Doc{Key: key, Expires: expires}, By: by}
}

// Delete removes a document, whether or not it exists.
func Delete(key Key) Write { return Write{Op: OpDelete, Doc: Doc{Key: key}} }

// DeleteAt removes a document that must still be at rev.
func DeleteAt(key Key, rev Rev) Write {
	return Write{Op: OpDeleteAt, Doc: Doc{Key: key, Rev: rev}}
}
