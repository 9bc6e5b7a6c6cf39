package enrichment

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// A Subject is a person or company to be looked up: raw input values by
// attribute name, as they stand in the row ("email": "J.Doe@Example.com ").
// Only non-empty values are present.
type Subject map[string]string

// Country is the attribute that a default for a whole job (--country, defaults.country) fills
// where the row has none: an ISO 3166 code or a name.
const Country = "country"

// Normal returns the subject's normal form: attributes of the catalogue only, valid text in Unicode's composed form,
// every run of white space one space, none at the ends, no invisible control characters, email addresses and domains
// in lower case, blank ones left out. It is what providers are asked with: two rows whose normal
// forms are equal get the same answers. The receiver is not changed. Normal of a normal form is itself.
func (s Subject) Normal() Subject {
	n := make(Subject, len(s))
	for name, v := range s {
		i, ok := byName[name]
		if !ok {
			continue
		}
		v = clean(v)
		switch catalogue[i].Name {
		case "email", "email_normalized", "personal_email", "company_email", "domain":
			// Lower case can leave composed form ("İ").
			v = norm.NFC.String(strings.ToLower(v))
		}
		if v != "" {
			n[name] = v
		}
	}
	return n
}

// clean brings a cell's text into its normal form.
func clean(v string) string {
	plain, space := true, true // space: the last byte was one, or none was yet
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c < ' ' || c >= utf8.RuneSelf || c == 0x7f || c == ' ' && space {
			plain = false
			break
		}
		space = c == ' '
	}
	if plain && !space {
		return v
	}
	var b strings.Builder
	b.Grow(len(v))
	gap := false
	for _, r := range v {
		switch {
		case unicode.IsSpace(r):
			gap = true
			continue
		case unicode.IsControl(r), r == utf8.RuneError, r == '\u200b', r == '\u2060', r == '\ufeff',
			r >= '\u200e' && r <= '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			// Invisible: what people copy along from web pages. The joiners U+200C and U+200D stay; they are letters to some scripts.
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String())
}

// keyVersion begins what a key is hashed over, so that a change of the rules can't mix up records.
const keyVersion = "rowsmith.subject.1"

// Key returns the subject's key: who it is, as a hash of 40 hex digits that no one can
// read a person from. It keys the cache and a paid call's id. "" where the row doesn't say who it is about.
//
// The identity is the first of these that the row has:
//
//	email                                    if it is well-formed; personal_email likewise
//	linkedin_url                             a person's
//	full_name (or first_name and last_name)  with domain, else website, else company_name
//	domain (or website)                      a company
//	company_linkedin_url, company_lei        a company
//	company_name                             a company, with country where given
//	phone                                    written internationally, "+…"
//
// Case, spacing, punctuation in names, and marks on Latin letters make no difference (José is Jose; that й is not и and が not か is
// left alone). It says nothing about attributes: two rows of one key may differ in all else, and what is tidied from their
// other cells differs with them.
func (s Subject) Key() string { return s.Normal().key() }

// key is Key for a normal form.
func (s Subject) key() string {
	kind, who := s.identity()
	if kind == "" {
		return ""
	}
	h := sha256.New()
	for _, part := range append([]string{keyVersion, kind}, who...) {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:20])
}

func (s Subject) identity() (kind string, who []string) {
	for _, name := range []string{"email", "personal_email"} {
		if a := mailAddress(s[name]); a != "" {
			return "email", []string{a}
		}
	}
	if p := profile(s["linkedin_url"]); p != "" {
		return "linkedin", []string{p}
	}
	host := hostOf(s["domain"])
	if host == "" {
		host = hostOf(s["website"])
	}
	company := fold(s["company_name"])
	if company == "" {
		company = fold(s["company_legal_name"])
	}
	name := fold(s["full_name"])
	if name == "" && s["first_name"] != "" && s["last_name"] != "" {
		name = fold(s["first_name"] + " " + s["last_name"])
	}
	if name != "" {
		switch {
		case host != "":
			return "person at domain", []string{name, host}
		case company != "":
			return "person at company", []string{name, company}
		}
		// A person's name alone is many people.
		return "", nil
	}
	if host != "" {
		return "domain", []string{host}
	}
	if p := profile(s["company_linkedin_url"]); p != "" {
		return "linkedin", []string{p}
	}
	if lei := fold(s["company_lei"]); len(lei) == 20 {
		return "lei", []string{lei}
	}
	if company != "" {
		return "company", []string{company, fold(s[Country])}
	}
	if p := internationalPhone(s["phone"]); p != "" {
		return "phone", []string{p}
	}
	return "", nil
}

// mailAddress returns the address in lower case with its domain in ASCII, or "" where it is not one.
func mailAddress(v string) string {
	at := strings.LastIndexByte(v, '@')
	if at < 1 || at > 64 || len(v) > 320 || strings.ContainsAny(v[:at], " @<>,;:()[]\\\"") {
		return ""
	}
	host := hostOf(v[at+1:])
	if host == "" || !strings.Contains(host, ".") || strings.ContainsAny(v[at+1:], "/:?# ") {
		return ""
	}
	return strings.ToLower(v[:at]) + "@" + host
}

// hostOf returns the host of a domain or URL however people write it, in lower case ASCII without "www.", or "".
func hostOf(v string) string {
	if v == "" || len(v) > 2048 {
		return ""
	}
	if _, rest, ok := strings.Cut(v, "://"); ok {
		v = rest
	}
	v = strings.TrimPrefix(v, "//")
	if i := strings.IndexAny(v, "/?#"); i >= 0 {
		v = v[:i]
	}
	if i := strings.LastIndexByte(v, '@'); i >= 0 {
		v = v[i+1:]
	}
	if i := strings.LastIndexByte(v, ':'); i >= 0 {
		v = v[:i]
	}
	v = strings.TrimSuffix(strings.ToLower(v), ".")
	for strings.HasPrefix(v, "www.") && strings.Count(v, ".") > 1 {
		v = v[len("www."):]
	}
	if v == "" || len(v) > 253 {
		return ""
	}
	ascii, err := idna.Lookup.ToASCII(v)
	if err != nil || ascii == "" || strings.ContainsAny(ascii, " \x00") || !strings.Contains(ascii, ".") {
		return ""
	}
	return ascii
}

// profile returns the path of a LinkedIn profile or company page without what differs between copies of the same link, or "".
func profile(v string) string {
	if v == "" || len(v) > 2048 {
		return ""
	}
	v = strings.ToLower(v)
	i := strings.Index(v, "linkedin.com/")
	if i < 0 {
		return ""
	}
	v = v[i+len("linkedin.com/"):]
	if j := strings.IndexAny(v, "?#"); j >= 0 {
		v = v[:j]
	}
	if plain, err := url.PathUnescape(v); err == nil && utf8.ValidString(plain) {
		v = strings.ToLower(norm.NFC.String(plain))
	}
	kind, rest, _ := strings.Cut(v, "/")
	id, _, _ := strings.Cut(rest, "/")
	switch kind {
	case "in", "pub", "company", "school", "showcase":
		if id = strings.TrimSpace(id); id != "" {
			return kind + "/" + id
		}
	}
	return ""
}

func internationalPhone(v string) string {
	if !strings.HasPrefix(v, "+") {
		return ""
	}
	var b strings.Builder
	for _, r := range strings.ReplaceAll(v, "(0)", "") {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case strings.ContainsRune("+-./() ", r):
		default:
			return "" // an extension, or two numbers in one cell
		}
	}
	if n := b.Len(); n < 8 || n > 15 {
		return ""
	}
	return b.String()
}

// fold brings a name into the form in which it is compared: case folded, marks on Latin letters taken off, everything but
// letters, digits and marks a single space.
func fold(v string) string {
	if v == "" {
		return ""
	}
	var b strings.Builder
	gap, latin := false, false
	for _, r := range norm.NFKD.String(cases.Fold().String(v)) {
		switch {
		case unicode.Is(unicode.Mn, r):
			if latin {
				continue
			}
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			latin = unicode.Is(unicode.Latin, r)
		case r == '\'' || r == '’' || r == '.':
			// O'Neil is ONeil, S.A. is SA.
			continue
		default:
			gap, latin = true, false
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String())
}
