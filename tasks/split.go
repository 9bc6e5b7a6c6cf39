package tasks

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"rowsmith/sheets"
	"rowsmith/tasks/queue"
	"rowsmith/tasks/store"
)

// A split is how far a job's range has been cut into chunks.
type split struct {
	Next   int  `json:"next"` // the row the next page begins with
	Chunks int  `json:"chunks"`
	Pages  int  `json:"pages"`
	Done   bool `json:"done"`
	// Outputs are the plan's, once their columns exist.
	Outputs []Output `json:"outputs,omitempty"`

	Total      int `json:"total"`    // rows read so far
	Blank      int `json:"blank"`    // blank ones among them
	Trailing   int `json:"trailing"` // blank rows at the end of the last page: rows only if something follows
	Eligible   int `json:"eligible"`
	Duplicates int `json:"duplicates"`
	// Left is what of max_credits has not been allotted to a chunk.
	Left int64 `json:"left,omitempty"`
}

// Limits of one step: one read of the Sheets API.
const (
	pageRows = 5000
	pageSpan = 2 << 20 // bytes of cells; wider pages are read in fewer rows
)

// splitStep cuts one page.
func (s *Service) splitStep(ctx context.Context, account, job string) queue.Answer {
	l, err := s.load(ctx, account, job)
	if err != nil {
		return s.answer(ctx, "split", err)
	}
	if l.stopped() || l.split.Done {
		return queue.Done()
	}
	client, err := s.access.Client(ctx, account, l.doc.Job.SpreadsheetID)
	if err != nil {
		return s.sheetTrouble(ctx, account, job, "split", err)
	}
	if l.split.Outputs == nil {
		key := s.key(account, kindLanes, targetID(l.doc.Job.SpreadsheetID, l.doc.Job.SheetID))
		// Two deliveries at once would both find a column missing and both add it.
		ln, doc, wait, err := s.takeLane(ctx, key, 0)
		if err != nil {
			return s.answer(ctx, "split", err)
		}
		if wait > 0 {
			return queue.After(wait)
		}
		s.step("split.lane", job)
		l.split.Outputs, err = s.prepare(ctx, client, l)
		s.leaveLane(key, ln, doc)
		if err != nil {
			return s.sheetTrouble(ctx, account, job, "split", err)
		}
		s.step("split.prepared", job)
	}
	pg, err := s.readPage(ctx, client, l)
	if err != nil {
		return s.sheetTrouble(ctx, account, job, "split", err)
	}
	if err := s.cut(ctx, account, l, pg); err != nil {
		return s.answer(ctx, "split", err)
	}
	return queue.Done()
}

// prepare makes the output columns that don't exist yet and marks all of them.
func (s *Service) prepare(ctx context.Context, client *sheets.Client, l *loaded) ([]Output, error) {
	j, p := &l.doc.Job, &l.doc.Plan
	cols := make([]sheets.Column, len(p.Outputs))
	for i, o := range p.Outputs {
		cols[i] = o.sheetColumn()
	}
	made, err := s.writer(client).PrepareColumns(ctx, j.SpreadsheetID, j.SheetID, p.HeaderRow, cols)
	if err != nil {
		return nil, err
	}
	outs := make([]Output, len(made))
	for i, c := range made {
		outs[i] = Output{Attribute: c.Attribute, Heading: c.Heading, Col: c.Index}
	}
	return outs, nil
}

// A page is what one step read.
type page struct {
	start, asked int
	rows         [][]sheets.Cell // from start on; blank rows at the end are cut off
	last         bool            // the range ends within or right after it
}

func (s *Service) readPage(ctx context.Context, client *sheets.Client, l *loaded) (page, error) {
	j, p := &l.doc.Job, &l.doc.Plan
	ss, err := client.Spreadsheet(ctx, j.SpreadsheetID)
	if err != nil {
		return page{}, err
	}
	end := p.EndRow
	found := false
	for _, t := range ss.Tabs {
		if t.ID == j.SheetID {
			found = true
			if end < 0 || end > t.Rows {
				end = t.Rows
			}
		}
	}
	if !found {
		return page{}, fmt.Errorf("tab %d: %w", j.SheetID, sheets.ErrSheetMissing)
	}
	pg := page{start: l.split.Next}
	pg.asked = min(pageRows, end-pg.start)
	if pg.asked <= 0 {
		pg.asked, pg.last = 0, true
		return pg, nil
	}
	g, err := client.Values(ctx, j.SpreadsheetID, sheets.GridRange{
		SheetID: j.SheetID, StartRow: pg.start, EndRow: pg.start + pg.asked, StartCol: 0, EndCol: -1,
	})
	if err != nil {
		return page{}, err
	}
	pg.rows = g.Rows
	if size := gridBytes(g.Rows); pg.asked > chunkRows && size > pageSpan {
		// Wide rows: what is over is read again with the next page, so that a commit stays small.
		pg.asked = max(chunkRows, pg.asked*pageSpan/size)
		pg.rows = pg.rows[:min(len(pg.rows), pg.asked)]
	}
	for len(pg.rows) > 0 && blankRow(pg.rows[len(pg.rows)-1]) {
		pg.rows = pg.rows[:len(pg.rows)-1]
	}
	pg.last = pg.start+pg.asked >= end
	return pg, nil
}

func gridBytes(rows [][]sheets.Cell) (n int) {
	for _, r := range rows {
		for _, c := range r {
			if t, ok := c.Value.(string); ok {
				n += len(t)
			}
			n += 8
		}
	}
	return n
}

func blankRow(cells []sheets.Cell) bool {
	for _, c := range cells {
		if !c.Blank() {
			return false
		}
	}
	return true
}

// cut makes the page's chunks and moves the cursor, in as few commits as they fit: each commit holds some chunks and the
// cursor behind them, so that a crash in between loses and doubles nothing. The last chunk of a commit that isn't
// the page's last ends at a row boundary that the cursor names; the next step reads on from there.
func (s *Service) cut(ctx context.Context, account string, l *loaded, pg page) error {
	prior, err := s.seenBefore(ctx, account, l.doc.Job.ID, l.split.Pages)
	if err != nil {
		return err
	}
	b := &cutter{plan: &l.doc.Plan, job: &l.doc.Job, split: l.split, prior: prior, outs: l.split.Outputs, price: price(s.sources, l.doc.Job.Want)}
	chunks := b.cut(pg)
	sp := b.split
	sp.Pages++
	sp.Next = pg.start + pg.asked
	sp.Done = pg.last

	writes := make([]store.Write, 0, len(chunks)+2)
	size := 0
	for _, c := range chunks {
		d, err := s.chunkDoc(account, c, "")
		if err != nil {
			return err
		}
		size += len(d.Payload)
		writes = append(writes, store.Create(d))
	}
	if size > store.MaxCommit/2 || len(writes) > store.MaxWrites/2 {
		// Can't be: a page is at most 2 MB and 5,000 rows. Say so rather than lose rows.
		return fmt.Errorf("split job %s: page of %d bytes in %d chunks", l.doc.Job.ID, size, len(writes))
	}
	if len(b.fresh) > 0 {
		writes = append(writes, store.Set(store.Doc{Key: s.key(account, kindSeen, seenID(l.doc.Job.ID, l.split.Pages)), Payload: packSeen(b.fresh)}))
	}
	d := l.splitDoc
	if d.Payload, err = encode(sp); err != nil {
		return err
	}
	writes = append(writes, store.Replace(d))
	if _, err := s.store.Commit(ctx, writes...); err != nil {
		if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrExists) {
			return nil // the same task was delivered twice; the other delivery cut this page
		}
		return fmt.Errorf("split job %s: %w", l.doc.Job.ID, err)
	}
	s.remember(account, l.doc.Job.ID, sp.Pages, prior, b.fresh)
	s.step("split.saved", l.doc.Job.ID)
	return s.afterSplit(ctx, account, l, sp, chunks)
}

// afterSplit enqueues what the commit made possible: the next page, the chunks inside the window, and the end
// of a job that has no chunks.
func (s *Service) afterSplit(ctx context.Context, account string, l *loaded, sp split, chunks []*chunk) error {
	job := l.doc.Job.ID
	if !sp.Done {
		if err := s.enqueueSplit(ctx, account, job, sp.Next, l.control.Resumes); err != nil {
			return err
		}
	}
	w, _, err := s.fan.window(ctx, s.store, s.clock.Now(), account, job)
	if err != nil {
		return err
	}
	nudge := false
	for _, c := range chunks {
		if c.State == chunkSaved {
			nudge = true
			if err := s.enqueueNext(ctx, account, job, c.N, l.control.Resumes); err != nil {
				return err
			}
			continue
		}
		if c.N >= w {
			// It goes when the chunk a window before it is finished; where that one was
			// faster than this commit, nobody else will enqueue it.
			before, err := store.One(ctx, s.store, s.key(account, kindChunks, chunkID(job, c.N-w)))
			if err != nil {
				return err
			}
			if st := before.Fields["state"]; st != chunkSaved && st != chunkWritten {
				continue
			}
		}
		if err := s.enqueueChunk(ctx, account, c, l.control.Resumes); err != nil {
			return err
		}
	}
	if nudge {
		return s.nudgeWriter(ctx, account, job, 0)
	}
	if sp.Done && sp.Chunks == 0 {
		return s.finish(ctx, account, job)
	}
	if sp.Done && len(chunks) == 0 {
		// The last page was empty: the writer may have seen all chunks before it knew that they were all.
		return s.nudgeWriter(ctx, account, job, 0)
	}
	return nil
}

func seenID(job string, page int) string { return fmt.Sprintf("%s.%04d", job, page) }

func packSeen(keys []uint64) []byte {
	b := make([]byte, 0, 8*len(keys))
	for _, k := range keys {
		b = binary.BigEndian.AppendUint64(b, k)
	}
	return b
}

// seenBefore returns the hashes of all subjects on the job's earlier pages. The process that cut the
// page before remembers them; another reads them back.
func (s *Service) seenBefore(ctx context.Context, account, job string, pages int) (map[uint64]bool, error) {
	if seen, ok := s.recall(account, job, pages); ok {
		return seen, nil
	}
	seen := map[uint64]bool{}
	for from := 0; from < pages; from += 100 {
		var keys []store.Key
		for p := from; p < min(pages, from+100); p++ {
			keys = append(keys, s.key(account, kindSeen, seenID(job, p)))
		}
		r, err := s.store.Get(ctx, keys...)
		if err != nil {
			return nil, fmt.Errorf("subjects seen by job %s: %w", job, err)
		}
		for _, d := range r.Docs {
			for b := d.Payload; len(b) >= 8; b = b[8:] {
				seen[binary.BigEndian.Uint64(b)] = true
			}
		}
	}
	return seen, nil
}

// marshalBody is what a task carries: identifiers only.
type marshalBody struct {
	Account string `json:"account"`
	Job     string `json:"job"`
	N       int    `json:"n,omitempty"`
}

func body(account, job string, n int) []byte {
	b, _ := json.Marshal(marshalBody{account, job, n}) // a struct of plain types: cannot fail
	return b
}
