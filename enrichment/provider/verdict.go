package provider

import (
	"context"
	"strings"
	"time"

	"rowsmith/enrichment"
)

// NewVerdict returns the provider "verdict", which says as far as it can be told without asking the mailbox's own server
// whether mail to an address will arrive: email_verdict, email_reason and email_verified_at (of verdicts that say
// something: a look at DNS that ends in "unknown" verified nothing).
//
//	invalid   bad_syntax          it is no address
//	          no_such_domain      the domain does not exist
//	          null_mx             the domain takes no mail (RFC 7505)
//	          no_mail_server      it has neither mail server nor address
//	risky     disposable          the domain is a known throw-away service
//	unknown   mailbox_not_checked the domain takes mail; whether the mailbox exists is its server's to say
//	          servfail, timeout,  the domain's servers are out of order
//	          refused
//	          offline             there is no network
//
// That a domain takes mail makes no address valid: this provider never says so, nor catch_all.
func NewVerdict(r *Resolver) enrichment.Provider { return verdictProvider{r} }

type verdictProvider struct{ resolver *Resolver }

func (verdictProvider) Info() enrichment.Info {
	return enrichment.Info{
		ID:             "verdict",
		Name:           "Email check",
		Needs:          [][]string{{"email"}},
		Gives:          []string{"email_verdict", "email_reason", "email_verified_at"},
		Network:        true,
		AnswersOffline: true,
	}
}

func (p verdictProvider) Lookup(ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	out := make([]enrichment.Answer, len(batch))
	addresses := make([]address, len(batch))
	byDomain := map[string][]int{}
	var domains []string
	now := p.resolver.clock.Now().UTC()
	for i, q := range batch {
		a, reason := addressFor(q.Subject["email"])
		switch reason {
		case "":
			addresses[i] = a
			if _, ok := byDomain[a.domain]; !ok {
				domains = append(domains, a.domain)
			}
			byDomain[a.domain] = append(byDomain[a.domain], i)
		case noInput, blankCell:
			out[i] = enrichment.Answer{Outcome: enrichment.BadInput, Reason: reason}
		default:
			out[i] = judged(enrichment.Invalid, badSyntax, 1, now)
		}
	}
	sideBySide(len(domains), func(i int) {
		route, err := p.resolver.mail(ctx, domains[i])
		for _, row := range byDomain[domains[i]] {
			out[row] = p.judge(addresses[row], route, err, now)
		}
	})
	return out
}

// addressFor reads an address. One with an ending that nobody knows is left for the servers to judge: they know the names
// of an inside network, and the newest.
func addressFor(cell string) (address, string) {
	a, reason, near := parseAddress(cell)
	if reason == badTLD {
		if local, domain, ok := strings.Cut(near, "@"); ok && local != "" {
			if host := dnsHost(domain); host != "" {
				return address{local, host}, ""
			}
		}
	}
	return a, reason
}

func (p verdictProvider) judge(a address, route mailRoute, err error, now time.Time) enrichment.Answer {
	throwaway := listedHost(disposableDomains, a.domain)
	switch {
	case err == nil && len(route.hosts) == 0:
		return judged(enrichment.Invalid, route.kind.reason(), 0.95, now)
	case throwaway:
		return judged(enrichment.Risky, "disposable", 0.9, now)
	case err == nil:
		return judged(enrichment.Unknown, "mailbox_not_checked", 0.5, now)
	}
	reason := dnsReason(err)
	if reason == "cancelled" {
		return enrichment.Answer{Outcome: enrichment.Transient, Reason: reason}
	}
	return judged(enrichment.Unknown, reason, 0, now)
}

func judged(v enrichment.Verdict, reason string, confidence float64, now time.Time) enrichment.Answer {
	value := enrichment.Value{Value: string(v), Source: "verdict", Confidence: confidence, Reason: reason, Verdict: v}
	if v != enrichment.Unknown {
		value.VerifiedAt = &now
	}
	said := value
	said.Value = reason
	values := map[string]enrichment.Value{"email_verdict": value, "email_reason": said}
	if v != enrichment.Unknown {
		at := value
		at.Value = now.Format(time.RFC3339)
		values["email_verified_at"] = at
	}
	return enrichment.Answer{Outcome: enrichment.Hit, Values: values}
}
