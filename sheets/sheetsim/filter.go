package sheetsim

// Ranges of requests: GridRange, GridCoordinate, DimensionRange and DataFilter.

func str(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}

func num(m map[string]any, key string) int {
	n, _ := m[key].(int)
	return n
}

func flag(m map[string]any, key string) bool {
	b, _ := m[key].(bool)
	return b
}

func object(m map[string]any, key string) map[string]any {
	o, _ := m[key].(map[string]any)
	return o
}

func list(m map[string]any, key string) []any {
	l, _ := m[key].([]any)
	return l
}

// grid finds the sheet of a request; an absent sheetId is 0, as in protocol buffers.
func (b *book) grid(id int) (*sheet, error) {
	if s := b.sheetByID(id); s != nil {
		return s, nil
	}
	return nil, invalid("No grid with id: %d", id)
}

// gridRange reads a GridRange. Open ends stay open.
func (b *book) gridRange(g map[string]any) (*sheet, area, error) {
	s, err := b.grid(num(g, "sheetId"))
	if err != nil {
		return nil, area{}, err
	}
	a := area{num(g, "startRowIndex"), num(g, "startColumnIndex"), -1, -1}
	if n, ok := g["endRowIndex"].(int); ok {
		a.r1 = n
	}
	if n, ok := g["endColumnIndex"].(int); ok {
		a.c1 = n
	}
	if a.r0 < 0 || a.c0 < 0 {
		return nil, area{}, invalid("GridRange indexes must not be negative.")
	}
	if a.r1 >= 0 && a.r1 <= a.r0 || g["endRowIndex"] != nil && a.r1 < 0 {
		return nil, area{}, invalid("GridRange.endRowIndex[%d] must be after startRowIndex[%d]", a.r1, a.r0)
	}
	if a.c1 >= 0 && a.c1 <= a.c0 || g["endColumnIndex"] != nil && a.c1 < 0 {
		return nil, area{}, invalid("GridRange.endColumnIndex[%d] must be after startColumnIndex[%d]", a.c1, a.c0)
	}
	return s, a, nil
}

// gridRangeInside is gridRange with its ends closed; any part outside of the grid is an error.
func (b *book) gridRangeInside(g map[string]any) (*sheet, area, error) {
	if g == nil {
		return nil, area{}, invalid("The range is required.")
	}
	s, a, err := b.gridRange(g)
	if err != nil {
		return nil, area{}, err
	}
	closed, err := s.clip(a)
	if err != nil {
		return nil, area{}, err
	}
	if a.r1 > closed.r1 || a.c1 > closed.c1 {
		return nil, area{}, s.offGrid(a)
	}
	return s, closed, nil
}

func gridRangeJSON(s *sheet, a area) map[string]any {
	out := map[string]any{"sheetId": s.id}
	if a.r0 > 0 || a.r1 >= 0 {
		out["startRowIndex"] = a.r0
	}
	if a.r1 >= 0 {
		out["endRowIndex"] = a.r1
	}
	if a.c0 > 0 || a.c1 >= 0 {
		out["startColumnIndex"] = a.c0
	}
	if a.c1 >= 0 {
		out["endColumnIndex"] = a.c1
	}
	return out
}

// dimensionRange reads a DimensionRange and closes its ends.
func (b *book) dimensionRange(d map[string]any) (s *sheet, dim place, from, to int, err error) {
	if s, err = b.grid(num(d, "sheetId")); err != nil {
		return nil, 0, 0, 0, err
	}
	size := s.rowCount()
	switch str(d, "dimension") {
	case "ROWS":
		dim = rowsDim
	case "COLUMNS":
		dim, size = colsDim, s.colCount()
	default:
		return nil, 0, 0, 0, invalid("No dimension specified.")
	}
	from, to = num(d, "startIndex"), size
	if n, ok := d["endIndex"].(int); ok {
		to = n
	}
	if from < 0 {
		return nil, 0, 0, 0, invalid("startIndex[%d] must not be negative.", from)
	}
	if to <= from {
		return nil, 0, 0, 0, invalid("endIndex[%d] must be after startIndex[%d].", to, from)
	}
	return s, dim, from, to, nil
}

func (s *sheet) size(dim place) int {
	if dim == rowsDim {
		return s.rowCount()
	}
	return s.colCount()
}

// filterArea reads a DataFilter that names a place.
func (b *book) filterArea(f map[string]any) (*sheet, area, error) {
	if g, ok := f["gridRange"].(map[string]any); ok {
		return b.gridRange(g)
	}
	if a1, ok := f["a1Range"].(string); ok {
		return b.resolve(a1)
	}
	return nil, area{}, invalid("Must specify a filter.")
}

// A match is one place that data filters select.
type match struct {
	sheet   *sheet
	area    area // closed
	filters []any
}

// matches returns the places that the filters select: in the filters' order, a place that several select only once.
func (b *book) matches(filters []any) ([]match, error) {
	if len(filters) == 0 {
		return nil, invalid("Must specify at least one data filter.")
	}
	var out []match
	add := func(s *sheet, a area, f any) error {
		a, err := s.clip(a)
		if err != nil {
			return err
		}
		for i := range out {
			if out[i].sheet == s && out[i].area == a {
				out[i].filters = append(out[i].filters, f)
				return nil
			}
		}
		out = append(out, match{s, a, []any{f}})
		return nil
	}
	for _, x := range filters {
		f, _ := x.(map[string]any)
		lookup, ok := f["developerMetadataLookup"].(map[string]any)
		if !ok {
			s, a, err := b.filterArea(f)
			if err != nil {
				return nil, err
			}
			if err := add(s, a, f); err != nil {
				return nil, err
			}
			continue
		}
		found, err := b.findMetadata(lookup)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			switch m.place {
			case onSpreadsheet:
				for _, s := range b.sheets {
					err = add(s, area{0, 0, -1, -1}, f)
				}
			case onSheet:
				err = add(b.sheetByID(m.sheet), area{0, 0, -1, -1}, f)
			case onRow:
				err = add(b.sheetByID(m.sheet), area{m.at, 0, m.at + 1, -1}, f)
			case onColumn:
				err = add(b.sheetByID(m.sheet), area{0, m.at, -1, m.at + 1}, f)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
