package tabular

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawn is a random table and the bytes of a file that holds it.
type drawn struct {
	d       dialect
	ending  string
	lead    string // before the records, decoded
	header  []string
	rows    [][]string
	content []byte
	strict  bool // nothing in it but what RFC 4180 knows
}

// drawTable makes a table in any dialect.
func drawTable(t *rapid.T) drawn {
	w := drawn{strict: true}
	w.d.delim = rapid.SampledFrom([]byte(",;\t|^")).Draw(t, "delimiter")
	w.d.enc = rapid.SampledFrom([]encoding{utf8Plain, windows1252, utf16LE, utf16BE}).Draw(t, "encoding")
	w.ending = rapid.SampledFrom([]string{"\n", "\r\n", "\r", "mixed"}).Draw(t, "ending")
	var b bytes.Buffer
	if w.d.enc != windows1252 && rapid.Bool().Draw(t, "bom") {
		mark, _ := w.d.enc.encode(nil, "\ufeff")
		b.Write(mark)
		w.d.bom, w.d.preamble = len(mark), len(mark)
	}
	letters := []rune(`ab "",;|ä€=+-@'` + "\t\x00")
	if w.d.enc != windows1252 {
		letters = append(letters, 'ł', '漢', '😀')
	}
	quotedOnly := []rune("\n\r")
	end := func() string {
		if w.ending == "mixed" {
			return rapid.SampledFrom([]string{"\n", "\r\n", "\r", "\r\r\n"}).Draw(t, "line ending")
		}
		return w.ending
	}
	cols := rapid.IntRange(1, 6).Draw(t, "columns")
	n := rapid.IntRange(0, 12).Draw(t, "rows")
	for r := range n + 1 {
		var fields []string
		k := cols
		if r > 0 && rapid.IntRange(0, 4).Draw(t, "ragged") == 0 {
			k = rapid.IntRange(0, cols+3).Draw(t, "fields")
			w.strict = false
		}
		var raw []string
		for c := range k {
			text := string(rapid.SliceOfN(rapid.SampledFrom(append(letters, quotedOnly...)), 0, 6).Draw(t, "cell"))
			if r == 0 && c == 0 {
				text = "Heading"
			}
			plain := strings.NewReplacer("\n", "", "\r", "", string(w.d.delim), "").Replace(text)
			switch quoting := rapid.IntRange(0, 2).Draw(t, "quoting"); {
			case quoting == 0 && !strings.HasPrefix(plain, `"`):
				text = plain // quotes within it are stray
				w.strict = w.strict && !strings.Contains(plain, `"`)
				raw = append(raw, plain)
			case quoting == 1 && text == plain && !strings.Contains(text, `"`):
				raw = append(raw, text)
			default:
				raw = append(raw, `"`+strings.ReplaceAll(text, `"`, `""`)+`"`)
			}
			w.strict = w.strict && !strings.Contains(text, "\r")
			fields = append(fields, text)
		}
		line := strings.Join(raw, string(w.d.delim))
		if r == 0 {
			w.header = fields
		} else {
			if line == "" {
				w.strict = false // encoding/csv leaves blank lines out
				fields = nil
			}
			w.rows = append(w.rows, fields)
		}
		e := end()
		if e != "\n" && e != "\r\n" {
			w.strict = false
		}
		if r == n && line != "" && rapid.Bool().Draw(t, "no final newline") {
			e = ""
		}
		text, exact := w.d.enc.encode(nil, line+e)
		if !exact {
			t.Fatalf("generator: %q is not to be had in %v", line, w.d.enc)
		}
		// A lone CR before a line that begins with LF would be one ending: there is none, blank lines end like others.
		if line == "" && bytes.HasSuffix(b.Bytes(), must2(w.d.enc.encode(nil, "\r"))) {
			continueWith := must2(w.d.enc.encode(nil, strings.Repeat(string(w.d.delim), 1)+e))
			w.rows[len(w.rows)-1] = []string{"", ""}
			text = continueWith
		}
		b.Write(text)
	}
	w.content = b.Bytes()
	return w
}

func must2(b []byte, _ bool) []byte { return b }

// forced opens bytes in a given dialect.
func forced(path string, content []byte, d dialect) (*delimited, error) {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return nil, err
	}
	tab := &delimited{src: &source{path: path, name: "in.csv", size: int64(len(content))}, dialect: d}
	return tab, tab.count(context.Background(), 0)
}

// without takes marked runs out of b.
func without(b []byte, marks []mark) []byte {
	var kept []byte
	pos := 0
	for _, m := range marks {
		kept = append(kept, b[pos:m.at]...)
		pos = m.at + m.n
	}
	return append(kept, b[pos:]...)
}

func TestSpliceKeepsEveryByte(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		w := drawTable(t)
		tab, err := forced(filepath.Join(dir, "in.csv"), w.content, w.d)
		if err != nil {
			t.Fatalf("%q: %v", w.content, err)
		}
		if tab.Len() != len(w.rows) {
			t.Fatalf("%q: Len = %d, want %d", w.content, tab.Len(), len(w.rows))
		}
		width := 0
		for _, fields := range append([][]string{w.header}, w.rows...) {
			for c, s := range fields {
				if s != "" {
					width = max(width, c+1)
				}
			}
		}
		if tab.Width() != width {
			t.Fatalf("%q: Width = %d, want %d", w.content, tab.Width(), width)
		}

		// Draw what to write: new columns, and values for fields that are empty.
		o := Output{Headings: []string{"New", "New, too"}[:rapid.IntRange(0, 2).Draw(t, "added")]}
		value := rapid.SampledFrom([]any{"", nil, "x", "a,b;c\td|e^f", `q"q`, "l\nl", "ü", 1.5, true, "+4930123456"})
		want := make([][]string, len(w.rows))
		var list []Edit
		for r, fields := range w.rows {
			want[r] = append([]string(nil), fields...)
			set := func(c int, s string) {
				for len(want[r]) <= c {
					want[r] = append(want[r], "")
				}
				want[r][c] = s
			}
			if rapid.IntRange(0, 2).Draw(t, "edited") == 0 {
				continue
			}
			e := Edit{Row: r, Cells: map[int]any{}}
			for c := range width {
				if (c >= len(fields) || fields[c] == "") && rapid.IntRange(0, 2).Draw(t, "fill") == 0 {
					v := value.Draw(t, "cell value")
					e.Cells[c] = v
					if s := textOf(v, Text); s != "" {
						set(c, s)
					}
				}
			}
			for i := range o.Headings {
				v := value.Draw(t, "value")
				e.Added = append(e.Added, v)
				if s := textOf(v, Text); s != "" {
					set(width+i, s)
				}
			}
			list = append(list, e)
		}

		var out bytes.Buffer
		var marks []mark
		rep, err := tab.splice(context.Background(), &out, o, from(list), &marks)
		if err != nil {
			t.Fatal(err)
		}
		if kept := without(out.Bytes(), marks); !bytes.Equal(kept, w.content) {
			t.Fatalf("without what was inserted\n got %q\nwant %q", kept, w.content)
		}
		if rep.Rows != len(w.rows) || rep.FirstColumn != width {
			t.Fatalf("Report = %+v", rep)
		}

		// Read back, by this package and, where it can, by another.
		again, err := forced(filepath.Join(dir, "out.csv"), out.Bytes(), w.d)
		if err != nil {
			t.Fatalf("%q: %v", out.Bytes(), err)
		}
		for i, h := range o.Headings {
			if got := again.Header()[width+i]; got != h {
				t.Fatalf("heading %d of %q is %q", i, out.Bytes(), got)
			}
		}
		for r, line := range rows2(t, again) {
			same(t, out.Bytes(), r, line, want[r])
		}
		if w.strict && w.d.enc == utf8Plain {
			c := csv.NewReader(bytes.NewReader(out.Bytes()[w.d.bom:]))
			c.Comma = rune(w.d.delim)
			c.FieldsPerRecord = -1
			all, err := c.ReadAll()
			if err != nil {
				t.Fatalf("%q: encoding/csv: %v", out.Bytes(), err)
			}
			if len(all) != len(want)+1 {
				t.Fatalf("%q: encoding/csv reads %d rows, want %d", out.Bytes(), len(all)-1, len(want))
			}
			for r, line := range all[1:] {
				if len(line) != len(all[0]) {
					t.Fatalf("%q: row %d has %d fields, the header %d", out.Bytes(), r, len(line), len(all[0]))
				}
				same(t, out.Bytes(), r, line, want[r])
			}
		}
	})
}

// same compares a row but for empty cells at its end.
func same(t *rapid.T, file []byte, r int, got, want []string) {
	if g, w := strings.TrimRight(fmt.Sprintf("%q", got), `" ]`), strings.TrimRight(fmt.Sprintf("%q", want), `" ]`); g != w {
		t.Fatalf("row %d of %q is %q, want %q", r, file, got, want)
	}
}

func rows2(t *rapid.T, tab Table) [][]string {
	var all [][]string
	if err := tab.Rows(context.Background(), func(_ int, cells []any) error {
		var line []string
		for _, c := range cells {
			line = append(line, c.(string))
		}
		all = append(all, line)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// messes are files that have tripped readers of tables.
var messes = []string{
	"", "a", "a,b\n1,2\n", "a;b\r\n1;2\r\n", "\xef\xbb\xbfa\tb\r1\t2", "sep=;\na;b\n", "\"sep=,\"\r\n\"a\",b\r\n", "a,b\n\"1\n2\",3\n",
	"a,b\n\"open,3\n4,5\n", "a,b\r\r\n1,2\r\n\n3\r4,5,6,7,,", "\xff\xfea\x00,\x00b\x00\n\x001\x00,\x002\x00", "a\x00,\x00b\x00\n\x001\x00,\x002\x00\x00",
	"\xfe\xff\x00a\x00\n\x00b", "Name\nM\xfcller\n", "a,b\n\x00,\x00\n", "\n\n ,\na\n", "a,b\n\"x\"y\"z,\"\"\n", "a,\"\"\n1,\"\"\n", "\xff\xfe\x00\x00a", "a|b|c\n1|2\n",
	"\"", "\"\"", "\"\"\"", "\r", "\r\n\r", ",", "a,b\n1,2\"\n\"3\"\"\",4",
}

func FuzzCSV(f *testing.F) {
	for _, m := range messes {
		f.Add([]byte(m))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(dir, "in.csv")
		check(t, os.WriteFile(path, content, 0o600))
		opened, err := Open(context.Background(), path, Options{})
		var e *Error
		if errors.As(err, &e) {
			if strings.ContainsAny(e.Message, "\n\r") {
				t.Fatalf("message %q", e.Message)
			}
			return
		}
		check(t, err)
		tab := opened.(*delimited)
		n := 0
		var list []Edit
		check(t, tab.Rows(context.Background(), func(i int, cells []any) error {
			if i != n || len(cells) > tab.Width() {
				t.Fatalf("row %d came as %d with %d cells of %d", n, i, len(cells), tab.Width())
			}
			n++
			e := Edit{Row: i, Cells: map[int]any{}, Added: []any{"v"}}
			for c := range tab.Width() {
				if c >= len(cells) || cells[c] == "" {
					e.Cells[c] = "f"
				}
			}
			if i%3 > 0 {
				list = append(list, e)
			}
			return nil
		}))
		if n != tab.Len() || len(tab.Header()) != tab.Width() {
			t.Fatalf("%d rows, Len %d; %d headings, Width %d", n, tab.Len(), len(tab.Header()), tab.Width())
		}
		if same, _ := enrich(t, tab, Output{}); same != string(content) {
			t.Fatalf("nothing written, but\n got %q\nwant %q", same, content)
		}
		var out bytes.Buffer
		var marks []mark
		_, err = tab.splice(context.Background(), &out, Output{Headings: []string{"New"}}, from(list), &marks)
		check(t, err)
		if kept := without(out.Bytes(), marks); !bytes.Equal(kept, content) {
			t.Fatalf("without what was inserted\n got %q\nwant %q", kept, content)
		}
		again, err := forced(filepath.Join(dir, "out.csv"), out.Bytes(), tab.dialect)
		if err != nil || again.Len() != tab.Len() || again.headerRow != tab.headerRow || again.Header()[tab.Width()] != "New" {
			t.Fatalf("%q: %v, Len %d, want %d", out.Bytes(), err, again.Len(), tab.Len())
		}
		check(t, again.Rows(context.Background(), func(i int, cells []any) error {
			if i%3 > 0 && cells[tab.Width()] != "v" {
				t.Fatalf("row %d of %q is %q", i, out.Bytes(), cells)
			}
			return nil
		}))
	})
}

func FuzzSniff(f *testing.F) {
	for _, m := range messes {
		f.Add([]byte(m), true, false)
	}
	f.Fuzz(func(t *testing.T, b []byte, more, tabs bool) {
		d := sniffDialect(b, more, tabs)
		if d.delim == 0 || d.delim == '"' || d.delim == '\n' || d.delim == '\r' || d.bom > d.preamble || d.preamble > len(b) {
			t.Errorf("%q: %+v", b, d)
		}
		foreign(b)
		utf32(b)
		binary(b)
	})
}
