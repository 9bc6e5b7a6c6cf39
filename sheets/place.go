package sheets

import (
	"context"
	"errors"
	"slices"
)

// writing is one call of Writer.Write.
type writing struct {
	w       *Writer
	plan    Plan
	rows    []RowWrite
	results []RowResult
	where   map[int]int      // the plan's column → the column it is now; nil until the first look
	index   map[Anchor][]int // where the wanted anchors stood when the tab was searched; nil before
	taken   map[int]int      // sheet row → the RowWrite that was placed there in this call
}

// col is where a column of the plan is now.
func (r *writing) col(c int) int {
	if to, ok := r.where[c]; ok {
		return to
	}
	return c
}

// inputs is the input columns as they are now, in the plan's order, which anchors depend on.
func (r *writing) inputs() []int {
	out := make([]int, len(r.plan.Inputs))
	for i, c := range r.plan.Inputs {
		out[i] = r.col(c)
	}
	return out
}

func (w RowWrite) has(a Anchor) bool {
	return a == w.Anchor && !a.IsZero() || slices.Contains(w.AltAnchors, a)
}

// place finds the row each RowWrite of a batch belongs to now: place[i] is a sheet row, or absent with the reason in the
// result. The view holds every placed row.
func (r *writing) place(ctx context.Context, start, end int) (map[int]int, *view, error) {
	var rows []int
	for i := start; i < end; i++ {
		if r.rows[i].Row >= 0 {
			rows = append(rows, r.rows[i].Row)
		}
	}
	v, err := r.look(ctx, rows)
	if err != nil {
		return nil, nil, err
	}
	placed := map[int]int{}
	var lost []int
	for i := start; i < end; i++ {
		row := r.rows[i].Row
		_, taken := r.taken[row]
		if row > r.plan.HeaderRow && !taken && r.rows[i].has(AnchorOf(v.pick(row, r.inputs()))) {
			placed[i], r.taken[row] = row, i
			continue
		}
		lost = append(lost, i)
	}
	if len(lost) == 0 {
		return placed, v, nil
	}
	if r.index == nil {
		if err := r.search(ctx, v.rows, start); err != nil {
			return nil, nil, err
		}
	}
	found, err := r.relocate(ctx, lost)
	if err != nil {
		return nil, nil, err
	}
	if len(found) > 0 {
		// The search may be old: what it found is looked at again, together with the rest, in one moment.
		var all []int
		for _, row := range placed {
			all = append(all, row)
		}
		for _, row := range found {
			all = append(all, row)
		}
		if v, err = r.look(ctx, append(all, rows...)); err != nil {
			return nil, nil, err
		}
		for i, row := range found {
			placed[i], r.taken[row] = row, i
		}
		for i, row := range placed {
			if !r.rows[i].has(AnchorOf(v.pick(row, r.inputs()))) {
				delete(placed, i)
				delete(r.taken, row)
				lost = append(lost, i)
			}
		}
	}
	for _, i := range lost {
		if _, ok := placed[i]; ok || r.results[i].Reason != "" {
			continue
		}
		reason := ReasonRowChanged
		if v.blankRow(r.rows[i].Row, r.inputs()) {
			reason = ReasonRowGone
		}
		r.results[i].Reason = reason
	}
	return placed, v, nil
}

// search reads the input columns of the whole tab by the page and notes where the anchors of the rows from start on
// stand.
func (r *writing) search(ctx context.Context, height, start int) error {
	wanted := map[Anchor]bool{}
	for _, w := range r.rows[start:] {
		wanted[w.Anchor] = true
		for _, a := range w.AltAnchors {
			wanted[a] = true
		}
	}
	delete(wanted, Anchor{})
	r.index = map[Anchor][]int{}
	inputs := r.inputs()
	columns := bands(inputs, 8)
	for top := r.plan.HeaderRow + 1; top < height; top += pageRows {
		var rs []GridRange
		for _, b := range columns {
			rs = append(rs, GridRange{SheetID: r.plan.SheetID, StartRow: top, EndRow: min(top+pageRows, height), StartCol: b[0], EndCol: b[1]})
		}
		page, err := r.w.client.values(ctx, r.plan.SpreadsheetID, rs)
		if errors.Is(err, ErrInvalid) {
			return fail("search rows", r.plan.SpreadsheetID, ErrUnavailable, err) // the sheet became shorter on the way
		}
		if err != nil {
			return err
		}
		deepest := 0
		for _, g := range page {
			deepest = max(deepest, len(g.Rows))
		}
		cells := make([]Cell, len(inputs))
		for row := top; row < top+deepest; row++ {
			for i, c := range inputs {
				cells[i] = Cell{}
				for k, b := range columns {
					if c >= b[0] && c < b[1] {
						cells[i] = page[k].At(row, c)
					}
				}
			}
			if a := AnchorOf(cells); wanted[a] {
				r.index[a] = append(r.index[a], row)
			}
		}
	}
	return nil
}

// relocate decides which of the found rows belong to which of the lost RowWrites. Rows with one anchor hold the same inputs, so any
// of them is right beside its value; what must not happen is writing to more of them than the job has.
func (r *writing) relocate(ctx context.Context, lost []int) (map[int]int, error) {
	groups := map[Anchor][]int{}
	var order []Anchor
	for _, i := range lost {
		a := r.rows[i].Anchor
		if groups[a] == nil {
			order = append(order, a)
		}
		groups[a] = append(groups[a], i)
	}
	found := map[int]int{}
	used := map[int]bool{}
	for _, a := range order {
		group := groups[a]
		var places []int
		all := 0
		for _, row := range r.stands(group) {
			all++
			if _, taken := r.taken[row]; !taken && !used[row] {
				places = append(places, row)
			}
		}
		if len(places) == 0 {
			continue
		}
		put := func(i, row int) {
			found[i], used[row] = row, true
			places = slices.DeleteFunc(places, func(x int) bool { return x == row })
			group = slices.DeleteFunc(slices.Clone(group), func(x int) bool { return x == i })
		}
		if len(places) > 1 || len(group) > 1 {
			hashes, err := r.rowHashes(ctx, places)
			if err != nil {
				return nil, err
			}
			claims := map[Anchor]int{}
			for _, i := range group {
				claims[r.rows[i].RowHash]++
			}
			for _, i := range slices.Clone(group) {
				// A hash that more rows have than claim it tells nothing apart.
				h := r.rows[i].RowHash
				if h.IsZero() || len(hashes[h]) == 0 || len(hashes[h]) > claims[h] {
					continue
				}
				put(i, hashes[h][0])
				hashes[h], claims[h] = hashes[h][1:], claims[h]-1
			}
		}
		if len(places) > len(group) && (len(group) == 0 || all > r.rows[group[0]].Copies) {
			for _, i := range group {
				r.results[i].Reason = ReasonAmbiguous
			}
			continue
		}
		for len(group) > 0 && len(places) > 0 {
			put(group[0], places[0])
		}
	}
	return found, nil
}

// stands is every row in which one of the group's anchors was found, ascending.
func (r *writing) stands(group []int) []int {
	var rows []int
	for _, i := range group {
		rows = append(rows, r.index[r.rows[i].Anchor]...)
		for _, a := range r.rows[i].AltAnchors {
			rows = append(rows, r.index[a]...)
		}
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}

// rowHashes reads whole rows and tells which have which row hash, each list ascending.
func (r *writing) rowHashes(ctx context.Context, rows []int) (map[Anchor][]int, error) {
	skip := map[int]bool{}
	for _, c := range r.plan.Outputs {
		skip[r.col(c.Index)] = true
	}
	out := map[Anchor][]int{}
	var rs []GridRange
	for _, b := range bands(rows, 10) {
		rs = append(rs, GridRange{SheetID: r.plan.SheetID, StartRow: b[0], EndRow: b[1], EndCol: -1})
	}
	for start := 0; start < len(rs); start += maxFilters {
		grids, err := r.w.client.values(ctx, r.plan.SpreadsheetID, rs[start:min(start+maxFilters, len(rs))])
		if err != nil {
			return nil, err
		}
		for _, g := range grids {
			for k, cells := range g.Rows {
				row := g.StartRow + k
				if slices.Contains(rows, row) {
					h := RowHashOf(cells, func(c int) bool { return skip[c] })
					out[h] = append(out[h], row)
				}
			}
		}
	}
	return out, nil
}
