package tabular

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden enriches files as programs and people write them. Compare the results with a tool that shows bytes.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.[ct][sx][vt]")
	check(t, err)
	if len(files) < 6 {
		t.Fatalf("only %d files in testdata", len(files))
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			o := Options{}
			if strings.HasSuffix(path, "hand-made.csv") {
				o.HeaderRow = 3
			}
			tab, err := Open(context.Background(), path, o)
			check(t, err)
			defer tab.Close()
			email := -1
			for c, h := range tab.Header() {
				if strings.Contains(strings.ToLower(h), "mail") {
					email = c
				}
			}
			var list []Edit // fill empty emails, and give every other row a verdict
			check(t, tab.Rows(context.Background(), func(i int, cells []any) error {
				e := Edit{Row: i, Cells: map[int]any{}}
				if len(cells) > 0 && (email >= len(cells) || cells[email] == "") {
					e.Cells[email] = "found@ł.example"
				}
				if i%2 == 0 {
					e.Added = []any{"valid; \"sure\"", 0.9}
				}
				list = append(list, e)
				return nil
			}))
			var out bytes.Buffer
			var marks []mark
			_, err = tab.(*delimited).splice(context.Background(), &out, Output{Headings: []string{"Email verdict", "Score"}, Types: []Type{Text, Number}}, from(list), &marks)
			check(t, err)
			if in := must(os.ReadFile(path)); !bytes.Equal(without(out.Bytes(), marks), in) {
				t.Error("bytes of the input are missing")
			}
			golden := path + ".golden"
			if *update {
				check(t, os.WriteFile(golden, out.Bytes(), 0o644))
			}
			if want := must(os.ReadFile(golden)); !bytes.Equal(out.Bytes(), want) {
				t.Errorf("\n got %q\nwant %q", out.Bytes(), want)
			}
		})
	}
}
