package sheetsim

import "slices"

// Rows and columns are put in, taken out and moved here; metadata goes along. Row work touches at most
// the blocks at the edges, column work none at all.

// insertRows puts n empty rows before row at.
func (s *sheet) insertRows(at, n int) error {
	if n <= 0 {
		return nil
	}
	s.changed = true
	if at < s.rowCount() {
		k, off := s.find(at)
		if sp := s.dir[k]; sp.block != 0 && off > 0 && sp.n+n <= maxBlockRows && n <= blockRows/8 {
			b, err := s.read(sp.block)
			if err != nil {
				return err
			}
			b.rows = slices.Insert(b.rows, off, emptyRows(n)...)
			b.dirty = true
			s.replace(k, k+1, span{sp.block, sp.n + n})
			return s.shiftMetadata(rowsDim, at, n)
		}
	}
	k, err := s.split(at)
	if err != nil {
		return err
	}
	s.replace(k, k, span{0, n})
	if err := s.mend(k + 1); err != nil {
		return err
	}
	if err := s.mend(k); err != nil {
		return err
	}
	return s.shiftMetadata(rowsDim, at, n)
}

// deleteRows takes rows [from, to) out, with their metadata.
func (s *sheet) deleteRows(from, to int) error {
	if to <= from {
		return nil
	}
	i, err := s.split(from)
	if err != nil {
		return err
	}
	j, err := s.split(to)
	if err != nil {
		return err
	}
	for _, sp := range s.dir[i:j] {
		if err := s.deleteBlock(sp.block); err != nil {
			return err
		}
	}
	s.replace(i, j)
	if err := s.mend(i); err != nil {
		return err
	}
	return s.cutMetadata(rowsDim, from, to)
}

// moveRows moves rows [from, to) before row dest, counted before the move. dest is not inside the range.
func (s *sheet) moveRows(from, to, dest int) error {
	if dest >= from && dest <= to {
		return nil
	}
	// Order matters: splitting at a later row doesn't move the place of an earlier one, so find the places last.
	for _, at := range []int{from, to, dest} {
		if _, err := s.split(at); err != nil {
			return err
		}
	}
	place := func(at int) int {
		if at >= s.rowCount() {
			return len(s.dir)
		}
		k, _ := s.find(at)
		return k
	}
	i, j, d := place(from), place(to), place(dest)
	moved := slices.Clone(s.dir[i:j])
	if d > i {
		s.dir = slices.Concat(s.dir[:i], s.dir[j:d], moved, s.dir[d:])
	} else {
		s.dir = slices.Concat(s.dir[:d], moved, s.dir[d:i], s.dir[j:])
	}
	s.starts, s.changed = nil, true
	return s.permuteMetadata(rowsDim, moving(from, to, dest))
}

// moving says where a row or column goes when [from, to) is moved before dest.
func moving(from, to, dest int) func(int) int {
	n := to - from
	return func(i int) int {
		switch {
		case i >= from && i < to:
			if dest > from {
				return i + dest - to
			}
			return i - from + dest
		case dest > from && i >= to && i < dest:
			return i - n
		case dest <= from && i >= dest && i < from:
			return i + n
		}
		return i
	}
}

func (s *sheet) insertCols(at, n int) error {
	if err := s.flush(); err != nil {
		return err
	}
	ids := make([]uint32, n)
	for i := range ids {
		ids[i] = s.nextCol
		s.nextCol++
	}
	s.colIDs = slices.Insert(s.colIDs, at, ids...)
	s.indexColumns()
	s.changed = true
	return s.shiftMetadata(colsDim, at, n)
}

func (s *sheet) deleteCols(from, to int) error {
	if err := s.flush(); err != nil {
		return err
	}
	for _, id := range s.colIDs[from:to] {
		delete(s.head.Columns, id)
		s.head.Styled = slices.DeleteFunc(s.head.Styled, func(x uint32) bool { return x == id })
	}
	s.colIDs = slices.Delete(s.colIDs, from, to)
	s.indexColumns()
	s.changed = true
	return s.cutMetadata(colsDim, from, to)
}

func (s *sheet) moveCols(from, to, dest int) error {
	if dest >= from && dest <= to {
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	moved := slices.Clone(s.colIDs[from:to])
	if dest > from {
		s.colIDs = slices.Concat(s.colIDs[:from], s.colIDs[to:dest], moved, s.colIDs[dest:])
	} else {
		s.colIDs = slices.Concat(s.colIDs[:dest], moved, s.colIDs[dest:from], s.colIDs[to:])
	}
	s.indexColumns()
	s.changed = true
	return s.permuteMetadata(colsDim, moving(from, to, dest))
}

func (s *sheet) column(pos int) dimension { return s.head.Columns[s.colIDs[pos]] }

func (s *sheet) setColumn(pos int, d dimension) {
	if s.head.Columns == nil {
		s.head.Columns = map[uint32]dimension{}
	}
	if d == (dimension{}) {
		delete(s.head.Columns, s.colIDs[pos])
	} else {
		s.head.Columns[s.colIDs[pos]] = d
	}
	s.changed = true
}
