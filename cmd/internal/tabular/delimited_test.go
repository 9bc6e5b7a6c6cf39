package tabular

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// open writes content to a file of that name and opens it.
func open(t testing.TB, name, content string, o Options) Table {
	t.Helper()
	tab, err := Open(context.Background(), put(t, name, content), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { tab.Close() })
	return tab
}

func put(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// enrich writes with the given edits and returns the copy.
func enrich(t testing.TB, tab Table, o Output, list ...Edit) (string, Report) {
	t.Helper()
	var out bytes.Buffer
	rep, err := Write(context.Background(), tab, &out, o, from(list))
	if err != nil {
		t.Fatalf("Write: %v", err)
	}
	return out.String(), rep
}

func from(list []Edit) func() (Edit, bool, error) {
	return func() (Edit, bool, error) {
		if len(list) == 0 {
			return Edit{}, false, nil
		}
		e := list[0]
		list = list[1:]
		return e, true, nil
	}
}

// rows reads a table as text, "|" between cells.
func rows(t testing.TB, tab Table) []string {
	t.Helper()
	var all []string
	err := tab.Rows(context.Background(), func(i int, cells []any) error {
		if i != len(all) {
			t.Fatalf("row %d came as number %d", len(all), i)
		}
		var line []string
		for _, c := range cells {
			line = append(line, c.(string))
		}
		all = append(all, strings.Join(line, "|"))
		return nil
	})
	if err != nil {
		t.Fatalf("Rows: %v", err)
	}
	return all
}

func TestSplice(t *testing.T) {
	added := func(row int, v ...any) Edit { return Edit{Row: row, Added: v} }
	one := Output{Headings: []string{"New"}}
	two := Output{Headings: []string{"N1", "N2"}}
	for _, c := range []struct {
		name, in, want string
		o              Output
		edits          []Edit
	}{
		{"plain", "a,b\n1,2\n3,4\n", "a,b,New\n1,2,x\n3,4,\n", one, []Edit{added(0, "x")}},
		{"no final newline", "a,b\n1,2", "a,b,New\n1,2,x", one, []Edit{added(0, "x")}},
		{"crlf", "a,b\r\n1,2\r\n", "a,b,New\r\n1,2,x\r\n", one, []Edit{added(0, "x")}},
		{"cr", "a,b\r1,2\r3,4", "a,b,New\r1,2,x\r3,4,y", one, []Edit{added(0, "x"), added(1, "y")}},
		{"mixed endings", "a,b\r\n1,2\n3,4\r5,6\r\r\n7,8", "a,b,New\r\n1,2,0\n3,4,1\r5,6,2\r\r\n7,8,3", one, []Edit{added(0, 0), added(1, 1), added(2, 2), added(3, 3)}},
		{"bom", "\xef\xbb\xbfa,b\n1,2\n", "\xef\xbb\xbfa,b,New\n1,2,x\n", one, []Edit{added(0, "x")}},
		{"bom and quoted heading", "\xef\xbb\xbf\"a\",b\n1,2\n", "\xef\xbb\xbf\"a\",b,New\n1,2,x\n", one, []Edit{added(0, "x")}},
		{"quoted newline", "a,b\n\"1\n1\",2\n3,4\n", "a,b,New\n\"1\n1\",2,x\n3,4,y\n", one, []Edit{added(0, "x"), added(1, "y")}},
		{"doubled quotes", "a;b\n\"say \"\"hi; there\"\"\";2\n", "a;b;New\n\"say \"\"hi; there\"\"\";2;x\n", one, []Edit{added(0, "x")}},
		{"stray quotes", "a,b\n5\" pipe,O\"Neil \"x\"\n", "a,b,New\n5\" pipe,O\"Neil \"x\",v\n", one, []Edit{added(0, "v")}},
		{"text after a closing quote", "a,b\n\"x\"y,2\n", "a,b,New\n\"x\"y,2,v\n", one, []Edit{added(0, "v")}},
		{"short row written", "a,b,c\n1\n2,3,4\n", "a,b,c,New\n1,,,x\n2,3,4,\n", one, []Edit{added(0, "x")}},
		{"short row untouched", "a,b,c\n1\n2,3,4\n", "a,b,c,New\n1\n2,3,4,\n", one, nil},
		{"blank lines", "a,b\n\n1,2\n\n\n", "a,b,New\n\n1,2,x\n\n\n", one, []Edit{added(1, "x")}},
		{"blank lines before the header", "\n  \na,b\n1,2\n", "\n  \na,b,New\n1,2,x\n", one, []Edit{added(0, "x")}},
		{"long row", "a,b\n1,2,3,4\n5,6\n", "a,b,,,New\n1,2,3,4,x\n5,6,,,y\n", one, []Edit{added(0, "x"), added(1, "y")}},
		{"empty tails", "a,b,,\n1,2,,\n3,4\n", "a,b,N1,N2\n1,2,x,y\n3,4,z,\n", two, []Edit{added(0, "x", "y"), added(1, "z")}},
		{"empty tails of one row", "a,b\n1,2,,\"\",\n3,4\n", "a,b,N1,N2\n1,2,x,\"y\",\n3,4,,\n", two, []Edit{added(0, "x", "y")}},
		{"single column", "Website\nacme.com\n\nfoo.de\n", "Website,New\nacme.com,x\n\nfoo.de,\n", one, []Edit{added(0, "x")}},
		{"header only", "a,b\n", "a,b,New\n", one, nil},
		{"header only, no newline", "a", "a,New", one, nil},
		{"sep line", "sep=;\r\na;b\r\n1,5;2\r\n", "sep=;\r\na;b;New\r\n1,5;2;x\r\n", one, []Edit{added(0, "x")}},
		{"sep line with an odd delimiter", "\"sep=^\"\na^b\n1^2\n", "\"sep=^\"\na^b^New\n1^2^\"x^y\"\n", one, []Edit{added(0, "x^y")}},
		{"duplicate headings", "a,a,\n1,2,3\n", "a,a,,a\n1,2,3,x\n", Output{Headings: []string{"a"}}, []Edit{added(0, "x")}},
		{"nul", "a,b\n1\x00,2\n", "a,b,New\n1\x00,2,x\n", one, []Edit{added(0, "x")}},
		{"quoting of new", "a\n1\n2\n3\n4\n5\n", "a,New\n1,\"x,y\"\n2,\"say \"\"hi\"\"\"\n3,\"l1\nl2\"\n4,\" s\"\n5,x;y\n", one,
			[]Edit{added(0, "x,y"), added(1, `say "hi"`), added(2, "l1\nl2"), added(3, " s"), added(4, "x;y")}},
		{"fill an empty field", "a,b,c\n1,,3\n", "a,b,c\n1,x,3\n", Output{}, []Edit{{Row: 0, Cells: map[int]any{1: "x"}}}},
		{"fill quotes", "a,b,c\n1,\"\",3\n", "a,b,c\n1,\"x\"\"y\",3\n", Output{}, []Edit{{Row: 0, Cells: map[int]any{1: `x"y`}}}},
		{"fill white space", "a,b,c\n1,  ,3\n", "a,b,c\n1,x,3\n", Output{}, []Edit{{Row: 0, Cells: map[int]any{1: "x"}}}},
		{"fill a short row", "a,b,c\n1\n", "a,b,c\n1,,x\n", Output{}, []Edit{{Row: 0, Cells: map[int]any{2: "x"}}}},
		{"fill a blank line", "a,b\n\n", "a,b\n,x\n", Output{}, []Edit{{Row: 0, Cells: map[int]any{1: "x"}}}},
		{"blank values write nothing", "a,b\n1\n", "a,b\n1\n", Output{}, []Edit{{Row: 0, Cells: map[int]any{1: "", 0: nil}}}},
		{"formulas", "a\n1\n2\n3\n4\n5\n6\n", "a,New\n1,'=1+1\n2,+4930123456\n3,-5.5\n4,'-x\n5,'@x\n6,'+49 30\n", one,
			[]Edit{added(0, "=1+1"), added(1, "+4930123456"), added(2, -5.5), added(3, "-x"), added(4, "@x"), added(5, "+49 30")}},
		{"the input's formulas stay", "a,b\n=1+1,-x\n", "a,b,New\n=1+1,-x,x\n", one, []Edit{added(0, "x")}},
		{"latin-1", "Name,b\nM\xfcller,2\n", "Name,b,New\nM\xfcller,2,\xdf\x80l?\n", one, []Edit{added(0, "ß€ł漢")}},
		{"full-width formula in latin-1", "Name,b\nM\xfcller,2\n", "Name,b,New\nM\xfcller,2,'=1\n", one, []Edit{added(0, "＝1")}},
		{"after further right", "a\n1\n", "a,,New\n1,,x\n", Output{Headings: []string{"New"}, After: 1}, []Edit{added(0, "x")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := enrich(t, open(t, "in.csv", c.in, Options{}), c.o, c.edits...)
			if got != c.want {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
		})
	}
}
