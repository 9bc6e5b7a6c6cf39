package discovery

import (
	"errors"
	"fmt"
	"strings"
)

// A Mask says which fields of a message are meant. The nil Mask means all of them.
//
// The syntax is the one of the `fields` parameter: paths separated by commas, their steps by a dot or a slash,
// a group in parentheses in place of repeating a path, "*" for every field at its level:
//
//	spreadsheetId,sheets(properties(sheetId,title),data/rowData/values(userEnteredValue,note))
type Mask struct {
	fields map[string]*Mask // a nil value: the whole field
}

// ErrMask is what every malformed mask's error is, by [errors.Is].
var ErrMask = errors.New("invalid field mask")

// maxMaskDepth is far beyond the depth of any message of the API.
const maxMaskDepth = 40

// ParseMask parses text. The empty text is the nil Mask. Snake-case names are turned into camel case.
func ParseMask(text string) (*Mask, error) {
	if text == "" {
		return nil, nil
	}
	p := maskParser{text: text}
	m, err := p.list(0)
	if err != nil {
		return nil, err
	}
	if p.at < len(p.text) {
		return nil, p.fail()
	}
	return m.simple(), nil
}

type maskParser struct {
	text string
	at   int
}

func (p *maskParser) fail() error {
	return fmt.Errorf("%w: unexpected text at %d", ErrMask, p.at)
}

func (p *maskParser) list(depth int) (*Mask, error) {
	m := &Mask{fields: map[string]*Mask{}}
	if depth > maxMaskDepth {
		return nil, p.fail()
	}
	for {
		if err := p.item(m, depth); err != nil {
			return nil, err
		}
		if p.at >= len(p.text) || p.text[p.at] != ',' {
			return m, nil
		}
		p.at++
	}
}

func (p *maskParser) item(into *Mask, depth int) error {
	var path []string
	for {
		name := p.name()
		if name == "" {
			return p.fail()
		}
		path = append(path, name)
		if len(path)+depth > maxMaskDepth {
			return p.fail()
		}
		if p.at < len(p.text) && (p.text[p.at] == '.' || p.text[p.at] == '/') {
			p.at++
			continue
		}
		break
	}
	var leaf *Mask
	if p.at < len(p.text) && p.text[p.at] == '(' {
		p.at++
		sub, err := p.list(depth + len(path))
		if err != nil {
			return err
		}
		if p.at >= len(p.text) || p.text[p.at] != ')' {
			return p.fail()
		}
		p.at++
		leaf = sub.simple()
	}
	for i := len(path) - 1; i > 0; i-- {
		leaf = (&Mask{fields: map[string]*Mask{path[i]: leaf}}).simple()
	}
	into.add(path[0], leaf)
	return nil
}

func (p *maskParser) name() string {
	start := p.at
	if p.at < len(p.text) && p.text[p.at] == '*' {
		p.at++
		return "*"
	}
	for p.at < len(p.text) {
		c := p.text[p.at]
		if c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' && p.at > start {
			p.at++
			continue
		}
		break
	}
	return Camel(p.text[start:p.at])
}

// simple is m, or nil if m has a bare "*" and so means everything.
func (m *Mask) simple() *Mask {
	if m == nil {
		return nil
	}
	if sub, ok := m.fields["*"]; ok && sub == nil {
		return nil
	}
	return m
}

func (m *Mask) add(name string, sub *Mask) {
	old, had := m.fields[name]
	switch {
	case !had:
		m.fields[name] = sub
	case old == nil || sub == nil:
		m.fields[name] = nil
	default:
		m.fields[name] = union(old, sub)
	}
}

func union(a, b *Mask) *Mask {
	if a == nil || b == nil {
		return nil
	}
	out := &Mask{fields: make(map[string]*Mask, len(a.fields)+len(b.fields))}
	for _, m := range []*Mask{a, b} {
		for k, v := range m.fields {
			out.add(k, v)
		}
	}
	return out
}

// All reports whether m means every field.
func (m *Mask) All() bool { return m == nil }

// Sub returns the mask for the field called name, and whether the field is meant at all.
func (m *Mask) Sub(name string) (*Mask, bool) {
	if m == nil {
		return nil, true
	}
	star, hasStar := m.fields["*"]
	sub, ok := m.fields[name]
	switch {
	case ok && hasStar:
		return union(sub, star), true
	case ok:
		return sub, true
	case hasStar:
		return star, true
	}
	return nil, false
}

// Has reports whether the field at the path is meant, wholly or in part.
func (m *Mask) Has(path ...string) bool {
	for _, p := range path {
		sub, ok := m.Sub(p)
		if !ok {
			return false
		}
		m = sub
	}
	return true
}

// Names returns the names at m's top level, unordered; nil if m means everything.
func (m *Mask) Names() []string {
	if m == nil {
		return nil
	}
	out := make([]string, 0, len(m.fields))
	for k := range m.fields {
		out = append(out, k)
	}
	return out
}

// Prune takes what m doesn't mean out of v, a tree of map[string]any and []any, in place. Other values are left as they are.
func (m *Mask) Prune(v any) {
	if m == nil {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			sub, ok := m.Sub(k)
			if !ok {
				delete(v, k)
				continue
			}
			sub.Prune(x)
		}
	case []any:
		for _, x := range v {
			m.Prune(x)
		}
	case []map[string]any:
		for _, x := range v {
			m.Prune(x)
		}
	}
}

// CheckMask returns the first path of m that message s doesn't have, or "".
func (d *Document) CheckMask(s *Schema, m *Mask) string {
	if m == nil {
		return ""
	}
	s = d.deref(s)
	for s.Type == "array" {
		s = d.deref(s.Items)
	}
	for name, sub := range m.fields {
		if name == "*" {
			continue
		}
		prop := s.Properties[name]
		if prop == nil {
			prop = s.Additional
		}
		if prop == nil {
			return name
		}
		if bad := d.CheckMask(prop, sub); bad != "" {
			return name + "." + bad
		}
	}
	return ""
}

// String writes m in its shortest dotted form, without a promise about order.
func (m *Mask) String() string {
	if m == nil {
		return "*"
	}
	var parts []string
	for k, sub := range m.fields {
		if sub != nil {
			k += "(" + sub.String() + ")"
		}
		parts = append(parts, k)
	}
	return strings.Join(parts, ",")
}
