package sheets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"google.golang.org/api/googleapi"
	gsheets "google.golang.org/api/sheets/v4"
)

// A put is one cell to be written.
type put struct {
	row, col int
	value    any // nil clears
	entered  *gsheets.ExtendedValue
	note     *string
	format   *numberFormat
	owner    int // the RowWrite
}

// batch places rows start to end, writes them, and fills in their results.
func (r *writing) batch(ctx context.Context, start, end int) error {
	const rounds = 3
	for n := 1; ; n++ {
		for row, i := range r.taken {
			if i >= start && i < end {
				delete(r.taken, row)
			}
		}
		for i := start; i < end; i++ {
			r.results[i] = RowResult{Ref: r.rows[i].Ref, Row: r.rows[i].Row}
		}
		placed, before, err := r.place(ctx, start, end)
		if err != nil {
			return err
		}
		puts := r.compile(placed, before, start, end)
		if len(puts) == 0 {
			return r.settle(start, end)
		}
		if r.w.pacer != nil {
			if err := r.w.pacer.Wait(ctx); err != nil {
				return fail("write", r.plan.SpreadsheetID, ErrUnavailable, err)
			}
		}
		after, err := r.send(ctx, before, puts, placed)
		if err == nil {
			if err := r.verify(ctx, placed, puts, before, after); err != nil {
				return err
			}
			return r.settle(start, end)
		}
		// Its fate is not known, or the tab's name in the request was out of date. The next look shows what stands there, and a
		// value of ours that does counts as written, so going on from there writes nothing twice.
		again := errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInvalid) && n == 1
		if !again || n >= rounds || ctx.Err() != nil {
			return r.unsettle(start, end, err)
		}
		r.w.log.LogAttrs(ctx, slog.LevelInfo, "write is looked at again", slog.Int("attempt", n), slog.Int("cells", len(puts)))
		if err := sleep(ctx, r.w.clock, r.pause(err, n)); err != nil {
			return r.unsettle(start, end, fail("write", r.plan.SpreadsheetID, ErrUnavailable, err))
		}
	}
}

// compile decides each cell of the placed rows by the fill policy and what hinders it.
func (r *writing) compile(placed map[int]int, v *view, start, end int) []put {
	var puts []put
	for i := start; i < end; i++ {
		row, ok := placed[i]
		if !ok {
			continue
		}
		res := &r.results[i]
		res.Row, res.Moved, res.Reason = row, row != r.rows[i].Row, ""
		for _, w := range r.rows[i].Cells {
			column, _ := r.plan.output(w.Col)
			t, reason := typedOf(column.Format, w.Value)
			if reason == "" && t.value == nil {
				continue
			}
			col := r.col(w.Col)
			cell := v.at(row, col)
			if reason == "" && !cell.Formula && same(cell.Value, t.value) {
				res.Cells++
				continue
			}
			if reason == "" {
				reason = r.plan.Fill.refuses(cell.Cell, w.Previous, column.Format)
			}
			if reason == "" {
				reason = v.hindrance(r.plan.SheetID, row, col)
			}
			if reason != "" {
				res.Kept = append(res.Kept, CellKept{Col: w.Col, Reason: reason})
				continue
			}
			p := put{row: row, col: col, value: t.value, entered: wireValue(t.value), owner: i}
			if f, send := t.format(cell.format); send {
				p.format = &f
			}
			// A note that a person left in the cell is theirs, unless they chose to have the column overwritten.
			if note := cleanText(w.Note); note != "" && note != cell.note && utf16Len(note) <= maxCell && (cell.note == "" || r.plan.Fill == FillOverwrite) {
				p.note = &note
			}
			puts = append(puts, p)
			res.Cells++
		}
	}
	return puts
}

// refuses says why the policy leaves a cell alone; "" when it may be written.
func (f Fill) refuses(c Cell, previous any, format Format) string {
	if c.Formula {
		return ReasonFormula
	}
	if c.Blank() || f == FillOverwrite {
		return ""
	}
	if f == FillStale && previous != nil {
		if t, reason := typedOf(format, previous); reason == "" && same(c.Value, t.value) {
			return ""
		}
	}
	return ReasonNotBlank
}

// settle turns counts into statuses.
func (r *writing) settle(start, end int) error {
	for i := start; i < end; i++ {
		res := &r.results[i]
		switch {
		case res.Reason != "":
			res.Status, res.Cells = StatusKept, 0
		case res.Cells > 0:
			res.Status = StatusWritten
		case len(res.Kept) > 0:
			res.Status, res.Reason = StatusKept, res.Kept[0].Reason
		default:
			res.Status = StatusUnchanged
		}
	}
	return nil
}

// unsettle takes back what was only intended, when the batch failed.
func (r *writing) unsettle(start, end int, err error) error {
	for i := start; i < end; i++ {
		r.results[i] = RowResult{Ref: r.rows[i].Ref, Row: r.rows[i].Row}
	}
	return err
}

const afterFields googleapi.Field = "updatedSpreadsheet(sheets(properties(sheetId),data(startRow,startColumn," + cellFields + ")))"

// send makes the one batchUpdate and returns the rows as they are after it.
func (r *writing) send(ctx context.Context, before *view, puts []put, placed map[int]int) (*view, error) {
	const op = "write"
	var rows []int
	for _, row := range placed {
		rows = append(rows, row)
	}
	ask := &gsheets.BatchUpdateSpreadsheetRequest{
		Requests:                     updates(r.plan.SheetID, puts),
		IncludeSpreadsheetInResponse: true,
		ResponseIncludeGridData:      true,
	}
	for _, rb := range bands(rows, 10) {
		for _, cb := range bands(r.columns(), 8) {
			ask.ResponseRanges = append(ask.ResponseRanges,
				Range{Sheet: before.title, StartRow: rb[0], EndRow: rb[1], StartCol: cb[0], EndCol: cb[1]}.String())
		}
	}
	var got *gsheets.BatchUpdateSpreadsheetResponse
	err := r.w.client.call(ctx, op, r.plan.SpreadsheetID, never, func() (err error) {
		got, err = r.w.client.api.Spreadsheets.BatchUpdate(r.plan.SpreadsheetID, ask).Fields(afterFields).Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil, err
	}
	sheet, err := theSheet(op, r.plan.SpreadsheetID, got.UpdatedSpreadsheet, r.plan.SheetID)
	if err != nil {
		// Written, but without the picture afterwards: the next look is it.
		return nil, fail(op, r.plan.SpreadsheetID, ErrUnavailable, errors.New("no after-image"))
	}
	after := &view{cells: map[int]map[int]seen{}}
	after.add(sheet)
	return after, nil
}

// updates packs cells into updateCells requests: one for each block of neighbours that need the same fields. updateCells clears what
// a row leaves out, so no block has a hole, and a field that one cell doesn't need is not named for it.
func updates(sheetID int64, puts []put) []*gsheets.Request {
	slices.SortFunc(puts, func(a, b put) int {
		if a.row != b.row {
			return a.row - b.row
		}
		return a.col - b.col
	})
	type block struct {
		row, col, width int
		fields          string
		rows            []*gsheets.RowData
	}
	var blocks []*block
	open := map[string]*block{} // blocks that end in the row above or this one, by column, width and fields
	for i := 0; i < len(puts); {
		first, fields := puts[i], puts[i].fields()
		data := &gsheets.RowData{}
		j := i
		for ; j < len(puts) && puts[j].row == first.row && puts[j].col == first.col+j-i && puts[j].fields() == fields; j++ {
			data.Values = append(data.Values, puts[j].data())
		}
		key := fmt.Sprintf("%d/%d/%s", first.col, j-i, fields)
		b := open[key]
		if b == nil || b.row+len(b.rows) != first.row {
			b = &block{row: first.row, col: first.col, width: j - i, fields: fields}
			blocks, open[key] = append(blocks, b), b
		}
		b.rows = append(b.rows, data)
		i = j
	}
	out := make([]*gsheets.Request, len(blocks))
	for i, b := range blocks {
		out[i] = &gsheets.Request{UpdateCells: &gsheets.UpdateCellsRequest{
			Start: coordinate(sheetID, b.row, b.col), Fields: b.fields, Rows: b.rows,
		}}
	}
	return out
}

func (p put) fields() string {
	f := "userEnteredValue"
	if p.format != nil {
		f += ",userEnteredFormat.numberFormat"
	}
	if p.note != nil {
		f += ",note"
	}
	return f
}

func (p put) data() *gsheets.CellData {
	d := &gsheets.CellData{UserEnteredValue: p.entered}
	if p.format != nil && *p.format != (numberFormat{}) {
		d.UserEnteredFormat = &gsheets.CellFormat{NumberFormat: &gsheets.NumberFormat{Type: p.format.kind, Pattern: p.format.pattern}}
	}
	if p.note != nil {
		d.Note = *p.note
	}
	return d
}
