// Package providertest is the conformance suite that every [enrichment.Provider] runs: what the
// engine relies on, whatever the rows hold.
//
//	func TestNames(t *testing.T) {
//		providertest.Run(t, provider.NewNames(),
//			providertest.Case{Name: "all caps", Subject: enrichment.Subject{"full_name": "JOHN DOE"},
//				Values: map[string]any{"first_name": "John", "last_name": "Doe"}},
//		)
//	}
//
// The cases say what the provider is for; the suite adds subjects that nobody would think of (empty, huge, NULs,
// broken UTF-8) and checks order, types, declarations, determinism, cancellation and concurrent use.
package providertest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rowsmith/enrichment"
)

// A Case is one subject with what the provider must say about it.
type Case struct {
	Name    string
	Subject enrichment.Subject
	// Want lists what is asked for; nil: everything the provider gives.
	Want []string
	// Outcome that must come; 0: Hit where Values has something to find, otherwise any.
	Outcome enrichment.Outcome
	// Values that must be among the answer's: a string, float64 or bool, or nil: the attribute must have no value.
	Values map[string]any
	// Reasons that must be given, by attribute ("email_verdict": "null_mx").
	Reasons map[string]string
	// Reason that the answer itself must give; "": any.
	Reason string
}

// soon is how long a provider may go on after its context has ended.
const soon = 5 * time.Second

// Run checks the provider. It needs no network of its own: a network provider is given whatever stand-in it
// was made with.
func Run(t *testing.T, p enrichment.Provider, cases ...Case) {
	t.Helper()
	info := p.Info()
	t.Run("declaration", func(t *testing.T) {
		if err := info.Validate(); err != nil {
			t.Error(err)
		}
		if !reflect.DeepEqual(info, p.Info()) {
			t.Error("Info changes from call to call")
		}
	})
	for i, c := range cases {
		name := c.Name
		if name == "" {
			name = fmt.Sprint(i)
		}
		t.Run("case/"+name, func(t *testing.T) { runCase(t, p, c) })
	}
	queries := questions(info, cases)
	t.Run("hostile subjects", func(t *testing.T) {
		for chunk := range chunks(queries, info.Batch) {
			answers := ask(t, p, context.Background(), chunk)
			for i, a := range answers {
				checkAnswer(t, info, chunk[i], a)
			}
		}
	})
	t.Run("empty batch", func(t *testing.T) {
		if got := p.Lookup(context.Background(), nil); len(got) != 0 {
			t.Errorf("%d answers to no query", len(got))
		}
	})
	t.Run("one by one as in a batch", func(t *testing.T) {
		for chunk := range chunks(queries, info.Batch) {
			answers := ask(t, p, context.Background(), chunk)
			for i, q := range chunk {
				alone := ask(t, p, context.Background(), []enrichment.Query{q})
				if !same(alone[0], answers[i]) {
					t.Errorf("%s: alone %s, in a batch %s", show(q.Subject), showAnswer(alone[0]), showAnswer(answers[i]))
				}
			}
		}
	})
	t.Run("order", func(t *testing.T) {
		for chunk := range chunks(queries, info.Batch) {
			forward := ask(t, p, context.Background(), chunk)
			back := slices.Clone(chunk)
			slices.Reverse(back)
			backward := ask(t, p, context.Background(), back)
			slices.Reverse(backward)
			for i := range forward {
				if !same(forward[i], backward[i]) {
					t.Errorf("%s: the answer depends on the batch's order", show(chunk[i].Subject))
				}
			}
		}
	})
	t.Run("leaves subjects alone", func(t *testing.T) {
		for chunk := range chunks(queries, info.Batch) {
			before := make([]enrichment.Subject, len(chunk))
			for i, q := range chunk {
				before[i] = clone(q.Subject)
			}
			ask(t, p, context.Background(), chunk)
			for i, q := range chunk {
				if !reflect.DeepEqual(before[i], q.Subject) {
					t.Errorf("%s: the provider changed the subject", show(before[i]))
				}
			}
		}
	})
	t.Run("ended context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for chunk := range chunks(queries, info.Batch) {
			began := time.Now()
			answers := ask(t, p, ctx, chunk)
			if took := time.Since(began); took > soon {
				t.Errorf("took %v after its context had ended", took)
			}
			for i, a := range answers {
				checkAnswer(t, info, chunk[i], a)
				if info.Paid && a.Outcome != enrichment.Transient {
					t.Errorf("%s: %s after the context had ended, want transient", show(chunk[i].Subject), a.Outcome)
				}
			}
		}
	})
	if t.Failed() {
		// What is wrong alone need not be tried from many sides, where it could take the whole process down.
		return
	}
	t.Run("concurrent use", func(t *testing.T) {
		for chunk := range chunks(queries, info.Batch) {
			want := ask(t, p, context.Background(), chunk)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					got := p.Lookup(context.Background(), chunk)
					if len(got) != len(want) {
						t.Errorf("%d answers to %d queries", len(got), len(want))
						return
					}
					for i := range got {
						if !same(got[i], want[i]) {
							t.Errorf("%s: another answer under concurrent use", show(chunk[i].Subject))
						}
					}
				})
			}
			wg.Wait()
		}
	})
}

func runCase(t *testing.T, p enrichment.Provider, c Case) {
	t.Helper()
	want := c.Want
	if want == nil {
		want = p.Info().Gives
	}
	q := enrichment.Query{Subject: c.Subject, Want: want, CallID: callID(p.Info(), 0)}
	a := ask(t, p, context.Background(), []enrichment.Query{q})[0]
	checkAnswer(t, p.Info(), q, a)
	outcome := c.Outcome
	for _, v := range c.Values {
		if v != nil && outcome == 0 {
			outcome = enrichment.Hit
		}
	}
	if outcome != 0 && a.Outcome != outcome {
		t.Errorf("outcome %s (%s), want %s", a.Outcome, a.Reason, outcome)
	}
	if c.Reason != "" && a.Reason != c.Reason {
		t.Errorf("reason %q, want %q", a.Reason, c.Reason)
	}
	for name, want := range c.Values {
		if got := a.Values[name].Value; got != want {
			t.Errorf("%s = %#v, want %#v", name, got, want)
		}
	}
	for name, want := range c.Reasons {
		if got := a.Values[name].Reason; got != want {
			t.Errorf("%s has reason %q, want %q", name, got, want)
		}
	}
}

// ask calls Lookup and makes sure of what everything else builds on.
func ask(t *testing.T, p enrichment.Provider, ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("Lookup panics: %v", r)
		}
	}()
	answers := p.Lookup(ctx, batch)
	if len(answers) != len(batch) {
		t.Fatalf("%d answers to %d queries", len(answers), len(batch))
	}
	return answers
}

func checkAnswer(t *testing.T, info enrichment.Info, q enrichment.Query, a enrichment.Answer) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: %s", show(q.Subject), fmt.Sprintf(format, args...))
	}
	if !a.Outcome.Known() {
		fail("outcome %d is none", a.Outcome)
	}
	found := false
	for name, v := range a.Values {
		if !slices.Contains(info.Gives, name) {
			fail("gives %s, which it does not declare", name)
			continue
		}
		if v.Value == nil {
			if v.Reason == "" {
				fail("%s has neither value nor reason", name)
			}
			continue
		}
		found = true
		at, _ := enrichment.Find(name)
		if !at.Type.Holds(v.Value) {
			fail("%s = %.80q (%T) is no %s", name, fmt.Sprint(v.Value), v.Value, at.Type)
		}
		if v.Confidence < 0 || v.Confidence > 1 {
			fail("%s has confidence %v", name, v.Confidence)
		}
		if v.Source != "" && v.Source != info.ID {
			fail("%s has source %q", name, v.Source)
		}
		if v.Cost < 0 || v.Cost > info.Price {
			fail("%s costs %d, at most %d is declared", name, v.Cost, info.Price)
		}
	}
	switch a.Outcome {
	case enrichment.Hit:
		if !found {
			fail("a hit without a value")
		}
	default:
		if found {
			fail("%s with a value", a.Outcome)
		}
	}
	if a.Outcome == enrichment.Pending && a.Handle == "" {
		fail("pending without a handle")
	}
	if a.InDoubt && (a.Outcome != enrichment.Transient || !info.Paid) {
		fail("only a paid call that broke off is in doubt")
	}
	if info.Local && a.Outcome.Outage() && a.Outcome != enrichment.Transient {
		fail("a local provider answers %s", a.Outcome)
	}
}

// questions returns the cases' subjects and hostile ones, everything asked for.
func questions(info enrichment.Info, cases []Case) []enrichment.Query {
	subjects := []enrichment.Subject{nil, {}}
	for _, c := range cases {
		subjects = append(subjects, c.Subject)
	}
	var needs []string
	for _, need := range info.Needs {
		for _, name := range need {
			if !slices.Contains(needs, name) {
				needs = append(needs, name)
			}
		}
	}
	for _, text := range hostile {
		all := enrichment.Subject{}
		for _, name := range needs {
			all[name] = text
			subjects = append(subjects, enrichment.Subject{name: text})
		}
		subjects = append(subjects, all)
	}
	queries := make([]enrichment.Query, len(subjects))
	for i, s := range subjects {
		queries[i] = enrichment.Query{Subject: s, Want: info.Gives, CallID: callID(info, i)}
	}
	return queries
}

// hostile are cells that break things.
var hostile = []string{
	"", " ", "\u00a0\u2003", "\t\r\n", "\x00", "a\x00b", "\xff\xfe\xfd", "é\xc3", "-", ".", "..", "@", "@@", "a@", "@b", "a@b@c",
	"a@.", "a@..", ".@.", "a@b..c", "\"a b\"@c.de", "a@[127.0.0.1]", "a@[", "xn--", "a@xn--a.xn--b", "http://", "http://[", "://", "//", "?#", "%",
	"%zz", "%00", "+", "+0", "+999999999999999999999", "00", "-1", "1e309", "NaN", "1/0", "'", "\"", "\\", "=HYPERLINK(1)", "#REF!", "Loading…", "null", "undefined",
	"\u202eabc", "\u200b", "\ufeff", "e\u0301\u0301\u0301", "👩‍👩‍👧‍👦", "ﷺ", "İı", "ß", "山田 太郎", "محمد", ",", ",,", ", ,", "(", ")", "()", "a(b", "<a@b.c>", "<", "Dr.", "von", "O'", "Inc.", "GmbH", "& Co",
	strings.Repeat("a", 50_001), strings.Repeat("a ", 25_000), strings.Repeat("a.", 25_000), strings.Repeat("@", 5_000),
	strings.Repeat("é\u0301", 5_000), strings.Repeat("1", 50_000), strings.Repeat("(", 5_000), strings.Repeat(",", 5_000), strings.Repeat("\x00", 5_000), strings.Repeat("\xff", 5_000),
}

func callID(info enrichment.Info, i int) string {
	if !info.Paid {
		return ""
	}
	return fmt.Sprintf("test-%d", i)
}

// chunks yields pieces of at most size queries; 0: all at once.
func chunks(queries []enrichment.Query, size int) func(func([]enrichment.Query) bool) {
	if size == 0 {
		size = len(queries)
	}
	return func(yield func([]enrichment.Query) bool) {
		for chunk := range slices.Chunk(queries, size) {
			if !yield(chunk) {
				return
			}
		}
	}
}

// same compares answers but for the times at which things were found.
func same(a, b enrichment.Answer) bool {
	if a.Outcome != b.Outcome || a.Reason != b.Reason || len(a.Values) != len(b.Values) {
		return false
	}
	for name, v := range a.Values {
		w, ok := b.Values[name]
		if !ok {
			return false
		}
		if at, _ := enrichment.Find(name); at.Type == enrichment.Moment && v.Value != nil && w.Value != nil {
			v.Value, w.Value = nil, nil
		}
		if (v.VerifiedAt == nil) != (w.VerifiedAt == nil) {
			return false
		}
		v.VerifiedAt, w.VerifiedAt, v.FetchedAt, w.FetchedAt = nil, nil, time.Time{}, time.Time{}
		if v != w {
			return false
		}
	}
	return true
}

func clone(s enrichment.Subject) enrichment.Subject {
	if s == nil {
		return nil
	}
	c := enrichment.Subject{}
	for k, v := range s {
		c[k] = v
	}
	return c
}

// show quotes a subject, long values cut.
func show(s enrichment.Subject) string {
	var parts []string
	for name, v := range s {
		if len(v) > 40 {
			parts = append(parts, fmt.Sprintf("%s=%q… (%d bytes)", name, v[:40], len(v)))
		} else {
			parts = append(parts, fmt.Sprintf("%s=%q", name, v))
		}
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, " ") + "}"
}

func showAnswer(a enrichment.Answer) string {
	var parts []string
	for name, v := range a.Values {
		parts = append(parts, fmt.Sprintf("%s=%.60v(%s)", name, v.Value, v.Reason))
	}
	slices.Sort(parts)
	return fmt.Sprintf("%s %s [%s]", a.Outcome, a.Reason, strings.Join(parts, " "))
}
