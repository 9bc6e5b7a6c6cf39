package sheetsim_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/api/option"
	"google.golang.org/api/sheets/v4"

	"rowsmith/sheets/sheetsim/discovery"
)

func TestRawRequests(t *testing.T) {
	f := start(t)
	var err error
	if f.id, err = f.srv.Load(t.Context(), leads); err != nil {
		t.Fatal(err)
	}
	const want = `{"majorDimension":"ROWS","range":"'My tab'!A1","values":[["x"]]}`
	for name, path := range map[string]string{
		"plain":        "/v4/spreadsheets/ID/values/'My%20tab'!A1:A1?prettyPrint=false",
		"escaped":      "/v4/spreadsheets/ID/values/%27My%20tab%27%21A1%3AA1?alt=json&key=abc&prettyPrint=false&access_token=t",
		"whole tab":    "/v4/spreadsheets/ID/values/My%20tab?prettyPrint=false",
		"open columns": "/v4/spreadsheets/ID/values/'My%20tab'!A:A?prettyPrint=false&$.xgafv=2",
		"R1C1":         "/v4/spreadsheets/ID/values/'My%20tab'!R1C1?prettyPrint=false&valueRenderOption=FORMULA",
	} {
		if status, body := f.exchange("GET", path, ""); status != 200 || body != want {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if _, body := f.exchange("GET", "/v4/spreadsheets/ID/values/Sheet1!A1:B1", ""); !strings.Contains(body, "\n  \"range\": \"Sheet1!A1:B1\"") {
		t.Errorf("the default is indented: %s", body)
	}
}

func TestLongURLsComeAsForms(t *testing.T) {
	f := start(t).sheet(10, 2)
	f.put("Sheet1!A1", row("x"))
	form := url.Values{"ranges": {"Sheet1!A1", "Sheet1!B1"}, "prettyPrint": {"false"}}.Encode()
	status, body := f.exchange("POST", "/v4/spreadsheets/ID/values:batchGet?majorDimension=COLUMNS", form,
		"X-HTTP-Method-Override", "GET", "Content-Type", "application/x-www-form-urlencoded")
	if status != 200 || !strings.Contains(strings.ReplaceAll(body, " ", ""), `"majorDimension":"COLUMNS"`) || strings.Count(body, `"range"`) != 2 {
		t.Errorf("%d %s", status, body)
	}
}

func TestGzipBothWays(t *testing.T) {
	f := start(t).sheet(10, 2)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	json.NewEncoder(z).Encode(map[string]any{"values": [][]any{row(strings.Repeat("x", 5000))}})
	z.Close()
	status, body := f.exchange("PUT", "/v4/spreadsheets/ID/values/Sheet1!A1?valueInputOption=RAW", packed.String(), "Content-Encoding", "gzip")
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	// A request that asks itself gets it packed.
	r, _ := http.NewRequest("GET", f.url+"/v4/spreadsheets/"+f.id+"/values/Sheet1!A1", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	un, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(un)
	if err != nil || !bytes.Contains(data, []byte(strings.Repeat("x", 5000))) {
		t.Errorf("%v, %d bytes", err, len(data))
	}
}

func TestBehindAMountPoint(t *testing.T) {
	f := start(t)
	var err error
	if f.id, err = f.srv.Load(t.Context(), leads); err != nil {
		t.Fatal(err)
	}
	hs := httptest.NewServer(http.StripPrefix("/sheets", discovery.Check(t, f.srv)))
	defer hs.Close()
	api, err := sheets.NewService(t.Context(), option.WithEndpoint(hs.URL+"/sheets/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	got, err := api.Spreadsheets.Values.Get(f.id, "'My tab'!A1:A").Do()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "values", got.Values, [][]any{row("x")})
	resp, err := http.Get(hs.URL + "/sheets/$discovery/rest?version=v4")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc struct{ RootURL, ServicePath, ID string }
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc.RootURL != hs.URL+"/sheets/" || doc.ID != "sheets:v4" {
		t.Errorf("document %+v", doc)
	}
}

func TestBothSpellingsOfNames(t *testing.T) {
	f := start(t).sheet(10, 2)
	// Past the check, which holds to the document's letter: Google takes snake_case and numbers in quotes too.
	hs := httptest.NewServer(f.srv)
	defer hs.Close()
	f.url = hs.URL
	status, body := f.exchange("POST", "/v4/spreadsheets/ID:batchUpdate",
		`{"requests":[{"update_cells":{"start":{"sheet_id":"0","row_index":"2"},"fields":"user_entered_value","rows":[{"values":[{"user_entered_value":{"string_value":"x"}}]}]}}]}`)
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	same(t, "values", f.values("Sheet1!A3"), [][]any{row("x")})
	status, body = f.exchange("GET", "/v4/spreadsheets/ID/values/A3?value_render_option=UNFORMATTED_VALUE", "")
	if status != 200 {
		t.Errorf("%d %s", status, body)
	}
}
