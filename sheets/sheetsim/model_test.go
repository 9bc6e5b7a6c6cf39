package sheetsim_test

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"google.golang.org/api/sheets/v4"
	"pgregory.net/rapid"
)

// A model is a sheet as a plain grid, with metadata hanging on rows and columns by its key.
type model struct {
	rows []*modelRow
	cols [][]string // metadata keys of each column
}

type modelRow struct {
	cells []any // string, float64, bool or nil; as long as there are columns
	meta  []string
}

func newModel(rows, cols int) *model {
	m := &model{cols: make([][]string, cols)}
	for range rows {
		m.rows = append(m.rows, &modelRow{cells: make([]any, cols)})
	}
	return m
}

// values is what values.get gives for the whole sheet.
func (m *model) values() [][]any {
	var out [][]any
	last := 0
	for _, r := range m.rows {
		n := len(r.cells)
		for n > 0 && r.cells[n-1] == nil {
			n--
		}
		line := []any{}
		for _, c := range r.cells[:n] {
			if c == nil {
				c = ""
			}
			line = append(line, c)
		}
		out = append(out, line)
		if n > 0 {
			last = len(out)
		}
	}
	if last == 0 {
		return nil
	}
	return out[:last]
}

func (m *model) metadata() []string {
	var out []string
	for i, r := range m.rows {
		for _, k := range r.meta {
			out = append(out, fmt.Sprintf("%s at row %d", k, i))
		}
	}
	for i, c := range m.cols {
		for _, k := range c {
			out = append(out, fmt.Sprintf("%s at column %d", k, i))
		}
	}
	sort.Strings(out)
	return out
}

func (m *model) insertRows(at, n int) {
	m.rows = slices.Insert(m.rows, at, newModel(n, len(m.cols)).rows...)
}

func (m *model) insertCols(at, n int) {
	m.cols = slices.Insert(m.cols, at, make([][]string, n)...)
	for _, r := range m.rows {
		r.cells = slices.Insert(r.cells, at, make([]any, n)...)
	}
}

func (m *model) lastRow() int {
	for i := len(m.rows) - 1; i >= 0; i-- {
		if slices.ContainsFunc(m.rows[i].cells, func(v any) bool { return v != nil }) {
			return i
		}
	}
	return -1
}

// moved is l with [from, to) moved before dest, counted before the move.
func moved[T any](l []T, from, to, dest int) []T {
	part := slices.Clone(l[from:to])
	if dest >= to {
		return slices.Concat(l[:from], l[to:dest], part, l[dest:])
	}
	return slices.Concat(l[:dest], part, l[dest:from], l[to:])
}

func modelRank(v any) (int, float64, string) {
	switch v := v.(type) {
	case float64:
		return 0, v, ""
	case string:
		return 1, 0, v
	case bool:
		if v {
			return 2, 1, ""
		}
		return 2, 0, ""
	}
	return 9, 0, ""
}

func (m *model) sort(from, to, c0, c1, by int, desc bool) {
	rows := m.rows[from:to]
	type line struct {
		cells []any
		meta  []string
	}
	lines := make([]line, len(rows))
	for i, r := range rows {
		lines[i] = line{slices.Clone(r.cells[c0:c1]), r.meta}
	}
	sort.SliceStable(lines, func(i, j int) bool {
		a, b := lines[i].cells[by-c0], lines[j].cells[by-c0]
		if a == nil || b == nil {
			return a != nil
		}
		ra, na, sa := modelRank(a)
		rb, nb, sb := modelRank(b)
		less := ra < rb || ra == rb && (na < nb || na == nb && sa < sb)
		more := rb < ra || ra == rb && (nb < na || na == nb && sb < sa)
		if desc {
			return more
		}
		return less
	})
	for i, r := range rows {
		copy(r.cells[c0:c1], lines[i].cells)
		r.meta = lines[i].meta
	}
}

var drawnValue = rapid.Custom(func(t *rapid.T) any {
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return float64(rapid.IntRange(-9, 9).Draw(t, "number"))
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return ""
	case 3:
		return nil
	}
	return rapid.StringMatching(`[a-zäß"\\]{1,4}`).Draw(t, "text")
})

// span draws a half-open range inside [0, size).
func span(t *rapid.T, size int) (int, int) {
	from := rapid.IntRange(0, size-1).Draw(t, "from")
	return from, rapid.IntRange(from+1, min(size, from+rapid.SampledFrom([]int{1, 3, 40, 700}).Draw(t, "most"))).Draw(t, "to")
}

// TestAgainstModel plays random requests against the server and a plain grid, and opens the server's file anew in between.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := start(t)
		rows, cols := rapid.SampledFrom([]int{1, 5, 300, 900}).Draw(rt, "rows"), rapid.IntRange(1, 6).Draw(rt, "cols")
		f.sheet(int64(rows), int64(cols))
		m := newModel(rows, cols)
		fill := make([][]any, rapid.IntRange(0, rows).Draw(rt, "filled"))
		for i := range fill {
			fill[i] = make([]any, cols)
			for j := range fill[i] {
				fill[i][j] = float64((i*7 + j*3) % 11)
			}
			copy(m.rows[i].cells, fill[i])
		}
		f.put("Sheet1", fill...)
		keys := 0
		rt.Repeat(map[string]func(*rapid.T){
			"": func(rt *rapid.T) {
				same(rt, "values", f.values("Sheet1"), m.values())
				same(rt, "metadata", f.metadata(), m.metadata())
				got, err := f.api.Spreadsheets.Get(f.id).Fields("sheets.properties.gridProperties").Do()
				if err != nil {
					rt.Fatal(err)
				}
				g := got.Sheets[0].Properties.GridProperties
				same(rt, "size", []int64{g.RowCount, g.ColumnCount}, []int64{int64(len(m.rows)), int64(len(m.cols))})
			},
			"reopen": func(rt *rapid.T) {
				if rapid.IntRange(0, 3).Draw(rt, "rarely") == 0 {
					f.open()
				}
			},
			"write values": func(rt *rapid.T) {
				r0, r1 := span(rt, len(m.rows))
				c0, c1 := span(rt, len(m.cols))
				r1 = min(r1, r0+5)
				byValues := rapid.Bool().Draw(rt, "values")
				var in [][]any
				var cells []*sheets.RowData
				for i := r0; i < r1; i++ {
					in = append(in, nil)
					rd := &sheets.RowData{}
					for j := c0; j < c1; j++ {
						v := drawnValue.Draw(rt, "value")
						in[i-r0] = append(in[i-r0], v)
						rd.Values = append(rd.Values, cellOf(v))
						switch {
						case v != nil && v != "":
							m.rows[i].cells[j] = v
						case v == "" || !byValues:
							m.rows[i].cells[j] = nil
						}
					}
					cells = append(cells, rd)
				}
				if byValues {
					f.put(fmt.Sprintf("Sheet1!R%dC%d:R%dC%d", r0+1, c0+1, r1, c1), in...)
					return
				}
				f.batch(&sheets.Request{UpdateCells: &sheets.UpdateCellsRequest{Fields: "userEnteredValue", Rows: cells,
					Start: &sheets.GridCoordinate{RowIndex: int64(r0), ColumnIndex: int64(c0)}}})
			},
			"clear by a short updateCells": func(rt *rapid.T) {
				r0, r1 := span(rt, len(m.rows))
				c0, c1 := span(rt, len(m.cols))
				f.batch(&sheets.Request{UpdateCells: &sheets.UpdateCellsRequest{Fields: "userEnteredValue",
					Rows:  []*sheets.RowData{{Values: []*sheets.CellData{cellOf("x")}}},
					Range: &sheets.GridRange{StartRowIndex: int64(r0), EndRowIndex: int64(r1), StartColumnIndex: int64(c0), EndColumnIndex: int64(c1)}}})
				for i := r0; i < r1; i++ {
					clear(m.rows[i].cells[c0:c1])
				}
				m.rows[r0].cells[c0] = "x"
			},
			"insert": func(rt *rapid.T) {
				n := rapid.SampledFrom([]int{1, 2, 30, 600}).Draw(rt, "n")
				dim, size := drawDimension(rt, m)
				if dim == "COLUMNS" {
					n = min(n, 2)
				}
				at := rapid.IntRange(0, size).Draw(rt, "at")
				f.batch(&sheets.Request{InsertDimension: &sheets.InsertDimensionRequest{InheritFromBefore: at == size,
					Range: &sheets.DimensionRange{Dimension: dim, StartIndex: int64(at), EndIndex: int64(at + n)}}})
				if dim == "ROWS" {
					m.insertRows(at, n)
				} else {
					m.insertCols(at, n)
				}
			},
			"delete": func(rt *rapid.T) {
				dim, size := drawDimension(rt, m)
				from, to := span(rt, size)
				if to-from == size {
					return
				}
				f.batch(&sheets.Request{DeleteDimension: &sheets.DeleteDimensionRequest{
					Range: &sheets.DimensionRange{Dimension: dim, StartIndex: int64(from), EndIndex: int64(to)}}})
				if dim == "ROWS" {
					m.rows = slices.Delete(m.rows, from, to)
					return
				}
				m.cols = slices.Delete(m.cols, from, to)
				for _, r := range m.rows {
					r.cells = slices.Delete(r.cells, from, to)
				}
			},
			"move": func(rt *rapid.T) {
				dim, size := drawDimension(rt, m)
				from, to := span(rt, size)
				dest := rapid.IntRange(0, size).Draw(rt, "dest")
				if dest > from && dest < to {
					dest = to
				}
				f.batch(&sheets.Request{MoveDimension: &sheets.MoveDimensionRequest{DestinationIndex: int64(dest),
					Source: &sheets.DimensionRange{Dimension: dim, StartIndex: int64(from), EndIndex: int64(to)}}})
				if dim == "ROWS" {
					m.rows = moved(m.rows, from, to, dest)
					return
				}
				m.cols = moved(m.cols, from, to, dest)
				for _, r := range m.rows {
					r.cells = moved(r.cells, from, to, dest)
				}
			},
			"sort": func(rt *rapid.T) {
				r0, r1 := span(rt, len(m.rows))
				c0, c1 := span(rt, len(m.cols))
				by := rapid.IntRange(c0, c1-1).Draw(rt, "by")
				order := rapid.SampledFrom([]string{"ASCENDING", "DESCENDING"}).Draw(rt, "order")
				f.batch(&sheets.Request{SortRange: &sheets.SortRangeRequest{SortSpecs: []*sheets.SortSpec{{DimensionIndex: int64(by), SortOrder: order}},
					Range: &sheets.GridRange{StartRowIndex: int64(r0), EndRowIndex: int64(r1), StartColumnIndex: int64(c0), EndColumnIndex: int64(c1)}}})
				m.sort(r0, r1, c0, c1, by, order == "DESCENDING")
			},
			"append cells": func(rt *rapid.T) {
				at := m.lastRow() + 1
				f.batch(&sheets.Request{AppendCells: &sheets.AppendCellsRequest{Fields: "userEnteredValue", Rows: []*sheets.RowData{{Values: []*sheets.CellData{cellOf("last")}}}}})
				if at == len(m.rows) {
					m.insertRows(at, 1)
				}
				m.rows[at].cells[0] = "last"
			},
			"append dimension": func(rt *rapid.T) {
				n := rapid.IntRange(1, 300).Draw(rt, "n")
				f.batch(&sheets.Request{AppendDimension: &sheets.AppendDimensionRequest{Dimension: "ROWS", Length: int64(n)}})
				m.insertRows(len(m.rows), n)
			},
			"metadata": func(rt *rapid.T) {
				dim, size := drawDimension(rt, m)
				at := rapid.IntRange(0, size-1).Draw(rt, "at")
				key := fmt.Sprint("key ", keys)
				keys++
				f.batch(&sheets.Request{CreateDeveloperMetadata: &sheets.CreateDeveloperMetadataRequest{DeveloperMetadata: &sheets.DeveloperMetadata{
					MetadataKey: key, Visibility: "DOCUMENT", Location: &sheets.DeveloperMetadataLocation{
						DimensionRange: &sheets.DimensionRange{Dimension: dim, StartIndex: int64(at), EndIndex: int64(at + 1)}}}}})
				if dim == "ROWS" {
					m.rows[at].meta = append(slices.Clone(m.rows[at].meta), key)
				} else {
					m.cols[at] = append(slices.Clone(m.cols[at]), key)
				}
			},
			"a batch that fails changes nothing": func(rt *rapid.T) {
				_, err := f.api.Spreadsheets.BatchUpdate(f.id, &sheets.BatchUpdateSpreadsheetRequest{Requests: []*sheets.Request{
					{UpdateCells: &sheets.UpdateCellsRequest{Fields: "*", Range: &sheets.GridRange{}}},
					{AppendDimension: &sheets.AppendDimensionRequest{Dimension: "ROWS", Length: 3}},
					{DeleteSheet: &sheets.DeleteSheetRequest{}},
				}}).Do()
				wantError(t, err, 400, "Invalid requests[2].deleteSheet: You can't remove all the sheets in a document.")
			},
		})
	})
}

func drawDimension(rt *rapid.T, m *model) (string, int) {
	if rapid.IntRange(0, 2).Draw(rt, "dimension") == 0 {
		return "COLUMNS", len(m.cols)
	}
	return "ROWS", len(m.rows)
}

func cellOf(v any) *sheets.CellData {
	switch v := v.(type) {
	case string:
		if v != "" {
			return &sheets.CellData{UserEnteredValue: &sheets.ExtendedValue{StringValue: &v}}
		}
	case float64:
		return &sheets.CellData{UserEnteredValue: &sheets.ExtendedValue{NumberValue: &v}}
	case bool:
		return &sheets.CellData{UserEnteredValue: &sheets.ExtendedValue{BoolValue: &v}}
	}
	return &sheets.CellData{}
}

// metadata lists the entries on rows and columns in the model's words.
func (f *fixture) metadata() []string {
	f.t.Helper()
	got, err := f.api.Spreadsheets.DeveloperMetadata.Search(f.id, &sheets.SearchDeveloperMetadataRequest{
		DataFilters: []*sheets.DataFilter{{GridRange: &sheets.GridRange{}}}}).Do()
	if err != nil {
		f.t.Fatal(err)
	}
	var out []string
	for _, m := range got.MatchedDeveloperMetadata {
		l := m.DeveloperMetadata.Location
		if l.DimensionRange != nil {
			out = append(out, fmt.Sprintf("%s at %s %d", m.DeveloperMetadata.MetadataKey, strings.ToLower(l.LocationType), l.DimensionRange.StartIndex))
		}
	}
	sort.Strings(out)
	return out
}
