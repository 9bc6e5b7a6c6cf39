package enrichment

import (
	"strconv"
	"time"
)

// Attributes that the engine itself knows about.
var (
	emailAt      = byName["email"]
	verdictAt    = byName["email_verdict"]
	reasonAt     = byName["email_reason"]
	verifiedAtAt = byName["email_verified_at"]
	sourceAt     = byName["email_source"]
	enrichedAt   = byName["enriched_at"]
	sourcesAt    = byName["sources"]
	confidenceAt = byName["match_confidence"]
)

// A held value is one that a unit has.
type held struct {
	attr   int
	source int // of the engine's providers; -1: another call's, from the cache
	value  Value
	charge *charge
	cached bool // came from the cache
}

// A charge is what the user pays for one call, once, whichever of its values are used and however many
// rows share them.
type charge struct {
	price    int64 // of the call; ignored where its values name their own
	explicit bool  // the values' own costs count
	free     bool  // a call repeated in doubt, or bought by somebody else
	taken    bool
	paid     set // attributes whose own costs were taken
}

// take returns what is still to be paid for a value of this call.
func (c *charge) take(attr int, v Value) int64 {
	switch {
	case c == nil || c.free:
		return 0
	case c.explicit:
		if c.paid.has(attr) {
			return 0
		}
		c.paid.add(attr)
		return v.Cost
	case c.taken:
		return 0
	}
	c.taken = true
	return c.price
}

// A unit is the rows of a batch that hold the same: worked out once.
type unit struct {
	rows    []int
	key     string
	subject Subject // normal form of the row, and what was found, for providers to ask with
	given   set     // what the row has
	situation
	held    []held
	at      [maxAttributes]uint8 // attribute → 1 + its place in held; 0: none
	second  []held               // runners-up
	nothing []held               // values that are nil with a reason
	whys    [maxAttributes]uint16
	pending set
	retryAt time.Time
	misses  []missed
	waves   int
	done    bool
}

// A missed is a source that knows nothing of the subject, or not this attribute.
type missed struct {
	source int
	attr   int // -1: nothing at all
}

// hold makes a found value the unit's.
func (u *unit) hold(h held) {
	if at := u.at[h.attr]; at != 0 {
		u.held[at-1] = h
	} else if len(u.held) < 255 {
		if u.held == nil {
			u.held = make([]held, 0, 8+u.missing.size())
		}
		u.held = append(u.held, h)
		u.at[h.attr] = uint8(len(u.held))
	}
	u.missing.remove(h.attr)
}

// current reports whether the i-th held value still stands.
func (u *unit) current(i int) bool { return int(u.at[u.held[i].attr]) == i+1 }

func (u *unit) get(attr int) (held, bool) {
	if at := u.at[attr]; at != 0 {
		return u.held[at-1], true
	}
	return held{}, false
}

// learn makes a value one that providers can be asked with, and lets free ones that it may help be asked again.
func (u *unit) learn(e *Engine, attr int, v Value) {
	u.known.add(attr)
	if !e.needed.has(attr) {
		return
	}
	u.subject[catalogue[attr].Name] = asText(v.Value)
	u.askAgain(e, attr)
}

func (u *unit) askAgain(e *Engine, attr int) {
	if u.asked.empty() {
		return
	}
	for i := range e.providers {
		if s := &e.providers[i]; !s.info.Paid && s.needsAny.has(attr) && u.asked.has(i) {
			u.asked.remove(i)
		}
	}
}

// replace puts a found value in the place of what the row gives, and forgets what free sources
// made of that.
func (u *unit) replace(e *Engine, attr int, v Value, wanted set) {
	name := catalogue[attr].Name
	if u.subject[name] == asText(v.Value) {
		return
	}
	u.subject[name] = asText(v.Value)
	u.askAgain(e, attr)
	for i := range e.providers {
		s := &e.providers[i]
		if s.info.Paid || !s.needsAny.has(attr) {
			continue
		}
		for j, h := range u.held {
			if h.source != i || !u.current(j) || u.given.has(h.attr) || h.attr == attr {
				continue
			}
			u.at[h.attr] = 0
			u.known.remove(h.attr)
			delete(u.subject, catalogue[h.attr].Name)
			if wanted.has(h.attr) {
				u.missing.add(h.attr)
			}
		}
	}
}

// asText is a value as providers are given it.
func asText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// A weight orders reasons: of several for one attribute the heaviest is told.
type weight uint8

const (
	weightNothing weight = iota
	weightNotFound
	weightSaid // a source's own reason for having nothing
	weightBadInput
	weightNilValue
	weightRejected
	weightOffline
	weightBudget
	weightOptedOut
	weightInDoubt
	weightPending
	weightOutage // the row has failed
)

// A why is a reason with its weight. Units refer to them by number, for rows are many and reasons few.
type why struct {
	reason string
	weight weight
}

// whys numbers the reasons of one Enrich call. Number 0 is none.
type whys struct {
	list    []why
	numbers map[why]uint16
}

func newWhys() *whys { return &whys{list: []why{{}}, numbers: map[why]uint16{{}: 0}} }

func (w *whys) number(y why) uint16 {
	n, ok := w.numbers[y]
	if !ok {
		if len(w.list) > 1<<15 {
			// A provider that makes reasons up: enough of them.
			return 0
		}
		n = uint16(len(w.list))
		w.list, w.numbers[y] = append(w.list, y), n
	}
	return n
}

// tell notes a reason for attributes, unless they have a heavier one.
func (w *whys) tell(u *unit, attrs set, reason string, weight weight) {
	if attrs.empty() {
		return
	}
	n := w.number(why{reason, weight})
	attrs.each(func(a int) {
		if weight > w.list[u.whys[a]].weight {
			u.whys[a] = n
		}
	})
}
