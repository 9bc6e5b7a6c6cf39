package enrichment

import (
	"context"
	"time"
)

// A Provider looks attributes up: built in (package provider) or a vendor.
//
// Lookup takes a batch and returns one [Answer] for each query, in order. It has no error
// result: whatever happens is an [Outcome]. It must not panic on any input, must return soon after
// ctx ends (the rest as Transient), and is safe for concurrent use.
type Provider interface {
	Info() Info
	Lookup(ctx context.Context, batch []Query) []Answer
}

// Info is what a provider declares about itself.
type Info struct {
	ID   string // [a-z0-9_]+, the value's Source
	Name string // as people know it
	// Needs lists alternatives; each is a set of attributes that together are enough to ask.
	Needs [][]string
	// Gives lists the attributes it may find.
	Gives []string
	// Batch is the most queries it takes in one Lookup; 0: any number.
	Batch int
	// Network: it leaves this machine. Offline its attributes are unknown, with the reason.
	Network bool
	// Paid: calls cost the operator money, so each is journalled before it is made.
	Paid bool
	// Price is the most that one hit costs the user, in credits. 0 for keyless sources.
	Price int64
	// Personal: what it gives is bought or personal and must never cross accounts. Only
	// non-personal, keyless facts are shared.
	Personal bool
	// Local: computed from the input itself in microseconds; never cached.
	Local bool
}

// A Query asks a provider about one subject.
type Query struct {
	Subject Subject
	// Want lists the attributes still missing, all among Info.Gives.
	Want []string
	// CallID identifies a paid call across retries: the same question has the same id. Empty for free ones.
	CallID string
}

// An Answer is what a provider says to one query.
type Answer struct {
	Outcome Outcome
	// Values by attribute name; only attributes of the query's Want and other Gives. Set on Hit, and on Miss where a
	// reason is worth telling (Value.Value nil).
	Values map[string]Value
	// Reason is a short code for outcomes other than Hit: "not_found", "offline", "servfail".
	Reason string
	// Until is when to ask again, on RateLimited, Pending and Quota, where it is known.
	Until time.Time
	// Handle is what to poll with, on Pending. Opaque, kept in the journal.
	Handle string
	// Units and Cost are what the vendor counted: its own units, and the operator's
	// money in millionths of a dollar.
	Units int64
	Cost  int64
}

// An Outcome is how one query ended: a closed set, so that nothing is taken
// for a miss which is not one.
type Outcome uint8

// The outcomes.
const (
	Hit         Outcome = iota + 1 // something was found
	Miss                           // the source knows no such subject; may be cached as negative
	Pending                        // the source answers later; poll with Handle
	RateLimited                    // not now; Until says when
	Quota                          // the plan is used up; disables the vendor visibly
	Auth                           // the key is wrong; disables the vendor visibly
	OptedOut                       // the person asked the source not to give data
	BadInput                       // this subject can't be asked about
	Transient                      // an outage or timeout: never a miss, never cached
)

// String returns the outcome's snake_case name, as used in reports and journals.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "unknown_outcome"
}

var outcomeNames = [...]string{"none", "hit", "miss", "pending", "rate_limited", "quota", "auth", "opted_out", "bad_input", "transient"}
