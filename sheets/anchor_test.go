package sheets

import (
	"encoding/json"
	"math"
	"testing"
)

func cellsOf(vs ...any) []Cell {
	out := make([]Cell, len(vs))
	for i, v := range vs {
		out[i] = Cell{Value: v}
	}
	return out
}

func TestAnchors(t *testing.T) {
	a := AnchorOf(cellsOf("Ada", "Lovelace", nil))
	for name, same := range map[string][]Cell{
		"ragged": cellsOf("Ada", "Lovelace"), "empty text": cellsOf("Ada", "Lovelace", ""), "white space": cellsOf("Ada", "Lovelace", " \t"),
		"formulas": {{Value: "Ada", Formula: true}, {Value: "Lovelace"}},
	} {
		if AnchorOf(same) != a {
			t.Errorf("%s: another anchor", name)
		}
	}
	all := map[Anchor]string{}
	for name, cells := range map[string][]Cell{
		"a": cellsOf("Ada", "Lovelace"), "swapped": cellsOf("Lovelace", "Ada"), "joined": cellsOf("AdaLovelace"), "shifted": cellsOf("Ada", nil, "Lovelace"),
		"1": cellsOf(1.0), "text 1": cellsOf("1"), "true": cellsOf(true), "text true": cellsOf("TRUE"), "0": cellsOf(0.0), "false": cellsOf(false), "nothing": nil,
		"case": cellsOf("ada", "Lovelace"), "split": cellsOf("Ad", "aLovelace"),
	} {
		h := AnchorOf(cells)
		if other, ok := all[h]; ok {
			t.Errorf("%s and %s have one anchor", name, other)
		}
		all[h] = name
	}
	minus := math.Copysign(0, -1)
	if AnchorOf(cellsOf(minus)) != AnchorOf(cellsOf(0.0)) {
		t.Error("minus zero is not zero")
	}
	skip := func(c int) bool { return c == 1 }
	if RowHashOf(cellsOf("x", "y", "z"), skip) != RowHashOf(cellsOf("x", "other", "z"), skip) {
		t.Error("a skipped column counts")
	}
	if RowHashOf(cellsOf("x", "y", "z"), skip) == RowHashOf(cellsOf("x", "y", "w"), skip) {
		t.Error("a column that isn't skipped doesn't count")
	}
	// The format is kept in stores: it must never change.
	if got := AnchorOf(cellsOf("Ada", 1.5, true)).String(); got != "3b3365a3e7bcb4876889fd978f97905a" {
		t.Errorf("the anchor's format changed: %s", got)
	}
}

func TestAnchorText(t *testing.T) {
	type doc struct{ A, B Anchor }
	in := doc{A: AnchorOf(cellsOf("x"))}
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out doc
	if err := json.Unmarshal(raw, &out); err != nil || out != in {
		t.Fatalf("%s → %+v, %v", raw, out, err)
	}
	for _, bad := range []string{`{"A":"12"}`, `{"A":"zz345678901234567890123456789012"}`} {
		if json.Unmarshal([]byte(bad), &out) == nil {
			t.Errorf("%s is an anchor", bad)
		}
	}
}

func TestEligible(t *testing.T) {
	for _, c := range []struct {
		cells []Cell
		want  bool
	}{
		{nil, false}, {cellsOf(nil, "", "  "), false}, {cellsOf("x", nil), true}, {cellsOf(0.0), true}, {cellsOf(false), true},
		{cellsOf("x", "#N/A"), false}, {cellsOf("Loading..."), false}, {cellsOf("Loading…", "x"), false},
		{[]Cell{{Value: "odd", Error: true}}, false}, {cellsOf("#hashtag"), true}, {cellsOf("Loading dock"), true},
	} {
		if got := Eligible(c.cells); got != c.want {
			t.Errorf("Eligible(%v) = %v", c.cells, got)
		}
	}
}
