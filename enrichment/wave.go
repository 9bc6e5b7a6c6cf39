package enrichment

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// A question is one query with the units that wait for its answer.
type question struct {
	query   Query
	want    set
	units   []*unit
	answer  Answer
	charge  *charge
	attempt int
	settled bool // the answer is from the journal or was decided without asking
}

// wave asks one wave of questions and gives the answers to their units, in the waterfall's order.
func (r *run) wave(ctx context.Context, groups [][]*unit, steps [][]ask) error {
	asked := make([][]*question, len(groups))
	for i, units := range groups {
		if len(units) == 0 {
			continue
		}
		if r.e.providers[i].info.Paid {
			qs, err := r.paidQuestions(ctx, i, units, steps[i])
			if err != nil {
				return err
			}
			asked[i] = qs
			continue
		}
		// One allocation for all: a batch of thousands asks several local providers.
		all := make([]question, len(units))
		refs := make([]*unit, len(units))
		asked[i] = make([]*question, len(units))
		for j, u := range units {
			refs[j] = u
			all[j] = question{query: Query{Subject: u.subject, Want: steps[i][j].names}, want: steps[i][j].want, units: refs[j : j+1]}
			asked[i][j] = &all[j]
		}
	}
	if err := r.askAll(ctx, asked); err != nil {
		return err
	}
	r.now = r.e.clock.Now().UTC()
	var check []checking
	for i, qs := range asked {
		for _, q := range qs {
			for _, u := range q.units {
				check = append(check, r.merge(u, i, q)...)
			}
		}
	}
	return r.check(ctx, check)
}

// localBatch is how many queries a local provider gets at a time, so that ctx is looked at now and then.
const localBatch = 1000

// askAll puts the questions to their providers: local ones here and now, the others side by side.
func (r *run) askAll(ctx context.Context, asked [][]*question) error {
	var wg sync.WaitGroup
	slots := make(chan struct{}, r.e.concurrency)
	var mu sync.Mutex
	var failed error
	for i, qs := range asked {
		qs = slices.DeleteFunc(slices.Clone(qs), func(q *question) bool { return q.settled })
		if len(qs) == 0 {
			continue
		}
		s := &r.e.providers[i]
		size := s.info.Batch
		if s.info.Local && size == 0 {
			size = localBatch
		}
		if size == 0 {
			size = len(qs)
		}
		if s.info.Local {
			for chunk := range slices.Chunk(qs, size) {
				r.lookup(ctx, s, chunk)
			}
			continue
		}
		stop := &stopper{}
		for chunk := range slices.Chunk(qs, size) {
			wg.Add(1)
			slots <- struct{}{}
			go func() {
				defer func() { <-slots; wg.Done() }()
				if a, stopped := stop.get(ctx); stopped {
					for _, q := range chunk {
						q.answer = a
					}
				} else {
					stop.look(r.lookup(ctx, s, chunk))
				}
				if s.info.Paid {
					if err := r.end(ctx, s, chunk); err != nil {
						mu.Lock()
						failed = err
						mu.Unlock()
					}
				}
			}()
		}
	}
	wg.Wait()
	return failed
}

// A stopper keeps the rest of a wave from a provider that said it takes no more.
type stopper struct {
	mu sync.Mutex
	a  *Answer
}

func (s *stopper) look(chunk []*question) {
	for _, q := range chunk {
		switch q.answer.Outcome {
		case Quota, Auth, RateLimited:
			s.mu.Lock()
			s.a = &Answer{Outcome: q.answer.Outcome, Reason: q.answer.Reason, Until: q.answer.Until}
			s.mu.Unlock()
			return
		}
	}
}

// get returns the answer for what is not asked any more.
func (s *stopper) get(ctx context.Context) (Answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.a != nil {
		return *s.a, true
	}
	if ctx.Err() != nil {
		return Answer{Outcome: Transient, Reason: ReasonTransient}, true
	}
	return Answer{}, false
}

// lookup calls a provider and puts its answers, checked, into the questions.
func (r *run) lookup(ctx context.Context, s *source, chunk []*question) []*question {
	batch := make([]Query, len(chunk))
	for i, q := range chunk {
		batch[i] = q.query
	}
	began := r.e.clock.Now()
	answers, err := call(ctx, s, batch)
	now := r.e.clock.Now()
	if err != nil {
		r.e.log.ErrorContext(ctx, "provider broke its contract", "provider", s.info.ID, "queries", len(batch), "error", err)
	}
	dropped := 0
	for i, q := range chunk {
		if err != nil {
			// It may have been asked before it broke down.
			q.answer = Answer{Outcome: Transient, Reason: ReasonTransient, InDoubt: s.info.Paid}
			continue
		}
		q.answer = answers[i]
		dropped += sound(s, &q.answer, now)
	}
	if dropped > 0 {
		r.e.log.WarnContext(ctx, "provider gave values that are not of their type or not declared", "provider", s.info.ID, "values", dropped)
	}
	if r.e.observe != nil && !s.info.Local {
		o := Observation{Provider: s.info.ID, Outcomes: map[Outcome]int{}, Elapsed: now.Sub(began)}
		for _, q := range chunk {
			o.Outcomes[q.answer.Outcome]++
			if q.answer.Until.After(o.Until) {
				o.Until = q.answer.Until
			}
		}
		r.e.observe(o)
	}
	if r.e.log.Enabled(ctx, slog.LevelDebug) && !s.info.Local {
		r.e.log.DebugContext(ctx, "looked up", "provider", s.info.ID, "queries", len(batch), "elapsed", now.Sub(began))
	}
	return chunk
}

// call calls Lookup; a panic and a wrong number of answers are errors.
func call(ctx context.Context, s *source, batch []Query) (answers []Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			// The panic's text may quote a cell, so only where it happened is told.
			err = fmt.Errorf("panic (%T) at %s", p, debug.Stack())
		}
	}()
	answers = s.Lookup(ctx, batch)
	if len(answers) != len(batch) {
		return nil, fmt.Errorf("%d answers to %d queries", len(answers), len(batch))
	}
	return answers, nil
}

// sound makes an answer hold to the contract, and returns how many of its values had to be dropped.
func sound(s *source, a *Answer, now time.Time) (dropped int) {
	if !a.Outcome.Known() {
		*a = Answer{Outcome: Transient, Reason: ReasonTransient, InDoubt: s.info.Paid}
		return 0
	}
	if a.Outcome == Pending && a.Handle == "" {
		// Nothing to poll with.
		a.Outcome, a.InDoubt = Transient, s.info.Paid
	}
	if len(a.Values) == 0 {
		if a.Outcome == Hit {
			a.Outcome, a.Reason = Miss, orElse(a.Reason, ReasonNotFound)
		}
		return 0
	}
	found, same := false, s.info.Local
	for name, v := range a.Values {
		switch judge(s, a.Outcome, name, v) {
		case good:
			found = found || v.Value != nil
		case wrong:
			dropped++
			fallthrough
		default:
			same = false
		}
	}
	if !same {
		// Never changed in place: a provider may hand out one map many times.
		values := make(map[string]Value, len(a.Values))
		for name, v := range a.Values {
			if judge(s, a.Outcome, name, v) == good {
				values[name] = complete(s, v, now)
			}
		}
		a.Values = values
	}
	if a.Outcome == Hit && !found {
		a.Outcome, a.Reason = Miss, orElse(a.Reason, ReasonNotFound)
	}
	return dropped
}

// What a provider's value is.
const (
	good  = iota
	blank // it says nothing
	wrong // it breaks the contract
)

func judge(s *source, o Outcome, name string, v Value) int {
	i, ok := byName[name]
	switch {
	case !ok || !s.gives.has(i):
		return wrong
	case v.Value == nil:
		if v.Reason == "" {
			return blank
		}
		return good
	case v.Value == "":
		return blank
	case o != Hit || !catalogue[i].Type.Holds(v.Value):
		return wrong
	}
	return good
}

// complete fills in what a provider may leave to the engine.
func complete(s *source, v Value, now time.Time) Value {
	if v.Source == "" {
		v.Source = s.info.ID
	}
	if v.FetchedAt.IsZero() {
		v.FetchedAt = now.UTC()
	}
	if !(v.Confidence >= 0 && v.Confidence <= 1) {
		v.Confidence = min(1, max(0, v.Confidence))
		if math.IsNaN(v.Confidence) {
			v.Confidence = 0
		}
	}
	v.Cost = max(0, v.Cost)
	return v
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// merge gives an answer to a unit. It returns what has to be verified first.
func (r *run) merge(u *unit, i int, q *question) (check []checking) {
	s := &r.e.providers[i]
	a := &q.answer
	u.asked.add(i)
	offline := a.Outcome == Transient && a.Reason == ReasonOffline
	switch a.Outcome {
	case Hit:
		var found set
		for name, v := range a.Values {
			at := byName[name]
			h := held{attr: at, source: i, value: complete(s, v, r.now), charge: q.charge}
			if v.Value == nil {
				u.nothing = append(u.nothing, h)
				r.whys.tell(u, one(at), v.Reason, weightNilValue)
				continue
			}
			found.add(at)
			if u.known.has(at) && !u.missing.has(at) {
				continue
			}
			if rule := r.e.accept[at]; rule != nil && !s.info.Local {
				check = append(check, checking{u: u, h: h})
				continue
			}
			r.take(u, h)
		}
		lacking := q.want.minus(found)
		r.whys.tell(u, lacking, ReasonNotFound, weightNotFound)
		if s.cached {
			lacking.each(func(at int) { u.misses = append(u.misses, missed{i, at}) })
		}
	case Miss, OptedOut:
		for name, v := range a.Values {
			at := byName[name]
			u.nothing = append(u.nothing, held{attr: at, source: i, value: complete(s, v, r.now)})
			r.whys.tell(u, one(at), v.Reason, weightNilValue)
		}
		switch {
		case a.Outcome == OptedOut:
			r.whys.tell(u, q.want, ReasonOptedOut, weightOptedOut)
			u.blocked = u.blocked.union(q.want)
		case a.Reason == "" || a.Reason == ReasonNotFound:
			r.whys.tell(u, q.want, ReasonNotFound, weightNotFound)
		default:
			r.whys.tell(u, q.want, a.Reason, weightSaid)
		}
		if s.cached {
			u.misses = append(u.misses, missed{i, -1})
		}
	case BadInput:
		r.whys.tell(u, q.want, orElse(a.Reason, ReasonBadInput), weightBadInput)
	case Pending:
		r.whys.tell(u, q.want, ReasonPending, weightPending)
		u.blocked = u.blocked.union(q.want)
		u.pending = u.pending.union(q.want)
		u.retryAt = later(u.retryAt, a.Until)
	default:
		if offline {
			r.whys.tell(u, q.want, ReasonOffline, weightOffline)
			break
		}
		reason := a.Reason
		if reason == "" || a.Outcome != Transient {
			reason = a.Outcome.String()
		}
		switch reason {
		case ReasonOverBudget:
			// Something cheaper may follow.
			r.whys.tell(u, q.want, reason, weightBudget)
		case ReasonInDoubt:
			r.whys.tell(u, q.want, reason, weightInDoubt)
			u.blocked = u.blocked.union(q.want)
		default:
			r.whys.tell(u, q.want, reason, weightOutage)
			u.retryAt = later(u.retryAt, a.Until)
			if !r.want.OnOutageNext {
				u.blocked = u.blocked.union(q.want)
			}
		}
	}
	return check
}

func one(a int) (s set) {
	s.add(a)
	return s
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
