package discovery

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

func TestMasks(t *testing.T) {
	const message = `{"a":{"b":1,"c":{"d":2,"e":3}},"f":[{"g":4,"h":5},{"h":6}],"i":{"x":{"g":7,"h":8},"y":{"g":9}}}`
	for _, tc := range []struct{ mask, want string }{
		{"", message},
		{"*", message},
		{"a", `{"a":{"b":1,"c":{"d":2,"e":3}}}`},
		{"a.b,f.h", `{"a":{"b":1},"f":[{"h":5},{"h":6}]}`},
		{"a/c/d", `{"a":{"c":{"d":2}}}`},
		{"a(b,c(e))", `{"a":{"b":1,"c":{"e":3}}}`},
		{"a(b),a.c.d", `{"a":{"b":1,"c":{"d":2}}}`},
		{"a,a.b", `{"a":{"b":1,"c":{"d":2,"e":3}}}`},
		{"a.b,a", `{"a":{"b":1,"c":{"d":2,"e":3}}}`},
		{"i/*/g", `{"i":{"x":{"g":7},"y":{"g":9}}}`},
		{"i(*(g),x.h)", `{"i":{"x":{"g":7,"h":8},"y":{"g":9}}}`},
		{"f(*)", `{"f":[{"g":4,"h":5},{"h":6}]}`},
		{"*/g", `{"a":{},"f":[{"g":4},{}],"i":{}}`},
	} {
		m, err := ParseMask(tc.mask)
		if err != nil {
			t.Errorf("ParseMask(%q): %v", tc.mask, err)
			continue
		}
		var v, want any
		json.Unmarshal([]byte(message), &v)
		json.Unmarshal([]byte(tc.want), &want)
		m.Prune(v)
		if !reflect.DeepEqual(v, want) {
			got, _ := json.Marshal(v)
			t.Errorf("%q leaves %s, want %s", tc.mask, got, tc.want)
		}
	}
	for _, bad := range []string{",", "a,", "a..b", "a(", "a)", "a()", "a(b", "a, b", " a", "a b", "a.(b)", "(a)", "a(b)c", "1a", strings.Repeat("a.", 60) + "a", strings.Repeat("a(", 60) + "a" + strings.Repeat(")", 60)} {
		if _, err := ParseMask(bad); err == nil {
			t.Errorf("ParseMask(%q) succeeded", bad)
		}
	}
}

func TestCheckMask(t *testing.T) {
	d, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for mask, want := range map[string]string{
		"sheets(properties(sheetId,title),data.rowData.values(userEnteredValue,note))": "",
		"sheets.properties.sheet_id": "",
		"spreadsheetId,*":            "",
		"sheets.nope":                "sheets.nope",
		"sheets.data.rowData.values.userEnteredValue.x": "sheets.data.rowData.values.userEnteredValue.x",
		"sheets.basicFilter.criteria.3.condition":       "",
	} {
		m, err := ParseMask(mask)
		if err != nil {
			if !strings.Contains(mask, ".3.") {
				t.Errorf("%q: %v", mask, err)
			}
			continue
		}
		if got := d.CheckMask(d.Schema("Spreadsheet"), m); got != want {
			t.Errorf("CheckMask(%q) = %q, want %q", mask, got, want)
		}
	}
}

// FuzzMask: whatever parses means the same when written and parsed again, and never takes in more than everything.
func FuzzMask(f *testing.F) {
	for _, s := range []string{"a", "a.b,c/d(e,*),f(g(h))", "*", "*/a", "a(", "user_entered_value", "a,a.b,a(c)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMask(s)
		if err != nil {
			return
		}
		again, err := ParseMask(m.String())
		if err != nil {
			t.Fatalf("%q became %q: %v", s, m, err)
		}
		if !reflect.DeepEqual(m, again) {
			t.Fatalf("%q became %q", s, m)
		}
	})
}

type faults struct{ texts []string }

func (f *faults) Helper()                        {}
func (f *faults) Fatalf(format string, a ...any) { f.Errorf(format, a...) }
func (f *faults) Errorf(format string, a ...any) {
	f.texts = append(f.texts, strings.TrimSpace(format))
	for _, x := range a {
		if s, ok := x.(string); ok {
			f.texts = append(f.texts, s)
		}
	}
}

func TestCheckCatches(t *testing.T) {
	const ok = `{"spreadsheetId":"x"}`
	for _, tc := range []struct {
		name, method, path, in string
		status                 int
		out, want              string // want "" for no fault
	}{
		{"fine", "POST", "/v4/spreadsheets", `{"properties":{"title":"x"}}`, 200, ok, ""},
		{"escaped path", "GET", "/v4/spreadsheets/x/values/%27a%2Fb%27%21A1?majorDimension=ROWS&fields=range", "", 200, `{"range":"A1","values":[["x",1,true,null]]}`, ""},
		{"unknown path", "GET", "/v4/sheets", "", 200, `{}`, "no such method"},
		{"unknown parameter", "GET", "/v4/spreadsheets/x?range=A1", "", 200, ok, `unknown parameter "range"`},
		{"wrong enum in the query", "GET", "/v4/spreadsheets/x/values/A1?majorDimension=rows", "", 200, `{}`, "unknown value"},
		{"unknown property sent", "POST", "/v4/spreadsheets", `{"title":"x"}`, 200, ok, `request: Spreadsheet has no property "title"`},
		{"unknown property answered", "GET", "/v4/spreadsheets/x", "", 200, `{"sheets":[{"title":"x"}]}`, `response.sheets[0]: Sheet has no property "title"`},
		{"wrong type answered", "GET", "/v4/spreadsheets/x", "", 200, `{"sheets":[{"properties":{"sheetId":"0"}}]}`, "in place of an int32"},
		{"wrong enum answered", "GET", "/v4/spreadsheets/x", "", 200, `{"sheets":[{"properties":{"sheetType":"TABLE"}}]}`, "unknown value"},
		{"a float for an int", "GET", "/v4/spreadsheets/x", "", 200, `{"sheets":[{"properties":{"sheetId":0.5}}]}`, "in place of an int32"},
		{"no JSON", "GET", "/v4/spreadsheets/x", "", 200, `<html>`, "not JSON"},
		{"an error", "GET", "/v4/spreadsheets/x", "", 404, `{"error":{"code":404,"message":"m","status":"NOT_FOUND"}}`, ""},
		{"an error with another code", "GET", "/v4/spreadsheets/x", "", 404, `{"error":{"code":400,"message":"m","status":"NOT_FOUND"}}`, "error.code"},
		{"an error of another form", "GET", "/v4/spreadsheets/x", "", 500, `{"message":"m"}`, "no {error"},
		{"a wrong request that was refused", "POST", "/v4/spreadsheets", `{"title":"x"}`, 400, `{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}`, ""},
	} {
		var f faults
		h := Check(&f, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(tc.status)
			w.Write([]byte(tc.out))
		}))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.in)))
		got := strings.Join(f.texts, " ")
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
