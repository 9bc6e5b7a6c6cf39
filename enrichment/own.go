package enrichment

import (
	"math"
	"slices"
	"strings"
	"time"
)

// ownSource is the source of what the engine says itself.
const ownSource = "rowsmith"

// ownSet holds the attributes that the engine gives itself, at the end: they are about its answer.
var ownSet, _ = setOf([]string{"email_source", "enriched_at", "sources", "match_confidence"})

// addOwn adds to a row's result the wanted attributes that are about the result itself.
func (r *run) addOwn(u *unit, res *Result, now time.Time) {
	var sources []string
	least := math.Inf(1)
	for _, v := range res.Values {
		if v.Value == nil {
			continue
		}
		if !slices.Contains(sources, v.Source) {
			sources = append(sources, v.Source)
		}
		least = min(least, v.Confidence)
	}
	slices.Sort(sources)
	for _, a := range r.asked {
		if !ownSet.has(a) {
			continue
		}
		name := catalogue[a].Name
		v := Value{Source: ownSource, Confidence: 1, FetchedAt: now}
		switch a {
		case sourceAt:
			if h, ok := u.get(emailAt); ok {
				v.Value, v.FetchedAt = h.value.Source, h.value.FetchedAt
			}
		case enrichedAt:
			v.Value = now.Format(time.RFC3339)
		case sourcesAt:
			if len(sources) > 0 {
				v.Value = strings.Join(sources, "; ")
			}
		case confidenceAt:
			if len(sources) > 0 {
				v.Value = math.Round(least*100) / 100
			}
		}
		reason := ""
		switch {
		case u.given.has(a) && !r.refreshOwn.has(a), a == sourceAt && v.Value == nil && u.given.has(emailAt):
			reason = ReasonGiven
		case v.Value == nil:
			reason = ReasonNotFound
		}
		if reason == "" {
			res.Values[name] = v
			continue
		}
		if res.Missing == nil {
			res.Missing = map[string]string{}
		}
		res.Missing[name] = reason
	}
}
