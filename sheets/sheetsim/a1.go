package sheetsim

import (
	"strconv"
	"strings"
)

// Google's limits of a workbook.
const (
	maxColumns   = 18278 // ZZZ
	maxCells     = 10_000_000
	maxCellChars = 50_000
	maxMetaChars = 30_000
	maxTitle     = 100 // characters of a tab's title
)

// An area is a rectangle of a sheet, half open and from 0. An end of -1 is open: to the edge of the grid.
type area struct {
	r0, c0, r1, c1 int
}

func (a area) rows() int { return a.r1 - a.r0 }
func (a area) cols() int { return a.c1 - a.c0 }

// reference is a parsed A1 range.
type reference struct {
	sheet string // "" when the text names none
	named bool   // whether the text named a sheet
	area
}

// parseA1 parses A1 notation: "Sheet1!A1:B2", "'My tab'!A:C", "A2:F", "2:500", "A1", and R1C1 notation ("R1C1:R2C2").
// A text that is no reference at all (a bare sheet name) gives ok false; the caller tries it as a name.
func parseA1(s string) (reference, bool) {
	var ref reference
	rest := s
	if i := strings.LastIndexByte(s, '!'); i >= 0 {
		name, ok := unquote(s[:i])
		if !ok {
			return ref, false
		}
		ref.sheet, ref.named = name, true
		rest = s[i+1:]
	}
	a, ok := parseArea(rest)
	ref.area = a
	return ref, ok
}

// unquote takes a sheet's name out of its quotes, if it has any.
func unquote(s string) (string, bool) {
	if !strings.HasPrefix(s, "'") {
		return s, s != "" && !strings.ContainsAny(s, "'")
	}
	if len(s) < 3 || !strings.HasSuffix(s, "'") {
		return "", false
	}
	in := s[1 : len(s)-1]
	if strings.Contains(strings.ReplaceAll(in, "''", ""), "'") {
		return "", false
	}
	return strings.ReplaceAll(in, "''", "'"), true
}

func parseArea(s string) (area, bool) {
	from, to, two := strings.Cut(s, ":")
	c0, r0, ok := parseCorner(from)
	if !ok {
		return area{}, false
	}
	if !two {
		if c0 < 0 || r0 < 0 {
			return area{}, false // "A" and "7" are names, not ranges
		}
		return area{r0, c0, r0 + 1, c0 + 1}, true
	}
	c1, r1, ok := parseCorner(to)
	if !ok || (c0 < 0) != (c1 < 0) {
		return area{}, false
	}
	a := area{r0: 0, c0: 0, r1: -1, c1: -1}
	if c0 >= 0 {
		a.c0, a.c1 = min(c0, c1), max(c0, c1)+1
	}
	switch {
	case r0 >= 0 && r1 >= 0:
		a.r0, a.r1 = min(r0, r1), max(r0, r1)+1
	case r0 >= 0:
		a.r0 = r0 // A2:F
	case r1 >= 0:
		a.r0 = r1 // A:F2 is the same as A2:F
	}
	return a, true
}

// parseCorner parses "B7", "B", "7", "$B$7" or "R7C2". What is absent is -1.
func parseCorner(s string) (col, row int, ok bool) {
	if c, r, ok := parseR1C1(s); ok {
		return c, r, true
	}
	col, row = -1, -1
	s = strings.TrimPrefix(s, "$")
	n := 0
	for n < len(s) && isLetter(s[n]) {
		n++
	}
	if n > 0 {
		if col, ok = columnIndex(s[:n]); !ok {
			return 0, 0, false
		}
		s = strings.TrimPrefix(s[n:], "$")
	}
	if s == "" {
		return col, row, n > 0
	}
	if row, ok = rowIndex(s); !ok {
		return 0, 0, false
	}
	return col, row, true
}

func parseR1C1(s string) (col, row int, ok bool) {
	if len(s) < 4 || s[0] != 'R' && s[0] != 'r' {
		return 0, 0, false
	}
	r, c, ok := strings.Cut(strings.ToUpper(s[1:]), "C")
	if !ok {
		return 0, 0, false
	}
	row, ok = rowIndex(r)
	if !ok {
		return 0, 0, false
	}
	col, ok = rowIndex(c)
	return col, row, ok && col < maxColumns
}

func rowIndex(s string) (int, bool) {
	if s == "" || len(s) > 9 || s[0] == '0' {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(s)
	return n - 1, err == nil
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// columnIndex turns "A" into 0 and "ZZZ" into 18,277.
func columnIndex(s string) (int, bool) {
	if s == "" || len(s) > 3 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		c := s[i] &^ 0x20
		if c < 'A' || c > 'Z' {
			return 0, false
		}
		n = n*26 + int(c-'A') + 1
	}
	return n - 1, true
}

// columnName turns 0 into "A".
func columnName(i int) string {
	var b [8]byte
	at := len(b)
	for i++; i > 0; i = (i - 1) / 26 {
		at--
		b[at] = 'A' + byte((i-1)%26)
	}
	return string(b[at:])
}

func cellName(r, c int) string { return columnName(c) + strconv.Itoa(r+1) }

// quote writes a sheet's name as it stands in a range: in quotes only where it needs them.
func quote(name string) string {
	plain := name != ""
	for i, c := range name {
		if c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9' || c > 127 {
			continue
		}
		plain = false
		break
	}
	if plain {
		// A name that reads as a cell must not be mistaken for one.
		if _, row, ok := parseCorner(name); !ok || row < 0 && len(name) > 3 {
			return name
		}
		if _, row, ok := parseCorner(name); ok && row < 0 {
			return name
		}
	}
	return "'" + strings.ReplaceAll(name, "'", "''") + "'"
}

// name writes the area of sheet s with closed ends, "Sheet1!A1:B2" or "Sheet1!A1".
func (s *sheet) name(a area) string {
	out := quote(s.head.Title) + "!" + cellName(a.r0, a.c0)
	if a.rows() == 1 && a.cols() == 1 {
		return out
	}
	return out + ":" + cellName(a.r1-1, a.c1-1)
}

// asked writes an area as its request did: an open end stays open.
func (s *sheet) asked(a area) string {
	if a.r1 >= 0 && a.c1 >= 0 {
		return s.name(a)
	}
	title := quote(s.head.Title)
	switch {
	case a.r1 < 0 && a.c1 < 0:
		return title
	case a.c1 < 0:
		return title + "!" + strconv.Itoa(a.r0+1) + ":" + strconv.Itoa(a.r1)
	case a.r0 == 0:
		return title + "!" + columnName(a.c0) + ":" + columnName(a.c1-1)
	}
	return title + "!" + cellName(a.r0, a.c0) + ":" + columnName(a.c1-1)
}

func (s *sheet) offGrid(a area) *apiError {
	return invalid("Range (%s) exceeds grid limits. Max rows: %d, max columns: %d", s.asked(a), s.rowCount(), s.colCount())
}

// resolve finds the sheet and area that an A1 text means: a range, or a sheet's name for all of it. Open ends stay open.
func (b *book) resolve(a1 string) (*sheet, area, error) {
	if ref, ok := parseA1(a1); ok {
		if !ref.named && len(b.sheets) > 0 {
			// A tab may be called "A1" or "2:5"; unquoted, the cell wins.
			return b.sheets[0], ref.area, nil
		}
		if s := b.sheetByTitle(ref.sheet); s != nil {
			return s, ref.area, nil
		}
		return nil, area{}, unparsable(a1)
	}
	if name, ok := unquote(a1); ok {
		if s := b.sheetByTitle(name); s != nil {
			return s, area{0, 0, -1, -1}, nil
		}
	}
	return nil, area{}, unparsable(a1)
}

// sheetByTitle finds a tab by its title. Google doesn't tell capitals apart here.
func (b *book) sheetByTitle(title string) *sheet {
	for _, s := range b.sheets {
		if s.head.Title == title {
			return s
		}
	}
	for _, s := range b.sheets {
		if strings.EqualFold(s.head.Title, title) {
			return s
		}
	}
	return nil
}

// clip closes a's open ends and cuts them to the grid. An area that starts outside is an error.
func (s *sheet) clip(a area) (area, error) {
	rows, cols := s.rowCount(), s.colCount()
	if a.r0 >= rows || a.c0 >= cols {
		return area{}, s.offGrid(a)
	}
	if a.r1 < 0 || a.r1 > rows {
		a.r1 = rows
	}
	if a.c1 < 0 || a.c1 > cols {
		a.c1 = cols
	}
	return a, nil
}
