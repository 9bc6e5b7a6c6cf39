package provider

import (
	"context"
	"strings"

	"rowsmith/enrichment"
)

// NewEmail returns the provider "email", which reads the cell "email" without asking anybody.
//
// It gives email_normalized (see the type address for what changes and what doesn't), email_suggestion where a large
// mail domain is misspelt ("gmial.com", "gmail.con", "gmail,com"), email_type, email_is_disposable, email_is_role,
// email_is_free, and domain.
//
// email_type is the first that holds of: disposable (the domain or a parent of it is a known throw-away service), relay
// (forwards to an address its owner keeps to themselves), free (anyone may have one), role (a desk, not a person: info@,
// vertrieb@), work. domain, the registrable part, is given for role and work addresses alone: the
// others say nothing of an employer.
//
// An address must be one by net/mail's syntax, within the lengths of RFC 5321, with a domain that IDNA takes and an
// ending on the public suffix list; otherwise BadInput says which of it fails. Of several addresses in a cell it is the
// first well-formed one. A suggestion is never made for a domain that is known to be in use, unless it is a
// well-known misspelling that somebody registered.
//
// Confidence: 0.99 for the normal form, 0.6 for one with letters beyond ASCII before the "@" (allowed, rare); 0.95 for
// a list's yes; 0.8 for "work" and what follows from being on no list, which can't be complete.
func NewEmail() enrichment.Provider { return emailProvider{} }

type emailProvider struct{}

func (emailProvider) Info() enrichment.Info {
	return enrichment.Info{
		ID:    "email",
		Name:  "Email reader",
		Needs: [][]string{{"email"}},
		Gives: []string{"email_normalized", "email_suggestion", "email_type", "email_is_disposable", "email_is_role", "email_is_free", "domain"},
		Local: true,
	}
}

func (emailProvider) Lookup(ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	return answerEach(ctx, batch, answerEmail)
}

func answerEmail(s enrichment.Subject) enrichment.Answer {
	f := findings{source: "email"}
	a, reason, near := parseAddress(s["email"])
	if reason != "" {
		if local, domain, ok := strings.Cut(near, "@"); ok && reason != badSpace {
			if right := repairDomain(domain); right != "" {
				if b, why := newAddress(local, right); why == "" {
					f.put("email_suggestion", b.String(), 0.85)
				}
			}
		}
		return f.answer(reason)
	}
	kind := kindOf(a)
	if isASCII(a.local) {
		f.put("email_normalized", a.String(), 0.99)
	} else {
		f.put("email_normalized", a.String(), 0.6)
	}
	f.put("email_is_disposable", kind.typ == mailDisposable, yesNo(kind.typ == mailDisposable))
	f.put("email_is_role", kind.role, yesNo(kind.role))
	right := suggestDomain(a.domain)
	if right != "" {
		f.put("email_suggestion", address{a.local, right}.String(), 0.85)
		if kind.typ != mailDisposable {
			return f.answer("") // of a slip the lists know nothing
		}
	}
	f.put("email_type", string(kind.typ), kind.confidence())
	f.put("email_is_free", kind.typ == mailFree, yesNo(kind.typ == mailFree))
	if kind.employer() {
		f.put("domain", registrable(a.domain), 0.8)
	}
	return f.answer("")
}

// yesNo is how far a list is believed: what stands on it is so, what doesn't may be missing.
func yesNo(listed bool) float64 {
	if listed {
		return 0.95
	}
	return 0.9
}

// A mailType is a value of email_type.
type mailType string

const (
	mailDisposable mailType = "disposable"
	mailRelay      mailType = "relay"
	mailFree       mailType = "free"
	mailRole       mailType = "role"
	mailWork       mailType = "work"
)

// A mailKind is what the lists know of an address.
type mailKind struct {
	typ  mailType
	role bool // whatever the type: info@ at a free domain is a role too
}

func (k mailKind) confidence() float64 {
	if k.typ == mailWork {
		return 0.8
	}
	return 0.95
}

// employer tells whether the domain says where the person works.
func (k mailKind) employer() bool { return k.typ == mailWork || k.typ == mailRole }

func kindOf(a address) mailKind {
	k := mailKind{role: isRole(a.local)}
	switch {
	case listedHost(disposableDomains, a.domain):
		k.typ = mailDisposable
	case listedHost(relayDomains, a.domain):
		k.typ = mailRelay
	case sortedList(freeDomains).has(a.domain):
		k.typ = mailFree
	case k.role:
		k.typ = mailRole
	default:
		k.typ = mailWork
	}
	return k
}

// listedHost tells whether a host or a parent of it is on a list.
func listedHost(list, host string) bool {
	for {
		if sortedList(list).has(host) {
			return true
		}
		_, parent, ok := strings.Cut(host, ".")
		if !ok || strings.IndexByte(parent, '.') < 0 {
			return false
		}
		host = parent
	}
}

// isRole tells a desk from a person: the whole local part, or what is before a tag, a digit or a separator that
// names a country or a team ("info-de", "sales.emea", "support2").
func isRole(local string) bool {
	if i := strings.IndexByte(local, '+'); i > 0 {
		local = local[:i]
	}
	roles := sortedList(roleNames)
	if roles.has(local) {
		return true
	}
	local = strings.TrimRight(local, "0123456789")
	if roles.has(local) {
		return true
	}
	if i := strings.LastIndexAny(local, "-._"); i > 0 {
		head, tail := local[:i], local[i+1:]
		return roles.has(head) && (len(tail) == 2 || tail == "emea" || tail == "apac" || tail == "dach" || tail == "team" || roles.has(tail)) && len(head) > 2
	}
	return false
}
