package provider

import (
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"
)

// A mailRoute is where mail for a domain goes.
type mailRoute struct {
	// kind says how the hosts are known, or why there are none.
	kind routeKind
	// hosts in order of preference, lower case, no dot at the end.
	hosts []string
}

type routeKind uint8

const (
	routeMX       routeKind = iota + 1 // by MX records
	routeImplicit                      // no MX, but an address: the domain itself (RFC 5321, section 5.1)
	routeNullMX                        // a lone ".": it takes no mail (RFC 7505)
	routeNone                          // neither MX nor address
	routeNoDomain                      // no such name
)

// reason is the short code for a route that leads nowhere, or is unusual.
func (k routeKind) reason() string {
	switch k {
	case routeImplicit:
		return "implicit_mx"
	case routeNullMX:
		return "null_mx"
	case routeNone:
		return "no_mail_server"
	case routeNoDomain:
		return "no_such_domain"
	}
	return ""
}

// mail finds out where mail for a domain goes. An error says that nobody knows.
func (r *Resolver) mail(ctx context.Context, domain string) (mailRoute, error) {
	a, err := r.lookup(ctx, domain, dns.TypeMX)
	if err != nil {
		return mailRoute{}, err
	}
	if a.noName {
		return mailRoute{kind: routeNoDomain}, nil
	}
	if len(a.records) > 0 {
		return routeOf(a.records), nil
	}
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		a, err := r.lookup(ctx, domain, qtype)
		if err != nil {
			return mailRoute{}, err
		}
		if len(a.records) > 0 {
			return mailRoute{kind: routeImplicit, hosts: []string{domain}}, nil
		}
	}
	return mailRoute{kind: routeNone}, nil
}

func routeOf(records []dns.RR) mailRoute {
	var mxs []*dns.MX
	for _, rr := range records {
		// A "." beside real hosts is a mistake and none of them.
		if mx, ok := rr.(*dns.MX); ok && mx.Mx != "." {
			mxs = append(mxs, mx)
		}
	}
	if len(mxs) == 0 {
		return mailRoute{kind: routeNullMX}
	}
	slices.SortFunc(mxs, func(a, b *dns.MX) int {
		if a.Preference != b.Preference {
			return int(a.Preference) - int(b.Preference)
		}
		// Servers shuffle equals; a sheet shouldn't change for that.
		return strings.Compare(strings.ToLower(a.Mx), strings.ToLower(b.Mx))
	})
	route := mailRoute{kind: routeMX}
	for _, mx := range mxs {
		route.hosts = append(route.hosts, strings.ToLower(strings.TrimSuffix(mx.Mx, ".")))
	}
	return route
}

// noName reports whether a domain does not exist at all.
func (r *Resolver) noName(ctx context.Context, domain string) (bool, error) {
	a, err := r.lookup(ctx, domain, dns.TypeTXT)
	return a.noName, err
}

// texts returns the TXT records at a name, their strings joined (RFC 7208, section 3.3).
func (r *Resolver) texts(ctx context.Context, name string) ([]string, error) {
	a, err := r.lookup(ctx, name, dns.TypeTXT)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, rr := range a.records {
		if txt, ok := rr.(*dns.TXT); ok {
			out = append(out, strings.Join(txt.Txt, ""))
		}
	}
	return out, nil
}

// spfPolicy says what a domain tells receivers to do with mail from servers that it doesn't name: "fail", "softfail",
// "neutral" or "pass"; "missing" where it says nothing, "invalid" where it says it twice (RFC 7208, section 4.5).
// A redirect is followed once.
func (r *Resolver) spfPolicy(ctx context.Context, domain string) (string, error) {
	policy, redirect, err := r.spfRecord(ctx, domain)
	if err != nil || redirect == "" {
		return policy, err
	}
	policy, redirect, err = r.spfRecord(ctx, redirect)
	if policy == "missing" || redirect != "" {
		policy = "invalid"
	}
	return policy, err
}

func (r *Resolver) spfRecord(ctx context.Context, domain string) (policy, redirect string, err error) {
	texts, err := r.texts(ctx, domain)
	if err != nil {
		return "", "", err
	}
	var record string
	for _, t := range texts {
		if version, _, _ := strings.Cut(t, " "); !strings.EqualFold(version, "v=spf1") {
			continue
		}
		if record != "" {
			return "invalid", "", nil
		}
		record = t
	}
	if record == "" {
		return "missing", "", nil
	}
	for _, term := range strings.Fields(strings.ToLower(record))[1:] {
		switch term {
		case "-all":
			return "fail", "", nil
		case "~all":
			return "softfail", "", nil
		case "?all":
			return "neutral", "", nil
		case "all", "+all":
			return "pass", "", nil
		}
		if to, ok := strings.CutPrefix(term, "redirect="); ok {
			if host := dnsHost(to); host != "" {
				redirect = host
			}
		}
	}
	return "neutral", redirect, nil
}

// dmarcPolicy says what a domain asks for mail that fails its checks: "none", "quarantine" or "reject"; "missing" where
// neither it nor the domain above it (RFC 7489, section 6.6.3) asks for anything, "invalid" where it can't be read.
func (r *Resolver) dmarcPolicy(ctx context.Context, domain string) (string, error) {
	policy, err := r.dmarcRecord(ctx, domain, "p")
	if err != nil || policy != "missing" {
		return policy, err
	}
	if above := registrable(domain); above != "" && above != domain {
		return r.dmarcRecord(ctx, above, "sp")
	}
	return policy, nil
}

func (r *Resolver) dmarcRecord(ctx context.Context, domain, tag string) (string, error) {
	if len(domain) > maxHost-len("_dmarc.") {
		return "missing", nil
	}
	texts, err := r.texts(ctx, "_dmarc."+domain)
	if err != nil {
		return "", err
	}
	policies := map[string]string{}
	found := 0
	for _, t := range texts {
		version, rest, _ := strings.Cut(t, ";")
		if name, v, ok := strings.Cut(version, "="); !ok || strings.TrimSpace(name) != "v" || strings.TrimSpace(v) != "DMARC1" {
			continue
		}
		found++
		for part := range strings.SplitSeq(rest, ";") {
			if name, v, ok := strings.Cut(part, "="); ok {
				policies[strings.ToLower(strings.TrimSpace(name))] = strings.ToLower(strings.TrimSpace(v))
			}
		}
	}
	switch found {
	case 0:
		return "missing", nil
	case 1:
	default:
		// Several count as none (section 6.6.3, step 5).
		return "invalid", nil
	}
	policy, ok := policies[tag]
	if !ok {
		policy = policies["p"]
	}
	switch policy {
	case "none", "quarantine", "reject":
		return policy, nil
	}
	return "invalid", nil
}

// dnsHost returns the host name in a cell that holds a domain or a URL, as ASCII in lower case without a dot at the end, or "". It
// asks for less than [hostName]: whether an ending exists is for the servers to say.
func dnsHost(cell string) string {
	cell = tidy(cell)
	if cell == "" || len(cell) > maxCell {
		return ""
	}
	if _, rest, ok := strings.Cut(cell, "://"); ok {
		cell = rest
	}
	cell = strings.TrimPrefix(cell, "//")
	if i := strings.IndexAny(cell, "/?#"); i >= 0 {
		cell = cell[:i]
	}
	if i := strings.LastIndexByte(cell, '@'); i >= 0 {
		cell = cell[i+1:]
	}
	if i := strings.IndexByte(cell, ':'); i >= 0 {
		cell = cell[:i]
	}
	cell = strings.TrimSuffix(strings.ToLower(cell), ".")
	ascii, err := idna.Lookup.ToASCII(cell)
	if err != nil || len(ascii) > maxHost || strings.IndexByte(ascii, '.') < 0 {
		return ""
	}
	digits := true
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return ""
		}
		digits = true
		for i := 0; i < len(label); i++ {
			c := label[i]
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
				return ""
			}
			digits = digits && c <= '9' && c != '-'
		}
	}
	if digits {
		return "" // an IP address
	}
	return ascii
}
