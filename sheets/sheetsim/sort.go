package sheetsim

import (
	"regexp"
	"slices"
	"strings"
)

// sortKey orders a cell: numbers, then texts, then booleans, then errors. Empty cells are last either way.
func compareValues(a, b value) int {
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	switch a.k {
	case kNumber, kBool:
		switch {
		case a.n < b.n:
			return -1
		case a.n > b.n:
			return 1
		}
		return 0
	}
	if d := strings.Compare(strings.ToLower(a.s), strings.ToLower(b.s)); d != 0 {
		return d
	}
	return strings.Compare(a.s, b.s)
}

func rank(v value) int {
	switch v.k {
	case kNumber:
		return 0
	case kString:
		return 1
	case kBool:
		return 2
	}
	return 3
}

type sortSpec struct {
	col  int
	desc bool
}

// sortRange sorts the rows of a range, stably. Cells go as a whole, with format and note; row metadata goes with its row
// (measured by others against Google's API); heights and hiding stay where they are.
func sortRange(b *book, in map[string]any) error {
	s, a, err := b.gridRangeInside(object(in, "range"))
	if err != nil {
		return err
	}
	var specs []sortSpec
	for _, x := range list(in, "sortSpecs") {
		m, _ := x.(map[string]any)
		c := num(m, "dimensionIndex")
		if c < a.c0 || c >= a.c1 {
			return invalid("sortSpecs.dimensionIndex[%d] is outside of the range[%d,%d).", c, a.c0, a.c1)
		}
		specs = append(specs, sortSpec{c, str(m, "sortOrder") == "DESCENDING"})
	}
	if len(specs) == 0 {
		return invalid("At least one sortSpec must be set.")
	}
	type line struct {
		from  int
		cells []cell
	}
	lines := make([]line, 0, a.rows())
	err = s.scan(a.r0, a.r1, func(i int, r *row) error {
		l := line{from: i}
		if r != nil && len(r.cells) > a.c0 {
			l.cells = slices.Clone(r.cells[a.c0:min(a.c1, len(r.cells))])
		}
		lines = append(lines, l)
		return nil
	})
	if err != nil {
		return err
	}
	at := func(l *line, c int) value {
		if c -= a.c0; c < len(l.cells) {
			return l.cells[c].effective()
		}
		return value{}
	}
	slices.SortStableFunc(lines, func(x, y line) int {
		for _, sp := range specs {
			vx, vy := at(&x, sp.col), at(&y, sp.col)
			switch {
			case vx.k == kEmpty && vy.k == kEmpty:
				continue
			case vx.k == kEmpty:
				return 1
			case vy.k == kEmpty:
				return -1
			}
			d := compareValues(vx, vy)
			if sp.desc {
				d = -d
			}
			if d != 0 {
				return d
			}
		}
		return 0
	})
	to := make(map[int]int, len(lines))
	for i, l := range lines {
		row := a.r0 + i
		to[l.from] = row
		if l.from == row {
			continue
		}
		if len(l.cells) == 0 {
			old, err := s.peek(row)
			if err != nil {
				return err
			}
			if old == nil || len(old.cells) <= a.c0 {
				continue
			}
		}
		r, err := s.edit(row)
		if err != nil {
			return err
		}
		for c := a.c0; c < a.c1; c++ {
			switch k := c - a.c0; {
			case k < len(l.cells):
				*r.edit(c) = l.cells[k]
			case c < len(r.cells):
				r.cells[c] = cell{}
			}
		}
		r.trim()
	}
	return s.permuteMetadata(rowsDim, func(i int) int {
		if n, ok := to[i]; ok {
			return n
		}
		return i
	})
}

// findReplace replaces texts in cells. searchByRegex takes Go's expressions, which are RE2's as Google's are.
func (c *call) findReplace(b *book, in map[string]any) (map[string]any, error) {
	find := str(in, "find")
	if find == "" {
		return nil, invalid("The find string must not be empty.")
	}
	expr := find
	if !flag(in, "searchByRegex") {
		expr = regexp.QuoteMeta(find)
	}
	if flag(in, "matchEntireCell") {
		expr = "^(?:" + expr + ")$"
	}
	if !flag(in, "matchCase") {
		expr = "(?i)" + expr
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, invalid("Invalid regular expression: %s", find)
	}
	type target struct {
		s *sheet
		a area
	}
	var targets []target
	switch {
	case flag(in, "allSheets"):
		for _, s := range b.sheets {
			targets = append(targets, target{s, area{0, 0, s.rowCount(), s.colCount()}})
		}
	case in["range"] != nil:
		s, a, err := b.gridRangeInside(object(in, "range"))
		if err != nil {
			return nil, err
		}
		targets = append(targets, target{s, a})
	default:
		s, err := b.grid(num(in, "sheetId"))
		if err != nil {
			return nil, err
		}
		targets = append(targets, target{s, area{0, 0, s.rowCount(), s.colCount()}})
	}
	with := str(in, "replacement")
	if !flag(in, "searchByRegex") {
		with = strings.ReplaceAll(with, "$", "$$")
	}
	n := map[string]int{}
	for _, t := range targets {
		changed, err := c.replaceIn(t.s, t.a, re, with, flag(in, "includeFormulas"), n)
		if err != nil {
			return nil, err
		}
		if changed {
			n["sheetsChanged"]++
		}
	}
	reply := map[string]any{}
	for k, v := range n {
		reply[k] = v
	}
	return map[string]any{"findReplace": reply}, nil
}

func (c *call) replaceIn(s *sheet, a area, re *regexp.Regexp, with string, formulas bool, n map[string]int) (bool, error) {
	changed := false
	for i := a.r0; i < a.r1; i++ {
		k, off := s.find(i)
		if s.dir[k].block == 0 {
			i += s.dir[k].n - off - 1
			continue
		}
		r, err := s.edit(i)
		if err != nil {
			return false, err
		}
		rowChanged := false
		for j := a.c0; j < min(a.c1, len(r.cells)); j++ {
			cl := &r.cells[j]
			old := cl.s
			switch {
			case cl.k == kFormula && !formulas:
				continue
			case cl.k == kNumber || cl.k == kBool:
				old = shown(cl.value, cl.extra().format)
			}
			found := re.FindAllStringIndex(old, -1)
			if len(found) == 0 {
				continue
			}
			if err := c.server.writeText(cl, re.ReplaceAllString(old, with), "USER_ENTERED"); err != nil {
				return false, err
			}
			n["occurrencesChanged"] += len(found)
			if strings.HasPrefix(old, "=") {
				n["formulasChanged"]++
			} else {
				n["valuesChanged"]++
			}
			rowChanged = true
		}
		if rowChanged {
			n["rowsChanged"]++
			changed = true
		}
	}
	return changed, nil
}
