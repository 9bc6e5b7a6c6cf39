package enrichment

import (
	"context"
)

// A Want says what to look for and within which bounds.
type Want struct {
	// Attributes are looked for in every subject.
	Attributes []string
	// Needs, where not nil, says for each subject (same length and order) which of Attributes to look for; a row's filled cells need
	// nothing and must cost nothing.
	Needs [][]string
	// Account owns the cache and the keys.
	Account string
	// Buyer is the chunk or request that pays; it makes retries free.
	Buyer string
	// Journal records this buyer's paid calls. Required where a paid provider may be asked.
	Journal Journal
	// MaxCost is the most credits this call may spend; 0: nothing is paid.
	MaxCost int64
}

// A Result is what became of one subject.
type Result struct {
	// Values by attribute. An attribute that was looked for in vain is absent, or present with a nil Value and
	// a reason.
	Values map[string]Value
	// Missing tells, for each wanted attribute without a value, why: a short code such as "not_found",
	// "no_input", "offline", "opted_out".
	Missing map[string]string
	// Failed: an outage (not a miss) kept at least one wanted attribute from being found.
	Failed bool
	// Pending lists attributes whose source answers later.
	Pending []string
	// Cost is the sum of the values' costs, in credits.
	Cost int64
}

// An Enricher is what the engine is to its users.
type Enricher interface {
	// Enrich looks a batch of subjects up and returns a Result for each, in order. It fails only when nothing
	// could be done at all (the cache or journal is unavailable, ctx ended); trouble with one source
	// is in the results.
	Enrich(ctx context.Context, subjects []Subject, want Want) ([]Result, error)
}
