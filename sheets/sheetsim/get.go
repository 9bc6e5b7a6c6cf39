package sheetsim

import (
	"encoding/json"
	"strconv"

	"rowsmith/sheets/sheetsim/discovery"
)

// Sizes that Sheets gives rows and columns.
const (
	defaultRowPx = 21
	defaultColPx = 100
)

func (c *call) get(b *book) (map[string]any, error) {
	sel, err := b.selectRanges(c.query["ranges"])
	if err != nil {
		return nil, err
	}
	return c.spreadsheet(b, sel, c.flag("includeGridData"), c.mask)
}

func (c *call) getByDataFilter(b *book) (map[string]any, error) {
	var sel *selection
	if filters := list(c.body, "dataFilters"); len(filters) > 0 {
		found, err := b.matches(filters)
		if err != nil {
			return nil, err
		}
		sel = &selection{areas: map[*sheet][]area{}}
		for _, m := range found {
			sel.areas[m.sheet] = append(sel.areas[m.sheet], m.area)
		}
	}
	return c.spreadsheet(b, sel, c.flag("includeGridData"), c.mask)
}

// A selection is the part of a spreadsheet that a request asks for; nil is all of it.
type selection struct {
	areas map[*sheet][]area // closed, in the request's order
}

func (b *book) selectRanges(ranges []string) (*selection, error) {
	if len(ranges) == 0 {
		return nil, nil
	}
	sel := &selection{areas: map[*sheet][]area{}}
	for _, r := range ranges {
		s, a, err := b.resolve(r)
		if err != nil {
			return nil, err
		}
		if a, err = s.clip(a); err != nil {
			return nil, err
		}
		sel.areas[s] = append(sel.areas[s], a)
	}
	return sel, nil
}

// spreadsheet is a Spreadsheet. With a mask, the mask alone says whether there is grid data.
func (c *call) spreadsheet(b *book, sel *selection, grids bool, mask *discovery.Mask) (map[string]any, error) {
	if mask != nil || len(c.query["fields"]) > 0 && c.name != "spreadsheets.batchUpdate" {
		grids = mask.Has("sheets", "data")
	}
	out := map[string]any{
		"spreadsheetId":  b.id,
		"properties":     b.propertiesJSON(),
		"spreadsheetUrl": "https://docs.google.com/spreadsheets/d/" + b.id + "/edit",
	}
	inSheet, wantSheets := mask.Sub("sheets")
	var meta []*metadata
	if mask.Has("developerMetadata") || wantSheets && (inSheet.Has("developerMetadata") || grids) {
		var err error
		if meta, err = b.metadataList(); err != nil {
			return nil, err
		}
	}
	if l := metadataJSON(meta, func(m *metadata) bool { return m.place == onSpreadsheet }); l != nil {
		out["developerMetadata"] = l
	}
	if !wantSheets {
		return out, nil
	}
	var sheets []any
	for i, s := range b.sheets {
		areas := []area{{0, 0, s.rowCount(), s.colCount()}}
		if sel != nil {
			if areas = sel.areas[s]; areas == nil {
				continue
			}
		}
		sj := map[string]any{"properties": s.propertiesJSON(i)}
		if s.head.Filter != nil {
			sj["basicFilter"] = s.head.Filter
		}
		if l := metadataJSON(meta, func(m *metadata) bool { return m.place == onSheet && m.sheet == s.id }); l != nil {
			sj["developerMetadata"] = l
		}
		if grids {
			inData, _ := inSheet.Sub("data")
			var data []any
			for _, a := range areas {
				g, err := s.gridData(a, inData, meta)
				if err != nil {
					return nil, err
				}
				data = append(data, g)
			}
			sj["data"] = data
		}
		sheets = append(sheets, sj)
	}
	if sheets != nil {
		out["sheets"] = sheets
	}
	return out, nil
}

func metadataJSON(all []*metadata, want func(*metadata) bool) []any {
	var out []any
	for _, m := range all {
		if want(m) {
			out = append(out, m.json())
		}
	}
	return out
}

// baseFormat is Sheets' default format of a cell, as far as it is told.
var baseFormat = map[string]any{
	"backgroundColor":      map[string]any{"red": 1.0, "green": 1.0, "blue": 1.0},
	"padding":              map[string]any{"top": 2, "right": 3, "bottom": 2, "left": 3},
	"verticalAlignment":    "BOTTOM",
	"wrapStrategy":         "OVERFLOW_CELL",
	"textFormat":           map[string]any{"foregroundColor": map[string]any{}, "fontFamily": "Arial", "fontSize": 10, "bold": false, "italic": false, "strikethrough": false, "underline": false},
	"backgroundColorStyle": map[string]any{"rgbColor": map[string]any{"red": 1.0, "green": 1.0, "blue": 1.0}},
}

func (b *book) propertiesJSON() map[string]any {
	out := map[string]any{"title": b.title, "locale": "en_US", "autoRecalc": "ON_CHANGE", "timeZone": "Etc/GMT", "defaultFormat": clone(baseFormat)}
	for k, v := range b.props {
		out[k] = v
	}
	return out
}

// clone copies a tree, so that pruning an answer leaves the original alone.
func clone(v map[string]any) map[string]any {
	out := make(map[string]any, len(v))
	for k, x := range v {
		if m, ok := x.(map[string]any); ok {
			x = clone(m)
		}
		out[k] = x
	}
	return out
}

func (s *sheet) propertiesJSON(index int) map[string]any {
	grid := map[string]any{"rowCount": s.rowCount(), "columnCount": s.colCount()}
	for k, v := range s.head.Grid {
		grid[k] = v
	}
	if s.head.FrozenRows > 0 {
		grid["frozenRowCount"] = s.head.FrozenRows
	}
	if s.head.FrozenCols > 0 {
		grid["frozenColumnCount"] = s.head.FrozenCols
	}
	out := map[string]any{"sheetId": s.id, "title": s.head.Title, "index": index, "sheetType": "GRID", "gridProperties": grid}
	for k, v := range s.head.Props {
		out[k] = v
	}
	if s.head.Hidden {
		out["hidden"] = true
	}
	return out
}

// gridData is a GridData of a closed area, with only what m means.
func (s *sheet) gridData(a area, m *discovery.Mask, meta []*metadata) (map[string]any, error) {
	out := map[string]any{}
	if a.r0 > 0 {
		out["startRow"] = a.r0
	}
	if a.c0 > 0 {
		out["startColumn"] = a.c0
	}
	_, wantRows := m.Sub("rowData")
	rowMeta, wantRowMeta := m.Sub("rowMetadata")
	colMeta, wantColMeta := m.Sub("columnMetadata")
	by := map[place]map[int][]any{onRow: {}, onColumn: {}}
	for _, e := range meta {
		if e.sheet == s.id && (e.place == onRow || e.place == onColumn) {
			by[e.place][e.at] = append(by[e.place][e.at], e.json())
		}
	}
	if wantColMeta {
		dims := []byte{'['}
		for c := a.c0; c < a.c1; c++ {
			if c > a.c0 {
				dims = append(dims, ',')
			}
			d := s.column(c)
			dims = appendDimension(dims, d.Px, defaultColPx, d.Hidden, by[onColumn][c], colMeta)
		}
		out["columnMetadata"] = json.RawMessage(append(dims, ']'))
	}
	if !wantRows && !wantRowMeta {
		return out, nil
	}
	inRow, _ := m.Sub("rowData")
	inCell, _ := inRow.Sub("values")
	w := newCellWriter(inCell)
	rows, dims := []byte{'['}, []byte{'['}
	kept, n := 1, 0 // bytes of rows up to the last row with cells
	err := s.scan(a.r0, a.r1, func(i int, r *row) error {
		if wantRows {
			if n > 0 {
				rows = append(rows, ',')
			}
			var any bool
			rows, any = w.row(rows, r, a.c0, a.c1)
			if any {
				kept = len(rows)
			}
		}
		if wantRowMeta {
			if n > 0 {
				dims = append(dims, ',')
			}
			px, hidden := 0, false
			if r != nil {
				px, hidden = r.px, r.hidden
			}
			dims = appendDimension(dims, px, defaultRowPx, hidden, by[onRow][i], rowMeta)
		}
		n++
		return nil
	})
	if err != nil {
		return nil, err
	}
	if wantRows && kept > 1 {
		out["rowData"] = json.RawMessage(append(rows[:kept], ']'))
	}
	if wantRowMeta {
		out["rowMetadata"] = json.RawMessage(append(dims, ']'))
	}
	return out, nil
}

func appendDimension(b []byte, px, usual int, hidden bool, meta []any, m *discovery.Mask) []byte {
	if px == 0 {
		px = usual
	}
	if m == nil && !hidden && meta == nil {
		b = append(b, `{"pixelSize":`...)
		return append(strconv.AppendInt(b, int64(px), 10), '}')
	}
	d := map[string]any{"pixelSize": px}
	if hidden {
		d["hiddenByUser"] = true
	}
	if meta != nil {
		d["developerMetadata"] = meta
	}
	m.Prune(d)
	return appendJSON(b, d)
}

// A cellWriter writes cells as CellData, only the fields that a mask means.
type cellWriter struct {
	entered, effective, formatted, userFormat, effFormat, note, opaque bool
	format, effFmt                                                     *discovery.Mask
	mask                                                               *discovery.Mask
	memo                                                               map[string][2]json.RawMessage // by format: userEnteredFormat, effectiveFormat
}

func newCellWriter(m *discovery.Mask) *cellWriter {
	w := &cellWriter{mask: m, memo: map[string][2]json.RawMessage{}}
	_, w.entered = m.Sub("userEnteredValue")
	_, w.effective = m.Sub("effectiveValue")
	_, w.formatted = m.Sub("formattedValue")
	_, w.note = m.Sub("note")
	w.format, w.userFormat = m.Sub("userEnteredFormat")
	w.effFmt, w.effFormat = m.Sub("effectiveFormat")
	for _, n := range opaqueFields {
		if _, ok := m.Sub(n); ok {
			w.opaque = true
		}
	}
	return w
}

// row writes a RowData; any is false when it came out empty.
func (w *cellWriter) row(b []byte, r *row, c0, c1 int) (out []byte, any bool) {
	start := len(b)
	b = append(b, `{"values":[`...)
	kept := 0
	for c := c0; r != nil && c < min(c1, len(r.cells)); c++ {
		if c > c0 {
			b = append(b, ',')
		}
		at := len(b)
		b = w.cell(b, &r.cells[c])
		if len(b)-at > 2 {
			kept = len(b)
		}
	}
	if kept == 0 {
		return append(b[:start], '{', '}'), false
	}
	return append(b[:kept], ']', '}'), true
}

func (w *cellWriter) cell(b []byte, c *cell) []byte {
	b = append(b, '{')
	start := len(b)
	name := func(n string) {
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), n...), '"', ':')
	}
	x := c.extra()
	if c.k != kEmpty {
		if w.entered {
			name("userEnteredValue")
			b = appendExtended(b, c.value)
		}
		eff := c.effective()
		if w.effective && eff.k != kEmpty {
			name("effectiveValue")
			b = appendExtended(b, eff)
		}
		if w.formatted {
			if s := shown(eff, x.format); s != "" {
				name("formattedValue")
				b = appendString(b, s)
			}
		}
	}
	if x.format != "" && w.userFormat {
		if f := w.formats(x.format)[0]; f != nil {
			name("userEnteredFormat")
			b = append(b, f...)
		}
	}
	if w.effFormat && (x.format != "" || c.k != kEmpty) {
		if f := w.formats(x.format)[1]; f != nil {
			name("effectiveFormat")
			b = append(b, f...)
		}
	}
	if x.note != "" && w.note {
		name("note")
		b = appendString(b, x.note)
	}
	if x.opaque != "" && w.opaque {
		var m map[string]any
		if json.Unmarshal([]byte(x.opaque), &m) == nil {
			w.mask.Prune(m)
			for _, n := range opaqueFields {
				if v, ok := m[n]; ok {
					name(n)
					b = appendJSON(b, v)
				}
			}
		}
	}
	return append(b, '}')
}

func appendExtended(b []byte, v value) []byte {
	switch v.k {
	case kString:
		return append(appendString(append(b, `{"stringValue":`...), v.s), '}')
	case kNumber:
		return append(appendNumber(append(b, `{"numberValue":`...), v.n), '}')
	case kBool:
		return append(strconv.AppendBool(append(b, `{"boolValue":`...), v.n != 0), '}')
	case kFormula:
		return append(appendString(append(b, `{"formulaValue":`...), v.s), '}')
	case kError:
		b = append(append(append(b, `{"errorValue":{"type":"`...), errorTypes[int(v.n)]...), '"')
		if v.s != "" {
			b = appendString(append(b, `,"message":`...), v.s)
		}
		return append(b, '}', '}')
	}
	return append(b, '{', '}')
}

// formats are the user's and the effective format in JSON, masked; nil where nothing is left.
func (w *cellWriter) formats(format string) [2]json.RawMessage {
	if f, ok := w.memo[format]; ok {
		return f
	}
	var f [2]json.RawMessage
	user := map[string]any{}
	if format != "" && json.Unmarshal([]byte(format), &user) != nil {
		user = map[string]any{}
	}
	eff := clone(baseFormat)
	for k, v := range user {
		if m, ok := v.(map[string]any); ok {
			m = clone(m)
			if base, ok := eff[k].(map[string]any); ok && k == "textFormat" {
				for kk, vv := range m {
					base[kk] = vv
				}
				m = base
			}
			v = m
		}
		eff[k] = v
	}
	w.format.Prune(user)
	w.effFmt.Prune(eff)
	if len(user) > 0 {
		f[0] = appendJSON(nil, user)
	}
	if len(eff) > 0 {
		f[1] = appendJSON(nil, eff)
	}
	w.memo[format] = f
	return f
}
