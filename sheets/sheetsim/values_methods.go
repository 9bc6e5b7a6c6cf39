package sheetsim

func (c *call) rendering() rendering {
	return readRendering(c.text("valueRenderOption"), c.text("dateTimeRenderOption"), c.text("majorDimension"))
}

func (c *call) responseRendering() rendering {
	return readRendering(c.text("responseValueRenderOption"), c.text("responseDateTimeRenderOption"), "")
}

func (c *call) valuesGet(b *book) (map[string]any, error) {
	s, a, err := b.resolve(c.params["range"])
	if err != nil {
		return nil, err
	}
	return s.valueRange(a, c.rendering())
}

func (c *call) valuesBatchGet(b *book) (map[string]any, error) {
	rd := c.rendering()
	out := map[string]any{"spreadsheetId": b.id}
	var ranges []any
	for _, r := range c.query["ranges"] {
		s, a, err := b.resolve(r)
		if err != nil {
			return nil, err
		}
		v, err := s.valueRange(a, rd)
		if err != nil {
			return nil, err
		}
		ranges = append(ranges, v)
	}
	if ranges != nil {
		out["valueRanges"] = ranges
	}
	return out, nil
}

func (c *call) valuesBatchGetByDataFilter(b *book) (map[string]any, error) {
	found, err := b.matches(list(c.body, "dataFilters"))
	if err != nil {
		return nil, err
	}
	rd := c.rendering()
	out := map[string]any{"spreadsheetId": b.id}
	var ranges []any
	for _, m := range found {
		v, err := m.sheet.valueRange(m.area, rd)
		if err != nil {
			return nil, err
		}
		ranges = append(ranges, map[string]any{"valueRange": v, "dataFilters": m.filters})
	}
	if ranges != nil {
		out["valueRanges"] = ranges
	}
	return out, nil
}

// inputOption is required by every call that writes values.
func (c *call) inputOption() (string, error) {
	switch o := c.text("valueInputOption"); o {
	case "RAW", "USER_ENTERED":
		return o, nil
	}
	return "", invalid("'valueInputOption' is required but not specified")
}

// updateJSON is an UpdateValuesResponse.
func (c *call) updateJSON(u update) (map[string]any, error) {
	out := map[string]any{"spreadsheetId": u.sheet.book.id, "updatedRange": u.sheet.name(u.area)}
	if u.cells > 0 {
		out["updatedRows"], out["updatedColumns"], out["updatedCells"] = u.rows, u.cols, u.cells
	}
	if c.flag("includeValuesInResponse") {
		data, err := u.sheet.valueRange(u.area, c.responseRendering())
		if err != nil {
			return nil, err
		}
		out["updatedData"] = data
	}
	return out, nil
}

func (c *call) valuesUpdate(b *book) (map[string]any, error) {
	option, err := c.inputOption()
	if err != nil {
		return nil, err
	}
	s, a, err := b.resolve(c.params["range"])
	if err != nil {
		return nil, err
	}
	if in := str(c.body, "range"); in != "" {
		if s2, a2, err := b.resolve(in); err != nil {
			return nil, err
		} else if s2 != s || a2 != a {
			return nil, invalid("Requested writing to range %s, but the body has range %s", c.params["range"], in)
		}
	}
	rows, err := rowsOf(list(c.body, "values"), str(c.body, "majorDimension"))
	if err != nil {
		return nil, err
	}
	u, err := c.server.writeValues(s, a, rows, option)
	if err != nil {
		return nil, err
	}
	return c.updateJSON(u)
}

func (c *call) valuesBatchUpdate(b *book) (map[string]any, error) {
	option, err := c.inputOption()
	if err != nil {
		return nil, err
	}
	var done []update
	for i, x := range list(c.body, "data") {
		v, _ := x.(map[string]any)
		s, a, err := b.resolve(str(v, "range"))
		if err != nil {
			return nil, invalidData(i, err)
		}
		rows, err := rowsOf(list(v, "values"), str(v, "majorDimension"))
		if err != nil {
			return nil, err
		}
		u, err := c.server.writeValues(s, a, rows, option)
		if err != nil {
			return nil, invalidData(i, err)
		}
		done = append(done, u)
	}
	return c.totals(b, done, nil)
}

// totals is a BatchUpdateValuesResponse or, with filters, a BatchUpdateValuesByDataFilterResponse.
func (c *call) totals(b *book, done []update, filters []any) (map[string]any, error) {
	out := map[string]any{"spreadsheetId": b.id}
	var responses []any
	rows, cols, cells := 0, 0, 0
	sheets := map[*sheet]bool{}
	for i, u := range done {
		r, err := c.updateJSON(u)
		if err != nil {
			return nil, err
		}
		if filters != nil {
			delete(r, "spreadsheetId")
			r["dataFilter"] = filters[i]
		}
		responses = append(responses, r)
		rows, cols, cells = rows+u.rows, cols+u.cols, cells+u.cells
		if u.cells > 0 {
			sheets[u.sheet] = true
		}
	}
	if responses != nil {
		out["responses"] = responses
	}
	for k, n := range map[string]int{"totalUpdatedRows": rows, "totalUpdatedColumns": cols, "totalUpdatedCells": cells, "totalUpdatedSheets": len(sheets)} {
		if n > 0 {
			out[k] = n
		}
	}
	return out, nil
}

// invalidData puts the place in a batch before an error's message.
func invalidData(i int, err error) error {
	if e, ok := err.(*apiError); ok {
		c := *e
		c.message = "Invalid data[" + itoa(i) + "]: " + e.message
		return &c
	}
	return err
}

func (c *call) valuesBatchUpdateByDataFilter(b *book) (map[string]any, error) {
	option, err := c.inputOption()
	if err != nil {
		return nil, err
	}
	var done []update
	var filters []any
	for i, x := range list(c.body, "data") {
		v, _ := x.(map[string]any)
		f := object(v, "dataFilter")
		found, err := b.matches([]any{f})
		if err != nil {
			return nil, invalidData(i, err)
		}
		rows, err := rowsOf(list(v, "values"), str(v, "majorDimension"))
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			u, err := c.server.writeValues(m.sheet, m.area, rows, option)
			if err != nil {
				return nil, invalidData(i, err)
			}
			done = append(done, u)
			filters = append(filters, f)
		}
	}
	if filters == nil {
		filters = []any{}
	}
	return c.totals(b, done, filters)
}

var onlyValues = &cellFields{value: true, justValue: true}

func (c *call) valuesClear(b *book) (map[string]any, error) {
	s, a, err := b.resolve(c.params["range"])
	if err != nil {
		return nil, err
	}
	if a, err = s.clip(a); err != nil {
		return nil, err
	}
	if err := s.clearArea(a, onlyValues); err != nil {
		return nil, err
	}
	return map[string]any{"spreadsheetId": b.id, "clearedRange": s.name(a)}, nil
}

func (c *call) valuesBatchClear(b *book) (map[string]any, error) {
	var cleared []any
	for _, x := range list(c.body, "ranges") {
		r, _ := x.(string)
		s, a, err := b.resolve(r)
		if err != nil {
			return nil, err
		}
		if a, err = s.clip(a); err != nil {
			return nil, err
		}
		if err := s.clearArea(a, onlyValues); err != nil {
			return nil, err
		}
		cleared = append(cleared, s.name(a))
	}
	return clearedJSON(b, cleared), nil
}

func (c *call) valuesBatchClearByDataFilter(b *book) (map[string]any, error) {
	found, err := b.matches(list(c.body, "dataFilters"))
	if err != nil {
		return nil, err
	}
	var cleared []any
	for _, m := range found {
		if err := m.sheet.clearArea(m.area, onlyValues); err != nil {
			return nil, err
		}
		cleared = append(cleared, m.sheet.name(m.area))
	}
	return clearedJSON(b, cleared), nil
}

func clearedJSON(b *book, cleared []any) map[string]any {
	out := map[string]any{"spreadsheetId": b.id}
	if cleared != nil {
		out["clearedRanges"] = cleared
	}
	return out
}
