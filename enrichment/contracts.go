package enrichment

import (
	"context"
	"time"
)

// A Cache keeps what was found about a subject, one record an account and
// subject, every value with its own times. Package enrichment owns the interface; adapters over
// the store live with the program's wiring.
//
// Records merge: Put replaces an attribute's value only by a newer one, and never by a blank.
type Cache interface {
	// Get returns a record for each key, in order; the zero Record where there is none.
	Get(ctx context.Context, account string, keys []string) ([]Record, error)
	// Put merges records. It is called after a batch, once, with all that is new.
	Put(ctx context.Context, account string, records []Record) error
}

// A Record is one subject's cache entry.
type Record struct {
	Key    string // from [Subject.Key]
	Values map[string]Value
	// Misses tells until when a "not found" counts: provider id → of the whole subject,
	// "provider id:attribute" → of that attribute. Never from an outage.
	Misses map[string]time.Time `json:",omitempty"`
	// Buyer is what paid for each value: attribute → chunk or request id. A retry by the same buyer is charged
	// once, later readers nothing.
	Buyer map[string]string `json:",omitempty"`
}

// A Journal records paid calls around their making, so that a crash can't
// lead to paying twice knowingly. Begin is durable before the calls are made; End before
// anything is acknowledged. Calls begun without an end are in doubt.
//
// When a pending call's answer arrives, whoever receives it Ends the call with what came; the next Enrich of the
// same buyer finds it there and asks nobody.
type Journal interface {
	// Begin records a wave of calls about to be made and returns, by call id, what was known before of those among
	// them that had been begun before. Such a call stays as it is if it ended finally ([Outcome.Final]), or is in
	// doubt at the same Attempt; it is begun anew if it ended in an outage, or if the new Attempt is higher.
	Begin(ctx context.Context, calls []Call) (map[string]Call, error)
	// End records how calls ended. It may be called again for the same call; the last one counts.
	End(ctx context.Context, calls []Call) error
}

// A Call is one paid call in the journal.
type Call struct {
	ID       string    // derived from provider, subject key and attributes
	Provider string    // whom
	Attempt  int       // from 1; above 1 only for a call that was in doubt
	Begun    time.Time // UTC
	Outcome  Outcome   // 0 while in doubt
	Handle   string    // of a pending call
	Reason   string    // as in Answer
	Values   map[string]Value
	Units    int64 // as in Answer: the vendor's units
	Cost     int64 // as in Answer: the operator's money in millionths of a dollar
}
