package tabular

import (
	"bufio"
	"context"
	"io"
	"strings"
)

// splice copies a delimited file record by record and puts new bytes between the old ones.
type splice struct {
	t       *delimited
	out     *bufio.Writer
	first   int // column of the first new heading
	types   []Type
	added   int
	report  Report
	delim   []byte // the delimiter, encoded
	unit    int    // bytes of a code unit
	special string // what makes an unquoted field need quotes
	scratch []byte
	marks   *[]mark // what was inserted where, if a test asks
	at      int     // bytes written so far, for marks
}

// mark is a run of inserted bytes in the output.
type mark struct{ at, n int }

func (t *delimited) write(ctx context.Context, out io.Writer, o Output, next func() (Edit, bool, error)) (Report, error) {
	return t.splice(ctx, out, o, next, nil)
}

func (t *delimited) splice(ctx context.Context, out io.Writer, o Output, next func() (Edit, bool, error), marks *[]mark) (Report, error) {
	p, err := t.read()
	if err != nil {
		return Report{}, err
	}
	defer p.file.Close()
	s := &splice{t: t, out: bufio.NewWriterSize(out, 64<<10), first: max(o.After+1, t.width), types: o.Types, added: len(o.Headings), marks: marks}
	s.delim, _ = t.dialect.enc.encode(nil, string(t.dialect.delim))
	s.unit = p.unit()
	s.special = string(t.dialect.delim) + "\"\r\n"
	s.report.FirstColumn = s.first
	s.report.Rows = t.rows
	todo, err := newEdits(next)
	if err != nil {
		return s.report, err
	}
	s.keep(p.preamble)
	var rec record
	for {
		err := p.record(ctx, &rec)
		if err == io.EOF {
			break
		}
		if err != nil {
			return s.report, err
		}
		switch row := p.n - 2 - t.headerRow; {
		case row < -1:
			err = s.keep(rec.raw)
		case row == -1:
			headings := make([]any, len(o.Headings))
			for i, h := range o.Headings {
				headings[i] = h
			}
			err = s.row(&rec, Edit{Added: headings}, true)
		default:
			edit, _, editErr := todo.at(row)
			if editErr != nil {
				return s.report, editErr
			}
			err = s.row(&rec, edit, false)
		}
		if err != nil {
			return s.report, err
		}
	}
	s.keep(p.rest())
	if err := s.out.Flush(); err != nil {
		return s.report, err
	}
	if p.finish() != t.sum {
		return s.report, t.src.changedProblem()
	}
	return s.report, nil
}

// row writes one record with what is to be put into it.
func (s *splice) row(rec *record, edit Edit, heading bool) error {
	have := len(rec.fields)
	last := have - 1 // last column this record must reach
	for i := range min(len(edit.Added), s.added) {
		if !isBlank(edit.Added[i]) {
			last = max(last, s.first+s.added-1)
			break
		}
	}
	if s.added > 0 && (have >= s.t.width && rec.body > 0 || heading) {
		last = max(last, s.first+s.added-1)
	}
	for c, v := range edit.Cells {
		if c >= 0 && c < s.first && !isBlank(v) {
			last = max(last, c)
		}
	}
	pos, wrote := 0, 0
	for c := 0; c <= last; c++ {
		v, typ := s.value(edit, c)
		text := textOf(v, typ)
		if text != "" {
			wrote++
		}
		if c >= have {
			if c == have {
				s.keep(rec.raw[pos:rec.body])
				pos = rec.body
			}
			s.put(s.delim)
			if text != "" {
				s.put(s.field(text, false))
			}
			continue
		}
		if text == "" {
			continue
		}
		f := rec.fields[c]
		s.keep(rec.raw[pos:f.start])
		value := s.field(text, f.quoted)
		if u := s.unit; f.quoted && f.end-f.start == 2*u { // an empty pair of quotes takes the value in
			s.keep(value[:u])
			s.put(value[u : len(value)-u])
			s.keep(value[len(value)-u:])
		} else {
			s.put(value)
		}
		pos = f.end
	}
	if !heading && wrote > 0 {
		s.report.Edited++
		s.report.Cells += wrote
		if have < s.t.width && last >= have {
			s.report.Padded++
		}
	}
	return s.keep(rec.raw[pos:])
}

// keep writes bytes of the input. The writer remembers a failure, so that only a record's last write need be checked.
func (s *splice) keep(b []byte) error {
	s.at += len(b)
	_, err := s.out.Write(b)
	return err
}

// put writes bytes that the input does not have.
func (s *splice) put(b []byte) {
	if s.marks != nil && len(b) > 0 {
		*s.marks = append(*s.marks, mark{s.at, len(b)})
	}
	s.keep(b)
}

// value is what goes into a column of a row.
func (s *splice) value(edit Edit, c int) (any, Type) {
	i := c - s.first
	switch {
	case i < 0:
		return edit.Cells[c], Text
	case i >= s.added || i >= len(edit.Added):
		return nil, Text
	case i < len(s.types):
		return edit.Added[i], s.types[i]
	}
	return edit.Added[i], Text
}

// field encodes a value, with quotes if it needs them or had them. The result is valid until the next call.
func (s *splice) field(text string, quoted bool) []byte {
	enc := s.t.dialect.enc
	var exact bool
	if s.scratch, exact = enc.encode(s.scratch[:0], text); !exact {
		s.report.Approximated++
		text = enc.decode(s.scratch) // what is guarded and quoted is what will be read
	}
	text, guarded := guard(text)
	if guarded {
		s.report.Guarded++
	}
	if quoted || strings.ContainsAny(text, s.special) || strings.HasPrefix(text, " ") || strings.HasSuffix(text, " ") {
		text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	} else if !guarded && exact {
		return s.scratch
	}
	s.scratch, _ = enc.encode(s.scratch[:0], text)
	return s.scratch
}
