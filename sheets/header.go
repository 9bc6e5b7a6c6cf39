package sheets

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

//go:embed headings.txt
var headingsFile string

// NormalHeading is a heading's normal form: lower case, every run of characters that are neither letters nor digits one "_", none
// at the ends. Letters and digits of any script count, with their marks. The normal form of an attribute's title is its name:
// "Email verdict" is email_verdict.
func NormalHeading(h string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFC.String(strings.ToLower(strings.ToValidUTF8(h, " "))) {
		if !wordRune(r) {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		b.WriteRune(r)
	}
	return b.String()
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// Recognise says of each heading which attribute stands below it, "" where none is known. An attribute is given to one column at
// most: to the best match, and among equals to the leftmost; its other columns stay "".
//
// An attribute's own name or title matches best, then the spellings of headings.txt, then the same behind a word that says whose
// it is ("Lead: First Name", "1. Contact Email*", "contactEmail"). Nothing is guessed: what isn't spelled is not recognised.
func Recognise(headings []string) []string {
	t := spellings()
	type match struct{ col, level int }
	best := map[string]match{}
	for col, h := range headings {
		attribute, level := t.find(h)
		if attribute == "" {
			continue
		}
		if old, ok := best[attribute]; !ok || level < old.level {
			best[attribute] = match{col, level}
		}
	}
	out := make([]string, len(headings))
	for attribute, m := range best {
		out[m.col] = attribute
	}
	settleNames(headings, out)
	return out
}

// settleNames decides the few words that mean one part of a name beside a column for the other part, and all of it alone: "Vorname,
// Name" is first and last name, "Nome, Email" begins with the full one.
func settleNames(headings, out []string) {
	first, last, full := slices.Index(out, "first_name"), slices.Index(out, "last_name"), slices.Index(out, "full_name")
	word := func(col int) string { return strings.Join(trimWords(words(headings[col])), "") }
	switch {
	case full >= 0 && first >= 0 && last < 0:
		f, n := word(first), word(full)
		if n == "name" && f == "vorname" || n == "naam" && f == "voornaam" {
			out[full] = "last_name"
		}
	case full < 0 && first >= 0 && last < 0:
		if w := word(first); w == "nome" || w == "nombre" || w == "nombres" {
			out[first] = "full_name"
		}
	case full < 0 && last >= 0 && first < 0:
		if word(last) == "nom" {
			out[last] = "full_name"
		}
	}
}

// maxHeading bounds what is looked at: a longer text above a column is no heading.
const maxHeading = 200

// A headingTable is headings.txt, ready to be asked.
type headingTable struct {
	names map[string]bool   // the attributes
	keys  map[string]string // folded spelling → attribute
}

// spellings reads headings.txt once. A test holds the file to its rules.
var spellings = sync.OnceValue(func() *headingTable { return readSpellings(headingsFile) })

func readSpellings(text string) *headingTable {
	t := &headingTable{names: map[string]bool{}, keys: map[string]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, list, _ := strings.Cut(line, ":")
		t.names[name] = true
		for s := range strings.SplitSeq(list, "|") {
			if key := strings.Join(words(s), ""); key != "" && t.keys[key] == "" {
				t.keys[key] = name
			}
		}
	}
	for name := range t.names {
		t.keys[strings.Join(words(name), "")] = name
	}
	return t
}

// find is the attribute of one heading and how good the match is, 0 best.
func (t *headingTable) find(h string) (attribute string, level int) {
	if len(h) > 4*maxHeading {
		return "", 0
	}
	if n := NormalHeading(h); t.names[n] {
		return n, 0
	}
	all := words(h)
	if a := t.keys[strings.Join(all, "")]; a != "" {
		return a, 1
	}
	ws := trimWords(all)
	if len(ws) == 0 {
		return "", 0
	}
	if a := t.keys[strings.Join(ws, "")]; a != "" {
		return a, 2
	}
	if len(ws) > 1 && slices.Contains(owners, ws[0]) {
		if a := t.keys[strings.Join(ws[1:], "")]; a != "" {
			return a, 3
		}
	}
	return "", 0
}

// owners are words before a heading that say whose column it is and change nothing about what stands in it. A company is not
// among them: its email is another thing than a person's.
var owners = []string{"lead", "contact", "person", "prospect", "customer", "client", "candidate", "user", "your", "kontakt", "kunde", "kunden", "interessent", "cliente", "contacto", "contatto", "klant", "contato", "klient"}

// asides are words around a heading that say how to fill it in.
var asides = []string{"required", "optional", "mandatory", "pflichtfeld", "pflicht", "erforderlich", "obligatoire", "facultatif", "obligatorio", "opcional", "obbligatorio", "facoltativo", "verplicht", "optioneel", "obrigatorio", "wymagane", "opcjonalne"}

// trimWords takes numbering off the front ("1. Email", "(2) Email") and asides off the end ("Email (required)").
func trimWords(ws []string) []string {
	if len(ws) > 1 && isNumber(ws[0]) {
		ws = ws[1:]
	}
	for len(ws) > 1 && slices.Contains(asides, ws[len(ws)-1]) {
		ws = ws[:len(ws)-1]
	}
	return ws
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

// words is a heading's words, folded: without case and accents, split at everything that is no letter or digit and where camelCase
// begins a new one.
func words(h string) []string {
	var out []string
	var w strings.Builder
	flush := func() {
		if w.Len() > 0 {
			out = append(out, w.String())
			w.Reset()
		}
	}
	var last rune
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(h, " ")) {
		switch {
		case unicode.IsMark(r):
			continue // an accent of the letter before
		case !wordRune(r):
			flush()
		default:
			if unicode.IsUpper(r) && unicode.IsLower(last) {
				flush()
			}
			w.WriteString(plainLetter(unicode.ToLower(r)))
		}
		last = r
	}
	flush()
	return out
}

// plainLetter writes letters that no decomposition takes apart.
func plainLetter(r rune) string {
	switch r {
	case 'ß':
		return "ss"
	case 'ł':
		return "l"
	case 'ø':
		return "o"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'đ', 'ð':
		return "d"
	case 'ı':
		return "i"
	}
	return string(r)
}
