package sheets

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// A Cell is what one cell shows.
type Cell struct {
	Value   any  // nil, string, float64 or bool; dates are serial numbers, an error is its text ("#N/A")
	Formula bool // the value comes from a formula, here or spilled from another cell; only exact reads know
	Error   bool // the formula failed, or is still loading
}

// Blank says whether nothing can be seen in the cell; white space alone is nothing.
func (c Cell) Blank() bool {
	if c.Value == nil {
		return true
	}
	s, ok := c.Value.(string)
	return ok && strings.TrimSpace(s) == ""
}

// An Anchor is what a row is recognised by: a hash over some of its cells. It is comparable; the
// zero Anchor is nobody's. As text it is 32 hex digits.
type Anchor [16]byte

// IsZero says whether the anchor was never set.
func (a Anchor) IsZero() bool { return a == Anchor{} }

// String is the anchor as 32 hex digits.
func (a Anchor) String() string { return hex.EncodeToString(a[:]) }

// MarshalText is [Anchor.String]; the zero Anchor is empty text.
func (a Anchor) MarshalText() ([]byte, error) {
	if a.IsZero() {
		return []byte{}, nil
	}
	return []byte(a.String()), nil
}

// UnmarshalText reads what [Anchor.MarshalText] writes.
func (a *Anchor) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*a = Anchor{}
		return nil
	}
	if len(text) != 2*len(a) {
		return fmt.Errorf("anchor: %d characters, want %d", len(text), 2*len(a))
	}
	var b Anchor
	if _, err := hex.Decode(b[:], text); err != nil {
		return fmt.Errorf("anchor: %w", err)
	}
	*a = b
	return nil
}

// AnchorOf is the anchor of a row by its input cells, given in the order of their columns.
// It sees unformatted values with their type: the text 1 and the number 1 differ; nothing, empty text and
// white space are the same, so a ragged row equals a padded one. What a formula shows counts, not the formula.
func AnchorOf(inputs []Cell) Anchor { return hash(inputs, nil) }

// RowHashOf is the hash of a whole row, cells[0] being column A, without the columns that skip names: those
// that a job writes. It tells rows with the same inputs apart, and is never a reason to write.
func RowHashOf(cells []Cell, skip func(col int) bool) Anchor { return hash(cells, skip) }

func hash(cells []Cell, skip func(int) bool) Anchor {
	h := sha256.New()
	var head [13]byte
	for i, c := range cells {
		if c.Blank() || skip != nil && skip(i) {
			continue
		}
		binary.BigEndian.PutUint32(head[:4], uint32(i))
		switch v := c.Value.(type) {
		case string:
			head[4] = 's'
			binary.BigEndian.PutUint64(head[5:], uint64(len(v)))
			h.Write(head[:])
			h.Write([]byte(v))
		case float64:
			head[4] = 'n'
			binary.BigEndian.PutUint64(head[5:], math.Float64bits(v+0)) // +0: minus zero is zero
			h.Write(head[:])
		case bool:
			head[4] = 'b'
			n := uint64(0)
			if v {
				n = 1
			}
			binary.BigEndian.PutUint64(head[5:], n)
			h.Write(head[:])
		default:
			head[4] = '?'
			s := fmt.Sprint(v)
			binary.BigEndian.PutUint64(head[5:], uint64(len(s)))
			h.Write(head[:])
			h.Write([]byte(s))
		}
	}
	return Anchor(h.Sum(nil)[:16])
}

// Eligible says whether a row's inputs are worth asking about: something stands in them, and none of
// them is an error or still loading.
func Eligible(inputs []Cell) bool {
	some := false
	for _, c := range inputs {
		if c.Error || failed(c.Value) {
			return false
		}
		some = some || !c.Blank()
	}
	return some
}

// errorTexts are what a failed formula shows, by the type the API gives it. An import that was made by another
// program leaves the same texts behind as plain strings.
var errorTexts = map[string]string{
	"NULL_VALUE": "#NULL!", "DIVIDE_BY_ZERO": "#DIV/0!", "VALUE": "#VALUE!", "REF": "#REF!", "NAME": "#NAME?",
	"NUM": "#NUM!", "N_A": "#N/A", "ERROR": "#ERROR!", "LOADING": "Loading...",
}

// failed says whether a value is the text of a failed or unfinished formula.
func failed(v any) bool {
	s, ok := v.(string)
	if !ok || s == "" || s[0] != '#' && s[0] != 'L' {
		return false
	}
	switch s {
	case "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#ERROR!", "#SPILL!", "#CALC!",
		"Loading...", "Loading…":
		return true
	}
	return false
}
