package tabular

import (
	"bytes"
	"fmt"
	"io"
)

// Sizes of the splitter.
const (
	bufferSize = 128 << 10
	maxRecord  = 8 << 20 // bytes of one record
	maxCell    = 1 << 20 // bytes of a quoted field that may be honest, however long its record is
)

// span is one field of a record, as byte offsets into it, quotes included.
type span struct {
	start, end int
	quoted     bool // it begins with a quote
}

// record is one row of a delimited file as its bytes. It is valid until the next call of next.
type record struct {
	raw    []byte // the bytes, line ending included
	body   int    // bytes before the line ending
	fields []span // at least one; a blank line has one empty field
	ending ending
}

// ending is what ended a record.
type ending int

const (
	endNone ending = iota // the end of the file
	endLF
	endCRLF // also CR CR LF, which broken converters make
	endCR
	endings // how many there are
)

// splitError says that a record can't be told where it ends.
type splitError struct {
	open bool // a quoted field never closes; otherwise the record is too long
	line int  // line of the file where that record, or the quote, begins, from 1
}

func (e *splitError) Error() string {
	if e.open {
		return fmt.Sprintf("line %d: quote never closes", e.line)
	}
	return fmt.Sprintf("line %d: record longer than %d bytes", e.line, maxRecord)
}

// splitter cuts a stream into records without changing a byte: what next returns, joined, and then rest, is the
// stream. It looks at code units of one byte (ASCII supersets) or two (UTF-16).
type splitter struct {
	r       io.Reader
	wide    bool   // two-byte code units
	big     bool   // big-endian ones
	delim   uint16 // the delimiter's code unit
	buf     []byte
	start   int // of the current record in buf
	end     int // of what buf holds
	eof     bool
	err     error // of the reader, not io.EOF
	line    int   // where the next record begins, from 1
	special [256]bool
}

// newSplitter reads r, about size bytes of it.
func newSplitter(r io.Reader, size int64, e encoding, delim byte) *splitter {
	s := &splitter{r: r, wide: e.wide(), big: e == utf16BE, delim: uint16(delim), buf: make([]byte, min(size+16, bufferSize)), line: 1}
	s.special[delim], s.special['\r'], s.special['\n'] = true, true, true
	return s
}

// have makes sure that n bytes of the record from offset i are in the buffer, and reports whether they exist.
func (s *splitter) have(i, n int) bool {
	for s.end-s.start < i+n {
		if s.eof {
			return false
		}
		if s.start > 0 && (s.end == len(s.buf) || s.start >= len(s.buf)/2) {
			s.end = copy(s.buf, s.buf[s.start:s.end])
			s.start = 0
		}
		if s.end == len(s.buf) {
			s.buf = append(s.buf, make([]byte, len(s.buf))...)
		}
		m, err := s.r.Read(s.buf[s.end:])
		s.end += m
		if err != nil {
			s.eof = true
			if err != io.EOF {
				s.err = err
			}
		}
	}
	return true
}

// unit is the size of a code unit in bytes.
func (s *splitter) unit() int {
	if s.wide {
		return 2
	}
	return 1
}

// at returns the code unit at offset i of the record; it must be in the buffer.
func (s *splitter) at(i int) uint16 {
	p := s.start + i
	switch {
	case !s.wide:
		return uint16(s.buf[p])
	case s.big:
		return uint16(s.buf[p])<<8 | uint16(s.buf[p+1])
	}
	return uint16(s.buf[p+1])<<8 | uint16(s.buf[p])
}

// next reads one record. It returns io.EOF after the last, *splitError, or the reader's error.
func (s *splitter) next(rec *record) error {
	rec.fields = rec.fields[:0]
	u := s.unit()
	if !s.have(0, u) {
		if s.err != nil {
			return s.err
		}
		return io.EOF
	}
	i := 0
	for {
		f := span{start: i}
		if s.have(i, u) && s.at(i) == '"' {
			f.quoted = true
			var err error
			if i, err = s.quoted(i); err != nil {
				return err
			}
		}
		i = s.plain(i)
		if s.err != nil {
			return s.err
		}
		if i > maxRecord {
			return &splitError{line: s.line}
		}
		f.end = i
		rec.fields = append(rec.fields, f)
		if !s.have(i, u) {
			return s.finish(rec, i, 0, endNone)
		}
		switch c := s.at(i); {
		case c == s.delim:
			i += u
		case c == '\n':
			return s.finish(rec, i, u, endLF)
		case s.have(i+u, u) && s.at(i+u) == '\n':
			return s.finish(rec, i, 2*u, endCRLF)
		case s.have(i+2*u, u) && s.at(i+u) == '\r' && s.at(i+2*u) == '\n':
			return s.finish(rec, i, 3*u, endCRLF)
		default:
			return s.finish(rec, i, u, endCR)
		}
	}
}

// finish hands the record out and moves past it.
func (s *splitter) finish(rec *record, body, ending int, how ending) error {
	if s.err != nil {
		return s.err
	}
	rec.raw, rec.body, rec.ending = s.buf[s.start:s.start+body+ending], body, how
	s.line += s.newlines(body)
	if ending > 0 {
		s.line++
	}
	s.start += body + ending
	return nil
}

// newlines counts the line feeds in the record's first n bytes.
func (s *splitter) newlines(n int) int {
	if !s.wide {
		return bytes.Count(s.buf[s.start:s.start+n], []byte{'\n'})
	}
	count := 0
	for i := 0; i+2 <= n; i += 2 {
		if s.at(i) == '\n' {
			count++
		}
	}
	return count
}

// quoted returns the offset after the quote that closes the field opening at i.
func (s *splitter) quoted(i int) (int, error) {
	u := s.unit()
	open := i
	i += u
	for {
		if !s.wide { // skip to the next quote at memchr's pace
			if k := bytes.IndexByte(s.buf[min(s.start+i, s.end):s.end], '"'); k >= 0 {
				i += k
			} else {
				i = max(i, s.end-s.start)
			}
		}
		if i > maxRecord || !s.have(i, u) {
			if s.err != nil {
				return 0, s.err
			}
			if i > maxRecord && i-open < maxCell {
				return 0, &splitError{line: s.line}
			}
			return 0, &splitError{open: true, line: s.line + s.newlines(open)}
		}
		if s.at(i) != '"' {
			if s.wide { // a narrow one has only come to the end of the buffer
				i += u
			}
			continue
		}
		i += u
		if !s.have(i, u) || s.at(i) != '"' {
			return i, nil
		}
		i += u
	}
}

// plain returns the offset of the delimiter or line ending at or after i, or of the end of the file.
func (s *splitter) plain(i int) int {
	u := s.unit()
	for i <= maxRecord && s.have(i, u) {
		if s.wide {
			if c := s.at(i); c == s.delim || c == '\n' || c == '\r' {
				return i
			}
			i += 2
			continue
		}
		b := s.buf[s.start:s.end]
		for i < len(b) && !s.special[b[i]] {
			i++
		}
		if i < len(b) {
			return i
		}
	}
	return i
}

// rest is what follows the last record: nothing, or the odd byte of a UTF-16 file that was cut.
func (s *splitter) rest() []byte { return s.buf[s.start:s.end] }
