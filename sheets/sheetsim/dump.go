package sheetsim

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"
)

// Dump writes a spreadsheet as the text of a fixture, for goldens: [Server.Load] of it makes an equal one. The id is left out.
// A basic filter, and fields that are only kept, are not part of it.
func (s *Server) Dump(ctx context.Context, id string) (string, error) {
	var out string
	err := s.disk.view(ctx, id, func(b *book) error {
		ar := &txtar.Archive{Comment: []byte("title: " + b.title + "\n")}
		for i, sh := range b.sheets {
			if err := sh.dump(ar, i == 0); err != nil {
				return err
			}
		}
		meta, err := b.metadataList()
		if err != nil {
			return err
		}
		if len(meta) > 0 {
			ar.Files = append(ar.Files, txtar.File{Name: "metadata", Data: []byte(b.dumpMetadata(meta))})
		}
		out = string(txtar.Format(ar))
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("dump spreadsheet %s: %w", id, err)
	}
	return out, nil
}

func fixtureName(title string) string {
	if title == "" || title == "metadata" || strings.ContainsAny(title, " /\"\n\t") || strings.TrimSpace(title) != title {
		return strconv.Quote(title)
	}
	return title
}

func (s *sheet) dump(ar *txtar.Archive, first bool) error {
	var cells, notes, formats, rows, columns strings.Builder
	blank, height, width := 0, 0, 1
	err := s.scan(0, s.rowCount(), func(i int, r *row) error {
		w := r.width()
		if w == 0 {
			blank++
		} else {
			cells.WriteString(strings.Repeat("\n", blank))
			blank, height, width = 0, i+1, max(width, w)
			for c := range w {
				if c > 0 {
					cells.WriteByte('\t')
				}
				cells.WriteString(fixtureText(r.cells[c].value))
			}
			cells.WriteByte('\n')
		}
		if r == nil {
			return nil
		}
		for c := range r.cells {
			x := r.cells[c].extra()
			if x.note != "" {
				fmt.Fprintf(&notes, "%s\t%s\n", cellName(i, c), fixtureEscaper.Replace(x.note))
			}
			if x.format != "" {
				fmt.Fprintf(&formats, "%s\t%s\n", cellName(i, c), x.format)
			}
		}
		if d := (dimension{Px: r.px, Hidden: r.hidden}); d != (dimension{}) {
			fmt.Fprintf(&rows, "%d\t%s\n", i+1, d.fixture("height="))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for c := range s.colCount() {
		if d := s.column(c); d != (dimension{}) {
			fmt.Fprintf(&columns, "%s\t%s\n", columnName(c), d.fixture("width="))
		}
	}
	name := fixtureName(s.head.Title)
	head := name
	if n := s.rowCount(); n != max(1, height) {
		head += fmt.Sprintf(" rows=%d", n)
	}
	if n := s.colCount(); n != width {
		head += fmt.Sprintf(" cols=%d", n)
	}
	if s.head.FrozenRows > 0 {
		head += fmt.Sprintf(" frozen=%d", s.head.FrozenRows)
	}
	if !first || s.id != 0 {
		head += fmt.Sprintf(" id=%d", s.id)
	}
	if s.head.Hidden {
		head += " hidden"
	}
	ar.Files = append(ar.Files, txtar.File{Name: head, Data: []byte(cells.String())})
	for _, part := range []struct {
		name string
		text string
	}{{"notes", notes.String()}, {"formats", formats.String()}, {"rows", rows.String()}, {"columns", columns.String()}} {
		if part.text != "" {
			ar.Files = append(ar.Files, txtar.File{Name: name + "/" + part.name, Data: []byte(part.text)})
		}
	}
	return nil
}

func (d dimension) fixture(size string) string {
	var out []string
	if d.Hidden {
		out = append(out, "hidden")
	}
	if d.Px != 0 {
		out = append(out, size+strconv.Itoa(d.Px))
	}
	return strings.Join(out, " ")
}

func (b *book) dumpMetadata(meta []*metadata) string {
	lines := make([]string, 0, len(meta))
	for _, m := range meta {
		where := "spreadsheet"
		if s := b.sheetByID(m.sheet); s != nil && m.place != onSpreadsheet {
			where = map[place]string{onSheet: "sheet ", onRow: "row ", onColumn: "column "}[m.place] + fixtureName(s.head.Title)
			switch m.place {
			case onRow:
				where += " " + strconv.Itoa(m.at+1)
			case onColumn:
				where += " " + columnName(m.at)
			}
		}
		lines = append(lines, fmt.Sprintf("%d\t%s\t%s\t%s\t%s\n", m.id, m.visibility, where, fixtureEscaper.Replace(m.key), fixtureEscaper.Replace(m.value)))
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}
