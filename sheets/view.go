package sheets

import (
	"context"
	"errors"
	"slices"
	"strings"

	"google.golang.org/api/googleapi"
	gsheets "google.golang.org/api/sheets/v4"
)

// seen is one cell as it was at one look, with all that a write or its undoing needs.
type seen struct {
	Cell
	note    string
	format  numberFormat
	entered *gsheets.ExtendedValue
}

// A view is the rows of one batch as they were at one look.
type view struct {
	title      string
	rows, cols int // size of the grid; 0: not told
	cells      map[int]map[int]seen
	merges     []*gsheets.GridRange
	locked     []*gsheets.ProtectedRange // those that we may not edit
}

func (v *view) at(row, col int) seen { return v.cells[row][col] }

func (v *view) pick(row int, cols []int) []Cell {
	out := make([]Cell, len(cols))
	for i, c := range cols {
		out[i] = v.at(row, c).Cell
	}
	return out
}

// blankRow says whether nothing stands in these columns of a row.
func (v *view) blankRow(row int, cols []int) bool {
	for _, c := range v.pick(row, cols) {
		if !c.Blank() {
			return false
		}
	}
	return true
}

func (v *view) add(sheet *gsheets.Sheet) {
	for _, d := range sheet.Data {
		if d == nil {
			continue
		}
		for i, row := range d.RowData {
			if row == nil {
				continue
			}
			r := int(d.StartRow) + i
			if v.cells[r] == nil {
				v.cells[r] = map[int]seen{}
			}
			for j, c := range row.Values {
				if c == nil {
					continue
				}
				s := seen{Cell: exact(c), note: c.Note, entered: c.UserEnteredValue}
				if c.UserEnteredFormat != nil && c.UserEnteredFormat.NumberFormat != nil {
					s.format = numberFormat{c.UserEnteredFormat.NumberFormat.Type, c.UserEnteredFormat.NumberFormat.Pattern}
				}
				v.cells[r][int(d.StartColumn)+j] = s
			}
		}
	}
}

const cellFields = "rowData(values(userEnteredValue,effectiveValue,note,userEnteredFormat(numberFormat)))"

const viewFields googleapi.Field = "sheets(properties(sheetId,title,gridProperties(rowCount,columnCount)),merges," +
	"protectedRanges(range,unprotectedRanges,warningOnly,requestingUserCanEdit)," +
	"data(startRow,startColumn,columnMetadata(developerMetadata(metadataKey,metadataValue))," + cellFields + "))"

// maxFilters is how many ranges one read names at most.
const maxFilters = 200

// look reads rows exactly, in the columns that matter, and finds the columns again on the way: it reads once more when
// they turn out to have moved. Rows beyond the end of the sheet are blank in the view.
func (r *writing) look(ctx context.Context, rows []int) (*view, error) {
	for range 3 {
		v, moved, err := r.lookOnce(ctx, rows)
		if err != nil && errors.Is(err, ErrInvalid) {
			// A range beyond the grid's end is refused: rows may be gone from the end of the sheet. Look which are left.
			s, serr := r.w.client.Spreadsheet(ctx, r.plan.SpreadsheetID)
			if serr != nil {
				return nil, serr
			}
			tab, ok := s.Tab(r.plan.SheetID)
			if !ok {
				return nil, fail("write", r.plan.SpreadsheetID, ErrSheetMissing, nil)
			}
			left := slices.DeleteFunc(slices.Clone(rows), func(row int) bool { return row >= tab.Rows })
			narrow := r.clampColumns(tab.Cols)
			if len(left) == len(rows) && !narrow {
				return nil, err
			}
			rows = left
			continue
		}
		if err != nil {
			return nil, err
		}
		if !moved {
			return v, nil
		}
	}
	return nil, fail("write", r.plan.SpreadsheetID, ErrUnavailable, errors.New("the columns are being moved"))
}

func (r *writing) lookOnce(ctx context.Context, rows []int) (v *view, moved bool, err error) {
	const op = "read rows"
	p := r.plan
	var rs []GridRange
	if p.HeaderRow >= 0 {
		rs = append(rs, GridRange{SheetID: p.SheetID, StartRow: p.HeaderRow, EndRow: p.HeaderRow + 1, EndCol: -1})
	}
	for _, rb := range bands(rows, 10) {
		for _, cb := range bands(r.columns(), 8) {
			rs = append(rs, GridRange{SheetID: p.SheetID, StartRow: rb[0], EndRow: rb[1], StartCol: cb[0], EndCol: cb[1]})
		}
	}
	if len(rs) == 0 {
		rs = append(rs, GridRange{SheetID: p.SheetID, EndRow: 1, EndCol: 1})
	}
	v = &view{cells: map[int]map[int]seen{}}
	for start := 0; start < len(rs); start += maxFilters {
		got, err := r.w.client.byFilter(ctx, op, p.SpreadsheetID, rs[start:min(start+maxFilters, len(rs))], viewFields)
		if err != nil {
			return nil, false, err
		}
		sheet, err := theSheet(op, p.SpreadsheetID, got, p.SheetID)
		if err != nil {
			return nil, false, err
		}
		v.title = sheet.Properties.Title
		if g := sheet.Properties.GridProperties; g != nil {
			v.rows, v.cols = int(g.RowCount), int(g.ColumnCount)
		}
		v.merges, v.locked = sheet.Merges, nil
		for _, l := range sheet.ProtectedRanges {
			if l != nil && !l.RequestingUserCanEdit && !l.WarningOnly {
				v.locked = append(v.locked, l)
			}
		}
		v.add(sheet)
		if start == 0 && p.HeaderRow >= 0 {
			if moved, err = r.findColumns(sheet); err != nil || moved {
				return nil, moved, err
			}
		}
	}
	return v, false, nil
}

// columns is every column that is read, ascending, as they are now.
func (r *writing) columns() []int {
	cols := slices.Clone(r.inputs())
	for _, c := range r.plan.Outputs {
		cols = append(cols, r.col(c.Index))
	}
	slices.Sort(cols)
	return slices.Compact(cols)
}

// findColumns compares the headings with those of the plan and notes where a column is now: an output by its
// metadata, then by its heading; an input by its heading. moved: some column is elsewhere than was thought.
func (r *writing) findColumns(sheet *gsheets.Sheet) (moved bool, err error) {
	p := r.plan
	headings := map[int]string{}
	marked := map[string]int{}
	for _, d := range sheet.Data {
		if d == nil || int(d.StartRow) != p.HeaderRow || d.StartColumn != 0 {
			continue
		}
		if len(d.RowData) > 0 && d.RowData[0] != nil {
			for j, c := range d.RowData[0].Values {
				headings[j] = headingText(exact(c))
			}
		}
		for j, m := range d.ColumnMetadata {
			if m == nil {
				continue
			}
			for _, dm := range m.DeveloperMetadata {
				if dm != nil && dm.MetadataKey == ColumnKey {
					if at, ok := marked[dm.MetadataValue]; !ok || j < at {
						marked[dm.MetadataValue] = j
					}
				}
			}
		}
		break
	}
	now := map[int]int{}
	for _, c := range p.Outputs {
		at := r.col(c.Index)
		switch to, ok := marked[c.Attribute]; {
		case ok:
			now[c.Index] = to
		case c.Heading == "" || sameHeading(headings[at], c.Heading):
			now[c.Index] = at
		default:
			to := onlyHeading(headings, c.Heading)
			if to < 0 {
				return false, fail("write", p.SpreadsheetID, ErrColumnMissing, errors.New("column of "+c.Attribute))
			}
			now[c.Index] = to
		}
	}
	for _, c := range p.Inputs {
		if _, ok := now[c]; ok {
			continue
		}
		at := r.col(c)
		if h := p.InputHeadings[c]; h != "" && !sameHeading(headings[at], h) {
			if to := onlyHeading(headings, h); to >= 0 {
				at = to
			}
		}
		now[c] = at
	}
	for from, to := range now {
		if r.col(from) != to {
			moved = true
		}
	}
	r.where = now
	return moved, nil
}

func sameHeading(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) }

// onlyHeading is the one column with that heading; -1 if there is none or more than one.
func onlyHeading(headings map[int]string, h string) int {
	at := -1
	for col, text := range headings {
		if sameHeading(text, h) {
			if at >= 0 {
				return -1
			}
			at = col
		}
	}
	return at
}

// clampColumns is for a grid that has become narrower than the plan's columns: with headings to go by, the columns are looked
// for from the start; it says whether that may help.
func (r *writing) clampColumns(width int) bool {
	if r.plan.HeaderRow < 0 || width == 0 {
		return false
	}
	narrow := false
	where := map[int]int{}
	for _, c := range append(slices.Clone(r.plan.Inputs), outputIndexes(r.plan)...) {
		at := r.col(c)
		if at >= width {
			at, narrow = width-1, true
		}
		where[c] = at
	}
	if narrow {
		r.where = where
	}
	return narrow
}

func outputIndexes(p Plan) []int {
	out := make([]int, len(p.Outputs))
	for i, c := range p.Outputs {
		out[i] = c.Index
	}
	return out
}

// bands joins numbers into half-open spans, over gaps of at most so many.
func bands(ns []int, gap int) [][2]int {
	ns = slices.Clone(ns)
	slices.Sort(ns)
	var out [][2]int
	for _, n := range ns {
		if k := len(out) - 1; k >= 0 && n <= out[k][1]+gap {
			out[k][1] = max(out[k][1], n+1)
			continue
		}
		out = append(out, [2]int{n, n + 1})
	}
	return out
}

// covers says whether a range of the tab holds a cell. Ends that are left out are open.
func covers(g *gsheets.GridRange, sheetID int64, row, col int) bool {
	if g == nil {
		return false
	}
	r, c := int64(row), int64(col)
	return g.SheetId == sheetID && r >= g.StartRowIndex && (g.EndRowIndex == 0 || r < g.EndRowIndex) &&
		c >= g.StartColumnIndex && (g.EndColumnIndex == 0 || c < g.EndColumnIndex)
}

// hindrance says why a cell can't be written wherever it stands: "" when it can.
func (v *view) hindrance(sheetID int64, row, col int) string {
	for _, l := range v.locked {
		inside := covers(l.Range, sheetID, row, col)
		for _, free := range l.UnprotectedRanges {
			inside = inside && !covers(free, sheetID, row, col)
		}
		if inside {
			return ReasonProtected
		}
	}
	for _, m := range v.merges {
		if covers(m, sheetID, row, col) && (int64(row) != m.StartRowIndex || int64(col) != m.StartColumnIndex) {
			return ReasonMerged
		}
	}
	return ""
}
