package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"rowsmith/cmd/internal/api"
	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/app/apptest"
)

// send makes one request exactly as given: no header of its own.
func send(t *testing.T, method, url string, header http.Header, body string) (*http.Response, []byte) {
	t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, in)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	req.Host = header.Get("Host")
	req.Header.Del("Host")
	resp, err := http.DefaultTransport.RoundTrip(req) // follows no redirect
	if err != nil {
		t.Fatalf("%s %.80s: %v", method, url, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %.80s: %v", method, url, err)
	}
	return resp, b
}

// head makes a header of names and values in turn.
func head(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func withKey(pairs ...string) http.Header {
	return head(append([]string{"Authorization", "Bearer " + apptest.Key}, pairs...)...)
}

// wantProblem holds an answer to the form of all errors, and to one status and code.
func wantProblem(t *testing.T, resp *http.Response, body []byte, st int, code string) api.Problem {
	t.Helper()
	at := resp.Request.Method + " " + resp.Request.URL.RequestURI()
	if len(at) > 100 {
		at = at[:100] + "…"
	}
	var p api.Problem
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Errorf("%s: status %d with %.200q: %v", at, resp.StatusCode, body, err)
		return p
	}
	if resp.StatusCode != st || p.Status != st || string(p.Code) != code || p.Title != http.StatusText(st) || p.Detail == "" {
		t.Errorf("%s: status %d, %+v; want %d %s", at, resp.StatusCode, p, st, code)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("%s: Content-Type %q", at, ct)
	}
	if id := resp.Header.Get("X-Request-Id"); id == "" || id != p.RequestID {
		t.Errorf("%s: request_id %q, header %q", at, p.RequestID, id)
	}
	if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: no nosniff", at)
	}
	for _, inner := range []string{"goroutine ", ".go:", "sqlite", "SQL", "panic", "json:"} {
		if strings.Contains(p.Detail, inner) {
			t.Errorf("%s: the detail %q tells of the inside", at, p.Detail)
		}
	}
	return p
}

func TestHeadOptionsAndOtherMethods(t *testing.T) {
	p := apptest.Start(t, t.TempDir(), "", app.Parts{})
	for _, path := range []string{"/health", "/ready", "/openapi.json", "/v1/me", "/v1/jobs", "/v1/sheets", "/v1/attributes", "/", "/playground/page.js"} {
		get, body := send(t, "GET", p.URL()+path, withKey(), "")
		resp, none := send(t, "HEAD", p.URL()+path, withKey(), "")
		if get.StatusCode != 200 || resp.StatusCode != 200 || len(body) == 0 || len(none) != 0 {
			t.Errorf("HEAD %s: status %d, %d bytes", path, resp.StatusCode, len(none))
		}
	}
	if resp, body := send(t, "HEAD", p.URL()+"/v1/me", nil, ""); resp.StatusCode != 401 || len(body) != 0 || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("HEAD without a key: %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	for _, tc := range []struct{ method, path, allow string }{
		{"PUT", "/v1/jobs", "GET HEAD OPTIONS POST"},
		{"DELETE", "/v1/jobs", "GET HEAD OPTIONS POST"},
		{"POST", "/health", "GET HEAD OPTIONS"},
		{"GET", "/v1/jobs/x/pause", "OPTIONS POST"},
		{"HEAD", "/internal/tick", "OPTIONS POST"},
		{"TRACE", "/v1/me", "GET HEAD OPTIONS"},
		{"PURGE", "/v1/me", "GET HEAD OPTIONS"},
	} {
		resp, body := send(t, tc.method, p.URL()+tc.path, withKey(), "")
		if tc.method == "HEAD" {
			if resp.StatusCode != 405 {
				t.Errorf("HEAD %s: %d", tc.path, resp.StatusCode)
			}
		} else {
			wantProblem(t, resp, body, 405, "method_not_allowed")
		}
		wantAllow(t, resp, tc.allow)
	}
	resp, body := send(t, "OPTIONS", p.URL()+"/v1/jobs", nil, "")
	if resp.StatusCode != 204 || len(body) != 0 || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("OPTIONS: %d %q %v", resp.StatusCode, body, resp.Header)
	}
	wantAllow(t, resp, "GET HEAD OPTIONS POST")
	for _, path := range []string{"/v1", "/v1/", "/v2/me", "/v1/me/", "/v1/nothing", "/admin", "/v1/jobs/a/b/c", "/internal/", "/internal/tasks", "/healthz", "/V1/me", "//v1/me", "/v1/jobs/a/pause/"} {
		resp, body := send(t, "GET", p.URL()+path, withKey(), "")
		wantProblem(t, resp, body, 404, "not_found")
	}
}

// wantAllow compares an Allow header, whose order means nothing, with sorted methods.
func wantAllow(t *testing.T, resp *http.Response, want string) {
	t.Helper()
	have := map[string]bool{}
	for _, m := range strings.Split(resp.Header.Get("Allow"), ",") {
		have[strings.TrimSpace(m)] = true
	}
	for _, m := range strings.Fields(want) {
		if !have[m] {
			t.Errorf("%s %s: Allow %q lacks %s", resp.Request.Method, resp.Request.URL.Path, resp.Header.Get("Allow"), m)
		}
		delete(have, m)
	}
	if len(have) > 0 {
		t.Errorf("%s %s: Allow also has %v", resp.Request.Method, resp.Request.URL.Path, have)
	}
}

// Ids come from anybody. Whatever one holds, there is no such thing, and every such answer is the same.
func TestIdsFromOutside(t *testing.T) {
	p := apptest.Start(t, t.TempDir(), "", app.Parts{})
	p.Sheet(apptest.Leads(1))
	var first api.Problem
	for _, id := range []string{
		"j00000000000000000000", "x", ".", "..", "..%2f..%2fetc%2fpasswd", "%2e%2e", "a%2fb", "%00", "j0000000000000000000%00", "%ff%fe", "%0d%0aX-Evil:1", "*", "'%20or%201=1--",
		"%F0%9F%98%80", "J00000000000000000000", strings.Repeat("a", 2048), strings.Repeat("%2f", 700), "__x__", "j00000000000000000000%20", ":id", "{id}", "%25%30%30", "",
	} {
		for _, r := range []struct{ method, after string }{{"GET", ""}, {"POST", "/pause"}, {"POST", "/resume"}, {"POST", "/cancel"}, {"GET", "/report"}, {"GET", "/results.csv"}} {
			resp, body := send(t, r.method, p.URL()+"/v1/jobs/"+id+r.after, withKey(), "")
			got := wantProblem(t, resp, body, 404, "not_found")
			if got.RequestID = ""; first.Detail == "" {
				first = got
			}
			if got.Detail != first.Detail && id != "" { // without an id it is another address
				t.Errorf("%s %q%s: %q, elsewhere %q", r.method, id, r.after, got.Detail, first.Detail)
			}
			if resp.Header.Get("X-Evil") != "" || resp.Header.Get("Content-Disposition") != "" {
				t.Errorf("%s %q%s: header %v", r.method, id, r.after, resp.Header)
			}
		}
	}
	first = api.Problem{}
	for _, id := range []string{
		"1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg", "x", "..", "../../etc/passwd", "a/b?c#d", "\x00", "a\nb", strings.Repeat("s", 2048), "😀", " ", "' or 1=1--", "{id}",
	} {
		b, err := json.Marshal(request(id, "email"))
		if err != nil {
			t.Fatal(err)
		}
		resp, body := send(t, "POST", p.URL()+"/v1/jobs", withKey("Content-Type", "application/json"), string(b))
		got := wantProblem(t, resp, body, 404, "not_found")
		if got.RequestID = ""; first.Detail == "" {
			first = got
		}
		if got.Detail != first.Detail {
			t.Errorf("spreadsheet %q: %q, elsewhere %q", id, got.Detail, first.Detail)
		}
	}
	if strings.Contains(p.Log.String(), `"level":"ERROR"`) {
		t.Error("an id made an error of ours")
	}
}

func TestListParameters(t *testing.T) {
	p := apptest.Start(t, t.TempDir(), "", app.Parts{})
	for _, tc := range []struct {
		query string
		field string // none: 200
	}{
		{"", ""}, {"limit=1", ""}, {"limit=1000", ""}, {"limit=", ""}, {"unknown=1", ""}, {"spreadsheet_id=nobodys", ""}, {"cursor=", ""},
		{"limit=0", "limit"}, {"limit=-1", "limit"}, {"limit=1001", "limit"}, {"limit=1e2", "limit"}, {"limit=ten", "limit"}, {"limit=0x10", "limit"}, {"limit=99999999999999999999", "limit"},
		{"limit=1.0", "limit"}, {"limit=%00", "limit"}, {"limit=" + strings.Repeat("9", 3000), "limit"},
		{"cursor=garbage", "cursor"}, {"cursor=%00%ff", "cursor"}, {"cursor=" + strings.Repeat("a", 3000), "cursor"}, {"cursor=../../x", "cursor"}, {"cursor=bnVsbA", "cursor"},
		{"spreadsheet_id=" + strings.Repeat("s", 2000), "spreadsheet_id"}, {"spreadsheet_id=%00", "spreadsheet_id"}, {"spreadsheet_id=%ff", "spreadsheet_id"},
	} {
		resp, body := send(t, "GET", p.URL()+"/v1/jobs?"+tc.query, withKey(), "")
		if tc.field == "" {
			if resp.StatusCode != 200 || strings.TrimSpace(string(body)) != `{"jobs":[]}` {
				t.Errorf("?%.60s: %d %s", tc.query, resp.StatusCode, body)
			}
			continue
		}
		got := wantProblem(t, resp, body, 400, "invalid_request")
		if len(got.Errors) != 1 || got.Errors[0].Field != tc.field {
			t.Errorf("?%.60s: %+v", tc.query, got.Errors)
		}
	}
	for _, given := range []string{"nothing", "email,nothing", "%00", strings.Repeat("a", 3000), "email%2f"} {
		resp, body := send(t, "GET", p.URL()+"/v1/attributes?given="+given, withKey(), "")
		wantProblem(t, resp, body, 422, "unknown_attribute")
	}
	for _, given := range []string{"", ",", "email", "email,%20phone,email"} {
		if resp, body := send(t, "GET", p.URL()+"/v1/attributes?given="+given, withKey(), ""); resp.StatusCode != 200 {
			t.Errorf("given=%s: %d %s", given, resp.StatusCode, body)
		}
	}
}

// With the store gone, every route still answers in the form of all errors and says nothing of why.
func TestAnswersWithoutAStore(t *testing.T) {
	p := apptest.Start(t, t.TempDir(), "", app.Parts{})
	id, _ := p.Sheet(apptest.Leads(1))
	if err := p.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct{ method, path, body string }{
		{"GET", "/v1/jobs", ""}, {"GET", "/v1/jobs/j00000000000000000000", ""}, {"POST", "/v1/jobs/j00000000000000000000/pause", ""}, {"GET", "/v1/jobs/j00000000000000000000/results.csv", ""},
		{"POST", "/v1/jobs", `{"spreadsheet_id":"` + id + `","want":["email_normalized"]}`}, {"GET", "/ready", ""},
	} {
		resp, body := send(t, r.method, p.URL()+r.path, withKey(), r.body)
		st, code := 500, "internal"
		if r.path == "/ready" {
			st, code = 503, "unavailable"
			if resp.Header.Get("Retry-After") != "10" {
				t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
			}
		}
		wantProblem(t, resp, body, st, code)
	}
}

// Browsers keep connections open that they have not used yet; stopping doesn't wait for them.
func TestUnusedConnectionsDontDelayTheEnd(t *testing.T) {
	p := apptest.Start(t, t.TempDir(), "", app.Parts{})
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(p.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	send(t, "GET", p.URL()+"/health", nil, "") // so that the server has taken the first one
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}
