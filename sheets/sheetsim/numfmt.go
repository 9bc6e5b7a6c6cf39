package sheetsim

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// A numberFormat is CellFormat.numberFormat as far as it is understood: its type and its pattern.
type numberFormat struct {
	Type    string `json:"type"`
	Pattern string `json:"pattern"`
}

// defaultPatterns stand in for the patterns that depend on the locale; these are en_US's.
var defaultPatterns = map[string]string{
	"PERCENT":    "0.00%",
	"CURRENCY":   `"$"#,##0.00`,
	"DATE":       "M/d/yyyy",
	"TIME":       "h:mm:ss am/pm",
	"DATE_TIME":  "M/d/yyyy H:mm:ss",
	"SCIENTIFIC": "0.00E+00",
}

// numberFormatOf reads the number format out of a cell's format.
func numberFormatOf(format string) numberFormat {
	if format == "" || !strings.Contains(format, `"numberFormat"`) {
		return numberFormat{}
	}
	var f struct {
		NumberFormat numberFormat `json:"numberFormat"`
	}
	if json.Unmarshal([]byte(format), &f) != nil {
		return numberFormat{}
	}
	return f.NumberFormat
}

func (f numberFormat) isDate() bool {
	return f.Type == "DATE" || f.Type == "TIME" || f.Type == "DATE_TIME"
}

// serialEpoch is day 0 of Sheets' serial numbers.
var serialEpoch = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

func serialTime(n float64) time.Time {
	days := math.Floor(n)
	ms := math.Round((n - days) * 86_400_000)
	return serialEpoch.AddDate(0, 0, int(days)).Add(time.Duration(ms) * time.Millisecond)
}

func timeSerial(t time.Time) float64 {
	return float64(t.Sub(serialEpoch)) / float64(24*time.Hour)
}

// shown is what a cell shows for an effective value.
func shown(v value, format string) string {
	switch v.k {
	case kString:
		return v.s
	case kBool:
		if v.n != 0 {
			return "TRUE"
		}
		return "FALSE"
	case kError:
		return errorTexts[int(v.n)]
	case kNumber:
		return numberFormatOf(format).number(v.n)
	}
	return ""
}

func (f numberFormat) number(n float64) string {
	pattern := f.Pattern
	if pattern == "" {
		pattern = defaultPatterns[f.Type]
	}
	switch {
	case pattern == "" || f.Type == "TEXT" || pattern == "@" || strings.EqualFold(pattern, "General"):
		return general(n)
	case f.isDate() || f.Type == "" && isDatePattern(pattern):
		if n < -700_000 || n > 2_958_466 {
			return general(n) // before year 0, after year 9999
		}
		return formatTime(pattern, serialTime(n))
	}
	return formatNumber(pattern, n)
}

// general is the automatic format: at most ten decimals' worth of digits, whole numbers in full up to 15 digits.
func general(n float64) string {
	abs := math.Abs(n)
	switch {
	case n == 0:
		return "0"
	case n == math.Trunc(n) && abs < 1e15:
		return strconv.FormatFloat(n, 'f', 0, 64)
	case abs >= 1e15 || abs < 1e-9:
		s := strconv.FormatFloat(n, 'E', 5, 64)
		mant, exp, _ := strings.Cut(s, "E")
		if strings.Contains(mant, ".") {
			mant = strings.TrimRight(strings.TrimRight(mant, "0"), ".")
		}
		return mant + "E" + exp
	}
	digits := len(strconv.FormatFloat(math.Trunc(abs), 'f', 0, 64))
	s := strconv.FormatFloat(n, 'f', max(0, 10-digits), 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// isDatePattern guesses for a pattern without a type.
func isDatePattern(p string) bool {
	return !strings.ContainsAny(p, "#0?") && strings.ContainsAny(strings.ToLower(p), "ymdhs")
}

// formatNumber writes n by one of the everyday patterns: 0 # , . % E+00, literals in quotes or escaped, sections for
// positive, negative and zero. Colours and conditions in brackets are passed over.
func formatNumber(pattern string, n float64) string {
	sections := splitSections(pattern)
	section := sections[0]
	switch {
	case n < 0 && len(sections) > 1 && sections[1] != "":
		section, n = sections[1], -n
	case n == 0 && len(sections) > 2:
		section = sections[2]
	}
	var prefix, suffix strings.Builder
	whole, frac, optional, percent := 0, 0, 0, 0
	group, point, exponent, digits := false, false, false, false
	lit := func(s string) {
		if digits {
			suffix.WriteString(s)
		} else {
			prefix.WriteString(s)
		}
	}
	for i := 0; i < len(section); i++ {
		switch c := section[i]; c {
		case '"':
			j := strings.IndexByte(section[i+1:], '"')
			if j < 0 {
				j = len(section) - i - 1
			}
			lit(section[i+1 : i+1+j])
			i += j + 1
		case '\\':
			if i+1 < len(section) {
				i++
				lit(section[i : i+1])
			}
		case '[':
			in, _, _ := strings.Cut(section[i+1:], "]")
			if sign, ok := strings.CutPrefix(in, "$"); ok {
				sign, _, _ = strings.Cut(sign, "-")
				lit(sign)
			}
			i += len(in) + 1
		case '0', '#', '?':
			digits = true
			switch {
			case point && c == '0':
				frac++
			case point:
				optional++
			case c == '0':
				whole++
			}
		case ',':
			group = group || digits && !point
		case '.':
			point, digits = true, true
		case '%':
			percent++
			lit("%")
		case 'E', 'e':
			if digits && i+1 < len(section) && (section[i+1] == '+' || section[i+1] == '-') {
				exponent = true
				for i++; i+1 < len(section) && section[i+1] == '0'; i++ {
				}
				continue
			}
			lit(string(c))
		case '_', '*':
			i++ // padding by the width of a character
		case '@':
			return general(n)
		default:
			lit(string(c))
		}
	}
	if !digits {
		return prefix.String()
	}
	for range percent {
		n *= 100
	}
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	var out string
	if exponent {
		out = strconv.FormatFloat(n, 'E', frac+optional, 64)
	} else {
		out = strconv.FormatFloat(roundHalfUp(n, frac+optional), 'f', frac+optional, 64)
		in, dec, _ := strings.Cut(out, ".")
		for range optional {
			if len(dec) > frac {
				dec = strings.TrimSuffix(dec, "0")
			}
		}
		if in == "0" && whole == 0 && dec != "" {
			in = ""
		}
		for len(in) < whole {
			in = "0" + in
		}
		if group {
			in = grouped(in)
		}
		out = in
		if dec != "" {
			out += "." + dec
		}
	}
	if sign != "" && strings.Trim(out, "0.,") == "" {
		sign = ""
	}
	return sign + prefix.String() + out + suffix.String()
}

// roundHalfUp rounds the way people see the number: 0.285 to two places is 0.29, though the float is a little less.
func roundHalfUp(n float64, places int) float64 {
	if places > 12 || n > 1e12 {
		return n
	}
	p := math.Pow10(places)
	return math.Floor(n*p+0.5+1e-9) / p
}

func grouped(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func splitSections(p string) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '"':
			quoted = !quoted
		case p[i] == '\\':
			i++
		case p[i] == ';' && !quoted:
			out = append(out, p[start:i])
			start = i + 1
		}
	}
	return append(out, p[start:])
}

// formatTime writes t by a date pattern: y, M, d, E (weekday: ddd, dddd), H, h, m, s, am/pm and literals.
func formatTime(pattern string, t time.Time) string {
	pattern = splitSections(pattern)[0]
	lower := strings.ToLower(pattern)
	half := strings.Contains(lower, "am/pm") || strings.Contains(lower, "a/p")
	var out strings.Builder
	clock := false // whether the last field was of the clock: then "m" is minutes
	for i := 0; i < len(pattern); {
		c := lower[i]
		n := 1
		for i+n < len(pattern) && lower[i+n] == c {
			n++
		}
		switch c {
		case 'y':
			if n <= 2 {
				out.WriteString(t.Format("06"))
			} else {
				out.WriteString(t.Format("2006"))
			}
		case 'm':
			switch {
			case clock || followedBySeconds(lower[i+n:]):
				out.WriteString(pad(t.Minute(), n))
			case n >= 4:
				out.WriteString(t.Format("January"))
			case n == 3:
				out.WriteString(t.Format("Jan"))
			default:
				out.WriteString(pad(int(t.Month()), n))
			}
		case 'd':
			switch {
			case n >= 4:
				out.WriteString(t.Format("Monday"))
			case n == 3:
				out.WriteString(t.Format("Mon"))
			default:
				out.WriteString(pad(t.Day(), n))
			}
		case 'h':
			h := t.Hour()
			if half {
				h = (h + 11) % 12
				h++
			}
			out.WriteString(pad(h, n))
			clock = true
		case 's':
			out.WriteString(pad(t.Second(), n))
			clock = true
		case 'a':
			switch {
			case strings.HasPrefix(lower[i:], "am/pm"):
				n = 5
				out.WriteString(t.Format("PM"))
			case strings.HasPrefix(lower[i:], "a/p"):
				n = 3
				out.WriteString(t.Format("PM")[:1])
			default:
				out.WriteString(pattern[i : i+n])
			}
		case '0':
			out.WriteString(t.Format(".000")[1:][:min(n, 3)])
		case '"':
			n = 1
			if j := strings.IndexByte(pattern[i+1:], '"'); j >= 0 {
				out.WriteString(pattern[i+1 : i+1+j])
				n = j + 2
			}
		case '\\':
			n = min(2, len(pattern)-i)
			out.WriteString(pattern[i+1 : i+n])
		case '[', ']':
			// elapsed time: shown like a clock
		default:
			out.WriteString(pattern[i : i+n])
		}
		if strings.IndexByte("yd", c) >= 0 {
			clock = false
		}
		i += n
	}
	return out.String()
}

func followedBySeconds(rest string) bool {
	for i := range len(rest) {
		switch rest[i] {
		case 's':
			return true
		case 'y', 'm', 'd', 'h':
			return false
		}
	}
	return false
}

func pad(v, n int) string {
	s := strconv.Itoa(v)
	if n >= 2 && len(s) < 2 {
		s = "0" + s
	}
	return s
}
