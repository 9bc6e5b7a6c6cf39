package tabular

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// plainNumber is what every spreadsheet takes for a number and none for a formula. A phone number in E.164 form is one.
var plainNumber = regexp.MustCompile(`^[+-]?\d+([.,]\d+)?([eE][+-]?\d{1,3})?$`)

// guard puts an apostrophe before text that a spreadsheet might run as a formula.
func guard(s string) (_ string, guarded bool) {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) || plainNumber.MatchString(s) {
		return s, false
	}
	return "'" + s, true
}

// textOf writes a value the way a delimited file holds it. Numbers have a decimal point whatever the delimiter.
func textOf(v any, t Type) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "TRUE"
		}
		return "FALSE"
	case time.Time:
		return dateText(v)
	case float64:
		if t == Date {
			if d, ok := serialDate(v); ok {
				return dateText(d)
			}
		}
		return numberText(v)
	case float32:
		return numberText(float64(v))
	}
	return fmt.Sprint(v)
}

func numberText(v float64) string {
	if a := math.Abs(v); a != 0 && (a >= 1e15 || a < 1e-9) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func dateText(t time.Time) string {
	t = t.UTC()
	if h, m, s := t.Clock(); h+m+s == 0 {
		return t.Format("2006-01-02")
	}
	return t.Format("2006-01-02 15:04:05")
}

// epoch is day zero of serial dates in Sheets and (from March 1900 on) Excel.
var epoch = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

// serialDate turns days since the epoch into a time, to the second; ok is false outside the years that have four digits.
func serialDate(serial float64) (_ time.Time, ok bool) {
	if !(serial > -650_000 && serial < 2_958_466) {
		return time.Time{}, false
	}
	days := math.Floor(serial)
	return epoch.AddDate(0, 0, int(days)).Add(time.Duration(math.Round((serial-days)*86400)) * time.Second), true
}

// dateSerial is the inverse of serialDate.
func dateSerial(t time.Time) float64 { return float64(t.UTC().Unix()-epoch.Unix()) / 86400 }
