package enrichment

import (
	"context"
	"maps"
	"slices"
	"time"
)

// readCache looks all subjects up at once and gives the units what is fresh.
func (r *run) readCache(ctx context.Context) error {
	if r.e.cache == nil {
		return nil
	}
	var keys []string
	seen := map[string]bool{}
	for _, u := range r.units {
		if u.key != "" && !seen[u.key] {
			seen[u.key] = true
			keys = append(keys, u.key)
		}
	}
	if len(keys) == 0 || !r.keeps() {
		return nil
	}
	records, err := r.e.cache.Get(ctx, r.want.Account, keys)
	if err != nil {
		return err
	}
	charges := map[string]*charge{}
	byKey := make(map[string]Record, len(keys))
	for i, rec := range records {
		if i < len(keys) {
			byKey[keys[i]] = rec
			charges[keys[i]] = &charge{explicit: true}
		}
	}
	now := r.e.clock.Now()
	open := r.plan.closure(r.wanted)
	for _, u := range r.units {
		if rec, ok := byKey[u.key]; ok {
			r.recall(u, rec, charges[u.key], open, now)
		}
	}
	return nil
}

// keeps reports whether anything that this run may find is kept in the cache.
func (r *run) keeps() bool {
	open := r.plan.closure(r.wanted)
	for _, s := range r.e.providers {
		if s.cached && !s.gives.both(open).empty() {
			return true
		}
	}
	return false
}

func (r *run) recall(u *unit, rec Record, c *charge, open set, now time.Time) {
	for _, name := range slices.Sorted(maps.Keys(rec.Values)) {
		v := rec.Values[name]
		at, ok := byName[name]
		if !ok || !open.has(at) || u.given.has(at) && !u.missing.has(at) {
			continue
		}
		if !catalogue[at].Type.Holds(v.Value) || !r.fresh(at, v, now) {
			continue
		}
		if v.VerifiedAt != nil && now.Sub(*v.VerifiedAt) >= freshVerdict {
			// The address still counts; that somebody once checked it doesn't.
			v.Verdict, v.Reason, v.VerifiedAt = "", "", nil
		}
		h := held{attr: at, source: r.sourceOf(v.Source), value: v, cached: true}
		if rec.Buyer[name] == r.want.Buyer && r.want.Buyer != "" {
			h.charge = c
		}
		r.take(u, h)
	}
	needed := open.minus(u.known)
	for i, s := range r.e.providers {
		if s.cached && r.missedBefore(rec, i, needed, now) {
			u.asked.add(i)
			r.whys.tell(u, s.gives.both(needed), ReasonNotFound, weightNotFound)
		}
	}
}

func (r *run) fresh(at int, v Value, now time.Time) bool {
	most := catalogue[at].Fresh
	if r.want.MaxAge > 0 {
		most = min(most, r.want.MaxAge)
	}
	return now.Sub(v.FetchedAt) < most
}

// missedBefore reports whether a source is known to have nothing of what is needed.
func (r *run) missedBefore(rec Record, i int, needed set, now time.Time) bool {
	s := &r.e.providers[i]
	counts := func(until time.Time) bool {
		if !now.Before(until) {
			return false
		}
		return r.want.MaxAge <= 0 || now.Sub(until.Add(-r.e.missFresh)) < r.want.MaxAge
	}
	if until, ok := rec.Misses[s.info.ID]; ok && counts(until) {
		return true
	}
	may := s.gives.both(needed)
	if may.empty() {
		return false
	}
	all := true
	may.each(func(a int) {
		until, ok := rec.Misses[s.info.ID+":"+catalogue[a].Name]
		all = all && ok && counts(until)
	})
	return all
}

func (r *run) sourceOf(id string) int {
	for i, s := range r.e.providers {
		if s.info.ID == id {
			return i
		}
	}
	return -1
}

// writeCache keeps what this run found, once, a record a key. Values that cost something are marked with their buyer.
func (r *run) writeCache(ctx context.Context) error {
	if r.e.cache == nil {
		return nil
	}
	var keys []string
	records := map[string]*Record{}
	record := func(key string) *Record {
		rec, ok := records[key]
		if !ok {
			rec = &Record{Key: key}
			records[key] = rec
			keys = append(keys, key)
		}
		return rec
	}
	until := r.e.clock.Now().UTC().Add(r.e.missFresh)
	for _, u := range r.units {
		if u.key == "" {
			continue
		}
		for j, h := range u.held {
			if h.cached || !u.current(j) || h.source < 0 || !r.e.providers[h.source].cached {
				continue
			}
			rec := record(u.key)
			name := catalogue[h.attr].Name
			if old, ok := rec.Values[name]; ok && old.Cost >= h.value.Cost {
				// Another row of the same key has it, and pays.
				continue
			}
			if rec.Values == nil {
				rec.Values = map[string]Value{}
			}
			rec.Values[name] = h.value
			if r.want.Buyer != "" {
				if rec.Buyer == nil {
					rec.Buyer = map[string]string{}
				}
				rec.Buyer[name] = r.want.Buyer
			}
		}
		for _, m := range u.misses {
			rec := record(u.key)
			if rec.Misses == nil {
				rec.Misses = map[string]time.Time{}
			}
			name := r.e.providers[m.source].info.ID
			if m.attr >= 0 {
				name += ":" + catalogue[m.attr].Name
			}
			rec.Misses[name] = until
		}
	}
	if len(keys) == 0 {
		return nil
	}
	all := make([]Record, len(keys))
	for i, key := range keys {
		all[i] = *records[key]
	}
	return r.e.cache.Put(ctx, r.want.Account, all)
}
