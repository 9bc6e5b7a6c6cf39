package tasks

import (
	"context"
	"errors"
	"fmt"

	"rowsmith/tasks/queue"
	"rowsmith/tasks/store"
)

// A jobDoc is what the store keeps of a job.
type jobDoc struct {
	Job   Job   `json:"job"`
	Plan  Plan  `json:"plan"`
	Tally Tally `json:"tally"`
}

// A Tally is the sum over the chunks that are written. Only the writer adds to it.
type Tally struct {
	Chunks     int                        `json:"chunks"`
	Enriched   int                        `json:"enriched"`
	Written    int                        `json:"written"`
	Unwritten  int                        `json:"unwritten"`
	Unmatched  int                        `json:"unmatched"`
	Failed     int                        `json:"failed"`
	Skipped    int                        `json:"skipped"`
	Moved      int                        `json:"moved"`
	Cells      int                        `json:"cells"`
	Spent      int64                      `json:"spent"`
	Attributes map[string]*AttributeTally `json:"attributes,omitempty"`
}

// An AttributeTally says how looking for one attribute went.
type AttributeTally struct {
	Asked   int            `json:"asked"` // rows whose cell was to be filled
	Found   int            `json:"found"`
	Sources map[string]int `json:"sources,omitempty"` // source → values found
	Reasons map[string]int `json:"reasons,omitempty"` // why not → rows
	Spent   int64          `json:"spent"`             // credits
}

// add counts one chunk whose rows have been placed.
func (t *Tally) add(c *chunk, want []string) {
	t.Chunks++
	t.Skipped += len(c.Skips)
	t.Spent += c.Cost
	if t.Attributes == nil {
		t.Attributes = map[string]*AttributeTally{}
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		switch r.State {
		case rowEnriched:
			t.Enriched++
		case rowFailed:
			t.Failed++
		default:
			t.Unmatched++
		}
		if w := r.Wrote; w != nil {
			t.Cells += w.Cells
			if w.Moved {
				t.Moved++
			}
			if w.Reason == "" {
				t.Written++
			} else {
				t.Unwritten++
			}
		}
		for _, f := range r.Found {
			at := t.of(want[f.Attribute])
			at.Asked++
			at.Found++
			at.Sources = plusOne(at.Sources, c.Names[f.Source])
			at.Spent += f.Cost
		}
		for _, m := range r.Missing {
			for _, a := range m.Attributes {
				at := t.of(want[a])
				at.Asked++
				at.Reasons = plusOne(at.Reasons, c.Names[m.Reason])
			}
		}
	}
}

func (t *Tally) of(attribute string) *AttributeTally {
	at := t.Attributes[attribute]
	if at == nil {
		at = new(AttributeTally)
		t.Attributes[attribute] = at
	}
	return at
}

// plusOne counts one more of key; a map that was empty when it was stored comes back nil.
func plusOne(m map[string]int, key string) map[string]int {
	if m == nil {
		m = map[string]int{}
	}
	m[key]++
	return m
}

// show puts the tally into the job as people see it.
func (t *Tally) show(j *Job) {
	j.Rows.Enriched, j.Rows.Unmatched, j.Rows.Failed, j.Rows.Skipped = t.Enriched, t.Unmatched, t.Failed, t.Skipped
	j.Rows.Written, j.Rows.Unwritten, j.Rows.Moved = t.Written, t.Unwritten, t.Moved
	j.CellsWritten = t.Cells
	j.Credits.Spent = t.Spent
	if j.MatchRate == nil {
		j.MatchRate = map[string]float64{}
	}
	for a, at := range t.Attributes {
		if at.Asked > 0 {
			// Four digits are enough to show, and the same on every machine.
			j.MatchRate[a] = float64(at.Found*10000/at.Asked) / 10000
		}
	}
}

func (s *Service) jobDocOf(account string, l *loaded) (store.Doc, error) {
	p, err := encode(&l.doc)
	if err != nil {
		return store.Doc{}, err
	}
	return store.Doc{
		Key: s.key(account, kindJobs, l.doc.Job.ID), Payload: p, Rev: l.jobDoc.Rev,
		Fields: store.Fields{"active": !l.doc.Job.State.Final(), "spreadsheet": l.doc.Job.SpreadsheetID},
	}, nil
}

// finish states a job's end if it has come: all chunks written, or cancelled. It frees the job's cells in the same
// commit. Doing it twice changes nothing.
func (s *Service) finish(ctx context.Context, account, job string) error {
	for range 20 {
		l, err := s.load(ctx, account, job)
		if err != nil {
			return err
		}
		j := &l.doc.Job
		if j.State.Final() {
			return nil
		}
		complete := l.split.Done && l.doc.Tally.Chunks == l.split.Chunks
		switch {
		case l.control.Want == wantCancel:
			j.State = Cancelled
		case complete:
			j.State = Done
		default:
			return nil
		}
		j.Rows.Total, j.Rows.Eligible, j.Rows.Duplicates = l.split.Total, l.split.Eligible, l.split.Duplicates
		l.doc.Tally.show(j)
		j.Rows.Skipped += l.split.Blank
		now := s.clock.Now().UTC()
		j.FinishedAt = &now
		if j.StartedAt == nil {
			j.StartedAt = &now
		}
		d, err := s.jobDocOf(account, l)
		if err != nil {
			return err
		}
		writes, err := s.releaseTarget(ctx, account, *j)
		if err != nil {
			return err
		}
		_, err = s.store.Commit(ctx, append(writes, store.Replace(d))...)
		if errors.Is(err, store.ErrConflict) {
			continue // the writer counted, or another job's claim came; look again
		}
		if err != nil {
			return fmt.Errorf("finish job %s: %w", job, err)
		}
		s.log.InfoContext(ctx, "job finished", "account", account, "job", job, "state", j.State, "rows", j.Rows.Total,
			"enriched", j.Rows.Enriched, "cells", j.CellsWritten, "credits", j.Credits.Spent)
		s.step("finish.saved", job)
		return nil
	}
	return fmt.Errorf("finish job %s: %w", job, store.ErrConflict)
}

// finishStep is finish as a task.
func (s *Service) finishStep(ctx context.Context, account, job string) queue.Answer {
	if err := s.finish(ctx, account, job); err != nil {
		return s.answer(ctx, "finish", err)
	}
	return queue.Done()
}

// Tick finds state without a task: a crash between a commit and its enqueue, leases that ended with their process,
// a cancelled job that was not finished. It is called every minute or so, by any number of instances at once: what it enqueues is
// deduped by name. It returns how many unfinished jobs it looked at.
func (s *Service) Tick(ctx context.Context) (int, error) {
	n, cursor := 0, ""
	var errs []error
	for {
		page, err := s.store.Query(ctx, store.Query{
			Kind: kindJobs, Where: []store.Where{{Field: "active", Cmp: store.Eq, Value: true}}, Limit: 100, After: cursor,
		})
		if err != nil {
			return n, fmt.Errorf("tick: %w", err)
		}
		for _, d := range page.Docs {
			n++
			if err := s.requeue(ctx, d.Key.Account, d.Key.ID); err != nil {
				errs = append(errs, err)
			}
		}
		if cursor = page.Next; cursor == "" {
			return n, errors.Join(errs...)
		}
	}
}
