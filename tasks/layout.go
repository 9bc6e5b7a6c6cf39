package tasks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rowsmith/enrichment"
	"rowsmith/sheets"
)

// A Plan is what a job does where: the columns it reads and fills, and its rows. Fixed when the job is made.
type Plan struct {
	HeaderRow  int               `json:"header_row"` // zero-based, like all rows and columns inside
	StartRow   int               `json:"start_row"`
	EndRow     int               `json:"end_row"` // exclusive; -1: the table's end, growing
	StartCol   int               `json:"start_col"`
	EndCol     int               `json:"end_col"` // exclusive: the table's right edge
	Inputs     []Input           `json:"inputs"`  // ascending by column
	Outputs    []Output          `json:"outputs"` // in the order of Want
	Defaults   map[string]string `json:"defaults,omitempty"`
	MaxCredits int64             `json:"max_credits"`
}

// An Input is a column that subjects are made from.
type Input struct {
	Col       int    `json:"col"`
	Attribute string `json:"attribute"`
	Heading   string `json:"heading"`
}

// An Output is a column that is filled.
type Output struct {
	Attribute string `json:"attribute"`
	Heading   string `json:"heading"`
	Col       int    `json:"col"` // -1 until a new column was made
}

// column names an output's column before and after it exists.
func (o Output) column() string { return sheets.NormalHeading(o.Heading) }

type layout struct {
	Plan
	warnings []string
}

// rangeText is the A1 form of the job's rows, "Leads!A2:F" or "Leads!A2:F500".
func (l layout) rangeText(title string) string {
	return sheets.Range{Sheet: title, StartRow: l.StartRow, EndRow: l.EndRow, StartCol: l.StartCol, EndCol: l.EndCol}.String()
}

// readLayout reads the tab's headings and decides what is read and where results go.
func readLayout(ctx context.Context, client *sheets.Client, r Request) (layout, sheets.Tab, error) {
	ss, err := client.Spreadsheet(ctx, r.SpreadsheetID)
	if err != nil {
		return layout{}, sheets.Tab{}, sheetError(err)
	}
	rg := sheets.Range{StartRow: 0, EndRow: -1, StartCol: 0, EndCol: -1}
	if r.Range != "" {
		if rg, err = sheets.ParseRange(r.Range); err != nil {
			return layout{}, sheets.Tab{}, invalid("range", "%q is not a range. Write it like A2:F500 or 2:500.", clip(r.Range))
		}
	}
	tab, err := findTab(ss, r, rg.Sheet)
	if err != nil {
		return layout{}, sheets.Tab{}, err
	}
	header := r.HeaderRow - 1
	g, err := client.Values(ctx, r.SpreadsheetID, sheets.GridRange{SheetID: tab.ID, StartRow: header, EndRow: header + 1, StartCol: 0, EndCol: -1})
	if err != nil {
		return layout{}, sheets.Tab{}, sheetError(err)
	}
	var headings []string
	if len(g.Rows) > 0 {
		headings = make([]string, g.StartCol, g.StartCol+len(g.Rows[0]))
		for _, c := range g.Rows[0] {
			headings = append(headings, cellText(c.Value))
		}
	}
	for len(headings) > 0 && strings.TrimSpace(headings[len(headings)-1]) == "" {
		headings = headings[:len(headings)-1]
	}
	if len(headings) == 0 {
		return layout{}, sheets.Tab{}, invalid("header_row", "Row %d has no headings. Say with header_row which row holds them.", r.HeaderRow)
	}
	made, err := client.Columns(ctx, r.SpreadsheetID, tab.ID, sheets.MadeKey)
	if err != nil {
		return layout{}, sheets.Tab{}, sheetError(err)
	}
	l, err := planColumns(headings, r, rg, made)
	if err != nil {
		return layout{}, sheets.Tab{}, err
	}
	l.HeaderRow = header
	l.StartRow, l.EndRow = max(rg.StartRow, header+1), rg.EndRow
	if l.EndRow >= 0 && l.EndRow <= l.StartRow {
		return layout{}, sheets.Tab{}, invalid("range", "The range has no rows below the headings in row %d.", r.HeaderRow)
	}
	l.MaxCredits = r.MaxCredits
	l.Defaults = r.Defaults
	return l, tab, nil
}

// findTab picks the tab that the request names, by id, title or the range's own prefix.
func findTab(ss sheets.Spreadsheet, r Request, inRange string) (sheets.Tab, error) {
	title := r.Sheet
	if title == "" {
		title = inRange
	}
	for _, t := range ss.Tabs {
		if r.SheetID != nil && t.ID == *r.SheetID || r.SheetID == nil && (title == "" || t.Title == title) {
			return t, nil
		}
	}
	if r.SheetID != nil {
		return sheets.Tab{}, invalid("sheet_id", "The spreadsheet has no tab with id %d.", *r.SheetID)
	}
	return sheets.Tab{}, invalid("sheet", "The spreadsheet has no tab called %q.", clip(title))
}

// planColumns maps headings to inputs and wanted attributes to columns. Headings are recognised; the
// request's mapping overrides. Columns that an earlier job made hold what was computed from the others: they are
// no inputs unless the mapping says so.
func planColumns(headings []string, r Request, rg sheets.Range, made map[string]int) (layout, error) {
	ours := map[int]bool{}
	for _, col := range made {
		ours[col] = true
	}
	l := layout{Plan: Plan{StartCol: max(rg.StartCol, 0), EndCol: len(headings)}}
	if rg.EndCol >= 0 && rg.EndCol < l.EndCol {
		l.EndCol = rg.EndCol
	}
	if l.StartCol >= l.EndCol {
		return l, invalid("range", "The range lies right of the last heading.")
	}
	attrs := sheets.Recognise(headings)
	mapped := map[int]bool{}
	// Sorted, so that the same request always gives the same plan and the same first error.
	for _, name := range slices.Sorted(maps.Keys(r.Mapping)) {
		attr := r.Mapping[name]
		col := findColumn(headings, name)
		if col < 0 {
			return l, invalid("mapping."+name, "There is no column %q. The headings are: %s.", clip(name), clip(strings.Join(headings, ", ")))
		}
		mapped[col] = true
		if attr == nil {
			attrs[col] = ""
			continue
		}
		for i := range attrs {
			if attrs[i] == *attr && i != col {
				if mapped[i] {
					return l, invalid("mapping."+name, "Two columns are mapped to %q. Keep one.", *attr)
				}
				attrs[i] = ""
			}
		}
		attrs[col] = *attr
	}
	where := map[string]int{}
	for i, a := range attrs {
		if a == "" {
			continue
		}
		where[a] = i
		if cat, ok := enrichment.Find(a); ok && (cat.Input && !ours[i] || mapped[i]) && i >= l.StartCol && i < l.EndCol {
			l.Inputs = append(l.Inputs, Input{Col: i, Attribute: a, Heading: headings[i]})
		}
	}
	if len(l.Inputs) == 0 {
		return l, invalid("mapping", "None of the headings says what a person or company could be looked up by. Say with mapping which column holds what, for example {\"Kontakt\": \"email\"}.")
	}
	taken := map[int]string{}
	for _, a := range r.Want {
		cat, _ := enrichment.Find(a)
		o := Output{Attribute: a, Heading: cat.Title, Col: -1}
		if h, ok := r.Output[a]; ok {
			o.Heading = strings.TrimSpace(h)
			if col := findColumn(headings, o.Heading); col >= 0 {
				o.Col, o.Heading = col, headings[col]
			}
		} else if col, ok := where[a]; ok {
			o.Col, o.Heading = col, headings[col]
		}
		if o.Col >= 0 {
			if prev, twice := taken[o.Col]; twice {
				return l, invalid("output."+a, "%q and %q would go to the same column %q. Give one of them another.", prev, a, clip(o.Heading))
			}
			taken[o.Col] = a
		}
		l.Outputs = append(l.Outputs, o)
	}
	names := map[string]string{}
	for _, o := range l.Outputs {
		if prev, twice := names[o.column()]; twice && o.Col < 0 {
			return l, invalid("output."+o.Attribute, "%q and %q would go to the same column. Give one of them another.", prev, o.Attribute)
		}
		names[o.column()] = o.Attribute
	}
	return l, nil
}

// findColumn finds a column by its exact heading, by its heading's normal form, or by its letter.
func findColumn(headings []string, name string) int {
	if i := slices.Index(headings, name); i >= 0 {
		return i
	}
	want := sheets.NormalHeading(name)
	for i, h := range headings {
		if want != "" && sheets.NormalHeading(h) == want {
			return i
		}
	}
	if i, err := sheets.ParseColumn(name); err == nil && name == strings.ToUpper(name) && i < len(headings) {
		return i
	}
	return -1
}

// sheetError turns a failure of the Sheets client into one that says what to do.
func sheetError(err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, sheets.ErrNotFound):
		return &Error{Code: CodeNotFound, Detail: "There is no such spreadsheet, or it isn't connected to your team.", Err: err}
	case errors.Is(err, sheets.ErrAccess):
		return &Error{Code: CodeAccessNeeded, Detail: "Rowsmith can't open this spreadsheet. Share it with Rowsmith's address, or connect it again.", Err: err}
	case errors.Is(err, sheets.ErrSheetMissing):
		return invalid("sheet", "The tab is gone.")
	case errors.Is(err, sheets.ErrInvalid):
		return &Error{Code: CodeInvalid, Detail: "Google Sheets did not take the request. Check the range and the tab.", Err: err}
	case errors.Is(err, sheets.ErrQuota), errors.Is(err, sheets.ErrUnavailable):
		return &Error{Code: CodeUnavailable, Detail: "Google Sheets does not answer right now. Try again in a minute.", Err: err}
	default:
		return fmt.Errorf("sheet: %w", err)
	}
}
