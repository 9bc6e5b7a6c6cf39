package sheetsim

import (
	"encoding/json"

	"rowsmith/sheets/sheetsim/discovery"
)

// cellFields is an update's field mask, ready to be applied to cells.
type cellFields struct {
	value     bool
	note      bool
	format    bool
	formatOf  *discovery.Mask // which parts of the format
	opaque    []string
	maskText  string // names the mask in memo keys
	justValue bool
}

// opaqueFields of CellData are kept and given back, and mean nothing to this server.
var opaqueFields = []string{"chipRuns", "dataValidation", "pivotTable", "textFormatRuns"}

// cellFields parses the `fields` of a request that writes cells.
func (s *Server) cellFields(text string) (cellFields, error) {
	if text == "" {
		return cellFields{}, invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
	}
	m, err := discovery.ParseMask(text)
	if err != nil {
		return cellFields{}, invalid("Invalid field mask: %s", text)
	}
	if bad := s.doc.CheckMask(s.doc.Schema("CellData"), m); bad != "" {
		return cellFields{}, invalid("Invalid field: %s", bad)
	}
	f := cellFields{maskText: text}
	_, f.value = m.Sub("userEnteredValue")
	_, f.note = m.Sub("note")
	f.formatOf, f.format = m.Sub("userEnteredFormat")
	for _, name := range opaqueFields {
		if _, ok := m.Sub(name); ok {
			f.opaque = append(f.opaque, name)
		}
	}
	f.justValue = f.value && !f.note && !f.format && len(f.opaque) == 0
	return f, nil
}

// A cellInput is one CellData of a request, read once and applied to any number of cells.
type cellInput struct {
	value, eff value
	note       string
	format     string // as JSON
	formatTree map[string]any
	opaque     map[string]any
}

func (s *Server) cellInput(data map[string]any, f cellFields) (cellInput, error) {
	var in cellInput
	if f.value {
		v, err := extendedValue(object(data, "userEnteredValue"))
		if err != nil {
			return in, err
		}
		in.value = v
		if v.k == kFormula {
			in.eff = s.evaluate(v.s)
		}
	}
	if f.note {
		in.note = str(data, "note")
		if utf16Len(in.note) > maxCellChars {
			return in, invalid("Your input contains more than the maximum of %d characters in a single cell.", maxCellChars)
		}
	}
	if f.format {
		if in.formatTree = object(data, "userEnteredFormat"); len(in.formatTree) > 0 {
			in.format = string(appendJSON(nil, in.formatTree))
		}
	}
	for _, name := range f.opaque {
		if x, ok := data[name]; ok {
			if in.opaque == nil {
				in.opaque = map[string]any{}
			}
			in.opaque[name] = x
		}
	}
	return in, nil
}

// extendedValue reads an ExtendedValue. Nothing, or an empty text, is an empty cell.
func extendedValue(v map[string]any) (value, error) {
	if len(v) > 1 {
		return value{}, invalid("Only one of the fields of an ExtendedValue may be set.")
	}
	for k, x := range v {
		switch k {
		case "stringValue":
			return checkText(text(x.(string)))
		case "numberValue":
			return number(x.(float64)), nil
		case "boolValue":
			return boolean(x.(bool)), nil
		case "formulaValue":
			s := x.(string)
			if len(s) < 2 || s[0] != '=' {
				return checkText(text(s))
			}
			return checkText(value{k: kFormula, s: s})
		case "errorValue":
			return value{}, invalid("Error values cannot be written.")
		}
	}
	return value{}, nil
}

// checkText holds the limit of a cell's text. An empty text is an empty cell.
func checkText(v value) (value, error) {
	if v.s == "" {
		return value{}, nil
	}
	if len(v.s) > maxCellChars && utf16Len(v.s) > maxCellChars {
		return value{}, invalid("Your input contains more than the maximum of %d characters in a single cell.", maxCellChars)
	}
	return v, nil
}

// apply writes the fields of in to c.
func (b *book) apply(c *cell, in *cellInput, f *cellFields) {
	if f.value {
		c.setValue(in.value, in.eff)
	}
	if f.justValue {
		return
	}
	x := *c.extra()
	if f.note {
		x.note = in.note
	}
	if f.format {
		x.format = b.memo.merge(x.format, in, f)
	}
	if len(f.opaque) > 0 && (x.opaque != "" || in.opaque != nil) {
		x.opaque = mergeOpaque(x.opaque, in.opaque, f.opaque)
	}
	if x == *c.extra() {
		return
	}
	if x == *noExtra {
		c.x = nil
		return
	}
	c.x = &x
}

func mergeOpaque(old string, in map[string]any, names []string) string {
	m := map[string]any{}
	if old != "" && json.Unmarshal([]byte(old), &m) != nil {
		m = map[string]any{}
	}
	for _, n := range names {
		delete(m, n)
		if x, ok := in[n]; ok {
			m[n] = x
		}
	}
	if len(m) == 0 {
		return ""
	}
	return string(appendJSON(nil, m))
}

// formatMemo remembers what merging formats gave: a request writes few different ones to many cells.
type formatMemo map[[3]string]string

func (m *formatMemo) merge(old string, in *cellInput, f *cellFields) string {
	if f.formatOf.All() {
		return in.format
	}
	key := [3]string{old, in.format, f.maskText}
	if out, ok := (*m)[key]; ok {
		return out
	}
	tree := map[string]any{}
	if old != "" && json.Unmarshal([]byte(old), &tree) != nil {
		tree = map[string]any{}
	}
	mergeMasked(tree, in.formatTree, f.formatOf)
	out := ""
	if len(tree) > 0 {
		out = string(appendJSON(nil, tree))
	}
	if *m == nil || len(*m) > 10_000 {
		*m = formatMemo{}
	}
	(*m)[key] = out
	return out
}

// mergeMasked makes into equal to from in the fields of m. A message left empty goes away.
func mergeMasked(into, from map[string]any, m *discovery.Mask) {
	names := m.Names()
	if m.All() || m.Has("*") && len(names) == 1 {
		clear(into)
		for k, v := range from {
			into[k] = v
		}
		return
	}
	for _, name := range names {
		sub, _ := m.Sub(name)
		if sub.All() {
			if v, ok := from[name]; ok {
				into[name] = v
			} else {
				delete(into, name)
			}
			continue
		}
		target, _ := into[name].(map[string]any)
		if target == nil {
			target = map[string]any{}
		}
		source, _ := from[name].(map[string]any)
		mergeMasked(target, source, sub)
		if len(target) == 0 {
			delete(into, name)
		} else {
			into[name] = target
		}
	}
}

// peek returns row i to be read, nil if nothing ever stood there. It holds until the next call of peek or edit.
func (s *sheet) peek(i int) (*row, error) {
	k, off := s.find(i)
	if s.dir[k].block == 0 {
		return nil, nil
	}
	b, err := s.read(s.dir[k].block)
	if err != nil {
		return nil, err
	}
	if off >= len(b.rows) {
		return nil, errBlock
	}
	return b.rows[off], nil
}

// clearArea applies an empty input to every cell of a that holds anything.
func (s *sheet) clearArea(a area, f *cellFields) error {
	none := &cellInput{}
	for i := a.r0; i < a.r1; {
		k, off := s.find(i)
		if s.dir[k].block == 0 {
			i += s.dir[k].n - off
			continue
		}
		r, err := s.peek(i)
		if err != nil {
			return err
		}
		if len(r.cells) > a.c0 {
			if r, err = s.edit(i); err != nil {
				return err
			}
			for c := a.c0; c < min(a.c1, len(r.cells)); c++ {
				s.book.apply(&r.cells[c], none, f)
			}
		}
		i++
	}
	return nil
}
