package provider

import (
	"strconv"
	"strings"
	"unicode"
)

// phoneTexts finds what may be numbers in a cell, likeliest first: the whole cell without labels and extension, then
// its parts where it holds several.
func phoneTexts(cell, region string) []string {
	if strings.Contains(cell, "@") || strings.Contains(cell, "://") {
		return nil
	}
	if v := vanity(cell, region); v != "" {
		return []string{v}
	}
	var texts []string
	for _, run := range phoneRuns(cell) {
		texts = append(texts, run)
		// A slash or a comma stands within one number in some countries, and between two in others. A plus always begins one.
		if parts := splitNumbers(run); len(parts) > 1 || len(parts) == 1 && parts[0] != run {
			texts = append(texts, parts...)
		}
		if len(texts) >= 8 {
			break
		}
	}
	return texts
}

// phoneRuns cuts a cell into runs of digits and marks, at letters and other signs. An extension
// ("ext. 12", "x12", "Durchwahl 3") goes with its digits.
func phoneRuns(cell string) []string {
	var runs []string
	var run strings.Builder
	flush := func() {
		if s := strings.Trim(run.String(), " -./,()"); digitsOf(s) != "" {
			// The trim takes brackets that belong to the number, one-sided ones confuse nobody.
			runs = append(runs, s)
		}
		run.Reset()
	}
	word := ""
	for _, r := range cell {
		d := digitOf(r)
		switch {
		case d >= 0:
			if isExtension(word) && (run.Len() == 0) && len(runs) > 0 {
				continue // the digits of an extension
			}
			run.WriteByte(byte('0' + d))
		case r == '+' || r == '＋':
			if run.Len() > 0 && digitsOf(run.String()) != "" {
				flush()
			}
			word = ""
			run.WriteByte('+')
		case r == ' ' || r == '.' || r == '/' || r == ',' || r == '(' || r == ')':
			if run.Len() > 0 {
				run.WriteRune(r)
			}
		case r == '-' || unicode.Is(unicode.Pd, r) || r == '\u2212' || r == '_' || r == '·' || r == '\'':
			if run.Len() > 0 {
				run.WriteByte('-')
			}
		default:
			if run.Len() > 0 {
				flush()
				word = ""
			}
			if unicode.IsLetter(r) || r == '#' {
				if len(word) < 16 {
					word += string(unicode.ToLower(r))
				}
			} else if r != ':' {
				word = ""
			}
		}
	}
	flush()
	return runs
}

func isExtension(word string) bool {
	switch word {
	case "x", "ext", "extn", "extension", "durchwahl", "dw", "poste", "interno", "int", "toestel", "anexo", "app", "#", "доб", "nst", "nebenstelle":
		return true
	}
	return false
}

// splitNumbers cuts a run where a second number may begin.
func splitNumbers(run string) []string {
	var parts []string
	for p := range strings.FieldsFuncSeq(run, func(r rune) bool { return r == '/' || r == ',' }) {
		if p = strings.Trim(p, " -."); len(digitsOf(p)) >= 5 {
			parts = append(parts, p)
		}
	}
	return parts
}

// vanity returns a number with letters for digits (1-800-FLOWERS) where the whole cell is one, otherwise "". Only North
// America, Australia and New Zealand write them.
func vanity(cell, region string) string {
	switch {
	case strings.HasPrefix(cell, "+1"), strings.HasPrefix(cell, "1-8"), region == "US", region == "CA", region == "AU", region == "NZ":
	default:
		return ""
	}
	upper, digits := 0, 0
	for i := 0; i < len(cell); i++ {
		switch c := cell[i]; {
		case c >= 'A' && c <= 'Z':
			if digits < 3 {
				return ""
			}
			upper++
		case c >= '0' && c <= '9':
			digits++
		case strings.IndexByte("+-() .", c) < 0:
			return ""
		}
	}
	if upper < 3 || upper+digits < 10 || upper+digits > 12 {
		return ""
	}
	if strings.HasPrefix(cell, "1-8") {
		return "+" + cell
	}
	return cell
}

// undoExponent tells a number that a spreadsheet wrote as 4.91711234567E+11, and gives its digits back where all of them are
// still there. It also removes the ".0" that programs put behind whole numbers.
func undoExponent(cell string) (digits string, exponent bool) {
	if whole, ok := strings.CutSuffix(cell, ".0"); ok && len(whole) > 5 && digitsOf(whole) == strings.TrimPrefix(whole, "+") {
		return whole, true
	}
	i := strings.IndexAny(cell, "eE")
	if i <= 0 {
		return "", false
	}
	mantissa := strings.TrimPrefix(cell[:i], "+")
	power, err := strconv.Atoi(cell[i+1:])
	whole, fraction, _ := strings.Cut(strings.Replace(mantissa, ",", ".", 1), ".")
	if err != nil || len(whole) != 1 || digitsOf(whole+fraction) != whole+fraction {
		return "", false
	}
	if len(fraction) == power && power >= 6 {
		return whole + fraction, true
	}
	return "", true
}

// withoutTrunkZero removes the "(0)" of "+49 (0)171": it is dialled at home only. Italy's zero is part of the number.
func withoutTrunkZero(text string) string {
	if strings.HasPrefix(text, "+39") || !strings.Contains(text, "(0)") {
		return text
	}
	return strings.Replace(text, "(0)", " ", 1)
}

func digitsOf(s string) string {
	all := true
	for i := 0; i < len(s) && all; i++ {
		all = s[i] >= '0' && s[i] <= '9'
	}
	if all {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] >= '0' && s[i] <= '9' {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// digitOf is a decimal digit's value in any script, -1 for what is none.
func digitOf(r rune) int {
	switch {
	case r >= '0' && r <= '9':
		return int(r - '0')
	case r < 0x80 || !unicode.Is(unicode.Nd, r):
		return -1
	}
	// Decimal digits stand in runs of ten.
	for _, zero := range [...]rune{0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x17e0, 0xff10} {
		if r >= zero && r <= zero+9 {
			return int(r - zero)
		}
	}
	return -1
}

func isUpperLetter(r rune) bool { return r >= 'A' && r <= 'Z' }

func itoa(n int) string { return strconv.Itoa(n) }
