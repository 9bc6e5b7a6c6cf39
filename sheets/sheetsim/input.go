package sheetsim

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// An entry is what typing a text into a cell makes of it.
type entry struct {
	value
	format string // the number format that typing it brings along, as JSON; "" for none
}

// typed parses a text as if a person had typed it (USER_ENTERED), in the en_US way: "007" is 7, "50%" is 0.5,
// "$1,200.50" an amount, "1-2" a date of this year, "TRUE" a boolean, "=…" a formula, and a leading apostrophe
// keeps a text as it is.
func typed(s string, now time.Time) entry {
	switch {
	case s == "":
		return entry{}
	case s[0] == '\'':
		return entry{value: text(s[1:])}
	case s[0] == '=' && len(s) > 1:
		return entry{value: value{k: kFormula, s: s}}
	}
	t := strings.TrimSpace(s)
	switch strings.ToUpper(t) {
	case "":
		return entry{value: text(s)}
	case "TRUE":
		return entry{value: boolean(true)}
	case "FALSE":
		return entry{value: boolean(false)}
	}
	if len(t) <= 40 && strings.ContainsAny(t, "0123456789") {
		if e, ok := typedNumber(t); ok {
			return e
		}
		if e, ok := typedTime(t, now); ok {
			return e
		}
	}
	return entry{value: text(s)}
}

func typedNumber(t string) (entry, bool) {
	format := ""
	neg := false
	if strings.HasPrefix(t, "(") && strings.HasSuffix(t, ")") {
		t, neg = t[1:len(t)-1], true
	}
	if t != "" && (t[0] == '-' || t[0] == '+') {
		neg = neg != (t[0] == '-')
		t = t[1:]
	}
	for _, sign := range []string{"$", "€", "£"} {
		if rest, ok := strings.CutPrefix(t, sign); ok {
			t = rest
			pattern := `"` + sign + `"#,##0`
			if strings.Contains(t, ".") {
				pattern += ".00"
			}
			format = formatJSON("CURRENCY", pattern)
			break
		}
	}
	percent := false
	if rest, ok := strings.CutSuffix(t, "%"); ok && format == "" {
		t, percent = strings.TrimSpace(rest), true
		format = formatJSON("PERCENT", "0%")
		if strings.Contains(t, ".") {
			format = formatJSON("PERCENT", "0.00%")
		}
	}
	plain, ok := ungroup(t)
	if !ok {
		return entry{}, false
	}
	f, err := strconv.ParseFloat(plain, 64)
	if err != nil || math.IsInf(f, 0) {
		return entry{}, false
	}
	if format == "" && plain != t {
		format = formatJSON("NUMBER", "#,##0")
		if strings.Contains(t, ".") {
			format = formatJSON("NUMBER", "#,##0.00")
		}
	}
	if format == "" && strings.ContainsAny(t, "eE") {
		format = formatJSON("SCIENTIFIC", "0.00E+00")
	}
	if percent {
		f /= 100
	}
	if neg {
		f = -f
	}
	return entry{value: number(f), format: format}, true
}

// ungroup takes thousands separators out of a plain decimal number. Anything else than digits, separators, one point and
// an exponent is refused.
func ungroup(t string) (string, bool) {
	mant, exp, hasExp := strings.Cut(strings.ToLower(t), "e")
	in, dec, _ := strings.Cut(mant, ".")
	if in == "" && dec == "" || !digits(dec) {
		return "", false
	}
	if hasExp {
		if exp != "" && (exp[0] == '-' || exp[0] == '+') {
			exp = exp[1:]
		}
		if exp == "" || !digits(exp) {
			return "", false
		}
	}
	parts := strings.Split(in, ",")
	for i, p := range parts {
		if !digits(p) || i > 0 && len(p) != 3 || i == 0 && len(parts) > 1 && (p == "" || len(p) > 3) {
			return "", false
		}
	}
	return strings.ReplaceAll(t, ",", ""), true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// dateLayouts are the dates that are recognised, with the pattern that each brings along. Layouts of Go.
var dateLayouts = []struct {
	layout, pattern string
	noYear          bool
}{
	{"2006-1-2", "yyyy-mm-dd", false},
	{"2006/1/2", "yyyy/mm/dd", false},
	{"1/2/2006", "M/d/yyyy", false},
	{"1-2-2006", "M-d-yyyy", false},
	{"1/2/06", "M/d/yy", false},
	{"Jan 2, 2006", "mmm d, yyyy", false},
	{"January 2, 2006", "mmmm d, yyyy", false},
	{"2 Jan 2006", "d mmm yyyy", false},
	{"2-Jan-2006", "d-mmm-yyyy", false},
	{"2 January 2006", "d mmmm yyyy", false},
	{"1/2", "M/d", true},
	{"1-2", "M-d", true},
	{"Jan 2", "mmm d", true},
	{"2 Jan", "d mmm", true},
	{"2-Jan", "d-mmm", true},
}

var clockLayouts = []struct{ layout, pattern string }{
	{"15:04:05", "H:mm:ss"},
	{"15:04", "H:mm"},
	{"3:04:05 PM", "h:mm:ss am/pm"},
	{"3:04 PM", "h:mm am/pm"},
	{"3:04PM", "h:mm am/pm"},
	{"3 PM", "h am/pm"},
}

func typedTime(t string, now time.Time) (entry, bool) {
	date, clock := t, ""
	for _, sep := range []string{" ", "T"} {
		if i := strings.Index(t, sep); i > 0 && strings.Contains(t[i:], ":") && strings.ContainsAny(t[:i], "-/") {
			date, clock = t[:i], strings.TrimSuffix(t[i+1:], "Z")
			break
		}
	}
	for _, l := range dateLayouts {
		d, err := time.Parse(l.layout, date)
		if err != nil {
			continue
		}
		if l.noYear {
			d = time.Date(now.Year(), d.Month(), d.Day(), 0, 0, 0, 0, time.UTC)
		}
		if clock == "" {
			return entry{value: number(timeSerial(d)), format: formatJSON("DATE", l.pattern)}, true
		}
		part, pattern, ok := typedClock(clock)
		if !ok {
			return entry{}, false
		}
		return entry{value: number(timeSerial(d) + part), format: formatJSON("DATE_TIME", l.pattern+" "+pattern)}, true
	}
	if part, pattern, ok := typedClock(t); ok {
		return entry{value: number(part), format: formatJSON("TIME", pattern)}, true
	}
	return entry{}, false
}

func typedClock(t string) (float64, string, bool) {
	for _, l := range clockLayouts {
		if c, err := time.Parse(l.layout, strings.ToUpper(t)); err == nil {
			return float64(c.Hour()*3600+c.Minute()*60+c.Second()) / 86400, l.pattern, true
		}
	}
	return 0, "", false
}

func formatJSON(typ, pattern string) string {
	return string(appendJSON(nil, map[string]any{"numberFormat": map[string]any{"type": typ, "pattern": pattern}}))
}
