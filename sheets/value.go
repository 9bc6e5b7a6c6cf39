package sheets

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gsheets "google.golang.org/api/sheets/v4"
)

// A Format says what a column's values are and how its cells show them.
type Format string

// The formats. Any other, and none, is treated as FormatText.
const (
	FormatText   Format = "text"   // strings as they are
	FormatNumber Format = "number" // float64
	FormatFlag   Format = "flag"   // bool
	FormatDate   Format = "date"   // a string 2006-01-02, stored as a date
	FormatMoment Format = "moment" // a string in RFC 3339, stored as date and time in UTC
	FormatID     Format = "id"     // digits or letters that must not become a number: phones, postal codes
	FormatURL    Format = "url"    // a string
	FormatList   Format = "list"   // a string, items joined with "; "
)

// maxCell is how many characters a cell takes; Google counts UTF-16 units and answers one more with 400.
const maxCell = 50_000

// numberFormat is the number format of a cell: its type in the API and its pattern. The zero value is automatic.
type numberFormat struct{ kind, pattern string }

var (
	plainText  = numberFormat{"TEXT", "@"}
	dateFormat = numberFormat{"DATE", "yyyy-mm-dd"}
	timeFormat = numberFormat{"DATE_TIME", "yyyy-mm-dd hh:mm:ss"}
)

// typed is a value as it goes into a cell.
type typed struct {
	value any          // string, float64 or bool; nil: nothing to write
	want  numberFormat // what the cell needs; zero: see fits
}

// typedOf turns a value of a column into what is stored. A reason says why it can't be written.
func typedOf(f Format, v any) (t typed, reason string) {
	switch x := v.(type) {
	case nil:
		return typed{}, ""
	case bool:
		return typed{value: x}, ""
	case int:
		return typedOf(f, float64(x))
	case int64:
		return typedOf(f, float64(x))
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return typed{}, ReasonBadValue
		}
		if f == FormatID {
			return typed{value: strconv.FormatFloat(x, 'f', -1, 64), want: plainText}, ""
		}
		return typed{value: x}, ""
	case string:
		s := cleanText(x)
		if strings.TrimSpace(s) == "" {
			return typed{}, ""
		}
		if utf16Len(s) > maxCell {
			return typed{}, ReasonTooLong
		}
		switch f {
		case FormatDate:
			if n, ok := dateSerial(s); ok {
				return typed{value: n, want: dateFormat}, ""
			}
		case FormatMoment:
			if n, ok := momentSerial(s); ok {
				return typed{value: n, want: timeFormat}, ""
			}
		case FormatID:
			return typed{value: s, want: plainText}, ""
		}
		if wouldChange(s) {
			return typed{value: s, want: plainText}, ""
		}
		return typed{value: s}, ""
	}
	return typed{}, ReasonBadValue
}

// format is the number format to send for a value in a cell that has one already; send is false where the cell's own is
// good: a person's choice of how dates look stays.
func (t typed) format(has numberFormat) (f numberFormat, send bool) {
	switch t.want {
	case plainText:
		return plainText, has.kind != "TEXT"
	case dateFormat:
		return dateFormat, has.kind != "DATE" && has.kind != "DATE_TIME"
	case timeFormat:
		return timeFormat, has.kind != "DATE_TIME"
	}
	if _, number := t.value.(float64); number {
		switch has.kind {
		case "DATE", "TIME", "DATE_TIME", "TEXT":
			return numberFormat{}, true // back to automatic: a count must not look like a day
		}
	}
	return numberFormat{}, false
}

// wouldChange says whether a string would turn into something else when a person opens its cell and presses Enter: a formula,
// a number, a date. Such cells are formatted as plain text.
func wouldChange(s string) bool {
	switch c := s[0]; {
	case strings.IndexByte("=+-@'.,($%\t\r\n ", c) >= 0, c >= '0' && c <= '9':
		return true
	}
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.In(r, unicode.Sc, unicode.Nd) || strings.EqualFold(s, "true") || strings.EqualFold(s, "false") ||
		r == '=' || r == '+' || r == '-' || r == '@'
}

// cleanText makes any bytes fit for a cell: invalid UTF-8 and control characters are left out, but for tab and
// newline; carriage returns become newlines.
func cleanText(s string) string {
	ok := utf8.ValidString(s)
	if ok && !strings.ContainsFunc(s, dropped) {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var b strings.Builder
	b.Grow(len(s))
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				continue
			}
		}
		switch {
		case r == '\r':
			b.WriteByte('\n')
		case !dropped(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

func dropped(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\uFEFF' || r == '\uFFFE' || r == '\uFFFF'
}

func utf16Len(s string) int {
	if len(s) <= maxCell {
		return len(s)
	}
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// epoch is day 0 of the serial numbers that spreadsheets keep dates as.
var epoch = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

func dateSerial(s string) (float64, bool) {
	t, err := time.Parse(time.DateOnly, strings.TrimSpace(s))
	if err != nil || t.Year() < 1900 {
		return 0, false
	}
	return float64(t.Unix()-epoch.Unix()) / 86400, true
}

func momentSerial(s string) (float64, bool) {
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(s))
	if err != nil || t.UTC().Year() < 1900 {
		return 0, false
	}
	return float64(t.Unix()-epoch.Unix()) / 86400, true
}

// SerialTime is the time a serial number stands for, to the second, in UTC. Numbers outside the years 1900 to 9999 are not times.
func SerialTime(n float64) (time.Time, bool) {
	if math.IsNaN(n) || n < 1 || n >= 2_958_466 {
		return time.Time{}, false
	}
	return time.Unix(epoch.Unix()+int64(math.Round(n*86400)), 0).UTC(), true
}

// Text is a cell's value as a column of that format means it, for files that have no types: dates as 2006-01-02, moments
// in RFC 3339, numbers without exponent, flags as true and false.
func (f Format) Text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		if t, ok := SerialTime(v); ok {
			switch f {
			case FormatDate:
				return t.Format(time.DateOnly)
			case FormatMoment:
				return t.Format(time.RFC3339)
			}
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// same says whether a cell already shows a value. Numbers may differ by what a detour through decimal text costs.
func same(a, b any) bool {
	x, ok1 := a.(float64)
	y, ok2 := b.(float64)
	if ok1 && ok2 {
		return x == y || math.Abs(x-y) <= 1e-12*max(math.Abs(x), math.Abs(y))
	}
	return a != nil && a == b
}

func wireValue(v any) *gsheets.ExtendedValue {
	switch v := v.(type) {
	case string:
		return &gsheets.ExtendedValue{StringValue: &v}
	case float64:
		return &gsheets.ExtendedValue{NumberValue: &v}
	case bool:
		return &gsheets.ExtendedValue{BoolValue: &v}
	}
	return nil
}
