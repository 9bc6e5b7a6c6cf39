package sheets

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
)

// verify compares the rows after a write with what they should be. Sheets has no conditional write: rows can be sorted or edited
// between the last look and the write. A row that no longer holds the inputs our value was for is put back as it was.
func (r *writing) verify(ctx context.Context, placed map[int]int, puts []put, before, after *view) error {
	byRow := map[int][]put{}
	for _, p := range puts {
		byRow[p.owner] = append(byRow[p.owner], p)
	}
	var wrong []put // what must be taken back
	for i, row := range placed {
		mine := byRow[i]
		if len(mine) == 0 {
			continue
		}
		if r.sameRow(row, mine, before, after) {
			for _, p := range mine {
				if !same(after.at(row, p.col).Value, p.value) {
					r.results[i].Cells--
					r.results[i].Kept = append(r.results[i].Kept, CellKept{Col: r.planned(p.col), Reason: ReasonEdited})
				}
			}
			continue
		}
		r.results[i].Reason = ReasonEdited
		r.results[i].Kept = nil
		delete(r.taken, row)
		for _, p := range mine {
			if same(after.at(row, p.col).Value, p.value) {
				wrong = append(wrong, p)
			}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	r.w.log.LogAttrs(ctx, slog.LevelWarn, "rows were edited in the moment of writing", slog.Int("cells", len(wrong)))
	return r.takeBack(ctx, wrong, before, after)
}

// planned is the plan's number of a column as it is now.
func (r *writing) planned(col int) int {
	for _, c := range r.plan.Outputs {
		if r.col(c.Index) == col {
			return c.Index
		}
	}
	return col
}

// sameRow says whether a row's inputs after the write are those before it, with our own values among them. Inputs that are
// formulas may change by themselves or by what we wrote, so they count only where nothing else is left to go by.
func (r *writing) sameRow(row int, mine []put, before, after *view) bool {
	var was, is []Cell
	solid := false
	inputs := r.inputs()
	for _, col := range inputs {
		b := before.at(row, col).Cell
		solid = solid || !b.Formula && !b.Blank()
	}
	for _, col := range inputs {
		b, a := before.at(row, col).Cell, after.at(row, col).Cell
		for _, p := range mine {
			if p.col == col {
				b = Cell{Value: p.value}
			}
		}
		if solid && b.Formula && a.Formula {
			continue
		}
		was, is = append(was, b), append(is, a)
	}
	return AnchorOf(was) == AnchorOf(is)
}

// takeBack restores cells that were written beside the wrong row: to what the row that is there now had before, if
// that was seen, to what the cell had, if it is the same row with an edited input, and to nothing otherwise.
func (r *writing) takeBack(ctx context.Context, wrong []put, before, after *view) error {
	inputs := r.inputs()
	known := map[Anchor][]int{} // rows of the view before, by anchor without the columns we write
	pure := slices.DeleteFunc(slices.Clone(inputs), func(c int) bool {
		return slices.ContainsFunc(r.plan.Outputs, func(o Column) bool { return r.col(o.Index) == c })
	})
	for row := range before.cells {
		if len(pure) > 0 && !before.blankRow(row, pure) {
			a := AnchorOf(before.pick(row, pure))
			known[a] = append(known[a], row)
		}
	}
	for n := 1; ; n++ {
		back := make([]put, 0, len(wrong))
		for _, p := range wrong {
			old := seen{}
			if rows := known[AnchorOf(after.pick(p.row, pure))]; len(rows) == 1 {
				old = before.at(rows[0], p.col)
			} else if r.sharesInput(p.row, pure, before, after) {
				old = before.at(p.row, p.col)
			}
			b := put{row: p.row, col: p.col, owner: p.owner, value: old.Value, entered: old.entered}
			if p.format != nil {
				b.format = &numberFormat{old.format.kind, old.format.pattern}
			}
			if p.note != nil {
				note := old.note
				b.note = &note
			}
			back = append(back, b)
		}
		placed := map[int]int{}
		for _, b := range back {
			placed[b.row] = b.row
		}
		now, err := r.send(ctx, before, back, placed)
		if err == nil {
			// Moved again while it was put back? Then what is there now is looked at once more.
			left := wrong[:0:0]
			for _, p := range wrong {
				if AnchorOf(now.pick(p.row, pure)) != AnchorOf(after.pick(p.row, pure)) {
					left = append(left, p)
				}
			}
			if len(left) == 0 {
				return nil
			}
			err = fail("take back", r.plan.SpreadsheetID, ErrUnavailable, errors.New("rows move too fast"))
		}
		if n >= 3 || !errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		if serr := sleep(ctx, r.w.clock, r.pause(err, n)); serr != nil {
			return err
		}
		var rows []int
		for _, p := range wrong {
			rows = append(rows, p.row)
		}
		v, lerr := r.look(ctx, rows)
		if lerr != nil {
			return lerr
		}
		// Only what still shows our value is ours to take back.
		after = v
		wrong = slices.DeleteFunc(wrong, func(p put) bool { return !same(v.at(p.row, p.col).Value, p.value) })
		if len(wrong) == 0 {
			return nil
		}
	}
}

// sharesInput says whether a row still has one of the inputs it had before: then it was edited, not replaced.
func (r *writing) sharesInput(row int, cols []int, before, after *view) bool {
	for _, c := range cols {
		b, a := before.at(row, c), after.at(row, c)
		if !b.Blank() && same(b.Value, a.Value) {
			return true
		}
	}
	return false
}

func (r *writing) pause(err error, n int) time.Duration {
	var e *Error
	d := time.Second << (n - 1)
	if errors.As(err, &e) {
		d = max(d, e.RetryAfter)
	}
	return d
}
