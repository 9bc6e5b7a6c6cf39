package providertest_test

import (
	"context"
	"strings"
	"testing"

	"rowsmith/enrichment"
	"rowsmith/enrichment/providertest"
)

// upper is the smallest provider that holds to everything.
type upper struct{}

func (upper) Info() enrichment.Info {
	return enrichment.Info{ID: "upper", Name: "Upper case", Needs: [][]string{{"city"}}, Gives: []string{"region"}, Local: true}
}

func (upper) Lookup(ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	out := make([]enrichment.Answer, len(batch))
	for i, q := range batch {
		if s := strings.ToUpper(strings.ToValidUTF8(q.Subject["city"], "")); s != "" {
			out[i] = enrichment.Answer{Outcome: enrichment.Hit, Values: map[string]enrichment.Value{"region": {Value: s, Confidence: 1}}}
		} else {
			out[i] = enrichment.Answer{Outcome: enrichment.Miss, Reason: enrichment.ReasonNotFound}
		}
	}
	return out
}

func TestSuiteAcceptsARightProvider(t *testing.T) {
	providertest.Run(t, upper{},
		providertest.Case{Name: "city", Subject: enrichment.Subject{"city": "Bonn"}, Values: map[string]any{"region": "BONN"}},
		providertest.Case{Name: "none", Subject: enrichment.Subject{"region": "x"}, Outcome: enrichment.Miss, Reason: "not_found", Values: map[string]any{"region": nil}},
	)
}
