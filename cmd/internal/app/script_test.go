package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"rowsmith/cmd/internal/app/apptest"
	"rowsmith/sheets"
	"rowsmith/tasks"
)

// shortLease is how long claims hold where a process dies: tests can't wait for minutes. It is many times what a chunk takes.
const shortLease = 4 * time.Second

// A script is a whole run of the program, the same on every kind of world:
//
//	lease                            claims hold for seconds, since a process will die
//	job ATTRIBUTE,… [credits=N]      starts the job
//	wait STATE [PAUSE CODE]          waits until the job is there
//	wait died                        waits until the process has killed itself
//	pause | resume | cancel [STATUS] asks for it, and wants that status (200)
//	crash at STEP [N]                has the process kill itself when the step is reached the N-th time from now
//	restart                          starts it again
//	hold STEP [N], held, release     lets it stand still there, waits for that, lets it go on
//	tick                             has it look for state without a task
//	repeat N                         each delivery goes out N times at once
//	store fails N, store works       the next N commits fail, every other one after its effect; -1: all calls
//	queue fails N, queue works       the next N tasks are not taken
//	unshare, share                   the sheet answers 403
//	tokens refused|given|expired     the program gets no tokens, or answers 401
//	delete tab, restore tab          with what was in it when the script began
//	delete column HEADING, add column HEADING
//	rows KEY=N …                     wants these counts of the job, also cells and credits
//	asked N [most M]                 wants so many companies asked for at the vendor, none more than M times (1)
//	results N                        wants so many rows in results.csv
//	fences 1                         wants each chunk claimed at most so often
//
// The file "sheet" is the tab at first, cells apart by tabs; "want" is the tab at the end.
type script struct {
	t     *testing.T
	w     *apptest.World
	sheet [][]any
	spare bool // a second tab is there
}

func TestScripts(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		for _, kind := range apptest.Worlds {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+kind, func(t *testing.T) {
				t.Parallel()
				if testing.Short() && strings.Contains(file, "crash_") {
					t.Skip("many processes")
				}
				runScript(t, file, kind, dns.Addr)
			})
		}
	}
}

func runScript(t *testing.T, file, kind, dns string) {
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t}
	want := ""
	for _, f := range ar.Files {
		switch f.Name {
		case "sheet":
			s.sheet = parseTSV(string(f.Data))
		case "want":
			want = string(f.Data)
		}
	}
	lease := time.Duration(0)
	if strings.Contains(string(ar.Comment), "\nlease\n") {
		lease = shortLease
	}
	s.w = apptest.NewWorld(t, kind, dns, lease, apptest.Order{}, s.sheet)
	for n, line := range strings.Split(string(ar.Comment), "\n") {
		if line == "" || line[0] == '#' || line == "lease" {
			continue
		}
		if err := s.do(strings.Fields(line)); err != nil {
			t.Fatalf("%s:%d: %s: %v", file, n+1, line, err)
		}
	}
	if got := tsv(s.w.Rows()); *update {
		for i := range ar.Files {
			if ar.Files[i].Name == "want" {
				ar.Files[i].Data = []byte(got)
			}
		}
		if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != want {
		t.Errorf("%s: the sheet is\n%s\nwant\n%s", file, got, want)
	}
}

// do does one command.
func (s *script) do(f []string) error {
	w := s.w
	last := f[len(f)-1]
	n, nerr := strconv.ParseInt(last, 10, 64)
	switch {
	case f[0] == "job":
		r := map[string]any{"want": strings.Split(f[1], ",")}
		for _, o := range f[2:] {
			c, err := strconv.Atoi(strings.TrimPrefix(o, "credits="))
			if err != nil {
				return err
			}
			r["max_credits"] = c
		}
		w.Create(r)
	case f[0] == "wait" && f[1] == "died":
		select {
		case <-w.Died():
		case <-time.After(time.Minute):
			return fmt.Errorf("still alive; steps %v", w.Steps())
		}
	case f[0] == "wait":
		j, err := w.Await(w.JobID, tasks.State(f[1]))
		if err == nil && len(f) > 2 && (j.Pause == nil || j.Pause.Code != tasks.PauseCode(f[2])) {
			err = fmt.Errorf("the pause is %+v", j.Pause)
		}
		return err
	case f[0] == "pause", f[0] == "resume", f[0] == "cancel":
		want := http.StatusOK
		if nerr == nil {
			want = int(n)
		}
		if st, b := w.Call(http.MethodPost, "/v1/jobs/"+w.JobID+"/"+f[0], nil); st != want {
			return fmt.Errorf("status %d: %s", st, b)
		}
	case f[0] == "crash":
		w.DieAt(apptest.Order{Step: f[2], N: max(1, n)})
	case f[0] == "restart":
		w.Start(apptest.Order{})
	case f[0] == "hold":
		w.HoldAt(apptest.Order{Step: f[1], N: max(1, n)})
	case f[0] == "held":
		w.Held()
	case f[0] == "release":
		w.Release()
	case f[0] == "tick":
		w.Tick()
	case f[0] == "repeat":
		w.Repeat(int(n))
	case f[0] == "store":
		w.FailStore(n) // "works" is no number: 0
	case f[0] == "queue":
		w.FailQueue(n)
	case f[0] == "unshare", f[0] == "share":
		w.Share(f[0] == "share")
	case f[0] == "tokens" && f[1] == "expired":
		w.Expire()
	case f[0] == "tokens":
		w.Tokens(f[1] == "given")
	case f[0] == "rows":
		return s.rows(f[1:])
	case f[0] == "asked":
		return s.asked(f[1:])
	case f[0] == "results":
		st, b := w.Call(http.MethodGet, "/v1/jobs/"+w.JobID+"/results.csv", nil)
		if lines := strings.Count(string(b), "\n") - 1; st != http.StatusOK || int64(lines) != n {
			return fmt.Errorf("status %d, %d rows", st, lines)
		}
	case f[0] == "fences":
		for _, d := range w.Documents("chunks", w.JobID) {
			var c struct{ N, Fence int }
			if err := json.Unmarshal(d, &c); err != nil || int64(c.Fence) > n {
				return fmt.Errorf("chunk %d was claimed %d times (%v)", c.N, c.Fence, err)
			}
		}
	case len(f) > 1 && f[1] == "tab":
		s.tab(f[0] == "restore")
	case len(f) > 2 && f[1] == "column":
		return s.column(f[0] == "add", strings.Join(f[2:], " "))
	default:
		return fmt.Errorf("no such command")
	}
	return nil
}

// rows compares counts of the job.
func (s *script) rows(want []string) error {
	st, b := s.w.Call(http.MethodGet, "/v1/jobs/"+s.w.JobID, nil)
	var j tasks.Job
	if err := json.Unmarshal(b, &j); err != nil || st != http.StatusOK {
		return fmt.Errorf("status %d: %s", st, b)
	}
	text, err := json.Marshal(j.Rows)
	if err != nil {
		return err
	}
	got := map[string]int{}
	if err := json.Unmarshal(text, &got); err != nil {
		return err
	}
	got["cells"], got["credits"] = j.CellsWritten, int(j.Credits.Spent)
	for _, kv := range want {
		k, v, _ := strings.Cut(kv, "=")
		n, err := strconv.Atoi(v)
		if err != nil {
			return err
		}
		if g, ok := got[k]; !ok || g != n {
			return fmt.Errorf("%s is %d; all: %v", k, g, got)
		}
	}
	return nil
}

// asked compares what the vendor was asked.
func (s *script) asked(want []string) error {
	companies, err := strconv.Atoi(want[0])
	most := 1
	if err == nil && len(want) == 3 {
		most, err = strconv.Atoi(want[2])
	}
	if err != nil {
		return err
	}
	got := s.w.Vendor.Asked()
	for name, n := range got {
		if n > most {
			return fmt.Errorf("%s was asked for %d times", name, n)
		}
	}
	if len(got) != companies {
		return fmt.Errorf("%d companies were asked for", len(got))
	}
	return nil
}

// tab deletes the job's tab, or restores it as the version history does: under its own id.
func (s *script) tab(restore bool) {
	w := s.w
	if !restore {
		if !s.spare {
			w.Change(map[string]any{"addSheet": map[string]any{"properties": map[string]any{"title": "Spare"}}})
			s.spare = true
		}
		w.Change(map[string]any{"deleteSheet": map[string]any{"sheetId": w.Tab}})
		return
	}
	w.Change(map[string]any{"addSheet": map[string]any{"properties": map[string]any{
		"sheetId": w.Tab, "title": "Leads", "gridProperties": map[string]any{"rowCount": len(s.sheet), "columnCount": 30},
	}}})
	err := w.Sheets.Fill(s.t.Context(), w.ID, sheets.GridRange{SheetID: w.Tab, EndRow: len(s.sheet), EndCol: len(s.sheet[0])}, s.sheet)
	if err != nil {
		s.t.Fatal(err)
	}
}

// column deletes the column with a heading, or writes the heading right of the others.
func (s *script) column(add bool, heading string) error {
	w := s.w
	head := w.Rows()[0]
	for i, h := range head {
		if h == heading {
			if !add {
				w.Change(map[string]any{"deleteDimension": map[string]any{"range": map[string]any{
					"sheetId": w.Tab, "dimension": "COLUMNS", "startIndex": i, "endIndex": i + 1,
				}}})
				return nil
			}
			return fmt.Errorf("there is one")
		}
	}
	if !add {
		return fmt.Errorf("there is none among %v", head)
	}
	if err := w.Sheets.EnsureSize(s.t.Context(), w.ID, w.Tab, 1, len(head)+1); err != nil {
		return err
	}
	return w.Sheets.Fill(s.t.Context(), w.ID, sheets.GridRange{SheetID: w.Tab, EndRow: 1, StartCol: len(head), EndCol: len(head) + 1}, [][]any{{heading}})
}

// parseTSV reads a sheet; $N repeats a line N times with N from 0 in place of %d.
func parseTSV(text string) [][]any {
	var out [][]any
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		times := 1
		if before, after, ok := strings.Cut(line, " × "); ok {
			if n, err := strconv.Atoi(before); err == nil {
				times, line = n, after
			}
		}
		for i := range times {
			var row []any
			for _, c := range strings.Split(strings.ReplaceAll(line, "%d", apptest.Surname(i)), "\t") {
				if c == "" {
					row = append(row, nil)
					continue
				}
				row = append(row, c)
			}
			out = append(out, row)
		}
	}
	return out
}

// tsv writes a sheet.
func tsv(rows [][]any) string {
	var b strings.Builder
	for _, r := range rows {
		for i, c := range r {
			if i > 0 {
				b.WriteByte('\t')
			}
			if c != nil {
				fmt.Fprint(&b, c)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
