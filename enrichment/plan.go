package enrichment

// maxProviders is how many providers an engine can have.
const maxProviders = 128

// A source is a provider as the planner sees it.
type source struct {
	Provider
	info     Info
	needs    []set // alternatives
	needsAny set   // all of them together
	gives    set
	cached   bool // what it gives is kept in the account's cache
}

func newSource(p Provider, info Info) source {
	s := source{Provider: p, info: info, cached: !info.Local && (info.Personal || info.Paid)}
	for _, need := range info.Needs {
		n, _ := setOf(need)
		s.needs = append(s.needs, n)
		s.needsAny = s.needsAny.union(n)
	}
	s.gives, _ = setOf(info.Gives)
	return s
}

// askable reports whether what is known is enough to ask.
func (s *source) askable(known set) bool {
	for _, need := range s.needs {
		if need.within(known) {
			return true
		}
	}
	return false
}

// asks is a set of providers by their place in the engine.
type asks = set

// A situation is all that the next step for a row depends on. Rows of a sheet share a few, so a
// plan is made once for each.
type situation struct {
	known   set  // has a value to ask with
	missing set  // wanted and not found yet
	asked   asks // providers that need not be asked again
	blocked set  // attributes for which no paid source may be asked any more
}

// An ask is one step of a plan: a provider and what it is to find.
type ask struct {
	source int
	want   set
	names  []string // want's
}

// A planner makes plans for one Enrich call.
type planner struct {
	e        *Engine
	usable   asks // providers that may be asked at all in this call
	plans    map[situation][]ask
	closures map[set]set
}

func (e *Engine) newPlanner(usable asks) *planner {
	return &planner{e: e, usable: usable, plans: map[situation][]ask{}, closures: map[set]set{}}
}

// closure returns the attributes that finding these may take: they themselves, what their sources
// need, what the sources of that need, and so on.
func (p *planner) closure(of set) set {
	if c, ok := p.closures[of]; ok {
		return c
	}
	all, todo := of, of
	for !todo.empty() {
		var next set
		todo.each(func(a int) {
			for _, s := range p.e.givenBy[a] {
				if p.usable.has(s) {
					next = next.union(p.e.providers[s].needsAny)
				}
			}
		})
		todo = next.minus(all)
		all = all.union(next)
	}
	p.closures[of] = all
	return all
}

// next returns whom to ask now. Nobody: there is nothing more to do.
//
// What costs nothing comes first: local providers, for everything that may be of use; then free sources on the
// network; then one paid source at a time, for it may find what another would be paid for. Among these the first in
// the waterfall's order that can be asked, or could be once somebody else has found what it needs.
func (p *planner) next(s situation) []ask {
	if plan, ok := p.plans[s]; ok {
		return plan
	}
	plan := p.make(s)
	p.plans[s] = plan
	return plan
}

func (p *planner) make(s situation) []ask {
	open := p.closure(s.missing).minus(s.known).union(s.missing)
	var local, free, paid []ask
	for i := range p.e.providers {
		src := &p.e.providers[i]
		if src.info.Local && p.usable.has(i) && !s.asked.has(i) && !src.gives.both(open).empty() && src.askable(s.known) {
			local = append(local, newAsk(i, src.gives.both(open)))
		}
	}
	if local != nil {
		return local
	}
	var heads asks
	s.missing.each(func(a int) {
		if h, ok := p.resolve(s, a, set{}, true); ok {
			heads = heads.union(h)
		}
	})
	heads.each(func(i int) {
		src := &p.e.providers[i]
		step := newAsk(i, src.gives.both(open))
		if src.info.Paid {
			// What nobody may be paid for any more isn't asked for.
			step = newAsk(i, src.gives.both(open.minus(s.blocked)))
			paid = append(paid, step)
		} else {
			free = append(free, step)
		}
	})
	if free != nil {
		return free
	}
	if len(paid) > 1 {
		paid = paid[:1]
	}
	return paid
}

func newAsk(i int, want set) ask { return ask{source: i, want: want, names: want.names()} }

// deepest bounds how many sources may depend on each other for one attribute.
const deepest = 5

// resolve returns the providers to ask now to get at an attribute; ok is false where there is no way.
// path holds the attributes that are being resolved already.
func (p *planner) resolve(s situation, a int, path set, mayPay bool) (asks, bool) {
	if path.has(a) {
		return asks{}, false
	}
	path.add(a)
	depth := 0
	path.each(func(int) { depth++ })
	if depth > deepest {
		return asks{}, false
	}
	// First those that can be asked now, or after something free; then those that need something bought.
	for _, pay := range []bool{false, true} {
		if pay && !mayPay {
			break
		}
		for _, i := range p.e.givenBy[a] {
			src := &p.e.providers[i]
			if !p.usable.has(i) || src.info.Paid && (!mayPay || s.blocked.has(a)) {
				continue
			}
			asked := s.asked.has(i)
			if !asked && !src.info.Local && src.askable(s.known) {
				var h asks
				h.add(i)
				return h, true
			}
			if asked && src.info.Paid {
				continue
			}
			// A free source is asked again when it can be told more.
			for _, need := range src.needs {
				if need.within(s.known) {
					continue
				}
				var heads asks
				found := true
				need.minus(s.known).each(func(n int) {
					if !found {
						return
					}
					h, ok := p.resolve(s, n, path, pay)
					heads, found = heads.union(h), ok
				})
				if found {
					return heads, true
				}
			}
		}
	}
	return asks{}, false
}
