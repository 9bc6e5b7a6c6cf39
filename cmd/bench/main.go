// Command bench measures jobs over embedded parts: the same work, from a sheet that was just made to the last cell
// written, with a local vendor that has the latency and the limits of a real one. It prints one JSON object with the figures of each case;
// compare cases of one run, not runs of different machines.
//
//	go run ./cmd/bench -rows 10000 -latency 200ms -small 20 -large 50000
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"time"

	"rowsmith/cmd/internal/app"
	"rowsmith/enrichment"
	"rowsmith/tasks"
)

// A Figure is what one case took.
type Figure struct {
	Case         string      `json:"case"`
	Rows         int         `json:"rows"`
	ElapsedMS    int64       `json:"elapsed_ms"`     // from POST /v1/jobs to done
	FirstCellsMS int64       `json:"first_cells_ms"` // until something stands in the sheet
	RowsPerSec   float64     `json:"rows_per_second"`
	Cells        int         `json:"cells"`
	Credits      int64       `json:"credits"`
	SheetReads   int         `json:"sheet_reads"`
	SheetWrites  int         `json:"sheet_writes"`
	VendorCalls  int64       `json:"vendor_calls"`
	HeapMB       uint64      `json:"heap_mb"` // taken from the system, this process
	State        tasks.State `json:"state"`
	RowCounts    tasks.Rows  `json:"row_counts"`
}

// A Result is what the program prints.
type Result struct {
	CPUs    int      `json:"cpus"`
	Figures []Figure `json:"figures"`
	// VendorToFree is how many times as long the case with a vendor takes as the one without.
	VendorToFree float64   `json:"vendor_to_free"`
	Fairness     *Fairness `json:"fairness,omitempty"`
}

func main() {
	rows := flag.Int("rows", 2000, "rows of the sheet")
	latency := flag.Duration("latency", 200*time.Millisecond, "how long the vendor takes for one call")
	concurrent := flag.Int("cap", 5, "calls the vendor takes at once; more are answered 429")
	small := flag.Int("small", 6, "small jobs beside a large one; 0: none")
	large := flag.Int("large", 5000, "rows of the large one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, os.Stdout, *rows, *latency, *concurrent, *small, *large); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, out io.Writer, rows int, latency time.Duration, concurrent, small, large int) error {
	v, err := startVendor(latency, concurrent)
	if err != nil {
		return err
	}
	defer v.stop()
	res := Result{CPUs: runtime.NumCPU()}
	for _, c := range []struct {
		name    string
		want    []string
		credits int64
	}{
		{"free", []string{"first_name", "last_name", "email_normalized", "domain"}, 0},
		{"vendor", []string{"first_name", "last_name", "email_normalized", "domain", "company_employee_count"}, int64(rows)},
	} {
		f, err := measure(ctx, c.name, rows, c.want, c.credits, v)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		res.Figures = append(res.Figures, f)
	}
	res.VendorToFree = float64(res.Figures[1].ElapsedMS) / float64(max(1, res.Figures[0].ElapsedMS))
	if small > 0 {
		f, err := fairness(ctx, small, large)
		if err != nil {
			return fmt.Errorf("fairness: %w", err)
		}
		res.Fairness = &f
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(res)
}

// measure runs one job in a program of its own.
func measure(ctx context.Context, name string, rows int, want []string, credits int64, v *vendor) (f Figure, err error) {
	dir, err := os.MkdirTemp("", "rowsmith-bench-")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	a, err := app.Open(ctx, app.Config{Addr: "127.0.0.1:0", Data: dir, DevAPIKey: "bench", DNS: "127.0.0.1:9"},
		app.Parts{Log: slog.New(slog.DiscardHandler), Providers: []enrichment.Provider{v}})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, a.Close(context.WithoutCancel(ctx))) }()
	id, err := makeSheet(ctx, a, "Bench", rows)
	if err != nil {
		return f, err
	}
	a.Sim.ResetCalls()
	before := v.calls.Load()
	start := time.Now()
	job, err := call(ctx, a, http.MethodPost, "/v1/jobs", tasks.Request{SpreadsheetID: id, Want: want, MaxCredits: credits})
	if err != nil {
		return f, err
	}
	f = Figure{Case: name, Rows: rows}
	for !job.State.Final() && job.State != tasks.Paused {
		select {
		case <-ctx.Done():
			return f, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if job, err = call(ctx, a, http.MethodGet, "/v1/jobs/"+job.ID, nil); err != nil {
			return f, err
		}
		if f.FirstCellsMS == 0 && job.CellsWritten > 0 {
			f.FirstCellsMS = time.Since(start).Milliseconds()
		}
	}
	f.ElapsedMS = time.Since(start).Milliseconds()
	f.RowsPerSec = float64(rows) / time.Since(start).Seconds()
	calls := a.Sim.Calls()
	f.Cells, f.Credits, f.SheetReads, f.SheetWrites = job.CellsWritten, job.Credits.Spent, calls.Reads, calls.Writes
	f.VendorCalls, f.State, f.RowCounts = v.calls.Load()-before, job.State, job.Rows
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.HeapMB = m.HeapSys >> 20
	return f, nil
}

func letters(i int) string {
	s := ""
	for ; i > 0; i /= 26 {
		s += string(rune('a' + i%26))
	}
	return s + "son"
}

// call asks the API for a job.
func call(ctx context.Context, a *app.App, method, path string, body any) (tasks.Job, error) {
	var job tasks.Job
	b, err := json.Marshal(body)
	if err != nil {
		return job, err
	}
	req, err := http.NewRequestWithContext(ctx, method, a.URL()+path, bytes.NewReader(b))
	if err != nil {
		return job, err
	}
	req.Header.Set("Authorization", "Bearer bench")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return job, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 2000)) // for the message only
		return job, fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, text)
	}
	return job, json.NewDecoder(resp.Body).Decode(&job)
}
