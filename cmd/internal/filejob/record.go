package filejob

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/tabular"
	"rowsmith/sheets/sheetsim"
	"rowsmith/tasks"
)

// A record is what is remembered of a run between calls. It holds no cell.
type record struct {
	Secret      string `json:"secret"` // makes this run's idempotency keys and API key its own
	Spreadsheet string `json:"spreadsheet,omitempty"`
	SheetID     int64  `json:"sheet_id,omitempty"`
	Loaded      bool   `json:"loaded,omitempty"` // all rows are in the spreadsheet
	Job         string `json:"job,omitempty"`
	// Temp is the output's temporary file: a call that was killed leaves it behind.
	Temp string `json:"temp,omitempty"`

	path string
}

// openRecord reads the record of the run over what sum identifies, or begins one: the first time, with --restart, and where
// what it names is gone.
func (r *run) openRecord(ctx context.Context, sum string) (*record, error) {
	rec := &record{path: filepath.Join(r.o.Data, "runs", r.o.key(sum)+".json")}
	b, err := os.ReadFile(rec.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, folderError(r.o.Data, err)
	}
	if err == nil && json.Unmarshal(b, rec) == nil && rec.Secret != "" {
		whole, err := r.whole(ctx, rec)
		if err != nil {
			return nil, err
		}
		if whole && !r.o.Restart {
			return rec, nil
		}
		if rec.Job != "" {
			if err := r.call(ctx, http.MethodPost, "/v1/jobs/"+rec.Job+"/cancel", "", nil, new(tasks.Job)); err != nil && !isCall(err) {
				return nil, err // a job that is over or gone needs no end
			}
		}
		if err := rec.finish(ctx, r.app); err != nil {
			return nil, err
		}
	}
	rec = &record{path: rec.path, Temp: rec.Temp, Secret: strings.ToLower(rand.Text())}
	return rec, rec.save()
}

// whole reports whether the spreadsheet and the job of a record are still there.
func (r *run) whole(ctx context.Context, rec *record) (bool, error) {
	if rec.Spreadsheet != "" {
		all, err := r.app.Sim.List(ctx)
		if err != nil {
			return false, fmt.Errorf("find embedded spreadsheet: %w", err)
		}
		if !slices.ContainsFunc(all, func(e sheetsim.Entry) bool { return e.ID == rec.Spreadsheet }) {
			return false, nil
		}
	}
	if rec.Job != "" {
		err := r.call(ctx, http.MethodGet, "/v1/jobs/"+rec.Job, "", nil, new(tasks.Job))
		if isCall(err) {
			return false, nil
		}
		return err == nil, err
	}
	return true, nil
}

// save makes the record durable.
func (r *record) save() error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := tabular.Create(r.path, "")
	if err != nil {
		return folderError(filepath.Dir(filepath.Dir(r.path)), err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		return folderError(filepath.Dir(filepath.Dir(r.path)), err)
	}
	if err := f.Commit(); err != nil {
		return folderError(filepath.Dir(filepath.Dir(r.path)), err)
	}
	return nil
}

// finish forgets a run that is done: its spreadsheet and its record. What it found stays in the cache.
func (r *record) finish(ctx context.Context, a *app.App) error {
	if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove run record: %w", err)
	}
	if r.Spreadsheet == "" {
		return nil
	}
	if err := a.Sim.Delete(ctx, r.Spreadsheet); err != nil && !errors.Is(err, sheetsim.ErrNotFound) {
		return fmt.Errorf("remove embedded spreadsheet: %w", err)
	}
	return nil
}
