package tabular

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// Limits of what a workbook may be: it is held in memory, several times its unpacked size.
const (
	maxWorkbook      = 50 << 20  // bytes of the file
	maxWorkbookParts = 600 << 20 // bytes of all its parts, unpacked
	maxSheetPart     = 256 << 20 // bytes of one part, unpacked
)

// workbook is an XLSX file, of which one sheet is a table. The sheet's values are held in memory.
type workbook struct {
	src       *source
	tempDir   string
	sheets    []string // visible tabs
	sheet     string
	header    []string
	headerRow int
	width     int
	rows      [][]any // after the header
	survey    Survey
	sum       string
}

// openWorkbook reads a sheet of a workbook.
func openWorkbook(ctx context.Context, src *source, o Options) (*workbook, error) {
	w := &workbook{src: src, tempDir: o.TempDir}
	f, err := w.load()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for _, name := range f.GetSheetList() {
		if visible, err := f.GetSheetVisible(name); err == nil && visible {
			w.sheets = append(w.sheets, name)
		}
	}
	if err := w.choose(f, o.Sheet); err != nil {
		return nil, err
	}
	return w, w.read(ctx, f, o.HeaderRow)
}

// load opens the file with the library, after looking at what the library would choke on.
func (w *workbook) load() (*excelize.File, error) {
	if w.src.size > maxWorkbook {
		return nil, problem(nil, "%s has %d MB; a workbook may have %d. Save the sheet as CSV and use that.", w.src.name, w.src.size>>20, maxWorkbook>>20)
	}
	raw, err := os.ReadFile(w.src.path)
	if err != nil {
		return nil, w.src.readProblem(err)
	}
	sum := sha256.Sum256(raw)
	if s := hex.EncodeToString(sum[:]); w.sum == "" {
		w.sum = s
	} else if w.sum != s {
		return nil, w.src.changedProblem()
	}
	if bytes.HasPrefix(raw, []byte(ole)) {
		if bytes.Contains(raw, []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00")) {
			return nil, problem(nil, "%s is protected with a password. Save it without one and use that.", w.src.name)
		}
		return nil, problem(nil, "%s is an older Excel file (.xls). Save it as XLSX or CSV and use that.", w.src.name)
	}
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, w.damaged(err)
	}
	var total uint64
	book := false
	for _, part := range archive.File {
		total += part.UncompressedSize64
		if part.UncompressedSize64 > maxSheetPart || total > maxWorkbookParts {
			return nil, problem(nil, "%s unpacks to more than %d MB. Save the sheet as CSV and use that.", w.src.name, maxSheetPart>>20)
		}
		book = book || strings.HasPrefix(strings.ToLower(strings.ReplaceAll(part.Name, `\`, "/")), "xl/")
	}
	if !book {
		if what := foreign(raw[:min(len(raw), sampleSize)]); what != "" {
			return nil, problem(nil, "%s %s", w.src.name, what)
		}
		return nil, w.damaged(nil)
	}
	f, err := excelize.OpenReader(bytes.NewReader(raw), excelize.Options{
		RawCellValue: true, TmpDir: w.tempDir, UnzipSizeLimit: maxWorkbookParts, UnzipXMLSizeLimit: maxSheetPart,
	})
	if err != nil {
		return nil, w.damaged(err)
	}
	return f, nil
}

func (w *workbook) damaged(err error) error {
	return problem(err, "%s is damaged or not an Excel workbook. Open it in a spreadsheet program and save it again as XLSX.", w.src.name)
}

// choose finds the tab asked for, or the first visible one that holds anything.
func (w *workbook) choose(f *excelize.File, wanted string) error {
	if wanted != "" {
		for _, name := range f.GetSheetList() { // a hidden one may be named
			if strings.EqualFold(strings.TrimSpace(name), strings.TrimSpace(wanted)) {
				w.sheet = name
				return nil
			}
		}
		return problem(nil, "%s has no sheet %q. It has: %s.", w.src.name, wanted, strings.Join(w.sheets, ", "))
	}
	for _, name := range w.sheets {
		rows, err := f.Rows(name)
		if err != nil { // a sheet that is only a chart
			continue
		}
		for rows.Next() {
			if cells, err := rows.Columns(); err == nil && content(cells) > 0 {
				w.sheet = name
				break
			}
		}
		rows.Close()
		if w.sheet != "" {
			return nil
		}
	}
	return w.src.emptyProblem()
}

// content counts cells up to the last that is not empty.
func content(cells []string) int {
	for i := len(cells) - 1; i >= 0; i-- {
		if cells[i] != "" {
			return i + 1
		}
	}
	return 0
}

// read fills in the header and the rows.
func (w *workbook) read(ctx context.Context, f *excelize.File, headerRow int) error {
	iter, err := f.Rows(w.sheet)
	if err != nil {
		return problem(err, "The sheet %q of %s holds no cells. Choose another with --sheet.", w.sheet, w.src.name)
	}
	defer iter.Close()
	// The iterator takes a broken sheet for a shorter one; loading the sheet, which the types need anyway, does not.
	if _, err := f.GetCellType(w.sheet, "A1"); err != nil {
		return w.damaged(err)
	}
	headerCells, found := 0, false
	n := 0
	for ; iter.Next(); n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		raw, err := iter.Columns()
		if err != nil {
			return w.damaged(err)
		}
		used := content(raw)
		raw = raw[:used]
		if !found {
			if headerRow == n+1 || headerRow == 0 && strings.TrimSpace(strings.Join(raw, "")) != "" {
				found, headerCells = true, used
				w.headerRow, w.width = n, used
				for c := range used {
					w.header = append(w.header, headingText(f, w.sheet, c+1, n+1))
				}
				w.longCells(raw, -1)
			}
			continue
		}
		cells := make([]any, used)
		for c, s := range raw {
			if s != "" {
				if cells[c], err = typed(f, w.sheet, c+1, n+1, s); err != nil {
					return w.damaged(err)
				}
			}
		}
		if used > headerCells {
			w.survey.Long++
		}
		w.longCells(raw, len(w.rows))
		w.width = max(w.width, used)
		w.rows = append(w.rows, cells)
	}
	if err := iter.Error(); err != nil {
		return w.damaged(err)
	}
	if !found {
		if headerRow > 0 && n > 0 {
			return problem(nil, "The sheet %q of %s has %d rows, so row %d can't hold the headings.", w.sheet, w.src.name, n, headerRow)
		}
		return w.src.emptyProblem()
	}
	for len(w.rows) > 0 && len(w.rows[len(w.rows)-1]) == 0 { // formatted, but nothing in them
		w.rows = w.rows[:len(w.rows)-1]
	}
	for _, cells := range w.rows {
		if len(cells) == 0 {
			w.survey.Blank++
		}
	}
	for len(w.header) < w.width {
		w.header = append(w.header, "")
	}
	return nil
}

// headingText is a heading as it is shown.
func headingText(f *excelize.File, sheet string, col, row int) string {
	name, err := excelize.CoordinatesToCellName(col, row)
	if err != nil {
		return ""
	}
	s, err := f.GetCellValue(sheet, name, excelize.Options{RawCellValue: false})
	if err != nil {
		return ""
	}
	return s
}

// typed turns a cell's stored text into its value.
func typed(f *excelize.File, sheet string, col, row int, stored string) (any, error) {
	if c := stored[0]; (c < '0' || c > '9') && c != '-' && c != '.' && !strings.EqualFold(stored, "true") && !strings.EqualFold(stored, "false") {
		return stored, nil // text whatever its type says; asking for that is slow
	}
	name, err := excelize.CoordinatesToCellName(col, row)
	if err != nil {
		return nil, err
	}
	kind, err := f.GetCellType(sheet, name)
	if err != nil {
		return nil, err
	}
	switch kind {
	case excelize.CellTypeUnset, excelize.CellTypeNumber:
		if v, err := strconv.ParseFloat(stored, 64); err == nil && !math.IsInf(v, 0) && !math.IsNaN(v) {
			return v, nil
		}
	case excelize.CellTypeBool:
		return stored == "1" || strings.EqualFold(stored, "true"), nil
	case excelize.CellTypeDate:
		for _, layout := range []string{"2006-01-02T15:04:05.999Z", "2006-01-02T15:04:05.999", "2006-01-02"} {
			if d, err := time.Parse(layout, stored); err == nil {
				return dateSerial(d), nil
			}
		}
	}
	return stored, nil
}

func (w *workbook) longCells(raw []string, row int) {
	for c, s := range raw {
		if len(s) > MaxCellChars && utf16Len(s) > MaxCellChars && len(w.survey.LongCells) < 10_000 {
			w.survey.LongCells = append(w.survey.LongCells, CellRef{Row: row, Column: c})
		}
	}
}

func (w *workbook) Kind() Kind       { return XLSX }
func (w *workbook) Name() string     { return w.src.name }
func (w *workbook) Sheets() []string { return append([]string(nil), w.sheets...) }
func (w *workbook) Sheet() string    { return w.sheet }
func (w *workbook) Header() []string { return append([]string(nil), w.header...) }
func (w *workbook) HeaderRow() int   { return w.headerRow }
func (w *workbook) Width() int       { return w.width }
func (w *workbook) Len() int         { return len(w.rows) }
func (w *workbook) Survey() Survey   { return w.survey }
func (w *workbook) Sum() string      { return w.sum }
func (w *workbook) Close() error     { w.rows = nil; return w.src.close() }

func (w *workbook) Cells(added int) int64 {
	return int64(w.headerRow+1+len(w.rows)) * int64(w.width+added)
}

func (w *workbook) Describe() string {
	s := fmt.Sprintf("XLSX, sheet %q", w.sheet)
	if len(w.sheets) > 1 {
		s += fmt.Sprintf(" of %d", len(w.sheets))
	}
	if w.survey.Long > 0 {
		s += ", " + plural(w.survey.Long, "row is longer than the headings", "rows are longer than the headings")
	}
	return s
}

func (w *workbook) Rows(ctx context.Context, row func(i int, cells []any) error) error {
	for i, cells := range w.rows {
		if i%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := row(i, append([]any(nil), cells...)); err != nil {
			return err
		}
	}
	return nil
}
