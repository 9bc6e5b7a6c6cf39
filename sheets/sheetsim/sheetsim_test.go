package sheetsim_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/sheets/v4"

	"rowsmith/sheets/sheetsim"
	"rowsmith/sheets/sheetsim/discovery"
)

var testTime = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// A fixture is a server with a real client on it, every exchange held against the discovery document.
type fixture struct {
	t   *testing.T
	srv *sheetsim.Server
	api *sheets.Service
	url string
	dir string
	id  string // a spreadsheet made by sheet()
	cfg sheetsim.Config
}

func start(t *testing.T, change ...func(*sheetsim.Config)) *fixture {
	t.Helper()
	cfg := sheetsim.Config{Dir: t.TempDir(), Clock: clockwork.NewFakeClockAt(testTime)}
	for _, c := range change {
		c(&cfg)
	}
	f := &fixture{t: t, cfg: cfg, dir: cfg.Dir}
	f.open()
	return f
}

func (f *fixture) open() {
	f.t.Helper()
	srv, err := sheetsim.Open(context.Background(), f.cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	f.srv = srv
	hs := httptest.NewServer(discovery.Check(f.t, srv))
	f.connect(hs.URL)
	f.t.Cleanup(func() {
		hs.Close()
		if err := srv.Close(); err != nil {
			f.t.Error(err)
		}
	})
}

func (f *fixture) connect(url string) {
	f.t.Helper()
	f.url = url
	var err error
	f.api, err = sheets.NewService(context.Background(), option.WithEndpoint(url), option.WithoutAuthentication())
	if err != nil {
		f.t.Fatal(err)
	}
}

// sheet makes a spreadsheet with one tab of the given size, called Sheet1, whose id is 0.
func (f *fixture) sheet(rows, cols int64) *fixture {
	f.t.Helper()
	got, err := f.api.Spreadsheets.Create(&sheets.Spreadsheet{
		Properties: &sheets.SpreadsheetProperties{Title: "Leads"},
		Sheets: []*sheets.Sheet{{Properties: &sheets.SheetProperties{Title: "Sheet1", SheetId: 0, ForceSendFields: []string{"SheetId"},
			GridProperties: &sheets.GridProperties{RowCount: rows, ColumnCount: cols}}}},
	}).Do()
	if err != nil {
		f.t.Fatal(err)
	}
	f.id = got.SpreadsheetId
	return f
}

func (f *fixture) put(rng string, rows ...[]any) {
	f.t.Helper()
	_, err := f.api.Spreadsheets.Values.Update(f.id, rng, &sheets.ValueRange{Values: rows}).ValueInputOption("RAW").Do()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) values(rng string) [][]any {
	f.t.Helper()
	got, err := f.api.Spreadsheets.Values.Get(f.id, rng).ValueRenderOption("UNFORMATTED_VALUE").Do()
	if err != nil {
		f.t.Fatal(err)
	}
	return got.Values
}

func (f *fixture) batch(reqs ...*sheets.Request) *sheets.BatchUpdateSpreadsheetResponse {
	f.t.Helper()
	got, err := f.api.Spreadsheets.BatchUpdate(f.id, &sheets.BatchUpdateSpreadsheetRequest{Requests: reqs}).Do()
	if err != nil {
		f.t.Fatal(err)
	}
	return got
}

// wantError checks an error's HTTP status and message.
func wantError(t *testing.T, err error, code int, message string) {
	t.Helper()
	var e *googleapi.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want a googleapi.Error %d %q", err, code, message)
	}
	if e.Code != code || e.Message != message {
		t.Errorf("error %d %q, want %d %q", e.Code, e.Message, code, message)
	}
}

func row(vs ...any) []any { return vs }
