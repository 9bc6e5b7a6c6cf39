// Package tabular reads a person's table file (CSV and its relatives, XLSX) and writes the enriched copy of it.
//
// The input is the record. A copy of a delimited file is made of the input's own bytes with new ones spliced in:
// same encoding, delimiter, quoting and line endings, and every byte that nothing was written into stays as it is.
// A copy of a workbook is the workbook with cells added: other sheets, styles, formulas and merges stay.
//
// What it refuses, each with one line a person can act on (*Error): files that are no table (empty, binary, UTF-32,
// password-protected or older workbooks, archives that unpack to too much), a quote that never closes, more than
// MaxColumns columns. It never changes its input and never writes over it.
//
// # Places
//
// A record is one row of the file; a quoted newline does not end it. Records are counted from zero, without Excel's
// "sep=;" line. HeaderRow is the record with the headings; row i of Rows, Edit.Row and Survey is the i-th record
// after it, blank ones included. Columns are counted from zero.
//
// # Decisions
//
//   - New columns stand right of everything the table holds (Width): if some row is longer than the headings, right
//     of the longest such row, so that new columns line up and nothing is lost. Empty fields at a row's end are not
//     content: a new value goes into them.
//   - A row as wide as the table gets all new fields, empty ones too, so that a rectangular file stays rectangular. A
//     shorter row is padded only when something is written to its right; a blank line stays blank.
//   - Filling an existing field replaces what it held (nothing, or white space, or a value the caller chose to
//     replace); a quoted field stays quoted.
//   - A quote that opens a field and never closes is an error that names the line, at the latest when the record
//     exceeds 8 MiB: reading on would turn the rest of the file into one cell. Quotes inside unquoted fields are text.
//   - A file that is not valid UTF-8 is read as Windows-1252, unless most of it plainly is UTF-8: then only the fields
//     that are damaged are read so. Characters that Windows-1252 lacks are written as their closest form ("ł" as
//     "l", otherwise "?"; in email and web addresses always "?") and counted in Report.Approximated.
//   - What is written into a delimited file and could be taken for a formula (a leading = + - @, tab or CR) gets a
//     leading apostrophe, unless it is a number or a phone in E.164 form. Cells of the input are never altered.
//     In a workbook text is text, so it needs none; a cell holding a formula or covered by a merge is not written to.
package tabular

import (
	"context"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of a Google spreadsheet, and so of what can be enriched (Sheets API, "usage limits").
const (
	MaxColumns   = 18_278     // columns of a sheet
	MaxCells     = 10_000_000 // cells of a workbook
	MaxCellChars = 50_000     // characters of a cell, counted as UTF-16 code units
)

// Kind is the kind of file.
type Kind int

// Kinds of files.
const (
	CSV  Kind = iota + 1 // delimited by comma, semicolon, pipe or what "sep=" says
	TSV                  // delimited by tabs
	XLSX                 // an Office Open XML workbook
)

// String names the kind as people write it.
func (k Kind) String() string {
	switch k {
	case CSV:
		return "CSV"
	case TSV:
		return "TSV"
	case XLSX:
		return "XLSX"
	}
	return "unknown"
}

// Table is an opened input. Its methods may be called again and again, from one goroutine at a time.
type Table interface {
	// Kind says what kind of file it is.
	Kind() Kind
	// Name is the file's base name, for messages; "standard input" for "-".
	Name() string
	// Describe says how the file was understood, for messages: "CSV, comma, UTF-8 with BOM, CRLF".
	Describe() string
	// Sheets names the visible tabs of a workbook in order; a delimited file has one, "".
	Sheets() []string
	// Sheet names the tab being read; "" for a delimited file.
	Sheet() string
	// Header returns the headings, duplicate and blank ones included, one for each of Width columns.
	Header() []string
	// HeaderRow is the zero-based record of the headings.
	HeaderRow() int
	// Width is the number of columns that hold anything, in the header or below it; new columns start there.
	Width() int
	// Len is the number of records after the header, blank ones included.
	Len() int
	// Cells estimates how many cells a sheet holds that has this table and added new columns. Compare it with MaxCells.
	Cells(added int) int64
	// Survey says what was found in the file while it was counted.
	Survey() Survey
	// Sum is the SHA-256 of the input's bytes in hexadecimal.
	Sum() string
	// Rows calls row for each record after the header, in order, until it returns an error, which Rows returns as it
	// is. A blank record has no cells or only blank ones; a row may have fewer cells than Width, never more. A cell
	// of a delimited file is a string; one of a workbook is a string, float64 (dates as serial numbers), bool or nil,
	// unformatted, a formula by its last computed value. The slice is the callee's to keep.
	Rows(ctx context.Context, row func(i int, cells []any) error) error
	// Close releases the file and removes what was spooled.
	Close() error

	// write makes the enriched copy; see Write.
	write(ctx context.Context, out io.Writer, o Output, next func() (Edit, bool, error)) (Report, error)
}

// Survey is what the first pass over a file found.
type Survey struct {
	Blank     int       // records after the header that hold nothing
	Short     int       // records after the header with fewer fields than it
	Long      int       // records after the header with content right of it
	Damaged   int       // records of a UTF-8 file that are not valid UTF-8
	LongCells []CellRef // cells over MaxCellChars, the first 10,000 of them; a sheet takes none of these
}

// CellRef names a cell: row i as in Table.Rows, or -1 for the header, and a zero-based column.
type CellRef struct{ Row, Column int }

// Options say how to open a file. The zero value finds everything out by itself.
type Options struct {
	Sheet     string    // tab of a workbook; empty takes the first visible one that holds anything
	HeaderRow int       // row of the headings as people count, from 1; 0 takes the first that is not blank
	Stdin     io.Reader // what "-" reads
	TempDir   string    // where to spool what can't be read twice; empty is the system's place
}

// Type is what a new column holds. It decides how a workbook's cells are formatted and how values become text.
type Type int

// Types of columns.
const (
	Text   Type = iota // strings, always written as such
	Number             // numbers
	Date               // time.Time, or a float64 serial number; "2006-01-02" in a delimited file, with the time of day if there is one
	Flag               // booleans, TRUE and FALSE
)

// Output describes the new columns.
type Output struct {
	Headings []string // headings of the new columns
	Types    []Type   // type of each new column; missing ones are Text
	After    int      // last column of the table; new columns stand right of it, and never left of Table.Width
}

// Edit is what to write into one row.
type Edit struct {
	Row   int         // row i as in Table.Rows
	Cells map[int]any // column of the table → value that replaces what its field holds; nil and "" write nothing
	Added []any       // values of the new columns, in order; nil and "" leave the field empty, missing ones too
}

// Report says what Write did.
type Report struct {
	Rows         int // rows of the table
	Edited       int // rows something was written into
	Cells        int // values written, without headings
	FirstColumn  int // column of the first new heading
	Padded       int // rows shorter than the table that got delimiters to reach their values
	Guarded      int // values that got a leading apostrophe
	Approximated int // values with a character that the file's encoding lacks
	Kept         int // values not written: the cell holds a formula or is covered by a merge (workbooks only)
}

// Write streams the table's file again and writes its enriched copy to out. next yields edits in ascending order of
// Row and false at the end; rows without an edit have nothing to write. It returns the error of next as it is. If
// the file is no longer what was opened, it returns an *Error, and out holds nothing of use.
func Write(ctx context.Context, t Table, out io.Writer, o Output, next func() (Edit, bool, error)) (Report, error) {
	if n := max(o.After+1, t.Width()) + len(o.Headings); n > MaxColumns {
		return Report{}, problem(nil, "%s would have %d columns; a sheet holds %d. Remove some columns or ask for fewer.", t.Name(), n, MaxColumns)
	}
	return t.write(ctx, out, o, next)
}

// Overlong reports whether a cell's value is longer than a sheet takes.
func Overlong(v any) bool {
	s, ok := v.(string)
	return ok && len(s) > MaxCellChars && utf16Len(s) > MaxCellChars
}

// utf16Len counts the UTF-16 code units of s.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// Error is a problem with a person's file, in one line that says what to do about it.
type Error struct {
	Message string // for people; names the file, never what is in it
	Err     error  // the cause, if there is one
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// problem makes an *Error.
func problem(cause error, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Err: cause}
}

// edits walks next and checks its order.
type edits struct {
	next func() (Edit, bool, error)
	edit Edit
	more bool
}

// newEdits fetches the first edit. A nil next has none.
func newEdits(next func() (Edit, bool, error)) (*edits, error) {
	e := &edits{next: next, edit: Edit{Row: -1}}
	if next == nil {
		return e, nil
	}
	return e, e.advance()
}

func (e *edits) advance() error {
	last := e.edit.Row
	var err error
	e.edit, e.more, err = e.next()
	if err != nil {
		return err
	}
	if e.more && e.edit.Row <= last {
		return fmt.Errorf("tabular: edit of row %d came after row %d", e.edit.Row, last)
	}
	return nil
}

// at returns the edit of a row and moves on to the next.
func (e *edits) at(row int) (Edit, bool, error) {
	if !e.more || e.edit.Row != row {
		return Edit{}, false, nil
	}
	edit := e.edit
	return edit, true, e.advance()
}

// isBlank reports whether a value writes nothing.
func isBlank(v any) bool { return v == nil || v == "" }

// clean makes s valid UTF-8.
func clean(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s)) // each bad byte becomes U+FFFD
}
