package provider

import (
	"strings"
)

// CountryCode reads a country as people write it, a name or an ISO 3166 code, and returns its ISO 3166-1 alpha-2 code, or ""
// where it is none or could be two.
func CountryCode(name string) string { return countryCode(name) }

// countryCode reads a country as people write it (a name in some 40 languages, an ISO 3166 code of two or three letters, a usual
// abbreviation) and returns its ISO 3166-1 alpha-2 code, or "" where it is none or could be two.
func countryCode(cell string) string {
	if len(cell) == 2 && isUpperASCII(cell) {
		if _, ok := sortedList(countryNames).find("=" + cell); ok {
			return cell
		}
	}
	if cell = tidy(cell); cell == "" || len(cell) > 100 {
		return ""
	}
	key := fold(cell)
	if code, ok := sortedList(countryNames).find(key); ok {
		return code
	}
	if short, ok := strings.CutPrefix(key, "the "); ok {
		code, _ := sortedList(countryNames).find(short)
		return code
	}
	return ""
}

// countryName is the English name of an alpha-2 code, "" where there is none.
func countryName(code string) string {
	name, _ := sortedList(countryNames).find("=" + code)
	return name
}

func isUpperASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return true
}
