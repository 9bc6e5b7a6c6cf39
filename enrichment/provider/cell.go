package provider

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxCell is the longest input, in bytes, that is looked at. No name, address,
// number or title is longer; a cell that is holds something else.
const maxCell = 1000

// tidy is a cell's text as a person sees it: composed (NFC), without control and zero-width characters, every run of
// white space one space, none at the ends.
func tidy(s string) string {
	if isTidy(s) {
		return s
	}
	s = norm.NFC.String(strings.ToValidUTF8(s, ""))
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) || unicode.Is(unicode.Z, r) || unicode.IsControl(r):
			space = b.Len() > 0
			continue
		case unicode.Is(unicode.Cf, r) || r == '\ufffd':
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	// Dropping what stood between two characters may let them compose.
	return norm.NFC.String(b.String())
}

// isTidy is the fast way out for plain ASCII, which most cells are.
func isTidy(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || c < ' ' || c == 0x7f ||
			c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

// fold is the form in which words are compared: lower case, without accents, letters and digits only,
// everything else one space. "Côte d’Ivoire" and "COTE D'IVOIRE" are both "cote d ivoire".
func fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	if !isASCII(s) {
		s = norm.NFKD.String(s)
	}
	space := false
	for _, r := range s {
		if unicode.Is(unicode.Mn, r) && r < 0x0590 { // accents; vowel signs of other scripts are letters to us
			continue
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		switch r = unicode.ToLower(r); r {
		case 'ß':
			b.WriteString("ss")
		case 'æ':
			b.WriteString("ae")
		case 'œ':
			b.WriteString("oe")
		case 'ø':
			b.WriteByte('o')
		case 'ł':
			b.WriteByte('l')
		case 'đ', 'ð':
			b.WriteByte('d')
		case 'þ':
			b.WriteString("th")
		case 'ı':
			b.WriteByte('i')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isBlank tells whether a tidied cell stands for nothing: "n/a", "-", "unknown". People and
// exports fill empty cells with these.
func isBlank(s string) bool {
	if s == "" {
		return true
	}
	if len(s) > 16 {
		return false
	}
	switch f := fold(s); f {
	case "", "n a", "na", "none", "null", "nil", "nan", "unknown", "not available", "not known", "unbekannt", "k a", "keine",
		"keine angabe", "test", "tbd", "tba", "undefined", "inconnu", "desconocido", "sconosciuto", "onbekend", "false", "true",
		"ref", "value", "error", "name", "x", "xx", "xxx", "loading":
		// A lone letter or an error word is no name; a real "Na" or "True" is rarer than these.
		return true
	}
	return false
}
