package tasks

import (
	"context"
	"fmt"

	"rowsmith/tasks/store"
)

// A target lists the cells of one tab that unfinished jobs write, so that no two overlap.
type target struct {
	Claims []claim `json:"claims"`
}

// A claim is what one job writes: rows [StartRow, EndRow) (-1: to the end) of some attributes' columns.
type claim struct {
	Job      string   `json:"job"`
	StartRow int      `json:"start_row"`
	EndRow   int      `json:"end_row"`
	Columns  []string `json:"columns"` // headings in normal form: they name a column before it exists
}

func (c claim) overlaps(o claim) bool {
	if c.EndRow >= 0 && c.EndRow <= o.StartRow || o.EndRow >= 0 && o.EndRow <= c.StartRow {
		return false
	}
	for _, a := range c.Columns {
		for _, b := range o.Columns {
			if a == b {
				return true
			}
		}
	}
	return false
}

func targetID(spreadsheet string, sheet int64) string {
	return fmt.Sprintf("%s.%d", spreadsheet, sheet)
}

// claimTarget returns the write that adds the job's claim to its tab's target, or an overlapping_job
// error. Claims of jobs that have ended are dropped on the way.
func (s *Service) claimTarget(ctx context.Context, account string, d *jobDoc) (string, store.Write, error) {
	key := s.key(account, kindTargets, targetID(d.Job.SpreadsheetID, d.Job.SheetID))
	r, err := s.store.Get(ctx, key)
	if err != nil {
		return "", store.Write{}, fmt.Errorf("read %s: %w", key, err)
	}
	doc := r.Docs[0]
	var t target
	if doc.Exists() {
		if err := decode(doc, &t); err != nil {
			return "", store.Write{}, err
		}
	}
	mine := claim{Job: d.Job.ID, StartRow: d.Plan.StartRow, EndRow: d.Plan.EndRow}
	for _, o := range d.Plan.Outputs {
		mine.Columns = append(mine.Columns, o.column())
	}
	keep := t.Claims[:0:0]
	for _, c := range t.Claims {
		if !mine.overlaps(c) {
			keep = append(keep, c)
			continue
		}
		other, err := s.Job(ctx, account, c.Job)
		if err != nil {
			return "", store.Write{}, err
		}
		if !other.State.Final() {
			return "", store.Write{}, &Error{Code: CodeOverlap, Detail: fmt.Sprintf("Job %s is already filling these cells. Wait until it is done, or cancel it.", c.Job)}
		}
	}
	t.Claims = append(keep, mine)
	p, err := encode(t)
	if err != nil {
		return "", store.Write{}, err
	}
	doc.Payload = p
	if doc.Exists() {
		return key.String(), store.Replace(doc), nil
	}
	return key.String(), store.Create(doc), nil
}

// releaseTarget returns the writes that drop a job's claim; none where it has none.
func (s *Service) releaseTarget(ctx context.Context, account string, j Job) ([]store.Write, error) {
	key := s.key(account, kindTargets, targetID(j.SpreadsheetID, j.SheetID))
	r, err := s.store.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	doc := r.Docs[0]
	if !doc.Exists() {
		return nil, nil
	}
	var t target
	if err := decode(doc, &t); err != nil {
		return nil, err
	}
	keep := t.Claims[:0:0]
	for _, c := range t.Claims {
		if c.Job != j.ID {
			keep = append(keep, c)
		}
	}
	if len(keep) == len(t.Claims) {
		return nil, nil
	}
	if len(keep) == 0 {
		return []store.Write{store.DeleteAt(key, doc.Rev)}, nil
	}
	t.Claims = keep
	if doc.Payload, err = encode(t); err != nil {
		return nil, err
	}
	return []store.Write{store.Replace(doc)}, nil
}
