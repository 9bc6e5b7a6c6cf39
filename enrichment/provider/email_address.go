package provider

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// An address is an email address in its normal form.
//
// The domain is lower-case ASCII (IDNA). An ASCII local part is lower-case too: RFC 5321 would let an
// operator tell addresses apart by case, none does, and two spellings of one person must meet. A local part with other
// letters is left as typed. Tags (+news) and dots stay: without them it would be another address.
type address struct {
	local, domain string
}

func (a address) String() string { return a.local + "@" + a.domain }

// Why a cell holds no address. The codes are the reasons that providers give.
const (
	badSyntax     = "bad_syntax"   // no "@", or nothing fit to stand before it
	badSpace      = "space_inside" // "john doe@example.com": where it begins is anyone's guess
	badDomain     = "bad_domain"   // no host name
	badTLD        = "unknown_tld"  // no such ending: "acme.local", "gmail.con"
	badSuffix     = "no_domain"    // the ending alone: "john@co.uk"
	badLength     = "too_long"     // over 64 before the "@", 63 a label, 254 in all
	blankCell     = "placeholder"  // "n/a", "-"
	maxAddress    = 254            // RFC 5321 4.5.3.1.3, less the angle brackets
	maxLocal      = 64             // RFC 5321 4.5.3.1.1
	maxHost       = 253            // RFC 1035 2.3.4, in text form
	localSpecials = "!#$%&'*+/=?^_`{|}~-."
)

// parseAddress reads the first well-formed address in a cell, as people and programs write them: "mailto:",
// "Name <address>", with punctuation around, (at) for @. Otherwise it returns why there is none, and
// what was nearest to one ("john@gmail,com"), "" if nothing was.
func parseAddress(cell string) (a address, reason, near string) {
	cell = tidy(cell)
	switch {
	case cell == "":
		return address{}, noInput, ""
	case isBlank(cell):
		return address{}, blankCell, ""
	case len(cell) > maxCell:
		return address{}, badLength, ""
	}
	cell = plainAt(cell)
	reason = badSyntax
	for at := strings.IndexByte(cell, '@'); at >= 0; {
		next := strings.IndexByte(cell[at+1:], '@')
		a, why := addressAround(cell, at)
		if why == "" {
			return a, "", ""
		}
		if near == "" {
			reason, near = why, nearAddress(cell, at)
		}
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return address{}, reason, near
}

// plainAt undoes the usual disguises of "@" and ".", and spaces around a lone "@".
func plainAt(s string) string {
	if !isASCII(s) {
		s = wideMarks.Replace(s)
	}
	if strings.ContainsAny(s, "([{") {
		s = disguises.Replace(s)
	}
	if strings.Count(s, "@") == 1 && (strings.Contains(s, " @") || strings.Contains(s, "@ ")) {
		before, after, _ := strings.Cut(s, "@")
		s = strings.TrimRight(before, " ") + "@" + strings.TrimLeft(after, " ")
	}
	return s
}

// wideMarks are the signs of an address as East Asian keyboards write them.
var wideMarks = strings.NewReplacer("＠", "@", "。", ".", "．", ".", "｡", ".")

// disguises only ever reads; it is safe for concurrent use.
var disguises = strings.NewReplacer(" (at) ", "@", "(at)", "@", " [at] ", "@", "[at]", "@", " {at} ", "@", "{at}", "@", " (AT) ", "@", "[AT]", "@",
	" (dot) ", ".", "(dot)", ".", " [dot] ", ".", "[dot]", ".", " (punkt) ", ".", "(punkt)", ".")

// addressAround reads the address whose "@" is at this place.
func addressAround(cell string, at int) (address, string) {
	start := at
	for start > 0 {
		r, size := utf8.DecodeLastRuneInString(cell[:start])
		if !isLocalRune(r) {
			break
		}
		start -= size
	}
	local, domain := cell[start:at], domainAt(cell, at)
	before := cell[:start]
	local = strings.TrimLeft(local, "'`*/|={}")
	if i := strings.LastIndexAny(local, "|="); i >= 0 { // "x|j@example.com", "mail=j@example.com"
		local = local[i+1:]
	}
	switch {
	case local == "" || strings.HasSuffix(before, "@") || strings.HasSuffix(before, "\"") && strings.HasSuffix(cell[:at], "\"") || strings.Contains(cell[:start+(at-start-len(local))], "://"):
		return address{}, badSyntax
	case strings.HasPrefix(cell[at+1+len(domain):], "@"):
		return address{}, badSyntax
	case looseWord(before):
		return address{}, badSpace
	}
	return newAddress(local, strings.TrimRight(domain, ".-"))
}

// domainAt is the run of characters behind the "@" that may stand in a host name.
func domainAt(cell string, at int) string {
	rest := cell[at+1:]
	for i, r := range rest {
		if !(r == '.' || r == '-' || r == '_' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) || r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r))) {
			return rest[:i]
		}
	}
	return rest
}

func isLocalRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune(localSpecials, r)
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r))
}

// looseWord tells whether the only thing before an address is a bare lower-case word: "john doe@example.com" may be
// doe@ or john.doe@. "John Doe doe@example.com" and "mail: doe@…" are clear.
func looseWord(before string) bool {
	word, ok := strings.CutSuffix(before, " ")
	if !ok || word == "" {
		return false
	}
	for i := 0; i < len(word); i++ {
		if c := word[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_') {
			return false
		}
	}
	switch word {
	case "email", "mail", "e.mail", "or", "to", "from", "kontakt", "contact":
		return false
	}
	return true
}

// newAddress checks both halves and brings them into normal form.
func newAddress(local, domain string) (address, string) {
	domain, reason := hostName(domain)
	if reason != "" {
		return address{}, reason
	}
	if suffix, icann := publicsuffix.PublicSuffix(domain); icann && suffix == domain {
		return address{}, badSuffix
	}
	ascii := isASCII(local)
	if ascii {
		local = strings.ToLower(local)
	}
	if len(local) > maxLocal || len(local)+1+len(domain) > maxAddress {
		return address{}, badLength
	}
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return address{}, badSyntax
	}
	a := address{local, domain}
	// The characters were chosen one by one above; a second opinion costs little where it may differ.
	if !ascii || strings.ContainsAny(local, localSpecials[:len(localSpecials)-2]) {
		if m, err := mail.ParseAddress(a.String()); err != nil || m.Address != a.String() {
			return address{}, badSyntax
		}
	}
	return a, ""
}

// hostName brings a host name into lower-case ASCII and checks it: its labels, its lengths and that its ending exists.
// The reason is "" where it is a name that mail and the web can use.
func hostName(host string) (string, string) {
	host = strings.TrimSuffix(host, ".")
	plain := true
	for i := 0; i < len(host); i++ {
		c := host[i]
		if c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf || c == 'x' && strings.HasPrefix(host[i:], "xn--") || c == 'X' {
			plain = false
			break
		}
	}
	if !plain {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return "", badDomain
		}
		host = ascii
	}
	if len(host) > maxHost {
		return "", badLength
	}
	if strings.IndexByte(host, '.') < 0 {
		return "", badDomain
	}
	for label := range strings.SplitSeq(host, ".") {
		if len(label) > 63 {
			return "", badLength
		}
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return "", badDomain
		}
		for i := 0; i < len(label); i++ {
			if c := label[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
				return "", badDomain
			}
		}
	}
	if c := host[len(host)-1]; c >= '0' && c <= '9' && strings.Trim(host[strings.LastIndexByte(host, '.')+1:], "0123456789") == "" {
		return "", badDomain // an IP address
	}
	// An ending nobody manages comes back as the last label alone, and not as ICANN's.
	if suffix, icann := publicsuffix.PublicSuffix(host); !icann && strings.IndexByte(suffix, '.') < 0 {
		return "", badTLD
	}
	return host, ""
}

// registrable is the part of a host name that somebody registered: "acme.co.uk" of "mail.acme.co.uk". "" for a public
// suffix alone.
func registrable(host string) string {
	d, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return ""
	}
	return d
}

// nearAddress is what stands around an "@" as text, for a suggestion; "" where it is too far from an address.
func nearAddress(cell string, at int) string {
	start, end := at, at+1
	for start > 0 && strings.IndexByte(" <>,;:()\"'", cell[start-1]) < 0 {
		start--
	}
	for end < len(cell) && strings.IndexByte(" <>;:()\"'", cell[end]) < 0 {
		end++
	}
	near := strings.Trim(cell[start:end], ".,")
	if len(near) > maxAddress || strings.Count(near, "@") != 1 || strings.HasPrefix(near, "@") || strings.HasSuffix(near, "@") || !isASCII(near) {
		return ""
	}
	return near
}
