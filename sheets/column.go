package sheets

import (
	"context"
	"errors"
	"slices"

	gsheets "google.golang.org/api/sheets/v4"
)

// ColumnKey is the key of the developer metadata that marks an output column; its value is the attribute.
const ColumnKey = "rowsmith.column"

// MadeKey is the key of the developer metadata that marks, beside [ColumnKey], a column that did not exist before; its value is the
// attribute. What stands there was computed from the other columns, so it is no input of its own.
const MadeKey = "rowsmith.made"

// PrepareColumns finds the output columns of a tab, and makes those that are missing, right of everything that stands in it: the grid
// grows if it must, the heading is written in the format of its left neighbour, and the column is marked with developer metadata.
// It returns want with Index and Heading as they are in the sheet; Index and an empty Heading need not be set before.
//
// A column is found by its metadata first, then by the heading that is asked for, then, if that heading is only another spelling of the
// attribute's name (or none), by [Recognise]. One that was found by its heading is marked, too. Calling it again changes nothing.
// A headerRow of -1 says that the tab has no headings: then columns are found by their metadata only, and none is written.
func (w *Writer) PrepareColumns(ctx context.Context, spreadsheetID string, sheetID int64, headerRow int, want []Column) ([]Column, error) {
	const op = "prepare columns"
	seen := map[string]bool{}
	for _, c := range want {
		if c.Attribute == "" || seen[c.Attribute] {
			return nil, fail(op, spreadsheetID, ErrInvalid, errors.New("each column needs an attribute of its own"))
		}
		seen[c.Attribute] = true
	}
	for n := 1; ; n++ {
		found, requests, err := w.columnsToMake(ctx, spreadsheetID, sheetID, headerRow, want)
		if err != nil || len(requests) == 0 {
			return found, err
		}
		if n > w.client.attempts {
			return nil, fail(op, spreadsheetID, ErrUnavailable, errors.New("the columns don't stay"))
		}
		if w.pacer != nil {
			if err := w.pacer.Wait(ctx); err != nil {
				return nil, fail(op, spreadsheetID, ErrUnavailable, err)
			}
		}
		// A failed batch may have been carried out, and one that succeeded may have met someone's change of columns:
		// either way the next look decides.
		err = w.client.change(ctx, op, spreadsheetID, requests)
		if err != nil && (!errors.Is(err, ErrUnavailable) || ctx.Err() != nil) {
			return nil, err
		}
	}
}

// columnsToMake looks at the tab and returns the columns as they are, or will be after the requests.
func (w *Writer) columnsToMake(ctx context.Context, id string, sheetID int64, headerRow int, want []Column) ([]Column, []*gsheets.Request, error) {
	const op = "prepare columns"
	marked, err := w.client.Columns(ctx, id, sheetID, ColumnKey)
	if err != nil {
		return nil, nil, err
	}
	got, err := w.client.byFilter(ctx, op, id, []GridRange{{SheetID: sheetID, StartRow: max(headerRow, 0), EndRow: max(headerRow, 0) + 1, EndCol: -1}},
		"sheets(properties(sheetId,gridProperties(rowCount,columnCount)),data(startRow,startColumn,rowData(values(userEnteredValue,effectiveValue,userEnteredFormat))))")
	if err != nil {
		return nil, nil, err
	}
	sheet, err := theSheet(op, id, got, sheetID)
	if err != nil {
		return nil, nil, err
	}
	headings, formats := headingsOf(sheet)
	if headerRow < 0 {
		headings, formats = nil, nil
	}
	width, height := 0, 0
	if g := sheet.Properties.GridProperties; g != nil {
		width, height = int(g.ColumnCount), int(g.RowCount)
	}

	out := slices.Clone(want)
	at := matchColumns(want, headings, marked)
	var requests []*gsheets.Request
	missing := 0
	for i := range out {
		col := at[i]
		if col < 0 {
			missing++
			continue
		}
		out[i].Index = col
		if col < len(headings) && headings[col] != "" {
			out[i].Heading = headings[col]
		}
		if _, ok := marked[out[i].Attribute]; !ok {
			requests = append(requests, mark(ColumnKey, sheetID, col, out[i].Attribute))
		}
	}
	if missing == 0 {
		return out, requests, nil
	}

	edge := 0
	for i, h := range headings {
		if h != "" {
			edge = i + 1
		}
	}
	for _, col := range marked {
		edge = max(edge, col+1)
	}
	if edge < width {
		if edge, err = w.lastColumn(ctx, id, GridRange{SheetID: sheetID, EndRow: height, StartCol: edge, EndCol: width}, headerRow < 0); err != nil {
			return nil, nil, err
		}
	}
	if lack := edge + missing - width; lack > 0 {
		requests = append([]*gsheets.Request{appendDimension(sheetID, "COLUMNS", lack)}, requests...)
	}
	var like *gsheets.CellFormat
	for i := min(edge, len(formats)) - 1; i >= 0 && like == nil; i-- {
		if i < len(headings) && headings[i] != "" {
			like = formats[i]
			break
		}
	}
	heads := &gsheets.RowData{}
	first := edge
	for i := range out {
		if at[i] >= 0 {
			continue
		}
		if out[i].Heading == "" {
			out[i].Heading = out[i].Attribute
		}
		out[i].Heading = cleanText(out[i].Heading)
		out[i].Index = edge
		heads.Values = append(heads.Values, &gsheets.CellData{UserEnteredValue: wireValue(out[i].Heading), UserEnteredFormat: like})
		requests = append(requests, mark(ColumnKey, sheetID, edge, out[i].Attribute), mark(MadeKey, sheetID, edge, out[i].Attribute))
		edge++
	}
	if headerRow < 0 {
		return out, requests, nil
	}
	fields := "userEnteredValue"
	if like != nil {
		fields += ",userEnteredFormat"
	}
	requests = append(requests, &gsheets.Request{UpdateCells: &gsheets.UpdateCellsRequest{
		Start: coordinate(sheetID, headerRow, first), Fields: fields, Rows: []*gsheets.RowData{heads},
	}})
	return out, requests, nil
}

// lastColumn is the column after the last in which a value stands in a range, at least the range's first: a new column must not be
// laid over values that have no heading. Right of the headings there is next to nothing, so one read does; without
// headings the whole tab comes, by the page.
func (w *Writer) lastColumn(ctx context.Context, id string, r GridRange, byPage bool) (int, error) {
	edge, step := r.StartCol, r.EndRow
	if byPage {
		step = pageRows
	}
	for top := 0; top < r.EndRow; top += step {
		part, err := w.client.Values(ctx, id, GridRange{SheetID: r.SheetID, StartRow: top, EndRow: min(top+step, r.EndRow), StartCol: r.StartCol, EndCol: r.EndCol})
		if err != nil {
			return 0, err
		}
		for _, row := range part.Rows {
			for j, c := range row {
				if !c.Blank() {
					edge = max(edge, part.StartCol+j+1)
				}
			}
		}
	}
	return edge, nil
}

// matchColumns says where each wanted column is, -1 where it is not. No column is taken twice, and none that is
// marked as another attribute's.
func matchColumns(want []Column, headings []string, marked map[string]int) []int {
	at := make([]int, len(want))
	taken, owner := map[int]bool{}, map[int]string{}
	for attribute, col := range marked {
		owner[col] = attribute
	}
	take := func(i, col int) bool {
		if taken[col] || owner[col] != "" && owner[col] != want[i].Attribute {
			return false
		}
		at[i], taken[col] = col, true
		return true
	}
	for i, c := range want {
		at[i] = -1
		if col, ok := marked[c.Attribute]; ok {
			take(i, col)
		}
	}
	for i, c := range want {
		if at[i] >= 0 || c.Heading == "" {
			continue
		}
		for col, h := range headings {
			if NormalHeading(h) != "" && NormalHeading(h) == NormalHeading(c.Heading) && take(i, col) {
				break
			}
		}
	}
	recognised := Recognise(headings)
	for i, c := range want {
		if at[i] >= 0 || c.Heading != "" && NormalHeading(c.Heading) != c.Attribute {
			continue
		}
		if col := slices.Index(recognised, c.Attribute); col >= 0 {
			take(i, col)
		}
	}
	return at
}

// headingsOf reads the one row that was asked for, as texts by column.
func headingsOf(sheet *gsheets.Sheet) (texts []string, formats []*gsheets.CellFormat) {
	for _, d := range sheet.Data {
		for _, row := range d.RowData {
			if row == nil {
				continue
			}
			for i, v := range row.Values {
				col := int(d.StartColumn) + i
				for len(texts) <= col {
					texts, formats = append(texts, ""), append(formats, nil)
				}
				if v == nil {
					continue
				}
				texts[col] = headingText(exact(v))
				formats[col] = v.UserEnteredFormat
			}
			return texts, formats
		}
	}
	return texts, formats
}

func headingText(c Cell) string {
	if c.Blank() {
		return ""
	}
	return FormatText.Text(c.Value)
}

func mark(key string, sheetID int64, col int, attribute string) *gsheets.Request {
	return &gsheets.Request{CreateDeveloperMetadata: &gsheets.CreateDeveloperMetadataRequest{DeveloperMetadata: &gsheets.DeveloperMetadata{
		MetadataKey: key, MetadataValue: attribute, Visibility: "DOCUMENT",
		Location: &gsheets.DeveloperMetadataLocation{DimensionRange: &gsheets.DimensionRange{
			SheetId: sheetID, Dimension: "COLUMNS", StartIndex: int64(col), EndIndex: int64(col + 1),
			ForceSendFields: []string{"SheetId", "StartIndex"},
		}},
	}}}
}

func coordinate(sheetID int64, row, col int) *gsheets.GridCoordinate {
	return &gsheets.GridCoordinate{SheetId: sheetID, RowIndex: int64(row), ColumnIndex: int64(col), ForceSendFields: []string{"SheetId", "RowIndex", "ColumnIndex"}}
}
