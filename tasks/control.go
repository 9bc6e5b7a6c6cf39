package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rowsmith/tasks/queue"
	"rowsmith/tasks/store"
)

// A control is what is wanted of a job. It is a document of its own, changed by compare-and-set, so that a
// person's pause never competes with the writer's counts.
type control struct {
	Want  string `json:"want"`
	Pause *Pause `json:"pause,omitempty"`
	// Resumes counts how often the job was set going again; part of its tasks' generations.
	Resumes int `json:"resumes"`
}

const (
	wantRun    = "run"
	wantPause  = "pause"
	wantCancel = "cancel"
)

// Pause stops a job after what is under way; results that are saved meanwhile wait.
// The error's code is not_found or job_finished where it can't be.
func (s *Service) Pause(ctx context.Context, account, job string) (Job, error) {
	return s.steer(ctx, account, job, func(c *control) bool {
		if c.Want != wantRun {
			return false
		}
		c.Want = wantPause
		c.Pause = &Pause{Code: StoppedByPerson, Detail: "Somebody paused this job.", Action: "Resume it when you are ready."}
		return true
	})
}

// Resume sets a paused job going again.
func (s *Service) Resume(ctx context.Context, account, job string) (Job, error) {
	j, err := s.steer(ctx, account, job, func(c *control) bool {
		if c.Want != wantPause {
			return false
		}
		c.Want, c.Pause = wantRun, nil
		c.Resumes++
		return true
	})
	if err != nil {
		return j, err
	}
	return j, s.requeue(ctx, account, job)
}

// Cancel ends a job. What is in the sheet stays; what was found but not written stays on the job.
func (s *Service) Cancel(ctx context.Context, account, job string) (Job, error) {
	j, err := s.steer(ctx, account, job, func(c *control) bool {
		if c.Want == wantCancel {
			return false
		}
		c.Want, c.Pause = wantCancel, nil
		return true
	})
	if err != nil {
		return j, err
	}
	if err := s.finish(ctx, account, job); err != nil {
		// The wish is durable: tick finishes the job.
		s.log.WarnContext(ctx, "cancelled job not finished, tick will", "job", job, "err", err)
		return j, nil
	}
	return s.Job(ctx, account, job)
}

// pauseFor pauses a job on the program's own account, for instance because its tab is gone.
func (s *Service) pauseFor(ctx context.Context, account, job string, p Pause) error {
	_, err := s.steer(ctx, account, job, func(c *control) bool {
		if c.Want != wantRun {
			return false
		}
		c.Want, c.Pause = wantPause, &p
		return true
	})
	if err == nil {
		s.log.InfoContext(ctx, "job paused", "account", account, "job", job, "code", p.Code)
	}
	return err
}

// steer changes a job's control document by compare-and-set. change reports whether there is anything to
// change; it may run again.
func (s *Service) steer(ctx context.Context, account, job string, change func(*control) bool) (Job, error) {
	for {
		l, err := s.load(ctx, account, job)
		if err != nil {
			return Job{}, err
		}
		if l.doc.Job.State.Final() {
			return l.view(), &Error{Code: CodeFinished, Detail: "This job has ended. Start a new one."}
		}
		if !change(&l.control) {
			return l.view(), nil
		}
		d := l.controlDoc
		if d.Payload, err = encode(l.control); err != nil {
			return Job{}, err
		}
		_, err = s.store.Commit(ctx, store.Replace(d))
		if errors.Is(err, store.ErrConflict) {
			continue // somebody else steered; look again
		}
		if err != nil {
			return Job{}, fmt.Errorf("steer job %s: %w", job, err)
		}
		return l.view(), nil
	}
}

// loaded is a job with its control and split documents, read at one moment.
type loaded struct {
	doc        jobDoc
	jobDoc     store.Doc
	control    control
	controlDoc store.Doc
	split      split
	splitDoc   store.Doc
	at         time.Time // store time of the reading
}

// load reads a job. Where there is none the error's code is not_found.
func (s *Service) load(ctx context.Context, account, job string) (*loaded, error) {
	none := &Error{Code: CodeNotFound, Detail: "There is no such job."}
	if !validID(job) {
		return nil, none
	}
	r, err := s.store.Get(ctx, s.key(account, kindJobs, job), s.key(account, kindControls, job), s.key(account, kindSplits, job))
	if err != nil {
		return nil, fmt.Errorf("load job %s: %w", job, err)
	}
	l := &loaded{jobDoc: r.Docs[0], controlDoc: r.Docs[1], splitDoc: r.Docs[2], at: r.At}
	for _, d := range r.Docs {
		if !d.Exists() {
			return nil, none
		}
	}
	if err := decode(l.jobDoc, &l.doc); err != nil {
		return nil, err
	}
	if err := decode(l.controlDoc, &l.control); err != nil {
		return nil, err
	}
	return l, decode(l.splitDoc, &l.split)
}

// stopped reports whether the job should not go on: it ended, is paused or is being cancelled.
func (l *loaded) stopped() bool { return l.doc.Job.State.Final() || l.control.Want != wantRun }

// view is the job as people see it: the writer's counts, what the split has found so far, and what is wanted of it.
func (l *loaded) view() Job {
	j := l.doc.Job
	if j.State.Final() {
		return j
	}
	j.Rows.Total = l.split.Total
	j.Rows.Eligible = l.split.Eligible
	j.Rows.Duplicates = l.split.Duplicates
	switch l.control.Want {
	case wantPause:
		j.State, j.Pause = Paused, l.control.Pause
	case wantCancel:
		j.State = Cancelled
	}
	return j
}

// Job returns one job.
func (s *Service) Job(ctx context.Context, account, job string) (Job, error) {
	l, err := s.load(ctx, account, job)
	if err != nil {
		return Job{}, err
	}
	return l.view(), nil
}

// Jobs lists an account's jobs, newest first, at most limit of them; spreadsheet narrows it to one spreadsheet's.
// next continues the list; empty when there is no more.
func (s *Service) Jobs(ctx context.Context, account, spreadsheet, cursor string, limit int) (jobs []Job, next string, err error) {
	q := store.Query{Kind: kindJobs, Account: account, Limit: limit, After: cursor}
	if spreadsheet != "" {
		q.Where = []store.Where{{Field: "spreadsheet", Cmp: store.Eq, Value: spreadsheet}}
	}
	page, err := s.store.Query(ctx, q)
	if errors.Is(err, store.ErrInvalid) && cursor != "" {
		return nil, "", invalid("cursor", "The cursor is not one of ours. Start the list again without it.")
	}
	if err != nil {
		return nil, "", fmt.Errorf("list jobs: %w", err)
	}
	jobs = []Job{}
	for _, d := range page.Docs {
		var jd jobDoc
		if err := decode(d, &jd); err != nil {
			return nil, "", err
		}
		j := jd.Job
		if !j.State.Final() { // what is wanted of it, and how far it is, stands in other documents
			if j, err = s.Job(ctx, account, d.Key.ID); err != nil {
				return nil, "", err
			}
		}
		jobs = append(jobs, j)
	}
	return jobs, page.Next, nil
}

// requeue enqueues what a running job needs to go on: after a resume, and when tick finds state without a
// task. Names dedupe, so that doing it once too often costs nothing.
func (s *Service) requeue(ctx context.Context, account, job string) error {
	l, err := s.load(ctx, account, job)
	if err != nil {
		return err
	}
	if l.doc.Job.State.Final() || l.control.Want == wantPause {
		return nil
	}
	if l.control.Want == wantCancel {
		return s.finish(ctx, account, job)
	}
	if !l.split.Done {
		if err := s.enqueueSplit(ctx, account, job, l.split.Next, l.control.Resumes); err != nil {
			return err
		}
	}
	w, _, err := s.fan.window(ctx, s.store, s.clock.Now(), account, job)
	if err != nil {
		return err
	}
	waiting, err := s.chunksIn(ctx, account, job, chunkNew, w)
	if err != nil {
		return err
	}
	running, err := s.chunksIn(ctx, account, job, chunkRunning, 2*jobWindow)
	if err != nil {
		return err
	}
	live := 0
	for _, c := range running {
		if s.leaseHolds(s.key(account, kindChunks, chunkID(job, c.N)), c.Holder, c.Lease, l.at) {
			live++
			continue
		}
		waiting = append(waiting, c)
	}
	for i, c := range waiting {
		if i+live >= w {
			break
		}
		if err := s.enqueueChunk(ctx, account, &c, l.control.Resumes); err != nil {
			return err
		}
	}
	saved, err := s.chunksIn(ctx, account, job, chunkSaved, 1)
	if err != nil {
		return err
	}
	if len(saved) > 0 {
		return s.nudgeWriter(ctx, account, job, 0)
	}
	if l.split.Done && len(waiting) == 0 && len(running) == 0 {
		return s.enqueue(ctx, queue.Task{Queue: QueueControl, Kind: kindFinish, Name: "finish-" + job, Gen: genStep * l.control.Resumes, Body: body(account, job, 0)})
	}
	return nil
}

// chunksIn reads up to limit of a job's chunks in one state, in order.
func (s *Service) chunksIn(ctx context.Context, account, job, state string, limit int) ([]chunk, error) {
	docs, err := s.chunkDocs(ctx, account, job, state, limit, "")
	if err != nil {
		return nil, err
	}
	cs := make([]chunk, len(docs.Docs))
	for i, d := range docs.Docs {
		if err := decode(d, &cs[i]); err != nil {
			return nil, err
		}
	}
	return cs, nil
}

func (s *Service) chunkDocs(ctx context.Context, account, job, state string, limit int, after string) (store.Page, error) {
	q := store.Query{Kind: kindChunks, Account: account, Limit: limit, After: after, Where: []store.Where{{Field: "job", Cmp: store.Eq, Value: job}}}
	if state != "" {
		q.Where = append(q.Where, store.Where{Field: "state", Cmp: store.Eq, Value: state})
	}
	p, err := s.store.Query(ctx, q)
	if err != nil {
		return p, fmt.Errorf("chunks of job %s: %w", job, err)
	}
	return p, nil
}
