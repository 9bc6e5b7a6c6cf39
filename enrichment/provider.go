package enrichment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Provider looks attributes up: built in (package provider) or a vendor.
//
// Lookup takes a batch and returns one [Answer] for each query, in order. It has no error
// result: whatever happens is an [Outcome]. It must not panic on any input, must return soon after
// ctx ends (the rest as Transient), and is safe for concurrent use. It neither changes nor keeps a query's Subject.
//
// Package providertest checks what every provider must hold to.
type Provider interface {
	Info() Info
	Lookup(ctx context.Context, batch []Query) []Answer
}

// Info is what a provider declares about itself. It is constant.
type Info struct {
	ID   string // [a-z0-9_]+, the value's Source
	Name string // as people know it
	// Needs lists alternatives; each is a set of attributes that together are enough to ask. The first
	// is the best: what it needs beyond the others is worked out first where that costs nothing.
	Needs [][]string
	// Gives lists the attributes it may find.
	Gives []string
	// Batch is the most queries it takes in one Lookup; 0: any number.
	Batch int
	// Network: it leaves this machine. Offline its attributes are unknown, with the reason.
	Network bool
	// AnswersOffline: it has something to say without the network too, and is asked then (a verdict
	// "invalid" for an address without an @, "unknown" for the others).
	AnswersOffline bool
	// Paid: calls cost the operator money, so each is journalled before it is made.
	Paid bool
	// Price is the most that one hit costs the user, in credits. 0 for keyless sources.
	Price int64
	// Personal: what it gives is bought or personal and must never cross accounts; the engine keeps it
	// in the account's cache. Only non-personal, keyless facts are shared, and the provider that knows how long they
	// hold caches those itself.
	Personal bool
	// Local: computed from the input itself in microseconds; never cached.
	Local bool
}

// ErrInfo is what [Info.Validate]'s errors are.
var ErrInfo = errors.New("wrong provider declaration")

// Validate reports everything that is wrong with a declaration in one error that is [ErrInfo], or nil.
func (i Info) Validate() error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !isID(i.ID) {
		say("id must be of a-z, 0-9 and _")
	}
	if strings.TrimSpace(i.Name) == "" {
		say("name is missing")
	}
	if len(i.Needs) == 0 {
		say("needs nothing")
	}
	for _, need := range i.Needs {
		if len(need) == 0 {
			say("an alternative of needs is empty")
		}
		for _, name := range need {
			if _, ok := Find(name); !ok {
				say("needs unknown attribute %q", name)
			}
		}
	}
	if len(i.Gives) == 0 {
		say("gives nothing")
	}
	seen := map[string]bool{}
	for _, name := range i.Gives {
		if _, ok := Find(name); !ok {
			say("gives unknown attribute %q", name)
		}
		if seen[name] {
			say("gives %q twice", name)
		}
		seen[name] = true
	}
	if i.Batch < 0 {
		say("batch is negative")
	}
	if i.Price < 0 {
		say("price is negative")
	}
	if i.Price > 0 && !i.Paid {
		say("has a price and is not paid")
	}
	if i.Local && (i.Network || i.Paid) {
		say("is local, so neither network nor paid")
	}
	if i.Paid && !i.Personal {
		say("is paid, so what it gives is personal")
	}
	if i.AnswersOffline && !i.Network {
		say("answers offline says something about network providers only")
	}
	if wrong == nil {
		return nil
	}
	return fmt.Errorf("%w: %q %s", ErrInfo, i.ID, strings.Join(wrong, ", "))
}

func isID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// A Query asks a provider about one subject.
type Query struct {
	// Subject is the row's input in its normal form, and what other providers found so far, as text ("true", "12.5"): of
	// that at least what is in some provider's Needs.
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
	// reason is worth telling (Value.Value nil). The engine fills in Source and FetchedAt where they are
	// empty, and drops values that are not of their attribute's [Type] or not declared.
	Values map[string]Value
	// Reason is a short code for outcomes other than Hit: "not_found", "offline", "servfail".
	Reason string
	// Until is when to ask again, on RateLimited, Pending and Quota, where it is known.
	Until time.Time
	// Handle is what to poll with, on Pending. Opaque, kept in the journal.
	Handle string
	// InDoubt, on Transient of a paid provider: the request may have reached the vendor, so it may have been
	// paid for. Such a call is repeated once at most.
	InDoubt bool
	// Units and Cost are what the vendor counted: its own units, and the operator's
	// money in millionths of a dollar.
	Units int64
	Cost  int64
}
