package sheets

import (
	"math"
	"strings"
	"testing"
)

func TestTypedOf(t *testing.T) {
	for _, c := range []struct {
		format Format
		in     any
		value  any
		want   numberFormat
		reason string
	}{
		{FormatText, "plain", "plain", numberFormat{}, ""},
		{FormatText, "=1", "=1", plainText, ""}, {FormatText, "+49", "+49", plainText, ""}, {FormatText, "@x", "@x", plainText, ""}, {FormatText, "-", "-", plainText, ""},
		{FormatText, "'x", "'x", plainText, ""}, {FormatText, "007", "007", plainText, ""}, {FormatText, "1-2", "1-2", plainText, ""}, {FormatText, "True", "True", plainText, ""},
		{FormatText, "€5", "€5", plainText, ""}, {FormatText, "٣", "٣", plainText, ""}, {FormatText, "\t=1", "\t=1", plainText, ""}, {FormatURL, "https://x.example", "https://x.example", numberFormat{}, ""},
		{FormatID, "abc", "abc", plainText, ""}, {FormatID, 1e15, "1000000000000000", plainText, ""},
		{FormatNumber, 3, 3.0, numberFormat{}, ""}, {FormatNumber, int64(3), 3.0, numberFormat{}, ""}, {FormatNumber, "about 3", "about 3", numberFormat{}, ""},
		{FormatFlag, true, true, numberFormat{}, ""},
		{FormatDate, "1900-01-01", 2.0, dateFormat, ""}, {FormatDate, "2024-02-30", "2024-02-30", plainText, ""}, {FormatDate, "1850-01-01", "1850-01-01", plainText, ""},
		{FormatMoment, "1970-01-01T12:00:00Z", 25569.5, timeFormat, ""}, {FormatMoment, "soon", "soon", numberFormat{}, ""},
		{FormatText, "", nil, numberFormat{}, ""}, {FormatText, "\x00 \n", nil, numberFormat{}, ""}, {FormatText, nil, nil, numberFormat{}, ""},
		{FormatNumber, math.NaN(), nil, numberFormat{}, ReasonBadValue}, {FormatNumber, math.Inf(-1), nil, numberFormat{}, ReasonBadValue}, {FormatText, []string{"x"}, nil, numberFormat{}, ReasonBadValue},
		{FormatText, strings.Repeat("ü", 50_000), strings.Repeat("ü", 50_000), numberFormat{}, ""}, {FormatText, strings.Repeat("😀", 25_001), nil, numberFormat{}, ReasonTooLong},
	} {
		got, reason := typedOf(c.format, c.in)
		if got.value != c.value || got.want != c.want || reason != c.reason {
			t.Errorf("%s %.30v: %.30v %v %q", c.format, c.in, got.value, got.want, reason)
		}
	}
}

func TestSerialTime(t *testing.T) {
	for _, day := range []string{"1900-01-01", "1999-12-31", "2024-02-29", "9999-12-31"} {
		n, ok := dateSerial(day)
		if got := FormatDate.Text(n); !ok || got != day {
			t.Errorf("%s → %v → %s", day, n, got)
		}
	}
	for _, moment := range []string{"2024-02-29T23:59:59Z", "2000-01-01T00:00:01Z"} {
		n, ok := momentSerial(moment)
		if got := FormatMoment.Text(n); !ok || got != moment {
			t.Errorf("%s → %v → %s", moment, n, got)
		}
	}
	for _, n := range []float64{-1, 0, 1e9, math.NaN()} {
		if at, ok := SerialTime(n); ok {
			t.Errorf("%v is %v", n, at)
		}
	}
	if FormatNumber.Text(45000.0) != "45000" || FormatText.Text(1e21) != "1000000000000000000000" || FormatText.Text(nil) != "" {
		t.Error("numbers as text")
	}
}
