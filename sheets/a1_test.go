package sheets

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseRange(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Range
		text string // as String writes it, when it differs
	}{
		{"A1", Range{"", 0, 1, 0, 1}, ""},
		{"$B$2", Range{"", 1, 2, 1, 2}, "B2"},
		{"b2:f500", Range{"", 1, 500, 1, 6}, "B2:F500"},
		{"F500:B2", Range{"", 1, 500, 1, 6}, "B2:F500"},
		{"A2:F", Range{"", 1, -1, 0, 6}, ""},
		{"F:A2", Range{"", 1, -1, 0, 6}, "A2:F"},
		{"2:500", Range{"", 1, 500, 0, -1}, ""},
		{"$2:$500", Range{"", 1, 500, 0, -1}, "2:500"},
		{"B2:500", Range{"", 1, 500, 1, -1}, ""},
		{"A:C", Range{"", 0, -1, 0, 3}, ""},
		{"C:C", Range{"", 0, -1, 2, 3}, ""},
		{"A:ZZZ", Range{"", 0, -1, 0, -1}, ""},
		{"B3:ZZZ", Range{"", 2, -1, 1, -1}, ""},
		{"7:7", Range{"", 6, 7, 0, -1}, ""},
		{" A1:B2 ", Range{"", 0, 2, 0, 2}, "A1:B2"},
		{"Leads!A2:F", Range{"Leads", 1, -1, 0, 6}, ""},
		{"My Sheet!A1", Range{"My Sheet", 0, 1, 0, 1}, "'My Sheet'!A1"},
		{"'It''s'!A1", Range{"It's", 0, 1, 0, 1}, ""},
		{"'a!b:c'!A1:B", Range{"a!b:c", 0, -1, 0, 2}, "'a!b:c'!A:B"},
		{"'A1'!B2", Range{"A1", 1, 2, 1, 2}, ""},
		{"'R1C1'!B2", Range{"R1C1", 1, 2, 1, 2}, ""},
		{"'Leads'", Range{"Leads", 0, -1, 0, -1}, ""},
		{"Kunden_2024!C3", Range{"Kunden_2024", 2, 3, 2, 3}, ""},
		{"'Übersicht'!A1", Range{"Übersicht", 0, 1, 0, 1}, ""},
		{"RC1", Range{"", 0, 1, 470, 471}, ""},
		{"A10000000", Range{"", MaxRows - 1, MaxRows, 0, 1}, ""},
	} {
		got, err := ParseRange(c.in)
		if err != nil || got != c.want {
			t.Errorf("ParseRange(%q) = %+v, %v; want %+v", c.in, got, err, c.want)
			continue
		}
		text := c.text
		if text == "" {
			text = c.in
		}
		if got.String() != text {
			t.Errorf("%q: String() = %q, want %q", c.in, got.String(), text)
		}
	}
}

func TestParseRangeRefuses(t *testing.T) {
	for _, in := range []string{
		"", " ", ":", "A", "5", "A1:", ":B2", "A1:B2:C3", "A0", "0:5", "AAAA1", "A10000001", "1A", "A-1", "A1,B2",
		"R1C1", "R1C1:R2C2", "R[1]C[2]", "r2c3", "Leads!", "!A1", "'Leads", "'Leads'A1", "''!A1", "It's!A1", "Leads", "A$", "$", "$$1", "A1 B2", "=A1",
		"'x\x00'!A1", "\xff!A1", "'" + strings.Repeat("x", 300) + "'!A1", "A1:B99999999999999999999",
	} {
		got, err := ParseRange(in)
		if err == nil {
			t.Errorf("ParseRange(%q) = %+v, want an error", in, got)
		} else if !errors.Is(err, ErrRange) {
			t.Errorf("ParseRange(%q): %v is no ErrRange", in, err)
		}
	}
	if _, err := ParseRange("R1C1"); err == nil || !strings.Contains(err.Error(), "R1C1 notation") {
		t.Errorf("R1C1 should be named: %v", err)
	}
}

func TestColumns(t *testing.T) {
	for i, name := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA", MaxColumns - 1: "ZZZ"} {
		if got := ColumnName(i); got != name {
			t.Errorf("ColumnName(%d) = %q, want %q", i, got, name)
		}
		if got, err := ParseColumn(strings.ToLower(name)); err != nil || got != i {
			t.Errorf("ParseColumn(%q) = %d, %v; want %d", name, got, err, i)
		}
	}
	for _, bad := range []string{"", "A1", "AAAA", "Ä", "-"} {
		if _, err := ParseColumn(bad); !errors.Is(err, ErrRange) {
			t.Errorf("ParseColumn(%q): %v", bad, err)
		}
	}
	if ColumnName(-1) != "" {
		t.Error("a negative column has a name")
	}
}

func drawRange(t *rapid.T) Range {
	r := Range{
		Sheet:    rapid.OneOf(rapid.Just(""), rapid.SampledFrom([]string{"It's", "A1", "R1C1", "a b", "TRUE", "Übersicht", "'", "!", "Leads", "x:y", "ABCD1"}), rapid.StringMatching(`[^\x00-\x1f\x7f-\x9f]{1,20}`)).Draw(t, "sheet"),
		StartRow: rapid.IntRange(0, 5000).Draw(t, "row"),
		StartCol: rapid.IntRange(0, 800).Draw(t, "col"),
	}
	r.EndRow, r.EndCol = r.StartRow+rapid.IntRange(1, 5000).Draw(t, "rows"), r.StartCol+rapid.IntRange(1, 800).Draw(t, "cols")
	if rapid.Bool().Draw(t, "to the bottom") {
		r.EndRow = -1
	}
	if rapid.Bool().Draw(t, "to the right") {
		r.EndCol = -1
	}
	if rapid.Bool().Draw(t, "from the top") && r.EndRow < 0 {
		r.StartRow = 0
	}
	if rapid.Bool().Draw(t, "from the left") && r.EndCol < 0 {
		r.StartCol = 0
	}
	return r
}

func TestRangeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRange(t)
		got, err := ParseRange(r.String())
		if err != nil || got != r {
			t.Fatalf("%+v → %q → %+v, %v", r, r.String(), got, err)
		}
	})
}

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"A1", "A2:F", "2:500", "A:C", "'It''s'!A1", "Leads!$B$2:C", "R1C1", "'", "A:ZZZ", "!!", "B2:500"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRange(s)
		if err != nil {
			if !errors.Is(err, ErrRange) {
				t.Fatalf("%q: %v is no ErrRange", s, err)
			}
			return
		}
		if r.StartRow < 0 || r.StartCol < 0 || r.EndRow != -1 && r.EndRow <= r.StartRow || r.EndCol != -1 && r.EndCol <= r.StartCol {
			t.Fatalf("%q → %+v", s, r)
		}
		again, err := ParseRange(r.String())
		if err != nil || again != r {
			t.Fatalf("%q → %+v → %q → %+v, %v", s, r, r.String(), again, err)
		}
	})
}
