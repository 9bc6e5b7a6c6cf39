package api

import (
	"go/constant"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	"golang.org/x/tools/go/packages"

	"rowsmith/tasks"
)

func TestTheRouterHasTheTablesRoutes(t *testing.T) {
	e := echo.New()
	if err := Mount(e, Config{Log: slog.New(slog.DiscardHandler), Version: "test"}); err != nil {
		t.Fatal(err)
	}
	got, want := map[string]bool{}, map[string]bool{}
	for _, r := range e.Routes() {
		got[r.Method+" "+r.Path] = true
	}
	for _, r := range routes() {
		for _, m := range r.methods() {
			if want[m+" "+echoPath(r.path)] {
				t.Errorf("%s %s stands in the table twice", m, r.path)
			}
			want[m+" "+echoPath(r.path)] = true
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("router has\n%v, the table\n%v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

func TestRoutesAreComplete(t *testing.T) {
	for _, r := range routes() {
		if r.who == "" || r.handle == nil || r.summary == "" || r.status == 0 {
			t.Errorf("%s %s: %+v", r.method, r.path, r)
		}
		public := r.path == "/health" || r.path == "/ready" || r.path == "/openapi.json"
		if (r.who == "none") != public || (r.who == "internal") != strings.HasPrefix(r.path, "/internal/") {
			t.Errorf("%s %s takes %s", r.method, r.path, r.who)
		}
		for _, code := range r.failures() {
			if status[code] == 0 {
				t.Errorf("%s %s: code %q has no status", r.method, r.path, code)
			}
		}
	}
}

func TestTheDocumentIsValid(t *testing.T) {
	made, err := Describe("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	b, err := made.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if doc.Info.Version != "1.2.3" {
		t.Errorf("version %q", doc.Info.Version)
	}
	for _, r := range routes() {
		item := doc.Paths.Value(r.path)
		if r.who == "internal" {
			if item != nil {
				t.Errorf("%s is described", r.path)
			}
			continue
		}
		if item == nil || item.GetOperation(r.method) == nil {
			t.Errorf("%s %s is not described", r.method, r.path)
			continue
		}
		op := item.GetOperation(r.method)
		want := map[string]bool{}
		for _, code := range r.failures() {
			want[statusText(status[code])] = true
		}
		want[statusText(r.status)] = true
		for st := range op.Responses.Map() {
			if !want[st] {
				t.Errorf("%s %s: %s is described, the table hasn't got it", r.method, r.path, st)
			}
			delete(want, st)
		}
		if len(want) > 0 {
			t.Errorf("%s %s: not described: %v", r.method, r.path, want)
		}
	}
	again, err := Describe("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if b2, _ := again.MarshalJSON(); string(b) != string(b2) {
		t.Error("describing twice gives two documents")
	}
}

func statusText(n int) string {
	return string(rune('0'+n/100)) + string(rune('0'+n/10%10)) + string(rune('0'+n%10))
}

// The contract's codes and statuses. A code that no route gives yet may be missing, never another status.
func TestCodesHaveTheirStatus(t *testing.T) {
	contract := map[int][]tasks.Code{
		400: {"invalid_request"}, 401: {"unauthenticated"}, 402: {"out_of_credits"}, 403: {"not_allowed", "access_needed"}, 404: {"not_found"}, 405: {"method_not_allowed"},
		409: {"idempotency_key_reused", "idempotency_in_progress", "overlapping_job", "job_finished"}, 413: {"too_large"}, 415: {"unsupported_media_type"},
		422: {"use_a_job", "unknown_attribute"}, 429: {"rate_limited"}, 500: {"internal"}, 503: {"unavailable"},
	}
	known := map[tasks.Code]int{}
	for st, codes := range contract {
		for _, c := range codes {
			known[c] = st
		}
	}
	for code, st := range status {
		if known[code] != st {
			t.Errorf("%q has status %d, the contract says %d", code, st, known[code])
		}
	}
	for _, code := range []tasks.Code{
		"invalid_request", "unauthenticated", "not_allowed", "access_needed", "not_found", "method_not_allowed", "idempotency_key_reused", "overlapping_job", "job_finished",
		"too_large", "unsupported_media_type", "unknown_attribute", "internal", "unavailable",
	} {
		if status[code] == 0 {
			t.Errorf("%q has no status any more", code)
		}
	}
}

// The document lists closed sets of values; the code that declares them may grow.
func TestClosedSetsAreComplete(t *testing.T) {
	pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadTypes}, "rowsmith/tasks", "rowsmith/sheets")
	if err != nil || len(pkgs) != 2 {
		t.Fatal(len(pkgs), err)
	}
	declared := map[string][]string{} // type → values
	for _, p := range pkgs {
		for _, name := range p.Types.Scope().Names() {
			if c, ok := p.Types.Scope().Lookup(name).(interface{ Val() constant.Value }); ok && c.Val().Kind() == constant.String {
				typ := p.Types.Scope().Lookup(name).Type().String()
				declared[typ] = append(declared[typ], constant.StringVal(c.Val()))
			}
		}
	}
	for typ, values := range closed() {
		if strings.HasSuffix(typ.PkgPath(), "/access") {
			continue // a description shows only what an outside caller can have
		}
		var listed []string
		for _, v := range values {
			listed = append(listed, v.(string))
		}
		for _, v := range declared[typ.PkgPath()+"."+typ.Name()] {
			if !slices.Contains(listed, v) {
				t.Errorf("%v: %q is missing from the document or the table of statuses", typ, v)
			}
		}
		if len(declared[typ.PkgPath()+"."+typ.Name()]) == 0 {
			t.Errorf("%v: no constants found", typ)
		}
	}
}

// Other programs hold on to these names. Document and answers are made from the same types, so only a list of its own sees
// that one was renamed. Fields may be added.
func TestNamesOfTheContract(t *testing.T) {
	doc, err := Describe("test")
	if err != nil {
		t.Fatal(err)
	}
	for schema, names := range map[string]string{
		"Problem":    "type title status code detail request_id errors",
		"FieldError": "field detail",
		"Job": "id state pause warnings trigger spreadsheet_id sheet sheet_id range want fill rows credits match_rate error created_at started_at finished_at " +
			"cells_written",
		"Pause":     "code detail action until",
		"Rows":      "total eligible enriched written unwritten unmatched skipped duplicates failed moved",
		"Credits":   "reserved spent",
		"Request":   "spreadsheet_id sheet sheet_id range header_row mapping output defaults want fill max_credits",
		"JobList":   "jobs next",
		"Sheet":     "spreadsheet_id title",
		"Me":        "account credential name",
		"Report":    "job attributes rows more",
		"RowNote":   "row state reason",
		"SheetList": "sheets", "AttributeList": "attributes",
	} {
		ref := doc.Components.Schemas[schema]
		if ref == nil {
			t.Errorf("there is no %s", schema)
			continue
		}
		for _, name := range strings.Fields(names) {
			if ref.Value.Properties[name] == nil {
				t.Errorf("%s has no %s any more", schema, name)
			}
		}
	}
}
