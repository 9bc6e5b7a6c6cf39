package sheets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"rowsmith/sheets/sheetsim"
)

func TestPrepareColumns(t *testing.T) {
	ctx := context.Background()
	wide := make([]any, 26)
	for i := range wide {
		wide[i] = fmt.Sprint("c", i)
	}
	want := []Column{{Attribute: "email", Heading: "Email"}, {Attribute: "email_verdict", Heading: "Email verdict", Format: FormatText}, {Attribute: "job_title", Heading: "Job title"}}
	for _, c := range []struct {
		name  string
		rows  [][]any
		want  []Column
		cols  []int
		heads []string
	}{
		{"empty tab", [][]any{{nil, "", " "}}, want, []int{0, 1, 2}, []string{"Email", "Email verdict", "Job title"}},
		{"one is there", [][]any{{"Name", "E-Mail-Adresse"}, {"Ada"}}, want, []int{1, 2, 3}, []string{"E-Mail-Adresse", "Email verdict", "Job title"}},
		{"values right of the headings", [][]any{{"Name"}, {"Ada", nil, "loose"}}, want, []int{3, 4, 5}, []string{"Email", "Email verdict", "Job title"}},
		{"the grid is full", [][]any{wide}, want, []int{26, 27, 28}, []string{"Email", "Email verdict", "Job title"}},
		{"heading of its own", [][]any{{"Name", "Email"}}, []Column{{Attribute: "email", Heading: "Work mail"}}, []int{2}, []string{"Work mail"}},
		{"heading of its own that is there", [][]any{{"Name", "work-mail", "Email"}}, []Column{{Attribute: "email", Heading: "Work mail"}}, []int{1}, []string{"work-mail"}},
		{"no heading given", [][]any{{"Name"}}, []Column{{Attribute: "email"}}, []int{1}, []string{"email"}},
		{"nothing wanted", [][]any{{"Name"}}, nil, nil, nil},
		{"a heading like a formula", [][]any{{"Name"}}, []Column{{Attribute: "email", Heading: "=1+1"}}, []int{1}, []string{"=1+1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			id, tab := s.sheet(c.rows...)
			got, err := s.writer.PrepareColumns(ctx, id, tab, 0, c.want)
			if err != nil {
				t.Fatal(err)
			}
			g := s.grid(id, tab)
			for i, col := range got {
				if col.Index != c.cols[i] || col.Heading != c.heads[i] || col.Attribute != c.want[i].Attribute || col.Format != c.want[i].Format {
					t.Errorf("column %d: %+v, want index %d, heading %q", i, col, c.cols[i], c.heads[i])
				}
				if h := g.At(0, col.Index); h.Value != c.heads[i] || h.Formula {
					t.Errorf("above column %d stands %+v", col.Index, h)
				}
			}
			before := s.text(id, tab)
			s.server.ResetCalls()
			again, err := s.writer.PrepareColumns(ctx, id, tab, 0, c.want)
			if err != nil || !slices.Equal(again, got) || s.server.Calls().Writes != 0 || !slices.Equal(s.text(id, tab), before) {
				t.Errorf("again: %+v, %v, %d writes", again, err, s.server.Calls().Writes)
			}
		})
	}
}

func TestColumnsWithoutHeadings(t *testing.T) {
	ctx := context.Background()
	s := newSim(t)
	id, tab := s.sheet([]any{"Ada", "Acme"}, []any{"Bob", "Bolt", "x"})
	want := []Column{{Attribute: "email", Heading: "Email"}}
	for range 2 {
		got, err := s.writer.PrepareColumns(ctx, id, tab, -1, want)
		if err != nil || got[0].Index != 3 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if text := s.text(id, tab); !slices.Equal(text, []string{"Ada|Acme", "Bob|Bolt|x"}) {
		t.Errorf("the sheet is %q", text)
	}
	p := Plan{SpreadsheetID: id, SheetID: tab, HeaderRow: -1, Inputs: []int{0, 1}, Outputs: []Column{{Index: 3, Attribute: "email"}}}
	s.write(p, s.split(p, func(_ int, cells []Cell) []CellWrite { return []CellWrite{{Col: 3, Value: first(cells) + "@x"}} }))
	if text := s.text(id, tab); !slices.Equal(text, []string{"Ada|Acme||Ada@x", "Bob|Bolt|x|Bob@x"}) {
		t.Errorf("the sheet is %q", text)
	}
}

func TestColumnsAreFoundAgain(t *testing.T) {
	ctx := context.Background()
	s := newSim(t)
	id, tab := s.sheet([]any{"Name", "Email"}, []any{"Ada"})
	want := []Column{{Attribute: "email", Heading: "Email"}, {Attribute: "job_title", Heading: "Job title"}}
	// The first batch is carried out, and its answer lost.
	s.server.Fail(sheetsim.Fault{Match: func(op sheetsim.Op) bool { return op.Write }, Apply: true})
	if _, err := s.writer.PrepareColumns(ctx, id, tab, 0, want); err != nil {
		t.Fatal(err)
	}
	if text := s.text(id, tab)[0]; text != "Name|Email|Job title" {
		t.Fatalf("headings %q", text)
	}
	s.enter(id, "B1", "Adresse")
	s.enter(id, "C1", "Was sie tut")
	s.batch(id, fmt.Sprintf(`{"insertDimension":{"range":{"sheetId":%d,"dimension":"COLUMNS","startIndex":1,"endIndex":2}}}`, tab))
	got, err := s.writer.PrepareColumns(ctx, id, tab, 0, want)
	if err != nil || got[0].Index != 2 || got[1].Index != 3 || got[1].Heading != "Was sie tut" {
		t.Errorf("%+v, %v", got, err)
	}
	marks, err := s.client.Columns(ctx, id, tab, ColumnKey)
	if err != nil || len(marks) != 2 || marks["email"] != 2 || marks["job_title"] != 3 {
		t.Errorf("%v, %v", marks, err)
	}
	if marks, err := s.client.Columns(ctx, id, tab+1, ColumnKey); err != nil || len(marks) != 0 {
		t.Errorf("another tab: %v, %v", marks, err)
	}
	// A column that is marked for one attribute is not taken for another, whatever stands above it.
	s.enter(id, "C1", "Phone")
	got, err = s.writer.PrepareColumns(ctx, id, tab, 0, []Column{{Attribute: "phone", Heading: "Phone"}})
	if err != nil || got[0].Index != 4 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.writer.PrepareColumns(ctx, id, tab, 0, []Column{{Attribute: "phone"}, {Attribute: "phone"}}); !errors.Is(err, ErrInvalid) {
		t.Errorf("twice the same: %v", err)
	}
	if _, err := s.writer.PrepareColumns(ctx, id, tab+1, 0, want); !errors.Is(err, ErrSheetMissing) {
		t.Errorf("no such tab: %v", err)
	}
	if _, err := s.writer.PrepareColumns(ctx, "no-such-spreadsheet", tab, 0, want); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such spreadsheet: %v", err)
	}
}
