package tabular

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// encoding is how a delimited file's characters are stored.
type encoding int

const (
	utf8Plain encoding = iota
	windows1252
	utf16LE
	utf16BE
)

// String names the encoding for people.
func (e encoding) String() string {
	return [...]string{"UTF-8", "Windows-1252", "UTF-16 LE", "UTF-16 BE"}[e]
}

// wide reports whether code units have two bytes.
func (e encoding) wide() bool { return e == utf16LE || e == utf16BE }

// decode reads bytes of the file. It never fails: bytes that are no UTF-8 are read as Windows-1252, lone surrogates
// as U+FFFD.
func (e encoding) decode(b []byte) string {
	switch {
	case e.wide():
		units := make([]uint16, len(b)/2)
		for i := range units {
			if e == utf16BE {
				units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
			} else {
				units[i] = uint16(b[2*i+1])<<8 | uint16(b[2*i])
			}
		}
		return string(utf16.Decode(units))
	case e == utf8Plain && utf8.Valid(b):
		return string(b)
	case ascii(b):
		return string(b)
	}
	var s strings.Builder
	s.Grow(len(b) + 8)
	for _, c := range b {
		r := charmap.Windows1252.DecodeByte(c)
		if r == utf8.RuneError { // 81, 8D, 8F, 90 and 9D are unassigned
			r = rune(c)
		}
		s.WriteRune(r)
	}
	return s.String()
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// encode appends s to b. exact is false if a character was written as its closest form.
func (e encoding) encode(b []byte, s string) (_ []byte, exact bool) {
	switch e {
	case utf16LE, utf16BE:
		for _, u := range utf16.Encode([]rune(s)) {
			if e == utf16BE {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		return b, true
	case utf8Plain:
		return append(b, clean(s)...), true
	}
	exact = true
	address := !strings.ContainsAny(s, " \t\n") && (strings.Contains(s, "@") || strings.Contains(s, "://"))
	for _, r := range norm.NFC.String(s) {
		if c, ok := byte1252(r); ok {
			b = append(b, c)
			continue
		}
		exact = false
		if address { // the closest form would be somebody else's
			b = append(b, '?')
			continue
		}
		b = append(b, closest1252(r)...)
	}
	return b, exact
}

// byte1252 is the one byte of r, the inverse of decode.
func byte1252(r rune) (byte, bool) {
	if r < utf8.RuneSelf {
		return byte(r), true
	}
	if c, ok := charmap.Windows1252.EncodeRune(r); ok && r != utf8.RuneError {
		return c, true
	}
	if r == 0x81 || r == 0x8d || r == 0x8f || r == 0x90 || r == 0x9d {
		return byte(r), true
	}
	return 0, false
}

// plainForms are letters that Unicode does not decompose, and signs with a common spelling.
var plainForms = strings.NewReplacer("ł", "l", "Ł", "L", "đ", "d", "Đ", "D", "ħ", "h", "Ħ", "H", "ı", "i", "ŧ", "t", "Ŧ", "T",
	"ĸ", "k", "ŋ", "n", "Ŋ", "N", "ẞ", "SS", "\u2010", "-", "\u2011", "-", "\u2012", "-", "\u2212", "-", "\u2032", "'", "\u2033", `"`)

// closest1252 spells r with what Windows-1252 has: without its accents, by compatibility, or as "?". Marks that
// belong to the letter before them and signs without width vanish.
func closest1252(r rune) []byte {
	if unicode.In(r, unicode.Mn, unicode.Cf) {
		return nil
	}
	var b []byte
	for _, d := range norm.NFKD.String(plainForms.Replace(string(r))) {
		if c, ok := byte1252(d); ok {
			b = append(b, c)
		}
	}
	if len(b) == 0 {
		b = append(b, '?')
	}
	return b
}

// bom returns the encoding that a byte order mark names and the mark's length, or zero.
func bom(b []byte) (encoding, int) {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return utf8Plain, 3
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return utf16LE, 2
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return utf16BE, 2
	}
	return utf8Plain, 0
}

// nulPattern finds UTF-16 without a mark: in a table nearly every second byte is NUL then, always on the same side.
func nulPattern(b []byte) (encoding, bool) {
	pairs := len(b) / 2
	if pairs < 2 {
		return 0, false
	}
	var even, odd int
	for i := 0; i < pairs; i++ {
		if b[2*i] == 0 {
			even++
		}
		if b[2*i+1] == 0 {
			odd++
		}
	}
	switch {
	case odd*10 >= pairs*4 && even*20 <= odd:
		return utf16LE, true
	case even*10 >= pairs*4 && odd*20 <= even:
		return utf16BE, true
	}
	return 0, false
}

// utf32 recognises four bytes a character, with a mark or by its zeros. Nothing that writes tables does that on purpose.
func utf32(b []byte) bool {
	if bytes.HasPrefix(b, []byte("\xff\xfe\x00\x00")) || bytes.HasPrefix(b, []byte("\x00\x00\xfe\xff")) {
		return true
	}
	quads := len(b) / 4
	if quads < 2 {
		return false
	}
	little, big := 0, 0
	for i := 0; i < quads; i++ {
		q := b[4*i : 4*i+4]
		if q[0] != 0 && q[2] == 0 && q[3] == 0 && q[1] == 0 {
			little++
		}
		if q[3] != 0 && q[0] == 0 && q[1] == 0 && q[2] == 0 {
			big++
		}
	}
	return little*10 >= quads*8 || big*10 >= quads*8
}
