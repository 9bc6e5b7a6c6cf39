package sheetsim

import "strconv"

func itoa(i int) string { return strconv.Itoa(i) }

// lastRow returns the last row of [from, to) with a value in columns [c0, c1), or -1.
func (s *sheet) lastRow(from, to, c0, c1 int) (int, error) {
	found := -1
	err := s.backward(from, to, func(i int, r *row) bool {
		if rowHas(r, c0, c1) {
			found = i
		}
		return found < 0
	})
	return found, err
}

func rowHas(r *row, c0, c1 int) bool {
	if r == nil {
		return false
	}
	for c := max(c0, 0); c < min(c1, len(r.cells)); c++ {
		if r.cells[c].hasValue() {
			return true
		}
	}
	return false
}

// backward calls f for the rows of [from, to) that may hold something, last first, until it returns false. Empty runs are
// given as one row, their last.
func (s *sheet) backward(from, to int, f func(i int, r *row) bool) error {
	st := s.starting()
	for k := len(s.dir) - 1; k >= 0; k-- {
		if st[k] >= to || st[k+1] <= from {
			continue
		}
		sp := s.dir[k]
		if sp.block == 0 {
			if !f(min(st[k+1], to)-1, nil) {
				return nil
			}
			continue
		}
		b, err := s.fetchOrCached(sp.block)
		if err != nil {
			return err
		}
		if len(b.rows) != sp.n {
			return errBlock
		}
		for off := min(sp.n, to-st[k]) - 1; off >= max(0, from-st[k]); off-- {
			if !f(st[k]+off, b.rows[off]) {
				return nil
			}
		}
	}
	return nil
}

// table finds the last table that meets a: cells with values that touch each other, as a rectangle. ok is false when a
// has no value.
func (s *sheet) table(a area) (area, bool, error) {
	last, err := s.lastRow(a.r0, a.r1, a.c0, a.c1)
	if err != nil || last < 0 {
		return area{}, false, err
	}
	r, err := s.peek(last)
	if err != nil {
		return area{}, false, err
	}
	c := a.c0
	for !r.at(c).hasValue() {
		c++
	}
	t := area{last, c, last + 1, c + 1}
	for {
		grown := t
		// Down and up while a neighbouring row has something beside the rectangle, then left and right by the rows inside.
		err := s.scan(t.r1, s.rowCount(), func(i int, r *row) error {
			if !rowHas(r, grown.c0-1, grown.c1+1) {
				return errStop
			}
			grown.r1 = i + 1
			widen(&grown, r)
			return nil
		})
		if err != nil && err != errStop {
			return area{}, false, err
		}
		err = s.backward(0, t.r0, func(i int, r *row) bool {
			if !rowHas(r, grown.c0-1, grown.c1+1) {
				return false
			}
			grown.r0 = i
			widen(&grown, r)
			return true
		})
		if err != nil {
			return area{}, false, err
		}
		err = s.scan(grown.r0, grown.r1, func(_ int, r *row) error {
			widen(&grown, r)
			return nil
		})
		if err != nil {
			return area{}, false, err
		}
		if grown == t {
			return t, true, nil
		}
		t = grown
	}
}

// widen takes in the cells of r that touch a at its sides.
func widen(a *area, r *row) {
	for a.c0 > 0 && r.at(a.c0-1).hasValue() {
		a.c0--
	}
	for r.at(a.c1).hasValue() {
		a.c1++
	}
}

func (c *call) valuesAppend(b *book) (map[string]any, error) {
	option, err := c.inputOption()
	if err != nil {
		return nil, err
	}
	s, a, err := b.resolve(c.params["range"])
	if err != nil {
		return nil, err
	}
	in, err := s.clip(a)
	if err != nil {
		return nil, err
	}
	rows, err := rowsOf(list(c.body, "values"), str(c.body, "majorDimension"))
	if err != nil {
		return nil, err
	}
	t, found, err := s.table(in)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"spreadsheetId": b.id}
	at := area{in.r0, in.c0, in.r0 + 1, in.c0 + 1}
	if found {
		out["tableRange"] = s.name(t)
		at = area{t.r1, t.c0, t.r1 + 1, t.c0 + 1}
		if c.text("insertDataOption") == "INSERT_ROWS" && at.r0 < s.rowCount() && len(rows) > 0 {
			if err := b.room(s, len(rows), 0); err != nil {
				return nil, err
			}
			if err := s.insertRows(at.r0, len(rows)); err != nil {
				return nil, err
			}
		}
	}
	width := 0
	for _, r := range rows {
		width = max(width, len(r))
	}
	// Append is the one call that lets the grid grow.
	if err := s.grow(at.r0+max(1, len(rows)), at.c0+width); err != nil {
		return nil, err
	}
	u, err := c.server.writeValues(s, at, rows, option)
	if err != nil {
		return nil, err
	}
	updates, err := c.updateJSON(u)
	if err != nil {
		return nil, err
	}
	out["updates"] = updates
	return out, nil
}

// room holds the limits of a workbook's size against rows or columns to be added.
func (b *book) room(s *sheet, rows, cols int) error {
	if s.colCount()+cols > maxColumns {
		return invalid("This action would increase the number of columns in the sheet above the limit of %d columns.", maxColumns)
	}
	if b.cells()-s.rowCount()*s.colCount()+(s.rowCount()+rows)*(s.colCount()+cols) > maxCells {
		return tooManyCells()
	}
	return nil
}

func tooManyCells() error {
	return invalid("This action would increase the number of cells in the workbook above the limit of %d cells.", maxCells)
}

// grow makes the sheet at least rows × cols.
func (s *sheet) grow(rows, cols int) error {
	addRows, addCols := max(0, rows-s.rowCount()), max(0, cols-s.colCount())
	if addRows+addCols == 0 {
		return nil
	}
	if err := s.book.room(s, addRows, addCols); err != nil {
		return err
	}
	if addCols > 0 {
		if err := s.insertCols(s.colCount(), addCols); err != nil {
			return err
		}
	}
	if addRows > 0 {
		return s.insertRows(s.rowCount(), addRows)
	}
	return nil
}
