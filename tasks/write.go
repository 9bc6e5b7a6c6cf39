package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"rowsmith/enrichment"
	"rowsmith/sheets"
	"rowsmith/tasks/queue"
	"rowsmith/tasks/store"
)

const (
	// writeBytes is what one write takes at most: Google advises 2 MB a request.
	writeBytes = 2 << 20
	// writeChunks is how many chunks one write takes at most, about 2 MB of them.
	writeChunks = 20
)

// A lane is a tab's one writer.
type lane struct {
	Fence  int       `json:"fence"`
	Holder string    `json:"holder,omitempty"`
	Lease  time.Time `json:"lease,omitzero"`
	Next   time.Time `json:"next,omitzero"` // when it may write again
}

// nudgeWriter asks for a write. The first chunk's results go at once; later nudges of one interval fall together on
// its end, by name: reading and writing by the second, not by the chunk, keeps a big job within Google's quotas.
//
// The name holds this process's own count of intervals, so that a process whose clock is ahead can't use up the names of
// others, and the task is due a delay from now, not at a time of somebody's clock: whatever is saved before the interval ends is
// saved before the task runs.
func (s *Service) nudgeWriter(ctx context.Context, account, job string, n int) error {
	t := queue.Task{Queue: QueueWrite, Kind: kindWrite, Body: body(account, job, 0)}
	now := s.clock.Now().UnixNano()
	if s.interval <= 0 || n == 0 {
		t.Name = fmt.Sprintf("write-%s-%s-now-%s", job, s.instance, strconv.FormatInt(now, 36))
		return s.enqueue(ctx, t)
	}
	slot := now/int64(s.interval) + 1
	if last := s.nudgedFor(s.key(account, kindJobs, job)); last == slot || last == slot+1 {
		return nil // it would be deduped, and billed
	}
	return s.nudgeAt(ctx, account, job, slot, now)
}

// nudgeLater asks for a write in place of one that found the tab's lane taken. Such writes fall together too.
func (s *Service) nudgeLater(ctx context.Context, account, job string) error {
	now := s.clock.Now().UnixNano()
	slot := now/int64(s.interval) + 1
	if s.nudgedFor(s.key(account, kindJobs, job)) == slot {
		slot++ // that may be the very write whose place is taken, come early
	}
	return s.nudgeAt(ctx, account, job, slot, now)
}

// nudgeAt asks for a write at the end of an interval.
func (s *Service) nudgeAt(ctx context.Context, account, job string, slot, now int64) error {
	t := queue.Task{Queue: QueueWrite, Kind: kindWrite, Body: body(account, job, 0)}
	t.Name = fmt.Sprintf("write-%s-%s-%s", job, s.instance, strconv.FormatInt(slot, 36))
	t.Delay = time.Duration(slot*int64(s.interval) - now)
	if err := s.enqueue(ctx, t); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.nudged) >= 1000 {
		clear(s.nudged)
	}
	s.nudged[s.key(account, kindJobs, job)] = slot
	return nil
}

// nudgedFor is the interval for whose end this process asked for a job's write last.
func (s *Service) nudgedFor(job store.Key) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nudged[job]
}

// writeStep writes what is saved. One at a time for a tab.
func (s *Service) writeStep(ctx context.Context, account, job string) queue.Answer {
	l, err := s.load(ctx, account, job)
	if err != nil {
		return s.answer(ctx, "write", err)
	}
	if l.stopped() {
		return queue.Done()
	}
	key := s.key(account, kindLanes, targetID(l.doc.Job.SpreadsheetID, l.doc.Job.SheetID))
	// The lane is looked at before the chunks: they are many to read.
	if wait, err := s.laneFree(ctx, key); err != nil {
		return s.answer(ctx, "write", err)
	} else if wait > s.interval/2 {
		return s.writeLater(ctx, account, job, wait)
	} else if wait > 0 {
		// The write before was a little late. Waiting here is cheaper than another task.
		select {
		case <-s.clock.After(wait):
		case <-ctx.Done():
			return queue.Again(ctx.Err())
		}
	}
	docs, full, err := s.savedChunks(ctx, account, job)
	if err != nil {
		return s.answer(ctx, "write", err)
	}
	if len(docs) == 0 {
		return s.settled(ctx, account, l)
	}
	ln, doc, wait, err := s.takeLane(ctx, key, s.interval)
	if err != nil {
		return s.answer(ctx, "write", err)
	}
	if wait > 0 {
		return s.writeLater(ctx, account, job, wait)
	}
	defer s.leaveLane(key, ln, doc) // also when a step panics: the lane must not stand still until its lease ends
	ans := s.writeChunks(ctx, account, l, docs)
	if full && ans == queue.Done() {
		if err := s.nudgeWriter(ctx, account, job, 1); err != nil {
			return s.answer(ctx, "write", err)
		}
	}
	return ans
}

// writeLater lets another write take this one's place.
func (s *Service) writeLater(ctx context.Context, account, job string, wait time.Duration) queue.Answer {
	if s.interval <= 0 || wait > 2*s.interval {
		return queue.After(wait)
	}
	if err := s.nudgeLater(ctx, account, job); err != nil {
		return s.answer(ctx, "write", err)
	}
	return queue.Done()
}

// readLane reads a tab's lane and says how long it is not to be had.
func (s *Service) readLane(ctx context.Context, key store.Key) (lane, store.Doc, time.Time, time.Duration, error) {
	var ln lane
	r, err := s.store.Get(ctx, key)
	if err != nil {
		return ln, store.Doc{}, time.Time{}, 0, fmt.Errorf("lane %s: %w", key.ID, err)
	}
	doc := r.Docs[0]
	if doc.Exists() {
		if err := decode(doc, &ln); err != nil {
			return ln, doc, r.At, 0, err
		}
	}
	if ln.Holder != "" && s.leaseHolds(key, ln.Holder, ln.Lease, r.At) {
		return ln, doc, r.At, max(s.interval, 50*time.Millisecond), nil
	}
	return ln, doc, r.At, max(0, ln.Next.Sub(r.At)), nil
}

// laneFree says how long a tab's lane is not to be had.
func (s *Service) laneFree(ctx context.Context, key store.Key) (time.Duration, error) {
	_, _, _, wait, err := s.readLane(ctx, key)
	return wait, err
}

// takeLane leases a tab's lane, or says how long to wait for it. next is how long from now nobody may write again.
func (s *Service) takeLane(ctx context.Context, key store.Key, next time.Duration) (lane, store.Doc, time.Duration, error) {
	ln, doc, at, wait, err := s.readLane(ctx, key)
	if err != nil || wait > 0 {
		return lane{}, store.Doc{}, wait, err
	}
	ln.Fence++
	ln.Holder, ln.Lease, ln.Next = s.instance, at.Add(s.lease*4/5), at.Add(next)
	if doc.Payload, err = encode(ln); err != nil {
		return lane{}, store.Doc{}, 0, err
	}
	w := store.Create(doc)
	if doc.Exists() {
		w = store.Replace(doc)
	}
	s.hold(key)
	done, err := s.store.Commit(ctx, w)
	if err != nil {
		s.let(key)
	}
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrExists) {
		return lane{}, store.Doc{}, max(s.interval, 50*time.Millisecond), nil
	}
	if err != nil {
		return lane{}, store.Doc{}, 0, fmt.Errorf("lane %s: %w", key.ID, err)
	}
	doc.Rev = done.Revs[0]
	return ln, doc, 0, nil
}

// leaveLane gives the lane back. Where that fails its lease ends by itself.
func (s *Service) leaveLane(key store.Key, ln lane, doc store.Doc) {
	defer s.let(key)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ln.Holder, ln.Lease = "", time.Time{}
	var err error
	if doc.Payload, err = encode(ln); err == nil {
		_, err = s.store.Commit(ctx, store.Replace(doc))
	}
	if err != nil && !errors.Is(err, store.ErrConflict) {
		s.log.Warn("lane not given back, its lease will end", "lane", key.ID, "err", err)
	}
}

// savedChunks reads the job's chunks that wait to be written, as many as one write may take; full says that there may be more.
func (s *Service) savedChunks(ctx context.Context, account, job string) (docs []store.Doc, full bool, err error) {
	p, err := s.chunkDocs(ctx, account, job, chunkSaved, writeChunks, "")
	if err != nil {
		return nil, false, err
	}
	return p.Docs, p.Next != "", nil
}

// writeChunks places the rows of some saved chunks, marks the chunks written and adds up the job's counts.
func (s *Service) writeChunks(ctx context.Context, account string, l *loaded, docs []store.Doc) queue.Answer {
	job, plan := l.doc.Job.ID, l.sheetPlan()
	var cs []*chunk
	var ds []store.Doc
	var rows []sheets.RowWrite
	size := 0
	more := false
	for _, d := range docs {
		c := new(chunk)
		if err := decode(d, c); err != nil {
			return s.answer(ctx, "write", err)
		}
		ws, n := rowWrites(plan, c)
		if len(cs) > 0 && size+n > writeBytes {
			more = true
			break
		}
		size += n
		rows = append(rows, ws...)
		cs, ds = append(cs, c), append(ds, d)
	}
	if len(rows) > 0 {
		results, err := s.place(ctx, account, plan, rows)
		if err != nil {
			return s.sheetTrouble(ctx, account, job, "write", err)
		}
		s.step("write.placed", job)
		if err := takeResults(cs, results); err != nil {
			return s.answer(ctx, "write", err)
		}
	}
	again, err := s.count(ctx, account, l, cs, ds)
	if err != nil {
		if errors.Is(err, store.ErrConflict) {
			// Another writer had the lane meanwhile, or the job ended: what we wrote is found
			// written by whoever looks next.
			return queue.After(max(s.interval, 50*time.Millisecond))
		}
		return s.answer(ctx, "write", err)
	}
	s.step("write.counted", job)
	if more || again {
		if err := s.nudgeWriter(ctx, account, job, 1); err != nil {
			return s.answer(ctx, "write", err)
		}
	}
	return s.settled(ctx, account, l)
}

// place writes rows beside their inputs.
func (s *Service) place(ctx context.Context, account string, p sheets.Plan, rows []sheets.RowWrite) ([]sheets.RowResult, error) {
	client, err := s.access.Client(ctx, account, p.SpreadsheetID)
	if err != nil {
		return nil, err
	}
	return s.writer(client).Write(ctx, p, rows)
}

// sheetPlan is where the job reads and writes, as its columns were numbered when they were prepared. The writer finds
// them again where they have moved since.
func (l *loaded) sheetPlan() sheets.Plan {
	j, p := &l.doc.Job, &l.doc.Plan
	sp := sheets.Plan{
		SpreadsheetID: j.SpreadsheetID, SheetID: j.SheetID, HeaderRow: p.HeaderRow, Fill: j.Fill,
		InputHeadings: make(map[int]string, len(p.Inputs)),
	}
	for _, in := range p.Inputs {
		sp.Inputs = append(sp.Inputs, in.Col)
		sp.InputHeadings[in.Col] = in.Heading
	}
	for _, o := range l.split.Outputs {
		sp.Outputs = append(sp.Outputs, o.sheetColumn())
	}
	return sp
}

// sheetColumn is the output as package sheets knows it. Attribute types and cell formats have the same names.
func (o Output) sheetColumn() sheets.Column {
	a, _ := enrichment.Find(o.Attribute)
	return sheets.Column{Index: o.Col, Attribute: o.Attribute, Heading: o.Heading, Format: sheets.Format(a.Type)}
}

// rowWrites makes the writes of a chunk's rows, and says how large they are in bytes, about.
func rowWrites(p sheets.Plan, c *chunk) ([]sheets.RowWrite, int) {
	var out []sheets.RowWrite
	size := 0
	for i := range c.Rows {
		r := &c.Rows[i]
		if len(r.Found) == 0 {
			continue
		}
		inputs := make([]sheets.Cell, len(r.Inputs))
		for k, v := range r.Inputs {
			inputs[k].Value = v
		}
		w := sheets.RowWrite{Ref: strconv.Itoa(c.N) + "/" + strconv.Itoa(i), Row: r.Row, Anchor: sheets.AnchorOf(inputs), RowHash: r.RowHash}
		w.Cells = make([]sheets.CellWrite, 0, len(r.Found))
		for _, f := range r.Found {
			w.Cells = append(w.Cells, sheets.CellWrite{Col: p.Outputs[f.Attribute].Index, Value: f.Value})
			size += 130
			if t, ok := f.Value.(string); ok {
				size += len(t)
			}
		}
		w.AltAnchors = p.WrittenAnchors(inputs, w.Cells)
		out = append(out, w)
	}
	return out, size
}

// takeResults puts what became of each row into its chunk.
func takeResults(cs []*chunk, results []sheets.RowResult) error {
	byN := map[int]*chunk{}
	for _, c := range cs {
		byN[c.N] = c
	}
	for _, res := range results {
		var n, i int
		if _, err := fmt.Sscanf(res.Ref, "%d/%d", &n, &i); err != nil || byN[n] == nil || i >= len(byN[n].Rows) {
			return fmt.Errorf("writer: result for unknown row %q", res.Ref)
		}
		byN[n].Rows[i].Wrote = &wrote{Row: res.Row, Cells: res.Cells, Reason: reasonOf(res), Moved: res.Moved}
	}
	return nil
}

// count marks chunks written and adds them to the job's counts, in one commit: what the job counts is what is in the sheet.
// A chunk whose rows somebody moved or edited in the very moment of writing stays saved and is written again: again says that there is one.
func (s *Service) count(ctx context.Context, account string, l *loaded, cs []*chunk, ds []store.Doc) (again bool, err error) {
	writes := make([]store.Write, 0, len(cs)+1)
	for i, c := range cs {
		if c.disturbed() && c.Disturbed < maxDisturbed {
			c.Disturbed++
			c.forgetPlaces()
			again = true
		} else {
			l.doc.Tally.add(c, l.doc.Job.Want)
			c.State = chunkWritten
		}
		d, err := s.chunkDoc(account, c, ds[i].Rev)
		if err != nil {
			return false, err
		}
		writes = append(writes, store.Replace(d))
	}
	j := &l.doc.Job
	l.doc.Tally.show(j)
	if j.State == Queued {
		j.State = Running
	}
	if j.StartedAt == nil {
		now := s.clock.Now().UTC()
		j.StartedAt = &now
	}
	d, err := s.jobDocOf(account, l)
	if err != nil {
		return false, err
	}
	done, err := s.store.Commit(ctx, append(writes, store.Replace(d))...)
	if err != nil {
		return false, fmt.Errorf("count job %s: %w", j.ID, err)
	}
	l.jobDoc.Rev = done.Revs[len(writes)]
	return again, nil
}

// maxDisturbed is how often a chunk is written again because somebody was editing just then. Rows that still are left stay on the job.
const maxDisturbed = 3

// disturbed reports whether a row was moved or edited in the moment of writing. What was written of the others is found there.
func (c *chunk) disturbed() bool {
	return slices.ContainsFunc(c.Rows, func(r row) bool { return r.Wrote != nil && r.Wrote.Reason == sheets.ReasonEdited })
}

func (c *chunk) forgetPlaces() {
	for i := range c.Rows {
		c.Rows[i].Wrote = nil
	}
}

// settled finishes the job when the last chunk is written. The split is read again: it may have ended after the job was loaded.
func (s *Service) settled(ctx context.Context, account string, l *loaded) queue.Answer {
	now, err := s.load(ctx, account, l.doc.Job.ID)
	if err != nil {
		return s.answer(ctx, "write", err)
	}
	if now.split.Done && now.doc.Tally.Chunks == now.split.Chunks && !now.stopped() {
		if err := s.finish(ctx, account, now.doc.Job.ID); err != nil {
			return s.answer(ctx, "write", err)
		}
	}
	return queue.Done()
}

// reasonOf says why a row's values are not all in the sheet; empty where they are.
func reasonOf(r sheets.RowResult) string {
	if r.Reason == "" && len(r.Kept) > 0 {
		return r.Kept[0].Reason
	}
	return r.Reason
}
