package sheetsim_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/sheets/v4"

	"rowsmith/sheets/sheetsim"
)

func TestSomeoneSortsBetweenTwoRequests(t *testing.T) {
	f := start(t).sheet(10, 2)
	f.put("Sheet1!A1", row("b"), row("a"))
	var seen []string
	f.srv.Before(func(op sheetsim.Op) {
		seen = append(seen, op.Method+" "+strings.Join(op.Requests, ","))
		if op.SpreadsheetID != f.id {
			t.Errorf("op of %q", op.SpreadsheetID)
		}
		if op.Method != "spreadsheets.batchUpdate" {
			return
		}
		_, err := f.srv.Do(context.Background(), "POST", "/v4/spreadsheets/"+f.id+":batchUpdate",
			map[string]any{"requests": []any{map[string]any{"sortRange": map[string]any{"range": map[string]any{"sheetId": 0}, "sortSpecs": []any{map[string]any{"dimensionIndex": 0, "sortOrder": "ASCENDING"}}}}}})
		if err != nil {
			t.Error(err)
		}
	})
	var statuses []int
	f.srv.After(func(_ sheetsim.Op, status int) { statuses = append(statuses, status) })
	f.batch(&sheets.Request{UpdateCells: &sheets.UpdateCellsRequest{Start: &sheets.GridCoordinate{ColumnIndex: 1}, Fields: "userEnteredValue",
		Rows: []*sheets.RowData{{Values: []*sheets.CellData{cellOf("first")}}}}})
	same(t, "values", f.values("Sheet1"), [][]any{row("a", "first"), row("b")})
	same(t, "operations", seen, []string{"spreadsheets.batchUpdate updateCells", "spreadsheets.values.get "})
	same(t, "statuses", statuses, []int{200, 200})
	same(t, "calls", f.srv.Calls(), sheetsim.Calls{Reads: 1, Writes: 3, By: map[string]int{
		"spreadsheets.create": 1, "spreadsheets.values.update": 1, "spreadsheets.batchUpdate": 1, "spreadsheets.values.get": 1}})
}

func TestFaults(t *testing.T) {
	f := start(t).sheet(10, 2)
	write := func(v string) error {
		_, err := f.api.Spreadsheets.Values.Update(f.id, "Sheet1!A1", &sheets.ValueRange{Values: [][]any{row(v)}}).ValueInputOption("RAW").Do()
		return err
	}
	onlyWrites := func(op sheetsim.Op) bool { return op.Write }
	f.srv.Fail(sheetsim.Fault{Match: onlyWrites, Times: 2, Status: 429})
	f.srv.Fail(sheetsim.Fault{Match: onlyWrites, Apply: true, Message: "Lost."})
	for range 2 {
		wantError(t, write("refused"), 429, "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per user' of service 'sheets.googleapis.com' for consumer 'project_number:1'.")
	}
	same(t, "after being refused", len(f.values("Sheet1")), 0)
	wantError(t, write("applied"), 503, "Lost.")
	same(t, "after an ambiguous failure", f.values("Sheet1"), [][]any{row("applied")})
	if err := write("fine"); err != nil {
		t.Error(err)
	}
}

func TestDroppedConnection(t *testing.T) {
	f := start(t).sheet(10, 2)
	f.srv.Fail(sheetsim.Fault{Apply: true, Drop: true})
	_, err := f.api.Spreadsheets.Values.Append(f.id, "Sheet1!A1", &sheets.ValueRange{Values: [][]any{row("x")}}).ValueInputOption("RAW").Do()
	if err == nil {
		t.Fatal("an answer came through")
	}
	same(t, "values", f.values("Sheet1"), [][]any{row("x")})
}

func TestQuotas(t *testing.T) {
	clock := clockwork.NewFakeClockAt(testTime)
	f := start(t, func(c *sheetsim.Config) {
		c.Clock = clock
		c.Quotas = &sheetsim.Quotas{ReadsPerUser: 2, ReadsPerProject: 3, WritesPerUser: 1}
	}).sheet(10, 2)
	read := func(user string) error {
		_, err := f.api.Spreadsheets.Get(f.id).Fields("spreadsheetId").Do(googleapi.QuotaUser(user))
		return err
	}
	for _, user := range []string{"a", "a", "b"} {
		if err := read(user); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, read("a"), 429, "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user' of service 'sheets.googleapis.com' for consumer 'project_number:1'.")
	wantError(t, read("b"), 429, "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute' of service 'sheets.googleapis.com' for consumer 'project_number:1'.")
	status, body := f.exchange("POST", "/v4/spreadsheets", "{}")
	if status != 429 || !strings.Contains(body, `"quota_limit": "WriteRequestsPerMinutePerUser"`) || !strings.Contains(body, "RATE_LIMIT_EXCEEDED") {
		t.Errorf("%d %s", status, body)
	}
	clock.Advance(time.Minute)
	if err := read("a"); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestAuthorization(t *testing.T) {
	f := start(t, func(c *sheetsim.Config) {
		c.Authorize = func(r *http.Request, op sheetsim.Op) (string, error) {
			switch r.Header.Get("Authorization") {
			case "Bearer good":
				return "someone", nil
			case "Bearer stranger":
				return "", errors.Join(sheetsim.ErrForbidden, errors.New("not "+op.SpreadsheetID))
			case "Bearer blind":
				return "", sheetsim.ErrUnknown
			}
			return "", sheetsim.ErrUnauthenticated
		}
	})
	f.id = "some"
	for token, want := range map[string]int{"": 401, "Bearer bad": 401, "Bearer stranger": 403, "Bearer blind": 404, "Bearer good": 404} {
		if status, body := f.exchange("GET", "/v4/spreadsheets/ID", "", "Authorization", token); status != want {
			t.Errorf("%q: %d %s", token, status, body)
		}
	}
	if got := f.srv.Calls().Reads; got != 1 {
		t.Errorf("%d calls were let in", got)
	}
}

func TestDeleteListAndClose(t *testing.T) {
	f := start(t).sheet(600, 2)
	f.put("Sheet1", make([][]any, 0)...)
	got, err := f.srv.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "list", got, []sheetsim.Entry{{ID: f.id, Title: "Leads", Created: testTime}})
	if err := f.srv.Delete(t.Context(), f.id); err != nil {
		t.Fatal(err)
	}
	if err := f.srv.Delete(t.Context(), f.id); !errors.Is(err, sheetsim.ErrNotFound) {
		t.Errorf("deleting twice: %v", err)
	}
	if got, err := f.srv.List(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("list after deleting: %v, %v", got, err)
	}
	if err := f.srv.Close(); err != nil {
		t.Fatal(err)
	}
	if status, _ := f.exchange("GET", "/v4/spreadsheets/ID", ""); status != 503 {
		t.Errorf("after Close: %d", status)
	}
}
