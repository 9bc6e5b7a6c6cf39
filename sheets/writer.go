package sheets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/jonboulle/clockwork"
)

// A Column is an output column: where values of an attribute go.
type Column struct {
	Index     int    // zero-based
	Attribute string // "company_employee_count"
	Heading   string // what stands above it
	Format    Format
}

// A Fill says which cells may be written.
type Fill string

// The fill policies. A cell that already shows the value counts as written under each of them, and a formula is overwritten
// by none, also if it shows nothing.
const (
	FillBlanks    Fill = "blanks"    // only cells in which nothing stands
	FillStale     Fill = "stale"     // those, and cells that still show what we wrote last (CellWrite.Previous)
	FillOverwrite Fill = "overwrite" // every cell
)

// A Plan is where a job reads and writes. Column numbers are those of the time the job was split; the Writer finds the
// columns again when others were inserted, deleted or moved meanwhile.
type Plan struct {
	SpreadsheetID string
	SheetID       int64
	HeaderRow     int            // the row of the headings; -1: the tab has none, then columns are trusted to stay
	Inputs        []int          // input columns, ascending: what anchors are made of
	InputHeadings map[int]string // what stood above the inputs; one that is missing here is trusted to stay
	Outputs       []Column
	Fill          Fill // empty: FillBlanks
}

// both is the columns that are input and output at once.
func (p Plan) both() map[int]bool {
	out := map[int]bool{}
	for _, c := range p.Outputs {
		if slices.Contains(p.Inputs, c.Index) {
			out[c.Index] = true
		}
	}
	return out
}

func (p Plan) output(col int) (Column, bool) {
	for _, c := range p.Outputs {
		if c.Index == col {
			return c, true
		}
	}
	return Column{}, false
}

// Skip says whether a column is one of the outputs: what [RowHashOf] leaves out.
func (p Plan) Skip(col int) bool {
	_, ok := p.output(col)
	return ok
}

// WrittenAnchors are the anchors the row can have once its values stand in the columns that are input and output at once:
// with all of them written, or some. Empty when there are no such columns among the cells. Inputs are as
// [AnchorOf] takes them, at split time. They belong into RowWrite.AltAnchors, so that a row of ours
// is recognised after a crash between a write and its record.
func (p Plan) WrittenAnchors(inputs []Cell, cells []CellWrite) []Anchor {
	both := p.both()
	type change struct {
		at    int
		value any
	}
	var changes []change
	for _, w := range cells {
		if !both[w.Col] {
			continue
		}
		c, _ := p.output(w.Col)
		t, reason := typedOf(c.Format, w.Value)
		at := slices.Index(p.Inputs, w.Col)
		if reason == "" && t.value != nil && at >= 0 && at < len(inputs) && !same(inputs[at].Value, t.value) {
			changes = append(changes, change{at, t.value})
		}
	}
	if len(changes) == 0 {
		return nil
	}
	sets := []int{1<<len(changes) - 1}
	if len(changes) <= 4 {
		sets = nil
		for set := 1<<len(changes) - 1; set > 0; set-- {
			sets = append(sets, set)
		}
	}
	var out []Anchor
	for _, set := range sets {
		after := slices.Clone(inputs)
		for i, c := range changes {
			if set&(1<<i) != 0 {
				after[c.at] = Cell{Value: c.value}
			}
		}
		out = append(out, AnchorOf(after))
	}
	return out
}

// A CellWrite is one value to be written.
type CellWrite struct {
	Col      int    // the output column, as numbered in the Plan
	Value    any    // string, float64 or bool; nil and blank strings write nothing
	Note     string // the cell's note; empty leaves the note alone
	Previous any    // what we wrote into this cell last, if anything; used by FillStale
}

// A RowWrite is what is to be written beside one row's inputs.
type RowWrite struct {
	Ref        string   // the caller's name for the row
	Row        int      // the zero-based row in which it was at split time
	Anchor     Anchor   // of its inputs at split time
	AltAnchors []Anchor // others it may have by our own doing, see [Plan.WrittenAnchors]
	RowHash    Anchor   // of the whole row without the outputs, to tell rows with one anchor apart; zero: not known
	Copies     int      // how many rows of the whole job have this anchor; 0: as many as this call writes
	Cells      []CellWrite
}

// A Status is what became of a row.
type Status string

// The statuses. The empty one is that of rows that a failed Write did not get to.
const (
	StatusWritten   Status = "written"   // at least one of its values stands in the sheet now
	StatusUnchanged Status = "unchanged" // there was no value to write
	StatusKept      Status = "kept"      // nothing was written; the values are still the caller's
)

// The reasons why a row or a cell was kept.
const (
	ReasonRowChanged = "row_changed"      // its inputs are nowhere in the sheet now: edited, or deleted with another row in its place
	ReasonRowGone    = "row_gone"         // its inputs are nowhere, and where it was is nothing
	ReasonAmbiguous  = "row_ambiguous"    // more rows have these inputs now than the job has, and nothing tells them apart
	ReasonNotBlank   = "not_blank"        // something stands in the cell
	ReasonFormula    = "formula"          // a formula stands in the cell
	ReasonProtected  = "protected"        // we may not edit the cell
	ReasonMerged     = "merged"           // the cell is hidden behind a merged one
	ReasonTooLong    = "too_long"         // more than 50,000 characters
	ReasonBadValue   = "bad_value"        // not a value a cell can hold
	ReasonEdited     = "edited_meanwhile" // someone edited the row in the moment of writing; what we wrote was taken back
)

// A CellKept is a value that was not written.
type CellKept struct {
	Col    int    // as numbered in the Plan
	Reason string // one of the reasons
}

// A RowResult says what became of a RowWrite.
type RowResult struct {
	Ref    string
	Row    int // where the row is now; where it was, if it was not found
	Status Status
	Cells  int        // how many of its values stand in the sheet now, those included that stood there before
	Moved  bool       // Row is not where the row was at split time
	Reason string     // why it was kept
	Kept   []CellKept // the cells that were not written, of a row that was found
}

// A Writer places rows and writes them. It keeps nothing between calls; callers see to it that a tab has one
// Write at a time.
type Writer struct {
	client *Client
	clock  clockwork.Clock
	log    *slog.Logger
	pacer  *Pacer
}

// NewWriter makes a writer that acts through a client.
func NewWriter(c *Client, clock clockwork.Clock, log *slog.Logger) *Writer {
	if clock == nil {
		clock = clockwork.NewRealClock()
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Writer{client: c, clock: clock, log: log}
}

// Paced is the same writer waiting for a slot of the pacer before each batch it sends.
func (w *Writer) Paced(p *Pacer) *Writer {
	v := *w
	v.pacer = p
	return &v
}

// pageRows is how many rows are read at once when the sheet is searched for rows that moved.
const pageRows = 5_000

// maxBatchRows bounds what is read back before and after a batch.
const maxBatchRows = 2_000

// Write writes rows beside the inputs they belong to, and answers for each of them, in their order.
//
// It reads the rows' cells again. A row with the same anchor in the same place is written there. Otherwise the tab's input columns
// are searched, once a call, and the row is written where its anchor is found, if no more rows have that anchor than the job; among
// several the row hash decides who is who. What isn't found is kept. The fill policy is applied to each cell as it is now. All goes out
// in one spreadsheets.batchUpdate (more, when it is over 2 MB), whose answer holds the rows as they are afterwards: a row that was
// edited or moved in between is put back as it was and kept as [ReasonEdited].
//
// Writing the same rows again gives the same results, so a caller that died before it recorded them calls again. With an
// error come the results up to then; it is an *Error of one of the kinds, [ErrColumnMissing] among them.
func (w *Writer) Write(ctx context.Context, p Plan, rows []RowWrite) ([]RowResult, error) {
	results := make([]RowResult, len(rows))
	for i, r := range rows {
		results[i] = RowResult{Ref: r.Ref, Row: r.Row}
	}
	if p.Fill == "" {
		p.Fill = FillBlanks
	}
	if len(p.Inputs) == 0 || !slices.IsSorted(p.Inputs) || p.Inputs[0] < 0 {
		return results, fail("write", p.SpreadsheetID, ErrInvalid, errors.New("a plan needs input columns, ascending"))
	}
	for _, r := range rows {
		for _, c := range r.Cells {
			if !p.Skip(c.Col) {
				return results, fail("write", p.SpreadsheetID, ErrInvalid, fmt.Errorf("column %d is no output of the plan", c.Col))
			}
		}
	}
	run := &writing{w: w, plan: p, rows: rows, results: results, taken: map[int]int{}}
	for start := 0; start < len(rows); {
		end, size := start, 0
		for end < len(rows) && end-start < maxBatchRows {
			n := weight(rows[end])
			if end > start && size+n > maxBody {
				break
			}
			size, end = size+n, end+1
		}
		if err := run.batch(ctx, start, end); err != nil {
			return results, err
		}
		start = end
	}
	return results, nil
}

// weight is about how many bytes a row takes in a request.
func weight(r RowWrite) int {
	n := 160
	for _, c := range r.Cells {
		n += 120 + 2*len(c.Note)
		if s, ok := c.Value.(string); ok {
			n += len(s) + len(s)/8
		}
	}
	return n
}
