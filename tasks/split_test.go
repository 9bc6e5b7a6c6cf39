package tasks

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rowsmith/sheets"
)

func cell(v any) sheets.Cell { return sheets.Cell{Value: v} }

// drawRow makes a row as people have them: filled, half filled, blank, broken.
func drawRow(t *rapid.T) []sheets.Cell {
	var row []sheets.Cell
	for range rapid.IntRange(0, 6).Draw(t, "cells") {
		row = append(row, cell(rapid.SampledFrom([]any{
			nil, "", " ", "Jane Doe", "jane@acme.com", "x@y.com", 42.0, true, "#N/A", "Loading...", "=1+1",
		}).Draw(t, "cell")))
	}
	return row
}

// Whatever the rows hold: every row that isn't blank is in exactly one chunk, once, in order; chunks keep their limits; the
// counts add up; no more is allotted than there is; and cutting the same page again makes the same chunks.
func TestCutting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := make([][]sheets.Cell, rapid.IntRange(0, 400).Draw(t, "rows"))
		for i := range rows {
			rows[i] = drawRow(t)
		}
		for len(rows) > 0 && blankRow(rows[len(rows)-1]) {
			rows = rows[:len(rows)-1]
		}
		plan := &Plan{Inputs: []Input{{0, "full_name", "Name"}, {1, "email", "Email"}}, Outputs: []Output{{"email", "Email", 1}, {"first_name", "First name", 3}}, EndCol: 3}
		job := &Job{ID: newJobID(time.Now()), Want: []string{"email", "first_name"}, Fill: sheets.FillBlanks}
		start := split{Left: rapid.Int64Range(0, 500).Draw(t, "credits"), Chunks: rapid.IntRange(0, 3).Draw(t, "chunks before"), Trailing: rapid.IntRange(0, 2).Draw(t, "trailing")}
		cutOnce := func() ([]*chunk, split, []uint64) {
			b := &cutter{plan: plan, job: job, outs: plan.Outputs, split: start, prior: map[uint64]bool{}, price: 3}
			cs := b.cut(page{start: 10, asked: len(rows) + 5, rows: rows})
			return cs, b.split, b.fresh
		}
		chunks, sp, fresh := cutOnce()
		again, sp2, fresh2 := cutOnce()
		if !reflect.DeepEqual(chunks, again) || !reflect.DeepEqual(sp, sp2) || !reflect.DeepEqual(fresh, fresh2) {
			t.Fatal("cutting twice made different chunks")
		}
		subjects, duplicates := map[string]bool{}, 0
		seen := map[int]bool{}
		last, eligible, allotted := -1, 0, int64(0)
		for i, c := range chunks {
			if c.N != start.Chunks+i || len(c.Rows)+len(c.Skips) == 0 {
				t.Fatalf("chunk %d is number %d with %d rows", i, c.N, len(c.Rows))
			}
			limit := chunkRows
			if c.N == 0 {
				limit = firstRows
			}
			if len(c.Rows) > limit || len(c.Skips) > chunkSkips {
				t.Fatalf("chunk %d has %d rows and %d skips", c.N, len(c.Rows), len(c.Skips))
			}
			if want := map[bool]string{true: chunkNew, false: chunkSaved}[len(c.Rows) > 0]; c.State != want {
				t.Fatalf("chunk %d is %s", c.N, c.State)
			}
			allotted += c.Allotment
			for _, r := range c.Rows {
				if r.Row <= last || seen[r.Row] {
					t.Fatalf("row %d after %d", r.Row, last)
				}
				last, seen[r.Row] = r.Row, true
				eligible++
				if key := r.subject(plan).Key(); key != "" {
					if r.Duplicate != subjects[key] {
						t.Fatalf("row %d: duplicate %v", r.Row, r.Duplicate)
					}
					if subjects[key] {
						duplicates++
					}
					subjects[key] = true
				}
				for _, a := range r.need(2) {
					if a == 0 && !cellAt(rows[r.Row-10], 1).Blank() {
						t.Fatalf("row %d needs an email that it has", r.Row)
					}
				}
			}
			for _, s := range c.Skips {
				if seen[s.Row] {
					t.Fatalf("row %d twice", s.Row)
				}
				seen[s.Row] = true
			}
		}
		blanks := 0
		for i, r := range rows {
			if blankRow(r) {
				blanks++
			} else if !seen[10+i] {
				t.Fatalf("row %d was lost", 10+i)
			}
		}
		trailing := 0
		if len(rows) > 0 {
			trailing = start.Trailing
		}
		if sp.Duplicates != duplicates || len(fresh) != len(subjects) {
			t.Fatalf("%d duplicates, want %d; %d subjects, want %d", sp.Duplicates, duplicates, len(fresh), len(subjects))
		}
		if sp.Total != len(rows)+trailing || sp.Blank != blanks+trailing || sp.Eligible != eligible || len(seen)+sp.Blank != sp.Total || allotted+sp.Left != start.Left {
			t.Fatalf("counts %+v of %d rows, %d blank, %d eligible, %d allotted", sp, len(rows), blanks, eligible, allotted)
		}
	})
}

func cellAt(row []sheets.Cell, i int) sheets.Cell {
	if i < len(row) {
		return row[i]
	}
	return sheets.Cell{}
}

// A chunk survives its document.
func TestChunkFormat(t *testing.T) {
	c := &chunk{Job: "j", N: 3, State: chunkSaved, Rows: []row{{Row: 7, Inputs: []any{"a", 1.5, true, nil}, RowHash: sheets.AnchorOf([]sheets.Cell{cell("x")}), Need: []int{1}}}}
	r := &c.Rows[0]
	c.miss(r, 0, "not_found")
	c.miss(r, 1, "offline")
	c.miss(r, 2, "offline")
	r.Found = append(r.Found, found{Attribute: 1, Value: "v", Source: c.name("dns"), Confidence: 0.5, Fetched: 1})
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var got chunk
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(&got, c) {
		t.Errorf("%s\n%+v\n%+v %v", b, got, *c, err)
	}
	if fmt.Sprint(c.Names, r.Missing) != "[not_found offline dns] [{0 [0]} {1 [1 2]}]" {
		t.Errorf("%v %v", c.Names, r.Missing)
	}
}

func TestClaimsOverlap(t *testing.T) {
	c := func(start, end int, cols ...string) claim { return claim{StartRow: start, EndRow: end, Columns: cols} }
	for _, tc := range []struct {
		a, b claim
		want bool
	}{
		{c(1, -1, "email"), c(1, -1, "email"), true},
		{c(1, -1, "email"), c(500, 600, "email", "phone"), true},
		{c(1, -1, "email"), c(1, -1, "phone"), false},
		{c(1, 10, "email"), c(10, 20, "email"), false},
		{c(1, 11, "email"), c(10, 20, "email"), true},
		{c(10, -1, "email"), c(1, 10, "email"), false},
	} {
		if tc.a.overlaps(tc.b) != tc.want || tc.b.overlaps(tc.a) != tc.want {
			t.Errorf("%+v and %+v: want %v", tc.a, tc.b, tc.want)
		}
	}
}

func TestJobIDsSortNewestFirst(t *testing.T) {
	at := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	last := ""
	for i := range 200 {
		id := newJobID(at.Add(time.Duration(i) * 7 * time.Hour))
		if !validID(id) {
			t.Fatalf("%q is not valid", id)
		}
		if last != "" && id >= last {
			t.Fatalf("%s does not sort before the older %s", id, last)
		}
		last = id
	}
	for _, bad := range []string{"", "j", "../../../etc/passwd/x", "J" + last[1:], last + "0", last[:20] + "/"} {
		if validID(bad) {
			t.Errorf("%q is taken for a job's id", bad)
		}
	}
}
