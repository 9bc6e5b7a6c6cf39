package app_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/app/apptest"
	"rowsmith/tasks"
)

func TestThePageIsServedSafely(t *testing.T) {
	p := apptest.StartWith(t, app.Config{Addr: "127.0.0.1:0", Data: t.TempDir(), DevAPIKey: `k"><script>alert(1)</script>`}, app.Parts{})
	resp, body := send(t, "GET", p.URL()+"/", nil, "")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	if strings.Contains(string(body), "<script>alert") || !strings.Contains(string(body), "k&#34;&gt;&lt;script&gt;") {
		t.Error("the key is not escaped")
	}
	if strings.Contains(string(body), " style=") || strings.Contains(string(body), " onclick") || strings.Contains(string(body), "http://") {
		t.Error("the page has what its own policy forbids")
	}
	for _, path := range []string{"/", "/playground/", "/playground/page.js", "/playground/page.css"} {
		resp, _ := send(t, "GET", p.URL()+path, nil, "")
		policy := resp.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q lacks %s", path, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := resp.Header.Get(name); resp.StatusCode != 200 || got != want {
				t.Errorf("%s: %d, %s %q", path, resp.StatusCode, name, got)
			}
		}
	}
	for path, kind := range map[string]string{"/playground/page.js": "text/javascript", "/playground/page.css": "text/css"} {
		if resp, body := send(t, "GET", p.URL()+path, nil, ""); !strings.HasPrefix(resp.Header.Get("Content-Type"), kind) || len(body) == 0 {
			t.Errorf("%s: %q", path, resp.Header.Get("Content-Type"))
		}
	}
	for _, path := range []string{"/playground/nothing.js", "/playground/../app.go", "/playground/..%2fplayground.go", "/playground/page.js/", "/playground/%00", "/index.html", "/page.js", "/playground"} {
		if resp, body := send(t, "GET", p.URL()+path, nil, ""); resp.StatusCode == 200 || resp.StatusCode >= 500 || strings.Contains(string(body), "package ") {
			t.Errorf("%s: %d %.80s", path, resp.StatusCode, body)
		}
	}
}

// browser opens a page in Chromium, or skips where the machine has none; with STRICT set, that fails.
// console ends it all and tells what the page's console says.
func browser(t *testing.T, url string) (ctx context.Context, console func() []string) {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("STRICT") != "" {
			t.Fatal("there is no chromium")
		}
		t.Skip("there is no chromium")
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 800))
	for _, f := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		flags = append(flags, chromedp.Flag(f, true))
	}
	// The browser's life is the context of the first action; what is waited for has a limit of its own.
	alloc, end := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(end)
	tab, closeTab := chromedp.NewContext(alloc)
	t.Cleanup(closeTab)
	if err := chromedp.Do(tab, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tab, 40*time.Second)
	t.Cleanup(cancel)
	said := chromedp.Console(ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	return ctx, func() (messages []string) {
		cancel()
		for m, err := range said {
			if err != nil {
				break
			}
			messages = append(messages, string(m.Type)+": "+m.Text)
		}
		return messages
	}
}

// do runs actions in the browser.
func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// eval gives what an expression is in the page.
func eval[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// What a person does first: open the page, make a sheet, enrich it, see the cells.
func TestThePageFillsASheet(t *testing.T) {
	dns := apptest.StartDNS(t, "acme-example.com. 300 IN MX 10 mx.acme-example.com.")
	p := apptest.Start(t, t.TempDir(), dns.Addr, app.Parts{})
	ctx, console := browser(t, p.URL())
	do(t, ctx, chromedp.WaitVisible("#empty"))
	if eval[bool](t, ctx, `document.getElementById('work').checkVisibility()`) {
		t.Error("an empty table is shown where there is no sheet")
	}
	do(t, ctx, chromedp.Click("#sample"), chromedp.WaitEnabled("#run"))
	if got := eval[string](t, ctx, `document.querySelector('#grid tr:nth-child(2) td').textContent`); got != "Dr. Anna van der Berg" {
		t.Errorf("first cell %q", got)
	}
	nameless := `[...document.querySelectorAll('button, input, select, progress, [tabindex]')].filter((e) => e.checkVisibility() &&
		!(e.textContent.trim() && e.tagName === 'BUTTON') && !e.labels?.length && !e.getAttribute('aria-label')).map((e) => e.outerHTML)`
	if bad := eval[[]string](t, ctx, nameless); len(bad) > 0 {
		t.Errorf("without a name for a screen reader: %q", bad)
	}
	do(t, ctx, chromedp.Click("#run"))
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`document.getElementById('state').textContent === 'Done' && document.querySelectorAll('#grid td.fresh').length > 0`)); err != nil {
		t.Fatalf("%v; the page says %q, %q", err, eval[string](t, ctx, `document.getElementById('state').textContent`), eval[string](t, ctx, `document.getElementById('trouble').textContent`))
	}
	fresh := strings.Join(eval[[]string](t, ctx, `[...document.querySelectorAll('#grid td.fresh')].map((e) => e.textContent)`), "|")
	for _, want := range []string{"Anna", "Marie-Claire", "anna.berg@acme-example.com", "+442079460958"} {
		if !strings.Contains(fresh, want) {
			t.Errorf("%q is not among the new cells: %s", want, fresh)
		}
	}
	if bad := eval[[]string](t, ctx, nameless); len(bad) > 0 {
		t.Errorf("without a name for a screen reader: %q", bad)
	}
	if got := eval[string](t, ctx, `document.getElementById('counts').textContent`); !strings.HasPrefix(got, "5 of 5 rows: 5 enriched.") {
		t.Errorf("counts %q", got)
	}
	if eval[float64](t, ctx, `document.querySelector('#grid td.fresh').getBoundingClientRect().right`) > eval[float64](t, ctx, `document.getElementById('grid').getBoundingClientRect().right`) {
		t.Error("the new cells are out of sight")
	}
	jobs, _, err := p.Tasks.Jobs(t.Context(), app.Account, "", "", 10)
	if err != nil || len(jobs) != 1 || jobs[0].State != tasks.Done {
		t.Errorf("%+v %v", jobs, err)
	}
	// The trouble of a stopped program is said in words.
	p.Stop()
	do(t, ctx, chromedp.Click("#run"))
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`document.getElementById('trouble').textContent.includes('Is it still running?')`)); err != nil {
		t.Error(err)
	}
	for _, m := range console() {
		if !strings.Contains(m, "ERR_CONNECTION_REFUSED") {
			t.Errorf("the page's console says: %s", m)
		}
	}
}
