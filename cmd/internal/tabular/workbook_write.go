package tabular

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// maxCellText is the most UTF-16 code units Excel takes in a cell; a longer text makes it call the file damaged.
const maxCellText = 32_767

// bookWriter puts values into one sheet of an opened workbook.
type bookWriter struct {
	f      *excelize.File
	w      *workbook
	first  int // zero-based column of the first new heading
	o      Output
	merged map[int][][2]int // sheet row → column ranges covered by merges, the cell that shows the value left out
	dates  [2]int           // styles of dates without and with a time of day
	widest []int            // characters of the longest value of each new column
	report Report
}

func (w *workbook) write(ctx context.Context, out io.Writer, o Output, next func() (Edit, bool, error)) (Report, error) {
	todo, err := newEdits(next)
	if err != nil {
		return Report{}, err
	}
	f, err := w.load()
	if err != nil {
		return Report{}, err
	}
	defer f.Close()
	b := &bookWriter{f: f, w: w, o: o, first: max(o.After+1, w.width), widest: make([]int, len(o.Headings))}
	b.report = Report{Rows: len(w.rows), FirstColumn: b.first}
	if b.first+len(o.Headings) > excelize.MaxColumns {
		return b.report, problem(nil, "%s would have %d columns; a workbook holds %d. Ask for fewer, or use CSV.", w.src.name, b.first+len(o.Headings), excelize.MaxColumns)
	}
	if err := b.prepare(); err != nil {
		return b.report, err
	}
	if err := b.headings(); err != nil {
		return b.report, err
	}
	for row := range w.rows {
		if row%256 == 0 && ctx.Err() != nil {
			return b.report, ctx.Err()
		}
		edit, found, err := todo.at(row)
		if err != nil {
			return b.report, err
		}
		if found {
			if err := b.row(row, edit); err != nil {
				return b.report, err
			}
		}
	}
	if err := b.widths(); err != nil {
		return b.report, err
	}
	buffered := bufio.NewWriterSize(out, bufferSize)
	if err := f.Write(buffered); err != nil {
		return b.report, err
	}
	return b.report, buffered.Flush()
}

// prepare learns the merges and makes the styles of dates.
func (b *bookWriter) prepare() error {
	merges, err := b.f.GetMergeCells(b.w.sheet, true)
	if err != nil {
		return fmt.Errorf("tabular: merged cells: %w", err)
	}
	b.merged = map[int][][2]int{}
	for _, m := range merges {
		c1, r1, err1 := excelize.CellNameToCoordinates(m.GetStartAxis())
		c2, r2, err2 := excelize.CellNameToCoordinates(m.GetEndAxis())
		if err1 != nil || err2 != nil {
			continue
		}
		for r := r1; r <= min(r2, b.w.headerRow+1+len(b.w.rows)); r++ {
			from := c1
			if r == r1 {
				from++
			}
			b.merged[r] = append(b.merged[r], [2]int{from, c2})
		}
	}
	for i, format := range []string{"yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"} {
		if b.dates[i], err = b.f.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
			return fmt.Errorf("tabular: date style: %w", err)
		}
	}
	return nil
}

// headings writes the new headings, formatted like the heading left of them.
func (b *bookWriter) headings() error {
	row := b.w.headerRow + 1
	style := 0
	if b.w.width > 0 {
		if left, err := excelize.CoordinatesToCellName(b.w.width, row); err == nil {
			style, _ = b.f.GetCellStyle(b.w.sheet, left)
		}
	}
	for i, h := range b.o.Headings {
		name, err := excelize.CoordinatesToCellName(b.first+i+1, row)
		if err != nil {
			return err
		}
		if err := b.f.SetCellStr(b.w.sheet, name, clean(h)); err != nil {
			return fmt.Errorf("tabular: heading: %w", err)
		}
		if style != 0 {
			if err := b.f.SetCellStyle(b.w.sheet, name, name, style); err != nil {
				return fmt.Errorf("tabular: heading: %w", err)
			}
		}
		b.widest[i] = utf8.RuneCountInString(h)
	}
	return nil
}

// row writes one row's values.
func (b *bookWriter) row(row int, edit Edit) error {
	wrote := 0
	for c := range b.first {
		if v := edit.Cells[c]; !isBlank(v) {
			ok, err := b.cell(row, c, v, Text, false)
			if err != nil {
				return err
			}
			if ok {
				wrote++
			}
		}
	}
	for i := range min(len(edit.Added), len(b.o.Headings)) {
		v := edit.Added[i]
		if isBlank(v) {
			continue
		}
		t := Text
		if i < len(b.o.Types) {
			t = b.o.Types[i]
		}
		ok, err := b.cell(row, b.first+i, v, t, true)
		if err != nil {
			return err
		}
		if ok {
			wrote++
			b.widest[i] = max(b.widest[i], utf8.RuneCountInString(textOf(v, t)))
		}
	}
	if wrote > 0 {
		b.report.Edited++
		b.report.Cells += wrote
	}
	return nil
}

// cell writes one value, unless what stands there must stay.
func (b *bookWriter) cell(row, col int, v any, t Type, added bool) (bool, error) {
	r := b.w.headerRow + 2 + row
	name, err := excelize.CoordinatesToCellName(col+1, r)
	if err != nil {
		return false, err
	}
	for _, m := range b.merged[r] {
		if col+1 >= m[0] && col+1 <= m[1] {
			b.report.Kept++
			return false, nil
		}
	}
	if formula, err := b.f.GetCellFormula(b.w.sheet, name); err != nil || formula != "" {
		b.report.Kept++
		return false, nil
	}
	sheet := b.w.sheet
	switch v := v.(type) {
	case float64:
		if err = b.f.SetCellFloat(sheet, name, v, -1, 64); err == nil && t == Date {
			err = b.date(name, v, added)
		}
	case time.Time:
		serial := dateSerial(v)
		if err = b.f.SetCellFloat(sheet, name, serial, -1, 64); err == nil {
			err = b.date(name, serial, added)
		}
	case bool:
		err = b.f.SetCellBool(sheet, name, v)
	case int:
		err = b.f.SetCellInt(sheet, name, int64(v))
	case int64:
		err = b.f.SetCellInt(sheet, name, v)
	default:
		s := clean(textOf(v, t))
		if utf16Len(s) > maxCellText {
			b.report.Approximated++
			s = s[:cut(s, maxCellText)]
		}
		err = b.f.SetCellStr(sheet, name, s)
	}
	if err != nil {
		return false, fmt.Errorf("tabular: cell %s: %w", name, err)
	}
	return true, nil
}

// date formats a serial number as a date; a cell that was there before keeps its own format.
func (b *bookWriter) date(name string, serial float64, added bool) error {
	style := b.dates[0]
	if serial != float64(int64(serial)) {
		style = b.dates[1]
	}
	if !added {
		if has, err := b.f.GetCellStyle(b.w.sheet, name); err == nil && has != 0 {
			return nil
		}
	}
	return b.f.SetCellStyle(b.w.sheet, name, name, style)
}

// cut is the number of bytes of s that make at most n UTF-16 code units.
func cut(s string, n int) int {
	for i, r := range s {
		if n--; r > 0xffff {
			n--
		}
		if n < 0 {
			return i
		}
	}
	return len(s)
}

// widths makes the new columns wide enough to read, where nobody chose a width, and shows them.
func (b *bookWriter) widths() error {
	standard, err := b.f.GetColWidth(b.w.sheet, "XFD")
	if err != nil {
		return fmt.Errorf("tabular: column width: %w", err)
	}
	for i, n := range b.widest {
		col, err := excelize.ColumnNumberToName(b.first + i + 1)
		if err != nil {
			return err
		}
		if visible, err := b.f.GetColVisible(b.w.sheet, col); err == nil && !visible {
			if err := b.f.SetColVisible(b.w.sheet, col, true); err != nil {
				return fmt.Errorf("tabular: column width: %w", err)
			}
		} else if width, err := b.f.GetColWidth(b.w.sheet, col); err == nil && width != standard {
			continue
		}
		if err := b.f.SetColWidth(b.w.sheet, col, col, float64(min(max(n+2, 10), 48))); err != nil {
			return fmt.Errorf("tabular: column width: %w", err)
		}
	}
	return nil
}
