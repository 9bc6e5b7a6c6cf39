package provider

import (
	"context"
	"strings"
	"sync"

	"rowsmith/enrichment"
)

// NewDNS returns the provider "dns", which reads what a domain says about its mail:
//
//	mx_host          the mail server that is asked first; the domain itself where mail goes to its address (reason "implicit_mx")
//	email_provider   who runs it: "Google Workspace", "Microsoft 365", …, "Self-hosted", or the servers' domain
//	spf              what is to happen with mail from other servers: fail, softfail, neutral, pass; missing, invalid
//	dmarc            what the domain asks for mail that fails its checks: none, quarantine, reject; missing, invalid
//
// It goes by the domain, else the website, else what stands after the "@". Facts about a domain are nobody's own: they are
// kept by the resolver, for all, as long as the records say.
//
// Where a domain takes no mail, mx_host has no value but the reason: "null_mx", "no_mail_server", "no_such_domain".
// "servfail", "timeout" and "refused" say that the domain's own servers are out of order: a Miss that is asked again the
// next time. Without a network every answer is Transient with the reason "offline".
func NewDNS(r *Resolver) enrichment.Provider { return dnsProvider{r} }

type dnsProvider struct{ resolver *Resolver }

func (dnsProvider) Info() enrichment.Info {
	return enrichment.Info{
		ID:             "dns",
		Name:           "DNS",
		Needs:          [][]string{{"domain"}, {"website"}, {"email_normalized"}, {"email"}},
		Gives:          []string{"mx_host", "email_provider", "spf", "dmarc"},
		Network:        true,
		AnswersOffline: true, // the resolver knows, and says so at once
	}
}

func (p dnsProvider) Lookup(ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	// A sheet holds many people of one company: each domain is looked at once.
	type site struct {
		domain string
		want   map[string]bool
		rows   []int
	}
	var sites []*site
	byDomain := map[string]*site{}
	out := make([]enrichment.Answer, len(batch))
	for i, q := range batch {
		domain := ""
		for _, name := range []string{"domain", "website", "email_normalized", "email"} {
			if domain = dnsHost(q.Subject[name]); domain != "" {
				if rest, ok := strings.CutPrefix(domain, "www."); ok && strings.Contains(rest, ".") {
					domain = rest // a web server's name, not where mail goes
				}
				break
			}
		}
		if domain == "" {
			out[i] = enrichment.Answer{Outcome: enrichment.BadInput, Reason: "bad_domain"}
			continue
		}
		s := byDomain[domain]
		if s == nil {
			s = &site{domain: domain, want: map[string]bool{}}
			byDomain[domain] = s
			sites = append(sites, s)
		}
		for _, name := range q.Want {
			s.want[name] = true
		}
		s.rows = append(s.rows, i)
	}
	sideBySide(len(sites), func(i int) {
		s := sites[i]
		found := p.answer(ctx, s.domain, s.want)
		for _, row := range s.rows {
			out[row] = only(found, batch[row].Want)
		}
	})
	return out
}

// workers is how many domains one Lookup has under way; the resolver bounds the questions of all together.
const workers = 64

// sideBySide calls f for 0 to n-1, several at a time.
func sideBySide(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, workers) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// answer looks at one domain. What can't be found out has a reason in its place.
func (p dnsProvider) answer(ctx context.Context, domain string, want map[string]bool) enrichment.Answer {
	a := enrichment.Answer{Outcome: enrichment.Miss, Values: map[string]enrichment.Value{}}
	failure := ""
	put := func(name, value string, confidence float64, reason string) {
		if value == "" {
			a.Values[name] = enrichment.Value{Source: "dns", Reason: reason}
			return
		}
		a.Outcome = enrichment.Hit
		a.Values[name] = enrichment.Value{Value: value, Source: "dns", Confidence: confidence, Reason: reason}
	}
	fail := func(err error) {
		if failure == "" {
			failure = dnsReason(err)
		}
	}
	noDomain := false
	if want["mx_host"] || want["email_provider"] {
		route, err := p.resolver.mail(ctx, domain)
		switch {
		case err != nil:
			fail(err)
		case len(route.hosts) == 0:
			noDomain = route.kind == routeNoDomain
			put("mx_host", "", 0, route.kind.reason())
			put("email_provider", "", 0, route.kind.reason())
		default:
			put("mx_host", route.hosts[0], 1, route.kind.reason())
			operator, confidence := mailOperator(domain, route)
			if operator == "" {
				put("email_provider", "", 0, "not_recognised")
			} else {
				put("email_provider", operator, confidence, "")
			}
		}
	}
	for _, policy := range []struct {
		name string
		read func(context.Context, string) (string, error)
	}{{"spf", p.resolver.spfPolicy}, {"dmarc", p.resolver.dmarcPolicy}} {
		if !want[policy.name] || failure == "offline" {
			continue
		}
		if !noDomain {
			var err error
			if noDomain, err = p.resolver.noName(ctx, domain); err != nil {
				fail(err)
				continue
			}
		}
		if noDomain {
			put(policy.name, "", 0, routeNoDomain.reason())
			continue
		}
		value, err := policy.read(ctx, domain)
		if err != nil {
			fail(err)
			put(policy.name, "", 0, dnsReason(err))
			continue
		}
		put(policy.name, value, 1, "")
	}
	switch {
	case failure == "offline" || failure == "cancelled":
		if a.Outcome != enrichment.Hit {
			return enrichment.Answer{Outcome: enrichment.Transient, Reason: failure}
		}
	case a.Outcome == enrichment.Miss && noDomain:
		a.Reason = routeNoDomain.reason()
	case a.Outcome == enrichment.Miss:
		a.Reason = failure
		if failure == "" {
			a.Reason = notFound
		}
	}
	if failure != "" {
		for _, name := range p.Info().Gives {
			if _, ok := a.Values[name]; !ok {
				put(name, "", 0, failure)
			}
		}
	}
	return a
}

// only returns an answer with what a query wants of it: rows of one domain may want different things.
func only(a enrichment.Answer, want []string) enrichment.Answer {
	values := make(map[string]enrichment.Value, len(want))
	found := false
	reason := a.Reason
	for _, name := range want {
		v, ok := a.Values[name]
		if !ok {
			continue
		}
		values[name] = v
		found = found || v.Value != nil
		if reason == "" {
			reason = v.Reason
		}
	}
	a.Values = values
	if a.Outcome == enrichment.Hit && !found {
		a.Outcome, a.Reason = enrichment.Miss, reason
		if reason == "" {
			a.Reason = notFound
		}
	}
	if a.Outcome == enrichment.Hit {
		a.Reason = ""
	}
	return a
}
