package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"rowsmith/cmd/internal/app/apptest"
)

// A process is the program running in a folder of its own.
type process struct {
	*exec.Cmd
	t              *testing.T
	stdout, stderr bytes.Buffer
}

// command prepares a call of the program in a folder, with all it keeps below that folder.
func command(t *testing.T, dir, dns string, args ...string) *process {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there are no interrupts to send on Windows")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	p := &process{Cmd: exec.CommandContext(ctx, "rowsmith", args...), t: t}
	p.Dir, p.Stdout, p.Stderr = dir, &p.stdout, &p.stderr
	p.WaitDelay = time.Second
	p.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir}
	for name, v := range environment(dir, dns) {
		p.Env = append(p.Env, name+"="+v)
	}
	return p
}

func (p *process) start() *process {
	p.t.Helper()
	if err := p.Start(); err != nil {
		p.t.Fatal(err)
	}
	return p
}

// interrupt sends what Ctrl-C sends.
func (p *process) interrupt() {
	p.t.Helper()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
}

// ends waits for the end and checks the exit status.
func (p *process) ends(status int) {
	p.t.Helper()
	err := p.Wait()
	got := 0
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		got = e.ExitCode()
	} else if err != nil {
		p.t.Fatal(err)
	}
	if got != status {
		p.t.Fatalf("%v: exit status %d, want %d\n%s", p.Args, got, status, p.stderr.String())
	}
}

// until polls for what another process does.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within half a minute", what)
		}
	}
}

// deaf is a name server that never answers.
func deaf(t *testing.T) string {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String()
}

func leads(t *testing.T, dir string, n int) {
	t.Helper()
	var b strings.Builder
	b.WriteString("Name,E-Mail\n")
	for i := range n {
		fmt.Fprintf(&b, "Jane %s,jane.%d@acme.com\n", apptest.Surname(i), i)
	}
	if err := os.WriteFile(filepath.Join(dir, "leads.csv"), []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

// running reports whether a run in dir has a job.
func running(dir string) bool {
	records, err := filepath.Glob(filepath.Join(dir, "data", "runs", "*.json"))
	if err != nil {
		panic(err) // the pattern is wrong
	}
	for _, r := range records {
		if b, err := os.ReadFile(r); err == nil && bytes.Contains(b, []byte(`"job":`)) {
			return true
		}
	}
	return false
}

// Ctrl-C while the job waits for a name server: what there is was written, and the same call finishes the file.
func TestInterruptAndGoOn(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	dir := t.TempDir()
	leads(t, dir, 300)
	call := []string{"enrich", "leads.csv", "--want", "last_name,email_verdict,mx_host"}

	whole := command(t, dir, dns.Addr, append(call, "-o", "whole.csv", "--data", "elsewhere")...).start()
	whole.ends(0)

	first := command(t, dir, deaf(t), call...).start()
	until(t, "a job", func() bool { return running(dir) })
	first.interrupt()
	first.ends(130)
	if !strings.Contains(first.stderr.String(), "Interrupted. What there is was kept; the same call goes on.\n") {
		t.Errorf("said: %s", &first.stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "leads.enriched.csv")); err != nil {
		t.Errorf("what there is was not written: %v", err)
	}

	// Another file is enriched in between, and the interrupted job doesn't go on meanwhile.
	if err := os.WriteFile(filepath.Join(dir, "other.csv"), []byte("Email\nb@nullmx.com\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	asked := dns.Asked.Load()
	other := command(t, dir, dns.Addr, "enrich", "other.csv", "--want", "domain", "--quiet").start()
	other.ends(0)
	if n := dns.Asked.Load(); n != asked {
		t.Errorf("%d names were asked for behind the person's back", n-asked)
	}

	again := command(t, dir, dns.Addr, append(call, "--json")...).start()
	again.ends(0)
	var sum struct{ Rows, Enriched, Failed int }
	if err := json.Unmarshal(again.stdout.Bytes(), &sum); err != nil || sum.Rows != 300 || sum.Enriched != 300 || sum.Failed != 0 {
		t.Errorf("report %s: %v", &again.stdout, err)
	}
	same(t, dir, "whole.csv", "leads.enriched.csv")
	if err := leftovers(dir); err != nil {
		t.Error(err)
	}
}

func same(t *testing.T, dir, a, b string) {
	t.Helper()
	x, err := os.ReadFile(filepath.Join(dir, a))
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(filepath.Join(dir, b))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(x, y) {
		t.Errorf("%s and %s differ:\n%.500s\n%.500s", a, b, x, y)
	}
}

// The same call a second time at once is refused and disturbs nothing, not even with --restart.
func TestTwiceAtOnce(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	dir := t.TempDir()
	leads(t, dir, 300)
	call := []string{"enrich", "leads.csv", "--want", "last_name,email_verdict"}
	first := command(t, dir, deaf(t), call...).start()
	until(t, "a job", func() bool { return running(dir) })
	for _, more := range [][]string{nil, {"--restart"}, {"--force"}} {
		second := command(t, dir, dns.Addr, append(call, more...)...).start()
		second.ends(2)
		if got := second.stderr.String(); !strings.Contains(got, "Another Rowsmith is using") || strings.Count(got, "\n") != 1 {
			t.Errorf("said: %s", got)
		}
	}
	first.interrupt()
	first.ends(130)
	if _, err := os.Stat(filepath.Join(dir, "leads.enriched.csv")); err != nil {
		t.Errorf("the first call's output: %v", err)
	}

	// --restart begins anew, and what was begun is gone.
	again := command(t, dir, dns.Addr, append(call, "--restart", "--quiet")...).start()
	again.ends(0)
	if err := leftovers(dir); err != nil {
		t.Error(err)
	}
}

// Ctrl-C while the program waits for somebody to type.
func TestInterruptAtStandardInput(t *testing.T) {
	dir := t.TempDir()
	p := command(t, dir, deaf(t), "enrich", "-")
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	p.start()
	if _, err := io.WriteString(in, "Email\na@acme.com\n"); err != nil {
		t.Fatal(err)
	}
	until(t, "the copy", func() bool {
		m, err := filepath.Glob(filepath.Join(dir, "rowsmith-*"))
		return err == nil && len(m) == 1
	})
	p.interrupt()
	p.ends(130)
	if err := leftovers(dir); err != nil {
		t.Error(err)
	}
}

// What a run's record names may be gone: then the run begins anew.
func TestStateThatIsGone(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	for _, tc := range []struct {
		name string
		harm func(data string) error
	}{
		{"spreadsheets", func(data string) error { return os.RemoveAll(filepath.Join(data, "sheets")) }},
		{"jobs", func(data string) error {
			return errors.Join(os.Remove(filepath.Join(data, "rowsmith.db")), remove(data, "rowsmith.db-*"))
		}},
		{"record", func(data string) error {
			m, err := filepath.Glob(filepath.Join(data, "runs", "*.json"))
			for _, f := range m {
				err = errors.Join(err, os.Truncate(f, 10))
			}
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			leads(t, dir, 100)
			call := []string{"enrich", "leads.csv", "--want", "email_verdict", "--quiet"}
			first := command(t, dir, deaf(t), call...).start()
			until(t, "a job", func() bool { return running(dir) })
			first.interrupt()
			first.ends(130)
			if err := tc.harm(filepath.Join(dir, "data")); err != nil {
				t.Fatal(err)
			}
			again := command(t, dir, dns.Addr, call...).start()
			again.ends(0)
			b, err := os.ReadFile(filepath.Join(dir, "leads.enriched.csv"))
			if err != nil || bytes.Count(b, []byte(",unknown\n")) != 100 {
				t.Errorf("result %.300s: %v", b, err)
			}
			if err := leftovers(dir); err != nil {
				t.Error(err)
			}
		})
	}
}

func remove(dir, pattern string) error {
	m, err := filepath.Glob(filepath.Join(dir, pattern))
	for _, f := range m {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}

func TestDev(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	dir := t.TempDir()
	p := command(t, dir, dns.Addr, "dev", "--addr", "127.0.0.1:0")
	p.Stdout = nil
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.start()
	line, err := bufio.NewReader(out).ReadString('\n')
	base, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ok {
		t.Fatalf("first line %q: %v %s", line, err, &p.stderr)
	}
	do := func(method, path, body string, header ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		for i := 0; i < len(header); i += 2 {
			if header[i] == "Host" {
				req.Host = header[i+1]
			}
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	for _, tc := range []struct {
		path, holds string
		status      int
		header      []string
	}{
		{"/health", `"ok"`, 200, nil},
		{"/ready", `"ok"`, 200, nil},
		{"/", "<html", 200, nil},
		{"/v1/me", `"account":"dev"`, 200, []string{"X-API-Key", "dev"}},
		{"/v1/me", `"account":"dev"`, 200, []string{"Authorization", "Bearer dev"}},
		{"/v1/me", `"unauthenticated"`, 401, nil},
		{"/v1/me", `"unauthenticated"`, 401, []string{"X-API-Key", "guess"}},
		{"/internal/tick", "", 405, []string{"X-API-Key", "dev"}},
		{"/nothing", `"not_found"`, 404, nil},
		{"/health", `"not_allowed"`, 403, []string{"Host", "evil.example"}},
		{"/", `"not_allowed"`, 403, []string{"Host", "evil.example"}},
		{"/sheets/v4/spreadsheets/x", `"not_allowed"`, 403, []string{"Origin", "https://evil.example"}},
		{"/v1/me", `"not_allowed"`, 403, []string{"Origin", "https://evil.example", "X-API-Key", "dev"}},
		{"/health", `"ok"`, 200, []string{"Origin", base}},
	} {
		if st, b := do(http.MethodGet, tc.path, "", tc.header...); st != tc.status || !strings.Contains(b, tc.holds) {
			t.Errorf("GET %s %v: %d %.300s, want %d and %s", tc.path, tc.header, st, b, tc.status, tc.holds)
		}
	}

	// A spreadsheet made with any client of Google Sheets is bound to the account.
	st, b := do(http.MethodPost, "/sheets/v4/spreadsheets", `{"properties":{"title":"Leads"},"sheets":[{"properties":{"title":"May"}}]}`)
	var made struct{ SpreadsheetID string }
	if err := json.Unmarshal([]byte(b), &made); err != nil || st != 200 || made.SpreadsheetID == "" {
		t.Fatalf("create: %d %s", st, b)
	}
	values := "/sheets/v4/spreadsheets/" + made.SpreadsheetID + "/values/May!A1:B2"
	if st, b := do(http.MethodPut, values+"?valueInputOption=RAW", `{"values":[["Email","Domain"],["a@acme.com",""]]}`); st != 200 {
		t.Fatalf("put values: %d %s", st, b)
	}
	if st, b := do(http.MethodPost, "/v1/jobs", `{"spreadsheet_id":"`+made.SpreadsheetID+`","sheet":"May","want":["domain"]}`, "X-API-Key", "dev"); st != 201 {
		t.Fatalf("job: %d %s", st, b)
	}
	until(t, "the job's value", func() bool {
		_, b := do(http.MethodGet, values, "")
		return strings.Contains(b, `"acme.com"`)
	})

	// A second one at the same address, or over the same data.
	second := command(t, dir, dns.Addr, "dev", "--addr", strings.TrimPrefix(base, "http://"), "--data", "elsewhere").start()
	second.ends(2)
	if !strings.Contains(second.stderr.String(), "Something else listens on 127.0.0.1:") {
		t.Errorf("said: %s", &second.stderr)
	}
	third := command(t, dir, dns.Addr, "dev", "--addr", "127.0.0.1:0").start()
	third.ends(2)

	p.interrupt()
	p.ends(0)
	if strings.Contains(p.stderr.String(), "acme.com") {
		t.Errorf("a cell's value in the log: %s", &p.stderr)
	}
}
