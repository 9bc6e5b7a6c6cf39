package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"rowsmith/cmd/internal/app"
	"rowsmith/sheets"
	"rowsmith/tasks"
)

// Fairness is what small jobs that somebody waits for suffer from a large one beside them.
type Fairness struct {
	Small     int   `json:"small"` // jobs
	SmallRows int   `json:"small_rows"`
	LargeRows int   `json:"large_rows"`
	AloneMS   int64 `json:"alone_ms"`  // until the last of the small ones is done, with nothing beside them
	BesideMS  int64 `json:"beside_ms"` // the same with the large one running since before them
	// Ratio compares BesideMS with what they take when the large one gets a share of the machine as large as one of theirs.
	Ratio float64 `json:"ratio"`
	// LargeLeft says that the large one was still running when the last small one was done: otherwise the ratio says nothing.
	LargeLeft bool `json:"large_left"`
}

// smallRows is how many rows a small job has.
const smallRows = 200

// fairness measures it, over embedded parts.
func fairness(ctx context.Context, small, large int) (Fairness, error) {
	f := Fairness{Small: small, SmallRows: smallRows, LargeRows: large}
	alone, _, err := together(ctx, small, 0)
	if err != nil {
		return f, err
	}
	beside, left, err := together(ctx, small, large)
	if err != nil {
		return f, err
	}
	f.AloneMS, f.BesideMS, f.LargeLeft = alone.Milliseconds(), beside.Milliseconds(), left
	f.Ratio = beside.Seconds() / (alone.Seconds() * float64(small+1) / float64(small))
	return f, nil
}

// together runs the small jobs in a program of their own, beside a large one where it has rows, and returns how long until the last of
// them was done.
func together(ctx context.Context, small, large int) (took time.Duration, left bool, err error) {
	dir, err := os.MkdirTemp("", "rowsmith-bench-")
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	a, err := app.Open(ctx, app.Config{Addr: "127.0.0.1:0", Data: dir, DevAPIKey: "bench", DNS: "127.0.0.1:9"}, app.Parts{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, false, err
	}
	defer func() {
		until, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, a.Close(until))
	}()
	want := []string{"first_name", "last_name", "email_normalized", "domain"}
	ids := make([]string, small)
	for i := range ids {
		if ids[i], err = makeSheet(ctx, a, fmt.Sprintf("Small %d", i), smallRows); err != nil {
			return 0, false, err
		}
	}
	var big tasks.Job
	if large > 0 {
		id, err := makeSheet(ctx, a, "Large", large)
		if err != nil {
			return 0, false, err
		}
		if big, err = call(ctx, a, http.MethodPost, "/v1/jobs", tasks.Request{SpreadsheetID: id, Want: want}); err != nil {
			return 0, false, err
		}
		if _, err := until(ctx, a, big.ID, func(j tasks.Job) bool { return j.CellsWritten > 0 || j.State.Final() }); err != nil {
			return 0, false, err
		}
	}
	start := time.Now()
	jobs := make([]tasks.Job, small)
	for i, id := range ids {
		if jobs[i], err = call(ctx, a, http.MethodPost, "/v1/jobs", tasks.Request{SpreadsheetID: id, Want: want}); err != nil {
			return 0, false, err
		}
	}
	for _, j := range jobs {
		end, err := until(ctx, a, j.ID, func(j tasks.Job) bool { return j.State.Final() || j.State == tasks.Paused })
		if err != nil {
			return 0, false, err
		}
		if end.State != tasks.Done {
			return 0, false, fmt.Errorf("a small job is %s", end.State)
		}
	}
	took = time.Since(start)
	if large > 0 {
		if big, err = call(ctx, a, http.MethodGet, "/v1/jobs/"+big.ID, nil); err != nil {
			return 0, false, err
		}
		if left = !big.State.Final(); left {
			_, err = call(ctx, a, http.MethodPost, "/v1/jobs/"+big.ID+"/cancel", nil)
		}
	}
	return took, left, err
}

// until asks for a job until it is as wanted.
func until(ctx context.Context, a *app.App, id string, good func(tasks.Job) bool) (tasks.Job, error) {
	for {
		j, err := call(ctx, a, http.MethodGet, "/v1/jobs/"+id, nil)
		if err != nil || good(j) {
			return j, err
		}
		select {
		case <-ctx.Done():
			return j, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// makeSheet makes a spreadsheet of leads.
func makeSheet(ctx context.Context, a *app.App, title string, rows int) (string, error) {
	ss, err := a.Sheets.Create(ctx, title, "Leads")
	if err != nil {
		return "", err
	}
	page := [][]any{{"Full name", "Company", "Email", "Country"}}
	for i := range rows {
		page = append(page, []any{fmt.Sprintf("Jane %c%s", 'A'+i%26, letters(i)), fmt.Sprintf("Firm %d GmbH", i), fmt.Sprintf("jane%d@firm%d-bench.com", i, i), "Germany"})
	}
	if err := a.Sheets.EnsureSize(ctx, ss.ID, ss.Tabs[0].ID, len(page), 4); err != nil {
		return "", err
	}
	return ss.ID, a.Sheets.Fill(ctx, ss.ID, sheets.GridRange{SheetID: ss.Tabs[0].ID, EndRow: len(page), EndCol: 4}, page)
}
