package sheetsim

import (
	"fmt"
	"net/http"
)

// batchUpdate carries out its requests in order. The first that fails undoes them all: the transaction is not kept.
func (c *call) batchUpdate(b *book) (map[string]any, error) {
	requests := list(c.body, "requests")
	if len(requests) == 0 {
		return nil, invalid("Must specify at least one request.")
	}
	replies := make([]any, len(requests))
	for i, x := range requests {
		m, _ := x.(map[string]any)
		if len(m) != 1 {
			if len(m) == 0 {
				return nil, invalid("Invalid requests[%d]: No request set.", i)
			}
			return nil, invalid("Invalid value at 'requests[%d]' (oneof), oneof field 'kind' is already set.", i)
		}
		for kind, args := range m {
			in, _ := args.(map[string]any)
			reply, err := c.request(b, kind, in)
			if err != nil {
				return nil, within(i, kind, err)
			}
			if reply == nil {
				reply = map[string]any{}
			}
			replies[i] = reply
		}
	}
	out := map[string]any{"spreadsheetId": b.id, "replies": replies}
	if c.flag("includeSpreadsheetInResponse") {
		var ranges []string
		for _, r := range list(c.body, "responseRanges") {
			ranges = append(ranges, r.(string))
		}
		sel, err := b.selectRanges(ranges)
		if err != nil {
			return nil, err
		}
		mask, want := c.mask.Sub("updatedSpreadsheet")
		if want {
			u, err := c.spreadsheet(b, sel, c.flag("responseIncludeGridData"), mask)
			if err != nil {
				return nil, err
			}
			out["updatedSpreadsheet"] = u
		}
	}
	return out, nil
}

func (c *call) request(b *book, kind string, in map[string]any) (map[string]any, error) {
	switch kind {
	case "updateCells":
		return nil, c.updateCells(b, in)
	case "repeatCell":
		return nil, c.repeatCell(b, in)
	case "appendCells":
		return nil, c.appendCells(b, in)
	case "appendDimension":
		return nil, appendDimensions(b, in)
	case "insertDimension":
		return nil, insertDimension(b, in)
	case "deleteDimension":
		return nil, deleteDimension(b, in)
	case "moveDimension":
		return nil, moveDimension(b, in)
	case "updateDimensionProperties":
		return nil, c.updateDimensionProperties(b, in)
	case "insertRange":
		return nil, insertRange(b, in)
	case "deleteRange":
		return nil, deleteRange(b, in)
	case "sortRange":
		return nil, sortRange(b, in)
	case "setBasicFilter":
		return nil, setBasicFilter(b, in)
	case "clearBasicFilter":
		return nil, clearBasicFilter(b, in)
	case "addSheet":
		return addSheet(b, in)
	case "deleteSheet":
		return nil, deleteSheet(b, in)
	case "duplicateSheet":
		return duplicateSheet(b, in)
	case "updateSheetProperties":
		return nil, c.updateSheetProperties(b, in)
	case "updateSpreadsheetProperties":
		return nil, c.updateSpreadsheetProperties(b, in)
	case "createDeveloperMetadata":
		return createMetadata(b, in)
	case "updateDeveloperMetadata":
		return c.updateMetadata(b, in)
	case "deleteDeveloperMetadata":
		return deleteMetadata(b, in)
	case "findReplace":
		return c.findReplace(b, in)
	}
	return nil, newError(http.StatusBadRequest, "%s is not simulated by this server", kind)
}

// rowsOfCells reads RowData once for the whole request.
func (c *call) rowsOfCells(in map[string]any, f cellFields) ([][]cellInput, error) {
	rows := list(in, "rows")
	out := make([][]cellInput, len(rows))
	for i, x := range rows {
		m, _ := x.(map[string]any)
		for _, y := range list(m, "values") {
			data, _ := y.(map[string]any)
			ci, err := c.server.cellInput(data, f)
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], ci)
		}
	}
	return out, nil
}

func (c *call) updateCells(b *book, in map[string]any) error {
	f, err := c.server.cellFields(str(in, "fields"))
	if err != nil {
		return err
	}
	rows, err := c.rowsOfCells(in, f)
	if err != nil {
		return err
	}
	start, hasStart := in["start"].(map[string]any)
	g, hasRange := in["range"].(map[string]any)
	switch {
	case hasStart && hasRange:
		return invalid("Only one of 'start' and 'range' may be set.")
	case hasStart:
		s, err := b.grid(num(start, "sheetId"))
		if err != nil {
			return err
		}
		r0, c0 := num(start, "rowIndex"), num(start, "columnIndex")
		width := 0
		for _, r := range rows {
			width = max(width, len(r))
		}
		a := area{r0, c0, r0 + max(1, len(rows)), c0 + max(1, width)}
		if r0 < 0 || c0 < 0 || a.r1 > s.rowCount() || a.c1 > s.colCount() {
			return s.offGrid(area{max(0, a.r0), max(0, a.c0), a.r1, a.c1})
		}
		return s.putRows(r0, c0, rows, &f)
	case hasRange:
		s, a, err := b.gridRangeInside(g)
		if err != nil {
			return err
		}
		if len(rows) > a.rows() {
			return invalid("Attempting to write row: %d, beyond the last requested row of: %d", a.r1, a.r1-1)
		}
		for _, r := range rows {
			if len(r) > a.cols() {
				return invalid("Attempting to write column: %d, beyond the last requested column of: %d", a.c1, a.c1-1)
			}
		}
		if err := s.clearArea(a, &f); err != nil {
			return err
		}
		return s.putRows(a.r0, a.c0, rows, &f)
	}
	return invalid("Must specify either 'start' or 'range'.")
}

func (s *sheet) putRows(r0, c0 int, rows [][]cellInput, f *cellFields) error {
	for i, cells := range rows {
		if len(cells) == 0 {
			continue
		}
		r, err := s.edit(r0 + i)
		if err != nil {
			return err
		}
		for j := range cells {
			s.book.apply(r.edit(c0+j), &cells[j], f)
		}
		r.trim()
	}
	return nil
}

func (c *call) repeatCell(b *book, in map[string]any) error {
	f, err := c.server.cellFields(str(in, "fields"))
	if err != nil {
		return err
	}
	ci, err := c.server.cellInput(object(in, "cell"), f)
	if err != nil {
		return err
	}
	s, a, err := b.gridRangeInside(object(in, "range"))
	if err != nil {
		return err
	}
	if ci.value.k == kEmpty && ci.note == "" && ci.format == "" && ci.opaque == nil {
		return s.clearArea(a, &f)
	}
	for i := a.r0; i < a.r1; i++ {
		r, err := s.edit(i)
		if err != nil {
			return err
		}
		for k := a.c0; k < a.c1; k++ {
			b.apply(r.edit(k), &ci, &f)
		}
	}
	return nil
}

func (c *call) appendCells(b *book, in map[string]any) error {
	f, err := c.server.cellFields(str(in, "fields"))
	if err != nil {
		return err
	}
	rows, err := c.rowsOfCells(in, f)
	if err != nil {
		return err
	}
	s, err := b.grid(num(in, "sheetId"))
	if err != nil {
		return err
	}
	last, err := s.lastRow(0, s.rowCount(), 0, s.colCount())
	if err != nil {
		return err
	}
	width := 0
	for _, r := range rows {
		width = max(width, len(r))
	}
	if err := s.grow(last+1+len(rows), width); err != nil {
		return err
	}
	return s.putRows(last+1, 0, rows, &f)
}

func setBasicFilter(b *book, in map[string]any) error {
	filter := object(in, "filter")
	g := object(filter, "range")
	if g == nil {
		return invalid("The filter's range is required.")
	}
	s, _, err := b.gridRange(g)
	if err != nil {
		return err
	}
	s.head.Filter, s.changed = filter, true
	return nil
}

func clearBasicFilter(b *book, in map[string]any) error {
	s, err := b.grid(num(in, "sheetId"))
	if err != nil {
		return err
	}
	s.head.Filter, s.changed = nil, true
	return nil
}

func createMetadata(b *book, in map[string]any) (map[string]any, error) {
	d := object(in, "developerMetadata")
	m := &metadata{id: num(d, "metadataId"), key: str(d, "metadataKey"), value: str(d, "metadataValue"), visibility: str(d, "visibility")}
	switch {
	case m.key == "":
		return nil, invalid("Developer metadata must have a metadataKey.")
	case m.visibility != "DOCUMENT" && m.visibility != "PROJECT":
		return nil, invalid("Developer metadata must have a visibility.")
	case m.id < 0:
		return nil, invalid("Developer metadata IDs must be positive.")
	}
	if err := b.parseLocation(object(d, "location"), m); err != nil {
		return nil, err
	}
	if s := b.sheetByID(m.sheet); (m.place == onRow || m.place == onColumn) && m.at >= s.size(m.place) {
		return nil, invalid("The dimensionRange[%d] is outside of the grid[%d].", m.at, s.size(m.place))
	}
	if err := b.addMetadata(m); err != nil {
		return nil, err
	}
	return map[string]any{"createDeveloperMetadata": map[string]any{"developerMetadata": m.json()}}, nil
}

func (c *call) updateMetadata(b *book, in map[string]any) (map[string]any, error) {
	found, _, err := b.matchFilters(list(in, "dataFilters"))
	if err != nil {
		return nil, err
	}
	mask, err := c.updateMask(str(in, "fields"), "DeveloperMetadata")
	if err != nil {
		return nil, err
	}
	d := object(in, "developerMetadata")
	var out []any
	for _, m := range found {
		if mask.Has("metadataKey") {
			if m.key = str(d, "metadataKey"); m.key == "" {
				return nil, invalid("Developer metadata must have a metadataKey.")
			}
		}
		if mask.Has("metadataValue") {
			m.value = str(d, "metadataValue")
		}
		if mask.Has("visibility") {
			if m.visibility = str(d, "visibility"); m.visibility != "DOCUMENT" && m.visibility != "PROJECT" {
				return nil, invalid("Developer metadata must have a visibility.")
			}
		}
		if mask.Has("location") && (!mask.All() || d["location"] != nil) {
			if err := b.parseLocation(object(d, "location"), m); err != nil {
				return nil, err
			}
		}
		out = append(out, m.json())
	}
	b.metaDirty = b.metaDirty || len(found) > 0
	if err := b.checkMetadataSize(); err != nil {
		return nil, err
	}
	reply := map[string]any{}
	if out != nil {
		reply["developerMetadata"] = out
	}
	return map[string]any{"updateDeveloperMetadata": reply}, nil
}

func deleteMetadata(b *book, in map[string]any) (map[string]any, error) {
	f := object(in, "dataFilter")
	if f == nil {
		return nil, invalid("Must specify a data filter.")
	}
	found, _, err := b.matchFilters([]any{f})
	if err != nil {
		return nil, err
	}
	gone := map[int]bool{}
	var out []any
	for _, m := range found {
		gone[m.id] = true
		out = append(out, m.json())
	}
	if err := b.dropMetadata(func(m *metadata) bool { return gone[m.id] }); err != nil {
		return nil, err
	}
	reply := map[string]any{}
	if out != nil {
		reply["deletedDeveloperMetadata"] = out
	}
	return map[string]any{"deleteDeveloperMetadata": reply}, nil
}

func (c *call) metadataGet(b *book) (map[string]any, error) {
	if _, err := b.metadataList(); err != nil {
		return nil, err
	}
	var id int
	if _, err := fmt.Sscanf(c.params["metadataId"], "%d", &id); err != nil {
		return nil, invalid("Invalid value at 'metadata_id' (TYPE_INT32), %q", c.params["metadataId"])
	}
	m := b.metadataByID(id)
	if m == nil {
		return nil, notFound()
	}
	return m.json(), nil
}

func (c *call) metadataSearch(b *book) (map[string]any, error) {
	found, why, err := b.matchFilters(list(c.body, "dataFilters"))
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	var l []any
	for i, m := range found {
		l = append(l, map[string]any{"developerMetadata": m.json(), "dataFilters": why[i]})
	}
	if l != nil {
		out["matchedDeveloperMetadata"] = l
	}
	return out, nil
}
