package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/miekg/dns"

	"rowsmith/enrichment"
	"rowsmith/enrichment/providertest"
)

const testZone = `
acme.test.            300 IN MX  20 backup.acme.test.
acme.test.            300 IN MX  10 MX.acme.test.
acme.test.            300 IN TXT "some=thing"
acme.test.            300 IN TXT "v=spf1 include:_spf.x.test " "-all"
_dmarc.acme.test.     300 IN TXT "v=DMARC1; p=reject; rua=mailto:x@acme.test"
google.test.          300 IN MX  1 aspmx.l.google.com.
gmail.test.           300 IN MX  5 gmail-smtp-in.l.google.com.
ms.test.              300 IN MX  0 ms-test.mail.protection.outlook.com.
hotmail.test.         300 IN MX  0 hotmail-com.olc.protection.outlook.com.
proofpoint.test.      300 IN MX  0 mx1-us1.ppe-hosted.com.
ses.test.             300 IN MX  0 inbound-smtp.eu-west-1.amazonaws.com.
small.test.           300 IN MX  0 mail.smallhost.example.
null.test.            300 IN MX  0 .
nullplus.test.        300 IN MX  0 .
nullplus.test.        300 IN MX  5 mx.nullplus.test.
implicit.test.        300 IN A   192.0.2.1
implicit6.test.       300 IN AAAA 2001:db8::1
nothing.test.         300 IN TXT "v=spf1 ~all"
twice.test.           300 IN TXT "v=spf1 -all"
twice.test.           300 IN TXT "v=spf1 ?all"
redirect.test.        300 IN TXT "v=spf1 redirect=nothing.test"
redirect2.test.       300 IN TXT "v=spf1 redirect=nowhere.test"
openspf.test.         300 IN TXT "v=spf1 mx"
_dmarc.nothing.test.  300 IN TXT "v=DMARC1;p=none"
_dmarc.nothing.test.  300 IN TXT "v=DMARC1;p=reject"
_dmarc.sub.co.uk.     300 IN TXT "v=DMARC1; p=reject; sp=quarantine"
mail.sub.co.uk.       300 IN A 192.0.2.1
_dmarc.openspf.test.  300 IN TXT "v=DMARC1; p=perhaps"
alias.test.           300 IN CNAME acme.test.
wrongid.test.         300 IN MX 1 mx.wrongid.test.
noedns.test.          300 IN MX 1 mx.noedns.test.
cut.test.             300 IN MX 1 mx.cut.test.
xn--mller-kva.test.   300 IN MX 1 mx.acme.test.
mailinator.com.       300 IN MX 1 mx.mailinator.com.
`

func hit(values ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i < len(values); i += 2 {
		m[values[i].(string)] = values[i+1]
	}
	return m
}

func TestDNS(t *testing.T) {
	s := startNameServer(t, testZone)
	p := NewDNS(resolverOf(t, ResolverConfig{Servers: []string{s.addr}, Timeout: impatient}))
	case_ := func(domain string, values map[string]any) providertest.Case {
		return providertest.Case{Name: domain, Subject: enrichment.Subject{"domain": domain}, Values: values}
	}
	none := func(domain, reason string) providertest.Case {
		return providertest.Case{Name: domain, Subject: enrichment.Subject{"domain": domain}, Outcome: enrichment.Miss, Reason: reason,
			Values:  hit("mx_host", nil, "email_provider", nil, "spf", nil, "dmarc", nil),
			Reasons: map[string]string{"mx_host": reason, "email_provider": reason, "spf": reason, "dmarc": reason}}
	}
	implicit := case_("implicit.test", hit("mx_host", "implicit.test", "email_provider", "Self-hosted", "spf", "missing", "dmarc", "missing"))
	implicit.Reasons = map[string]string{"mx_host": "implicit_mx"}
	nullMX := case_("null.test", hit("mx_host", nil, "email_provider", nil, "spf", "missing"))
	nullMX.Reasons = map[string]string{"mx_host": "null_mx"}
	noServer := case_("nothing.test", hit("mx_host", nil, "spf", "softfail", "dmarc", "invalid"))
	noServer.Reasons = map[string]string{"mx_host": "no_mail_server"}
	providertest.Run(t, p,
		case_("acme.test", hit("mx_host", "mx.acme.test", "email_provider", "Self-hosted", "spf", "fail", "dmarc", "reject")),
		case_("https://www.ACME.test/about", hit("mx_host", "mx.acme.test")),
		case_("müller.test", hit("mx_host", "mx.acme.test", "email_provider", "acme.test")),
		case_("google.test", hit("mx_host", "aspmx.l.google.com", "email_provider", "Google Workspace", "spf", "missing", "dmarc", "missing")),
		case_("gmail.test", hit("email_provider", "Gmail")),
		case_("ms.test", hit("email_provider", "Microsoft 365")),
		case_("hotmail.test", hit("email_provider", "Outlook.com")),
		case_("proofpoint.test", hit("email_provider", "Proofpoint Essentials")),
		case_("ses.test", hit("email_provider", "Amazon SES")),
		case_("small.test", hit("email_provider", "smallhost.example")),
		case_("nullplus.test", hit("mx_host", "mx.nullplus.test")),
		case_("implicit6.test", hit("mx_host", "implicit6.test")),
		case_("twice.test", hit("spf", "invalid")),
		case_("redirect.test", hit("spf", "softfail")),
		case_("redirect2.test", hit("spf", "invalid")),
		case_("openspf.test", hit("spf", "neutral", "dmarc", "invalid")),
		case_("mail.sub.co.uk", hit("dmarc", "quarantine")),
		case_("alias.test", hit("mx_host", "mx.acme.test", "spf", "fail")),
		case_("wrongid.test", hit("mx_host", "mx.wrongid.test")),
		case_("noedns.test", hit("mx_host", "mx.noedns.test")),
		case_("cut.test", hit("mx_host", "mx.cut.test")),
		implicit, nullMX, noServer,
		none("absent.test", "no_such_domain"),
		none("servfail.test", "servfail"),
		none("refused.test", "refused"),
		none("loop.test", "servfail"),
		none("circle1.test", "servfail"),
		none("silent.test", "timeout"),
		providertest.Case{Name: "by email", Subject: enrichment.Subject{"email": "jo@acme.test"}, Values: hit("mx_host", "mx.acme.test")},
		providertest.Case{Name: "domain before email", Subject: enrichment.Subject{"email": "jo@gmail.test", "domain": "acme.test"}, Values: hit("mx_host", "mx.acme.test")},
		providertest.Case{Name: "no domain", Subject: enrichment.Subject{"domain": "-"}, Outcome: enrichment.BadInput, Reason: "bad_domain"},
		providertest.Case{Name: "an address", Subject: enrichment.Subject{"domain": "192.0.2.1"}, Outcome: enrichment.BadInput},
		providertest.Case{Name: "only what is wanted", Subject: enrichment.Subject{"domain": "acme.test"}, Want: []string{"spf"}, Values: hit("spf", "fail", "mx_host", nil)},
	)
	if s.tcp == 0 {
		t.Error("a cut-off answer was not asked for again over TCP")
	}
}

func TestVerdict(t *testing.T) {
	s := startNameServer(t, testZone)
	p := NewVerdict(resolverOf(t, ResolverConfig{Servers: []string{s.addr}, Timeout: impatient}))
	case_ := func(email string, verdict enrichment.Verdict, reason string) providertest.Case {
		return providertest.Case{Name: email, Subject: enrichment.Subject{"email": email},
			Values:  hit("email_verdict", string(verdict), "email_reason", reason),
			Reasons: map[string]string{"email_verdict": reason}}
	}
	providertest.Run(t, p,
		case_("jo@acme.test", enrichment.Unknown, "mailbox_not_checked"),
		case_("jo@implicit.test", enrichment.Unknown, "mailbox_not_checked"),
		case_("Jo <JO@Acme.TEST>", enrichment.Unknown, "mailbox_not_checked"),
		case_("jo@@acme", enrichment.Invalid, "bad_syntax"),
		case_("jo.acme.test", enrichment.Invalid, "bad_syntax"),
		case_("jo@acme", enrichment.Invalid, "bad_syntax"),
		case_("jo@absent.test", enrichment.Invalid, "no_such_domain"),
		case_("jo@null.test", enrichment.Invalid, "null_mx"),
		case_("jo@nothing.test", enrichment.Invalid, "no_mail_server"),
		case_("jo@servfail.test", enrichment.Unknown, "servfail"),
		case_("jo@refused.test", enrichment.Unknown, "refused"),
		case_("jo@silent.test", enrichment.Unknown, "timeout"),
		case_("jo@loop.test", enrichment.Unknown, "servfail"),
		case_("jo@mailinator.com", enrichment.Risky, "disposable"),
		providertest.Case{Name: "blank", Subject: enrichment.Subject{"email": "n/a"}, Outcome: enrichment.BadInput, Reason: "placeholder"},
	)
}

func TestVerdictTimes(t *testing.T) {
	s := startNameServer(t, testZone)
	clock := clockwork.NewFakeClockAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
	p := NewVerdict(resolverOf(t, ResolverConfig{Servers: []string{s.addr}, Clock: clock}))
	a := p.Lookup(context.Background(), []enrichment.Query{{Subject: enrichment.Subject{"email": "jo@null.test"}}, {Subject: enrichment.Subject{"email": "jo@acme.test"}}})
	if v := a[0].Values["email_verdict"]; v.Verdict != enrichment.Invalid || v.VerifiedAt == nil || !v.VerifiedAt.Equal(clock.Now()) || a[0].Values["email_verified_at"].Value != "2026-06-01T12:00:00Z" {
		t.Errorf("%+v", a[0])
	}
	if v := a[1].Values["email_verdict"]; v.VerifiedAt != nil || a[1].Values["email_verified_at"].Value != nil {
		t.Errorf("what nobody verified has a time: %+v", a[1])
	}
}

// offlineResolvers are the ways of having no network.
func offlineResolvers(t *testing.T) map[string]func() (*Resolver, func() int) {
	none := func() int { return 0 }
	return map[string]func() (*Resolver, func() int){
		"told so": func() (*Resolver, func() int) { return resolverOf(t, ResolverConfig{Offline: true}), none },
		"nobody there": func() (*Resolver, func() int) {
			return resolverOf(t, ResolverConfig{Servers: []string{closedPort(t)}}), none
		},
		"silence": func() (*Resolver, func() int) {
			s := startNameServer(t, "")
			s.become(func(dns.ResponseWriter, *dns.Msg) *dns.Msg { return nil })
			return resolverOf(t, ResolverConfig{Servers: []string{s.addr}, Timeout: impatient}), s.total
		},
		"nothing exists": func() (*Resolver, func() int) {
			s := startNameServer(t, "")
			s.become(failing(dns.RcodeNameError))
			r := resolverOf(t, ResolverConfig{Servers: []string{s.addr}})
			r.system = true // as if it stood in resolv.conf
			return r, s.total
		},
		"everything refused": func() (*Resolver, func() int) {
			s := startNameServer(t, "")
			s.become(failing(dns.RcodeRefused))
			return resolverOf(t, ResolverConfig{Servers: []string{s.addr}}), s.total
		},
		"everything fails": func() (*Resolver, func() int) {
			s := startNameServer(t, "")
			s.become(failing(dns.RcodeServerFailure))
			return resolverOf(t, ResolverConfig{Servers: []string{s.addr}}), s.total
		},
	}
}

func failing(rcode int) func(dns.ResponseWriter, *dns.Msg) *dns.Msg {
	return func(_ dns.ResponseWriter, q *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(q, rcode) }
}

func TestOfflineIsFoundOutOnce(t *testing.T) {
	for name, open := range offlineResolvers(t) {
		t.Run(name, func(t *testing.T) {
			r, asked := open()
			batch := make([]enrichment.Query, 10_000)
			for i := range batch {
				batch[i] = enrichment.Query{Subject: enrichment.Subject{"email": fmt.Sprintf("jo@acme%d.com", i), "domain": fmt.Sprintf("acme%d.com", i)}, Want: NewDNS(r).Info().Gives}
			}
			for i, a := range NewVerdict(r).Lookup(context.Background(), batch) {
				if v := a.Values["email_verdict"]; v.Verdict != enrichment.Unknown || v.Reason != "offline" {
					t.Fatalf("%d: %+v", i, a)
				}
			}
			for i, a := range NewDNS(r).Lookup(context.Background(), batch) {
				if a.Outcome != enrichment.Transient || a.Reason != "offline" {
					t.Fatalf("%d: %+v", i, a)
				}
			}
			// Those under way at once, each server a few times; and not ten thousand.
			if n := asked(); n > 4*workers {
				t.Errorf("%d questions were sent", n)
			}
			bad := NewVerdict(r).Lookup(context.Background(), []enrichment.Query{{Subject: enrichment.Subject{"email": "no address"}}})
			if bad[0].Values["email_verdict"].Verdict != enrichment.Invalid {
				t.Errorf("bad syntax needs no network: %+v", bad[0])
			}
		})
	}
}

func TestComesBackWhenTheNetworkDoes(t *testing.T) {
	s := startNameServer(t, testZone)
	up := s.answer
	s.become(func(dns.ResponseWriter, *dns.Msg) *dns.Msg { return nil })
	clock := clockwork.NewFakeClock()
	r := resolverOf(t, ResolverConfig{Servers: []string{s.addr}, Timeout: impatient, Clock: clock})
	if _, err := r.mail(context.Background(), "acme.test"); !errors.Is(err, ErrOffline) {
		t.Fatal(err)
	}
	s.become(up)
	if _, err := r.mail(context.Background(), "acme.test"); !errors.Is(err, ErrOffline) {
		t.Errorf("asked again before its time: %v", err)
	}
	clock.Advance(offlineFor)
	route, err := r.mail(context.Background(), "acme.test")
	if err != nil || route.hosts[0] != "mx.acme.test" {
		t.Errorf("%+v, %v", route, err)
	}
}

func TestChosenServersAreTakenAtTheirWord(t *testing.T) {
	s := startNameServer(t, "")
	s.become(failing(dns.RcodeNameError))
	r := resolverOf(t, ResolverConfig{Servers: []string{s.addr}})
	if route, err := r.mail(context.Background(), "acme.test"); err != nil || route.kind != routeNoDomain {
		t.Errorf("%+v, %v", route, err)
	}
}

func TestNextServerIsAsked(t *testing.T) {
	good := startNameServer(t, testZone)
	for name, first := range map[string]string{
		"closed": closedPort(t),
		"silent": func() string {
			s := startNameServer(t, "")
			s.become(func(dns.ResponseWriter, *dns.Msg) *dns.Msg { return nil })
			return s.addr
		}(),
		"refusing": func() string {
			s := startNameServer(t, "")
			s.become(failing(dns.RcodeRefused))
			return s.addr
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			r := resolverOf(t, ResolverConfig{Servers: []string{first, good.addr}, Timeout: impatient})
			if route, err := r.mail(context.Background(), "acme.test"); err != nil || len(route.hosts) != 2 {
				t.Errorf("%+v, %v", route, err)
			}
		})
	}
}

func TestTenThousandLookupsOfFiveHundredDomains(t *testing.T) {
	var zone strings.Builder
	for i := range 500 {
		fmt.Fprintf(&zone, "acme%d.com. 300 IN MX 1 mx.acme%d.com.\nacme%d.com. 300 IN TXT \"v=spf1 -all\"\n_dmarc.acme%d.com. 300 IN TXT \"v=DMARC1; p=none\"\n", i, i, i, i)
	}
	s := startNameServer(t, zone.String())
	r := resolverOf(t, ResolverConfig{Servers: []string{s.addr}})
	p, v := NewDNS(r), NewVerdict(r)
	var wg sync.WaitGroup
	for part := range 20 {
		wg.Go(func() {
			batch := make([]enrichment.Query, 500)
			for i := range batch {
				n := (i*7 + part) % 500
				batch[i] = enrichment.Query{Subject: enrichment.Subject{"domain": fmt.Sprintf("acme%d.com", n), "email": fmt.Sprintf("jo%d@acme%d.com", part, n)}, Want: p.Info().Gives}
			}
			for i, a := range p.Lookup(context.Background(), batch) {
				if want := "mx." + batch[i].Subject["domain"]; a.Values["mx_host"].Value != want || a.Values["spf"].Value != "fail" || a.Values["dmarc"].Value != "none" {
					t.Errorf("%+v", a)
					return
				}
			}
			for _, a := range v.Lookup(context.Background(), batch) {
				if a.Values["email_reason"].Value != "mailbox_not_checked" {
					t.Errorf("%+v", a)
					return
				}
			}
		})
	}
	wg.Wait()
	// 10,000 rows, 500 domains; MX and TXT of each, TXT of its _dmarc. A packet may be lost on a busy machine.
	if n := s.total(); n < 1500 || n > 1505 {
		t.Errorf("%d questions were sent, want 1500", n)
	}
}

func TestTTL(t *testing.T) {
	s := startNameServer(t, `
short.test.    1 IN MX 1 mx.short.test.
hour.test.  3600 IN MX 1 mx.hour.test.
week.test. 604800 IN MX 1 mx.week.test.
`)
	clock := clockwork.NewFakeClock()
	r := resolverOf(t, ResolverConfig{Servers: []string{s.addr}, Clock: clock, Timeout: impatient})
	for _, tc := range []struct {
		name string
		ttl  time.Duration
	}{
		{"short.test", minTTL}, {"hour.test", time.Hour}, {"week.test", maxTTL},
		{"absent.test", 120 * time.Second}, {"servfail.test", failureTTL},
	} {
		ask := func(want int) {
			t.Helper()
			r.mail(context.Background(), tc.name)
			if n := s.count(tc.name, dns.TypeMX); n != want {
				t.Errorf("%s: asked %d times, want %d", tc.name, n, want)
			}
		}
		each := 1
		if tc.name == "servfail.test" {
			each = 2 // tries
		}
		ask(each)
		clock.Advance(tc.ttl - time.Second)
		ask(each)
		clock.Advance(2 * time.Second)
		ask(2 * each)
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newDNSCache(100)
	now := time.Now()
	for i := range 10_000 {
		c.put(dnsKey{fmt.Sprint(i), 1}, dnsAnswer{ttl: time.Hour}, now)
		if n := len(c.young) + len(c.old); n > 100 {
			t.Fatalf("%d kept", n)
		}
		if _, ok := c.get(dnsKey{"0", 1}, now); !ok {
			t.Fatalf("what is in use was dropped after %d", i)
		}
	}
	if _, ok := c.get(dnsKey{"0", 1}, now.Add(time.Hour)); ok {
		t.Error("an answer outlives its time")
	}
}

func TestOneWhoLeavesDoesNotTakeTheAnswerAlong(t *testing.T) {
	s := startNameServer(t, testZone)
	arrived, go_ := make(chan bool, 10), make(chan bool)
	up := s.answer
	s.become(func(w dns.ResponseWriter, q *dns.Msg) *dns.Msg {
		arrived <- true
		<-go_
		return up(w, q)
	})
	r := resolverOf(t, ResolverConfig{Servers: []string{s.addr}, Timeout: 10 * time.Second})
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan error)
	go func() { _, err := r.mail(ctx, "acme.test"); first <- err }()
	<-arrived
	second := make(chan error)
	go func() { _, err := r.mail(context.Background(), "acme.test"); second <- err }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(go_)
	if err := <-second; err != nil {
		t.Error(err)
	}
	if n := s.count("acme.test", dns.TypeMX); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestServerAddress(t *testing.T) {
	for in, want := range map[string]string{
		"1.1.1.1": "1.1.1.1:53", "1.1.1.1:5353": "1.1.1.1:5353", "::1": "[::1]:53", "[::1]": "[::1]:53", "[::1]:54": "[::1]:54", "ns.local": "ns.local:53", " localhost:99 ": "localhost:99",
		"": "", "a:b": "", "a:0": "", "a:70000": "", ":53": "", "a b:53": "", "http://x:1": "", "[::1": "", "a:1:2": "",
	} {
		got, err := serverAddress(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("serverAddress(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	if _, err := NewResolver(ResolverConfig{Servers: []string{"a:b"}}); err == nil {
		t.Error("a wrong server was taken")
	}
}

func TestOperatorsAreHostEnds(t *testing.T) {
	for end, name := range mailOperators {
		if dnsHost(end) != end || name == "" {
			t.Errorf("%q: %q", end, name)
		}
		if got, _ := mailOperator("x.test", mailRoute{hosts: []string{"mx1." + end}}); got != name {
			t.Errorf("mx1.%s is %q, want %q", end, got, name)
		}
	}
}

func FuzzDNSHost(f *testing.F) {
	for _, s := range []string{"", "acme.com", "https://user@www.Acme.com:80/x?y#z", "müller.de", "xn--mller-kva.de", "1.2.3.4", "[::1]", "a..b", "-a.de", "//x.y", "\x00.com", "İ.com"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		host := dnsHost(s)
		if host == "" {
			return
		}
		if _, ok := dns.IsDomainName(host); !ok || strings.ToLower(host) != host || strings.ContainsAny(host, " /@:") {
			t.Errorf("dnsHost(%q) = %q", s, host)
		}
		if again := dnsHost(host); again != host {
			t.Errorf("dnsHost(%q) = %q, then %q", s, host, again)
		}
	})
}
