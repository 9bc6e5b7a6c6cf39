package providertest_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
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

// TestSuiteRefusesWrongProviders runs the suite on broken providers in a process of its own, for it must fail there.
func TestSuiteRefusesWrongProviders(t *testing.T) {
	const which = "PROVIDERTEST_BROKEN"
	if name := os.Getenv(which); name != "" {
		providertest.Run(t, broken{name: name, calls: new(atomic.Int64)}, providertest.Case{Subject: enrichment.Subject{"city": "Bonn"}, Values: map[string]any{"region": "BONN"}})
		return
	}
	for _, name := range []string{"panics", "too few", "wrong order", "undeclared", "wrong type", "no outcome", "hit of nothing", "miss with a value", "changes its mind", "changes the subject", "wrong answer", "sees the batch"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSuiteRefusesWrongProviders$")
		cmd.Env = append(os.Environ(), which+"="+name)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "--- FAIL") {
			t.Errorf("a provider that %s passes: %v\n%s", name, err, out)
		}
	}
}

// broken is upper with one fault.
type broken struct {
	upper
	name  string
	calls *atomic.Int64
}

func (b broken) Lookup(ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	out := b.upper.Lookup(ctx, batch)
	n := b.calls.Add(1)
	change := func(f func(i int, a *enrichment.Answer)) {
		for i := range out {
			if out[i].Outcome == enrichment.Hit {
				out[i].Values = maps.Clone(out[i].Values)
				f(i, &out[i])
			}
		}
	}
	value := func(v any) enrichment.Value { return enrichment.Value{Value: v} }
	switch b.name {
	case "panics":
		if len(batch) > 0 && batch[0].Subject["city"] == "" {
			panic("no city")
		}
	case "too few":
		return out[:len(out)/2]
	case "wrong order":
		slices.Reverse(out)
	case "undeclared":
		change(func(_ int, a *enrichment.Answer) { a.Values["country"] = value("x") })
	case "wrong type":
		change(func(_ int, a *enrichment.Answer) { a.Values["region"] = value(1.5) })
	case "no outcome":
		change(func(_ int, a *enrichment.Answer) { a.Outcome = 0 })
	case "hit of nothing":
		change(func(_ int, a *enrichment.Answer) { a.Values = nil })
	case "miss with a value":
		change(func(_ int, a *enrichment.Answer) { a.Outcome = enrichment.Miss })
	case "changes its mind":
		change(func(_ int, a *enrichment.Answer) { a.Values["region"] = value(fmt.Sprint(n)) })
	case "changes the subject":
		change(func(i int, _ *enrichment.Answer) { batch[i].Subject["x"] = fmt.Sprint(n) })
	case "wrong answer":
		change(func(_ int, a *enrichment.Answer) { a.Values["region"] = value("x") })
	case "sees the batch":
		change(func(_ int, a *enrichment.Answer) { a.Values["region"] = value(fmt.Sprint(len(batch))) })
	}
	return out
}
