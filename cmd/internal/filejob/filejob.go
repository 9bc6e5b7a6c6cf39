// Package filejob runs a job over a person's file: its rows go into an embedded spreadsheet, the job runs over that
// through the same API, queue, workers and Sheets client as any other, and what it wrote is spliced into a copy of
// the file.
//
// A run is remembered under the data folder by what it is: the input's hash and the options that decide the result. The same
// call after an interruption or a crash goes on from there; after it is done, it starts anew (what was found is still in the
// cache). Key format: runs/KEY.json, KEY being 32 hex digits.
//
// It refuses to replace an output it didn't write, to write over its input, and a table that no spreadsheet could hold.
package filejob

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"rowsmith/cmd/internal/api"
	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/tabular"
	"rowsmith/sheets"
	"rowsmith/tasks"
)

// Options are what `rowsmith enrich` was called with.
type Options struct {
	In, Out    string            // Out empty: NAME.enriched.EXT beside the input; "-" with In "-"
	Want       []string          // empty: every attribute that costs nothing and can be found from the file's columns
	Mapping    map[string]string // heading → attribute; "" for nothing
	Output     map[string]string // attribute → heading
	Country    string
	Fill       sheets.Fill
	Rows       string // "2:500", as people count the file's records; empty: all
	Sheet      string
	HeaderRow  int // from 1; 0: found
	MaxCredits int64
	Data       string
	DNS        string
	// Credentials is the path of a service account's key file, for a sheet at Google.
	Credentials string
	Restart     bool
	Force       bool

	Stdin    io.Reader
	Stdout   io.Writer
	Progress Progress
	Log      *slog.Logger
	Environ  []string
	// Parts are put in place of the real ones by tests.
	Parts app.Parts
}

// Progress is told how the run goes.
type Progress interface {
	// Rows: done of total rows are decided, so many cells are written.
	Rows(done, total, cells int)
	// Say shows one line.
	Say(line string)
	// End clears what is on the screen.
	End()
}

// A Summary is what a run did; its JSON form is what --json prints.
type Summary struct {
	Job          string             `json:"job"`
	Rows         int                `json:"rows"`
	Eligible     int                `json:"eligible"`
	Enriched     int                `json:"enriched"`
	Unmatched    int                `json:"unmatched"`
	Failed       int                `json:"failed"`
	Skipped      int                `json:"skipped"`
	Duplicates   int                `json:"duplicates"`
	CellsWritten int                `json:"cells_written"`
	Credits      int64              `json:"credits"`
	MatchRate    map[string]float64 `json:"match_rate"`
	ElapsedMS    int64              `json:"elapsed_ms"`

	Out string `json:"-"`
	// Notes are what else a person should know, one line each.
	Notes []string    `json:"-"`
	State tasks.State `json:"-"`
}

// A CallError says that the call was wrong, in one line that says what to do.
type CallError struct {
	Message string
	Code    tasks.Code // of the API's answer, where it was one
}

func (e *CallError) Error() string { return e.Message }

func wrong(format string, args ...any) error {
	return &CallError{Message: fmt.Sprintf(format, args...)}
}

func isCall(err error) bool {
	_, ok := errors.AsType[*CallError](err)
	return ok
}

// ErrStopped: the run ended early; what there is was written, and the same call goes on.
var ErrStopped = errors.New("stopped early")

// Run enriches the file. The error is a *CallError or *tabular.Error where the call was wrong, ErrStopped where it ended early with what there
// is written, and ctx's where it was interrupted (likewise written).
func Run(ctx context.Context, o Options) (Summary, error) {
	cfg, err := o.config()
	if err != nil {
		return Summary{}, err
	}
	t, err := tabular.Open(ctx, o.In, tabular.Options{Sheet: o.Sheet, HeaderRow: o.HeaderRow, Stdin: o.Stdin})
	if err != nil {
		return Summary{}, err
	}
	defer t.Close()
	if err := o.fits(t); err != nil {
		return Summary{}, err
	}
	cfg.Private = true
	return o.within(ctx, cfg, func(r *run) (Summary, error) {
		r.t = t
		return r.run(ctx)
	})
}

// within runs f in a program that is opened for it and closed afterwards. The folder is taken first: until then another run may
// be using the record and the output's temporary file.
func (o *Options) within(ctx context.Context, cfg app.Config, f func(*run) (Summary, error)) (Summary, error) {
	start := time.Now()
	if err := usable(o.Data); err != nil {
		return Summary{}, err
	}
	if o.Parts.Log == nil {
		o.Parts.Log = o.Log
	}
	a, err := app.Open(ctx, cfg, o.Parts)
	if errors.Is(err, app.ErrInUse) {
		return Summary{}, wrong("Another Rowsmith is using %s. Wait for it to end, or choose another folder with --data.", o.Data)
	}
	if err != nil {
		return Summary{}, o.explain(ctx, fmt.Errorf("what is kept in %s can't be opened; move it away, or choose another folder with --data: %w", o.Data, err))
	}
	key := cfg.DevAPIKey
	if cfg.Serve {
		key = cfg.APIKey
	}
	sum, err := f(&run{o: *o, app: a, key: key, start: start})
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if cerr := a.Close(stop); cerr != nil && err == nil && !errors.Is(cerr, context.DeadlineExceeded) {
		err = fmt.Errorf("stop: %w", cerr)
	}
	return sum, o.explain(ctx, err)
}

// run opens what the run is remembered by and where it writes to, and does the steps.
func (r *run) run(ctx context.Context) (Summary, error) {
	var err error
	if r.rec, err = r.openRecord(ctx, r.t.Sum()); err != nil {
		return Summary{}, err
	}
	if r.out, err = openOutput(r.o, r.rec); err == nil {
		defer r.out.discard()
		var sum Summary
		if sum, err = r.steps(ctx); err == nil {
			return sum, nil
		} else if sum.Job != "" {
			return sum, err
		}
	}
	// A wrong call leaves nothing behind.
	if _, file := errors.AsType[*tabular.Error](err); (file || isCall(err)) && r.rec.Job == "" {
		return Summary{}, errors.Join(err, r.rec.finish(context.WithoutCancel(ctx), r.app))
	}
	return Summary{}, err
}

// A run is one call under way.
type run struct {
	o     Options
	t     tabular.Table
	rec   *record
	out   *output
	app   *app.App
	key   string
	start time.Time

	first int // row of the embedded sheet that holds the first record; the headings stand above
	notes []string
}

func (r *run) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// steps does the run; each of its steps is safe to repeat after a crash.
func (r *run) steps(ctx context.Context) (Summary, error) {
	r.first = 1
	var req tasks.Request
	if r.rec.Job == "" { // what is wrong with it is told before the rows are looked at
		var err error
		if req, err = r.fileRequest(ctx); err != nil {
			return Summary{}, err
		}
	}
	if err := r.load(ctx); err != nil {
		return Summary{}, err
	}
	job, err := r.startJob(ctx, req)
	if err != nil {
		return Summary{}, err
	}
	return r.end(ctx, job, r.write)
}

// end waits for the job's end, writes what there is, and says how it went. What there is gets written also after an
// interruption: nobody should lose what was found.
func (r *run) end(ctx context.Context, job tasks.Job, write func(context.Context, tasks.Job) error) (Summary, error) {
	job, err := r.follow(ctx, job)
	interrupted := ctx.Err()
	if err != nil && interrupted == nil {
		return Summary{}, err
	}
	if job.ID == "" {
		return Summary{}, interrupted
	}
	wctx := context.WithoutCancel(ctx)
	if interrupted != nil && !job.State.Final() {
		// Another call must not go on with it behind its person's back. That it could finish meanwhile is as good.
		if err := r.call(wctx, http.MethodPost, "/v1/jobs/"+job.ID+"/pause", "", nil, new(tasks.Job)); err != nil && !isCall(err) {
			return Summary{}, err
		}
	}
	if err := write(wctx, job); err != nil {
		return Summary{}, err
	}
	sum := r.summary(job)
	switch {
	case interrupted != nil:
		return sum, interrupted
	case !job.State.Final():
		return sum, ErrStopped
	case job.State != tasks.Done: // the same call begins anew
		return sum, errors.Join(fmt.Errorf("job %s: %s %s", job.ID, job.State, job.Error), r.rec.finish(wctx, r.app))
	}
	return sum, r.rec.finish(wctx, r.app)
}

func (r *run) summary(j tasks.Job) Summary {
	// A file's records that no cell of the sheet shows (blank ones at the end, or outside of --rows) are skipped ones too.
	rows := r.total(j)
	s := Summary{
		Job: j.ID, Rows: rows, Eligible: j.Rows.Eligible, Enriched: j.Rows.Enriched, Unmatched: j.Rows.Unmatched, Failed: j.Rows.Failed,
		Skipped: j.Rows.Skipped + max(0, rows-j.Rows.Total), Duplicates: j.Rows.Duplicates, CellsWritten: j.CellsWritten, Credits: j.Credits.Spent,
		MatchRate: j.MatchRate, ElapsedMS: time.Since(r.start).Milliseconds(), Out: r.o.Out, Notes: r.notes, State: j.State,
	}
	if s.MatchRate == nil {
		s.MatchRate = map[string]float64{}
	}
	return s
}

// call asks the API, as any client would.
func (r *run) call(ctx context.Context, method, path, idempotency string, body, into any) error {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.app.URL()+path, in)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if idempotency != "" {
		req.Header.Set("Idempotency-Key", idempotency)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		var p api.Problem
		if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&p); err != nil {
			return fmt.Errorf("%s %s: status %d", method, path, resp.StatusCode)
		}
		if resp.StatusCode < 500 {
			return &CallError{Message: p.Detail, Code: tasks.Code(p.Code)}
		}
		return fmt.Errorf("%s %s: %s", method, path, p.Detail)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
