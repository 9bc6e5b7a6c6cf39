package filejob

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/tabular"
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

// openRecord reads the record of a run, or begins one.
func openRecord(data, key string, restart bool) (*record, error) {
	dir := filepath.Join(data, "runs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, wrong("The data folder %s can't be used (%s). Choose another with --data.", data, reason(err))
	}
	r := &record{path: filepath.Join(dir, key+".json")}
	b, err := os.ReadFile(r.path)
	switch {
	case err == nil && !restart:
		if json.Unmarshal(b, r) == nil && r.Secret != "" {
			return r, nil
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read run record: %w", err)
	}
	*r = record{path: r.path, Secret: strings.ToLower(rand.Text())}
	return r, r.save()
}

// save makes the record durable.
func (r *record) save() error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := tabular.Create(r.path, "")
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Commit()
}

// finish forgets a run that is done: its spreadsheet and its record. What it found stays in the cache.
func (r *record) finish(ctx context.Context, a *app.App) error {
	if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove run record: %w", err)
	}
	if r.Spreadsheet == "" {
		return nil
	}
	if err := a.Sim.Delete(ctx, r.Spreadsheet); err != nil {
		return fmt.Errorf("remove embedded spreadsheet: %w", err)
	}
	return nil
}

// reason is the last part of an error of the file system, without the path that the message has already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
