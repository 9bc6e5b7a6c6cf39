package sheets

import (
	"context"
	"fmt"
	"strings"
	"testing"

	gsheets "google.golang.org/api/sheets/v4"
	"pgregory.net/rapid"
)

// Blocks cover exactly the cells that are to be written, each once and with the fields it needs: updateCells clears what it covers
// and isn't given.
func TestUpdatesHaveNoHoles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[[2]int]put{}
		for range rapid.IntRange(1, 40).Draw(t, "cells") {
			p := put{row: rapid.IntRange(0, 6).Draw(t, "row"), col: rapid.IntRange(0, 6).Draw(t, "col")}
			p.value = fmt.Sprintf("%d/%d", p.row, p.col)
			p.entered = wireValue(p.value)
			if rapid.Bool().Draw(t, "note") {
				note := "note"
				p.note = &note
			}
			if rapid.Bool().Draw(t, "format") {
				p.format = &plainText
			}
			want[[2]int{p.row, p.col}] = p
		}
		var puts []put
		for _, p := range want {
			puts = append(puts, p)
		}
		requests := updates(7, puts)
		if len(requests) > len(want) {
			t.Fatalf("%d requests for %d cells", len(requests), len(want))
		}
		for _, r := range requests {
			u := r.UpdateCells
			for i, row := range u.Rows {
				if len(row.Values) != len(u.Rows[0].Values) {
					t.Fatalf("a ragged block")
				}
				for j, cell := range row.Values {
					at := [2]int{int(u.Start.RowIndex) + i, int(u.Start.ColumnIndex) + j}
					p, ok := want[at]
					if !ok {
						t.Fatalf("%v is written and should not be", at)
					}
					delete(want, at)
					if u.Fields != p.fields() || *cell.UserEnteredValue.StringValue != p.value || (cell.Note != "") != (p.note != nil) || (cell.UserEnteredFormat != nil) != (p.format != nil) {
						t.Fatalf("%v: %s %+v", at, u.Fields, cell)
					}
				}
			}
		}
		if len(want) > 0 {
			t.Fatalf("not written: %v", want)
		}
	})
}

func TestHindrances(t *testing.T) {
	v := &view{
		locked: []*gsheets.ProtectedRange{{
			Range:             &gsheets.GridRange{SheetId: 7, StartRowIndex: 2, EndRowIndex: 5},
			UnprotectedRanges: []*gsheets.GridRange{{SheetId: 7, StartRowIndex: 3, EndRowIndex: 4, StartColumnIndex: 1, EndColumnIndex: 2}},
		}, {NamedRangeId: "elsewhere"}},
		merges: []*gsheets.GridRange{{SheetId: 7, StartRowIndex: 10, EndRowIndex: 12, StartColumnIndex: 1, EndColumnIndex: 3}},
	}
	for _, c := range []struct {
		sheet    int64
		row, col int
		want     string
	}{
		{7, 1, 0, ""}, {7, 2, 99, ReasonProtected}, {7, 3, 1, ""}, {7, 3, 2, ReasonProtected}, {7, 5, 0, ""}, {8, 3, 0, ""},
		{7, 10, 1, ""}, {7, 10, 2, ReasonMerged}, {7, 11, 1, ReasonMerged}, {7, 11, 3, ""},
	} {
		if got := v.hindrance(c.sheet, c.row, c.col); got != c.want {
			t.Errorf("%d!%d,%d: %q, want %q", c.sheet, c.row, c.col, got, c.want)
		}
	}
}

// A call with more than one request may carry goes out in several, and rows of different batches find their places.
func TestWriteIsCutToSize(t *testing.T) {
	s := newSim(t)
	var table [][]any
	for i := range 120 {
		table = append(table, []any{fmt.Sprint("p", i), "c"})
	}
	id, tab := s.sheet(people(table...)...)
	p := leadsPlan(id, tab, FillBlanks)
	rows := s.split(p, func(_ int, cells []Cell) []CellWrite {
		return []CellWrite{{Col: 3, Value: first(cells) + strings.Repeat("é", 20_000)}}
	})
	s.batch(id, fmt.Sprintf(`{"sortRange":{"range":{"sheetId":%d,"startRowIndex":1},"sortSpecs":[{"dimensionIndex":0,"sortOrder":"DESCENDING"}]}}`, tab))
	s.server.ResetCalls()
	for i, r := range s.write(p, rows) {
		if r.Status != StatusWritten {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	c := s.server.Calls()
	if n := c.By["spreadsheets.batchUpdate"]; n < 3 || n > 5 {
		t.Errorf("%d batches", n)
	}
	if n := c.By["spreadsheets.values.batchGetByDataFilter"]; n != 1 {
		t.Errorf("the tab was searched with %d reads", n)
	}
	for row, cells := range s.grid(id, tab).Rows {
		if row > 0 && !strings.HasPrefix(cells[3].Value.(string), first(cells)+"é") {
			t.Errorf("row %d is wrong", row)
		}
	}
}

// Notes and formats of a person's own stay; ours come with the value.
func TestNotesAndFormats(t *testing.T) {
	s := newSim(t)
	id, tab := s.sheet([]any{"Name", "Day", "Count"}, []any{"Ada"}, []any{"Bob"})
	cell := func(row, col int, fields, data string) string {
		return fmt.Sprintf(`{"updateCells":{"start":{"sheetId":%d,"rowIndex":%d,"columnIndex":%d},"fields":"%s","rows":[{"values":[%s]}]}}`, tab, row, col, fields, data)
	}
	s.batch(id, cell(1, 1, "note,userEnteredFormat.numberFormat", `{"note":"mine","userEnteredFormat":{"numberFormat":{"type":"DATE","pattern":"dd.mm.yy"}}}`),
		cell(1, 2, "userEnteredFormat.numberFormat", `{"userEnteredFormat":{"numberFormat":{"type":"DATE","pattern":"dd.mm.yy"}}}`))
	p := Plan{SpreadsheetID: id, SheetID: tab, Inputs: []int{0}, Outputs: []Column{{1, "a", "Day", FormatDate}, {2, "b", "Count", FormatNumber}}}
	s.write(p, s.split(p, func(int, []Cell) []CellWrite {
		return []CellWrite{{Col: 1, Value: "2024-02-29", Note: "ours"}, {Col: 2, Value: 12.0}}
	}))
	raw, err := s.server.Do(context.Background(), "GET", "/v4/spreadsheets/"+id+"?includeGridData=true&fields=sheets.data.rowData.values(note,formattedValue,userEnteredFormat.numberFormat)", nil)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	if strings.Count(text, `"mine"`) != 1 || strings.Count(text, `"ours"`) != 1 || strings.Count(text, `"dd.mm.yy"`) != 1 || strings.Count(text, `"yyyy-mm-dd"`) != 1 {
		t.Errorf("the cells are %s", text)
	}
}
