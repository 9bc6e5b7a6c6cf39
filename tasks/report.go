package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// A Report says what a job found, per attribute, and which rows it left alone or could not write.
type Report struct {
	Job        Job                       `json:"job"`
	Attributes map[string]AttributeTally `json:"attributes"`
	// Rows lists rows with something to tell: skipped, failed, not written; the first ReportRows of them.
	Rows []RowNote `json:"rows"`
	// More says that there are more such rows than are listed.
	More bool `json:"more"`
}

// ReportRows is how many rows a report lists at most.
const ReportRows = 1000

// A RowNote says what became of one row and why.
type RowNote struct {
	Row    int    `json:"row"`   // as people count, from 1
	State  string `json:"state"` // skipped, failed, unmatched, unwritten
	Reason string `json:"reason"`
}

// Report reads a job's report. What is not written yet is not in it.
func (s *Service) Report(ctx context.Context, account, job string) (Report, error) {
	l, err := s.load(ctx, account, job)
	if err != nil {
		return Report{}, err
	}
	rep := Report{Job: l.view(), Attributes: map[string]AttributeTally{}, Rows: []RowNote{}}
	for a, t := range l.doc.Tally.Attributes {
		rep.Attributes[a] = *t
	}
	err = s.eachChunk(ctx, account, job, func(c *chunk) error {
		for _, n := range c.notes() {
			if len(rep.Rows) >= ReportRows {
				rep.More = true
				return errEnough
			}
			rep.Rows = append(rep.Rows, n)
		}
		return nil
	})
	return rep, err
}

func (c *chunk) notes() []RowNote {
	var ns []RowNote
	for _, k := range c.Skips {
		ns = append(ns, RowNote{k.Row + 1, "skipped", k.Reason})
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		switch {
		case r.Wrote != nil && r.Wrote.Reason != "":
			ns = append(ns, RowNote{r.Row + 1, "unwritten", r.Wrote.Reason})
		case r.State == rowFailed:
			ns = append(ns, RowNote{r.Row + 1, "failed", r.why(c)})
		}
	}
	return ns
}

// errEnough ends a walk early.
var errEnough = fmt.Errorf("enough")

// eachChunk calls f with every chunk of a job, in order.
func (s *Service) eachChunk(ctx context.Context, account, job string, f func(*chunk) error) error {
	cursor := ""
	for {
		p, err := s.chunkDocs(ctx, account, job, "", 50, cursor)
		if err != nil {
			return err
		}
		for _, d := range p.Docs {
			c := new(chunk)
			if err := decode(d, c); err != nil {
				return err
			}
			if err := f(c); err == errEnough {
				return nil
			} else if err != nil {
				return err
			}
		}
		if cursor = p.Next; cursor == "" {
			return nil
		}
	}
}

// Results writes all that a job found as CSV, whether or not it could be written to the sheet: the row's
// number, what became of it, and the wanted attributes. Values that a spreadsheet would take for a formula get a
// leading apostrophe.
func (s *Service) Results(ctx context.Context, account, job string, w io.Writer) error {
	l, err := s.load(ctx, account, job)
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	want := l.doc.Job.Want
	if err := out.Write(append([]string{"row", "state", "reason"}, want...)); err != nil {
		return err
	}
	err = s.eachChunk(ctx, account, job, func(c *chunk) error {
		for i := range c.Rows {
			r := &c.Rows[i]
			if r.State == "" {
				continue // not looked up yet
			}
			at, why := r.Row, ""
			if r.Wrote != nil {
				why = r.Wrote.Reason
				if r.Wrote.Row >= 0 {
					at = r.Wrote.Row
				}
			}
			rec := make([]string, 3+len(want))
			rec[0], rec[1], rec[2] = strconv.Itoa(at+1), string(r.State), why
			for _, f := range r.Found {
				rec[3+f.Attribute] = guarded(cellText(f.Value))
			}
			if err := out.Write(rec); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// guarded keeps a value from being taken for a formula by the program that opens the file. Phone numbers in E.164 and numbers are left.
func guarded(v string) string {
	if v == "" {
		return v
	}
	switch v[0] {
	case '=', '@', '\t', '\r':
		return "'" + v
	case '+', '-':
		digits := v[1:]
		if v[0] == '+' && len(digits) >= 7 && len(digits) <= 15 && isDigits(digits) {
			return v
		}
		if _, err := strconv.ParseFloat(v, 64); err == nil {
			return v
		}
		return "'" + v
	}
	return v
}

func isDigits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

// seenHash shortens a subject key for counting duplicates.
func seenHash(key string) uint64 {
	h := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint64(h[:8])
}
