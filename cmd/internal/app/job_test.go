package app_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/app/apptest"
	"rowsmith/sheets/sheetsim"
	"rowsmith/sheets/sheetsim/discovery"
	"rowsmith/tasks"
)

var zone = []string{
	"acme-leads.com. 300 IN MX 10 mx.acme-leads.com.",
	"acme-leads.com. 300 IN TXT \"v=spf1 -all\"",
	"nullmx-leads.com. 300 IN MX 0 .",
}

// seeds is how many random variants run: ROWSMITH_SEEDS, of which make check and make soak set their own.
func seeds(t *testing.T, most int) int {
	if n, err := strconv.Atoi(os.Getenv("ROWSMITH_SEEDS")); err == nil && n > 0 {
		return n
	}
	return most
}

func request(id string, want ...string) map[string]any {
	return map[string]any{"spreadsheet_id": id, "want": want}
}

// checked holds every request to and answer of the embedded Sheets API to Google's discovery document.
func checked(t *testing.T) app.Parts {
	return app.Parts{Around: func(h http.Handler) http.Handler { return discovery.Check(t, h) }}
}

func TestJobFillsTheSheet(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	p := apptest.Start(t, t.TempDir(), dns.Addr, checked(t))
	rows := apptest.Leads(230)
	rows[3] = []any{"", nil, " "} // blank, between others
	rows[5][2] = "#N/A"           // an error that was pasted as text
	rows[7] = []any{"Max Muster", "X AG", "nobody@nullmx-leads.com"}
	rows[8][2] = rows[1][2]                    // the same person again, by email…
	rows[10] = append([]any(nil), rows[12]...) // …and a whole row twice
	id, sheet := p.Sheet(rows)

	j := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", request(id, "email_normalized", "email_verdict", "email_reason", "first_name", "domain", "email_is_free"))
	j = p.Wait(j.ID, tasks.Done)
	if r := j.Rows; r.Total != 230 || r.Total != r.Enriched+r.Unmatched+r.Failed+r.Skipped || r.Skipped != 2 || r.Failed != 0 || r.Eligible != 228 || r.Unwritten != 0 {
		t.Errorf("rows %+v", r)
	}
	if j.Rows.Duplicates != 2 {
		t.Errorf("%d duplicates, want 2", j.Rows.Duplicates)
	}
	got := p.Rows(id, sheet)
	if h := fmt.Sprint(got[0][4:]); h != "[Email normalized Email verdict Email reason First name Domain Email is free]" {
		t.Errorf("new headings %s", h)
	}
	cells := 0
	for i, row := range got[1:] {
		want := rows[i+1]
		for c := range 4 {
			if c < len(want) && want[c] != nil && want[c] != "" && fmt.Sprint(row[c]) != fmt.Sprint(want[c]) {
				t.Fatalf("row %d: the input %v became %v", i+1, want, row)
			}
		}
		for _, v := range row[min(4, len(row)):] {
			if v != nil && v != "" {
				cells++
			}
		}
		if len(want) > 2 && fmt.Sprint(want[2]) == fmt.Sprintf("Jane.%d@Acme-Leads.Com", i) {
			if row[4] != fmt.Sprintf("jane.%d@acme-leads.com", i) || row[5] != "unknown" || row[6] != "mailbox_not_checked" || row[7] != "Jane" {
				t.Fatalf("row %d: %v", i+1, row)
			}
		}
	}
	if got[7][5] != "invalid" || got[7][6] != "null_mx" {
		t.Errorf("null MX: %v", got[7])
	}
	if cells != j.CellsWritten {
		t.Errorf("the sheet shows %d new cells, the job says %d", cells, j.CellsWritten)
	}
	for _, text := range []string{"jane.", "Jane", "Muster", "acme-leads.com", apptest.Key} {
		if log := p.Log.String(); strings.Contains(log, text) {
			t.Errorf("the log holds %q", text)
		}
	}

	st, b := p.Call(http.MethodGet, "/v1/jobs/"+j.ID+"/report", nil)
	var rep tasks.Report
	if err := json.Unmarshal(b, &rep); err != nil || st != 200 {
		t.Fatal(st, err)
	}
	if a := rep.Attributes["email_verdict"]; a.Asked != 228 || a.Found != j2(j, "email_verdict", a.Asked) {
		t.Errorf("verdicts %+v, match rate %v", a, j.MatchRate)
	}
	found := false
	for _, n := range rep.Rows {
		found = found || n.Row == 6 && n.State == "skipped" && n.Reason == "error_cell"
	}
	if !found {
		t.Errorf("the report does not tell of the error cell: %+v", rep.Rows)
	}
	st, b = p.Call(http.MethodGet, "/v1/jobs/"+j.ID+"/results.csv", nil)
	if lines := strings.Count(string(b), "\n"); st != 200 || lines != 229 {
		t.Errorf("results: status %d, %d lines", st, lines)
	}
}

// j2 is the number of found cells that a match rate stands for.
func j2(j tasks.Job, attribute string, asked int) int {
	return int(j.MatchRate[attribute]*float64(asked) + 0.5)
}

func TestRunningAgainWritesNothingTwice(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	p := apptest.Start(t, t.TempDir(), dns.Addr, checked(t))
	id, sheet := p.Sheet(apptest.Leads(40))
	r := request(id, "email_normalized", "first_name", "domain")
	j := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", r)
	p.Wait(j.ID, tasks.Done)
	before := p.Rows(id, sheet)
	again := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", r)
	again = p.Wait(again.ID, tasks.Done)
	if again.CellsWritten != 0 {
		t.Errorf("the second run wrote %d cells", again.CellsWritten)
	}
	if after := p.Rows(id, sheet); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the second run changed the sheet:\n%v\n%v", before[:3], after[:3])
	}
	if got := len(before[0]); got != 7 {
		t.Errorf("%d columns, want 7", got)
	}
}

func TestPauseResumeCancel(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	hold := make(chan struct{})
	var held sync.Once
	reached := make(chan struct{})
	parts := checked(t)
	parts.Step = func(step, _ string) {
		if step == "chunk.claimed" {
			held.Do(func() { close(reached); <-hold })
		}
	}
	p := apptest.Start(t, t.TempDir(), dns.Addr, parts)
	id, _ := p.Sheet(apptest.Leads(300))
	j := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", request(id, "first_name"))
	<-reached
	if got := p.Job(http.StatusOK, http.MethodPost, "/v1/jobs/"+j.ID+"/pause", nil); got.State != tasks.Paused || got.Pause == nil || got.Pause.Code != tasks.StoppedByPerson {
		t.Fatalf("paused: %+v", got)
	}
	close(hold)
	if err := p.Embedded.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := p.Job(http.StatusOK, http.MethodGet, "/v1/jobs/"+j.ID, nil); got.State != tasks.Paused || got.Rows.Written == 300 {
		t.Fatalf("while paused: %s %+v", got.State, got.Rows)
	}
	p.Job(http.StatusOK, http.MethodPost, "/v1/jobs/"+j.ID+"/resume", nil)
	if got := p.Wait(j.ID, tasks.Done); got.Rows.Written != 300 {
		t.Fatalf("after resume: %+v", got.Rows)
	}
	if st, b := p.Call(http.MethodPost, "/v1/jobs/"+j.ID+"/cancel", nil); st != http.StatusConflict || !strings.Contains(string(b), "job_finished") {
		t.Errorf("cancel after the end: %d %s", st, b)
	}
}

func TestCancelFreesTheCells(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	hold := make(chan struct{})
	var once sync.Once
	parts := checked(t)
	reached := make(chan struct{})
	parts.Step = func(step, _ string) {
		if step == "chunk.claimed" {
			once.Do(func() { close(reached); <-hold })
		}
	}
	p := apptest.Start(t, t.TempDir(), dns.Addr, parts)
	id, sheet := p.Sheet(apptest.Leads(50))
	r := request(id, "first_name", "domain")
	first := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", r)
	<-reached
	st, b := p.Call(http.MethodPost, "/v1/jobs", request(id, "domain"))
	if st != http.StatusConflict || !strings.Contains(string(b), "overlapping_job") || !strings.Contains(string(b), first.ID) {
		t.Errorf("overlapping job: %d %s", st, b)
	}
	other := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", request(id, "last_name"))
	if got := p.Job(http.StatusOK, http.MethodPost, "/v1/jobs/"+first.ID+"/cancel", nil); got.State != tasks.Cancelled || got.FinishedAt == nil {
		t.Errorf("cancelled: %+v", got)
	}
	second := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", r)
	close(hold)
	if got := p.Wait(second.ID, tasks.Done); got.Rows.Written != 50 {
		_, b := p.Call(http.MethodGet, "/v1/jobs/"+second.ID+"/report", nil)
		t.Errorf("second job: %+v\n%.600s\n%v", got.Rows, b, p.Rows(id, sheet)[:3])
	}
	p.Wait(other.ID, tasks.Done)
}

func TestSameKeySameJob(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	p := apptest.Start(t, t.TempDir(), dns.Addr, checked(t))
	id, _ := p.Sheet(apptest.Leads(5))
	r := request(id, "first_name")
	var ids sync.Map
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			j := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", r, "Idempotency-Key", "k1")
			ids.Store(j.ID, true)
		})
	}
	wg.Wait()
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("six calls with one key made %d jobs", n)
	}
	if st, b := p.Call(http.MethodPost, "/v1/jobs", request(id, "last_name"), "Idempotency-Key", "k1"); st != http.StatusConflict || !strings.Contains(string(b), "idempotency_key_reused") {
		t.Errorf("another body: %d %s", st, b)
	}
}

// People sort while the job runs, also between the writer's look and its write: no value may stand beside another's input.
func TestSortingWhileItRuns(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	p := apptest.Start(t, t.TempDir(), dns.Addr, checked(t))
	rows := apptest.Leads(250)
	rnd := rand.New(rand.NewPCG(1, 2))
	rnd.Shuffle(len(rows)-1, func(i, j int) { rows[i+1], rows[j+1] = rows[j+1], rows[i+1] })
	id, sheet := p.Sheet(rows)
	var sorts atomic.Int32
	p.Sim.Before(func(op sheetsim.Op) {
		// Every third call of the writer meets a sheet that somebody has just sorted.
		n := sorts.Add(1)
		if n%3 != 0 || n > 60 {
			return
		}
		order := "ASCENDING"
		if n%2 == 0 {
			order = "DESCENDING"
		}
		_, err := p.Sim.Do(t.Context(), http.MethodPost, "/v4/spreadsheets/"+id+":batchUpdate", map[string]any{"requests": []any{map[string]any{"sortRange": map[string]any{
			"range":     map[string]any{"sheetId": sheet, "startRowIndex": 1},
			"sortSpecs": []any{map[string]any{"dimensionIndex": int(n) % 2, "sortOrder": order}},
		}}}})
		if err != nil {
			t.Errorf("sort: %v", err)
		}
	})
	j := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", request(id, "email_normalized", "last_name"))
	j = p.Wait(j.ID, tasks.Done, tasks.Paused)
	if j.State != tasks.Done || j.Rows.Enriched != j.Rows.Written+j.Rows.Unwritten {
		t.Fatalf("%s %+v %+v", j.State, j.Rows, j.Pause)
	}
	written := 0
	for _, row := range p.Rows(id, sheet)[1:] {
		name := strings.TrimPrefix(fmt.Sprint(row[0]), "Jane ")
		email, _ := row[2].(string)
		if len(row) > 4 && row[4] != nil && row[4] != "" {
			if row[4] != strings.ToLower(email) {
				t.Fatalf("%v stands beside %v", row[4], row[:4])
			}
		}
		if len(row) > 5 && row[5] != nil && row[5] != "" {
			written++
			if row[5] != name {
				t.Fatalf("%v stands beside %v", row[5], row[:4])
			}
		}
	}
	if written != j.Rows.Written {
		t.Errorf("%d rows are filled, the job says %d", written, j.Rows.Written)
	}
	t.Logf("%d written, %d moved, %d kept", j.Rows.Written, j.Rows.Moved, j.Rows.Unwritten)
}

// Somebody sorts once while the job runs, also between the writer's look and its write: in the end every row has its value.
func TestSortedOnce(t *testing.T) {
	for _, at := range []int32{9, 12, 15, 18, 21} {
		dns := apptest.StartDNS(t, zone...)
		p := apptest.Start(t, t.TempDir(), dns.Addr, checked(t))
		id, sheet := p.Sheet(apptest.Leads(250))
		var calls atomic.Int32
		p.Sim.Before(func(sheetsim.Op) {
			if calls.Add(1) != at {
				return
			}
			_, err := p.Sim.Do(t.Context(), http.MethodPost, "/v4/spreadsheets/"+id+":batchUpdate", map[string]any{"requests": []any{map[string]any{"sortRange": map[string]any{
				"range":     map[string]any{"sheetId": sheet, "startRowIndex": 1},
				"sortSpecs": []any{map[string]any{"dimensionIndex": 0, "sortOrder": "DESCENDING"}},
			}}}})
			if err != nil {
				t.Errorf("sort: %v", err)
			}
		})
		j := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", request(id, "last_name"))
		j = p.Wait(j.ID, tasks.Done, tasks.Paused)
		if j.State != tasks.Done || j.Rows.Written != 250 {
			t.Fatalf("sorted at call %d: %s %+v %+v", at, j.State, j.Rows, j.Pause)
		}
		for _, row := range p.Rows(id, sheet)[1:] {
			if len(row) > 4 && row[4] != nil && "Jane "+fmt.Sprint(row[4]) != row[0] {
				t.Fatalf("sorted at call %d: %v stands beside %v", at, row[4], row[:4])
			}
		}
		t.Logf("sorted at call %d of %d: %d written, %d moved, %d left", at, calls.Load(), j.Rows.Written, j.Rows.Moved, j.Rows.Unwritten)
		p.Stop()
	}
}
