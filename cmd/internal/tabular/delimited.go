package tabular

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// delimited is a CSV or TSV file.
type delimited struct {
	src       *source
	dialect   dialect
	header    []string
	headerRow int
	headerLen int // fields of the header record
	width     int
	rows      int
	endings   [endings]int
	survey    Survey
	sum       string
}

// openDelimited finds the file's dialect and counts it.
func openDelimited(ctx context.Context, src *source, o Options, sample []byte) (*delimited, error) {
	if utf32(sample) {
		return nil, problem(nil, "%s is in UTF-32. Save it as UTF-8 and use that.", src.name)
	}
	if what := foreign(sample); what != "" {
		return nil, problem(nil, "%s %s", src.name, what)
	}
	t := &delimited{src: src, dialect: sniffDialect(sample, src.size > int64(len(sample)), src.ext == ".tsv" || src.ext == ".tab")}
	if !t.dialect.enc.wide() && binary(sample) {
		return nil, problem(nil, "%s is not a table of text. Export the table as CSV or XLSX and use that.", src.name)
	}
	if err := t.count(ctx, o.HeaderRow); err != nil {
		return nil, err
	}
	return t, nil
}

// pass is one reading of the file from its first record on.
type pass struct {
	*splitter
	file     *os.File
	sum      hash.Hash
	preamble []byte
	t        *delimited
	n        int // records read
}

func (t *delimited) read() (*pass, error) {
	f, err := os.Open(t.src.path)
	if err != nil {
		return nil, t.src.readProblem(err)
	}
	p := &pass{file: f, sum: sha256.New(), t: t, preamble: make([]byte, t.dialect.preamble)}
	r := io.TeeReader(f, p.sum)
	if _, err := io.ReadFull(r, p.preamble); err != nil {
		f.Close()
		return nil, t.src.changedProblem()
	}
	p.splitter = newSplitter(r, t.src.size, t.dialect.enc, t.dialect.delim)
	if t.dialect.preamble > t.dialect.bom {
		p.line++
	}
	return p, nil
}

// record reads the next record. It returns io.EOF, ctx's error or an *Error.
func (p *pass) record(ctx context.Context, rec *record) error {
	if p.n%256 == 0 && ctx.Err() != nil {
		return ctx.Err()
	}
	err := p.next(rec)
	var split *splitError
	switch {
	case err == nil:
		p.n++
	case errors.As(err, &split) && split.open:
		return problem(err, `Line %d of %s opens a quote (") that never closes. Close it, or take it out.`, split.line, p.t.src.name)
	case errors.As(err, &split):
		return problem(err, "Line %d of %s is longer than %d MB. Check that the file is a table and split that line.", split.line, p.t.src.name, maxRecord>>20)
	case err != io.EOF:
		return p.t.src.readProblem(err)
	}
	return err
}

// finish returns the sum of all that was read.
func (p *pass) finish() string { return hex.EncodeToString(p.sum.Sum(nil)) }

// count reads the file once: the header, the widest content, how the text is stored.
func (t *delimited) count(ctx context.Context, headerRow int) error {
	p, err := t.read()
	if err != nil {
		return err
	}
	defer p.file.Close()
	var rec record
	found := false
	var multibyte, broken int
	contentWidth := 0
	var headerRaw []byte
	var headerFields []span
	for {
		err := p.record(ctx, &rec)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		t.endings[rec.ending]++
		if t.dialect.enc == utf8Plain && !utf8.Valid(rec.raw) {
			m, b := utf8Evidence(rec.raw)
			multibyte, broken = multibyte+m, broken+b
			t.survey.Damaged++
		} else if t.dialect.enc == utf8Plain {
			multibyte += len(rec.raw) - utf8.RuneCount(rec.raw)
		}
		n := contentFields(&rec, p.unit())
		if n > MaxColumns {
			return problem(nil, "Row %d of %s has %d columns; a sheet holds %d. Check the delimiter, or take columns out.", p.n, t.src.name, n, MaxColumns)
		}
		if !found {
			if headerRow == p.n || headerRow == 0 && n > 0 && !t.blank(&rec) {
				found = true
				t.headerRow, t.headerLen = p.n-1, len(rec.fields)
				headerRaw = append(headerRaw, rec.raw...)
				headerFields = append(headerFields, rec.fields...)
				contentWidth = n
				t.longCells(&rec, -1)
			}
			continue
		}
		row := t.rows
		t.rows++
		switch {
		case n == 0:
			t.survey.Blank++
		case n > t.headerLen:
			t.survey.Long++
		case len(rec.fields) < t.headerLen:
			t.survey.Short++
		}
		contentWidth = max(contentWidth, n)
		t.longCells(&rec, row)
	}
	t.sum = p.finish()
	if !found {
		if headerRow > 0 && p.n > 0 {
			return problem(nil, "%s has %d rows, so row %d can't hold the headings.", t.src.name, p.n, headerRow)
		}
		return t.src.emptyProblem()
	}
	if broken > 0 && t.dialect.bom == 0 && multibyte <= broken {
		t.dialect.enc = windows1252
		t.survey.Damaged = 0
	}
	header := record{raw: headerRaw, fields: headerFields}
	for i := range headerFields {
		t.header = append(t.header, t.text(&header, i))
	}
	t.width = contentWidth
	for len(t.header) < t.width {
		t.header = append(t.header, "")
	}
	t.header = t.header[:t.width]
	return nil
}

// utf8Evidence counts in broken text the continuation bytes of whole characters and the bytes that fit nowhere.
func utf8Evidence(b []byte) (multibyte, broken int) {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			broken++
		}
		multibyte += n - 1
		b = b[n:]
	}
	return multibyte, broken
}

// contentFields counts a record's fields up to the last that is neither empty nor an empty pair of quotes.
func contentFields(rec *record, unit int) int {
	for i := len(rec.fields) - 1; i >= 0; i-- {
		if f := rec.fields[i]; f.end > f.start && !(f.quoted && f.end-f.start == 2*unit) {
			return i + 1
		}
	}
	return 0
}

// blank reports whether a record holds nothing but white space.
func (t *delimited) blank(rec *record) bool {
	for i := range rec.fields {
		if strings.TrimSpace(t.text(rec, i)) != "" {
			return false
		}
	}
	return true
}

// longCells notes the cells that a sheet can't take.
func (t *delimited) longCells(rec *record, row int) {
	if rec.body <= MaxCellChars {
		return
	}
	for i, f := range rec.fields {
		if f.end-f.start > MaxCellChars && len(t.survey.LongCells) < 10_000 && utf16Len(t.text(rec, i)) > MaxCellChars {
			t.survey.LongCells = append(t.survey.LongCells, CellRef{Row: row, Column: i})
		}
	}
}

// text decodes a field and takes its quotes off.
func (t *delimited) text(rec *record, i int) string {
	f := rec.fields[i]
	s := t.dialect.enc.decode(rec.raw[f.start:f.end])
	if f.quoted {
		s = unquote(s)
	}
	return s
}

// unquote takes the quotes off a field that begins with one: two are one, and what follows the closing one is text.
func unquote(s string) string {
	s = s[1:]
	k := strings.IndexByte(s, '"')
	if k < 0 {
		return s
	}
	if k == len(s)-1 {
		return s[:k]
	}
	var b strings.Builder
	for {
		k := strings.IndexByte(s, '"')
		if k < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:k])
		s = s[k+1:]
		if s == "" || s[0] != '"' { // it closed
			b.WriteString(s)
			return b.String()
		}
		b.WriteByte('"')
		s = s[1:]
	}
}

func (t *delimited) Kind() Kind {
	if t.dialect.delim == '\t' {
		return TSV
	}
	return CSV
}

func (t *delimited) Name() string     { return t.src.name }
func (t *delimited) Sheets() []string { return []string{""} }
func (t *delimited) Sheet() string    { return "" }
func (t *delimited) Header() []string { return append([]string(nil), t.header...) }
func (t *delimited) HeaderRow() int   { return t.headerRow }
func (t *delimited) Width() int       { return t.width }
func (t *delimited) Len() int         { return t.rows }
func (t *delimited) Survey() Survey   { return t.survey }
func (t *delimited) Sum() string      { return t.sum }
func (t *delimited) Close() error     { return t.src.close() }

func (t *delimited) Cells(added int) int64 {
	return int64(t.headerRow+1+t.rows) * int64(t.width+added)
}

func (t *delimited) Describe() string {
	parts := []string{t.Kind().String()}
	switch t.dialect.delim {
	case ',':
		parts = append(parts, "comma")
	case ';':
		parts = append(parts, "semicolon")
	case '|':
		parts = append(parts, "pipe")
	case '\t':
	default:
		parts = append(parts, fmt.Sprintf("delimiter %q", t.dialect.delim))
	}
	enc := t.dialect.enc.String()
	if t.dialect.bom > 0 {
		enc += " with BOM"
	}
	parts = append(parts, enc)
	switch crlf, lf, cr := t.endings[endCRLF], t.endings[endLF], t.endings[endCR]; {
	case crlf > 0 && lf == 0 && cr == 0:
		parts = append(parts, "CRLF")
	case lf > 0 && crlf == 0 && cr == 0:
		parts = append(parts, "LF")
	case cr > 0 && crlf == 0 && lf == 0:
		parts = append(parts, "CR")
	case crlf+lf+cr > 0:
		parts = append(parts, "mixed line endings")
	}
	if t.survey.Damaged > 0 {
		parts = append(parts, plural(t.survey.Damaged, "row is not valid UTF-8", "rows are not valid UTF-8"))
	}
	if t.survey.Long > 0 {
		parts = append(parts, plural(t.survey.Long, "row is longer than the headings", "rows are longer than the headings"))
	}
	return strings.Join(parts, ", ")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (t *delimited) Rows(ctx context.Context, row func(i int, cells []any) error) error {
	p, err := t.read()
	if err != nil {
		return err
	}
	defer p.file.Close()
	var rec record
	for {
		err := p.record(ctx, &rec)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if p.n-1 <= t.headerRow {
			continue
		}
		var cells []any
		if rec.body > 0 {
			cells = make([]any, min(len(rec.fields), t.width))
			for i := range cells {
				cells[i] = t.text(&rec, i)
			}
		}
		if err := row(p.n-2-t.headerRow, cells); err != nil {
			return err
		}
	}
	if p.finish() != t.sum {
		return t.src.changedProblem()
	}
	return nil
}
