package tabular

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// book saves what build makes and returns its path.
func book(t testing.TB, build func(f *excelize.File)) string {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	build(f)
	path := filepath.Join(t.TempDir(), "leads.xlsx")
	if err := f.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// crm is a workbook with what people have in theirs.
func crm(t testing.TB) string {
	return book(t, func(f *excelize.File) {
		must(f.NewSheet("Cover"))
		must(f.NewSheet("Leads"))
		must(f.NewSheet("Secret"))
		check(t, f.SetSheetVisible("Secret", false), f.SetCellStr("Secret", "A1", "hidden"))
		check(t, f.DeleteSheet("Sheet1"))
		bold := must(f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}}))
		day := must(f.NewStyle(&excelize.Style{NumFmt: 14}))
		check(t,
			f.SetSheetRow("Leads", "A1", &[]any{"Name", "Email", "Since", "Size", "VIP", "Total"}),
			f.SetCellStyle("Leads", "A1", "F1", bold),
			f.SetSheetRow("Leads", "A2", &[]any{"Ada", nil, nil, 12.5, true}),
			f.SetCellFloat("Leads", "C2", 45000, -1, 64), f.SetCellStyle("Leads", "C2", "C2", day),
			f.SetCellFormula("Leads", "F2", "D2*2"),
			f.SetSheetRow("Leads", "A4", &[]any{"007", "bob@example.com", nil, 3, false}),
			f.SetSheetRow("Leads", "A5", &[]any{"Merged"}), f.MergeCell("Leads", "A5", "B5"),
			f.SetRowVisible("Leads", 4, false),
			f.SetColWidth("Leads", "A", "A", 33),
			f.AddComment("Leads", excelize.Comment{Cell: "A2", Author: "Eve", Text: "met in Ulm"}),
			f.AddDataValidation("Leads", listOf("E2:E9", "TRUE", "FALSE")),
			f.SetConditionalFormat("Leads", "D2:D9", []excelize.ConditionalFormatOptions{{Type: "data_bar", Criteria: "=", MinType: "min", MaxType: "max", BarColor: "#638EC6"}}),
			f.AddChart("Cover", "B2", &excelize.Chart{Type: excelize.Col, Series: []excelize.ChartSeries{{Name: "Leads!$D$1", Values: "Leads!$D$2:$D$4"}}}),
			f.SetDefinedName(&excelize.DefinedName{Name: "sizes", RefersTo: "Leads!$D$2:$D$4"}),
			f.SetPanes("Leads", &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}),
			f.AutoFilter("Leads", "A1:F4", nil),
		)
	})
}

func listOf(cells string, values ...string) *excelize.DataValidation {
	v := excelize.NewDataValidation(true)
	v.Sqref = cells
	if err := v.SetDropList(values); err != nil {
		panic(err)
	}
	return v
}

func TestWorkbookIsRead(t *testing.T) {
	tab := must(Open(context.Background(), crm(t), Options{}))
	defer tab.Close()
	if got := tab.Describe(); got != `XLSX, sheet "Leads" of 2` {
		t.Errorf("Describe = %s", got)
	}
	if got := tab.Sheets(); !reflect.DeepEqual(got, []string{"Cover", "Leads"}) {
		t.Errorf("Sheets = %q", got)
	}
	if got := tab.Header(); !reflect.DeepEqual(got, []string{"Name", "Email", "Since", "Size", "VIP", "Total"}) {
		t.Errorf("Header = %q", got)
	}
	var got [][]any
	check(t, tab.Rows(context.Background(), func(i int, cells []any) error { got = append(got, cells); return nil }))
	want := [][]any{{"Ada", nil, 45000.0, 12.5, true}, nil, {"007", "bob@example.com", nil, 3.0, false}, {"Merged"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Rows = %#v", got)
	}
	if tab.Len() != 4 || tab.Cells(2) != 5*8 {
		t.Errorf("Len %d, Cells %d", tab.Len(), tab.Cells(2))
	}
}

func TestWorkbookIsWritten(t *testing.T) {
	path := crm(t)
	before := must(os.ReadFile(path))
	tab := must(Open(context.Background(), path, Options{Sheet: "leads"}))
	defer tab.Close()
	o := Output{Headings: []string{"Email verdict", "Score", "Checked", "Known"}, Types: []Type{Text, Number, Date, Flag}}
	list := []Edit{
		{Row: 0, Cells: map[int]any{1: "ada@example.com", 5: "over a formula"}, Added: []any{"=1+1", 0.5, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), true}},
		{Row: 2, Added: []any{"+4930123456", nil, 46000.0, false}},
		{Row: 3, Cells: map[int]any{1: "under a merge"}, Added: []any{"x"}},
	}
	out, rep := enrich(t, tab, o, list...)
	if again, _ := enrich(t, tab, o, list...); again != out {
		t.Error("two runs differ")
	}
	if want := (Report{Rows: 4, Edited: 3, Cells: 9, FirstColumn: 6, Kept: 2}); rep != want {
		t.Errorf("Report = %+v, want %+v", rep, want)
	}
	if !bytes.Equal(before, must(os.ReadFile(path))) {
		t.Error("the input changed")
	}
	f := must(excelize.OpenReader(strings.NewReader(out)))
	defer f.Close()
	for cell, want := range map[string]string{
		"A2": "Ada", "B2": "ada@example.com", "D2": "12.5", "G1": "Email verdict", "G2": "=1+1", "H2": "0.5", "I2": "2026-03-01 12:00:00", "J2": "TRUE",
		"G4": "+4930123456", "H4": "", "I4": "2025-12-09", "J4": "FALSE", "A4": "007", "G5": "x", "G3": "",
	} {
		if got := must(f.GetCellValue("Leads", cell)); got != want {
			t.Errorf("%s = %q, want %q", cell, got, want)
		}
	}
	if got := must(f.GetCellType("Leads", "G2")); got != excelize.CellTypeSharedString && got != excelize.CellTypeInlineString {
		t.Errorf("G2 is of type %v, not text", got)
	}
	if got := must(f.GetCellFormula("Leads", "F2")); got != "D2*2" {
		t.Errorf("F2 holds formula %q", got)
	}
	if a, b := must(f.GetCellStyle("Leads", "F1")), must(f.GetCellStyle("Leads", "G1")); a != b || a == 0 {
		t.Errorf("heading styles %d and %d", a, b)
	}
	if must(f.GetRowVisible("Leads", 4)) {
		t.Error("row 4 came out of hiding")
	}
	if got := must(f.GetColWidth("Leads", "A")); got != 33 {
		t.Errorf("width of A is %v", got)
	}
	if got := must(f.GetColWidth("Leads", "I")); got < 19 {
		t.Errorf("width of I is %v", got)
	}
	if m := must(f.GetMergeCells("Leads")); len(m) != 1 {
		t.Errorf("merges: %v", m)
	}
	if c := must(f.GetComments("Leads")); len(c) != 1 || c[0].Cell != "A2" {
		t.Errorf("comments: %v", c)
	}
	if v := must(f.GetDataValidations("Leads")); len(v) != 1 {
		t.Errorf("validations: %v", v)
	}
	if c := must(f.GetConditionalFormats("Leads")); len(c) != 1 {
		t.Errorf("conditional formats: %v", c)
	}
	if p := must(f.GetPanes("Leads")); !p.Freeze || p.YSplit != 1 {
		t.Errorf("panes: %+v", p)
	}
	names := map[string]bool{}
	for _, n := range f.GetDefinedName() {
		names[n.Name] = true
	}
	if !names["sizes"] {
		t.Errorf("defined names: %v", names)
	}
	if old, now := parts(t, before), parts(t, []byte(out)); !reflect.DeepEqual(old, now) {
		t.Errorf("parts were %q and are %q", old, now)
	}
	if got := must(f.GetCellValue("Secret", "A1")); got != "hidden" || must(f.GetSheetVisible("Secret")) {
		t.Errorf("Secret holds %q", got)
	}
}

func TestWorkbookThatIsNone(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	good := must(os.ReadFile(crm(t)))
	f := excelize.NewFile()
	check(t, f.SaveAs(at("empty.xlsx")))
	check(t, f.SetCellStr("Sheet1", "A1", "x"), f.SaveAs(at("locked.xlsx"), excelize.Options{Password: "pw"}))
	check(t,
		os.WriteFile(at("cut.xlsx"), good[:len(good)-200], 0o600),
		os.WriteFile(at("text.xlsx"), []byte("a,b\n1,2\n"), 0o600),
		os.WriteFile(at("old.xlsx"), []byte(ole+strings.Repeat("\x00", 600)), 0o600),
		os.WriteFile(at("book.csv"), good, 0o600),
		os.WriteFile(at("book"), good, 0o600),
		os.WriteFile(at("bomb.xlsx"), zipped(map[string]int{"xl/worksheets/sheet1.xml": maxSheetPart + 1}, "xl/workbook.xml", "<workbook/>"), 0o600),
		os.WriteFile(at("calc.xlsx"), zipped(nil, "mimetype", "application/vnd.oasis.opendocument.spreadsheet"), 0o600),
		os.WriteFile(at("letter.xlsx"), zipped(nil, "word/document.xml", "<w/>"), 0o600),
		os.WriteFile(at("hollow.xlsx"), zipped(nil, "xl/workbook.xml", "<workbook/>"), 0o600),
		os.WriteFile(at("broken.xlsx"), replacePart(t, good, "xl/worksheets/", "</row>", "</rwo>"), 0o600),
	)
	for _, c := range []struct{ name, want string }{
		{"empty.xlsx", "empty.xlsx is empty."},
		{"locked.xlsx", "password"},
		{"cut.xlsx", "damaged"},
		{"text.xlsx", "not an Excel workbook"},
		{"old.xlsx", "older Excel file"},
		{"book.csv", "Rename it so that it ends in .xlsx"},
		{"bomb.xlsx", "unpacks to more than"},
		{"calc.xlsx", "OpenDocument"},
		{"letter.xlsx", "Word document"},
		{"hollow.xlsx", ""},
		{"broken.xlsx", "damaged"},
	} {
		tab, err := Open(context.Background(), at(c.name), Options{TempDir: dir})
		if err == nil {
			tab.Close()
		}
		wantProblem(t, c.name, err, c.want)
	}
	if tab, err := Open(context.Background(), at("book"), Options{}); err != nil || tab.Kind() != XLSX {
		t.Errorf("a workbook without an extension: %v", err)
	}
	_, err := Open(context.Background(), crm(t), Options{Sheet: "Deals"})
	wantProblem(t, "no such sheet", err, `has no sheet "Deals". It has: Cover, Leads.`)
	_, err = Open(context.Background(), crm(t), Options{Sheet: "Leads", HeaderRow: 99})
	wantProblem(t, "no such row", err, "row 99")
}

// wantProblem checks for a one-line *Error with some words in it.
func wantProblem(t *testing.T, name string, err error, words string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%s: %v is no *Error", name, err)
		return
	}
	if !strings.Contains(e.Message, words) || strings.ContainsAny(e.Message, "\n\r") || !strings.HasSuffix(e.Message, ".") {
		t.Errorf("%s: message %q, want one line with %q", name, e.Message, words)
	}
}

// zipped makes an archive with one stored part of text, and parts that claim to unpack to some size.
func zipped(claims map[string]int, name, text string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w := must(z.CreateHeader(&zip.FileHeader{Name: name})) // stored as it is
	must(w.Write([]byte(text)))
	for name, n := range claims {
		w := must(z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, CompressedSize64: 4, UncompressedSize64: uint64(n)}))
		must(w.Write([]byte("bomb")))
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// parts names the parts of an archive that a person would miss: sheets, charts, comments. The library adds shared strings.
func parts(t *testing.T, archive []byte) []string {
	var names []string
	for _, part := range must(zip.NewReader(bytes.NewReader(archive), int64(len(archive)))).File {
		if part.Name != "xl/sharedStrings.xml" {
			names = append(names, part.Name)
		}
	}
	sort.Strings(names)
	return names
}

// replacePart replaces text in the parts under a folder of an archive.
func replacePart(t *testing.T, archive []byte, under, old, with string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, part := range must(zip.NewReader(bytes.NewReader(archive), int64(len(archive)))).File {
		r := must(part.Open())
		var text bytes.Buffer
		must(text.ReadFrom(r))
		s := text.String()
		if strings.HasPrefix(part.Name, under) {
			s = strings.Replace(s, old, with, 1)
		}
		must(must(z.Create(part.Name)).Write([]byte(s)))
	}
	check(t, z.Close())
	return b.Bytes()
}

func BenchmarkWorkbook(b *testing.B) {
	path := book(b, func(f *excelize.File) {
		s := must(f.NewStreamWriter("Sheet1"))
		for r := range 10_001 {
			row := make([]any, 12)
			for c := range row {
				row[c] = "value of a cell"
				if c%4 == 3 {
					row[c] = r
				}
			}
			check(b, s.SetRow(must(excelize.CoordinatesToCellName(1, r+1)), row))
		}
		check(b, s.Flush())
	})
	for b.Loop() {
		tab := must(Open(context.Background(), path, Options{}))
		i := -1
		_, err := Write(context.Background(), tab, &bytes.Buffer{}, Output{Headings: make([]string, 8)}, func() (Edit, bool, error) {
			i++
			return Edit{Row: i, Added: []any{"a", "b", "c", 1.5, "e", "f", "g", "h"}}, i < 10_000, nil
		})
		check(b, err)
		tab.Close()
	}
}
