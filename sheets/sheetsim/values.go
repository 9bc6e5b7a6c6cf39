package sheetsim

import (
	"encoding/json"
	"fmt"
)

// rendering is how values are read.
type rendering struct {
	option  string // FORMATTED_VALUE, UNFORMATTED_VALUE or FORMULA
	dates   string // SERIAL_NUMBER or FORMATTED_STRING
	columns bool   // majorDimension COLUMNS
}

func readRendering(value, dates, major string) rendering {
	if value == "" {
		value = "FORMATTED_VALUE"
	}
	return rendering{option: value, dates: dates, columns: major == "COLUMNS"}
}

func (rd rendering) dimension() string {
	if rd.columns {
		return "COLUMNS"
	}
	return "ROWS"
}

func (rd rendering) append(b []byte, c *cell) []byte {
	if rd.option == "FORMULA" && c.k == kFormula {
		return appendString(b, c.s)
	}
	v := c.effective()
	if rd.option == "FORMATTED_VALUE" {
		return appendString(b, shown(v, c.extra().format))
	}
	switch v.k {
	case kNumber:
		if rd.dates == "FORMATTED_STRING" {
			if f := numberFormatOf(c.extra().format); f.isDate() {
				return appendString(b, f.number(v.n))
			}
		}
		return appendNumber(b, v.n)
	case kBool:
		if v.n != 0 {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	}
	return appendString(b, shown(v, ""))
}

// values reads the closed area a as a list of lists; empty rows and cells at the ends are left out, as Google does. It is nil
// when there is nothing at all.
func (s *sheet) values(a area, rd rendering) (json.RawMessage, error) {
	if rd.columns {
		return s.valuesByColumn(a, rd)
	}
	out := []byte{'['}
	blank, n := 0, 0 // rows owed, rows written
	err := s.scan(a.r0, a.r1, func(_ int, r *row) error {
		end := 0
		if r != nil {
			for end = min(len(r.cells), a.c1); end > a.c0 && !r.cells[end-1].hasValue(); {
				end--
			}
		}
		if end <= a.c0 {
			blank++
			return nil
		}
		for ; blank > 0; blank-- {
			if n++; n > 1 {
				out = append(out, ',')
			}
			out = append(out, '[', ']')
		}
		if n++; n > 1 {
			out = append(out, ',')
		}
		out = append(out, '[')
		for c := a.c0; c < end; c++ {
			if c > a.c0 {
				out = append(out, ',')
			}
			out = rd.append(out, &r.cells[c])
		}
		out = append(out, ']')
		return nil
	})
	if err != nil || n == 0 {
		return nil, err
	}
	return append(out, ']'), nil
}

func (s *sheet) valuesByColumn(a area, rd rendering) (json.RawMessage, error) {
	cols := make([][]byte, a.cols())
	filled := make([]int, a.cols()) // how many cells each column has written
	err := s.scan(a.r0, a.r1, func(i int, r *row) error {
		if r == nil {
			return nil
		}
		for c := a.c0; c < min(a.c1, len(r.cells)); c++ {
			if !r.cells[c].hasValue() {
				continue
			}
			k := c - a.c0
			for ; filled[k] < i-a.r0; filled[k]++ {
				cols[k] = append(cols[k], `"",`...)
			}
			cols[k] = append(rd.append(cols[k], &r.cells[c]), ',')
			filled[k]++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	last := len(cols)
	for last > 0 && filled[last-1] == 0 {
		last--
	}
	if last == 0 {
		return nil, nil
	}
	out := []byte{'['}
	for k, col := range cols[:last] {
		if k > 0 {
			out = append(out, ',')
		}
		out = append(out, '[')
		if len(col) > 0 {
			out = append(out, col[:len(col)-1]...)
		}
		out = append(out, ']')
	}
	return append(out, ']'), nil
}

// valueRange is a ValueRange of the area a, cut to the grid.
func (s *sheet) valueRange(a area, rd rendering) (map[string]any, error) {
	a, err := s.clip(a)
	if err != nil {
		return nil, err
	}
	values, err := s.values(a, rd)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"range": s.name(a), "majorDimension": rd.dimension()}
	if values != nil {
		out["values"] = values
	}
	return out, nil
}

// transpose turns columns into rows. What a shorter column lacks is null: not written.
func transpose(in [][]any) [][]any {
	width := 0
	for _, col := range in {
		width = max(width, len(col))
	}
	out := make([][]any, width)
	for i := range out {
		out[i] = make([]any, len(in))
		for j, col := range in {
			if i < len(col) {
				out[i][j] = col[i]
			}
		}
	}
	return out
}

func rowsOf(values []any, major string) ([][]any, error) {
	out := make([][]any, len(values))
	for i, x := range values {
		out[i], _ = x.([]any)
	}
	for i, r := range out {
		for j, x := range r {
			switch x.(type) {
			case []any:
				return nil, invalid("Invalid values[%d][%d]: list_value {\n}\n", i, j)
			case map[string]any:
				return nil, invalid("Invalid values[%d][%d]: struct_value {\n}\n", i, j)
			}
		}
	}
	if major == "COLUMNS" {
		out = transpose(out)
	}
	return out, nil
}

// An update is what a write of values did.
type update struct {
	sheet             *sheet
	area              area
	rows, cols, cells int
}

// writeValues writes rows at the top left of a. Values that are null skip their cell, "" clears it. Rows beyond a
// (unless it is one cell) or beyond the grid are an error.
func (s *Server) writeValues(sh *sheet, a area, rows [][]any, option string) (update, error) {
	u := update{sheet: sh, area: area{a.r0, a.c0, a.r0 + 1, a.c0 + 1}}
	if _, err := sh.clip(a); err != nil {
		return u, err
	}
	width := 0
	for _, r := range rows {
		width = max(width, len(r))
	}
	if single := a.rows() == 1 && a.cols() == 1; !single {
		if a.r1 >= 0 && len(rows) > a.rows() {
			return u, invalid("Requested writing within range [%s], but tried writing to row [%d]", sh.asked(a), a.r1+1)
		}
		if a.c1 >= 0 && width > a.cols() {
			return u, invalid("Requested writing within range [%s], but tried writing to column [%s]", sh.asked(a), columnName(a.c1))
		}
	}
	if len(rows) == 0 || width == 0 {
		return u, nil
	}
	u.area = area{a.r0, a.c0, a.r0 + len(rows), a.c0 + width}
	if u.area.r1 > sh.rowCount() || u.area.c1 > sh.colCount() {
		return u, sh.offGrid(u.area)
	}
	touched := make([]bool, width)
	for i, values := range rows {
		wrote, err := s.writeRow(sh, a.r0+i, a.c0, values, option, touched)
		if err != nil {
			return u, err
		}
		if wrote > 0 {
			u.rows++
			u.cells += wrote
		}
	}
	for _, t := range touched {
		if t {
			u.cols++
		}
	}
	return u, nil
}

func (s *Server) writeRow(sh *sheet, i, c0 int, values []any, option string, touched []bool) (int, error) {
	var r *row
	n := 0
	for j, x := range values {
		if x == nil {
			continue
		}
		n++
		touched[j] = true
		if r == nil {
			var err error
			if r, err = sh.edit(i); err != nil {
				return 0, err
			}
			if want := c0 + len(values); cap(r.cells) < want {
				grown := make([]cell, len(r.cells), want)
				copy(grown, r.cells)
				r.cells = grown
			}
		}
		c := r.edit(c0 + j)
		switch x := x.(type) {
		case string:
			if err := s.writeText(c, x, option); err != nil {
				return 0, err
			}
		case float64:
			c.setValue(number(x), value{})
		case bool:
			c.setValue(boolean(x), value{})
		default:
			return 0, fmt.Errorf("a value of type %T", x)
		}
	}
	return n, nil
}

func (s *Server) writeText(c *cell, x, option string) error {
	e := entry{value: text(x)}
	if option == "USER_ENTERED" {
		if numberFormatOf(c.extra().format).Type != "TEXT" || len(x) > 0 && x[0] == '=' {
			e = typed(x, s.cfg.Clock.Now())
		}
	}
	v, err := checkText(e.value)
	if e.k == kNumber || e.k == kBool {
		v, err = e.value, nil
	}
	if err != nil {
		return err
	}
	var eff value
	if v.k == kFormula {
		eff = s.evaluate(v.s)
	}
	c.setValue(v, eff)
	// What was typed brings its format along, unless the cell has one of its own.
	if e.format != "" && numberFormatOf(c.extra().format).Type == "" {
		c.setExtra(func(ex *extra) { ex.format = addFormat(ex.format, e.format) })
	}
	return nil
}

func addFormat(old, add string) string {
	if old == "" {
		return add
	}
	var a, b map[string]any
	if json.Unmarshal([]byte(old), &a) != nil || json.Unmarshal([]byte(add), &b) != nil {
		return add
	}
	for k, v := range b {
		a[k] = v
	}
	return string(appendJSON(nil, a))
}
