// Package provider holds the sources of facts that are built in. Each is an [enrichment.Provider]
// behind a constructor.
//
// The keyless ones ([Keyless]) work from the row alone: they tidy names, email addresses, phone numbers,
// companies, job titles and places. They ask nobody, keep nothing and answer in microseconds; the
// same row always gives the same answer. What a row doesn't say they don't say either: an absent
// value is better than a wrong one. They refuse, in particular, to guess a person's sex, a
// surname in a single word, or an address that isn't written there.
//
// The reasons they give when they have nothing to say are short codes: "no_input" (a Miss: the row
// has nothing to work from), and with BadInput what is wrong with what it has, such as "not_a_name",
// "bad_syntax" or "damaged_number".
//
// Lists that came from elsewhere are under lists/, with where they are from.
package provider

import (
	"context"

	"rowsmith/enrichment"
)

// Keyless returns the built-in providers that need neither a key nor a network, in the order in which they
// should be asked: where two can give the same attribute, the one with the better evidence comes first (a
// domain is what the website says before what an address suggests).
func Keyless() []enrichment.Provider {
	return []enrichment.Provider{NewName(), NewCompany(), NewEmail(), NewPhone(), NewTitle(), NewPlace()}
}

// answerEach answers a batch query by query. When ctx ends, what is left is
// Transient: it was never looked at.
func answerEach(ctx context.Context, batch []enrichment.Query, answer func(enrichment.Subject) enrichment.Answer) []enrichment.Answer {
	out := make([]enrichment.Answer, len(batch))
	for i, q := range batch {
		if i%64 == 0 && ctx.Err() != nil {
			for ; i < len(out); i++ {
				out[i] = enrichment.Answer{Outcome: enrichment.Transient, Reason: "cancelled"}
			}
			break
		}
		out[i] = answer(q.Subject)
	}
	return out
}

// findings collects one subject's values under a provider's id. Times and costs are the engine's to set: a
// computed value has none of its own.
type findings struct {
	source string
	values map[string]enrichment.Value
}

func (f *findings) put(attribute string, value any, confidence float64) {
	if s, ok := value.(string); ok && s == "" {
		return
	}
	if f.values == nil {
		f.values = make(map[string]enrichment.Value, 8)
	}
	f.values[attribute] = enrichment.Value{Value: value, Source: f.source, Confidence: confidence}
}

// answer is a Hit if anything was found, otherwise what reason says: nothing to work from, or an input
// that can't be read.
func (f *findings) answer(reason string) enrichment.Answer {
	switch {
	case len(f.values) > 0:
		return enrichment.Answer{Outcome: enrichment.Hit, Values: f.values}
	case reason == noInput || reason == notFound:
		return enrichment.Answer{Outcome: enrichment.Miss, Reason: reason}
	default:
		return enrichment.Answer{Outcome: enrichment.BadInput, Reason: reason}
	}
}

// Reasons that are a plain Miss.
const (
	noInput  = "no_input"  // the row has nothing to work from
	notFound = "not_found" // it has, and it says nothing that we know
)
