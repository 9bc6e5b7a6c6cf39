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
func (r *run) startJob(ctx context.Context) (tasks.Job, error) {
	var job tasks.Job
	if r.rec.Job != "" {
		if err := r.call(ctx, http.MethodGet, "/v1/jobs/"+r.rec.Job, "", nil, &job); err != nil {
			return job, err
		}
		if job.State == tasks.Paused {
			return job, r.call(ctx, http.MethodPost, "/v1/jobs/"+job.ID+"/resume", "", nil, &job)
		}
		return job, nil
	}
	req, err := r.request(ctx)
	if err != nil {
		return job, err
	}
	if err := r.call(ctx, http.MethodPost, "/v1/jobs", "run-"+r.rec.Secret, req, &job); err != nil {
		return job, err
	}
	r.notes = append(r.notes, job.Warnings...)
	r.rec.Job = job.ID
	return job, r.rec.save()
}

// request makes the job's request of the options.
func (r *run) request(ctx context.Context) (tasks.Request, error) {
	req := tasks.Request{
		SpreadsheetID: r.rec.Spreadsheet, SheetID: &r.rec.SheetID, HeaderRow: 1, Fill: r.o.Fill,
		Mapping: map[string]*string{}, Output: r.o.Output, MaxCredits: r.o.MaxCredits, Want: r.o.Want,
	}
	for h, a := range r.o.Mapping {
		req.Mapping[h] = nil
		if a != "" {
			req.Mapping[h] = &a
		}
	}
	if r.o.Country != "" {
		req.Defaults = map[string]string{enrichment.Country: r.o.Country}
	}
	if r.o.Rows != "" {
		rg, err := r.rows()
		if err != nil {
			return req, err
		}
		req.Range = rg
	}
	if len(req.Want) == 0 {
		want, err := r.free(ctx)
		if err != nil {
			return req, err
		}
		req.Want = want
	}
	return req, nil
}

// rows turns --rows, counted as the file's records are, into a range of the embedded sheet.
func (r *run) rows() (string, error) {
	bad := wrong("--rows takes two rows of the file, like 2:500.")
	from, to, ok := strings.Cut(r.o.Rows, ":")
	a, err := strconv.Atoi(strings.TrimSpace(from))
	if !ok || err != nil || a < 1 {
		return "", bad
	}
	last := r.t.Len() + r.t.HeaderRow() + 1
	b := last
	if to = strings.TrimSpace(to); to != "" {
		if b, err = strconv.Atoi(to); err != nil || b < a {
			return "", bad
		}
	}
	first := r.t.HeaderRow() + 2
	a, b = max(a, first), min(b, last)
	if a > b {
		return "", wrong("--rows %s holds no row of the file: its rows are %d to %d.", r.o.Rows, first, last)
	}
	return fmt.Sprintf("%d:%d", a-r.t.HeaderRow(), b-r.t.HeaderRow()), nil
}

// free lists every attribute that costs nothing and can be found from the file's columns.
func (r *run) free(ctx context.Context) ([]string, error) {
	given := map[string]bool{}
	for _, a := range sheets.Recognise(r.t.Header()) {
		if cat, ok := enrichment.Find(a); ok && cat.Input {
			given[a] = true
		}
	}
	for _, a := range r.o.Mapping {
		if a != "" {
			given[a] = true
		}
	}
	if len(given) == 0 {
		return nil, wrong("None of the headings in %s says what a person or company could be looked up by. Say which column holds what, for example --map \"Kontakt=email\".", r.t.Name())
	}
	var list api.AttributeList
	if err := r.call(ctx, http.MethodGet, "/v1/attributes?given="+strings.Join(slices.Sorted(maps.Keys(given)), ","), "", nil, &list); err != nil {
		return nil, err
	}
	var want []string
	for _, a := range list.Attributes {
		want = append(want, a.Name)
	}
	if len(want) == 0 {
		return nil, wrong("Nothing can be looked up for free from the columns of %s. Say what you want with --want.", r.t.Name())
	}
	return want, nil
}

// follow waits for the job's end and tells how it goes.
func (r *run) follow(ctx context.Context, job tasks.Job) (tasks.Job, error) {
	wait := 20 * time.Millisecond
	for {
		c := job.Rows
		if r.o.Progress != nil {
			r.o.Progress.Rows(c.Enriched+c.Unmatched+c.Failed+c.Skipped, r.t.Len(), job.CellsWritten)
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

// count says a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
