package enrichment

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// A run is one Enrich call under way.
type run struct {
	e          *Engine
	want       Want
	wanted     set // without the engine's own
	refresh    set
	refreshOwn set
	asked      []int // wanted attributes in the order wanted, duplicates left out
	plan       *planner
	units      []*unit
	whys       *whys
	budgetMu   sync.Mutex
	budget     int64                // credits that are left
	now        time.Time            // of the wave being merged
	shared     map[string]*question // paid calls made, by id
}

// Enrich implements [Enricher].
func (e *Engine) Enrich(ctx context.Context, subjects []Subject, want Want) ([]Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("enrich: %w", err)
	}
	if err := CheckAttributes(want.Attributes); err != nil {
		return nil, fmt.Errorf("enrich: %w", err)
	}
	if len(subjects) == 0 {
		return nil, nil
	}
	if want.Needs != nil && len(want.Needs) != len(subjects) {
		return nil, fmt.Errorf("enrich: needs of %d subjects for %d", len(want.Needs), len(subjects))
	}
	r := e.newRun(want)
	if want.MaxCost > 0 && want.Journal == nil && r.mayPay() {
		return nil, fmt.Errorf("enrich: %w", ErrNoJournal)
	}
	r.gather(subjects)
	if err := r.readCache(ctx); err != nil {
		return nil, fmt.Errorf("enrich: read cache: %w", err)
	}
	if err := r.work(ctx); err != nil {
		return nil, fmt.Errorf("enrich: %w", err)
	}
	results := r.results(len(subjects))
	// What was paid for is kept even when the caller has no more time.
	if err := r.writeCache(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("enrich: write cache: %w", err)
	}
	return results, nil
}

func (e *Engine) newRun(want Want) *run {
	r := &run{e: e, want: want, whys: newWhys(), budget: want.MaxCost, shared: map[string]*question{}}
	var seen set
	for _, name := range want.Attributes {
		i := byName[name]
		if seen.has(i) {
			continue
		}
		seen.add(i)
		r.asked = append(r.asked, i)
	}
	r.wanted = seen.minus(ownSet)
	if seen.has(sourceAt) {
		r.wanted.add(emailAt)
	}
	r.refresh, _ = setOf(want.Refresh)
	r.refreshOwn, r.refresh = r.refresh.both(ownSet), r.refresh.both(r.wanted)
	var usable asks
	for i, s := range e.providers {
		if s.info.Paid && want.MaxCost <= 0 || e.offline && s.info.Network && !s.info.AnswersOffline {
			continue
		}
		usable.add(i)
	}
	r.plan = e.newPlanner(usable)
	return r
}

// mayPay reports whether a paid provider could be of use.
func (r *run) mayPay() bool {
	open := r.plan.closure(r.wanted)
	for i, s := range r.e.providers {
		if s.info.Paid && r.plan.usable.has(i) && !s.gives.both(open).empty() {
			return true
		}
	}
	return false
}

// gather makes units of subjects: rows whose normal forms are equal share one.
func (r *run) gather(subjects []Subject) {
	byForm := make(map[string]*unit, len(subjects))
	var form []byte
	for row, s := range subjects {
		n := s.Normal()
		form = appendForm(form[:0], n)
		need := r.wanted
		if r.want.Needs != nil {
			need = r.needOf(row)
			form = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(form, need[0]), need[1])
		}
		u, ok := byForm[string(form)]
		if !ok {
			u = &unit{key: n.key(), subject: n}
			for name := range n {
				u.given.add(byName[name])
			}
			u.known = u.given
			u.missing = need.minus(u.given.minus(r.refresh))
			byForm[string(form)] = u
			r.units = append(r.units, u)
		}
		u.rows = append(u.rows, row)
	}
}

// needOf is what one subject needs of the wanted attributes.
func (r *run) needOf(row int) set {
	need, _ := setOf(r.want.Needs[row])
	if need.has(sourceAt) {
		need.add(emailAt)
	}
	return need.both(r.wanted)
}

// appendForm appends an unambiguous form of a subject, the same for equal ones.
func appendForm(b []byte, s Subject) []byte {
	var names [16]string
	sorted := slices.AppendSeq(names[:0], maps.Keys(s))
	slices.Sort(sorted)
	for _, name := range sorted {
		b = append(b, name...)
		b = append(b, 0)
		b = binary.AppendUvarint(b, uint64(len(s[name])))
		b = append(b, s[name]...)
	}
	return b
}

// work asks providers until there is nobody left to ask, or ctx ends.
func (r *run) work(ctx context.Context) error {
	// Each wave asks somebody new or tells somebody more, so there is an end; this holds where a provider's
	// answers go round in circles.
	most := 8 * (len(r.e.providers) + 1)
	open := slices.Clone(r.units)
	for len(open) > 0 {
		if ctx.Err() != nil {
			r.giveUp(open)
			return nil
		}
		groups := make([][]*unit, len(r.e.providers))
		steps := make([][]ask, len(r.e.providers))
		rest := open[:0]
		for _, u := range open {
			plan := r.plan.next(u.situation)
			if u.waves++; u.waves > most {
				plan = nil
			}
			if len(plan) == 0 {
				if r.promote(u) {
					rest = append(rest, u)
				}
				continue
			}
			rest = append(rest, u)
			for _, a := range plan {
				groups[a.source] = append(groups[a.source], u)
				steps[a.source] = append(steps[a.source], a)
			}
		}
		open = rest
		if err := r.wave(ctx, groups, steps); err != nil {
			return err
		}
	}
	return nil
}

// giveUp marks what ctx's end kept from being looked up.
func (r *run) giveUp(units []*unit) {
	for _, u := range units {
		r.promote(u)
		if !u.missing.empty() && len(r.plan.next(u.situation)) > 0 {
			r.whys.tell(u, u.missing, ReasonTransient, weightOutage)
		}
	}
}

// promote takes the runners-up for attributes that found nothing better, and reports whether there were any.
func (r *run) promote(u *unit) bool {
	if len(u.second) == 0 {
		return false
	}
	for _, h := range u.second {
		if u.missing.has(h.attr) {
			r.take(u, h)
		}
	}
	u.second = nil
	return true
}

// take makes a value the unit's own, and with a checked email address its verdict.
func (r *run) take(u *unit, h held) {
	if u.given.has(h.attr) {
		if h.source < 0 || !r.e.providers[h.source].info.Local {
			u.replace(r.e, h.attr, h.value, r.wanted)
		}
	} else {
		u.learn(r.e, h.attr, h.value)
	}
	u.hold(h)
	if h.attr == emailAt && h.value.Verdict != "" {
		r.takeVerdict(u, h)
	}
}

func (r *run) takeVerdict(u *unit, email held) {
	v := email.value
	v.Cost = 0
	put := func(attr int, value any) {
		if u.given.has(attr) && !u.missing.has(attr) {
			return
		}
		w := v
		w.Value = value
		if !catalogue[attr].Type.Holds(value) {
			return
		}
		u.hold(held{attr: attr, source: email.source, value: w, cached: email.cached})
		u.known.add(attr)
		u.subject[catalogue[attr].Name] = asText(value)
	}
	put(verdictAt, string(v.Verdict))
	put(reasonAt, v.Reason)
	if v.VerifiedAt != nil {
		put(verifiedAtAt, v.VerifiedAt.UTC().Format(time.RFC3339))
	}
}

// results assembles what every row gets.
func (r *run) results(rows int) []Result {
	out := make([]Result, rows)
	now := r.e.clock.Now().UTC()
	for _, u := range r.units {
		res := r.result(u, now)
		out[u.rows[0]] = res
		for _, row := range u.rows[1:] {
			out[row] = copyFree(res)
		}
	}
	return out
}

// copyFree returns a result for another row that holds the same: it pays nothing.
func copyFree(r Result) Result {
	c := r
	c.Cost = 0
	c.Values = maps.Clone(r.Values)
	if r.Cost != 0 {
		for name, v := range c.Values {
			v.Cost = 0
			c.Values[name] = v
		}
	}
	c.Missing = maps.Clone(r.Missing)
	c.Pending = slices.Clone(r.Pending)
	return c
}

func (r *run) result(u *unit, now time.Time) Result {
	res := Result{Values: make(map[string]Value, len(r.asked)), RetryAt: u.retryAt}
	for _, a := range r.asked {
		name := catalogue[a].Name
		if ownSet.has(a) {
			continue
		}
		if at := u.at[a]; at != 0 {
			h := &u.held[at-1]
			h.value.Cost = h.charge.take(a, h.value)
			res.Cost += h.value.Cost
			res.Values[name] = h.value
			continue
		}
		if res.Missing == nil {
			res.Missing = map[string]string{}
		}
		y := r.reason(u, a)
		if a == verdictAt && y.reason == ReasonOffline {
			// Nobody could tell: that is a verdict.
			res.Values[name] = Value{Value: string(Unknown), Verdict: Unknown, Reason: ReasonOffline, Source: ownSource, FetchedAt: now}
			continue
		}
		res.Missing[name] = y.reason
		if y.weight == weightOutage {
			res.Failed = true
		}
		if y.weight == weightPending {
			res.Pending = append(res.Pending, name)
		}
		for _, h := range u.nothing {
			if h.attr == a {
				res.Values[name] = h.value
			}
		}
	}
	r.addOwn(u, &res, now)
	return res
}

// reason returns why a wanted attribute has no value.
func (r *run) reason(u *unit, a int) why {
	if u.given.has(a) && !r.refresh.has(a) {
		return why{ReasonGiven, weightNothing}
	}
	best := r.whys.list[u.whys[a]]
	if u.pending.has(a) {
		return why{ReasonPending, weightPending}
	}
	if best.reason != "" && best.weight >= weightNilValue {
		return best
	}
	if len(r.e.givenBy[a]) == 0 {
		return why{ReasonNoSource, weightNothing}
	}
	// Its own sources were not asked, or said little: perhaps for want of something else.
	var of set
	of.add(a)
	r.plan.closure(of).minus(u.known).each(func(n int) {
		if y := r.whys.list[u.whys[n]]; n != a && y.weight >= weightOffline && y.weight > best.weight {
			best = y
		}
	})
	if best.reason != "" {
		return best
	}
	for _, i := range r.e.givenBy[a] {
		if r.plan.usable.has(i) {
			return why{ReasonNoInput, weightNothing}
		}
	}
	for _, i := range r.e.givenBy[a] {
		if !r.e.providers[i].info.Paid {
			return why{ReasonOffline, weightOffline}
		}
	}
	return why{ReasonOverBudget, weightBudget}
}
