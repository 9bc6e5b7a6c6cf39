package enrichment_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"pgregory.net/rapid"

	. "rowsmith/enrichment"
)

func titles(price int64, opts ...func(*Info)) *fake {
	p := source("p", only("full_name"), only("job_title", "job_started_at"), nil, append([]func(*Info){paid(price)}, opts...)...)
	p.answer = func(q Query) Answer { return hit(map[string]any{"job_title": "of " + q.Subject["full_name"]}) }
	return p
}

func people(n int) []Subject {
	out := make([]Subject, n)
	for i := range out {
		out[i] = Subject{"full_name": fmt.Sprintf("Jo %c", 'a'+i), "company_name": "Acme"}
	}
	return out
}

func TestBudgetIsReservedAtItsMaximumAndSettled(t *testing.T) {
	p := titles(10, batch(1))
	p.answer = func(q Query) Answer {
		if q.Subject["full_name"] == "Jo a" {
			return Answer{Outcome: Miss}
		}
		return hit(map[string]any{"job_title": "x"})
	}
	rs := enrich(t, engine(t, p), Want{Attributes: only("job_title"), MaxCost: 25, Journal: &ledger{}}, people(4)...)
	// At 25 only two may be under way at 10 each; the miss gives 10 back, but the wave is over.
	var cost int64
	for _, r := range rs {
		cost += r.Cost
	}
	if cost != 10 || p.asked() != 2 || rs[2].Missing["job_title"] != ReasonOverBudget || rs[3].Failed {
		t.Errorf("cost %d, asked %d, %+v", cost, p.asked(), rs)
	}
}

func TestBudgetNeverOverspent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		price := rapid.Int64Range(0, 5).Draw(t, "price")
		most := rapid.Int64Range(1, 30).Draw(t, "most")
		n := rapid.IntRange(1, 12).Draw(t, "rows")
		a, b := titles(price, batch(3)), titles(price+1, batch(2))
		a.info.ID, b.info.ID = "a", "b"
		outcome := rapid.SampledFrom([]Outcome{Hit, Miss, Pending, Transient, BadInput})
		drawn := map[string]Answer{}
		for _, s := range people(n) {
			for _, id := range []string{"a", "b"} {
				ans := Answer{Outcome: outcome.Draw(t, "outcome"), Handle: "h"}
				if ans.Outcome == Hit {
					ans.Values = map[string]Value{"job_title": {Value: "x", Cost: rapid.Int64Range(0, 8).Draw(t, "own cost")}}
				}
				drawn[id+s["full_name"]] = ans
			}
		}
		a.answer = func(q Query) Answer { return drawn["a"+q.Subject["full_name"]] }
		b.answer = func(q Query) Answer { return drawn["b"+q.Subject["full_name"]] }
		e, err := New(Config{Providers: []Provider{a, b}})
		if err != nil {
			t.Fatal(err)
		}
		l := &ledger{}
		want := Want{Attributes: only("job_title"), MaxCost: most, Journal: l, Buyer: "c1"}
		rs, err := e.Enrich(context.Background(), people(n), want)
		if err != nil {
			t.Fatal(err)
		}
		var cost int64
		for _, r := range rs {
			cost += r.Cost
			for _, v := range r.Values {
				if v.Cost < 0 || v.Cost > price+1 {
					t.Fatalf("a value costs %d", v.Cost)
				}
			}
		}
		if cost > most {
			t.Fatalf("spent %d of %d", cost, most)
		}
		for id, c := range l.calls {
			if c.Outcome == 0 {
				t.Fatalf("call %s was left without an end", id)
			}
		}
		// The same buyer's retry is told the same, as far as it was final, and asks nobody for that.
		n1 := a.asked() + b.asked()
		again, err := e.Enrich(context.Background(), people(n), want)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range again {
			if was := rs[i]; was.Cost > 0 && (r.Cost != was.Cost || r.Values["job_title"].Source != was.Values["job_title"].Source) {
				t.Fatalf("row %d: first %+v, then %+v", i, was, r)
			}
		}
		for id := range l.calls {
			if got := countCalls(a, id) + countCalls(b, id); got > 1 && l.calls[id].Outcome.Final() && n1 == a.asked()+b.asked() {
				t.Fatalf("call %s was made %d times", id, got)
			}
		}
	})
}

func countCalls(f *fake, id string) (n int) {
	for _, q := range f.queries {
		if q.CallID == id {
			n++
		}
	}
	return n
}

func TestCallsAreJournalledBeforeTheyAreMade(t *testing.T) {
	l := &ledger{}
	p := titles(1)
	p.answer = func(q Query) Answer {
		l.mu.Lock()
		defer l.mu.Unlock()
		c, ok := l.calls[q.CallID]
		if !ok || c.Outcome != 0 || c.Attempt != 1 || c.Provider != "p" || !c.Begun.Equal(start) {
			t.Errorf("journal at the time of the call: %+v, %v", c, ok)
		}
		return Answer{Outcome: Hit, Values: map[string]Value{"job_title": {Value: "CEO"}}, Units: 3, Cost: 20_000}
	}
	enrich(t, engine(t, p), Want{Attributes: only("job_title"), MaxCost: 5, Journal: l}, jo)
	for _, c := range l.calls {
		if c.Outcome != Hit || c.Units != 3 || c.Cost != 20_000 || c.Values["job_title"].Value != "CEO" || c.Values["job_title"].Source != "p" {
			t.Errorf("%+v", c)
		}
	}
	if len(l.calls) != 1 {
		t.Errorf("%d calls", len(l.calls))
	}
}

func TestAnEndedCallIsNotRepeated(t *testing.T) {
	l := &ledger{}
	p := titles(4)
	e := engine(t, p)
	want := Want{Attributes: only("job_title"), MaxCost: 10, Journal: l}
	first := enrich(t, e, want, jo)[0]
	second := enrich(t, e, want, jo)[0]
	if p.asked() != 1 || second.Cost != first.Cost || second.Values["job_title"].Value != first.Values["job_title"].Value || first.Cost != 4 {
		t.Errorf("asked %d times: %+v, %+v", p.asked(), first, second)
	}
}

func TestACallInDoubtIsRepeatedOnceAtTheOperatorsCost(t *testing.T) {
	l := &ledger{}
	p := titles(4)
	doubt := true
	p.answer = func(q Query) Answer {
		if doubt {
			return Answer{Outcome: Transient, InDoubt: true, Reason: "timeout"}
		}
		return hit(map[string]any{"job_title": "CEO"})
	}
	next := titles(4)
	next.info.ID = "next"
	e := engine(t, p, next)
	want := Want{Attributes: only("job_title"), MaxCost: 10, Journal: l}
	r := enrich(t, e, want, jo)[0]
	if !r.Failed || r.Cost != 0 || next.asked() != 0 {
		t.Fatalf("%+v", r)
	}
	doubt = false
	r = enrich(t, e, want, jo)[0]
	expect(t, r, map[string]any{"job_title": "CEO"}, nil)
	if r.Cost != 0 {
		t.Errorf("the user pays %d for a repeated call", r.Cost)
	}
	for _, c := range l.calls {
		if c.Attempt != 2 {
			t.Errorf("%+v", c)
		}
	}
	// And a third time there is the result, still free.
	r = enrich(t, e, want, jo)[0]
	if p.asked() != 2 || r.Cost != 0 || r.Values["job_title"].Value != "CEO" {
		t.Errorf("asked %d times, %+v", p.asked(), r)
	}
}

func TestACallTwiceInDoubtIsGivenUp(t *testing.T) {
	for name, broken := range map[string]func(*fake){
		"timeout":     func(p *fake) { p.answer = func(Query) Answer { return Answer{Outcome: Transient, InDoubt: true} } },
		"panic":       func(p *fake) { p.whole = func(context.Context, []Query) []Answer { panic(1) } },
		"wrong count": func(p *fake) { p.whole = func(context.Context, []Query) []Answer { return nil } },
	} {
		t.Run(name, func(t *testing.T) {
			l := &ledger{}
			p := titles(4)
			broken(p)
			e := engine(t, p)
			want := Want{Attributes: only("job_title"), MaxCost: 10, Journal: l}
			for i := range 4 {
				r := enrich(t, e, want, jo)[0]
				if failed := i < 2; r.Failed != failed || !failed && r.Missing["job_title"] != ReasonInDoubt {
					t.Errorf("try %d: %+v", i, r)
				}
			}
			if p.calls != 2 {
				t.Errorf("asked %d times", p.calls)
			}
		})
	}
}

func TestAnOutageIsAskedAgain(t *testing.T) {
	l := &ledger{}
	p := titles(4)
	answer := Answer{Outcome: RateLimited}
	p.answer = func(Query) Answer { return answer }
	e := engine(t, p)
	want := Want{Attributes: only("job_title"), MaxCost: 10, Journal: l}
	for range 3 {
		if r := enrich(t, e, want, jo)[0]; !r.Failed {
			t.Fatalf("%+v", r)
		}
	}
	answer = hit(map[string]any{"job_title": "CEO"})
	if r := enrich(t, e, want, jo)[0]; r.Cost != 4 || p.asked() != 4 {
		t.Errorf("asked %d times, %+v", p.asked(), r)
	}
}

func TestAPendingCallIsCompletedThroughTheJournal(t *testing.T) {
	l := &ledger{}
	p := titles(4)
	p.answer = func(Query) Answer { return Answer{Outcome: Pending, Handle: "job 7", Until: start.Add(time.Minute)} }
	e := engine(t, p)
	want := Want{Attributes: only("job_title"), MaxCost: 10, Journal: l}
	for range 2 {
		r := enrich(t, e, want, jo)[0]
		if len(r.Pending) != 1 || r.Failed || r.Cost != 0 {
			t.Fatalf("%+v", r)
		}
	}
	for id, c := range l.calls {
		c.Outcome, c.Values = Hit, map[string]Value{"job_title": {Value: "CEO"}}
		l.calls[id] = c
	}
	r := enrich(t, e, want, jo)[0]
	if p.asked() != 1 || r.Values["job_title"].Value != "CEO" || r.Cost != 4 {
		t.Errorf("asked %d times, %+v", p.asked(), r)
	}
}

func TestAProviderThatSaysStopIsNotAskedForTheRest(t *testing.T) {
	p := titles(1, batch(1))
	p.answer = func(Query) Answer { return Answer{Outcome: Quota} }
	l := &ledger{}
	e := engineOf(t, Config{Providers: []Provider{p}, Concurrency: 1})
	rs := enrich(t, e, Want{Attributes: only("job_title"), MaxCost: 100, Journal: l}, people(10)...)
	if p.asked() != 1 {
		t.Errorf("asked %d times", p.asked())
	}
	for _, r := range rs {
		if !r.Failed || r.Missing["job_title"] != ReasonQuota {
			t.Errorf("%+v", r)
		}
	}
	for _, c := range l.calls {
		if c.Outcome != Quota {
			t.Errorf("a call that was never made is in doubt: %+v", c)
		}
	}
}

func TestOneRowIsAskedOfOnePaidProviderAtATime(t *testing.T) {
	// What the first finds lets a free one give what the second would have been paid for.
	a := source("a", only("company_name"), only("website"), map[string]any{"website": "https://acme.com"}, paid(3))
	free := source("free", only("website"), only("cms"), map[string]any{"cms": "x"}, network)
	b := source("b", only("company_name"), only("cms"), map[string]any{"cms": "y"}, paid(3))
	r := enrich(t, engine(t, a, free, b), Want{Attributes: only("website", "cms"), MaxCost: 100, Journal: &ledger{}}, jo)[0]
	expect(t, r, map[string]any{"website": "https://acme.com", "cms": "x"}, nil)
	if b.asked() != 0 || r.Cost != 3 {
		t.Errorf("b asked %d times, cost %d", b.asked(), r.Cost)
	}
}

func TestOneCallGivesAllItCan(t *testing.T) {
	a := source("a", only("full_name"), only("job_title", "city"), map[string]any{"job_title": "CEO", "city": "Bonn"}, paid(3))
	b := source("b", only("full_name"), only("city"), map[string]any{"city": "Paris"}, paid(3))
	r := enrich(t, engine(t, a, b), Want{Attributes: only("city", "job_title"), MaxCost: 100, Journal: &ledger{}}, jo)[0]
	expect(t, r, map[string]any{"job_title": "CEO", "city": "Bonn"}, nil)
	if a.asked() != 1 || b.asked() != 0 || r.Cost != 3 {
		t.Errorf("asked %d and %d times, cost %d", a.asked(), b.asked(), r.Cost)
	}
}

func TestValuesNameTheirOwnCosts(t *testing.T) {
	p := source("p", only("full_name"), only("job_title", "city"), nil, paid(10))
	p.answer = func(Query) Answer {
		return Answer{Outcome: Hit, Values: map[string]Value{"job_title": {Value: "CEO", Cost: 2}, "city": {Value: "Bonn", Cost: 3}}}
	}
	r := enrich(t, engine(t, p), Want{Attributes: only("city"), MaxCost: 10, Journal: &ledger{}}, jo)[0]
	if r.Cost != 3 {
		t.Errorf("cost %d: what isn't wanted isn't charged", r.Cost)
	}
}

func TestNobodyIsPaidForARowOfNobody(t *testing.T) {
	p := titles(1)
	r := enrich(t, engine(t, p), Want{Attributes: only("job_title"), MaxCost: 10, Journal: &ledger{}}, Subject{"full_name": "Jo Do"})[0]
	if p.asked() != 0 || r.Failed || r.Missing["job_title"] != ReasonNoInput {
		t.Errorf("%+v", r)
	}
}

func TestAJournalOutOfOrderStopsEverything(t *testing.T) {
	l := &ledger{err: errors.New("disk full")}
	p := titles(1)
	_, err := engine(t, p).Enrich(context.Background(), []Subject{jo}, Want{Attributes: only("job_title"), MaxCost: 10, Journal: l})
	if !errors.Is(err, l.err) || p.asked() != 0 {
		t.Errorf("%v, asked %d times", err, p.asked())
	}
}

func TestCacheKeepsWhatWasBought(t *testing.T) {
	clock := clockwork.NewFakeClockAt(start)
	cache := &memory{}
	p := titles(4)
	free := source("free", only("company_name"), only("website"), map[string]any{"website": "https://acme.com"}, network)
	e := engineOf(t, Config{Providers: []Provider{p, free}, Cache: cache, Clock: clock})
	want := Want{Attributes: only("job_title", "website"), Account: "acc", Buyer: "chunk 1", MaxCost: 100, Journal: &ledger{}}
	check := func(cost int64, asked int) {
		t.Helper()
		r := enrich(t, e, want, jo)[0]
		if r.Cost != cost || p.asked() != asked || r.Values["job_title"].Value != "of Jo Do" {
			t.Errorf("cost %d, want %d; asked %d times, want %d: %+v", r.Cost, cost, p.asked(), asked, r)
		}
	}
	check(4, 1)
	rec := cache.records["acc/"+jo.Key()]
	if _, ok := rec.Values["website"]; ok || rec.Values["job_title"].Cost != 4 || rec.Buyer["job_title"] != "chunk 1" || cache.gets != 1 || cache.puts != 1 {
		t.Errorf("kept %+v after %d reads and %d writes", rec, cache.gets, cache.puts)
	}
	want.Journal = &ledger{}
	check(4, 1) // the same buyer's retry is charged what it was
	want.Buyer = "chunk 2"
	check(0, 1) // later readers nothing
	clock.Advance(179 * 24 * time.Hour)
	check(0, 1)
	want.MaxAge = 24 * time.Hour
	check(4, 2)
	want.MaxAge = 0
	clock.Advance(181 * 24 * time.Hour)
	want.Buyer = "chunk 3"
	want.Journal = &ledger{}
	check(4, 3)
	want.Account = "other"
	want.Journal = &ledger{}
	check(4, 4) // what was bought never crosses accounts
}

func TestCacheChargesRowsOfOneKeyOnce(t *testing.T) {
	cache := &memory{}
	e := engineOf(t, Config{Providers: []Provider{titles(4)}, Cache: cache})
	other := Subject{"full_name": "JO DO", "company_name": "Acme"}
	for range 2 {
		rs := enrich(t, e, Want{Attributes: only("job_title"), Buyer: "b", MaxCost: 100, Journal: &ledger{}}, jo, other)
		if rs[0].Cost+rs[1].Cost != 4 {
			t.Errorf("%d and %d", rs[0].Cost, rs[1].Cost)
		}
	}
}

func TestACacheOutOfOrder(t *testing.T) {
	cache := &memory{err: errors.New("gone")}
	e := engineOf(t, Config{Providers: []Provider{titles(4)}, Cache: cache})
	_, err := e.Enrich(context.Background(), []Subject{jo}, Want{Attributes: only("job_title"), MaxCost: 9, Journal: &ledger{}})
	if !errors.Is(err, cache.err) {
		t.Error(err)
	}
	// Nothing that could be in the cache is wanted: it isn't needed.
	if _, err := e.Enrich(context.Background(), []Subject{jo}, Want{Attributes: only("cms"), MaxCost: 9, Journal: &ledger{}}); err != nil {
		t.Error(err)
	}
}

func TestMissesAreForgottenInTime(t *testing.T) {
	clock := clockwork.NewFakeClockAt(start)
	p := titles(1)
	p.answer = func(Query) Answer { return Answer{Outcome: Miss} }
	e := engineOf(t, Config{Providers: []Provider{p}, Cache: &memory{}, Clock: clock, MissFresh: 10 * 24 * time.Hour})
	for _, tc := range []struct {
		wait   time.Duration
		maxAge time.Duration
		asked  int
	}{{0, 0, 1}, {9 * 24 * time.Hour, 0, 1}, {0, time.Hour, 2}, {11 * 24 * time.Hour, 0, 3}} {
		clock.Advance(tc.wait)
		r := enrich(t, e, Want{Attributes: only("job_title"), MaxCost: 9, Journal: &ledger{}, MaxAge: tc.maxAge}, jo)[0]
		if p.asked() != tc.asked || r.Missing["job_title"] != ReasonNotFound {
			t.Errorf("%+v: asked %d times, %+v", tc, p.asked(), r)
		}
	}
}
