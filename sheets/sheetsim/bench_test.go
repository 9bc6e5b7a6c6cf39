package sheetsim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/api/sheets/v4"

	"rowsmith/sheets/sheetsim"
)

func serve(b *testing.B, srv http.Handler, method, path string, body any) *httptest.ResponseRecorder {
	b.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		b.Fatal(err)
	}
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(string(data))))
	if w.Code != http.StatusOK {
		b.Fatal(w.Body)
	}
	return w
}

func benchServer(b *testing.B) *sheetsim.Server {
	srv, err := sheetsim.Open(b.Context(), sheetsim.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { srv.Close() })
	if _, err := srv.Load(b.Context(), "id: x\n-- Sheet1 rows=10000 cols=14 --\n"); err != nil {
		b.Fatal(err)
	}
	return srv
}

func writePages(b *testing.B, srv http.Handler) {
	for at := 0; at < 10_000; at += 5000 {
		serve(b, srv, "POST", "/v4/spreadsheets/x/values:batchUpdate?prettyPrint=false", sheets.BatchUpdateValuesRequest{ValueInputOption: "RAW",
			Data: []*sheets.ValueRange{{Range: fmt.Sprintf("Sheet1!A%d", at+1), Values: pageRows(at, 5000, 12)}}})
	}
}

// BenchmarkLoad writes 10,000 rows by 12 columns in two pages.
func BenchmarkLoad(b *testing.B) {
	srv := benchServer(b)
	for b.Loop() {
		writePages(b, srv)
	}
}

// BenchmarkRead reads them back.
func BenchmarkRead(b *testing.B) {
	srv := benchServer(b)
	writePages(b, srv)
	for b.Loop() {
		for at := 0; at < 10_000; at += 5000 {
			serve(b, srv, "GET", fmt.Sprintf("/v4/spreadsheets/x/values/Sheet1!A%d:L%d?prettyPrint=false", at+1, at+5000), nil)
		}
	}
}

// BenchmarkUpdateCells writes 2,000 rows' two output cells in one batch and reads the after-image.
func BenchmarkUpdateCells(b *testing.B) {
	srv := benchServer(b)
	writePages(b, srv)
	req := sheets.BatchUpdateSpreadsheetRequest{IncludeSpreadsheetInResponse: true, ResponseIncludeGridData: true}
	for i := range 2000 {
		c := cellOf("found@example.com")
		c.Note, c.UserEnteredFormat = "from a test", &sheets.CellFormat{NumberFormat: &sheets.NumberFormat{Type: "TEXT"}}
		req.Requests = append(req.Requests, &sheets.Request{UpdateCells: &sheets.UpdateCellsRequest{
			Fields: "userEnteredValue,note,userEnteredFormat.numberFormat", Start: &sheets.GridCoordinate{RowIndex: int64(i * 5), ColumnIndex: 12},
			Rows: []*sheets.RowData{{Values: []*sheets.CellData{c, cellOf("b")}}}}})
	}
	req.ResponseRanges = []string{"Sheet1!A1:N10000"}
	for b.Loop() {
		serve(b, srv, "POST", "/v4/spreadsheets/x:batchUpdate?prettyPrint=false&fields=replies,updatedSpreadsheet.sheets.data.rowData.values(userEnteredValue,note)", req)
	}
}
