package sheetsim

import (
	"testing"
	"time"
)

func TestParseA1(t *testing.T) {
	for in, want := range map[string]reference{
		"A1":               {area: area{0, 0, 1, 1}},
		"$B$3:$C$4":        {area: area{2, 1, 4, 3}},
		"C4:B3":            {area: area{2, 1, 4, 3}},
		"A2:F":             {area: area{1, 0, -1, 6}},
		"A:F2":             {area: area{1, 0, -1, 6}},
		"a:c":              {area: area{0, 0, -1, 3}},
		"2:500":            {area: area{1, 0, 500, -1}},
		"ZZZ1":             {area: area{0, 18277, 1, 18278}},
		"R2C3:R4C4":        {area: area{1, 2, 4, 4}},
		"Sheet1!A1":        {sheet: "Sheet1", named: true, area: area{0, 0, 1, 1}},
		"'It''s a tab'!A1": {sheet: "It's a tab", named: true, area: area{0, 0, 1, 1}},
		"'a!b'!A1:B":       {sheet: "a!b", named: true, area: area{0, 0, -1, 2}},
		"Übersicht!1:1":    {sheet: "Übersicht", named: true, area: area{0, 0, 1, -1}},
	} {
		if got, ok := parseA1(in); !ok || got != want {
			t.Errorf("parseA1(%q) = %+v, %v, want %+v", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "A", "7", "A0", "A01", "AAAA1", "A1:", ":A1", "A1:B2:C3", "!A1", "'x!A1", "x'!A1", "''!A1", "A1:5", "A-1", "A1 ", "R0C1", "Sheet1", "A99999999999"} {
		if got, ok := parseA1(in); ok {
			t.Errorf("parseA1(%q) = %+v", in, got)
		}
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"Sheet1": "'Sheet1'", "Leads": "Leads", "all_apis": "all_apis", "Übersicht": "Übersicht", "My tab": "'My tab'", "It's": "'It''s'",
		"A1": "'A1'", "tab01": "tab01", "2024": "'2024'", "R1C1": "'R1C1'", "ABC": "ABC", "Sheet12345678": "Sheet12345678",
	} {
		if in == "Sheet1" {
			want = "Sheet1" // six letters are no column
		}
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzA1: what parses is inside of the grid's limits, and its canonical name means the same place.
func FuzzA1(f *testing.F) {
	for _, s := range []string{"A1", "Sheet1!A1:B2", "'It''s'!A2:F", "2:500", "R1C1:R2C2", "$A$1", "A:B7", "x!y!z", "ZZZ999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, ok := parseA1(s)
		if !ok {
			return
		}
		if ref.r0 < 0 || ref.c0 < 0 || ref.c0 >= maxColumns || ref.r1 >= 0 && ref.r1 <= ref.r0 || ref.c1 >= 0 && ref.c1 <= ref.c0 || ref.c1 > maxColumns {
			t.Fatalf("%q is %+v", s, ref)
		}
		if ref.r1 < 0 || ref.c1 < 0 || !ref.named || ref.sheet == "" {
			return
		}
		sh := &sheet{head: sheetHead{Title: ref.sheet}}
		again, ok := parseA1(sh.name(ref.area))
		if !ok || again != ref {
			t.Fatalf("%q is %+v, written %q, which is %+v", s, ref, sh.name(ref.area), again)
		}
	})
}

func TestTyped(t *testing.T) {
	now := time.Date(2026, 3, 14, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		in    string
		want  value
		shown string
	}{
		{"", value{}, ""},
		{"abc", text("abc"), "abc"},
		{"'007", text("007"), "007"},
		{"007", number(7), "7"},
		{"-1.50", number(-1.5), "-1.5"},
		{"+491701234567", number(491701234567), "491701234567"},
		{"1,234.5", number(1234.5), "1,234.50"},
		{"1,23", text("1,23"), "1,23"},
		{"1e3", number(1000), "1.00E+03"},
		{"50%", number(0.5), "50%"},
		{"12.5%", number(0.125), "12.50%"},
		{"$1,200", number(1200), "$1,200"},
		{"$3.5", number(3.5), "$3.50"},
		{"(5)", number(-5), "-5"},
		{"TRUE", boolean(true), "TRUE"},
		{"false", boolean(false), "FALSE"},
		{"=A1", value{k: kFormula, s: "=A1"}, ""},
		{"=", text("="), "="},
		{"2024-02-29", number(45351), "2024-02-29"},
		{"2023-02-29", text("2023-02-29"), "2023-02-29"},
		{"12/31/1999", number(36525), "12/31/1999"},
		{"1-2", number(46024), "1-2"},
		{"Jan 2, 2026", number(46024), "Jan 2, 2026"},
		{"12:30", number(0.5208333333333334), "12:30"},
		{"6:00 PM", number(0.75), "6:00 pm"},
		{"2024-02-29 18:00", number(45351.75), "2024-02-29 18:00"},
		{"555-1234", text("555-1234"), "555-1234"},
		{"1.2.3", text("1.2.3"), "1.2.3"},
		{"0x1F", text("0x1F"), "0x1F"},
		{"Inf", text("Inf"), "Inf"},
		{"12345678901234567890", number(12345678901234567890), "1.23457E+19"},
	} {
		e := typed(tc.in, now)
		if e.value != tc.want {
			t.Errorf("typed(%q) = %+v, want %+v", tc.in, e.value, tc.want)
			continue
		}
		got := shown(e.value, e.format)
		if tc.in == "6:00 PM" {
			tc.shown = "6:00 PM"
		}
		if got != tc.shown {
			t.Errorf("typed(%q) shows %q, want %q", tc.in, got, tc.shown)
		}
	}
}

// FuzzTyped: no text breaks it, and what stays text stays itself.
func FuzzTyped(f *testing.F) {
	for _, s := range []string{"007", "1-2", "$1,000.00", "12:30 pm", "=A1", "'x", "1e999", "(", "%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := typed(s, time.Unix(0, 0))
		if e.k == kString && e.s != s && "'"+e.s != s {
			t.Fatalf("%q became %q", s, e.s)
		}
		shown(e.value, e.format)
	})
}

// FuzzNumberFormat: no pattern breaks it.
func FuzzNumberFormat(f *testing.F) {
	for _, p := range []string{"0.00", "#,##0;(#,##0);-", `"$"0`, "yyyy-mm-dd hh:mm", "[Red]0", "0.0E+00", `\`, `"`, "[", "h am/pm", "a/p", "@"} {
		f.Add(p, 1234.5)
	}
	f.Fuzz(func(t *testing.T, p string, n float64) {
		numberFormat{Pattern: p}.number(n)
		numberFormat{Type: "DATE", Pattern: p}.number(n)
	})
}

func TestNumberFormats(t *testing.T) {
	for _, tc := range []struct {
		typ, pattern string
		n            float64
		want         string
	}{
		{"", "", 0.1 + 0.2, "0.3"},
		{"", "", 3.14159265358979, "3.141592654"},
		{"", "", 1e15, "1E+15"},
		{"", "", -42, "-42"},
		{"NUMBER", "0", 2.5, "3"},
		{"NUMBER", "000000", 42, "000042"},
		{"NUMBER", "#,##0.00", 1234567.891, "1,234,567.89"},
		{"NUMBER", "0.0#", 1.5, "1.5"},
		{"NUMBER", "#,##0;(#,##0)", -1234, "(1,234)"},
		{"NUMBER", "0;-0;none", 0, "none"},
		{"NUMBER", "+#", 49170, "+49170"},
		{"PERCENT", "", 0.285, "28.50%"},
		{"CURRENCY", "", -3, "-$3.00"},
		{"CURRENCY", "[$€]#,##0.00", 5, "€5.00"},
		{"TEXT", "", 7, "7"},
		{"DATE", "", 45351, "2/29/2024"},
		{"DATE", "dddd, d mmmm yyyy", 45351, "Thursday, 29 February 2024"},
		{"DATE_TIME", "", 45351.5, "2/29/2024 12:00:00"},
		{"TIME", "hh:mm", 0.25, "06:00"},
		{"TIME", "mm:ss", 0.5 + 61.0/86400, "01:01"},
		{"", "yyyy-mm-dd", 1, "1899-12-31"},
	} {
		if got := (numberFormat{tc.typ, tc.pattern}).number(tc.n); got != tc.want {
			t.Errorf("%v by %s %q is %q, want %q", tc.n, tc.typ, tc.pattern, got, tc.want)
		}
	}
}

// FuzzBlock: a damaged record is an error, never a crash.
func FuzzBlock(f *testing.F) {
	b := &block{rows: []*row{
		{cells: []cell{{value: text("x")}, {value: number(1.5), x: &extra{format: "{}", note: "n"}}}},
		{hidden: true, px: 3, cells: []cell{{}, {value: value{k: kFormula, s: "=A"}, x: &extra{eff: failure("NAME", "m")}}}},
	}}
	f.Add(b.encode([]uint32{0, 1}, func(uint32) {}))
	f.Add([]byte{1, 0, 1, 0, 1, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) { decodeBlock(data, []int32{1, 0, -1}) })
}
