package sheetsim

import "slices"

// Requests of batchUpdate on rows and columns.

func appendDimensions(b *book, in map[string]any) error {
	s, err := b.grid(num(in, "sheetId"))
	if err != nil {
		return err
	}
	n := num(in, "length")
	if n <= 0 {
		return invalid("length[%d] must be positive.", n)
	}
	switch str(in, "dimension") {
	case "ROWS":
		if err := b.room(s, n, 0); err != nil {
			return err
		}
		return s.insertRows(s.rowCount(), n)
	case "COLUMNS":
		if err := b.room(s, 0, n); err != nil {
			return err
		}
		return s.insertCols(s.colCount(), n)
	}
	return invalid("No dimension specified.")
}

func insertDimension(b *book, in map[string]any) error {
	dr := object(in, "range")
	s, dim, from, to, err := b.dimensionRange(dr)
	if err != nil {
		return err
	}
	if _, ok := dr["endIndex"]; !ok {
		return invalid("Both the start and end indexes must be bounded.")
	}
	before := flag(in, "inheritFromBefore")
	size := s.size(dim)
	switch {
	case from > size:
		return invalid("range.startIndex[%d] is after the last index in the grid[%d]", from, size)
	case before && from == 0:
		return invalid("inheritFromBefore cannot be true if inserting at index 0.")
	case !before && from == size:
		return invalid("inheritFromBefore must be true if inserting at the end of the grid.")
	}
	n := to - from
	model := from
	if before {
		model = from - 1
	}
	if dim == colsDim {
		if err := b.room(s, 0, n); err != nil {
			return err
		}
		d := s.column(model)
		if err := s.insertCols(from, n); err != nil {
			return err
		}
		for c := from; c < to; c++ {
			s.setColumn(c, dimension{Px: d.Px})
		}
		if before {
			model = from - 1
		} else {
			model = to
		}
		return s.inheritColumns(model, from, to)
	}
	if err := b.room(s, n, 0); err != nil {
		return err
	}
	r, err := s.peek(model)
	if err != nil {
		return err
	}
	var formats []cell
	px := 0
	if r != nil {
		px = r.px
		for i := range r.cells {
			if f := r.cells[i].extra().format; f != "" {
				for len(formats) <= i {
					formats = append(formats, cell{})
				}
				formats[i].x = &extra{format: f}
			}
		}
	}
	if err := s.insertRows(from, n); err != nil {
		return err
	}
	if formats == nil && px == 0 {
		return nil
	}
	for i := from; i < to; i++ {
		r, err := s.edit(i)
		if err != nil {
			return err
		}
		r.px = px
		r.cells = append([]cell(nil), formats...)
	}
	return nil
}

// inheritColumns gives the cells of new columns [from, to) the formats of column model.
func (s *sheet) inheritColumns(model, from, to int) error {
	if !slices.Contains(s.head.Styled, s.colIDs[model]) {
		return nil // or all rows would be read for nothing
	}
	for i := 0; i < s.rowCount(); {
		k, off := s.find(i)
		if s.dir[k].block == 0 {
			i += s.dir[k].n - off
			continue
		}
		r, err := s.peek(i)
		if err != nil {
			return err
		}
		if f := r.at(model).extra().format; f != "" {
			x := &extra{format: f}
			if r, err = s.edit(i); err != nil {
				return err
			}
			for c := from; c < to; c++ {
				r.edit(c).x = x
			}
		}
		i++
	}
	return nil
}

func deleteDimension(b *book, in map[string]any) error {
	s, dim, from, to, err := b.dimensionRange(object(in, "range"))
	if err != nil {
		return err
	}
	size := s.size(dim)
	if from >= size {
		return invalid("Cannot delete a %s that doesn't exist. Tried to delete index %d but there are only %d.", dimWord(dim), from, size)
	}
	to = min(to, size)
	if from == 0 && to == size {
		return invalid("You can't delete all the %ss on the sheet.", dimWord(dim))
	}
	frozen := &s.head.FrozenRows
	if dim == colsDim {
		frozen = &s.head.FrozenCols
	}
	gone := max(0, min(to, *frozen)-from)
	if left := size - (to - from); *frozen > 0 && *frozen-gone >= left {
		return invalid("You can't delete all non-frozen %ss.", dimWord(dim))
	}
	*frozen -= gone
	s.changed = true
	if dim == colsDim {
		return s.deleteCols(from, to)
	}
	return s.deleteRows(from, to)
}

func dimWord(dim place) string {
	if dim == rowsDim {
		return "row"
	}
	return "column"
}

func moveDimension(b *book, in map[string]any) error {
	s, dim, from, to, err := b.dimensionRange(object(in, "source"))
	if err != nil {
		return err
	}
	dest, size := num(in, "destinationIndex"), s.size(dim)
	switch {
	case to > size:
		return invalid("source.endIndex[%d] is after the last index in the grid[%d]", to, size)
	case dest < 0 || dest > size:
		return invalid("destinationIndex[%d] is outside of the grid[%d]", dest, size)
	case dest > from && dest < to:
		return invalid("destinationIndex[%d] must not be within the source[%d,%d).", dest, from, to)
	}
	if dim == colsDim {
		return s.moveCols(from, to, dest)
	}
	return s.moveRows(from, to, dest)
}

func (c *call) updateDimensionProperties(b *book, in map[string]any) error {
	mask, err := c.updateMask(str(in, "fields"), "DimensionProperties")
	if err != nil {
		return err
	}
	s, dim, from, to, err := b.dimensionRange(object(in, "range"))
	if err != nil {
		return err
	}
	if from >= s.size(dim) || to > s.size(dim) {
		return invalid("range[%d,%d) is outside of the grid[%d].", from, to, s.size(dim))
	}
	p := object(in, "properties")
	change := func(px *int, hidden *bool) {
		if mask.Has("pixelSize") {
			*px = num(p, "pixelSize")
		}
		if mask.Has("hiddenByUser") {
			*hidden = flag(p, "hiddenByUser")
		}
	}
	for i := from; i < to; i++ {
		if dim == colsDim {
			d := s.column(i)
			change(&d.Px, &d.Hidden)
			s.setColumn(i, d)
			continue
		}
		px, hidden := 0, false
		if r, err := s.peek(i); err != nil {
			return err
		} else if r != nil {
			px, hidden = r.px, r.hidden
		}
		was, wasHidden := px, hidden
		if change(&px, &hidden); px == was && hidden == wasHidden {
			continue
		}
		r, err := s.edit(i)
		if err != nil {
			return err
		}
		r.px, r.hidden = px, hidden
	}
	return nil
}

// insertRange puts empty cells into a range and shifts what stands there; nothing beyond the grid's edge may hold a value.
func insertRange(b *book, in map[string]any) error {
	return shiftRange(b, in, true)
}

// deleteRange takes a range's cells out and shifts the others into their place.
func deleteRange(b *book, in map[string]any) error {
	return shiftRange(b, in, false)
}

func shiftRange(b *book, in map[string]any, insert bool) error {
	s, a, err := b.gridRangeInside(object(in, "range"))
	if err != nil {
		return err
	}
	switch str(in, "shiftDimension") {
	case "ROWS":
		n := a.rows()
		if insert {
			if err := s.grow(s.usedRows(n), 0); err != nil {
				return err
			}
			for i := s.rowCount() - 1; i >= a.r0; i-- {
				if err := s.copyCells(i-n, i, a.c0, a.c1, i-n >= a.r0); err != nil {
					return err
				}
			}
			return nil
		}
		for i := a.r0; i < s.rowCount(); i++ {
			if err := s.copyCells(i+n, i, a.c0, a.c1, i+n < s.rowCount()); err != nil {
				return err
			}
		}
		return nil
	case "COLUMNS":
		for i := a.r0; i < a.r1; i++ {
			r, err := s.edit(i)
			if err != nil {
				return err
			}
			cells := make([]cell, s.colCount())
			copy(cells, r.cells)
			if insert {
				for _, lost := range cells[s.colCount()-a.cols():] {
					if lost.hasValue() {
						return invalid("This action would shift values off the sheet (not simulated).")
					}
				}
				copy(cells[a.c1:], append([]cell(nil), cells[a.c0:s.colCount()-a.cols()]...))
				clear(cells[a.c0:a.c1])
			} else {
				copy(cells[a.c0:], cells[a.c1:])
				clear(cells[len(cells)-a.cols():])
			}
			r.cells = cells
			r.trim()
		}
		return nil
	}
	return invalid("No dimension specified.")
}

// usedRows is how many rows the sheet must have so that its values can go down by n.
func (s *sheet) usedRows(n int) int {
	last, err := s.lastRow(0, s.rowCount(), 0, s.colCount())
	if err != nil {
		return s.rowCount()
	}
	return last + 1 + n
}

// copyCells puts cells [c0, c1) of row from into row to; !there empties them.
func (s *sheet) copyCells(from, to, c0, c1 int, there bool) error {
	var cells []cell
	if there {
		r, err := s.peek(from)
		if err != nil {
			return err
		}
		for c := c0; c < c1; c++ {
			cells = append(cells, *r.at(c))
		}
	}
	old, err := s.peek(to)
	if err != nil {
		return err
	}
	if old == nil && !there {
		return nil
	}
	r, err := s.edit(to)
	if err != nil {
		return err
	}
	for c := c0; c < c1; c++ {
		v := cell{}
		if cells != nil {
			v = cells[c-c0]
		}
		if c < len(r.cells) || !v.empty() {
			*r.edit(c) = v
		}
	}
	return nil
}
