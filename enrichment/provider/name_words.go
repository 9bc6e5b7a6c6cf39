package provider

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// nameWords takes a tidied cell to the words of one person's name, a [commaMark] between "Last" and "First". Titles and
// generation go into n, degrees, nicknames and decoration away. A reason is returned where the
// cell holds no person's name.
func nameWords(cell string, n *personName) ([]string, string) {
	switch {
	case cell == "":
		return nil, noInput
	case len(cell) > 200 || isBlank(cell):
		return nil, "not_a_name"
	}
	cell = dropAsides(cell)
	switch {
	case strings.ContainsAny(cell, "@/\\<>=_[]{}|") || strings.Contains(cell, "www.") || strings.ContainsFunc(cell, unicode.IsDigit):
		return nil, "not_a_name"
	case isCompanyLike(cell):
		return nil, "company"
	case isCouple(cell):
		return nil, "more_than_one"
	}
	words := splitWords(cell)
	words = takePrefixes(words, n)
	words = takeSuffixes(words, n)
	// "Last, Dr. First" has its title in the middle.
	if i := indexComma(words); i >= 0 {
		words = append(words[:i+1:i+1], takePrefixes(words[i+1:], n)...)
	}
	commas, plain := 0, 0
	for _, w := range words {
		if w == commaMark {
			commas++
		} else if letters(w) > 0 {
			plain++
		}
	}
	switch {
	case plain == 0:
		return nil, "not_a_name"
	case commas > 1 || plain > 8:
		return nil, "not_a_name"
	}
	return words, ""
}

func indexComma(words []string) int {
	for i, w := range words {
		if w == commaMark {
			return i
		}
	}
	return -1
}

// isCouple tells "John & Jane Smith" and "Mr and Mrs Smith".
func isCouple(cell string) bool {
	if strings.ContainsAny(cell, "&+;") {
		return true
	}
	before := ""
	for w := range strings.FieldsSeq(cell) {
		switch strings.ToLower(w) {
		case "and", "und", "et":
			if !particles[before] { // "von und zu"
				return true
			}
		}
		before = strings.ToLower(w)
	}
	return false
}

// dropAsides removes what stands in quotes or parentheses (nicknames, pronouns, née …) and symbols.
func dropAsides(s string) string {
	if !strings.ContainsAny(s, "\"()") && isASCII(s) && !strings.Contains(s, " '") {
		return s
	}
	var b strings.Builder
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		if closing, ok := asides[r]; ok && (r != '\'' && r != '‘' && r != '’' || i == 0 || runes[i-1] == ' ') {
			if j := closes(runes, i+1, closing); j > 0 {
				b.WriteByte(' ')
				i = j
				continue
			}
		}
		switch {
		case r == '"' || r == '(' || r == ')' || r == '“' || r == '”' || r == '„' || r == '«' || r == '»',
			unicode.IsSymbol(r), unicode.Is(unicode.Variation_Selector, r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// asides maps what opens an aside to what closes it.
var asides = map[rune]string{'"': "\"", '(': ")", '（': "）", '“': "”\"", '„': "“”\"", '«': "»", '\'': "'’", '‘': "’'", '’': "’'"}

// closes finds the end of an aside that starts at i. A single quote closes only before a space or the end.
func closes(runes []rune, i int, closing string) int {
	for j := i; j < len(runes); j++ {
		if !strings.ContainsRune(closing, runes[j]) {
			continue
		}
		if quote := runes[j] == '\'' || runes[j] == '’'; !quote || j+1 == len(runes) || runes[j+1] == ' ' {
			return j
		}
	}
	return -1
}

// splitWords splits at spaces; a comma is a word of its own. Stray punctuation goes.
func splitWords(cell string) []string {
	words := make([]string, 0, 6)
	for field := range strings.FieldsSeq(cell) {
		for {
			before, after, comma := strings.Cut(field, ",")
			before = strings.TrimRight(before, "-–—*•·:!?'`´’‘")
			before = strings.TrimLeft(before, ".-–—*•·:!?'`´’‘")
			if letters(before) > 0 {
				words = append(words, before)
			}
			if !comma {
				break
			}
			words = append(words, commaMark)
			field = after
		}
	}
	// Commas at the ends or twice in a row separate nothing.
	out := words[:0]
	for _, w := range words {
		if w == commaMark && (len(out) == 0 || out[len(out)-1] == commaMark) {
			continue
		}
		out = append(out, w)
	}
	for len(out) > 0 && out[len(out)-1] == commaMark {
		out = out[:len(out)-1]
	}
	return out
}

// takePrefixes moves titles in front of a name into its salutation.
func takePrefixes(words []string, n *personName) []string {
	var found []string
	for len(words) > 0 {
		w := words[0]
		if w == commaMark && len(found) > 0 {
			words = words[1:]
			continue
		}
		titles, ok := prefixOf(w)
		plain := strings.ToLower(strings.TrimRight(w, "."))
		if !ok || ambiguousPrefixes[plain] && len(words) > 1 && len(found) == 0 && (len(plain) == 1 || len(plain) == len(w)) {
			break
		}
		found = append(found, titles...)
		words = words[1:]
	}
	if len(found) > 0 && n.salutation == "" {
		n.salutation = strings.Join(found, " ")
	}
	return words
}

// prefixOf knows a title in its usual writings, also several run together: "Prof.Dr.".
func prefixOf(w string) ([]string, bool) {
	if t, ok := namePrefixes[strings.ToLower(strings.TrimRight(w, "."))]; ok {
		return []string{t}, true
	}
	if strings.Count(w, ".") < 2 {
		return nil, false
	}
	var all []string
	for part := range strings.SplitSeq(w, ".") {
		if part = strings.Trim(part, "-"); part == "" {
			continue
		}
		t, ok := namePrefixes[strings.ToLower(part)]
		if !ok {
			return nil, false
		}
		all = append(all, t)
	}
	return all, len(all) > 0
}

// takeSuffixes takes degrees and generations from the end, and wherever they stand alone between commas.
func takeSuffixes(words []string, n *personName) []string {
	// Behind a comma even a weak one counts: "Jack Ma, MA".
	for i := 0; i < len(words); i++ {
		if words[i] != commaMark {
			continue
		}
		j := i + 1
		for j < len(words) && words[j] != commaMark && isSuffix(words[j], true) {
			j++
		}
		if j > i+1 && (j == len(words) || words[j] == commaMark) {
			for _, w := range words[i+1 : j] {
				n.suffix(w)
			}
			words = append(words[:i:i], words[j:]...)
			i--
		}
	}
	for len(words) > 1 {
		w := words[len(words)-1]
		if w == commaMark {
			words = words[:len(words)-1]
			continue
		}
		if !isSuffix(w, false) && !(len(words) > 2 && isCapitals(w) && !isCapitals(words[len(words)-2]) && isSuffix(w, true)) {
			break
		}
		n.suffix(w)
		words = words[:len(words)-1]
	}
	// "Smith Jr., John" has it in front of the comma.
	if i := indexComma(words); i > 1 && isSuffix(words[i-1], false) {
		n.suffix(words[i-1])
		words = append(words[:i-1:i-1], words[i:]...)
	}
	return words
}

func (n *personName) suffix(w string) {
	if g, ok := generations[strings.ToLower(strings.TrimRight(w, "."))]; ok && n.generation == "" {
		n.generation = g
	}
}

// isSuffix tells degrees, memberships and generations. Weak ones (MA, MD, BA …) are also names.
func isSuffix(w string, weakToo bool) bool {
	plain := strings.ToLower(strings.ReplaceAll(w, ".", ""))
	if _, ok := generations[plain]; ok {
		return true
	}
	return strongSuffixes[plain] || (weakToo || strings.Contains(strings.TrimRight(w, "."), ".")) && weakSuffixes[plain]
}

// letters counts the letters of a word.
func letters(w string) int {
	k := 0
	for _, r := range w {
		if unicode.IsLetter(r) {
			k++
		}
	}
	return k
}

// isInitial tells "J", "J." and "J.R.R.": capitals that stand for names.
func isInitial(w string) bool {
	k := 0
	for _, r := range w {
		switch {
		case r == '.' || r == '-':
		case unicode.IsLetter(r):
			k++
		default:
			return false
		}
	}
	return k == 1 && utf8.RuneCountInString(w) <= 2 || k >= 1 && strings.Count(w, ".") == k
}

func onlyInitials(words []string) bool {
	for _, w := range words {
		if w != commaMark && !isInitial(w) {
			return false
		}
	}
	return true
}

func isCapitals(w string) bool {
	return letters(w) > 0 && !strings.ContainsFunc(w, unicode.IsLower) && strings.ContainsFunc(w, unicode.IsUpper)
}

func isLower(w string) bool {
	return letters(w) > 0 && !strings.ContainsFunc(w, unicode.IsUpper) && strings.ContainsFunc(w, unicode.IsLower)
}
