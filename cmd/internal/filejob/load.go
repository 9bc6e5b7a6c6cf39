package filejob

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rowsmith/cmd/internal/api"
	"rowsmith/cmd/internal/tabular"
	"rowsmith/enrichment"
	"rowsmith/sheets"
	"rowsmith/tasks"
)

// loadRows is how many rows go into the spreadsheet in one call, loadCells how many cells at most.
const (
	loadRows  = 2000
	loadCells = 50_000
)

// load puts the file's rows into an embedded spreadsheet, headings in its first row. After a crash it begins again: the same
// cells get the same contents.
func (r *run) load(ctx context.Context) error {
	if long := r.t.Survey().LongCells; len(long) > 0 {
		at := long[0]
		r.note("%s longer than 50,000 characters, the first in row %d: only their beginning was looked at. The file keeps them whole.",
			count(len(long), "cell is", "cells are"), at.Row+r.t.HeaderRow()+2)
	}
	if d := r.t.Survey().Damaged; d > 0 {
		r.note("%s not valid in the file's encoding; they were read as well as possible and stay as they are.", count(d, "row is", "rows are"))
	}
	if r.rec.Loaded {
		return nil
	}
	if r.rec.Spreadsheet == "" {
		ss, err := r.app.Sheets.Create(ctx, r.t.Name(), "Rows")
		if err != nil {
			return fmt.Errorf("make spreadsheet: %w", err)
		}
		r.rec.Spreadsheet, r.rec.SheetID = ss.ID, ss.Tabs[0].ID
		if err := r.rec.save(); err != nil {
			return err
		}
	}
	width := max(1, r.t.Width())
	if err := r.app.Sheets.EnsureSize(ctx, r.rec.Spreadsheet, r.rec.SheetID, r.t.Len()+1, width); err != nil {
		return fmt.Errorf("make room: %w", err)
	}
	head := make([]any, width)
	for i, h := range r.t.Header() {
		if h != "" {
			head[i] = cut(h)
		}
	}
	page := [][]any{head}
	start := 0
	flush := func() error {
		if len(page) == 0 {
			return nil
		}
		err := r.app.Sheets.Fill(ctx, r.rec.Spreadsheet, sheets.GridRange{SheetID: r.rec.SheetID, StartRow: start, EndRow: start + len(page), StartCol: 0, EndCol: width}, page)
		start += len(page)
		page = page[:0]
		return err
	}
	size := max(1, min(loadRows, loadCells/width))
	err := r.t.Rows(ctx, func(_ int, cells []any) error {
		row := make([]any, len(cells))
		for i, c := range cells {
			switch v := c.(type) {
			case string:
				if v != "" {
					row[i] = cut(v)
				}
			default:
				row[i] = v
			}
		}
		page = append(page, row)
		if len(page) < size {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		if _, mine := errors.AsType[*tabular.Error](err); mine || ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("load rows: %w", err)
	}
	r.rec.Loaded = true
	return r.rec.save()
}

// cut shortens a cell to what a spreadsheet takes: 50,000 UTF-16 units. The file keeps it whole.
func cut(s string) string {
	if !tabular.Overlong(s) {
		return s
	}
	n := 0
	for i, c := range s {
		if n++; c > 0xFFFF {
			n++
		}
		if n > tabular.MaxCellChars {
			return s[:i]
		}
	}
	return s
}

// startJob starts the job, or finds the one that an earlier call started.
func (r *run) startJob(ctx context.Context, req tasks.Request) (tasks.Job, error) {
	var job tasks.Job
	if r.rec.Job != "" {
		if err := r.call(ctx, http.MethodGet, "/v1/jobs/"+r.rec.Job, "", nil, &job); err != nil {
			return job, err
		}
	} else {
		req.SpreadsheetID, req.SheetID = r.rec.Spreadsheet, &r.rec.SheetID
		if err := r.call(ctx, http.MethodPost, "/v1/jobs", "run-"+r.rec.Secret, req, &job); err != nil {
			return job, err
		}
		r.notes = append(r.notes, job.Warnings...)
		r.rec.Job = job.ID
		if err := r.rec.save(); err != nil {
			return job, err
		}
	}
	if job.State == tasks.Paused {
		return job, r.call(ctx, http.MethodPost, "/v1/jobs/"+job.ID+"/resume", "", nil, &job)
	}
	return job, nil
}

// request makes a job's request of the options, all but where its rows are.
func (o *Options) request() tasks.Request {
	req := tasks.Request{
		HeaderRow: 1, Fill: o.Fill, Mapping: map[string]*string{}, Output: o.Output, MaxCredits: o.MaxCredits, Want: o.Want,
	}
	for h, a := range o.Mapping {
		req.Mapping[h] = nil
		if a != "" {
			req.Mapping[h] = &a
		}
	}
	if o.Country != "" {
		req.Defaults = map[string]string{enrichment.Country: o.Country}
	}
	return req
}

// free lists every attribute that costs nothing and can be found from the given ones.
func (r *run) free(ctx context.Context, given []string) ([]string, error) {
	var list api.AttributeList
	if err := r.call(ctx, http.MethodGet, "/v1/attributes?given="+strings.Join(given, ","), "", nil, &list); err != nil {
		return nil, err
	}
	var want []string
	for _, a := range list.Attributes {
		want = append(want, a.Name)
	}
	return want, nil
}

// fileRequest makes the job's request over the file's rows, all but the spreadsheet.
func (r *run) fileRequest(ctx context.Context) (tasks.Request, error) {
	req := r.o.request()
	if r.o.Rows != "" {
		rg, err := r.o.sheetRows(r.t)
		if err != nil {
			return req, err
		}
		req.Range = rg
	}
	given := r.given()
	if len(given) == 0 {
		return req, wrong("None of the headings in %s says what a person or company could be looked up by. Say which column holds what, for example --map \"Kontakt=email\", or with --header-row which row holds the headings.", r.t.Name())
	}
	if len(req.Want) > 0 {
		return req, nil
	}
	var err error
	if req.Want, err = r.free(ctx, given); err != nil {
		return req, err
	}
	if len(req.Want) == 0 {
		return req, wrong("Nothing can be looked up for free from the columns of %s. Say what you want with --want.", r.t.Name())
	}
	for _, a := range slices.Sorted(maps.Keys(r.o.Output)) {
		if !slices.Contains(req.Want, a) {
			return req, wrong("--output names %q, which isn't looked up without being asked for. Name it in --want.", a)
		}
	}
	return req, nil
}

// rowRange reads --rows; the last row is 0 where it is left open.
func (o *Options) rowRange() (first, last int, err error) {
	bad := wrong("--rows takes two rows of the file, like 2:500.")
	from, to, ok := strings.Cut(o.Rows, ":")
	if first, err = strconv.Atoi(strings.TrimSpace(from)); !ok || err != nil || first < 1 {
		return 0, 0, bad
	}
	if to = strings.TrimSpace(to); to == "" {
		return first, 0, nil
	}
	if last, err = strconv.Atoi(to); err != nil || last < first {
		return 0, 0, bad
	}
	return first, last, nil
}

// sheetRows turns --rows, counted as the file's records are, into a range of the embedded sheet.
func (o *Options) sheetRows(t tabular.Table) (string, error) {
	from, to, err := o.rowRange()
	if err != nil {
		return "", err
	}
	first, last := t.HeaderRow()+2, t.Len()+t.HeaderRow()+1
	a, b := max(from, first), last
	if to > 0 {
		b = min(to, last)
	}
	switch {
	case first > last:
		return "", wrong("--rows %s holds no row of the file: it has none below its headings.", o.Rows)
	case a > b:
		return "", wrong("--rows %s holds no row of the file: its rows are %d to %d.", o.Rows, first, last)
	}
	return fmt.Sprintf("%d:%d", a-t.HeaderRow(), b-t.HeaderRow()), nil
}

// given lists what the file's columns hold that something can be looked up by.
func (r *run) given() []string {
	heads := r.t.Header()
	given := map[string]bool{}
	for i, a := range sheets.Recognise(heads) {
		nothing := func(h, a string) bool {
			return a == "" && (h == heads[i] || sheets.NormalHeading(h) == sheets.NormalHeading(heads[i]))
		}
		if cat, ok := enrichment.Find(a); ok && cat.Input && !anyPair(r.o.Mapping, nothing) {
			given[a] = true
		}
	}
	for _, a := range r.o.Mapping {
		if a != "" {
			given[a] = true
		}
	}
	return slices.Sorted(maps.Keys(given))
}

func anyPair(m map[string]string, is func(k, v string) bool) bool {
	for k, v := range m {
		if is(k, v) {
			return true
		}
	}
	return false
}

// follow waits for the job's end and tells how it goes.
func (r *run) follow(ctx context.Context, job tasks.Job) (tasks.Job, error) {
	wait := 20 * time.Millisecond
	var last tasks.Rows
	moved := time.Now()
	for {
		c := job.Rows
		if c != last {
			last, moved = c, time.Now()
		} else if time.Since(moved) > stalled {
			// What can't be kept is tried again and again; only a full disk is for a person to mend.
			if err := r.o.full(); err != nil {
				return job, err
			}
			moved = time.Now()
		}
		if r.o.Progress != nil {
			r.o.Progress.Rows(c.Enriched+c.Unmatched+c.Failed+c.Skipped, r.total(job), job.CellsWritten)
		}
		if job.State.Final() {
			return job, nil
		}
		if job.State == tasks.Paused {
			if job.Pause != nil {
				r.note("%s %s", job.Pause.Detail, job.Pause.Action)
			}
			return job, nil
		}
		select {
		case <-ctx.Done():
			return job, ctx.Err()
		case <-time.After(wait):
		}
		wait = min(wait*3/2, 250*time.Millisecond)
		var now tasks.Job
		if err := r.call(ctx, http.MethodGet, "/v1/jobs/"+job.ID, "", nil, &now); err != nil {
			return job, err
		}
		job = now
	}
}

// total is how many rows there are, as far as is known: a file's are counted, a sheet's are found by and by.
func (r *run) total(j tasks.Job) int {
	if r.t != nil {
		return r.t.Len()
	}
	return j.Rows.Total
}

// stalled is how long nothing may happen before the disk is looked at.
const stalled = 3 * time.Second

// count says a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
