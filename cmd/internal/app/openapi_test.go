package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"rowsmith/cmd/internal/api"
	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/app/apptest"
	"rowsmith/tasks"
)

// A described holds requests and answers to the document that the program itself serves.
type described struct {
	p      *apptest.Program
	doc    *openapi3.T
	router routers.Router
	seen   map[string]bool // "GET /v1/me 200"
}

func describe(t *testing.T, p *apptest.Program) *described {
	t.Helper()
	resp, body := send(t, "GET", p.URL()+"/openapi.json", nil, "")
	if resp.StatusCode != 200 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	doc, err := openapi3.NewLoader().LoadFromData(body)
	if err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(doc) // validates the document
	if err != nil {
		t.Fatal(err)
	}
	return &described{p, doc, router, map[string]bool{}}
}

// keyed checks that a request carries what a security scheme asks for; whether the key is right is the program's to say.
func keyed(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	r := in.RequestValidationInput.Request
	switch in.SecurityScheme.Type {
	case "http":
		if _, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			return nil
		}
	case "apiKey":
		if r.Header.Get(in.SecurityScheme.Name) != "" {
			return nil
		}
	}
	return errors.New("no credential")
}

// call makes a request and holds it and its answer to the document. fits says whether the document allows the request.
func (d *described) call(t *testing.T, method, path string, header http.Header, body string, fits bool, st int, code tasks.Code) []byte {
	t.Helper()
	name := fmt.Sprintf("%s %.60s → %d", method, path, st)
	req, err := http.NewRequestWithContext(t.Context(), method, d.p.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	route, params, err := d.router.FindRoute(req)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	opts := &openapi3filter.Options{AuthenticationFunc: keyed, IncludeResponseStatus: true, MultiError: true}
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: opts}
	if err := openapi3filter.ValidateRequest(t.Context(), in); fits != (err == nil) {
		t.Errorf("%s: the document says of the request: %v", name, err)
	}
	resp, got := send(t, method, d.p.URL()+path, header, body)
	if resp.StatusCode != st {
		t.Errorf("%s: status %d: %.300s", name, resp.StatusCode, got)
	}
	if code != "" {
		wantProblem(t, resp, got, st, string(code))
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(got)), Options: opts,
	})
	if err != nil {
		t.Errorf("%s: the document says of the answer: %v", name, err)
	}
	d.seen[fmt.Sprintf("%s %s %d", method, route.Path, resp.StatusCode)] = true
	return got
}

func (d *described) job(t *testing.T, method, path, body string, st int) tasks.Job {
	t.Helper()
	header := withKey()
	if body != "" {
		header.Set("Content-Type", "application/json")
	}
	var j tasks.Job
	if err := json.Unmarshal(d.call(t, method, path, header, body, true, st, ""), &j); err != nil {
		t.Fatal(err)
	}
	return j
}

// Every route is called rightly and wrongly; each request and answer is held to the document, and each status that
// the document promises has been seen.
func TestTheDocumentHolds(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	var hold sync.Mutex // who has it keeps jobs from their first step
	var revoked atomic.Bool
	p := apptest.Start(t, t.TempDir(), dns.Addr, app.Parts{
		Step: func(step, _ string) {
			if step == "split.delivered" {
				hold.Lock()
				hold.Unlock()
			}
		},
		Around: func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if revoked.Load() {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusForbidden)
					io.WriteString(w, `{"error":{"code":403,"message":"The caller does not have permission","status":"PERMISSION_DENIED"}}`)
					return
				}
				h.ServeHTTP(w, r)
			})
		},
	})
	rows := apptest.Leads(12)
	rows[3] = []any{"#N/A", nil, "nobody"}
	rows[4] = []any{"", "", ""}
	sheet, _ := p.Sheet(rows)
	d := describe(t, p)
	body := func(more string) string {
		return `{"spreadsheet_id":"` + sheet + `","want":["email_normalized","first_name","email_verdict"]` + more + `}`
	}
	typed := withKey("Content-Type", "application/json")

	for _, path := range []string{"/health", "/ready", "/openapi.json"} {
		d.call(t, "GET", path, nil, "", true, 200, "")
	}
	for _, path := range []string{"/v1/me", "/v1/attributes", "/v1/attributes?given=email,full_name", "/v1/sheets", "/v1/jobs", "/v1/jobs?limit=1000&spreadsheet_id=x"} {
		d.call(t, "GET", path, withKey(), "", true, 200, "")
		d.call(t, "GET", path, head("X-API-Key", apptest.Key), "", true, 200, "")
	}

	hold.Lock()
	// A job from begin to end, through every verb.
	first := d.job(t, "POST", "/v1/jobs", body(`,"sheet":"Leads","header_row":1,"fill":"blanks","mapping":{"Full name":"full_name","Country":null},"output":{"first_name":"Vorname"},"defaults":{"country":"DE"},"max_credits":0`), 201)
	at := "/v1/jobs/" + first.ID
	if got := d.job(t, "GET", at, "", 200); got.State != tasks.Queued {
		t.Errorf("state %s", got.State)
	}
	d.call(t, "POST", "/v1/jobs", typed, body(""), true, 409, tasks.CodeOverlap)
	if got := d.job(t, "POST", at+"/pause", "", 200); got.State != tasks.Paused || got.Pause == nil {
		t.Errorf("state %s", got.State)
	}
	d.call(t, "GET", "/v1/jobs?limit=1", withKey(), "", true, 200, "")
	d.job(t, "POST", at+"/resume", "", 200)
	d.call(t, "GET", at+"/results.csv", withKey(), "", true, 200, "")
	hold.Unlock()
	if got := p.Wait(first.ID, tasks.Done); got.Rows.Skipped == 0 || got.Rows.Enriched == 0 {
		t.Errorf("rows %+v", got.Rows)
	}
	for _, verb := range []string{"pause", "resume", "cancel"} {
		d.call(t, "POST", at+"/"+verb, withKey(), "", true, 409, tasks.CodeFinished)
	}
	for _, path := range []string{at, at + "/report", at + "/results.csv"} {
		d.call(t, "GET", path, withKey(), "", true, 200, "")
	}
	once := withKey("Content-Type", "application/json", "Idempotency-Key", "once")
	var second, again tasks.Job
	for _, j := range []*tasks.Job{&second, &again} {
		if err := json.Unmarshal(d.call(t, "POST", "/v1/jobs", once, body(""), true, 201, ""), j); err != nil {
			t.Fatal(err)
		}
	}
	if second.ID != again.ID {
		t.Error("the same key made two jobs")
	}
	d.call(t, "POST", "/v1/jobs", once, body(`,"header_row":2`), true, 409, tasks.CodeKeyReused)
	d.call(t, "POST", "/v1/jobs", withKey("Content-Type", "application/json", "Idempotency-Key", strings.Repeat("k", 201)), body(""), false, 400, tasks.CodeInvalid)
	p.Wait(second.ID, tasks.Done)
	hold.Lock()
	last := d.job(t, "POST", "/v1/jobs", body(""), 201)
	d.job(t, "POST", "/v1/jobs/"+last.ID+"/pause", "", 200)
	if got := d.job(t, "POST", "/v1/jobs/"+last.ID+"/cancel", "", 200); got.State != tasks.Cancelled {
		t.Errorf("state %s", got.State)
	}
	hold.Unlock()
	var page api.JobList
	if err := json.Unmarshal(d.call(t, "GET", "/v1/jobs?limit=1", withKey(), "", true, 200, ""), &page); err != nil || len(page.Jobs) != 1 || page.Next == "" {
		t.Fatalf("%+v %v", page, err)
	}
	d.call(t, "GET", "/v1/jobs?limit=1&cursor="+url.QueryEscape(page.Next), withKey(), "", true, 200, "")

	// What is wrong with requests, and what the document can see of it.
	for _, tc := range []struct {
		body string
		fits bool
		st   int
		code tasks.Code
	}{
		{"", false, 400, tasks.CodeInvalid},
		{"nonsense", false, 400, tasks.CodeInvalid},
		{"[]", false, 400, tasks.CodeInvalid},
		{body(`,"unknown":1`), false, 400, tasks.CodeInvalid},
		{body(`,"header_row":"1"`), false, 400, tasks.CodeInvalid},
		{body(`,"header_row":1.5`), false, 400, tasks.CodeInvalid},
		{body(`,"fill":"some"`), false, 400, tasks.CodeInvalid},
		{body(`,"mapping":{"Company":3}`), false, 400, tasks.CodeInvalid},
		{body(`,"header_row":-1`), true, 400, tasks.CodeInvalid},
		{body(`,"range":"no range"`), true, 400, tasks.CodeInvalid},
		{body(`,"sheet":"No such tab"`), true, 400, tasks.CodeInvalid},
		{body(`,"max_credits":-1`), true, 400, tasks.CodeInvalid},
		{`{"want":["email"]}`, false, 400, tasks.CodeInvalid},
		{`{"spreadsheet_id":"` + sheet + `","want":[]}`, true, 400, tasks.CodeInvalid},
		{`{"spreadsheet_id":"` + sheet + `","want":["emial"]}`, true, 422, tasks.CodeUnknownAttr},
		{`{"spreadsheet_id":"nobodys","want":["email"]}`, true, 404, tasks.CodeNotFound},
		{body(`,"range":"` + strings.Repeat("A", 1<<20) + `"`), true, 413, tasks.CodeTooLarge},
	} {
		d.call(t, "POST", "/v1/jobs", typed, tc.body, tc.fits, tc.st, tc.code)
	}
	d.call(t, "POST", "/v1/jobs", withKey("Content-Type", "text/plain"), body(""), false, 415, "unsupported_media_type")
	d.call(t, "GET", "/v1/jobs?limit=0", withKey(), "", false, 400, tasks.CodeInvalid)
	d.call(t, "GET", "/v1/jobs?limit=ten", withKey(), "", false, 400, tasks.CodeInvalid)
	d.call(t, "GET", "/v1/jobs?cursor=x", withKey(), "", true, 400, tasks.CodeInvalid)
	d.call(t, "GET", "/v1/attributes?given=emial", withKey(), "", true, 422, tasks.CodeUnknownAttr)
	revoked.Store(true)
	d.call(t, "POST", "/v1/jobs", typed, body(""), true, 403, tasks.CodeAccessNeeded)
	revoked.Store(false)

	// What every route does alike.
	for path, item := range d.doc.Paths.Map() {
		for method, op := range item.Operations() {
			nobodys := strings.Replace(path, "{id}", "j00000000000000000000", 1)
			if nobodys != path {
				d.call(t, method, nobodys, withKey(), "", true, 404, tasks.CodeNotFound)
			}
			send, fits := "", true
			if op.RequestBody != nil {
				send = body("")
			}
			foreign := typed.Clone()
			foreign.Set("Origin", "https://evil.example")
			if send == "" {
				foreign.Del("Content-Type")
			}
			d.call(t, method, nobodys, foreign, send, true, 403, "not_allowed")
			if op.Security != nil {
				fits = false
				for _, h := range []http.Header{nil, head("Authorization", "Basic ZGV2OmRldg=="), head("X-API-Key", ""), head("Authorization", "Bearer")} {
					d.call(t, method, nobodys, h, "", fits, 401, "unauthenticated")
				}
				wrong := head("Authorization", "Bearer wrong")
				if send != "" {
					wrong.Set("Content-Type", "application/json")
				}
				d.call(t, method, nobodys, wrong, send, true, 401, "unauthenticated")
			}
		}
	}
	for path, item := range d.doc.Paths.Map() {
		for method, op := range item.Operations() {
			for st := range op.Responses.Map() {
				// Trouble of ours is shown where parts are made to fail.
				if !d.seen[method+" "+path+" "+st] && st != "500" && st != "503" {
					t.Errorf("%s %s is described to answer %s, and never did", method, path, st)
				}
			}
		}
	}
	if log := p.Log.String(); strings.Contains(log, `"level":"ERROR"`) || strings.Contains(log, apptest.Key) {
		t.Error("the log holds errors or the key")
	}
}
