package provider

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// recase puts a name that shouts or whispers into title case, in place. One
// that does neither is left alone. surname: the words are a surname, so a particle may come first.
func recase(words []string, surname bool) {
	upper, lower := true, true
	for _, w := range words {
		if letters(w) == 0 {
			continue
		}
		upper = upper && isCapitals(w)
		lower = lower && isLower(w)
	}
	if !upper && !lower || onlyInitials(words) && upper {
		return
	}
	start := true // of the name as people say it
	if i := indexComma(words); i >= 0 {
		// Turned round already: the surname stands behind the mark.
		for j := i + 1; j < len(words)-1; j++ {
			if l := strings.ToLower(words[j]); particles[l] && !capitalParticles[l] {
				words[j] = l
			} else {
				words[j] = titleWord(words[j])
			}
		}
		if i+1 < len(words) {
			words[len(words)-1] = titleWord(words[len(words)-1])
		}
		words = words[:i]
	}
	for i, w := range words {
		l := strings.ToLower(w)
		last := i == len(words)-1
		switch {
		case upper && letters(w) == 2 && !strings.ContainsAny(w, "AEIOUYÄÖÜ") || upper && letters(w) == 2 && strings.HasSuffix(w, "J"):
			// "JP", "AJ": initials run together
		case !last && (!start || surname) && (particles[l] || l == "y" || l == "e") && !capitalParticles[l]:
			words[i] = l
		default:
			words[i] = titleWord(w)
		}
		start = false
	}
}

// titleWord is a word of a name in its usual writing: O'Brien, McDonald, Jean-Luc, al-Farsi.
func titleWord(w string) string {
	w = strings.ToLower(w)
	parts := strings.Split(w, "-")
	for i, p := range parts {
		if i == 0 && len(parts) > 1 && (p == "al" || p == "el" || p == "ul" || p == "as" || p == "ar") && utf8.RuneCountInString(parts[1]) > 2 {
			continue // al-Farsi
		}
		if len(parts) > 1 && i > 0 && i < len(parts)-1 && (p == "de" || p == "du" || p == "la" || p == "le" || p == "sur" || p == "van" || p == "von") {
			continue
		}
		parts[i] = titlePart(p)
	}
	return strings.Join(parts, "-")
}

func titlePart(p string) string {
	head, tail, found := cutApostrophe(p)
	if found && (utf8.RuneCountInString(head) == 1 || head == "dell" || head == "dall" || head == "sant") && utf8.RuneCountInString(tail) > 1 {
		return upperFirst(head) + p[len(head):len(p)-len(tail)] + titlePart(tail)
	}
	if strings.HasPrefix(p, "mc") && len(p) > 4 {
		return "Mc" + upperFirst(p[2:])
	}
	if strings.Contains(strings.TrimRight(p, "."), ".") { // initials run together: j.r.r.
		var b strings.Builder
		for part := range strings.SplitAfterSeq(p, ".") {
			b.WriteString(upperFirst(part))
		}
		return b.String()
	}
	return upperFirst(p)
}

func cutApostrophe(p string) (head, tail string, found bool) {
	i := strings.IndexAny(p, "'’‘`´")
	if i <= 0 {
		return p, "", false
	}
	_, size := utf8.DecodeRuneInString(p[i:])
	return p[:i], p[i+size:], true
}

func upperFirst(p string) string {
	r, size := utf8.DecodeRuneInString(p)
	if size == 0 {
		return p
	}
	return string(unicode.ToTitle(r)) + p[size:]
}
