package tabular

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestDialects(t *testing.T) {
	wide := func(e encoding, s string) string { b, _ := e.encode(nil, s); return string(b) }
	for _, c := range []struct{ name, file, in, describe, header, row0 string }{
		{"comma", "a.csv", "Name,Email\nAda,a@x.com\n", "CSV, comma, UTF-8, LF", "Name|Email", "Ada|a@x.com"},
		{"semicolon with decimal commas", "a.csv", "Name;Preis\r\nA;1,5\r\nB;2,5\r\n", "CSV, semicolon, UTF-8, CRLF", "Name|Preis", "A|1,5"},
		{"commas in one heading", "a.csv", "Name;Size, in people;City\nA;1;Ulm\nB;2;Bonn\n", "CSV, semicolon, UTF-8, LF", "Name|Size, in people|City", "A|1|Ulm"},
		{"commas quoted", "a.csv", "Name;City\n\"Acme, Inc.\";\"Bonn, NRW\"\nB;C\n", "CSV, semicolon, UTF-8, LF", "Name|City", "Acme, Inc.|Bonn, NRW"},
		{"tab in a csv", "a.csv", "Name\tCity\nA, B\tUlm\n", "TSV, UTF-8, LF", "Name|City", "A, B|Ulm"},
		{"tsv with commas", "a.tsv", "Name\tCity\nA,B,C\tUlm,X\n", "TSV, UTF-8, LF", "Name|City", "A,B,C|Ulm,X"},
		{"tsv that is a csv", "a.tsv", "Name,City\nA,Ulm\n", "CSV, comma, UTF-8, LF", "Name|City", "A|Ulm"},
		{"pipe", "a.txt", "Name|City\nA|Ulm\n", "CSV, pipe, UTF-8, LF", "Name|City", "A|Ulm"},
		{"single column", "a.csv", "Website\nacme.com\n", "CSV, comma, UTF-8, LF", "Website", "acme.com"},
		{"single column of sentences", "a.csv", "Notes\nHello; how are you\nFine\nWell\nYes\nNo\n", "CSV, comma, UTF-8, LF", "Notes", "Hello; how are you"},
		{"single column of a tsv", "a.tsv", "Website\nacme.com\n", "TSV, UTF-8, LF", "Website", "acme.com"},
		{"title above", "a.csv", "\n\nName;City\nA;Ulm\n", "CSV, semicolon, UTF-8, LF", "Name|City", "A|Ulm"},
		{"sep line wins", "a.csv", "sep=|\r\nName|A,B\r\nX|1,2\r\n", "CSV, pipe, UTF-8, CRLF", "Name|A,B", "X|1,2"},
		{"bom", "a.csv", "\xef\xbb\xbfName,City\nJürgen,Ulm", "CSV, comma, UTF-8 with BOM, LF", "Name|City", "Jürgen|Ulm"},
		{"bom before sep line", "a.csv", "\xef\xbb\xbfsep=;\nName;City\nJürgen;Ulm", "CSV, semicolon, UTF-8 with BOM, LF", "Name|City", "Jürgen|Ulm"},
		{"windows-1252", "a.csv", "Name;City\nJ\xfcrgen;K\xf6ln \x80\x81\n", "CSV, semicolon, Windows-1252, LF", "Name|City", "Jürgen|Köln €\u0081"},
		{"damaged utf-8", "a.csv", "Name,City\nJürgen,Köln Straße\nM\xfcller,X\n", "CSV, comma, UTF-8, LF, 1 row is not valid UTF-8", "Name|City", "Jürgen|Köln Straße"},
		{"utf-16 le with bom", "a.csv", "\xff\xfe" + wide(utf16LE, "Name\tCity\r\nJürgen\tUlm\r\n"), "TSV, UTF-16 LE with BOM, CRLF", "Name|City", "Jürgen|Ulm"},
		{"utf-16 be with bom", "a.csv", "\xfe\xff" + wide(utf16BE, "Name,City\n\"漢,\"\"x\",Ulm\n"), "CSV, comma, UTF-16 BE with BOM, LF", "Name|City", "漢,\"x|Ulm"},
		{"utf-16 le without", "a.csv", wide(utf16LE, "Name,City\nJürgen,Ulm\n"), "CSV, comma, UTF-16 LE, LF", "Name|City", "Jürgen|Ulm"},
		{"utf-16 be without", "a.csv", wide(utf16BE, "Name,City\nJürgen,Ulm\n"), "CSV, comma, UTF-16 BE, LF", "Name|City", "Jürgen|Ulm"},
		{"mixed endings", "a.csv", "Name,City\r\nA,B\nC,D\r", "CSV, comma, UTF-8, mixed line endings", "Name|City", "A|B"},
		{"long rows", "a.csv", "Name,City\nA,B,C\n", "CSV, comma, UTF-8, LF, 1 row is longer than the headings", "Name|City|", "A|B|C"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab := open(t, c.file, c.in, Options{})
			if got := tab.Describe(); got != c.describe {
				t.Errorf("Describe = %q, want %q", got, c.describe)
			}
			if got := strings.Join(tab.Header(), "|"); got != c.header {
				t.Errorf("Header = %q, want %q", got, c.header)
			}
			if got := rows(t, tab); got[0] != c.row0 {
				t.Errorf("row 0 = %q, want %q", got[0], c.row0)
			}
		})
	}
	if got := rows(t, open(t, "a.csv", "Name,City\nJürgen,Köln Straße\nM\xfcller,X\n", Options{}))[1]; got != "Müller|X" {
		t.Errorf("a damaged field is read as %q", got)
	}
}

func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 9<<20)
	for _, c := range []struct{ name, file, in, want string }{
		{"empty", "leads.csv", "", "leads.csv is empty. Put a heading row and at least one row in it."},
		{"bom only", "leads.csv", "\xef\xbb\xbf", "leads.csv is empty."},
		{"blank lines only", "leads.csv", "\n\r\n  \n,,\n", "leads.csv is empty."},
		{"sep line only", "leads.csv", "sep=;\n", "leads.csv is empty."},
		{"png", "leads.csv", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is a picture"},
		{"pdf", "leads.csv", "%PDF-1.7\n1 0 obj\n", "is a PDF"},
		{"docx", "leads.csv", string(zipped(nil, "word/document.xml", "<w/>")), "is a Word document"},
		{"zip", "leads.csv", string(zipped(nil, "leads.csv", "a,b")), "is a zip archive"},
		{"gzip", "leads.csv", "\x1f\x8b\x08\x00", "is compressed"},
		{"xls", "leads.xls", ole + strings.Repeat("\x00", 100), "older Excel file"},
		{"html as xls", "leads.xls", "<html><table>", "is a web page"},
		{"binary", "leads.csv", strings.Repeat("\x00\x01\x02\x03abc", 200), "is not a table of text"},
		{"utf-32 with bom", "leads.csv", "\xff\xfe\x00\x00a\x00\x00\x00", "UTF-32"},
		{"utf-32 without", "leads.csv", "a\x00\x00\x00,\x00\x00\x00b\x00\x00\x00\n\x00\x00\x00", "UTF-32"},
		{"open quote", "leads.csv", "a,b\n1,\"2\n2\"\n3,\"4\n5,6\n", `Line 4 of leads.csv opens a quote (") that never closes.`},
		{"open quote and a large rest", "leads.csv", "a,b\n1,2\n3,\"4\n" + strings.Repeat("5,6\n", 3<<20), "Line 3 of leads.csv opens a quote"},
		{"open quote in utf-16", "leads.csv", "\xff\xfea\x00\n\x00\"\x00b\x00", "Line 2 of leads.csv opens a quote"},
		{"open quote after a sep line", "leads.csv", "sep=;\na;b\n\"1;2\n", "Line 3 of leads.csv opens a quote"},
		{"long line", "leads.csv", "a,b\n" + long, "Line 2 of leads.csv is longer than 8 MB."},
		{"long line of quoted fields", "leads.csv", "a,b\n" + strings.Repeat(`"xxxxxxxxxxxxxxx",`, 1<<20), "Line 2 of leads.csv is longer than 8 MB."},
		{"too many columns", "leads.csv", strings.Repeat("a,", MaxColumns) + "a\n", "has 18279 columns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, c.file)
			check(t, os.WriteFile(path, []byte(c.in), 0o600))
			_, err := Open(context.Background(), path, Options{})
			wantProblem(t, c.name, err, c.want)
		})
	}
	_, err := Open(context.Background(), dir, Options{})
	wantProblem(t, "folder", err, "is a folder")
	_, err = Open(context.Background(), filepath.Join(dir, "none.csv"), Options{})
	wantProblem(t, "missing", err, "There is no file")
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v does not unwrap to ErrNotExist", err)
	}
	_, err = Open(context.Background(), "-", Options{})
	wantProblem(t, "no stdin", err, "standard input")
	_, err = Open(context.Background(), put(t, "a.csv", "a\n1\n"), Options{HeaderRow: 9})
	wantProblem(t, "header row", err, "a.csv has 2 rows, so row 9 can't hold the headings.")
	_, err = Open(context.Background(), put(t, "a.csv", "a\n1\n"), Options{HeaderRow: -1})
	wantProblem(t, "negative header row", err, "Rows count from 1.")
	if os.Geteuid() != 0 && runtime.GOOS != "windows" {
		path := put(t, "a.csv", "a\n")
		check(t, os.Chmod(path, 0))
		_, err = Open(context.Background(), path, Options{})
		wantProblem(t, "no permission", err, "permissions")
	}
}

func TestSurvey(t *testing.T) {
	big := strings.Repeat("ä", MaxCellChars)
	tab := open(t, "a.csv", "a,b,c\n1,2,3\n\n1\n1,2,3,4\n"+big+","+big+"ä,\"x\"\n,,\n\"\",\n", Options{})
	want := Survey{Blank: 3, Short: 1, Long: 1, LongCells: []CellRef{{Row: 4, Column: 1}}}
	if got := tab.Survey(); !reflect.DeepEqual(got, want) {
		t.Errorf("Survey = %+v, want %+v", got, want)
	}
	if tab.Len() != 7 || tab.Width() != 4 || tab.Cells(1) != 8*5 {
		t.Errorf("Len %d, Width %d, Cells %d", tab.Len(), tab.Width(), tab.Cells(1))
	}
	if Overlong(big) || !Overlong(big+"ä") || !Overlong(strings.Repeat("😀", MaxCellChars/2)+"x") || Overlong(1.0) {
		t.Error("Overlong counts wrong")
	}
	wide := open(t, "a.csv", strings.Repeat("h,", 299)+"h\n"+strings.Repeat("1,", 299)+"1\n", Options{})
	if len(wide.Header()) != 300 || wide.Width() != 300 {
		t.Errorf("300 columns came as %d", wide.Width())
	}
}

func TestHeaderRow(t *testing.T) {
	in := "Export of today\n\na,b\n1,2\n"
	tab := open(t, "a.csv", in, Options{HeaderRow: 3})
	if tab.HeaderRow() != 2 || tab.Len() != 1 {
		t.Errorf("HeaderRow %d, Len %d", tab.HeaderRow(), tab.Len())
	}
	got, _ := enrich(t, tab, Output{Headings: []string{"New"}}, Edit{Row: 0, Added: []any{"x"}})
	if want := "Export of today\n\na,b,New\n1,2,x\n"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestStandardInputIsSpooled(t *testing.T) {
	dir := t.TempDir()
	tab, err := Open(context.Background(), "-", Options{Stdin: strings.NewReader("a,b\n1,2\n"), TempDir: dir})
	check(t, err)
	files, _ := os.ReadDir(dir)
	if len(files) != 1 {
		t.Fatalf("%d files in the temporary folder", len(files))
	}
	info, err := files[0].Info()
	check(t, err)
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the copy has mode %v", info.Mode())
	}
	if got := rows(t, tab); !reflect.DeepEqual(got, []string{"1|2"}) {
		t.Errorf("rows %q", got)
	}
	check(t, tab.Close(), tab.Close())
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Error("the copy was left behind")
	}
	_, err = Open(context.Background(), "-", Options{Stdin: strings.NewReader(""), TempDir: dir})
	wantProblem(t, "empty stdin", err, "standard input is empty.")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = Open(ctx, "-", Options{Stdin: strings.NewReader("a\n"), TempDir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Error("a failed copy was left behind")
	}
}

func TestChangedInput(t *testing.T) {
	path := put(t, "a.csv", "a,b\n1,2\n")
	tab, err := Open(context.Background(), path, Options{})
	check(t, err, os.WriteFile(path, []byte("a,b\n1,3\n"), 0o600))
	_, err = Write(context.Background(), tab, io.Discard, Output{}, nil)
	wantProblem(t, "changed before writing", err, "a.csv changed")
	wantProblem(t, "changed before reading", tab.Rows(context.Background(), func(int, []any) error { return nil }), "a.csv changed")
}

func TestWriteStops(t *testing.T) {
	tab := open(t, "a.csv", "a\n1\n2\n", Options{})
	broken := errors.New("broken")
	for name, next := range map[string]func() (Edit, bool, error){
		"at once":      func() (Edit, bool, error) { return Edit{}, false, broken },
		"out of order": from([]Edit{{Row: 1}, {Row: 0}}),
	} {
		if _, err := Write(context.Background(), tab, io.Discard, Output{}, next); err == nil || name == "at once" && err != broken {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Write(context.Background(), tab, failing{broken}, Output{Headings: []string{"x"}}, nil); err != broken {
		t.Errorf("a failing output: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Write(ctx, tab, io.Discard, Output{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	_, err := Write(context.Background(), tab, io.Discard, Output{Headings: make([]string, MaxColumns)}, nil)
	wantProblem(t, "too many columns", err, "would have 18279 columns")
	if err := tab.Rows(context.Background(), func(int, []any) error { return broken }); err != broken {
		t.Errorf("Rows returns %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestValues(t *testing.T) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		v    any
		t    Type
		want string
	}{
		{nil, Text, ""}, {"x", Date, "x"}, {1.5, Number, "1.5"}, {1e6, Number, "1000000"}, {1e21, Number, "1e+21"}, {0.0, Number, "0"}, {-3, Number, "-3"},
		{true, Flag, "TRUE"}, {false, Flag, "FALSE"}, {day, Date, "2026-03-01"}, {day.Add(90 * time.Minute), Date, "2026-03-01 01:30:00"},
		{dateSerial(day), Date, "2026-03-01"}, {46000.5, Date, "2025-12-09 12:00:00"}, {1e9, Date, "1000000000"}, {46000.0, Number, "46000"},
	} {
		if got := textOf(c.v, c.t); got != c.want {
			t.Errorf("textOf(%v) = %q, want %q", c.v, got, c.want)
		}
	}
	for in, want := range map[string]string{
		"=1": "'=1", "+49 30": "'+49 30", "+4930123456": "+4930123456", "-5": "-5", "+5,5": "+5,5", "-1e5": "-1e5", "-x": "'-x", "@a": "'@a", "\tx": "'\tx", "\rx": "'\rx",
		"a=b": "a=b", "": "", "-": "'-", "+0123456": "+0123456", "-1-1": "'-1-1", "+49301234567890123": "+49301234567890123", "-2+3": "'-2+3", "-Inf": "'-Inf", " =x": " =x",
	} {
		if got, _ := guard(in); got != want {
			t.Errorf("guard(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestClosestForms(t *testing.T) {
	for in, want := range map[string]string{
		"Łódź": "L\xf3dz", "Dvořák": "Dvor\xe1k", "Șerban": "Serban", "e\u0301": "\xe9", "“€”": "\x93\x80\x94", "a\u200bb": "ab", "x\u0336": "x",
		"№ ½": "No \xbd", "ﬁn": "fin", "漢字": "??", "İ": "I", "−5": "-5", "\u0081": "\x81", "a@ł.pl": "a@?.pl", "https://ł.pl": "https://?.pl", "\u202f": " ",
	} {
		if got, _ := windows1252.encode(nil, in); string(got) != want {
			t.Errorf("%q is written as %q, want %q", in, got, want)
		}
	}
	_, rep := enrich(t, open(t, "a.csv", "Stra\xdfe\n1\n2\n", Options{}), Output{Headings: []string{"n"}}, Edit{Row: 0, Added: []any{"Łódź"}}, Edit{Row: 1, Added: []any{"Köln"}})
	if rep.Approximated != 1 || rep.Cells != 2 || rep.Edited != 2 {
		t.Errorf("Report = %+v", rep)
	}
}
