package filejob

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"rowsmith/cmd/internal/tabular"
	"rowsmith/enrichment"
	"rowsmith/sheets"
	"rowsmith/tasks"
)

// readRows is how many rows of the embedded sheet are read back at once.
const readRows = 2000

// A filled column is one the job wrote to.
type filled struct {
	col  int // of the sheet, and where it is one of the file's own, of the file
	attr enrichment.Attribute
}

// write reads what the job wrote back from the sheet and splices it into the copy of the file.
func (r *run) write(ctx context.Context, job tasks.Job) error {
	at, err := r.app.Sheets.Columns(ctx, r.rec.Spreadsheet, r.rec.SheetID, sheets.ColumnKey)
	if err != nil {
		return fmt.Errorf("find columns: %w", err)
	}
	var own, added []filled
	for _, name := range job.Want {
		col, ok := at[name]
		if !ok {
			continue // interrupted before its columns were made
		}
		a, _ := enrichment.Find(name)
		if col < r.t.Width() {
			own = append(own, filled{col, a})
		} else {
			added = append(added, filled{col, a})
		}
	}
	slices.SortFunc(added, func(a, b filled) int { return a.col - b.col })
	out := tabular.Output{After: r.t.Width() - 1}
	if len(added) > 0 {
		heads, err := r.app.Sheets.Values(ctx, r.rec.Spreadsheet, sheets.GridRange{SheetID: r.rec.SheetID, StartRow: 0, EndRow: 1, StartCol: 0, EndCol: -1})
		if err != nil {
			return fmt.Errorf("read headings: %w", err)
		}
		for _, f := range added {
			out.Headings = append(out.Headings, fmt.Sprint(heads.At(0, f.col).Value))
			out.Types = append(out.Types, typeOf(f.attr.Type))
		}
	}
	before, err := r.originals(ctx, own)
	if err != nil {
		return err
	}
	src := &edits{r: r, own: own, added: added, before: before}
	rep, err := tabular.Write(ctx, r.t, r.out, out, func() (tabular.Edit, bool, error) { return src.next(ctx) })
	if err != nil {
		return err
	}
	if rep.Approximated > 0 {
		r.note("%s characters that the file's encoding (%s) doesn't have; the closest ones were written.", count(rep.Approximated, "value has", "values have"), r.t.Describe())
	}
	if rep.Kept > 0 {
		r.note("%s not written, because a formula or a merged cell is in the way.", count(rep.Kept, "value was", "values were"))
	}
	return r.out.commit()
}

func typeOf(t enrichment.Type) tabular.Type {
	switch t {
	case enrichment.Number:
		return tabular.Number
	case enrichment.Flag:
		return tabular.Flag
	case enrichment.Date, enrichment.Moment:
		return tabular.Date
	default:
		return tabular.Text
	}
}

// originals remembers what the file's own columns that the job fills held, as a hash a cell: only
// cells that differ are written, so that all others keep their bytes.
func (r *run) originals(ctx context.Context, own []filled) (map[int][]uint64, error) {
	if len(own) == 0 {
		return nil, nil
	}
	before := make(map[int][]uint64, len(own))
	for _, f := range own {
		before[f.col] = make([]uint64, r.t.Len())
	}
	err := r.t.Rows(ctx, func(i int, cells []any) error {
		for _, f := range own {
			if f.col < len(cells) && i < len(before[f.col]) {
				v := cells[f.col]
				if s, ok := v.(string); ok {
					v = cut(s)
				}
				before[f.col][i] = hashOf(v)
			}
		}
		return nil
	})
	return before, err
}

var seed = maphash.MakeSeed()

// hashOf is 0 for a blank cell.
func hashOf(v any) uint64 {
	if c := (sheets.Cell{Value: v}); c.Blank() {
		return 0
	}
	return max(1, maphash.String(seed, fmt.Sprintf("%T\x00%v", v, v)))
}

// edits yields what the job wrote, row by row, reading the sheet by the page.
type edits struct {
	r          *run
	own, added []filled
	before     map[int][]uint64

	page sheets.Grid
	from int // first record of the page
	i    int // next record
}

func (e *edits) next(ctx context.Context) (tabular.Edit, bool, error) {
	if len(e.own)+len(e.added) == 0 {
		return tabular.Edit{}, false, nil
	}
	for e.i < e.r.t.Len() {
		if e.i == 0 || e.i >= e.from+readRows {
			if err := e.read(ctx); err != nil {
				return tabular.Edit{}, false, err
			}
		}
		i := e.i
		e.i++
		if ed := e.edit(i); ed.Cells != nil || ed.Added != nil {
			return ed, true, nil
		}
	}
	return tabular.Edit{}, false, nil
}

func (e *edits) read(ctx context.Context) error {
	e.from = e.i
	first, last := 1<<30, 0
	for _, f := range slices.Concat(e.own, e.added) {
		first, last = min(first, f.col), max(last, f.col)
	}
	row := e.r.first + e.from
	g, err := e.r.app.Sheets.Values(ctx, e.r.rec.Spreadsheet, sheets.GridRange{
		SheetID: e.r.rec.SheetID, StartRow: row, EndRow: min(row+readRows, e.r.first+e.r.t.Len()), StartCol: first, EndCol: last + 1,
	})
	if err != nil {
		return fmt.Errorf("read results: %w", err)
	}
	e.page = g
	return nil
}

func (e *edits) edit(i int) tabular.Edit {
	ed := tabular.Edit{Row: i}
	row := e.r.first + i
	for _, f := range e.own {
		v := e.page.At(row, f.col).Value
		if h := hashOf(v); h != 0 && h != e.before[f.col][i] {
			if ed.Cells == nil {
				ed.Cells = map[int]any{}
			}
			ed.Cells[f.col] = v
		}
	}
	for k, f := range e.added {
		if v := e.page.At(row, f.col); !v.Blank() {
			if ed.Added == nil {
				ed.Added = make([]any, len(e.added))
			}
			ed.Added[k] = v.Value
		}
	}
	return ed
}
