package sheetsim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/api/sheets/v4"
	"pgregory.net/rapid"
)

func same(t rapid.TB, what string, got, want any) {
	t.Helper()
	if reflect.DeepEqual(got, want) {
		return
	}
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if string(g) == string(w) {
		g, w = fmt.Appendf(nil, "%#v", got), fmt.Appendf(nil, "%#v", want)
	}
	t.Errorf("%s:\n got %s\nwant %s", what, g, w)
}

func TestValuesComeBack(t *testing.T) {
	f := start(t).sheet(100, 10)
	f.put("Sheet1!A1:C3", row("Name", "Age", "Ok"), row("Ada", 36, true), row(nil, "", 1.5))
	same(t, "values", f.values("Sheet1!A1:J100"), [][]any{row("Name", "Age", "Ok"), row("Ada", 36.0, true), row("", "", 1.5)})
}

func TestBatchUpdateAnswersTheAfterImage(t *testing.T) {
	f := start(t).sheet(100, 10)
	f.put("Sheet1!A1:B2", row("Name", "Email"), row("Ada", ""))
	text := "ada@example.com"
	got, err := f.api.Spreadsheets.BatchUpdate(f.id, &sheets.BatchUpdateSpreadsheetRequest{
		IncludeSpreadsheetInResponse: true, ResponseIncludeGridData: true, ResponseRanges: []string{"Sheet1!A2:B2"},
		Requests: []*sheets.Request{{UpdateCells: &sheets.UpdateCellsRequest{
			Start:  &sheets.GridCoordinate{SheetId: 0, RowIndex: 1, ColumnIndex: 1},
			Fields: "userEnteredValue,note,userEnteredFormat.numberFormat",
			Rows: []*sheets.RowData{{Values: []*sheets.CellData{{
				UserEnteredValue:  &sheets.ExtendedValue{StringValue: &text},
				UserEnteredFormat: &sheets.CellFormat{NumberFormat: &sheets.NumberFormat{Type: "TEXT"}}, Note: "found"}}}},
		}}},
	}).Do()
	if err != nil {
		t.Fatal(err)
	}
	data := got.UpdatedSpreadsheet.Sheets[0].Data[0]
	if data.StartRow != 1 || len(data.RowData) != 1 || len(data.RowData[0].Values) != 2 {
		t.Fatalf("grid data %+v", data)
	}
	c := data.RowData[0].Values[1]
	if c.FormattedValue != text || c.Note != "found" || c.UserEnteredFormat.NumberFormat.Type != "TEXT" {
		t.Errorf("cell %+v", c)
	}
}

func TestMetadataFollowsItsRow(t *testing.T) {
	f := start(t).sheet(100, 10)
	f.put("Sheet1!A1", row("c"), row("a"), row("b"))
	f.batch(&sheets.Request{CreateDeveloperMetadata: &sheets.CreateDeveloperMetadataRequest{DeveloperMetadata: &sheets.DeveloperMetadata{
		MetadataKey: "k", Visibility: "DOCUMENT", Location: &sheets.DeveloperMetadataLocation{
			DimensionRange: &sheets.DimensionRange{SheetId: 0, Dimension: "ROWS", StartIndex: 0, EndIndex: 1}}}}},
		&sheets.Request{InsertDimension: &sheets.InsertDimensionRequest{Range: &sheets.DimensionRange{Dimension: "ROWS", StartIndex: 1, EndIndex: 3}, InheritFromBefore: true}},
		&sheets.Request{SortRange: &sheets.SortRangeRequest{Range: &sheets.GridRange{}, SortSpecs: []*sheets.SortSpec{{DimensionIndex: 0, SortOrder: "ASCENDING"}}}})
	same(t, "values", f.values("Sheet1"), [][]any{row("a"), row("b"), row("c")})
	got, err := f.api.Spreadsheets.Values.BatchGetByDataFilter(f.id, &sheets.BatchGetValuesByDataFilterRequest{
		DataFilters: []*sheets.DataFilter{{DeveloperMetadataLookup: &sheets.DeveloperMetadataLookup{MetadataKey: "k"}}}}).Do()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "range", got.ValueRanges[0].ValueRange.Range, "Sheet1!A3:J3")
	same(t, "values", got.ValueRanges[0].ValueRange.Values, [][]any{row("c")})
}

func jsonString(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s)
	return strings.TrimSpace(b.String())
}
