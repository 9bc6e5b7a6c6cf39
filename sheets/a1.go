package sheets

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Google's limits: the widest sheet ends at column ZZZ, and a workbook holds 10 million
// cells, so no row has a higher number.
const (
	MaxColumns = 18_278
	MaxRows    = 10_000_000
)

// A Range is a rectangle of a sheet, zero-based and half-open. An End of -1 is open: to the
// last row or column, also of those still to come. The zero Range is not valid; all of a
// sheet is Range{EndRow: -1, EndCol: -1}.
type Range struct {
	Sheet            string // the tab's title; empty when none was named
	StartRow, EndRow int
	StartCol, EndCol int
}

// ErrRange is wrapped by every error of [ParseRange] and [ParseColumn]. Their text is fit for people.
var ErrRange = errors.New("not a range")

// ParseRange reads A1 notation: cells ("B2"), blocks ("A2:F500"), open ends ("A2:F", "B2:500"), rows
// ("2:500"), columns ("A:C"), each with a sheet before it or none ("Leads!A2:F", "'It”s'!A1"), dollar
// signs ignored, corners in any order. A quoted sheet alone ("'Leads'") is all of that sheet.
// R1C1 notation is refused. Columns up to the last possible one, ZZZ, count as an open end.
func ParseRange(s string) (Range, error) {
	r, err := parseRange(strings.TrimSpace(s))
	if err != nil {
		return Range{}, fmt.Errorf("%q is %w: %w", shorten(s), ErrRange, err)
	}
	return r, nil
}

func parseRange(s string) (Range, error) {
	if s == "" {
		return Range{}, errors.New("it is empty")
	}
	if !utf8.ValidString(s) {
		return Range{}, errors.New("it is not readable text")
	}
	sheet, rest, whole, err := cutSheet(s)
	if err != nil {
		return Range{}, err
	}
	if whole {
		return Range{Sheet: sheet, EndRow: -1, EndCol: -1}, nil
	}
	first, second, isPair := strings.Cut(rest, ":")
	a, err := parseCorner(first)
	if err != nil {
		return Range{}, err
	}
	b := a
	if isPair {
		if b, err = parseCorner(second); err != nil {
			return Range{}, err
		}
	} else if a.row < 0 || a.col < 0 {
		return Range{}, errors.New(`write a cell like "B2", columns like "A:C" or rows like "2:500"`)
	}
	r := Range{Sheet: sheet}
	if r.StartRow, r.EndRow, err = span(a.row, b.row); err != nil {
		return Range{}, err
	}
	if r.StartCol, r.EndCol, err = span(a.col, b.col); err != nil {
		return Range{}, err
	}
	if r.EndCol == MaxColumns {
		r.EndCol = -1
	}
	return r, nil
}

// cutSheet takes the sheet's name off the front. whole: there was only a quoted name.
func cutSheet(s string) (sheet, rest string, whole bool, err error) {
	if s[0] == '\'' {
		var b strings.Builder
		i := 1
		for {
			j := strings.IndexByte(s[i:], '\'')
			if j < 0 {
				return "", "", false, errors.New("the sheet's name has no closing quote")
			}
			b.WriteString(s[i : i+j])
			i += j + 1
			if i >= len(s) || s[i] != '\'' {
				break
			}
			b.WriteByte('\'')
			i++
		}
		sheet, rest = b.String(), s[i:]
		if err := checkSheet(sheet); err != nil {
			return "", "", false, err
		}
		if rest == "" {
			return sheet, "", true, nil
		}
		if rest[0] != '!' {
			return "", "", false, errors.New("after the sheet's name comes a !")
		}
		return sheet, rest[1:], false, nil
	}
	i := strings.LastIndexByte(s, '!')
	if i < 0 {
		return "", s, false, nil
	}
	sheet, rest = s[:i], s[i+1:]
	if err := checkSheet(sheet); err != nil {
		return "", "", false, err
	}
	if strings.ContainsAny(sheet, "'!") {
		return "", "", false, errors.New("put the sheet's name in single quotes")
	}
	return sheet, rest, false, nil
}

func checkSheet(name string) error {
	if name == "" {
		return errors.New("the sheet's name is empty")
	}
	if utf8.RuneCountInString(name) > 255 {
		return errors.New("the sheet's name is too long")
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return errors.New("the sheet's name holds a control character")
	}
	return nil
}

// A corner is one side of a range; -1 where it names no row or no column.
type corner struct{ row, col int }

func parseCorner(s string) (corner, error) {
	rest := strings.TrimPrefix(s, "$")
	n := 0
	for n < len(rest) && isASCIILetter(rest[n]) {
		n++
	}
	letters, digits := rest[:n], rest[n:]
	c := corner{-1, -1}
	if letters == "" && len(rest) < len(s) && strings.HasPrefix(digits, "$") {
		return c, errors.New("it has a $ too many")
	}
	if letters != "" {
		digits = strings.TrimPrefix(digits, "$")
		col, err := ParseColumn(letters)
		if err != nil {
			return c, fmt.Errorf("there is no column %s", shorten(letters))
		}
		c.col = col
	}
	if letters != "" && digits == "" && strings.HasSuffix(s, "$") {
		return c, errors.New("it has a $ too many")
	}
	if digits == "" {
		if letters == "" {
			return c, errors.New("a corner is missing")
		}
		return c, nil
	}
	row := 0
	for i := 0; i < len(digits); i++ {
		d := digits[i]
		if d < '0' || d > '9' {
			if strings.HasPrefix(strings.ToUpper(s), "R") && strings.ContainsAny(s, "cC[") {
				return c, errors.New(`R1C1 notation isn't understood, write it like "B2:F500"`)
			}
			return c, errors.New(`write it like "B2:F500", and a sheet's name before a !`)
		}
		if row = row*10 + int(d-'0'); row > MaxRows {
			return c, errors.New("there is no such row")
		}
	}
	if row == 0 {
		return c, errors.New("rows are counted from 1")
	}
	c.row = row - 1
	return c, nil
}

// span makes a half-open span of two corners' rows or columns. One named on one side only
// is the start of an open span, neither named is everything.
func span(a, b int) (start, end int, err error) {
	switch {
	case a < 0 && b < 0:
		return 0, -1, nil
	case a < 0:
		return b, -1, nil
	case b < 0:
		return a, -1, nil
	}
	return min(a, b), max(a, b) + 1, nil
}

// String is the range in A1 notation, its sheet quoted where it must be. [ParseRange] reads it back
// to the same Range.
func (r Range) String() string {
	prefix := ""
	if r.Sheet != "" {
		if r.StartRow == 0 && r.StartCol == 0 && r.EndRow < 0 && r.EndCol < 0 {
			return quoteSheet(r.Sheet)
		}
		prefix = r.Sheet + "!"
		if !plainSheet(r.Sheet) {
			prefix = quoteSheet(r.Sheet) + "!"
		}
	}
	row := func(i int) string { return fmt.Sprint(i + 1) }
	switch {
	case r.EndRow < 0 && r.EndCol < 0 && r.StartRow == 0:
		return prefix + ColumnName(r.StartCol) + ":" + ColumnName(MaxColumns-1)
	case r.EndRow < 0 && r.EndCol < 0:
		return prefix + ColumnName(r.StartCol) + row(r.StartRow) + ":" + ColumnName(MaxColumns-1)
	case r.EndRow < 0 && r.StartRow == 0:
		return prefix + ColumnName(r.StartCol) + ":" + ColumnName(r.EndCol-1)
	case r.EndRow < 0:
		return prefix + ColumnName(r.StartCol) + row(r.StartRow) + ":" + ColumnName(r.EndCol-1)
	case r.EndCol < 0 && r.StartCol == 0:
		return prefix + row(r.StartRow) + ":" + row(r.EndRow-1)
	case r.EndCol < 0:
		return prefix + ColumnName(r.StartCol) + row(r.StartRow) + ":" + row(r.EndRow-1)
	}
	first := ColumnName(r.StartCol) + row(r.StartRow)
	last := ColumnName(r.EndCol-1) + row(r.EndRow-1)
	if first == last {
		return prefix + first
	}
	return prefix + first + ":" + last
}

// On is the range on the sheet with that id; the sheet's name is left behind.
func (r Range) On(sheetID int64) GridRange {
	return GridRange{SheetID: sheetID, StartRow: r.StartRow, EndRow: r.EndRow, StartCol: r.StartCol, EndCol: r.EndCol}
}

func quoteSheet(name string) string { return "'" + strings.ReplaceAll(name, "'", "''") + "'" }

// plainSheet says whether the name can stand without quotes: a word of ASCII letters, digits and
// underscores that isn't a cell, a column or R1C1 itself. Quotes never hurt, so it errs on their side.
func plainSheet(name string) bool {
	if len(name) < 4 || !isASCIILetter(name[0]) {
		return false
	}
	letters := 0
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !isASCIILetter(c) && (c < '0' || c > '9') && c != '_' {
			return false
		}
		if letters == i && isASCIILetter(c) {
			letters++
		}
	}
	return letters > 3
}

// ColumnName is the column's letters: 0 is A, 26 is AA. A negative column has none.
func ColumnName(i int) string {
	if i < 0 {
		return ""
	}
	var b [16]byte
	n := len(b)
	for i++; i > 0; i = (i - 1) / 26 {
		n--
		b[n] = byte('A' + (i-1)%26)
	}
	return string(b[n:])
}

// ParseColumn is the zero-based column of its letters, in either case.
func ParseColumn(s string) (int, error) {
	if s == "" || len(s) > 3 {
		return 0, fmt.Errorf("%q is %w: there is no such column", shorten(s), ErrRange)
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if !isASCIILetter(s[i]) {
			return 0, fmt.Errorf("%q is %w: a column has letters only", shorten(s), ErrRange)
		}
		n = n*26 + int(s[i]&^0x20-'A') + 1
	}
	return n - 1, nil
}

func isASCIILetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// shorten keeps a quoted input from filling a screen.
func shorten(s string) string {
	if utf8.RuneCountInString(s) <= 60 {
		return s
	}
	return string([]rune(s)[:60]) + "…"
}
