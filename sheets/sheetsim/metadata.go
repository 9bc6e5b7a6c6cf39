package sheetsim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
)

type place int

// Where a metadata entry hangs; as stored.
const (
	onSpreadsheet place = iota
	onSheet
	onRow
	onColumn
)

var placeNames = [...]string{"SPREADSHEET", "SHEET", "ROW", "COLUMN"}

// rowsDim and colsDim name the two ways through a grid.
const (
	rowsDim = onRow
	colsDim = onColumn
)

type metadata struct {
	id         int
	key, value string
	visibility string // DOCUMENT or PROJECT
	place      place
	sheet      int // of a sheet, row or column
	at         int // the row or column, from 0
}

func (m *metadata) chars() int { return utf16Len(m.key) + utf16Len(m.value) }

// json is the entry as the API shows it.
func (m *metadata) json() map[string]any {
	loc := map[string]any{"locationType": placeNames[m.place]}
	switch m.place {
	case onSpreadsheet:
		loc["spreadsheet"] = true
	case onSheet:
		loc["sheetId"] = m.sheet
	default:
		dim := "ROWS"
		if m.place == onColumn {
			dim = "COLUMNS"
		}
		loc["dimensionRange"] = map[string]any{"sheetId": m.sheet, "dimension": dim, "startIndex": m.at, "endIndex": m.at + 1}
	}
	out := map[string]any{"metadataId": m.id, "metadataKey": m.key, "location": loc, "visibility": m.visibility}
	if m.value != "" {
		out["metadataValue"] = m.value
	}
	return out
}

// metadataList returns all entries of the spreadsheet, read once per transaction, in order of their ids.
func (b *book) metadataList() ([]*metadata, error) {
	if b.metaRead {
		return b.meta, nil
	}
	rows, err := b.tx.QueryContext(b.ctx, "SELECT id, tab, kind, at, key, value, visibility FROM meta WHERE book = ? ORDER BY id", b.key)
	if err != nil {
		return nil, fmt.Errorf("read metadata of %s: %w", b.id, err)
	}
	defer rows.Close()
	for rows.Next() {
		m := &metadata{}
		if err := rows.Scan(&m.id, &m.sheet, &m.place, &m.at, &m.key, &m.value, &m.visibility); err != nil {
			return nil, fmt.Errorf("read metadata of %s: %w", b.id, err)
		}
		b.meta = append(b.meta, m)
	}
	b.metaRead = true
	return b.meta, rows.Err()
}

// saveMetadata writes all entries. There are never many: 30,000 characters of them in a sheet.
func (b *book) saveMetadata() error {
	if _, err := b.tx.ExecContext(b.ctx, "DELETE FROM meta WHERE book = ?", b.key); err != nil {
		return fmt.Errorf("save metadata of %s: %w", b.id, err)
	}
	if len(b.meta) == 0 {
		return nil
	}
	ins, err := b.tx.PrepareContext(b.ctx, "INSERT INTO meta (book, id, tab, kind, at, key, value, visibility) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return fmt.Errorf("save metadata of %s: %w", b.id, err)
	}
	defer ins.Close()
	for _, m := range b.meta {
		if _, err := ins.ExecContext(b.ctx, b.key, m.id, m.sheet, m.place, m.at, m.key, m.value, m.visibility); err != nil {
			return fmt.Errorf("save metadata of %s: %w", b.id, err)
		}
	}
	return nil
}

func (s *sheet) eachMetadata(dim place, f func(*metadata)) error {
	list, err := s.book.metadataList()
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.place == dim && m.sheet == s.id {
			f(m)
			s.book.metaDirty = true
		}
	}
	return nil
}

func (s *sheet) shiftMetadata(dim place, at, n int) error {
	return s.eachMetadata(dim, func(m *metadata) {
		if m.at >= at {
			m.at += n
		}
	})
}

func (s *sheet) permuteMetadata(dim place, to func(int) int) error {
	return s.eachMetadata(dim, func(m *metadata) { m.at = to(m.at) })
}

func (s *sheet) cutMetadata(dim place, from, to int) error {
	err := s.eachMetadata(dim, func(m *metadata) {
		switch {
		case m.at >= to:
			m.at -= to - from
		case m.at >= from:
			m.at = -1
		}
	})
	if err != nil {
		return err
	}
	return s.book.dropMetadata(func(m *metadata) bool { return m.at < 0 && m.place == dim && m.sheet == s.id })
}

func (b *book) dropMetadata(gone func(*metadata) bool) error {
	list, err := b.metadataList()
	if err != nil {
		return err
	}
	n := len(list)
	b.meta = slices.DeleteFunc(list, gone)
	b.metaDirty = b.metaDirty || len(b.meta) != n
	return nil
}

// addMetadata checks and keeps a new entry; an id of 0 is chosen here.
func (b *book) addMetadata(m *metadata) error {
	list, err := b.metadataList()
	if err != nil {
		return err
	}
	if m.id == 0 {
		for m.id == 0 || b.metadataByID(m.id) != nil {
			m.id = 1 + rand.IntN(1<<31-2)
		}
	} else if b.metadataByID(m.id) != nil {
		return invalid("Developer metadata with ID %d already exists.", m.id)
	}
	at := sort.Search(len(list), func(i int) bool { return list[i].id > m.id })
	b.meta = slices.Insert(list, at, m)
	b.metaDirty = true
	return b.checkMetadataSize()
}

// metadataByID needs metadataList to have been called.
func (b *book) metadataByID(id int) *metadata {
	at := sort.Search(len(b.meta), func(i int) bool { return b.meta[i].id >= id })
	if at < len(b.meta) && b.meta[at].id == id {
		return b.meta[at]
	}
	return nil
}

// checkMetadataSize holds Google's limit: 30,000 characters of keys and values on the spreadsheet, and as much on
// each sheet with its rows and columns.
func (b *book) checkMetadataSize() error {
	size := map[int]int{}
	for _, m := range b.meta {
		where := m.sheet
		if m.place == onSpreadsheet {
			where = -1
		}
		if size[where] += m.chars(); size[where] > maxMetaChars {
			return invalid("Developer metadata is limited to %d characters.", maxMetaChars)
		}
	}
	return nil
}

// parseLocation reads a DeveloperMetadataLocation that is written, not looked up.
func (b *book) parseLocation(loc map[string]any, m *metadata) error {
	n := 0
	if on, _ := loc["spreadsheet"].(bool); on {
		m.place, m.sheet, m.at = onSpreadsheet, 0, 0
		n++
	}
	if id, ok := loc["sheetId"].(int); ok {
		if b.sheetByID(id) == nil {
			return invalid("No grid with id: %d", id)
		}
		m.place, m.sheet, m.at = onSheet, id, 0
		n++
	}
	if dr, ok := loc["dimensionRange"].(map[string]any); ok {
		s, dim, from, to, err := b.dimensionRange(dr)
		if err != nil {
			return err
		}
		if _, ok := dr["endIndex"]; !ok || to != from+1 {
			return invalid("The DimensionRange of a developer metadata location must represent a single row or column.")
		}
		m.place, m.sheet, m.at = dim, s.id, from
		n++
	}
	if n != 1 {
		return invalid("Developer metadata must have exactly one location.")
	}
	return nil
}

// find returns the entries that a DeveloperMetadataLookup selects, in order of their ids.
func (b *book) findMetadata(lookup map[string]any) ([]*metadata, error) {
	list, err := b.metadataList()
	if err != nil {
		return nil, err
	}
	var near *metadata // the location asked for, as an entry
	exact := str(lookup, "locationMatchingStrategy") == "EXACT_LOCATION"
	if loc, ok := lookup["metadataLocation"].(map[string]any); ok {
		near = &metadata{}
		if err := b.parseLocation(loc, near); err != nil {
			return nil, err
		}
		if exact && str(lookup, "locationType") != "" {
			return nil, invalid("locationType must be unspecified when the location matching strategy is EXACT_LOCATION.")
		}
	} else if str(lookup, "locationMatchingStrategy") != "" {
		return nil, invalid("A metadataLocation must be specified with a locationMatchingStrategy.")
	}
	var out []*metadata
	for _, m := range list {
		if id, ok := lookup["metadataId"].(int); ok && id != m.id {
			continue
		}
		if k, ok := lookup["metadataKey"].(string); ok && k != m.key {
			continue
		}
		if v, ok := lookup["metadataValue"].(string); ok && v != m.value {
			continue
		}
		if v := str(lookup, "visibility"); v != "" && v != m.visibility {
			continue
		}
		if t := str(lookup, "locationType"); t != "" && t != placeNames[m.place] {
			continue
		}
		if near != nil && !meets(near, m, exact) {
			continue
		}
		out = append(out, m)
	}
	return out, nil
}

// meets reports whether entry m stands at the location of near, or (not exact) crosses it: a sheet meets its rows and
// columns, a row meets every column. Spreadsheet metadata crosses nothing else.
func meets(near, m *metadata, exact bool) bool {
	if near.place == m.place && near.sheet == m.sheet && near.at == m.at {
		return true
	}
	if exact || near.place == onSpreadsheet || m.place == onSpreadsheet || near.sheet != m.sheet {
		return false
	}
	return near.place != m.place
}

// matchFilters returns the entries that any of the filters selects. A range selects what crosses it.
func (b *book) matchFilters(filters []any) ([]*metadata, [][]any, error) {
	list, err := b.metadataList()
	if err != nil {
		return nil, nil, err
	}
	by := map[int][]any{}
	for _, x := range filters {
		f, _ := x.(map[string]any)
		var found []*metadata
		if lookup, ok := f["developerMetadataLookup"].(map[string]any); ok {
			if found, err = b.findMetadata(lookup); err != nil {
				return nil, nil, err
			}
		} else {
			s, a, err := b.filterArea(f)
			if err != nil {
				return nil, nil, err
			}
			for _, m := range list {
				if m.place != onSpreadsheet && m.sheet == s.id && crosses(m, a) {
					found = append(found, m)
				}
			}
		}
		for _, m := range found {
			by[m.id] = append(by[m.id], f)
		}
	}
	var out []*metadata
	var why [][]any
	for _, m := range list {
		if by[m.id] != nil {
			out = append(out, m)
			why = append(why, by[m.id])
		}
	}
	return out, why, nil
}

func crosses(m *metadata, a area) bool {
	switch m.place {
	case onRow:
		return m.at >= a.r0 && (a.r1 < 0 || m.at < a.r1)
	case onColumn:
		return m.at >= a.c0 && (a.c1 < 0 || m.at < a.c1)
	}
	return true
}
