package tasks

import (
	"strings"

	"rowsmith/sheets"
)

// A cutter cuts one page into chunks. It is pure: the same page, cursor and keys seen make the same chunks.
type cutter struct {
	plan  *Plan
	job   *Job
	outs  []Output
	split split
	prior map[uint64]bool
	fresh []uint64
	price int64 // the most that one row may cost

	chunks []*chunk
	open   *chunk
	size   int
}

func (b *cutter) cut(pg page) []*chunk {
	if len(pg.rows) > 0 {
		b.split.Total += b.split.Trailing
		b.split.Blank += b.split.Trailing
		b.split.Trailing = 0
	}
	writes := map[int]bool{}
	for _, o := range b.outs {
		writes[o.Col] = true
	}
	for i, cells := range pg.rows {
		b.split.Total++
		if blankRow(cells) {
			b.split.Blank++
			continue
		}
		b.row(pg.start+i, cells, writes)
	}
	b.split.Trailing += pg.asked - len(pg.rows)
	b.close()
	return b.chunks
}

// row puts one row into the open chunk: as work, or as skipped with its reason.
func (b *cutter) row(at int, cells []sheets.Cell, writes map[int]bool) {
	inputs := make([]sheets.Cell, len(b.plan.Inputs))
	values := make([]any, len(inputs))
	size := 64
	for i, in := range b.plan.Inputs {
		if in.Col < len(cells) {
			inputs[i] = cells[in.Col]
		}
		values[i] = inputs[i].Value
		if t, ok := values[i].(string); ok {
			size += len(t)
		}
	}
	if why := notEligible(inputs); why != "" {
		b.skip(at, why)
		return
	}
	r := row{Row: at, Inputs: values, RowHash: sheets.RowHashOf(cells, func(c int) bool { return writes[c] })}
	for i, o := range b.outs { // in the order of Want
		if b.job.Fill == sheets.FillOverwrite || fillable(o, cells) {
			r.Need = append(r.Need, i)
		}
	}
	if len(r.Need) == 0 {
		b.skip(at, "nothing_missing")
		return
	}
	if len(r.Need) == len(b.outs) {
		r.Need = nil // all of them
	}
	if key := r.subject(b.plan).Key(); key != "" {
		h := seenHash(key)
		if b.prior[h] {
			r.Duplicate = true
			b.split.Duplicates++
		} else {
			b.prior[h] = true
			b.fresh = append(b.fresh, h)
		}
	}
	limit := chunkRows
	if b.split.Chunks == 0 {
		limit = firstRows
	}
	if b.open != nil && (len(b.open.Rows) >= limit || b.size+size > chunkBytes) {
		b.close()
	}
	b.opened()
	b.split.Eligible++
	b.open.Rows = append(b.open.Rows, r)
	b.size += size
}

// fillable reports whether the row's cell for an output may be blank: columns right of what was read were just made.
func fillable(o Output, cells []sheets.Cell) bool {
	return o.Col < 0 || o.Col >= len(cells) || cells[o.Col].Blank()
}

func (b *cutter) skip(at int, why string) {
	if b.open != nil && len(b.open.Skips) >= chunkSkips {
		b.close()
	}
	b.opened()
	b.open.Skips = append(b.open.Skips, skip{Row: at, Reason: why})
}

func (b *cutter) opened() {
	if b.open == nil {
		b.open = &chunk{Job: b.job.ID, N: b.split.Chunks, State: chunkNew}
		b.size = 0
	}
}

// close ends the open chunk and allots it its part of the job's credits. One without work is saved already:
// the writer only counts it.
func (b *cutter) close() {
	if b.open == nil {
		return
	}
	c := b.open
	b.open = nil
	if len(c.Rows) == 0 {
		c.State = chunkSaved
	}
	c.Allotment = min(b.split.Left, b.price*int64(len(c.Rows)))
	b.split.Left -= c.Allotment
	b.split.Chunks++
	b.chunks = append(b.chunks, c)
}

// notEligible says why a row can't be looked up; empty where it can.
func notEligible(inputs []sheets.Cell) string {
	if sheets.Eligible(inputs) {
		return ""
	}
	for _, c := range inputs {
		if c.Error {
			return "error_cell"
		}
		if t, ok := c.Value.(string); ok && strings.HasPrefix(t, "#") {
			return "error_cell"
		}
		if t, ok := c.Value.(string); ok && strings.HasPrefix(t, "Loading") {
			return "loading"
		}
	}
	return "nothing_to_look_up"
}
