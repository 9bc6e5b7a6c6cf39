package filejob_test

import (
	"errors"
	"strings"
	"testing"

	"rowsmith/cmd/internal/app/apptest"
	"rowsmith/cmd/internal/filejob"
	"rowsmith/sheets/sheetsim"
)

func TestParseSheet(t *testing.T) {
	const id = "1aB-_cD2eF3gH4iJ5kL6mN7oP8qR9sT0"
	for in, want := range map[string]int64{
		"https://docs.google.com/spreadsheets/d/" + id + "/edit#gid=123":     123,
		"https://docs.google.com/spreadsheets/d/" + id + "/edit?gid=7#gid=7": 7,
		"https://docs.google.com/spreadsheets/u/1/d/" + id + "/edit?gid=9":   9,
		"https://docs.google.com/spreadsheets/d/" + id:                       -1,
		"https://docs.google.com/spreadsheets/d/" + id + "/edit?usp=sharing": -1,
		"http://docs.google.com/spreadsheets/d/" + id + "/edit":              -2,
		"https://docs.google.com.evil.com/spreadsheets/d/" + id + "/edit":    -2,
		"https://docs.google.com/document/d/" + id + "/edit":                 -2,
		"https://docs.google.com/spreadsheets/d/..%2f..%2f" + id + "/edit":   -2,
		"leads.csv": -2,
		"":          -2,
	} {
		at, ok := filejob.ParseSheet(in)
		switch {
		case want == -2 && ok, want != -2 && !ok:
			t.Errorf("ParseSheet(%q) = %v, %v", in, at, ok)
		case want == -2:
		case at.ID != id, want == -1 && at.Tab != nil, want >= 0 && (at.Tab == nil || *at.Tab != want):
			t.Errorf("ParseSheet(%q) = %+v", in, at)
		}
	}
}

// sheetRun is a spreadsheet at a Google of this machine and the options of a run over it.
func sheetRun(t *testing.T, rows int) (*apptest.Google, filejob.Options, filejob.SheetAddress, *sheetsim.Server) {
	t.Helper()
	dns := apptest.StartDNS(t, "acme-leads.com. 300 IN MX 10 mx.acme-leads.com.")
	g := apptest.StartGoogle(t)
	var all apptest.Spreadsheets
	id, tab := g.Make(t, &all, apptest.Leads(rows))
	o := filejob.Options{
		Data: t.TempDir(), DNS: dns.Addr, Credentials: g.KeyFile, Want: []string{"first_name", "email_normalized"},
		Environ: []string{"ROWSMITH_SHEETS_ENDPOINT=" + g.Endpoint, "ROWSMITH_WRITE_INTERVAL=100ms"},
	}
	return g, o, filejob.SheetAddress{ID: id, Tab: &tab}, g.Sim
}

func TestSheetIsFilledInPlace(t *testing.T) {
	_, o, at, sim := sheetRun(t, 40)
	sum, err := filejob.RunSheet(t.Context(), o, at)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Rows != 40 || sum.Enriched != 40 || sum.CellsWritten != 60 {
		t.Errorf("%+v", sum)
	}
	text, err := sim.Dump(t.Context(), at.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "jane.0@acme-leads.com") || !strings.Contains(text, "First name") {
		t.Errorf("the sheet:\n%.500s", text)
	}
	// Everything that costs nothing, from the sheet's own headings.
	o.Want = nil
	if sum, err = filejob.RunSheet(t.Context(), o, at); err != nil || sum.CellsWritten == 0 {
		t.Errorf("all that is free: %+v %v", sum, err)
	}
}

func TestSheetThatCannotBeOpened(t *testing.T) {
	g, o, at, _ := sheetRun(t, 5)
	wants := func(err error, parts ...string) {
		t.Helper()
		call, ok := errors.AsType[*filejob.CallError](err)
		if !ok {
			t.Fatalf("got %v, want a call error", err)
		}
		for _, p := range parts {
			if !strings.Contains(call.Message, p) {
				t.Errorf("%q does not say %q", call.Message, p)
			}
		}
	}
	g.Share("another")
	_, err := filejob.RunSheet(t.Context(), o, at)
	wants(err, "isn't shared", g.Email, "press Share")
	o.Want = nil
	_, err = filejob.RunSheet(t.Context(), o, at)
	wants(err, "isn't shared", g.Email)
	g.Share(at.ID)
	g.Refuse(400)
	_, err = filejob.RunSheet(t.Context(), o, at)
	wants(err, "isn't shared", g.Email)
	g.Refuse(0)
	o.Credentials = "/nowhere/sa.json"
	_, err = filejob.RunSheet(t.Context(), o, at)
	wants(err, "key file")
	o.Credentials = g.KeyFile
	if _, err := filejob.RunSheet(t.Context(), o, at); err != nil {
		t.Errorf("after it was shared: %v", err)
	}
}
