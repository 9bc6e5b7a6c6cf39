package enrichment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jonboulle/clockwork"
)

// A Want says what to look for and within which bounds.
type Want struct {
	Attributes []string
	// Needs, where not nil, says for each subject (same length and order) which of Attributes to look up: a row whose
	// phone stands in the sheet must not cost a phone because its neighbour's doesn't. Nil: all of them for every subject.
	Needs [][]string
	// Refresh lists wanted attributes that are looked up although the row gives them. The others that it gives are
	// left alone, with [ReasonGiven]. What the row has is still used to ask with.
	Refresh []string
	// MaxAge is how old a cached value may be; 0: as old as its attribute's freshness allows.
	MaxAge time.Duration
	// Account owns the cache and the keys.
	Account string
	// Buyer is the chunk or request that pays; it makes retries free.
	Buyer string
	// Journal records this buyer's paid calls. Required where a paid provider may be asked.
	Journal Journal
	// MaxCost is the most credits this call may spend; 0: nothing is paid.
	MaxCost int64
	// OnOutageNext lets the next paid source of a chain be asked where one is out of order. Otherwise the row is
	// failed, to be tried again.
	OnOutageNext bool
}

// A Result is what became of one subject.
type Result struct {
	// Values by attribute, wanted ones only. An attribute that was looked for in vain is absent, or present with a nil Value and
	// a reason. The map is the caller's.
	Values map[string]Value
	// Missing tells, for each wanted attribute without a value, why: a short code, one of the Reason
	// constants or a provider's own.
	Missing map[string]string
	// Failed: an outage (not a miss) kept at least one wanted attribute from being found.
	Failed bool
	// RetryAt is when to try a failed or pending row again, where a source said so.
	RetryAt time.Time
	// Pending lists wanted attributes whose source answers later.
	Pending []string
	// Cost is the sum of the values' costs, in credits.
	Cost int64
}

// An Enricher is what the engine is to its users.
type Enricher interface {
	// Enrich looks a batch of subjects up and returns a Result for each, in order. It fails only when nothing
	// could be done at all (an unknown attribute is wanted, the cache or journal is unavailable, ctx had ended before); trouble with one source
	// is in the results. Where ctx ends on the way, what was found is returned and the rest is failed.
	Enrich(ctx context.Context, subjects []Subject, want Want) ([]Result, error)
}

// Errors of [New] and [Engine.Enrich], by [errors.Is].
var (
	// ErrUnknownAttribute: no such attribute; the message names it and the nearest one there is.
	ErrUnknownAttribute = errors.New("unknown attribute")
	// ErrNoJournal: something may be paid for and nothing to journal it with was given.
	ErrNoJournal = errors.New("paid calls need a journal")
)

// CheckAttributes returns nil if all names are attributes, otherwise an [ErrUnknownAttribute] that names the
// first unknown one and the nearest there is: `unknown attribute "emial"; did you mean email?`.
func CheckAttributes(names []string) error {
	for _, name := range names {
		if _, ok := byName[name]; ok {
			continue
		}
		if meant := Suggest(name); meant != "" {
			return fmt.Errorf("%w %q; did you mean %s?", ErrUnknownAttribute, cut(name), meant)
		}
		return fmt.Errorf("%w %q", ErrUnknownAttribute, cut(name))
	}
	return nil
}

// cut shortens what a person typed for an error's line.
func cut(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// Config is what an engine is made of.
type Config struct {
	// Providers in the order of the waterfall: for each attribute, the first that gives it is asked first.
	Providers []Provider
	// Cache keeps what was bought or is personal, by account; nil: nothing is kept.
	Cache Cache
	// Clock; nil: the real one.
	Clock clockwork.Clock
	// Log; nil: none. It is never given what is in a row.
	Log *slog.Logger
	// Offline: no network provider is asked, but for those that answer offline.
	Offline bool
	// Concurrency is how many Lookups of network providers one Enrich has under way at a time; 0: 8.
	Concurrency int
	// MissFresh is how long a "not found" counts; 0: 30 days.
	MissFresh time.Duration
	// Accept decides, by attribute, whether a found value ends the chain. Nil entries accept; where the map has
	// none for "email", [AcceptEmail] stands.
	Accept map[string]func(Value) Acceptance
	// Observe is told how each Lookup of a non-local provider went; nil: nobody is. It must be safe for concurrent use.
	Observe func(Observation)
}

// An Observation is how one Lookup went: what makes a vendor's trouble visible.
type Observation struct {
	Provider string
	Outcomes map[Outcome]int // how many of its answers ended so
	Until    time.Time       // the latest time to ask again that it named
	Elapsed  time.Duration
}

// An Engine is the [Enricher]. It is safe for concurrent use.
type Engine struct {
	providers   []source
	givenBy     [maxAttributes][]int // attribute → providers, in the waterfall's order
	needed      set                  // attributes that some provider asks with
	cache       Cache
	clock       clockwork.Clock
	log         *slog.Logger
	offline     bool
	concurrency int
	missFresh   time.Duration
	accept      map[int]func(Value) Acceptance
	observe     func(Observation)
}

var _ Enricher = (*Engine)(nil)

// New makes an engine. It fails, naming everything that is wrong, when a provider's declaration is.
func New(c Config) (*Engine, error) {
	e := &Engine{
		cache: c.Cache, clock: c.Clock, log: c.Log, offline: c.Offline,
		concurrency: c.Concurrency, missFresh: c.MissFresh, observe: c.Observe,
		accept: map[int]func(Value) Acceptance{},
	}
	if e.clock == nil {
		e.clock = clockwork.NewRealClock()
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.concurrency <= 0 {
		e.concurrency = 8
	}
	if e.missFresh <= 0 {
		e.missFresh = 30 * day
	}
	e.accept[emailAt] = AcceptEmail
	var wrong []error
	for name, rule := range c.Accept {
		i, ok := byName[name]
		if !ok {
			wrong = append(wrong, CheckAttributes([]string{name}))
			continue
		}
		e.accept[i] = rule
	}
	seen := map[string]bool{}
	for i, p := range c.Providers {
		info := p.Info()
		if err := info.Validate(); err != nil {
			wrong = append(wrong, err)
			continue
		}
		if seen[info.ID] {
			wrong = append(wrong, fmt.Errorf("%w: %q stands there twice", ErrInfo, info.ID))
		}
		seen[info.ID] = true
		if i >= maxProviders {
			wrong = append(wrong, fmt.Errorf("%w: more than %d providers", ErrInfo, maxProviders))
			break
		}
		s := newSource(p, info)
		e.providers = append(e.providers, s)
		e.needed = e.needed.union(s.needsAny)
		s.gives.each(func(a int) { e.givenBy[a] = append(e.givenBy[a], len(e.providers)-1) })
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fmt.Errorf("enrichment: %w", err)
	}
	return e, nil
}

// Providers returns what the engine's providers declare, in the order of the waterfall.
func (e *Engine) Providers() []Info {
	out := make([]Info, len(e.providers))
	for i, s := range e.providers {
		out[i] = s.info
	}
	return out
}

// Free returns the names of the attributes that a source gives which costs nothing, in the catalogue's order: what is
// looked for where nothing was asked for. Those about the answer itself (group [Quality]) come only on request.
func (e *Engine) Free() []string {
	var s set
	for _, p := range e.providers {
		if !p.info.Paid {
			s = s.union(p.gives)
		}
	}
	return s.names()
}

// Gives returns the names of all attributes that can come out of Enrich, in the catalogue's order.
func (e *Engine) Gives() []string {
	s := ownSet
	for _, p := range e.providers {
		s = s.union(p.gives)
	}
	return s.names()
}
