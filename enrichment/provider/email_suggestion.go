package provider

import "strings"

// largeMail lists the domains that most addresses are at, by the part before the ending, with the endings they
// are used with; the first is the one meant when the ending is broken.
var largeMail = []struct {
	name    string
	endings []string
}{
	{"gmail", []string{"com"}},
	{"googlemail", []string{"com"}},
	{"hotmail", []string{"com", "co.uk", "fr", "de", "it", "es"}},
	{"outlook", []string{"com", "de", "fr", "es", "it"}},
	{"yahoo", []string{"com", "co.uk", "fr", "de", "it", "es", "ca", "com.br", "co.in"}},
	{"icloud", []string{"com"}},
	{"protonmail", []string{"com"}},
	{"comcast", []string{"net"}},
	{"verizon", []string{"net"}},
	{"sbcglobal", []string{"net"}},
	{"bellsouth", []string{"net"}},
	{"btinternet", []string{"com"}},
	{"t-online", []string{"de"}},
	{"freenet", []string{"de"}},
	{"wanadoo", []string{"fr"}},
	{"laposte", []string{"net"}},
	{"libero", []string{"it"}},
	{"bluewin", []string{"ch"}},
	{"rediffmail", []string{"com"}},
}

// brokenEndings are slips for ".com" and ".net" that are no endings themselves, or hardly anybody's.
var brokenEndings = map[string]string{
	"con": "com", "cmo": "com", "ocm": "com", "comm": "com", "coom": "com", "vom": "com", "xom": "com", "cpm": "com", "cim": "com", "om": "com",
	"c0m": "com", "coml": "com", "comn": "com", "ccom": "com", "clm": "com", "cok": "com", "con.": "com", "c": "com", "cm": "com", "co": "com",
	"nte": "net", "ent": "net", "ner": "net", "met": "net", "ney": "net", "nett": "net", "ne": "net",
	"dee": "de", "ed": "de", "couk": "co.uk", "co.k": "co.uk", "co.ul": "co.uk", "cpm.br": "com.br", "con.br": "com.br", "frr": "fr", "fe": "fr",
}

// suggestDomain returns the large mail domain that a valid domain is a slip for, or "". What is known
// to be in use is what was meant.
func suggestDomain(domain string) string {
	if right, ok := sortedList(domainTypos).find(domain); ok {
		return right
	}
	if known(domain) {
		return ""
	}
	name, ending, ok := strings.Cut(domain, ".")
	if !ok || len(name) < 5 {
		return ""
	}
	for _, large := range largeMail {
		if abs(len(name)-len(large.name)) > 1 {
			continue
		}
		same := name == large.name
		if !same && (len(name) < 5 || !oneSlip(name, large.name)) {
			continue
		}
		for _, e := range large.endings {
			if e == ending {
				return large.name + "." + e
			}
		}
		if fixed, ok := brokenEndings[ending]; ok && (same || fixed == large.endings[0]) {
			for _, e := range large.endings {
				if e == fixed {
					return large.name + "." + e
				}
			}
		}
	}
	return ""
}

// known domains are in use by many, whatever they look like.
func known(domain string) bool {
	return sortedList(freeDomains).has(domain) || listedHost(disposableDomains, domain) || listedHost(relayDomains, domain)
}

// repairDomain returns what a domain that isn't one should have been: a comma for a dot, an ending that doesn't exist
// on a domain that is known ("acme.con" is not: who knows), no ending at all. "" where that isn't clear.
func repairDomain(domain string) string {
	domain = strings.ToLower(strings.Trim(domain, ".,;-_ "))
	domain = strings.ReplaceAll(strings.ReplaceAll(domain, ",", "."), "..", ".")
	if right, ok := sortedList(domainTypos).find(domain); ok {
		return right
	}
	if host, reason := hostName(domain); reason == "" {
		if right := suggestDomain(host); right != "" {
			return right
		}
		return host
	}
	if right := suggestDomain(domain); right != "" {
		return right
	}
	if i := strings.LastIndexByte(domain, '.'); i > 0 {
		if fixed, ok := brokenEndings[domain[i+1:]]; ok {
			if host := domain[:i+1] + fixed; sortedList(freeDomains).has(host) {
				return host
			}
		}
	}
	return ""
}

// oneSlip tells whether two words differ by one letter too many, too few or another, or two swapped. The
// first letter must be right unless it is the swap: other first letters are other firms (email, ymail, zmail).
func oneSlip(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		if i == len(a) {
			return true
		}
		if i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:] {
			return true
		}
		return i > 0 && a[i+1:] == b[i+1:]
	}
	return len(b)-len(a) == 1 && i > 0 && a[i:] == b[i+1:]
}

func abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}
