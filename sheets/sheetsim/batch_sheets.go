package sheetsim

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"rowsmith/sheets/sheetsim/discovery"
)

// A new tab has this size unless its request says otherwise.
const (
	newRows = 1000
	newCols = 26
)

// updateMask reads the `fields` of an update of message schema.
func (c *call) updateMask(text, schema string) (*discovery.Mask, error) {
	if text == "" {
		return nil, invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
	}
	m, err := discovery.ParseMask(text)
	if err != nil {
		return nil, invalid("Invalid field mask: %s", text)
	}
	if bad := c.server.doc.CheckMask(c.server.doc.Schema(schema), m); bad != "" {
		return nil, invalid("Invalid field: %s", bad)
	}
	return m, nil
}

// create makes a spreadsheet out of a Spreadsheet message: its properties, sheets, their data and developer metadata.
func (c *call) create() (map[string]any, error) {
	s := c.server
	id := s.cfg.NewID()
	props := object(c.body, "properties")
	title := str(props, "title")
	if title == "" {
		title = "Untitled spreadsheet"
	}
	var out map[string]any
	err := s.disk.create(c.ctx, id, title, s.cfg.Clock.Now(), func(b *book) error {
		for k, v := range props {
			if k != "title" && k != "defaultFormat" {
				b.props[k] = v
				b.changed = true
			}
		}
		sheets := list(c.body, "sheets")
		if len(sheets) == 0 {
			sheets = []any{map[string]any{"properties": map[string]any{"title": "Sheet1", "sheetId": 0}}}
		}
		for i, x := range sheets {
			m, _ := x.(map[string]any)
			if err := c.createSheet(b, i, m); err != nil {
				return err
			}
		}
		for _, x := range list(c.body, "developerMetadata") {
			if _, err := createMetadata(b, map[string]any{"developerMetadata": x}); err != nil {
				return err
			}
		}
		var err error
		out, err = c.spreadsheet(b, nil, false, c.mask)
		return err
	})
	return out, err
}

func (c *call) createSheet(b *book, i int, m map[string]any) error {
	p := object(m, "properties")
	if p == nil {
		p = map[string]any{}
	}
	if _, ok := p["index"]; ok {
		p = clone(p)
		delete(p, "index")
	}
	sh, err := b.addSheet(p)
	if err != nil {
		return err
	}
	for _, x := range list(m, "data") {
		d, _ := x.(map[string]any)
		f, err := c.server.cellFields("*")
		if err != nil {
			return err
		}
		rows, err := c.rowsOfCells(map[string]any{"rows": d["rowData"]}, f)
		if err != nil {
			return err
		}
		width := 0
		for _, r := range rows {
			width = max(width, len(r))
		}
		r0, c0 := num(d, "startRow"), num(d, "startColumn")
		if err := sh.grow(r0+len(rows), c0+width); err != nil {
			return err
		}
		if err := sh.putRows(r0, c0, rows, &f); err != nil {
			return err
		}
	}
	for _, x := range list(m, "developerMetadata") {
		d := clone(x.(map[string]any))
		d["location"] = map[string]any{"sheetId": sh.id}
		if _, err := createMetadata(b, map[string]any{"developerMetadata": d}); err != nil {
			return err
		}
	}
	if f := object(m, "basicFilter"); f != nil {
		sh.head.Filter = f
	}
	return nil
}

func (b *book) checkTitle(title string, but *sheet) error {
	if title == "" || utf16Len(title) > maxTitle {
		return invalid("Sheet names must have between 1 and %d characters.", maxTitle)
	}
	if s := b.sheetByTitle(title); s != nil && s != but {
		return invalid("A sheet with the name \"%s\" already exists. Please enter another name.", title)
	}
	return nil
}

// addSheet adds a tab as SheetProperties describe it.
func (b *book) addSheet(p map[string]any) (*sheet, error) {
	title, ok := p["title"].(string)
	if !ok {
		for n := len(b.sheets) + 1; ok == false; n++ {
			title = "Sheet" + strconv.Itoa(n)
			ok = b.sheetByTitle(title) == nil
		}
	}
	if err := b.checkTitle(title, nil); err != nil {
		return nil, err
	}
	if t := str(p, "sheetType"); t != "" && t != "GRID" {
		return nil, invalid("Sheets of type %s are not simulated by this server", t)
	}
	id, given := p["sheetId"].(int)
	switch {
	case given && id < 0:
		return nil, invalid("Sheet ids must not be negative.")
	case given && b.sheetByID(id) != nil:
		return nil, invalid("A sheet with id %d already exists.", id)
	}
	for !given {
		id = 1 + rand.IntN(1<<31-2)
		given = b.sheetByID(id) == nil
	}
	g := object(p, "gridProperties")
	rows, cols := newRows, newCols
	if n, ok := g["rowCount"].(int); ok {
		rows = n
	}
	if n, ok := g["columnCount"].(int); ok {
		cols = n
	}
	switch {
	case rows < 1 || cols < 1:
		return nil, invalid("A sheet must have at least one row and one column.")
	case cols > maxColumns:
		return nil, invalid("This action would increase the number of columns in the sheet above the limit of %d columns.", maxColumns)
	case rows > maxCells || b.cells()+rows*cols > maxCells:
		return nil, tooManyCells()
	}
	s := newSheet(b, id, rows, cols, title)
	if err := s.setProperties(p, nil); err != nil {
		return nil, err
	}
	at := len(b.sheets)
	if n, ok := p["index"].(int); ok {
		at = min(max(0, n), at)
	}
	b.sheets = slices.Insert(b.sheets, at, s)
	return s, nil
}

func (b *book) index(s *sheet) int { return slices.Index(b.sheets, s) }

func addSheet(b *book, in map[string]any) (map[string]any, error) {
	p := object(in, "properties")
	s, err := b.addSheet(p)
	if err != nil {
		return nil, err
	}
	return map[string]any{"addSheet": map[string]any{"properties": s.propertiesJSON(b.index(s))}}, nil
}

func deleteSheet(b *book, in map[string]any) error {
	s, err := b.grid(num(in, "sheetId"))
	if err != nil {
		return err
	}
	if len(b.sheets) == 1 {
		return invalid("You can't remove all the sheets in a document.")
	}
	if err := s.drop(); err != nil {
		return err
	}
	b.sheets = slices.DeleteFunc(b.sheets, func(x *sheet) bool { return x == s })
	return b.dropMetadata(func(m *metadata) bool { return m.place != onSpreadsheet && m.sheet == s.id })
}

// setProperties takes over what m means of SheetProperties, beside title, index and the grid's size.
func (s *sheet) setProperties(p map[string]any, m *discovery.Mask) error {
	s.changed = true
	if m.Has("hidden") {
		s.head.Hidden = flag(p, "hidden")
	}
	for _, k := range []string{"rightToLeft", "tabColor", "tabColorStyle"} {
		if m.Has(k) {
			set(&s.head.Props, k, p[k])
		}
	}
	g, in := object(p, "gridProperties"), m
	in, ok := m.Sub("gridProperties")
	if !ok {
		return nil
	}
	if in.Has("frozenRowCount") {
		if n := num(g, "frozenRowCount"); n < 0 || n >= s.rowCount() && n > 0 {
			return invalid("You can't freeze all visible rows on the sheet.")
		} else {
			s.head.FrozenRows = n
		}
	}
	if in.Has("frozenColumnCount") {
		if n := num(g, "frozenColumnCount"); n < 0 || n >= s.colCount() && n > 0 {
			return invalid("You can't freeze all visible columns on the sheet.")
		} else {
			s.head.FrozenCols = n
		}
	}
	for _, k := range []string{"hideGridlines", "rowGroupControlAfter", "columnGroupControlAfter"} {
		if in.Has(k) {
			set(&s.head.Grid, k, g[k])
		}
	}
	return nil
}

func set(m *map[string]any, k string, v any) {
	if v == nil || v == false {
		delete(*m, k)
		return
	}
	if *m == nil {
		*m = map[string]any{}
	}
	(*m)[k] = v
}

func (c *call) updateSheetProperties(b *book, in map[string]any) error {
	mask, err := c.updateMask(str(in, "fields"), "SheetProperties")
	if err != nil {
		return err
	}
	p := object(in, "properties")
	s, err := b.grid(num(p, "sheetId"))
	if err != nil {
		return err
	}
	g := object(p, "gridProperties")
	if sub, ok := mask.Sub("gridProperties"); ok {
		rows, cols := s.rowCount(), s.colCount()
		if _, given := g["rowCount"]; given && sub.Has("rowCount") {
			rows = num(g, "rowCount")
		}
		if _, given := g["columnCount"]; given && sub.Has("columnCount") {
			cols = num(g, "columnCount")
		}
		if err := s.resize(rows, cols); err != nil {
			return err
		}
	}
	if mask.Has("title") {
		title := str(p, "title")
		if err := b.checkTitle(title, s); err != nil {
			return err
		}
		s.head.Title = title
	}
	if mask.Has("index") && (!mask.All() || p["index"] != nil) {
		// The index counts before the move, as in the API's comment: moving right lands one to the left.
		from, to := b.index(s), num(p, "index")
		if to < 0 || to > len(b.sheets) {
			return invalid("index[%d] is outside of the document's sheets[%d].", to, len(b.sheets))
		}
		if to > from {
			to--
		}
		b.sheets = slices.Insert(slices.Delete(b.sheets, from, from+1), to, s)
	}
	return s.setProperties(p, mask)
}

// resize makes the grid rows × cols, at its ends.
func (s *sheet) resize(rows, cols int) error {
	if rows < 1 || cols < 1 {
		return invalid("A sheet must have at least one row and one column.")
	}
	if err := s.book.room(s, rows-s.rowCount(), cols-s.colCount()); err != nil {
		return err
	}
	if n := s.colCount(); cols < n {
		if err := s.deleteCols(cols, n); err != nil {
			return err
		}
	}
	if n := s.rowCount(); rows < n {
		if err := s.deleteRows(rows, n); err != nil {
			return err
		}
	}
	return s.grow(rows, cols)
}

func (c *call) updateSpreadsheetProperties(b *book, in map[string]any) error {
	mask, err := c.updateMask(str(in, "fields"), "SpreadsheetProperties")
	if err != nil {
		return err
	}
	p := object(in, "properties")
	b.changed = true
	if mask.Has("title") {
		if b.title = str(p, "title"); b.title == "" {
			return invalid("The title must not be empty.")
		}
	}
	for _, k := range []string{"locale", "timeZone", "autoRecalc", "iterativeCalculationSettings", "importFunctionsExternalUrlAccessAllowed", "spreadsheetTheme"} {
		if mask.Has(k) && (!mask.All() || p[k] != nil) {
			set(&b.props, k, p[k])
		}
	}
	return nil
}

// copyInto copies the cells and columns of s into a new tab of b with the given title. Metadata is not copied.
func (s *sheet) copyInto(b *book, p map[string]any) (*sheet, error) {
	p["gridProperties"] = map[string]any{"rowCount": s.rowCount(), "columnCount": s.colCount()}
	t, err := b.addSheet(p)
	if err != nil {
		return nil, err
	}
	t.head.FrozenRows, t.head.FrozenCols = s.head.FrozenRows, s.head.FrozenCols
	for c := range s.colCount() {
		if d := s.column(c); d != (dimension{}) {
			t.setColumn(c, d)
		}
	}
	return t, s.scan(0, s.rowCount(), func(i int, r *row) error {
		if r == nil || len(r.cells) == 0 && r.px == 0 && !r.hidden {
			return nil
		}
		to, err := t.edit(i)
		if err != nil {
			return err
		}
		to.cells, to.px, to.hidden = slices.Clone(r.cells), r.px, r.hidden
		return nil
	})
}

func duplicateSheet(b *book, in map[string]any) (map[string]any, error) {
	s, err := b.grid(num(in, "sourceSheetId"))
	if err != nil {
		return nil, err
	}
	p := map[string]any{"index": num(in, "insertSheetIndex"), "title": "Copy of " + s.head.Title}
	if t := str(in, "newSheetName"); t != "" {
		p["title"] = t
	}
	if id, ok := in["newSheetId"].(int); ok {
		p["sheetId"] = id
	}
	t, err := s.copyInto(b, p)
	if err != nil {
		return nil, err
	}
	return map[string]any{"duplicateSheet": map[string]any{"properties": t.propertiesJSON(b.index(t))}}, nil
}

// copyTo copies a tab into another spreadsheet, in the one transaction.
func (c *call) copyTo(b *book) (map[string]any, error) {
	id, err := strconv.Atoi(c.params["sheetId"])
	if err != nil {
		return nil, invalid("Invalid value at 'sheet_id' (TYPE_INT32), %q", c.params["sheetId"])
	}
	s, err := b.grid(id)
	if err != nil {
		return nil, err
	}
	to := b
	if dest := str(c.body, "destinationSpreadsheetId"); dest != b.id {
		if to, err = loadBook(c.ctx, b.tx, dest); err != nil {
			return nil, err
		}
		to.writable = true
	}
	title := "Copy of " + s.head.Title
	for n := 1; to.sheetByTitle(title) != nil; n++ {
		title = "Copy of " + s.head.Title + " " + strconv.Itoa(n)
	}
	t, err := s.copyInto(to, map[string]any{"title": title})
	if err != nil {
		return nil, err
	}
	out := t.propertiesJSON(to.index(t))
	if to != b {
		return out, to.save()
	}
	return out, nil
}
