package enrichment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jonboulle/clockwork"

	. "rowsmith/enrichment"
)

var jo = Subject{"full_name": "Jo Do", "company_name": "Acme"}

func TestChainsIntermediateAttributes(t *testing.T) {
	// email → domain → mx_host, none of which is wanted but the last.
	dom := source("dom", only("email"), only("domain"), map[string]any{"domain": "acme.com"}, local)
	dns := source("dns", only("domain"), only("mx_host", "spf"), map[string]any{"mx_host": "mx.acme.com", "spf": "fail"}, network)
	other := source("other", only("email"), only("city"), map[string]any{"city": "Bonn"}, local)
	e := engine(t, dns, other, dom)
	r := enrich(t, e, Want{Attributes: only("mx_host")}, Subject{"email": "A@Acme.com"})[0]
	expect(t, r, map[string]any{"mx_host": "mx.acme.com"}, nil)
	if got := dns.queries[0]; got.Subject["domain"] != "acme.com" || got.Subject["email"] != "a@acme.com" || strings.Join(got.Want, " ") != "mx_host" {
		t.Errorf("asked %+v", got)
	}
	if other.asked() != 0 {
		t.Error("asked a provider that nothing depends on")
	}
}

func TestFirstInTheWaterfallWins(t *testing.T) {
	a := source("a", only("company_name"), only("website", "city"), map[string]any{"website": "https://a.com"})
	b := source("b", only("company_name"), only("website", "city"), map[string]any{"website": "https://b.com", "city": "Bonn"})
	c := source("c", only("company_name"), only("website", "city"), map[string]any{"city": "Paris"})
	r := enrich(t, engine(t, a, b, c), Want{Attributes: only("website", "city")}, jo)[0]
	expect(t, r, map[string]any{"website": "https://a.com", "city": "Bonn"}, nil)
	if r.Values["website"].Source != "a" || r.Values["city"].Source != "b" || !r.Values["city"].FetchedAt.Equal(start) {
		t.Errorf("%+v", r.Values)
	}
	if c.asked() != 0 {
		t.Error("the chain went on after everything was found")
	}
}

func TestWaitsForTheFirstInTheWaterfall(t *testing.T) {
	// The dear one could be asked at once; the cheap one before it needs a domain that a third one finds.
	cheap := source("cheap", only("domain"), only("email"), map[string]any{"email": "jo@acme.com"}, paid(1))
	dear := source("dear", only("full_name"), only("email"), map[string]any{"email": "dear@acme.com"}, paid(100))
	finder := source("finder", only("company_name"), only("domain"), map[string]any{"domain": "acme.com"}, network)
	r := enrich(t, engine(t, cheap, dear, finder), Want{Attributes: only("email"), MaxCost: 1000, Journal: &ledger{}}, jo)[0]
	expect(t, r, map[string]any{"email": "jo@acme.com"}, nil)
	if r.Cost != 1 || dear.asked() != 0 {
		t.Errorf("cost %d, dear asked %d times", r.Cost, dear.asked())
	}
}

func TestAsksAFreeProviderAgainWhenItCanBeToldMore(t *testing.T) {
	two := &fake{info: Info{ID: "two", Name: "two", Needs: [][]string{{"company_name"}, {"website"}}, Gives: only("domain"), Local: true}}
	two.answer = func(q Query) Answer {
		if q.Subject["website"] == "" {
			return Answer{Outcome: Miss}
		}
		return hit(map[string]any{"domain": "acme.com"})
	}
	web := source("web", only("company_name"), only("website"), map[string]any{"website": "https://acme.com"}, network)
	r := enrich(t, engine(t, two, web), Want{Attributes: only("domain")}, jo)[0]
	expect(t, r, map[string]any{"domain": "acme.com"}, nil)
}

func TestDependenciesInACircleEnd(t *testing.T) {
	a := source("a", only("city"), only("region"), nil)
	b := source("b", only("region"), only("city"), nil)
	r := enrich(t, engine(t, a, b), Want{Attributes: only("city", "region")}, jo)[0]
	expect(t, r, nil, map[string]string{"city": ReasonNoInput, "region": ReasonNoInput})
}

func TestWhatTheRowGivesIsLeftAlone(t *testing.T) {
	p := source("p", only("company_name"), only("city", "country"), map[string]any{"city": "Bonn", "country": "DE"})
	s := Subject{"company_name": "Acme", "city": "Köln"}
	r := enrich(t, engine(t, p), Want{Attributes: only("city", "country")}, s)[0]
	expect(t, r, map[string]any{"country": "DE"}, map[string]string{"city": ReasonGiven})
	r = enrich(t, engine(t, p), Want{Attributes: only("city", "country"), Refresh: only("city")}, s)[0]
	expect(t, r, map[string]any{"city": "Bonn", "country": "DE"}, nil)
}

func TestRefreshWorksOutAgainWhatHangsOnIt(t *testing.T) {
	dom := source("dom", only("email"), only("domain"), nil, local)
	dom.answer = func(q Query) Answer {
		_, host, _ := strings.Cut(q.Subject["email"], "@")
		return hit(map[string]any{"domain": host})
	}
	find := source("find", only("full_name"), only("email"), map[string]any{"email": "jo@new.com"}, network)
	r := enrich(t, engine(t, dom, find), Want{Attributes: only("email", "domain"), Refresh: only("email")},
		Subject{"full_name": "Jo Do", "company_name": "x", "email": "jo@old.com"})[0]
	expect(t, r, map[string]any{"email": "jo@new.com", "domain": "new.com"}, nil)
}

func TestTidiedFormsOfRefreshedInputs(t *testing.T) {
	names := source("names", only("first_name"), only("first_name", "salutation"), nil, local)
	names.answer = func(q Query) Answer {
		return hit(map[string]any{"first_name": "x" + q.Subject["first_name"], "salutation": "Dear " + q.Subject["first_name"]})
	}
	r := enrich(t, engine(t, names), Want{Attributes: only("first_name", "salutation"), Refresh: only("first_name")}, Subject{"first_name": "JO"})[0]
	expect(t, r, map[string]any{"first_name": "xJO", "salutation": "Dear JO"}, nil)
}

func TestIdenticalRowsAreWorkedOutOnceAndPaidOnce(t *testing.T) {
	p := source("p", only("full_name"), only("job_title"), map[string]any{"job_title": "CEO"}, paid(5))
	l := source("l", only("city"), only("region"), nil, local)
	l.answer = func(q Query) Answer { return hit(map[string]any{"region": q.Subject["city"]}) }
	same := Subject{"full_name": " JO  DO", "company_name": "acme"} // another normal form, one key
	bonn := Subject{"full_name": "Jo Do", "company_name": "Acme", "city": "Bonn"}
	rs := enrich(t, engine(t, p, l), Want{Attributes: only("job_title", "region"), MaxCost: 100, Journal: &ledger{}}, jo, jo, same, bonn, jo)
	var cost int64
	for i, r := range rs {
		cost += r.Cost
		var sum int64
		for _, v := range r.Values {
			sum += v.Cost
		}
		if sum != r.Cost || r.Values["job_title"].Value != "CEO" {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if cost != 5 || rs[0].Cost != 5 || p.asked() != 1 {
		t.Errorf("cost %d, asked %d times", cost, p.asked())
	}
	if rs[3].Values["region"].Value != "Bonn" || rs[0].Values["region"].Value != nil {
		t.Error("local attributes were shared between rows that differ")
	}
	rs[0].Values["x"] = Value{}
	if _, shared := rs[1].Values["x"]; shared {
		t.Error("results share a map")
	}
}

func TestOutcomes(t *testing.T) {
	until := start.Add(time.Hour)
	for _, tc := range []struct {
		name    string
		answer  Answer
		reason  string // of the wanted attribute
		failed  bool
		pending bool
		goesOn  bool // to the next paid provider
		next    bool // likewise with OnOutageNext
		cached  bool // negatively
	}{
		{"miss", Answer{Outcome: Miss, Reason: ReasonNotFound}, ReasonNotFound, false, false, true, true, true},
		{"miss for a reason", Answer{Outcome: Miss, Reason: "too_common"}, "too_common", false, false, true, true, true},
		{"pending", Answer{Outcome: Pending, Handle: "h"}, ReasonPending, false, true, false, false, false},
		{"pending without handle", Answer{Outcome: Pending}, "transient", true, false, false, true, false},
		{"rate limited", Answer{Outcome: RateLimited, Until: until}, ReasonRateLimited, true, false, false, true, false},
		{"quota", Answer{Outcome: Quota, Reason: "x"}, ReasonQuota, true, false, false, true, false},
		{"auth", Answer{Outcome: Auth}, ReasonAuth, true, false, false, true, false},
		{"opted out", Answer{Outcome: OptedOut}, ReasonOptedOut, false, false, false, false, true},
		{"bad input", Answer{Outcome: BadInput}, ReasonBadInput, false, false, true, true, false},
		{"transient", Answer{Outcome: Transient, Reason: "timeout"}, "timeout", true, false, false, true, false},
		{"offline", Answer{Outcome: Transient, Reason: ReasonOffline}, ReasonOffline, false, false, true, true, false},
		{"no outcome", Answer{}, ReasonTransient, true, false, false, true, false},
		{"unknown outcome", Answer{Outcome: 99}, ReasonTransient, true, false, false, true, false},
		{"hit without value", Answer{Outcome: Hit}, ReasonNotFound, false, false, true, true, true},
		{"hit with a blank", hit(map[string]any{"job_title": ""}), ReasonNotFound, false, false, true, true, true},
		{"hit of the wrong type", hit(map[string]any{"job_title": 1.0}), ReasonNotFound, false, false, true, true, true},
		{"hit undeclared", hit(map[string]any{"city": "Bonn"}), ReasonNotFound, false, false, true, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, next := range []bool{false, true} {
				p := source("p", only("full_name"), only("job_title"), nil, paid(1))
				p.answer = func(Query) Answer { return tc.answer }
				q := source("q", only("full_name"), only("job_title"), nil, paid(1))
				cache := &memory{}
				e := engineOf(t, Config{Providers: []Provider{p, q}, Cache: cache})
				r := enrich(t, e, Want{Attributes: only("job_title"), MaxCost: 10, Journal: &ledger{}, OnOutageNext: next}, jo)[0]
				want := tc.goesOn
				if next {
					want = tc.next
				}
				if got := q.asked() == 1; got != want {
					t.Errorf("OnOutageNext %v: next asked: %v, want %v", next, got, want)
				}
				expect(t, r, nil, map[string]string{"job_title": tc.reason})
				if r.Failed != tc.failed || len(r.Pending) > 0 != tc.pending || r.Cost != 0 {
					t.Errorf("%+v", r)
				}
				if !r.RetryAt.Equal(tc.answer.Until) {
					t.Errorf("retry at %v", r.RetryAt)
				}
				rec := cache.records["/"+jo.Key()]
				_, whole := rec.Misses["p"]
				_, part := rec.Misses["p:job_title"]
				if (whole || part) != tc.cached || len(rec.Values) > 0 {
					t.Errorf("cached %+v, want a miss: %v", rec, tc.cached)
				}
				// A miss that is remembered isn't asked about again.
				before := p.asked()
				enrich(t, e, Want{Attributes: only("job_title"), MaxCost: 10, Journal: &ledger{}}, jo)
				if again := p.asked() > before; again == tc.cached {
					t.Errorf("asked again: %v", again)
				}
			}
		})
	}
}

func TestOutageOfAnIntermediateFailsTheRow(t *testing.T) {
	find := source("find", only("full_name"), only("email"), nil, network)
	find.answer = func(Query) Answer { return Answer{Outcome: Transient, Reason: "timeout"} }
	verdict := source("verdict", only("email"), only("email_verdict"), map[string]any{"email_verdict": "valid"}, network)
	r := enrich(t, engine(t, find, verdict), Want{Attributes: only("email_verdict")}, jo)[0]
	if !r.Failed || r.Missing["email_verdict"] != "timeout" {
		t.Errorf("%+v", r)
	}
}

func TestBrokenProvidersAreOutages(t *testing.T) {
	for name, whole := range map[string]func(context.Context, []Query) []Answer{
		"panic":     func(_ context.Context, b []Query) []Answer { panic(b[0].Subject["full_name"]) },
		"too few":   func(context.Context, []Query) []Answer { return nil },
		"too many":  func(_ context.Context, b []Query) []Answer { return make([]Answer, len(b)+1) },
		"nil panic": func(context.Context, []Query) []Answer { var m map[string]int; m["x"] = 1; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			p := source("p", only("full_name"), only("job_title"), nil)
			p.whole = whole
			l := source("l", only("company_name"), only("company_legal_name"), map[string]any{"company_legal_name": "Acme AG"}, local)
			e := engineOf(t, Config{Providers: []Provider{p, l}, Log: slog.New(slog.NewTextHandler(&log, nil))})
			r := enrich(t, e, Want{Attributes: only("job_title", "company_legal_name")}, jo)[0]
			expect(t, r, map[string]any{"company_legal_name": "Acme AG"}, map[string]string{"job_title": ReasonTransient})
			if !r.Failed {
				t.Error("not failed")
			}
			if strings.Contains(log.String(), "Jo Do") {
				t.Error("the log quotes a cell")
			}
			if !strings.Contains(log.String(), "provider=p") {
				t.Errorf("the log does not tell: %s", log.String())
			}
		})
	}
}

func TestMissingReasons(t *testing.T) {
	net := source("net", only("domain"), only("spf"), map[string]any{"spf": "fail"}, network)
	bought := source("bought", only("full_name"), only("job_title"), map[string]any{"job_title": "x"}, paid(5))
	e := engineOf(t, Config{Providers: []Provider{net, bought}, Offline: true})
	r := enrich(t, e, Want{Attributes: only("spf", "job_title", "cms", "email_verdict")}, jo)[0]
	expect(t, r, nil, map[string]string{"spf": ReasonOffline, "job_title": ReasonOverBudget, "cms": ReasonNoSource, "email_verdict": ReasonNoSource})
	if r.Failed {
		t.Error("offline is no failure")
	}
	r = enrich(t, engine(t, net), Want{Attributes: only("spf")}, jo)[0]
	expect(t, r, nil, map[string]string{"spf": ReasonNoInput})
}

func TestOfflineAVerdictIsUnknown(t *testing.T) {
	v := source("v", only("email"), only("email_verdict"), map[string]any{"email_verdict": "valid"}, network)
	e := engineOf(t, Config{Providers: []Provider{v}, Offline: true})
	r := enrich(t, e, Want{Attributes: only("email_verdict")}, Subject{"email": "a@b.de"})[0]
	expect(t, r, map[string]any{"email_verdict": "unknown"}, nil)
	if got := r.Values["email_verdict"]; got.Reason != ReasonOffline || got.Verdict != Unknown || r.Failed || v.asked() != 0 {
		t.Errorf("%+v", r)
	}
}

func TestAcceptanceOfEmails(t *testing.T) {
	verdicts := map[string]Verdict{"valid@a.com": Valid, "risky@a.com": Risky, "all@a.com": CatchAll, "gone@a.com": Invalid}
	verifier := source("verifier", only("email"), only("email_verdict", "email_reason"), nil, network)
	verifier.answer = func(q Query) Answer {
		v, ok := verdicts[q.Subject["email"]]
		if !ok {
			v = Unknown
		}
		return Answer{Outcome: Hit, Values: map[string]Value{"email_verdict": {Value: string(v), Verdict: v, Reason: "r"}}}
	}
	vendor := func(id, email string, confidence float64) *fake {
		p := source(id, only("full_name"), only("email"), nil, paid(10))
		p.answer = func(Query) Answer {
			if email == "" {
				return Answer{Outcome: Miss}
			}
			return Answer{Outcome: Hit, Values: map[string]Value{"email": {Value: email, Confidence: confidence}}}
		}
		return p
	}
	for _, tc := range []struct {
		name           string
		first, second  string
		conf           float64
		want, verdict  any
		asked, cost    int
		missing        string
		secondaryTaken bool
	}{
		{name: "valid", first: "valid@a.com", second: "x@a.com", want: "valid@a.com", verdict: "valid", asked: 0, cost: 10},
		{name: "invalid goes on", first: "gone@a.com", second: "valid@a.com", want: "valid@a.com", verdict: "valid", asked: 1, cost: 10},
		{name: "runner-up beaten", first: "risky@a.com", second: "valid@a.com", want: "valid@a.com", verdict: "valid", asked: 1, cost: 10},
		{name: "runner-up stays", first: "risky@a.com", second: "", want: "risky@a.com", verdict: "risky", asked: 1, cost: 10},
		{name: "better runner-up", first: "risky@a.com", second: "all@a.com", want: "all@a.com", verdict: "catch_all", asked: 1, cost: 10},
		{name: "unknown but sure", first: "who@a.com", conf: 0.95, want: "who@a.com", verdict: "unknown", asked: 0, cost: 10},
		{name: "unknown and unsure", first: "who@a.com", conf: 0.4, second: "valid@a.com", want: "valid@a.com", verdict: "valid", asked: 1, cost: 10},
		{name: "nothing but invalid", first: "gone@a.com", second: "gone@a.com", asked: 1, missing: ReasonRejected},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := vendor("a", tc.first, tc.conf), vendor("b", tc.second, tc.conf)
			cache := &memory{}
			e := engineOf(t, Config{Providers: []Provider{a, b, verifier}, Cache: cache})
			r := enrich(t, e, Want{Attributes: only("email", "email_verdict"), MaxCost: 100, Journal: &ledger{}}, jo)[0]
			if tc.missing != "" {
				if r.Missing["email"] != tc.missing || r.Failed || r.Cost != 0 {
					t.Errorf("%+v", r)
				}
			} else {
				expect(t, r, map[string]any{"email": tc.want, "email_verdict": tc.verdict}, nil)
			}
			if b.asked() != tc.asked || r.Cost != int64(tc.cost) {
				t.Errorf("second asked %d times, want %d; cost %d, want %d", b.asked(), tc.asked, r.Cost, tc.cost)
			}
			// The same again is free and asks nobody, whoever it is for.
			n := a.asked() + b.asked()
			r = enrich(t, e, Want{Attributes: only("email", "email_verdict"), MaxCost: 100, Journal: &ledger{}}, jo)[0]
			if a.asked()+b.asked() != n || r.Cost != 0 || r.Values["email"].Value != tc.want {
				t.Errorf("again: asked %d times more, %+v", a.asked()+b.asked()-n, r)
			}
		})
	}
}

func TestOwnAttributes(t *testing.T) {
	p := source("p", only("full_name"), only("job_title"), map[string]any{"job_title": "CEO"})
	q := source("q", only("full_name"), only("city"), nil)
	q.answer = func(Query) Answer {
		return Answer{Outcome: Hit, Values: map[string]Value{"city": {Value: "Bonn", Confidence: 0.456}}}
	}
	mail := source("mail", only("full_name"), only("email"), map[string]any{"email": "jo@a.com"})
	r := enrich(t, engine(t, p, q, mail), Want{Attributes: only("job_title", "city", "sources", "match_confidence", "enriched_at", "email_source")}, jo)[0]
	expect(t, r, map[string]any{"job_title": "CEO", "city": "Bonn", "sources": "p; q", "match_confidence": 0.46, "enriched_at": "2026-06-01T12:00:00Z", "email_source": "mail"}, nil)
	r = enrich(t, engine(t), Want{Attributes: only("sources", "match_confidence")}, jo)[0]
	expect(t, r, nil, map[string]string{"sources": ReasonNotFound, "match_confidence": ReasonNotFound})
}

func TestWantsThatAreWrong(t *testing.T) {
	e := engine(t, source("p", only("full_name"), only("city"), nil, paid(1)))
	for _, tc := range []struct {
		want Want
		err  error
		text string
	}{
		{Want{Attributes: only("emial")}, ErrUnknownAttribute, `unknown attribute "emial"; did you mean email?`},
		{Want{Attributes: only("zzzzzzz")}, ErrUnknownAttribute, `unknown attribute "zzzzzzz"`},
		{Want{Attributes: only("")}, ErrUnknownAttribute, `unknown attribute ""`},
		{Want{Attributes: only("city"), MaxCost: 1}, ErrNoJournal, "journal"},
	} {
		_, err := e.Enrich(context.Background(), []Subject{jo}, tc.want)
		if !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%v: %v", tc.want.Attributes, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Enrich(ctx, []Subject{jo}, Want{}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	if rs, err := e.Enrich(context.Background(), nil, Want{}); len(rs) != 0 || err != nil {
		t.Errorf("%v, %v", rs, err)
	}
	expect(t, enrich(t, e, Want{}, jo)[0], nil, nil)
}

func TestConfigsThatAreWrong(t *testing.T) {
	bad := source("Bad ID", nil, only("emial"), nil, func(i *Info) { i.Price = 3; i.Batch = -1 })
	_, err := New(Config{Providers: []Provider{bad, source("p", only("city"), only("region"), nil), source("p", only("city"), only("region"), nil)}, Accept: map[string]func(Value) Acceptance{"nope": nil}})
	if !errors.Is(err, ErrInfo) || !errors.Is(err, ErrUnknownAttribute) {
		t.Fatal(err)
	}
	for _, part := range []string{"id must be", "needs", `"emial"`, "batch is negative", "not paid", "twice", "nope"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not told: %v", part, err)
		}
	}
}

func TestBatchesAndConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most, now int
		p := source("p", only("full_name"), only("city"), nil, network, batch(10))
		p.whole = func(ctx context.Context, b []Query) []Answer {
			p.mu.Lock()
			now++
			most = max(most, now)
			p.mu.Unlock()
			time.Sleep(time.Second) // of the bubble's clock
			p.mu.Lock()
			now--
			p.mu.Unlock()
			out := make([]Answer, len(b))
			for i, q := range b {
				out[i] = hit(map[string]any{"city": q.Subject["full_name"]})
			}
			return out
		}
		subjects := make([]Subject, 95)
		for i := range subjects {
			subjects[i] = Subject{"full_name": fmt.Sprint("n", i), "company_name": "x"}
		}
		e, err := New(Config{Providers: []Provider{p}, Concurrency: 3, Clock: clockwork.NewRealClock()})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for i, r := range enrich(t, e, Want{Attributes: only("city")}, subjects...) {
			if r.Values["city"].Value != fmt.Sprint("n", i) {
				t.Errorf("%d: %+v", i, r)
			}
		}
		if p.calls != 10 || most != 3 || time.Since(began) != 4*time.Second {
			t.Errorf("%d calls, %d at once, %v", p.calls, most, time.Since(began))
		}
	})
}

func TestContextThatEndsOnTheWay(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	l := source("l", only("company_name"), only("company_legal_name"), map[string]any{"company_legal_name": "Acme AG"}, local)
	p := source("p", only("full_name"), only("website"), nil, network)
	p.answer = func(Query) Answer { cancel(); return hit(map[string]any{"website": "https://acme.com"}) }
	q := source("q", only("website"), only("cms"), map[string]any{"cms": "x"}, network)
	rs, err := engine(t, l, p, q).Enrich(ctx, []Subject{jo}, Want{Attributes: only("company_legal_name", "website", "cms")})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, rs[0], map[string]any{"company_legal_name": "Acme AG", "website": "https://acme.com"}, map[string]string{"cms": ReasonTransient})
	if !rs[0].Failed || q.asked() != 0 {
		t.Errorf("%+v", rs[0])
	}
}

func TestObserve(t *testing.T) {
	p := source("p", only("full_name"), only("city"), nil, network)
	p.answer = func(Query) Answer { return Answer{Outcome: Quota, Until: start.Add(time.Hour)} }
	var seen []Observation
	e := engineOf(t, Config{Providers: []Provider{p}, Observe: func(o Observation) { seen = append(seen, o) }})
	enrich(t, e, Want{Attributes: only("city")}, jo)
	if len(seen) != 1 || seen[0].Provider != "p" || seen[0].Outcomes[Quota] != 1 || !seen[0].Until.Equal(start.Add(time.Hour)) {
		t.Errorf("%+v", seen)
	}
}

func TestFree(t *testing.T) {
	e := engine(t, source("a", only("city"), only("region", "country"), nil), source("b", only("city"), only("job_title", "country"), nil, paid(1)))
	if got := strings.Join(e.Free(), " "); got != "region country" {
		t.Errorf("free: %s", got)
	}
	if got := e.Gives(); strings.Join(got[:2], " ") != "region country" || len(got) != 7 {
		t.Errorf("gives: %v", got)
	}
	if got := e.Providers(); len(got) != 2 || got[1].ID != "b" {
		t.Errorf("%v", got)
	}
}

// A row is looked up only for what it needs, whatever its neighbours need, and equal subjects with different needs
// are asked about once.
func TestNeedsOfEachSubject(t *testing.T) {
	p := source("p", only("email"), only("phone", "city"), map[string]any{"phone": "+4930123456", "city": "Berlin"})
	e := engine(t, p)
	got, err := e.Enrich(t.Context(), []Subject{{"email": "a@example.com"}, {"email": "b@example.com"}, {"email": "c@example.com"}},
		Want{Attributes: []string{"phone", "city"}, Needs: [][]string{{"phone"}, nil, {"phone", "city"}}})
	if err != nil {
		t.Fatal(err)
	}
	if p.asked() != 2 {
		t.Errorf("asked %d questions, want 2: the second subject needs nothing", p.asked())
	}
	if got[0].Values["phone"].Value == nil || got[2].Values["city"].Value == nil {
		t.Errorf("got %v", got)
	}
	if _, err := e.Enrich(t.Context(), []Subject{{}}, Want{Attributes: []string{"phone"}, Needs: [][]string{}}); err == nil {
		t.Error("needs of another number of subjects were taken")
	}
}
