package sheetsim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"
)

// A fixture is a spreadsheet as text a person can read: a txtar archive.
//
//	title: Leads
//	id: fixed-id
//	-- Sheet1 rows=100 cols=12 frozen=1 id=7 hidden --
//	Name	Email	Employees
//	Ada	ada@example.com	12
//	-- Sheet1/notes --
//	B2	found
//	-- Sheet1/formats --
//	C2	{"numberFormat":{"pattern":"0","type":"NUMBER"}}
//	-- Sheet1/rows --
//	3	hidden height=40
//	-- Sheet1/columns --
//	B	hidden width=200
//	-- metadata --
//	1	DOCUMENT	column Sheet1 B	key	value
//
// A tab's lines are its rows, cells apart by tabs. A number in its shortest form, TRUE, FALSE and "=…" are what they look
// like; everything else is text ("007", "1.50", "true"). A text that looks like one of those, or begins with an
// apostrophe, has an apostrophe before it. \t, \n, \r and \\ stand for themselves within a cell. A tab's title that holds a
// space, a slash or a quote is written as a Go string in the file's name. The grid is as large as it needs to be unless
// rows and cols say more.

var errFixture = errors.New("invalid fixture")

// Load makes a spreadsheet out of the text of a fixture and returns its id.
func (s *Server) Load(ctx context.Context, text string) (string, error) {
	ar := txtar.Parse([]byte(text))
	id, title := s.cfg.NewID(), "Untitled spreadsheet"
	for line := range strings.Lines(string(ar.Comment)) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch v = strings.TrimSpace(v); k {
		case "id":
			id = v
		case "title":
			title = v
		}
	}
	err := s.disk.create(ctx, id, title, s.cfg.Clock.Now(), func(b *book) error {
		for _, f := range ar.Files {
			if err := s.loadFile(b, f.Name, string(f.Data)); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
		if len(b.sheets) == 0 {
			_, err := b.addSheet(map[string]any{"title": "Sheet1", "sheetId": 0})
			return err
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("load fixture: %w", err)
	}
	return id, nil
}

func (s *Server) loadFile(b *book, name, data string) error {
	title, rest, err := fixtureTitle(name)
	if err != nil {
		return err
	}
	if title == "metadata" && rest == "" {
		return b.loadMetadata(data)
	}
	part, isPart := strings.CutPrefix(rest, "/")
	if !isPart {
		return s.loadTab(b, title, strings.Fields(rest), data)
	}
	sh := b.sheetByTitle(title)
	if sh == nil {
		return fmt.Errorf("%w: no tab %q before it", errFixture, title)
	}
	for line := range strings.Lines(data) {
		at, what, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			return fmt.Errorf("%w: no tab character in %q", errFixture, line)
		}
		if err := sh.loadPart(part, at, what); err != nil {
			return err
		}
	}
	return nil
}

// fixtureTitle splits a file's name into the tab's title and what follows it.
func fixtureTitle(name string) (title, rest string, err error) {
	if strings.HasPrefix(name, `"`) {
		q, err := strconv.QuotedPrefix(name)
		if err != nil {
			return "", "", fmt.Errorf("%w: %q", errFixture, name)
		}
		title, err = strconv.Unquote(q)
		return title, name[len(q):], err
	}
	end := strings.IndexAny(name, " /")
	if end < 0 {
		return name, "", nil
	}
	return name[:end], name[end:], nil
}

func (s *Server) loadTab(b *book, title string, options []string, data string) error {
	rows, width := 0, 1
	for line := range strings.Lines(data) {
		rows++
		width = max(width, strings.Count(line, "\t")+1)
	}
	p := map[string]any{"title": title}
	grid := map[string]any{"rowCount": max(1, rows), "columnCount": width}
	p["gridProperties"] = grid
	if len(b.sheets) == 0 {
		p["sheetId"] = 0
	}
	for _, o := range options {
		k, v, _ := strings.Cut(o, "=")
		n, err := strconv.Atoi(v)
		switch {
		case k == "hidden":
			p["hidden"] = true
		case err != nil:
			return fmt.Errorf("%w: option %q", errFixture, o)
		case k == "rows":
			grid["rowCount"] = max(n, rows)
		case k == "cols":
			grid["columnCount"] = max(n, width)
		case k == "frozen":
			grid["frozenRowCount"] = n
		case k == "id":
			p["sheetId"] = n
		default:
			return fmt.Errorf("%w: option %q", errFixture, o)
		}
	}
	sh, err := b.addSheet(p)
	if err != nil {
		return err
	}
	i := 0
	for line := range strings.Lines(data) {
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			r, err := sh.edit(i)
			if err != nil {
				return err
			}
			for c, text := range strings.Split(line, "\t") {
				v, err := checkFixture(fixtureValue(text))
				if err != nil {
					return err
				}
				var eff value
				if v.k == kFormula {
					eff = s.evaluate(v.s)
				}
				if v.k != kEmpty {
					r.edit(c).setValue(v, eff)
				}
			}
		}
		i++
	}
	return nil
}

func checkFixture(v value) (value, error) {
	if v.k == kString || v.k == kFormula {
		return checkText(v)
	}
	return v, nil
}

var fixtureEscapes = strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\r`, "\r")
var fixtureEscaper = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

func fixtureValue(s string) value {
	s = fixtureEscapes.Replace(s)
	if rest, ok := strings.CutPrefix(s, "'"); ok {
		return text(rest)
	}
	return looksLike(s)
}

// looksLike is what a fixture's text is without an apostrophe.
func looksLike(s string) value {
	switch {
	case s == "":
		return value{}
	case s == "TRUE":
		return boolean(true)
	case s == "FALSE":
		return boolean(false)
	case s[0] == '=' && len(s) > 1:
		return value{k: kFormula, s: s}
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) && string(appendNumber(nil, f)) == s {
		return number(f)
	}
	return text(s)
}

func fixtureText(v value) string {
	switch v.k {
	case kNumber:
		return string(appendNumber(nil, v.n))
	case kBool:
		return shown(v, "")
	case kFormula:
		return fixtureEscaper.Replace(v.s)
	case kString:
		if looksLike(v.s).k != kString || v.s[0] == '\'' || strings.HasPrefix(v.s, "-- ") {
			return "'" + fixtureEscaper.Replace(v.s)
		}
		return fixtureEscaper.Replace(v.s)
	}
	return ""
}

func (s *sheet) loadPart(part, at, what string) error {
	switch part {
	case "notes", "formats":
		a, ok := parseArea(at)
		if !ok || a.r1 < 0 || a.c1 < 0 || a.r1 > s.rowCount() || a.c1 > s.colCount() {
			return fmt.Errorf("%w: no cell %q", errFixture, at)
		}
		r, err := s.edit(a.r0)
		if err != nil {
			return err
		}
		if part == "notes" {
			r.edit(a.c0).setExtra(func(x *extra) { x.note = fixtureEscapes.Replace(what) })
			return nil
		}
		var tree map[string]any
		if err := json.Unmarshal([]byte(what), &tree); err != nil {
			return fmt.Errorf("%w: format of %s: %w", errFixture, at, err)
		}
		r.edit(a.c0).setExtra(func(x *extra) { x.format = string(appendJSON(nil, tree)) })
		return nil
	case "rows":
		i, ok := rowIndex(at)
		if !ok || i >= s.rowCount() {
			return fmt.Errorf("%w: no row %q", errFixture, at)
		}
		r, err := s.edit(i)
		if err != nil {
			return err
		}
		d, err := parseDimension(what, "height=")
		r.hidden, r.px = d.Hidden, d.Px
		return err
	case "columns":
		c, ok := columnIndex(at)
		if !ok || c >= s.colCount() {
			return fmt.Errorf("%w: no column %q", errFixture, at)
		}
		d, err := parseDimension(what, "width=")
		s.setColumn(c, d)
		return err
	}
	return fmt.Errorf("%w: unknown part %q", errFixture, part)
}

func parseDimension(s, size string) (dimension, error) {
	var d dimension
	for _, o := range strings.Fields(s) {
		if o == "hidden" {
			d.Hidden = true
			continue
		}
		v, ok := strings.CutPrefix(o, size)
		n, err := strconv.Atoi(v)
		if !ok || err != nil {
			return d, fmt.Errorf("%w: %q", errFixture, o)
		}
		d.Px = n
	}
	return d, nil
}

func (b *book) loadMetadata(data string) error {
	for line := range strings.Lines(data) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 5 {
			return fmt.Errorf("%w: metadata %q", errFixture, line)
		}
		id, err := strconv.Atoi(f[0])
		if err != nil {
			return fmt.Errorf("%w: metadata %q", errFixture, line)
		}
		m := &metadata{id: id, visibility: f[1], key: fixtureEscapes.Replace(f[3]), value: fixtureEscapes.Replace(f[4])}
		kind, where, _ := strings.Cut(f[2], " ")
		if kind != "spreadsheet" {
			title, rest, err := fixtureTitle(where)
			if err != nil {
				return err
			}
			s := b.sheetByTitle(title)
			if s == nil {
				return fmt.Errorf("%w: metadata on unknown tab %q", errFixture, title)
			}
			m.place, m.sheet = onSheet, s.id
			ok := kind == "sheet"
			switch rest = strings.TrimSpace(rest); kind {
			case "row":
				m.place = onRow
				m.at, ok = rowIndex(rest)
			case "column":
				m.place = onColumn
				m.at, ok = columnIndex(rest)
			}
			if !ok || m.place != onSheet && m.at >= s.size(m.place) {
				return fmt.Errorf("%w: metadata %q", errFixture, line)
			}
		}
		if err := b.addMetadata(m); err != nil {
			return err
		}
	}
	return nil
}
