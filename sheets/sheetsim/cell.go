package sheetsim

import "strings"

// kind is what a cell's value is.
type kind uint8

const (
	kEmpty kind = iota
	kString
	kNumber
	kBool
	kFormula // s is the text with its "="; the effective value stands in extra
	kError   // only as an effective value: s is the message, n the index in errorTypes
)

// errorTypes are the names of the API's ErrorValue.type.
var errorTypes = [...]string{"ERROR_TYPE_UNSPECIFIED", "ERROR", "NULL_VALUE", "DIVIDE_BY_ZERO", "VALUE", "REF", "NAME", "NUM", "N_A", "LOADING"}

// errorTexts are what a cell shows for them.
var errorTexts = [...]string{"#ERROR!", "#ERROR!", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "Loading..."}

// A value is what stands in a cell. A bool is in n: 0 or 1.
type value struct {
	k kind
	s string
	n float64
}

// A cell is a value with the rarer things behind a pointer.
type cell struct {
	value
	x *extra // shared between cells: never changed in place
}

type extra struct {
	format string // userEnteredFormat as canonical JSON, "" for none
	note   string
	opaque string // JSON object of fields that are only kept: dataValidation, textFormatRuns, …
	eff    value  // of a formula
}

var noExtra = &extra{}

func (c *cell) extra() *extra {
	if c.x == nil {
		return noExtra
	}
	return c.x
}

// setExtra changes the rarer things of c by f, on a copy.
func (c *cell) setExtra(f func(*extra)) {
	x := *c.extra()
	f(&x)
	if x == *noExtra {
		c.x = nil
		return
	}
	c.x = &x
}

// setValue changes c's value and, for a formula, its effective value, and leaves the rest.
func (c *cell) setValue(v, eff value) {
	c.value = v
	if c.extra().eff != eff {
		c.setExtra(func(x *extra) { x.eff = eff })
	}
}

func (c *cell) empty() bool { return c.k == kEmpty && c.x == nil }

// effective is the value that the cell stands for: a formula's result, else what was entered.
func (c *cell) effective() value {
	if c.k == kFormula {
		return c.extra().eff
	}
	return c.value
}

// hasValue reports whether reading the cell gives anything. A formula with an empty result counts: it renders as "".
func (c *cell) hasValue() bool { return c.k != kEmpty }

func text(s string) value { return value{k: kString, s: s} }

func number(f float64) value { return value{k: kNumber, n: f} }

func boolean(b bool) value {
	if b {
		return value{k: kBool, n: 1}
	}
	return value{k: kBool}
}

func failure(typ, message string) value {
	for i, t := range errorTypes {
		if t == strings.ToUpper(typ) {
			return value{k: kError, s: message, n: float64(i)}
		}
	}
	return value{k: kError, s: message, n: 1}
}

// A row is one row of a sheet in memory.
type row struct {
	cells  []cell // by column position; may be shorter than the sheet is wide
	hidden bool
	px     int // height in pixels; 0 is the default
}

// at returns the cell in column c, the empty one beyond the end.
func (r *row) at(c int) *cell {
	if r == nil || c >= len(r.cells) {
		return &cell{}
	}
	return &r.cells[c]
}

// edit returns the cell in column c to be changed.
func (r *row) edit(c int) *cell {
	if c >= len(r.cells) {
		if n := len(r.cells); c < cap(r.cells) {
			r.cells = r.cells[:c+1]
			clear(r.cells[n:]) // the room may have been another row's before
		} else {
			grown := make([]cell, c+1, max(c+1, 2*len(r.cells)))
			copy(grown, r.cells)
			r.cells = grown
		}
	}
	return &r.cells[c]
}

// trim drops empty cells from the end.
func (r *row) trim() {
	n := len(r.cells)
	for n > 0 && r.cells[n-1].empty() {
		n--
	}
	clear(r.cells[n:])
	r.cells = r.cells[:n]
}

// width is one past the last column with a value.
func (r *row) width() int {
	if r == nil {
		return 0
	}
	for n := len(r.cells); n > 0; n-- {
		if r.cells[n-1].hasValue() {
			return n
		}
	}
	return 0
}
