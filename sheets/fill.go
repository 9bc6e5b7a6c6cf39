package sheets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	gsheets "google.golang.org/api/sheets/v4"
)

// maxBody is what one request carries at most: Google advises 2 MB, and the rest of the request needs room.
const maxBody = 1_800_000

// Fill loads rows of raw values into a range: strings stay strings, whatever they look like; float64 and other Go numbers,
// bool, and nil, which skips its cell. It starts at the range's first cell, grows the sheet if it must, and sends requests
// of at most 2 MB. It writes without looking: it is for sheets of our own making. Filling the same again changes nothing.
func (c *Client) Fill(ctx context.Context, id string, r GridRange, rows [][]any) error {
	const op = "fill"
	width := 0
	for _, row := range rows {
		width = max(width, len(row))
	}
	if width == 0 {
		return nil
	}
	if r.EndRow >= 0 && r.StartRow+len(rows) > r.EndRow || r.EndCol >= 0 && r.StartCol+width > r.EndCol {
		return fail(op, id, ErrInvalid, errors.New("more values than the range has cells"))
	}
	if err := c.EnsureSize(ctx, id, r.SheetID, r.StartRow+len(rows), r.StartCol+width); err != nil {
		return err
	}
	for start := 0; start < len(rows); {
		size, end, wide := 0, start, 0
		part := make([][]any, 0, min(len(rows)-start, 4096))
		for end < len(rows) {
			clean, n := rawRow(rows[end])
			if end > start && size+n > maxBody {
				break
			}
			part, size, wide = append(part, clean), size+n, max(wide, len(clean))
			end++
		}
		if wide > 0 {
			ask := &gsheets.BatchUpdateValuesByDataFilterRequest{
				ValueInputOption: "RAW",
				Data: []*gsheets.DataFilterValueRange{{
					DataFilter: &gsheets.DataFilter{GridRange: wireRange(GridRange{
						SheetID: r.SheetID, StartRow: r.StartRow + start, EndRow: r.StartRow + end, StartCol: r.StartCol, EndCol: r.StartCol + wide,
					})},
					MajorDimension: "ROWS", Values: part,
				}},
			}
			err := c.call(ctx, op, id, always, func() error {
				_, err := c.api.Spreadsheets.Values.BatchUpdateByDataFilter(id, ask).Fields("totalUpdatedCells").Context(ctx).Do()
				return err
			})
			if err != nil {
				return err
			}
		}
		start = end
	}
	return nil
}

// rawRow makes a row fit to be sent and tells its size in bytes.
func rawRow(row []any) ([]any, int) {
	out := make([]any, len(row))
	size := 2
	for i, v := range row {
		switch v := v.(type) {
		case nil:
			size += 5
		case string:
			out[i] = cleanText(v)
			b, _ := json.Marshal(out[i]) // a string always marshals
			size += len(b) + 1
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				size += 5
				continue
			}
			out[i] = v
			size += 25
		case bool, int, int64:
			out[i] = v
			size += 21
		default:
			s := cleanText(fmt.Sprint(v))
			out[i] = s
			size += 2*len(s) + 3
		}
	}
	return out, size
}

// EnsureSize makes a tab at least that many rows and columns large. It appends what is missing after having looked, and looks
// again when an append's fate is not known, so it never shrinks a sheet and needn't be guarded.
func (c *Client) EnsureSize(ctx context.Context, id string, sheetID int64, rows, cols int) error {
	const op = "grow sheet"
	for n := 1; ; n++ {
		s, err := c.Spreadsheet(ctx, id)
		if err != nil {
			return err
		}
		tab, ok := s.Tab(sheetID)
		if !ok {
			return fail(op, id, ErrSheetMissing, nil)
		}
		var requests []*gsheets.Request
		// Columns first: a workbook holds 10 million cells, and blank rows of a new sheet count.
		if lack := cols - tab.Cols; lack > 0 {
			requests = append(requests, appendDimension(sheetID, "COLUMNS", lack))
		}
		if lack := rows - tab.Rows; lack > 0 {
			requests = append(requests, appendDimension(sheetID, "ROWS", lack))
		}
		if len(requests) == 0 {
			return nil
		}
		err = c.change(ctx, op, id, requests)
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrUnavailable) || n >= c.attempts || ctx.Err() != nil {
			return err
		}
	}
}

// change is a structural batch: atomic, repeated only when it was refused.
func (c *Client) change(ctx context.Context, op, id string, requests []*gsheets.Request) error {
	return c.call(ctx, op, id, whenRefused, func() error {
		_, err := c.api.Spreadsheets.BatchUpdate(id, &gsheets.BatchUpdateSpreadsheetRequest{Requests: requests}).
			Fields("spreadsheetId").Context(ctx).Do()
		return err
	})
}

func appendDimension(sheetID int64, dimension string, n int) *gsheets.Request {
	return &gsheets.Request{AppendDimension: &gsheets.AppendDimensionRequest{
		SheetId: sheetID, Dimension: dimension, Length: int64(n), ForceSendFields: []string{"SheetId"},
	}}
}

// Columns finds the columns of a tab that carry developer metadata with that key: the metadata's value → the column's
// index. Where a value stands on several columns the leftmost counts.
func (c *Client) Columns(ctx context.Context, id string, sheetID int64, key string) (map[string]int, error) {
	ask := &gsheets.SearchDeveloperMetadataRequest{DataFilters: []*gsheets.DataFilter{{
		DeveloperMetadataLookup: &gsheets.DeveloperMetadataLookup{MetadataKey: key, LocationType: "COLUMN"},
	}}}
	var got *gsheets.SearchDeveloperMetadataResponse
	err := c.call(ctx, "find columns", id, always, func() (err error) {
		got, err = c.api.Spreadsheets.DeveloperMetadata.Search(id, ask).Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, m := range got.MatchedDeveloperMetadata {
		d := m.DeveloperMetadata
		if d == nil || d.MetadataKey != key || d.Location == nil || d.Location.DimensionRange == nil {
			continue
		}
		span := d.Location.DimensionRange
		if span.SheetId != sheetID || span.Dimension != "COLUMNS" {
			continue
		}
		col := int(span.StartIndex)
		if at, ok := out[d.MetadataValue]; !ok || col < at {
			out[d.MetadataValue] = col
		}
	}
	return out, nil
}
