package sheetsim_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/api/sheets/v4"
)

var large = flag.Int("large", 60_000, "rows of TestLargeSheet; 1000000 takes a minute or so")

func pageRows(from, n, cols int) [][]any {
	rows := make([][]any, n)
	for i := range rows {
		rows[i] = make([]any, cols)
		for j := range rows[i] {
			rows[i][j] = fmt.Sprintf("value %d in column %d", from+i, j)
		}
	}
	return rows
}

// TestLargeSheet writes, reads and changes a sheet of -large rows by 8 columns in pages of 5,000 rows; what the server holds in between
// must not grow with it. Times are only logged: they are the machine's.
func TestLargeSheet(t *testing.T) {
	const page, cols = 5000, 8
	rows := *large
	f := start(t).sheet(int64(rows), cols)
	peak := watchHeap(t)
	timed := func(what string, do func()) {
		at := time.Now()
		do()
		t.Logf("%s: %v", what, time.Since(at).Round(time.Millisecond))
	}
	timed("write", func() {
		for at := 0; at < rows; at += page {
			_, err := f.api.Spreadsheets.Values.BatchUpdate(f.id, &sheets.BatchUpdateValuesRequest{ValueInputOption: "RAW", Data: []*sheets.ValueRange{
				{Range: fmt.Sprintf("Sheet1!A%d", at+1), Values: pageRows(at, page, cols)}}}).Fields("totalUpdatedCells").Do()
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	timed("reopen", f.open)
	timed("read", func() {
		for at := 0; at < rows; at += page {
			got := f.values(fmt.Sprintf("Sheet1!A%d:H%d", at+1, at+page))
			if len(got) != page || got[page-1][7] != fmt.Sprintf("value %d in column 7", at+page-1) {
				t.Fatalf("page at %d", at)
			}
		}
	})
	timed("insert, move and delete rows and columns", func() {
		mid := int64(rows / 2)
		f.batch(
			&sheets.Request{InsertDimension: &sheets.InsertDimensionRequest{Range: &sheets.DimensionRange{Dimension: "ROWS", StartIndex: 1, EndIndex: 2}}},
			&sheets.Request{MoveDimension: &sheets.MoveDimensionRequest{Source: &sheets.DimensionRange{Dimension: "ROWS", StartIndex: 0, EndIndex: 1}, DestinationIndex: mid}},
			&sheets.Request{DeleteDimension: &sheets.DeleteDimensionRequest{Range: &sheets.DimensionRange{Dimension: "ROWS", StartIndex: mid, EndIndex: mid + 1}}},
			&sheets.Request{InsertDimension: &sheets.InsertDimensionRequest{Range: &sheets.DimensionRange{Dimension: "COLUMNS", StartIndex: 1, EndIndex: 2}}},
			&sheets.Request{DeleteDimension: &sheets.DeleteDimensionRequest{Range: &sheets.DimensionRange{Dimension: "COLUMNS", StartIndex: 1, EndIndex: 2}}},
		)
	})
	same(t, "moved row", f.values(fmt.Sprintf("Sheet1!A%d", rows/2)), [][]any{row("value 0 in column 0")})
	timed("2,000 updateCells", func() {
		var reqs []*sheets.Request
		for i := range 2000 {
			reqs = append(reqs, &sheets.Request{UpdateCells: &sheets.UpdateCellsRequest{Fields: "userEnteredValue,note,userEnteredFormat.numberFormat",
				Start: &sheets.GridCoordinate{RowIndex: int64(i * 5), ColumnIndex: 6}, Rows: []*sheets.RowData{{Values: []*sheets.CellData{cellOf("a"), cellOf("b")}}}}})
		}
		f.batch(reqs...)
	})
	if got := peak() >> 20; got > 120 {
		// The client's own pages and the check's copies are in it.
		t.Errorf("the heap went up to %d MB", got)
	} else {
		t.Logf("heap up to %d MB", got)
	}
	if s, err := os.ReadFile("/proc/self/status"); err == nil {
		for l := range strings.Lines(string(s)) {
			if strings.HasPrefix(l, "VmHWM") {
				t.Log(strings.TrimSpace(l))
			}
		}
	}
}

// watchHeap looks at the heap in use every few milliseconds until the function it returns is called, which gives the most it saw.
func watchHeap(t *testing.T) func() uint64 {
	var most atomic.Uint64
	tick := time.NewTicker(5 * time.Millisecond)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapInuse))
		}
	}()
	return func() uint64 {
		tick.Stop()
		close(done)
		return most.Load()
	}
}
