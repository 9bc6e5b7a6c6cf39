package enrichment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"time"
)

// callVersion begins what a call's id is hashed over.
const callVersion = "rowsmith.call.1"

// mostAttempts is how often a paid call is made: a call in doubt is repeated once.
const mostAttempts = 2

// callID returns the id of a paid call: the same question to the same provider about the same subject has the same. It
// is made of what may be asked for, not of what is still missing, so that a retry which knows more finds it.
func callID(provider, subject string, attributes []string) string {
	h := sha256.New()
	for _, part := range append([]string{callVersion, provider, subject}, attributes...) {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:20])
}

// paidQuestions makes the questions of one wave to a paid provider: one a subject key, however many units ask it;
// those that the budget does not allow, or that the journal has the answer to, are settled.
func (r *run) paidQuestions(ctx context.Context, i int, units []*unit, steps []ask) ([]*question, error) {
	s := &r.e.providers[i]
	scope := r.plan.closure(r.wanted).both(s.gives).names()
	var qs []*question
	byID := map[string]*question{}
	for j, u := range units {
		if u.key == "" {
			// It doesn't say who it is about, so a repetition could not be told from a new question.
			qs = append(qs, &question{want: steps[j].want, units: []*unit{u}, settled: true, answer: Answer{Outcome: BadInput, Reason: ReasonNoInput}})
			continue
		}
		id := callID(s.info.ID, u.key, scope)
		if before, ok := r.shared[id]; ok {
			// Asked in an earlier wave of this run by a row of the same key.
			qs = append(qs, &question{want: steps[j].want, units: []*unit{u}, settled: true, answer: before.answer, charge: before.charge})
			continue
		}
		q, ok := byID[id]
		if !ok {
			q = &question{query: Query{Subject: u.subject, Want: steps[j].names, CallID: id}, want: steps[j].want, charge: &charge{price: s.info.Price}, attempt: 1}
			byID[id] = q
			qs = append(qs, q)
		} else if !steps[j].want.within(q.want) {
			q.want = q.want.union(steps[j].want)
			q.query.Want = q.want.names()
		}
		q.units = append(q.units, u)
	}
	var open []*question
	for _, q := range qs {
		if !q.settled {
			r.shared[q.query.CallID] = q
			open = append(open, q)
		}
	}
	return qs, r.begin(ctx, s, open)
}

// begin reserves the questions' price and writes them into the journal, durably, before they are asked.
func (r *run) begin(ctx context.Context, s *source, open []*question) error {
	var calls []Call
	now := r.e.clock.Now().UTC()
	entry := func(q *question) Call {
		return Call{ID: q.query.CallID, Provider: s.info.ID, Attempt: q.attempt, Begun: now}
	}
	for _, q := range open {
		if s.info.Price > r.budget {
			q.settled, q.answer = true, Answer{Outcome: Transient, Reason: ReasonOverBudget}
			continue
		}
		r.budget -= s.info.Price
		calls = append(calls, entry(q))
	}
	if len(calls) == 0 {
		return nil
	}
	before, err := r.want.Journal.Begin(ctx, calls)
	if err != nil {
		return fmt.Errorf("journal: begin %d calls: %w", len(calls), err)
	}
	var again []Call
	for _, q := range open {
		if q.settled {
			continue
		}
		c, known := before[q.query.CallID]
		switch {
		case !known:
		case c.Outcome.Final():
			// Made by an earlier try of the same buyer: its result is used, and charged as it would have been then.
			q.settled, q.answer = true, c.answer()
			q.charge.free = c.Attempt > 1
			sound(s, &q.answer, c.Begun)
			r.settle(s, q)
		case c.Outcome != 0:
			// It ended in an outage: nothing was bought.
			q.attempt = max(1, c.Attempt)
			q.charge.free = q.attempt > 1
		case c.Attempt >= mostAttempts:
			q.settled, q.answer = true, Answer{Outcome: Transient, Reason: ReasonInDoubt}
			r.settle(s, q)
		default:
			// In doubt: repeated once, at the operator's cost.
			q.attempt = max(1, c.Attempt) + 1
			q.charge.free = true
			again = append(again, entry(q))
		}
	}
	if len(again) > 0 {
		r.e.log.WarnContext(ctx, "repeating paid calls that are in doubt", "provider", s.info.ID, "calls", len(again))
		if _, err := r.want.Journal.Begin(ctx, again); err != nil {
			return fmt.Errorf("journal: begin %d calls again: %w", len(again), err)
		}
	}
	return nil
}

// answer returns what a journalled call brought.
func (c Call) answer() Answer {
	return Answer{Outcome: c.Outcome, Reason: c.Reason, Handle: c.Handle, Values: maps.Clone(c.Values), Units: c.Units, Cost: c.Cost}
}

// journalTime is how long the result of a paid call may take to be written down after the caller's time is up.
const journalTime = 10 * time.Second

// end writes down how calls ended, before anything is made of it, even when the caller has no more time.
func (r *run) end(ctx context.Context, s *source, chunk []*question) error {
	var calls []Call
	for _, q := range chunk {
		r.settle(s, q)
		if q.answer.InDoubt && q.answer.Outcome == Transient {
			// It stays open in the journal: that is what being in doubt is.
			continue
		}
		a := &q.answer
		calls = append(calls, Call{ID: q.query.CallID, Provider: s.info.ID, Attempt: q.attempt, Begun: r.e.clock.Now().UTC(), Outcome: a.Outcome,
			Reason: a.Reason, Handle: a.Handle, Values: maps.Clone(a.Values), Units: a.Units, Cost: a.Cost})
	}
	if len(calls) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalTime)
	defer cancel()
	if err := r.want.Journal.End(ctx, calls); err != nil {
		return fmt.Errorf("journal: end %d calls: %w", len(calls), err)
	}
	return nil
}

// settle gives back what a call did not cost of its reservation.
func (r *run) settle(s *source, q *question) {
	actual := int64(0)
	if q.answer.Outcome == Hit {
		sum := int64(0)
		for _, v := range q.answer.Values {
			sum += v.Cost
		}
		// A source that charges more than it declared is held to what it declared.
		q.charge.explicit = sum > 0 && sum <= s.info.Price
		actual = s.info.Price
		if q.charge.explicit {
			actual = sum
		}
		if q.charge.free {
			actual = 0
		}
	}
	if q.answer.Outcome == Pending {
		actual = s.info.Price
	}
	r.budgetMu.Lock()
	r.budget += s.info.Price - actual
	r.budgetMu.Unlock()
}
