package app_test

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/app/apptest"
)

// private starts a program whose embedded Sheets API is its own, and learns the secret that it calls itself with.
func private(t *testing.T) (p *apptest.Program, internal string) {
	t.Helper()
	var seen atomic.Value
	p = apptest.StartWith(t, app.Config{Addr: "127.0.0.1:0", Data: t.TempDir(), DevAPIKey: apptest.Key, Private: true}, app.Parts{
		Around: func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen.Store(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
				h.ServeHTTP(w, r)
			})
		},
	})
	if _, err := p.Sheets.Create(t.Context(), "Test", "Leads"); err != nil {
		t.Fatal(err)
	}
	internal, _ = seen.Load().(string)
	if len(internal) < 20 {
		t.Fatal("the program called itself without a secret")
	}
	return p, internal
}

// Every route with every kind of credential, rightly and wrongly sent.
func TestWhoMayCallWhat(t *testing.T) {
	p, internal := private(t)
	const key = apptest.Key
	const (
		nobody = iota
		person
		machine
	)
	credentials := []struct {
		name   string
		header http.Header
		is     int
	}{
		{"none", nil, nobody},
		{"key as bearer", head("Authorization", "Bearer "+key), person},
		{"key as bearer in lower case", head("Authorization", "bearer "+key), person},
		{"key as bearer in capitals", head("Authorization", "BEARER   "+key+" "), person},
		{"key in its own header", head("X-API-Key", key), person},
		{"key in both", head("Authorization", "Bearer "+key, "X-API-Key", key), person},
		{"key twice the same", head("Authorization", "Bearer "+key, "Authorization", "Bearer "+key), person},
		{"key beside a proxy's password", head("Authorization", "Basic ZGV2OmRldg==", "X-API-Key", key), person},
		{"internal as bearer", head("Authorization", "Bearer "+internal), machine},
		{"wrong key", head("Authorization", "Bearer rk_wrong"), nobody},
		{"wrong key in its own header", head("X-API-Key", "rk_wrong"), nobody},
		{"another case", head("Authorization", "Bearer "+strings.ToUpper(key)), nobody},
		{"a part", head("Authorization", "Bearer "+key[:len(key)-1]), nobody},
		{"no scheme", head("Authorization", key), nobody},
		{"another scheme", head("Authorization", "Basic "+key), nobody},
		{"a tab for a space", head("Authorization", "Bearer\t"+key), nobody},
		{"two keys in one", head("Authorization", "Bearer "+key+", Bearer "+key), nobody},
		{"empty bearer", head("Authorization", "Bearer"), nobody},
		{"empty bearer beside a key", head("Authorization", "Bearer ", "X-API-Key", key), nobody},
		{"wrong key first", head("Authorization", "Bearer wrong", "Authorization", "Bearer "+key), nobody},
		{"wrong key second", head("Authorization", "Bearer "+key, "Authorization", "Bearer wrong"), nobody},
		{"two that differ", head("Authorization", "Bearer "+key, "X-API-Key", internal), nobody},
		{"the internal secret beside the key", head("Authorization", "Bearer "+internal, "X-API-Key", key), nobody},
		{"garbage", head("Authorization", "Bearer \xff\xfe\x80"), nobody},
		{"ten kilobytes", head("Authorization", "Bearer "+strings.Repeat("k", 10<<10)), nobody},
		{"as a query", nil, nobody}, // ?key=… below
		{"as a cookie", head("Cookie", "Authorization="+key+"; key="+key), nobody},
		{"by another's word", head("X-Forwarded-User", "dev", "X-Original-Authorization", "Bearer "+key, "X-CloudTasks-TaskName", "t", "X-Real-Ip", "127.0.0.1"), nobody},
	}
	const nobodys = "/v1/jobs/j00000000000000000000"
	routes := []struct {
		method, path string
		takes        int
		st           int // for who may
	}{
		{"GET", "/health", nobody, 200}, {"GET", "/ready", nobody, 200}, {"GET", "/openapi.json", nobody, 200},
		{"GET", "/v1/me", person, 200}, {"GET", "/v1/attributes", person, 200}, {"GET", "/v1/sheets", person, 200}, {"GET", "/v1/jobs", person, 200},
		{"POST", "/v1/jobs", person, 400}, // no body
		{"GET", nobodys, person, 404}, {"POST", nobodys + "/pause", person, 404}, {"POST", nobodys + "/resume", person, 404}, {"POST", nobodys + "/cancel", person, 404},
		{"GET", nobodys + "/report", person, 404}, {"GET", nobodys + "/results.csv", person, 404},
		{"POST", "/internal/tick", machine, 200}, {"POST", "/internal/tasks/chunk", machine, 400}, // no delivery
		{"GET", "/sheets/v4/spreadsheets/none", machine, 404}, {"POST", "/sheets/v4/spreadsheets/none:batchUpdate", machine, 404}, {"DELETE", "/sheets/anything", machine, 404},
	}
	for _, r := range routes {
		for _, c := range credentials {
			url := p.URL() + r.path
			if c.name == "as a query" {
				url += "?key=" + key + "&access_token=" + key + "&api_key=" + key
			}
			resp, body := send(t, r.method, url, c.header, "")
			if r.takes == nobody || r.takes == c.is {
				if resp.StatusCode != r.st {
					t.Errorf("%s %s with %s: %d %.200s; want %d", r.method, r.path, c.name, resp.StatusCode, body, r.st)
				}
				continue
			}
			wantProblem(t, resp, body, 401, "unauthenticated")
			if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") != `Bearer realm="rowsmith"` || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s with %s: %d %v", r.method, r.path, c.name, resp.StatusCode, resp.Header)
			}
		}
	}
	for _, secret := range []string{key, internal, "rk_wrong"} {
		if strings.Contains(p.Log.String(), secret) {
			t.Error("a secret is in the log")
		}
	}
	for _, path := range []string{"/", "/playground/", "/playground/page.js"} {
		resp, body := send(t, "GET", p.URL()+path, withKey(), "")
		wantProblem(t, resp, body, 404, "not_found")
		if strings.Contains(string(body), key) {
			t.Errorf("%s shows the key", path)
		}
	}
}

// All of the credentials' routes are in the table of TestWhoMayCallWhat; new ones must be added there.
func TestEveryRouteIsInTheTable(t *testing.T) {
	p := apptest.Start(t, t.TempDir(), "", app.Parts{})
	var got []string
	for path, item := range describe(t, p).doc.Paths.Map() {
		for method := range item.Operations() {
			got = append(got, method+" "+path)
		}
	}
	slices.Sort(got)
	want := []string{
		"GET /health", "GET /openapi.json", "GET /ready", "GET /v1/attributes", "GET /v1/jobs", "GET /v1/jobs/{id}", "GET /v1/jobs/{id}/report", "GET /v1/jobs/{id}/results.csv",
		"GET /v1/me", "GET /v1/sheets", "POST /v1/jobs", "POST /v1/jobs/{id}/cancel", "POST /v1/jobs/{id}/pause", "POST /v1/jobs/{id}/resume",
	}
	if !slices.Equal(got, want) {
		t.Errorf("described: %q\nin the table: %q", got, want)
	}
}

func TestHeadersWithoutEnd(t *testing.T) {
	p := apptest.Start(t, t.TempDir(), "", app.Parts{})
	for name, h := range map[string]http.Header{
		"one":  head("Authorization", "Bearer "+strings.Repeat("k", 64<<10)),
		"many": {"X-Pad": slices.Repeat([]string{strings.Repeat("x", 100)}, 1000)},
	} {
		if resp, _ := send(t, "GET", p.URL()+"/v1/me", h, ""); resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	if resp, _ := send(t, "GET", p.URL()+"/health", nil, ""); resp.StatusCode != 200 {
		t.Errorf("afterwards: %d", resp.StatusCode)
	}
}

// A page that somebody's browser shows may not reach in, whatever way it tries.
func TestOnlyThisMachine(t *testing.T) {
	p := apptest.Start(t, t.TempDir(), "", app.Parts{})
	self := strings.TrimPrefix(p.URL(), "http://")
	_, port, err := net.SplitHostPort(self)
	if err != nil {
		t.Fatal(err)
	}
	const nav = "navigate"
	for _, tc := range []struct {
		name   string
		method string
		header http.Header
		ok     bool
	}{
		{"itself", "GET", nil, true},
		{"localhost", "GET", head("Host", "localhost:"+port), true},
		{"LOCALHOST", "GET", head("Host", "LOCALHOST:"+port), true},
		{"IPv6", "GET", head("Host", "[::1]:"+port), true},
		{"IPv6 without a port", "GET", head("Host", "[::1]"), true},
		{"IPv4 without a port", "GET", head("Host", "127.0.0.1"), true},
		{"another loopback address", "GET", head("Host", "127.8.8.8:"+port), true},
		{"own origin", "POST", head("Origin", "http://"+self), true},
		{"own page", "POST", head("Origin", "http://"+self, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"), true},
		{"address bar", "GET", head("Sec-Fetch-Site", "none", "Sec-Fetch-Mode", nav, "Sec-Fetch-Dest", "document"), true},
		{"a link elsewhere", "GET", head("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", nav, "Sec-Fetch-Dest", "document"), true},

		{"rebound name", "GET", head("Host", "evil.example:"+port), false},
		{"rebound name without a port", "GET", head("Host", "evil.example"), false},
		{"name that begins like ours", "GET", head("Host", "127.0.0.1.evil.example:"+port), false},
		{"name that ends like ours", "GET", head("Host", "evil.localhost.example:"+port), false},
		{"the machine's name", "GET", head("Host", "laptop.local:"+port), false},
		{"all addresses", "GET", head("Host", "0.0.0.0:"+port), false},
		{"the network's address", "GET", head("Host", "192.168.1.5:"+port), false},
		{"rebound, own origin", "POST", head("Host", "evil.example:"+port, "Origin", "http://evil.example:"+port), false},
		{"foreign origin", "POST", head("Origin", "https://evil.example"), false},
		{"foreign origin, reading", "GET", head("Origin", "https://evil.example"), false},
		{"no origin", "POST", head("Origin", "null"), false},
		{"another port", "POST", head("Origin", "http://127.0.0.1:1"), false},
		{"another name of ours", "POST", head("Origin", "http://localhost:"+port), false},
		{"no URL", "POST", head("Origin", "::"), false},
		{"two origins", "POST", head("Origin", "http://"+self, "Origin", "https://evil.example"), false},
		{"a foreign form", "POST", head("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", nav, "Sec-Fetch-Dest", "document"), false},
		{"a foreign script", "GET", head("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"), false},
		{"another port's picture", "GET", head("Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"), false},
		{"a frame", "GET", head("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", nav, "Sec-Fetch-Dest", "iframe"), false},
	} {
		for _, path := range []string{"/v1/sheets", "/sheets/v4/spreadsheets/none", "/", "/playground/page.js", "/openapi.json", "/nothing"} {
			h := tc.header.Clone()
			if h == nil {
				h = http.Header{}
			}
			h.Set("Authorization", "Bearer "+apptest.Key)
			resp, body := send(t, tc.method, p.URL()+path, h, "")
			if tc.ok && resp.StatusCode == 403 {
				t.Errorf("%s, %s: refused", tc.name, path)
			}
			if !tc.ok {
				wantProblem(t, resp, body, 403, "not_allowed")
				if resp.StatusCode != 403 {
					t.Errorf("%s, %s: let in", tc.name, path)
				}
			}
			if v := resp.Header.Get("Access-Control-Allow-Origin"); v != "" {
				t.Errorf("%s, %s: Access-Control-Allow-Origin %q", tc.name, path, v)
			}
		}
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.168.1.5:0", "example.com:0", "8080", ""} {
		a, err := app.Open(t.Context(), app.Config{Addr: addr, Data: filepath.Join(t.TempDir(), "d"), DevAPIKey: "k"}, app.Parts{})
		if err == nil {
			t.Errorf("listens on %q", addr)
			_ = a.Close(context.Background())
		}
	}
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6 loopback: ", err)
	}
	ln.Close()
	p := apptest.StartWith(t, app.Config{Addr: "[::1]:0", Data: t.TempDir(), DevAPIKey: apptest.Key}, app.Parts{})
	if !strings.HasPrefix(p.URL(), "http://[::1]:") {
		t.Errorf("URL %s", p.URL())
	}
	if _, err := p.Sheets.Create(t.Context(), "Test", "Leads"); err != nil {
		t.Errorf("the program can't reach its own sheets: %v", err)
	}
	if st, b := p.Call("GET", "/v1/sheets", nil); st != 200 || !strings.Contains(string(b), "Test") {
		t.Errorf("%d %s", st, b)
	}
}
