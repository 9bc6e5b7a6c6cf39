package sheets

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/api/googleapi"
	gsheets "google.golang.org/api/sheets/v4"
)

// A GridRange is a rectangle of the tab with that id, zero-based and half-open, End -1 open. Unlike A1 notation
// it can't be misdirected by a tab that is renamed.
type GridRange struct {
	SheetID          int64
	StartRow, EndRow int
	StartCol, EndCol int
}

// A Tab is one sheet of a spreadsheet.
type Tab struct {
	ID         int64
	Title      string
	Index      int // position among the tabs, from 0
	Rows, Cols int // size of the grid, blank rows and columns included
	FrozenRows int
	Hidden     bool
}

// A Spreadsheet is what is known of one without its cells.
type Spreadsheet struct {
	ID       string
	Title    string
	Locale   string // "en_US"
	TimeZone string // "Europe/Berlin"
	Tabs     []Tab  // in order
}

// Tab is the tab with that id.
func (s Spreadsheet) Tab(id int64) (Tab, bool) {
	for _, t := range s.Tabs {
		if t.ID == id {
			return t, true
		}
	}
	return Tab{}, false
}

// TabNamed is the tab with that title.
func (s Spreadsheet) TabNamed(title string) (Tab, bool) {
	for _, t := range s.Tabs {
		if t.Title == title {
			return t, true
		}
	}
	return Tab{}, false
}

// A Grid is what was read of a range: Rows[i][j] is the cell in row StartRow+i, column StartCol+j. Rows may be ragged
// and blank rows at the end are left out.
type Grid struct {
	StartRow, StartCol int
	Rows               [][]Cell
}

// At is the cell at a row and column of the sheet; blank where nothing was read.
func (g Grid) At(row, col int) Cell {
	row, col = row-g.StartRow, col-g.StartCol
	if row < 0 || row >= len(g.Rows) || col < 0 || col >= len(g.Rows[row]) {
		return Cell{}
	}
	return g.Rows[row][col]
}

// Pick is the cells of one row at these columns.
func (g Grid) Pick(row int, cols []int) []Cell {
	out := make([]Cell, len(cols))
	for i, c := range cols {
		out[i] = g.At(row, c)
	}
	return out
}

const overviewFields googleapi.Field = "spreadsheetId,properties(title,locale,timeZone)," +
	"sheets(properties(sheetId,title,index,hidden,gridProperties(rowCount,columnCount,frozenRowCount)))"

func overview(s *gsheets.Spreadsheet) Spreadsheet {
	out := Spreadsheet{ID: s.SpreadsheetId}
	if p := s.Properties; p != nil {
		out.Title, out.Locale, out.TimeZone = p.Title, p.Locale, p.TimeZone
	}
	for _, sheet := range s.Sheets {
		p := sheet.Properties
		if p == nil {
			continue
		}
		t := Tab{ID: p.SheetId, Title: p.Title, Index: int(p.Index), Hidden: p.Hidden}
		if g := p.GridProperties; g != nil {
			t.Rows, t.Cols, t.FrozenRows = int(g.RowCount), int(g.ColumnCount), int(g.FrozenRowCount)
		}
		out.Tabs = append(out.Tabs, t)
	}
	return out
}

// Spreadsheet reads a spreadsheet's title, locale and tabs.
func (c *Client) Spreadsheet(ctx context.Context, id string) (Spreadsheet, error) {
	var got *gsheets.Spreadsheet
	err := c.call(ctx, "read spreadsheet", id, always, func() (err error) {
		got, err = c.api.Spreadsheets.Get(id).Fields(overviewFields).Context(ctx).Do()
		return err
	})
	if err != nil {
		return Spreadsheet{}, err
	}
	return overview(got), nil
}

// Values reads what a range shows, unformatted, dates as serial numbers. It is the cheap read: it can't tell
// formulas, and knows a failed one only by its text.
func (c *Client) Values(ctx context.Context, id string, r GridRange) (Grid, error) {
	grids, err := c.values(ctx, id, []GridRange{r})
	if err != nil {
		return Grid{}, err
	}
	return grids[0], nil
}

// values reads several ranges in one call, answering in their order.
func (c *Client) values(ctx context.Context, id string, rs []GridRange) ([]Grid, error) {
	const op = "read values"
	ask := &gsheets.BatchGetValuesByDataFilterRequest{
		DataFilters: filters(rs), MajorDimension: "ROWS",
		ValueRenderOption: "UNFORMATTED_VALUE", DateTimeRenderOption: "SERIAL_NUMBER",
	}
	var got *gsheets.BatchGetValuesByDataFilterResponse
	err := c.call(ctx, op, id, always, func() (err error) {
		got, err = c.api.Spreadsheets.Values.BatchGetByDataFilter(id, ask).Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]Grid, len(rs))
	done := make([]bool, len(rs))
	for _, m := range got.ValueRanges {
		if m.ValueRange == nil {
			continue
		}
		i := answered(rs, m.DataFilters, done)
		if i < 0 {
			return nil, fail(op, id, ErrUnavailable, errors.New("an answer to another question"))
		}
		done[i] = true
		g := Grid{StartRow: rs[i].StartRow, StartCol: rs[i].StartCol, Rows: make([][]Cell, len(m.ValueRange.Values))}
		for j, row := range m.ValueRange.Values {
			cells := make([]Cell, len(row))
			for k, v := range row {
				cells[k] = shown(v)
			}
			g.Rows[j] = cells
		}
		out[i] = g
	}
	for i := range out {
		if !done[i] {
			out[i] = Grid{StartRow: rs[i].StartRow, StartCol: rs[i].StartCol}
		}
	}
	return out, nil
}

// answered finds the range that a part of an answer belongs to: by the filters it names, or, when it
// names none, by order.
func answered(rs []GridRange, by []*gsheets.DataFilter, done []bool) int {
	for _, f := range by {
		if f == nil || f.GridRange == nil {
			continue
		}
		g := f.GridRange
		for i, r := range rs {
			if !done[i] && g.SheetId == r.SheetID && int(g.StartRowIndex) == r.StartRow && int(g.StartColumnIndex) == r.StartCol &&
				int(g.EndRowIndex) == max(r.EndRow, 0) && int(g.EndColumnIndex) == max(r.EndCol, 0) {
				return i
			}
		}
	}
	if len(by) > 0 && len(rs) > 1 {
		return -1
	}
	for i := range rs {
		if !done[i] {
			return i
		}
	}
	return -1
}

func shown(v any) Cell {
	switch v := v.(type) {
	case nil:
		return Cell{}
	case string:
		if v == "" {
			return Cell{}
		}
		return Cell{Value: v, Error: failed(v)}
	case float64, bool:
		return Cell{Value: v}
	}
	return Cell{Value: fmt.Sprint(v)}
}

func filters(rs []GridRange) []*gsheets.DataFilter {
	out := make([]*gsheets.DataFilter, len(rs))
	for i, r := range rs {
		out[i] = &gsheets.DataFilter{GridRange: wireRange(r)}
	}
	return out
}

func wireRange(r GridRange) *gsheets.GridRange {
	g := &gsheets.GridRange{
		SheetId: r.SheetID, StartRowIndex: int64(r.StartRow), StartColumnIndex: int64(r.StartCol),
		ForceSendFields: []string{"SheetId", "StartRowIndex", "StartColumnIndex"},
	}
	if r.EndRow >= 0 {
		g.EndRowIndex = int64(r.EndRow)
		g.ForceSendFields = append(g.ForceSendFields, "EndRowIndex")
	}
	if r.EndCol >= 0 {
		g.EndColumnIndex = int64(r.EndCol)
		g.ForceSendFields = append(g.ForceSendFields, "EndColumnIndex")
	}
	return g
}

// Cells reads ranges exactly: what their cells show, and which of them are formulas or errors. All ranges are on the
// same tab; the answer is in their order.
func (c *Client) Cells(ctx context.Context, id string, rs ...GridRange) ([]Grid, error) {
	const op = "read cells"
	if len(rs) == 0 {
		return nil, nil
	}
	got, err := c.byFilter(ctx, op, id, rs, "sheets(properties(sheetId),data(startRow,startColumn,rowData(values(userEnteredValue,effectiveValue))))")
	if err != nil {
		return nil, err
	}
	sheet, err := theSheet(op, id, got, rs[0].SheetID)
	if err != nil {
		return nil, err
	}
	out := make([]Grid, len(rs))
	used := make([]bool, len(sheet.Data))
	for i, r := range rs {
		out[i] = Grid{StartRow: r.StartRow, StartCol: r.StartCol}
		for k, d := range sheet.Data {
			if d == nil || used[k] || int(d.StartRow) != r.StartRow || int(d.StartColumn) != r.StartCol {
				continue
			}
			used[k] = true
			for _, row := range d.RowData {
				var cells []Cell
				if row != nil {
					cells = make([]Cell, len(row.Values))
					for j, v := range row.Values {
						cells[j] = exact(v)
					}
				}
				out[i].Rows = append(out[i].Rows, cells)
			}
			break
		}
	}
	return out, nil
}

// byFilter is spreadsheets.getByDataFilter.
func (c *Client) byFilter(ctx context.Context, op, id string, rs []GridRange, fields googleapi.Field) (*gsheets.Spreadsheet, error) {
	ask := &gsheets.GetSpreadsheetByDataFilterRequest{DataFilters: filters(rs), IncludeGridData: true}
	var got *gsheets.Spreadsheet
	err := c.call(ctx, op, id, always, func() (err error) {
		got, err = c.api.Spreadsheets.GetByDataFilter(id, ask).Fields(fields).Context(ctx).Do()
		return err
	})
	return got, err
}

func theSheet(op, id string, s *gsheets.Spreadsheet, sheetID int64) (*gsheets.Sheet, error) {
	if s != nil {
		for _, sheet := range s.Sheets {
			if sheet.Properties != nil && sheet.Properties.SheetId == sheetID {
				return sheet, nil
			}
		}
	}
	return nil, fail(op, id, ErrSheetMissing, nil)
}

// exact reads a cell's data. A cell that shows something without anything entered in it is filled by an array
// formula elsewhere: it counts as a formula, for writing into it would break that one.
func exact(d *gsheets.CellData) Cell {
	if d == nil {
		return Cell{}
	}
	var c Cell
	if v := d.EffectiveValue; v != nil {
		switch {
		case v.ErrorValue != nil:
			c.Error = true
			text := errorTexts[v.ErrorValue.Type]
			if text == "" {
				text = errorTexts["ERROR"]
			}
			c.Value = text
		default:
			c.Value = plain(v)
		}
	}
	if failed(c.Value) {
		c.Error = true
	}
	entered := d.UserEnteredValue
	switch {
	case entered == nil:
		c.Formula = c.Value != nil
	case entered.FormulaValue != nil:
		c.Formula = true
	case d.EffectiveValue == nil:
		c.Value = plain(entered)
	}
	return c
}

func plain(v *gsheets.ExtendedValue) any {
	switch {
	case v.StringValue != nil:
		if *v.StringValue == "" {
			return nil
		}
		return *v.StringValue
	case v.NumberValue != nil:
		return *v.NumberValue
	case v.BoolValue != nil:
		return *v.BoolValue
	}
	return nil
}
