package provider

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"rowsmith/enrichment"
)

// NewName returns the provider "name", which takes people's names apart and puts them into their usual writing.
//
// It reads full_name, or first_name and last_name, or all three (the parts then say how the
// whole divides), and gives full_name, first_name, middle_name, last_name and salutation.
//
//   - Titles in front ("Dr.", "Herr Prof.", "Mrs") become the salutation; degrees behind (PhD, MBA) and
//     anything in quotes or parentheses are dropped; Jr., Sr., II, III stay with the full name only.
//   - "Last, First" and "SMITH John" are turned round. "J. Smith" keeps its initial.
//   - Particles belong to the surname: "Ludwig van Beethoven", "María de la Cruz", "bin Salman".
//   - What shouts or whispers is put into title case (O'Brien, McDonald, Jean-Luc, van der Berg); mixed case is
//     how the person writes it and is left alone.
//   - Names in Chinese, Japanese, Korean and scripts that write no clear order are left whole, and so are Vietnamese ones and
//     those of Hungary, where the family name may come first. Spanish names have two surnames where the
//     country or the first surname says so.
//   - A single word has no first and last name, unless a salutation says that it is a surname.
//   - Addresses, companies, couples ("Mr and Mrs Smith") and placeholders are BadInput: nobody's name.
//
// Confidence: 0.97 for parts the row has in columns of their own, 0.95 for two words, 0.9 with an initial or a
// particle between, 0.75 where a middle word could be either part, 0.7 for Cyrillic without a patronymic.
func NewName() enrichment.Provider { return nameProvider{} }

type nameProvider struct{}

func (nameProvider) Info() enrichment.Info {
	return enrichment.Info{
		ID:    "name",
		Name:  "Name reader",
		Needs: [][]string{{"full_name"}, {"first_name"}, {"last_name"}},
		Gives: []string{"full_name", "first_name", "middle_name", "last_name", "salutation"},
		Local: true,
	}
}

func (nameProvider) Lookup(ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	return answerEach(ctx, batch, answerName)
}

func answerName(s enrichment.Subject) enrichment.Answer {
	f := findings{source: "name"}
	n, reason := readName(s)
	if reason == "" {
		f.put("full_name", n.full(), max(n.confidence, 0.9))
		f.put("first_name", n.first, n.confidence)
		f.put("middle_name", n.middle, n.confidence)
		f.put("last_name", n.last, n.confidence)
		f.put("salutation", n.salutation, 0.95)
	}
	if reason == "" {
		reason = notFound
	}
	return f.answer(reason)
}

// A personName is a name taken apart.
type personName struct {
	salutation          string
	first, middle, last string
	generation          string // Jr., III
	whole               string // where it can't be divided
	confidence          float64
}

func (n personName) full() string {
	if n.whole != "" {
		return n.whole
	}
	if n.first == "" || n.last == "" || scriptOf([]string{n.first, n.last}) == scriptWhole {
		return "" // half a name is not a full one, and how these join their script doesn't say
	}
	parts := make([]string, 0, 4)
	for _, p := range [...]string{n.first, n.middle, n.last, n.generation} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " ")
}

// readName reads a subject's name, or tells why it has none.
func readName(s enrichment.Subject) (personName, string) {
	full, first, last := s["full_name"], s["first_name"], s["last_name"]
	if full == "" && first == "" && last == "" {
		return personName{}, noInput
	}
	var n personName
	var reason string
	if first != "" || last != "" {
		n, reason = readParts(first, last)
		if reason == "" && n.first != "" && n.last != "" || full == "" {
			return n, reason
		}
	}
	whole, wholeReason := readWhole(full, s)
	if wholeReason != "" {
		if n.first != "" || n.last != "" {
			return n, reason
		}
		return personName{}, wholeReason
	}
	return settle(whole, n), ""
}

// settle divides a whole name by the one part that is known from its own column.
func settle(whole, part personName) personName {
	text := strings.TrimSpace(strings.TrimSuffix(whole.full(), whole.generation))
	if text == "" {
		return whole
	}
	switch {
	case part.last != "":
		if head, ok := cutSuffixFold(text, part.last); ok && head != "" {
			whole.first, whole.middle = splitGiven(strings.Fields(head))
			whole.last, whole.whole, whole.confidence = text[len(text)-len(part.last):], "", 0.95
		}
	case part.first != "":
		if len(text) > len(part.first) && strings.EqualFold(text[:len(part.first)], part.first) && text[len(part.first)] == ' ' {
			rest := strings.Fields(text[len(part.first):])
			if from := surnameStart(rest, 0); from == 0 {
				whole.middle, whole.last = "", strings.Join(rest, " ")
			} else {
				whole.middle, whole.last = strings.Join(rest[:from], " "), strings.Join(rest[from:], " ")
			}
			whole.first, whole.whole, whole.confidence = text[:len(part.first)], "", 0.9
		}
	}
	if whole.salutation == "" {
		whole.salutation = part.salutation
	}
	return whole
}

// cutSuffixFold cuts a last word or words off a name, whatever their case.
func cutSuffixFold(text, suffix string) (string, bool) {
	at := len(text) - len(suffix)
	if at <= 0 || text[at-1] != ' ' || !strings.EqualFold(text[at:], suffix) {
		return text, false
	}
	return strings.TrimSpace(text[:at]), true
}

// splitGiven divides given names that are known to be given names: initials behind the first are middle names,
// and so is everything after the first.
func splitGiven(words []string) (first, middle string) {
	if len(words) == 0 {
		return "", ""
	}
	return words[0], strings.Join(words[1:], " ")
}

// readParts reads first_name and last_name from columns of their own. Two given names in one cell ("Anna Maria") are one
// first name, because that is the column they were put in; initials behind are middle names.
func readParts(firstCell, lastCell string) (personName, string) {
	firstCell, lastCell = tidy(firstCell), tidy(lastCell)
	if isBlank(firstCell) {
		firstCell = ""
	}
	if isBlank(lastCell) {
		lastCell = ""
	}
	var n personName
	first, reason := nameWords(firstCell, &n)
	last, lastReason := nameWords(lastCell, &n)
	if reason != "" && reason != noInput {
		return personName{}, reason
	}
	if lastReason != "" && lastReason != noInput {
		return personName{}, lastReason
	}
	if len(first) == 0 && len(last) == 0 {
		return personName{}, "not_a_name"
	}
	recase(first, false)
	recase(last, true)
	// "John Smith" in the first name's column beside "Smith".
	if k := len(first) - len(last); k > 0 && len(last) > 0 && strings.EqualFold(strings.Join(first[k:], " "), strings.Join(last, " ")) {
		first = first[:k]
	}
	given := len(first)
	for given > 1 && isInitial(first[given-1]) && !isInitial(first[0]) {
		given--
	}
	n.first, n.middle, n.last = strings.Join(first[:given], " "), strings.Join(first[given:], " "), strings.Join(last, " ")
	n.confidence = 0.97
	return n, ""
}

// readWhole reads full_name.
func readWhole(cell string, s enrichment.Subject) (personName, string) {
	var n personName
	cell = tidy(cell)
	words, reason := nameWords(cell, &n)
	if reason != "" {
		return personName{}, reason
	}
	if len(words) == 0 {
		return personName{}, "not_a_name"
	}
	if script := scriptOf(words); script == scriptWhole {
		n.whole, n.confidence = strings.Join(words, " "), 0.95
		return n, ""
	} else if script == scriptCyrillic {
		recase(words, false)
		return divideCyrillic(n, words), ""
	}
	words, comma := turnRound(words)
	capitals := false
	if !comma {
		words, capitals = turnCapitals(words)
	}
	recase(words, false)
	switch {
	case len(words) == 1 && n.salutation != "":
		n.last, n.confidence = words[0], 0.85
		return n, ""
	case len(words) == 1 || onlyInitials(words):
		n.whole, n.confidence = strings.Join(words, " "), 0.9
		return n, ""
	}
	if !comma && !capitals && surnameFirst(words, s[enrichment.Country]) {
		n.whole, n.confidence = strings.Join(words, " "), 0.9
		return n, ""
	}
	if !comma && !capitals && len(words) == 2 && isInitial(words[1]) && !isInitial(words[0]) {
		words[0], words[1] = words[1], words[0] // "Smith J."
		n.first, n.last, n.confidence = words[0], words[1], 0.8
		return n, ""
	}
	from := len(words) - 1
	if comma {
		from = commaSplit(words)
	} else if from = surnameStart(words, 1); len(words) >= 3 && len(words) <= 5 && from > 1 && !isInitial(words[from-1]) {
		if from == len(words)-1 && len(words) <= 4 && twoSurnames(s[enrichment.Country]) || doubled[fold(words[from-1])] {
			from--
		}
	}
	words = without(words)
	n.first, n.middle = splitGiven(words[:from])
	n.last = strings.Join(words[from:], " ")
	switch middle := words[1:max(from, 1)]; {
	case comma:
		n.confidence = 0.95
	case capitals:
		n.confidence = 0.85
	case len(middle) == 0 && from == len(words)-1:
		n.confidence = 0.95
	case len(middle) == 0 || onlyInitials(middle):
		n.confidence = 0.9
	default:
		n.confidence = 0.75
	}
	return n, ""
}

// commaMark is the word that stands for the comma in "Last, First" until the name is divided.
const commaMark = ","

// turnRound turns "Last, First" into First, mark, Last.
func turnRound(words []string) ([]string, bool) {
	for i, w := range words {
		if w == commaMark {
			out := make([]string, 0, len(words))
			out = append(out, words[i+1:]...)
			out = append(out, commaMark)
			return append(out, words[:i]...), true
		}
	}
	return words, false
}

// commaSplit is where the surname starts once the mark is out.
func commaSplit(words []string) int {
	for i, w := range words {
		if w == commaMark {
			return i
		}
	}
	return len(words)
}

func without(words []string) []string {
	out := words[:0:0]
	for _, w := range words {
		if w != commaMark {
			out = append(out, w)
		}
	}
	return out
}

// turnCapitals turns "SMITH John Paul" round: a surname in capitals beside names that aren't is how much of the world
// marks it. Wherever it stands, the capitals go.
func turnCapitals(words []string) ([]string, bool) {
	from, to := -1, -1
	for i, w := range words {
		if isCapitals(w) && letters(w) > 2 && !isInitial(w) {
			if from < 0 {
				from = i
			} else if to != i {
				return words, false // capitals in two places mark nothing
			}
			to = i + 1
		}
	}
	if from < 0 || to-from == len(words) {
		return words, false
	}
	mixed := false
	for i, w := range words {
		mixed = mixed || (i < from || i >= to) && letters(w) > 1 && !isCapitals(w) && !isLower(w)
	}
	if !mixed || from > 0 && to < len(words) {
		return words, false
	}
	out := make([]string, 0, len(words)+1)
	if from == 0 {
		out = append(append(out, words[to:]...), words[:to]...)
	} else {
		out = append(out, words...)
	}
	for i := range out {
		if isCapitals(out[i]) && letters(out[i]) > 2 {
			out[i] = titleWord(out[i])
		}
	}
	return out, true
}

// surnameStart is the index of the surname's first word: the last word and the particles before it. The words before
// least are given names whatever they look like.
func surnameStart(words []string, least int) int {
	i := len(words) - 1
	for i > least {
		before := strings.ToLower(words[i-1])
		switch {
		case particles[before]:
			i--
		case (before == "y" || before == "e" || before == "i") && isLower(words[i-1]) && i-2 >= least:
			i -= 2 // Ortega y Gasset
		case before == "und" && i-2 >= least && particles[strings.ToLower(words[i-2])]:
			i -= 2 // von und zu
		default:
			return i
		}
	}
	return max(i, 0)
}

// divideCyrillic uses the patronymic, which tells both orders apart.
func divideCyrillic(n personName, words []string) personName {
	words, comma := turnRound(words)
	from := len(words) - 1
	if comma {
		from = commaSplit(words)
	}
	words = without(words)
	switch {
	case len(words) == 1:
		n.whole, n.confidence = words[0], 0.9
	case comma:
		n.first, n.middle = splitGiven(words[:from])
		n.last, n.confidence = strings.Join(words[from:], " "), 0.95
	case len(words) == 3 && isPatronymic(words[2]):
		n.first, n.middle, n.last, n.confidence = words[1], words[2], words[0], 0.95
	case len(words) == 3 && isPatronymic(words[1]):
		n.first, n.middle, n.last, n.confidence = words[0], words[1], words[2], 0.95
	case len(words) == 2:
		n.first, n.last, n.confidence = words[0], words[1], 0.7
	default:
		n.whole, n.confidence = strings.Join(words, " "), 0.9
	}
	return n
}

func isPatronymic(w string) bool {
	w = strings.ToLower(w)
	for _, end := range [...]string{"ович", "евич", "ьич", "ична", "овна", "евна", "івна", "ївна", "йович"} {
		if strings.HasSuffix(w, end) && utf8.RuneCountInString(w) > utf8.RuneCountInString(end)+1 {
			return true
		}
	}
	return false
}

// A script as far as dividing names goes.
type script uint8

const (
	scriptSpaced   script = iota // first and last are told apart by their order
	scriptCyrillic               // order varies; patronymics help
	scriptWhole                  // left whole
)

func scriptOf(words []string) script {
	cyrillic := false
	for _, w := range words {
		for _, r := range w {
			switch {
			case r < 0x370 || !unicode.IsLetter(r) || unicode.Is(unicode.Latin, r) || unicode.Is(unicode.Greek, r):
			case unicode.Is(unicode.Cyrillic, r):
				cyrillic = true
			default:
				return scriptWhole
			}
		}
	}
	if cyrillic {
		return scriptCyrillic
	}
	return scriptSpaced
}
