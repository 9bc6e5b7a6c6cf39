package tasks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"rowsmith/enrichment"
	"rowsmith/sheets"
	"rowsmith/tasks/credits"
	"rowsmith/tasks/queue"
	"rowsmith/tasks/store"
)

// maxFaults is how many runs of a chunk may end in an error of ours before its rows are counted as failed.
const maxFaults = 8

// A run is one claim of one chunk.
type run struct {
	s       *Service
	account string
	c       *chunk
	rev     store.Rev
	mu      sync.Mutex // the engine journals the waves of several sources at once
}

// chunkStep claims a chunk, looks its rows up, and saves what was found.
func (s *Service) chunkStep(ctx context.Context, account, job string, n int) queue.Answer {
	l, err := s.load(ctx, account, job)
	if err != nil {
		return s.answer(ctx, "chunk", err)
	}
	if l.stopped() {
		return queue.Done() // resume and tick enqueue it again
	}
	if l.doc.Plan.MaxCredits > 0 {
		switch err := s.maySpend(ctx, account, &l.doc.Job); {
		case errors.Is(err, errSpendingStopped):
			p := Pause{Code: SpendingStopped, Detail: "Spending was stopped for your team or this sheet.", Action: "Ask whoever stopped it; when it is started again, resume the job."}
			if err := s.pauseFor(ctx, account, job, p); err != nil {
				return s.answer(ctx, "chunk", err)
			}
			return queue.Done()
		case err != nil:
			return s.answer(ctx, "chunk", err)
		}
	}
	r, wait, err := s.claimChunk(ctx, account, job, n)
	if err != nil {
		return s.answer(ctx, "chunk", err)
	}
	if wait > 0 {
		return queue.After(wait)
	}
	if r == nil {
		// Done before. Whoever did it may have died before telling the next chunk and the writer.
		return s.afterChunk(ctx, account, job, n, l.control.Resumes)
	}
	defer s.let(s.key(account, kindChunks, chunkID(job, n)))
	s.step("chunk.claimed", job)
	err = r.enrich(ctx, l)
	switch {
	case err == nil:
	case errors.Is(err, store.ErrConflict):
		return queue.Done() // the fence: another claim has it now
	case ctx.Err() != nil:
		r.handBack()
		return queue.Again(err)
	default:
		s.log.WarnContext(ctx, "chunk failed", "job", job, "chunk", n, "err", err)
		if err := r.fault(ctx, len(l.doc.Job.Want)); err != nil {
			return queue.Again(err)
		}
		if r.c.State == chunkNew {
			return queue.Again(err)
		}
	}
	return s.afterChunk(ctx, account, job, n, l.control.Resumes)
}

// claimChunk takes the lease of a chunk by compare-and-set; the caller lets it go. It returns nil where the chunk has been saved already, and
// how long to wait where another holds it.
func (s *Service) claimChunk(ctx context.Context, account, job string, n int) (*run, time.Duration, error) {
	key := s.key(account, kindChunks, chunkID(job, n))
	for range 5 {
		r, err := s.store.Get(ctx, key)
		if err != nil {
			return nil, 0, fmt.Errorf("claim chunk %s: %w", key.ID, err)
		}
		if !r.Docs[0].Exists() {
			return nil, 0, &Error{Code: CodeNotFound, Detail: "There is no such chunk."}
		}
		c := new(chunk)
		if err := decode(r.Docs[0], c); err != nil {
			return nil, 0, err
		}
		if c.State == chunkSaved || c.State == chunkWritten {
			return nil, 0, nil
		}
		if c.State == chunkRunning && s.leaseHolds(key, c.Holder, c.Lease, r.At) {
			return nil, max(time.Second, c.Lease.Sub(r.At)), nil
		}
		c.State, c.Holder, c.Lease = chunkRunning, s.instance, r.At.Add(s.lease)
		c.Fence++
		run := &run{s: s, account: account, c: c, rev: r.Docs[0].Rev}
		s.hold(key)
		if err := run.save(ctx); err == nil {
			return run, 0, nil
		} else if s.let(key); !errors.Is(err, store.ErrConflict) {
			return nil, 0, err
		}
		// Somebody claimed it between our read and our write: look at what they made of it.
	}
	return nil, time.Second, nil
}

// save replaces the chunk's document, with further writes in the same commit. ErrConflict means that the claim is lost.
func (r *run) save(ctx context.Context, more ...store.Write) error {
	d, err := r.s.chunkDoc(r.account, r.c, r.rev)
	if err != nil {
		return err
	}
	done, err := r.s.store.Commit(ctx, append([]store.Write{store.Replace(d)}, more...)...)
	if err != nil {
		return fmt.Errorf("save chunk %s: %w", d.Key.ID, err)
	}
	r.rev = done.Revs[0]
	return nil
}

// enrich looks the chunk's rows up and saves the results and the chunk's ledger entry in one commit.
func (r *run) enrich(ctx context.Context, l *loaded) error {
	ctx, cancel := context.WithTimeout(ctx, r.s.lease*9/10) // calls out end before the lease does
	defer cancel()
	c, plan := r.c, &l.doc.Plan
	subjects := make([]enrichment.Subject, len(c.Rows))
	want := enrichment.Want{
		Attributes: l.doc.Job.Want, Account: r.account, Buyer: "chunk/" + chunkID(c.Job, c.N),
		Journal: r, MaxCost: c.Allotment,
	}
	for i := range c.Rows {
		subjects[i] = c.Rows[i].subject(plan)
		if c.Rows[i].Need != nil && want.Needs == nil {
			want.Needs = make([][]string, len(c.Rows))
		}
	}
	for i := range want.Needs {
		for _, a := range c.Rows[i].need(len(want.Attributes)) {
			want.Needs[i] = append(want.Needs[i], want.Attributes[a])
		}
	}
	if l.doc.Job.Fill == sheets.FillOverwrite {
		want.Refresh = want.Attributes
	}
	results, err := r.s.engine.Enrich(ctx, subjects, want)
	if err != nil {
		return err
	}
	if len(results) != len(c.Rows) {
		return fmt.Errorf("engine: %d results for %d rows", len(results), len(c.Rows))
	}
	c.Cost = 0
	for i := range c.Rows {
		c.settle(&c.Rows[i], want.Attributes, results[i])
	}
	r.s.step("chunk.enriched", c.Job)
	var more []store.Write
	lines := c.lines(want.Attributes)
	for _, line := range lines {
		c.Cost += line.Amount
	}
	if c.Cost > 0 {
		w, err := credits.Charge(r.account, credits.Entry{For: want.Buyer, Job: c.Job, Amount: -c.Cost, Lines: lines, At: r.s.clock.Now().UTC()})
		if err != nil {
			return err
		}
		more = append(more, w)
	}
	for id, call := range c.Journal {
		call.Values = nil // they stand in the rows now
		c.Journal[id] = call
	}
	c.State, c.Holder, c.Lease = chunkSaved, "", time.Time{}
	if err := r.save(ctx, more...); err != nil {
		return err
	}
	r.s.step("chunk.saved", c.Job)
	return nil
}

// settle takes over what the engine found for a row: only what the row needs.
func (c *chunk) settle(r *row, want []string, res enrichment.Result) {
	r.Found, r.Missing = nil, nil
	for _, a := range r.need(len(want)) {
		v, ok := res.Values[want[a]]
		if ok && v.Value != nil {
			r.Found = append(r.Found, c.found(a, v))
			continue
		}
		why := res.Missing[want[a]]
		if why == "" && ok {
			why = v.Reason
		}
		if why == "" {
			why = enrichment.ReasonNotFound
		}
		c.miss(r, a, why)
	}
	switch {
	case len(r.Found) > 0:
		r.State = rowEnriched
	case res.Failed:
		r.State = rowFailed
	default:
		r.State = rowUnmatched
	}
}

func (c *chunk) found(a int, v enrichment.Value) found {
	f := found{
		Attribute: a, Value: v.Value, Source: c.name(v.Source), Confidence: v.Confidence, Fetched: v.FetchedAt.UnixMilli(),
		Verdict: string(v.Verdict), Cost: v.Cost,
	}
	if v.Reason != "" {
		f.Reason = c.name(v.Reason) + 1
	}
	if v.VerifiedAt != nil {
		f.Verified = v.VerifiedAt.UnixMilli()
	}
	return f
}

func (c *chunk) miss(r *row, a int, why string) {
	n := c.name(why)
	for i := range r.Missing {
		if r.Missing[i].Reason == n {
			r.Missing[i].Attributes = append(r.Missing[i].Attributes, a)
			return
		}
	}
	r.Missing = append(r.Missing, missing{Reason: n, Attributes: []int{a}})
}

// lines lists what the chunk's rows cost, for the ledger. A subject that several rows hold is paid once: the
// engine sets a value's cost on the row that bought it.
func (c *chunk) lines(want []string) []credits.Line {
	var ls []credits.Line
	for i := range c.Rows {
		for _, f := range c.Rows[i].Found {
			if f.Cost > 0 {
				ls = append(ls, credits.Line{Row: c.Rows[i].Row + 1, Attribute: want[f.Attribute], Source: c.Names[f.Source], Amount: f.Cost})
			}
		}
	}
	return ls
}

// Begin makes the run its own journal: calls are recorded on the chunk's document before they are made.
func (r *run) Begin(ctx context.Context, calls []enrichment.Call) (map[string]enrichment.Call, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := map[string]enrichment.Call{}
	before := r.c.Journal
	after := maps.Clone(before)
	if after == nil {
		after = map[string]enrichment.Call{}
	}
	for _, call := range calls {
		if old, ok := before[call.ID]; ok {
			known[call.ID] = old
			if old.Outcome.Final() || old.Outcome == 0 && call.Attempt <= old.Attempt {
				continue
			}
		}
		after[call.ID] = call
	}
	r.c.Journal = after
	if err := r.save(ctx); err != nil {
		r.c.Journal = before
		return nil, err
	}
	r.s.step("journal.begun", r.c.Job)
	return known, nil
}

// End records how calls ended. It is durable before anything that was found is used.
func (r *run) End(ctx context.Context, calls []enrichment.Call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.c.Journal == nil {
		r.c.Journal = map[string]enrichment.Call{}
	}
	for _, call := range calls {
		r.c.Journal[call.ID] = call
	}
	if err := r.save(ctx); err != nil {
		return err
	}
	r.s.step("journal.ended", r.c.Job)
	return nil
}

// handBack returns the lease when this process is asked to stop, so that another need not wait for it to end.
func (r *run) handBack() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r.c.State, r.c.Holder, r.c.Lease = chunkNew, "", time.Time{}
	r.c.forget()
	if err := r.save(ctx); err != nil && !errors.Is(err, store.ErrConflict) {
		r.s.log.Warn("chunk not handed back, its lease will end", "job", r.c.Job, "chunk", r.c.N, "err", err)
	}
}

// fault notes that a run ended in an error of ours: the chunk is free to be tried again, or, after too
// many, its rows are failed, so that the job ends and says so.
func (r *run) fault(ctx context.Context, want int) error {
	r.c.Faults++
	r.c.State, r.c.Holder, r.c.Lease, r.c.Cost = chunkNew, "", time.Time{}, 0
	r.c.forget()
	if r.c.Faults >= maxFaults {
		r.c.State = chunkSaved
		for i := range r.c.Rows {
			row := &r.c.Rows[i]
			row.State = rowFailed
			for _, a := range row.need(want) {
				r.c.miss(row, a, "internal_error")
			}
		}
	}
	return r.save(ctx)
}

// forget drops results that were not saved.
func (c *chunk) forget() {
	for i := range c.Rows {
		c.Rows[i].State, c.Rows[i].Found, c.Rows[i].Missing = "", nil, nil
	}
}

// afterChunk enqueues what a finished chunk makes possible: the chunk a window further, and a write.
func (s *Service) afterChunk(ctx context.Context, account, job string, n, resumes int) queue.Answer {
	if err := s.enqueueNext(ctx, account, job, n, resumes); err != nil {
		return s.answer(ctx, "chunk", err)
	}
	if err := s.nudgeWriter(ctx, account, job, n); err != nil {
		return s.answer(ctx, "chunk", err)
	}
	return queue.Done()
}

// enqueueNext enqueues the chunk that enters the window when chunk n leaves it, if it was cut already. Where the window has
// grown since this process last looked, all that it now holds are enqueued.
func (s *Service) enqueueNext(ctx context.Context, account, job string, n, resumes int) error {
	w, grown, err := s.fan.window(ctx, s.store, s.clock.Now(), account, job)
	if err != nil {
		return err
	}
	if grown {
		waiting, err := s.chunksIn(ctx, account, job, chunkNew, w)
		if err != nil {
			return err
		}
		for i := range waiting {
			if waiting[i].N > n+w {
				break
			}
			if err := s.enqueueChunk(ctx, account, &waiting[i], resumes); err != nil {
				return err
			}
		}
	}
	d, err := store.One(ctx, s.store, s.key(account, kindChunks, chunkID(job, n+w)))
	if errors.Is(err, store.ErrNotFound) {
		return nil // the split enqueues it when it cuts it
	}
	if err != nil {
		return err
	}
	var c chunk
	if err := decode(d, &c); err != nil {
		return err
	}
	if c.State != chunkNew {
		return nil
	}
	return s.enqueueChunk(ctx, account, &c, resumes)
}

func (s *Service) enqueueChunk(ctx context.Context, account string, c *chunk, resumes int) error {
	if c.State == chunkSaved || c.State == chunkWritten {
		return nil
	}
	q := QueueBulk
	if c.N < interactiveChunks {
		q = QueueInteractive
	}
	return s.enqueue(ctx, queue.Task{
		Queue: q, Kind: kindChunk, Name: fmt.Sprintf("chunk-%s-%06d", c.Job, c.N), Gen: c.gen(resumes), Body: body(account, c.Job, c.N),
	})
}
