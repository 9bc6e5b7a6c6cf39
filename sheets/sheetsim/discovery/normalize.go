package discovery

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Violation is one thing wrong with a request, in Google's words.
type Violation struct {
	Field       string // e.g. "requests[0].update_cells"
	Description string
}

// Normalize checks a decoded JSON value against s and returns it in one form: lowerCamelCase names (snake_case is taken
// as well, as Google takes both), int for integers, float64 for numbers, string, bool, map[string]any,
// []any; members that are null are absent. Values of type "any" stay as encoding/json left them.
// It reports everything that is wrong, in document order of discovery.
func (d *Document) Normalize(s *Schema, v any) (any, []Violation) {
	n := normalizer{d: d}
	out := n.value(s, "", v)
	return out, n.bad
}

type normalizer struct {
	d   *Document
	bad []Violation
}

// maxViolations bounds an answer to a body that is wrong everywhere.
const maxViolations = 30

func (n *normalizer) report(path, format string, args ...any) {
	if len(n.bad) < maxViolations {
		n.bad = append(n.bad, Violation{Field: path, Description: fmt.Sprintf(format, args...)})
	}
}

func (n *normalizer) unknown(path, name, why string) {
	if path == "" {
		n.report(path, "Invalid JSON payload received. Unknown name %q: %s", name, why)
		return
	}
	n.report(path, "Invalid JSON payload received. Unknown name %q at '%s': %s", name, path, why)
}

func (n *normalizer) invalid(path, typ string, v any) {
	text, err := json.Marshal(v)
	if err != nil || len(text) > 200 {
		text = []byte("…")
	}
	n.report(path, "Invalid value at '%s' (%s), %s", path, typ, text)
}

const protoPackage = "type.googleapis.com/google.apps.sheets.v4."

func (n *normalizer) value(s *Schema, path string, v any) any {
	if v == nil {
		return nil
	}
	owner := s.ID
	s = n.d.deref(s)
	switch s.Type {
	case "any":
		return v
	case "object":
		m, ok := v.(map[string]any)
		if !ok {
			n.invalid(path, protoPackage+s.ID, v)
			return nil
		}
		return n.object(s, path, m)
	case "array":
		list, ok := v.([]any)
		if !ok {
			n.invalid(path, protoPackage+owner, v)
			return nil
		}
		// A list of anything is left alone: it is a row of values, and there may be many thousands.
		if it := n.d.deref(s.Items); it.Type == "any" {
			return list
		}
		out := list[:0]
		for i, x := range list {
			y := n.value(s.Items, path+"["+strconv.Itoa(i)+"]", x)
			if y == nil && x == nil {
				// A null row is an empty one.
				switch n.d.deref(s.Items).Type {
				case "array":
					y = []any(nil)
				case "object":
					y = map[string]any{}
				default:
					n.invalid(path, "TYPE_"+strings.ToUpper(s.Items.Type), x)
				}
			}
			out = append(out, y)
		}
		return out
	case "boolean":
		if b, ok := v.(bool); ok {
			return b
		}
		n.invalid(path, "TYPE_BOOL", v)
	case "integer":
		if i, ok := asInt32(v); ok {
			return i
		}
		n.invalid(path, "TYPE_INT32", v)
	case "number":
		switch x := v.(type) {
		case float64:
			return x
		case string:
			if f, err := strconv.ParseFloat(x, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
				return f
			}
		}
		n.invalid(path, "TYPE_DOUBLE", v)
	case "string":
		text, ok := v.(string)
		if len(s.Enum) > 0 {
			if i, isInt := asInt32(v); isInt && !ok && i >= 0 && i < len(s.Enum) {
				return s.Enum[i]
			}
			if !ok || !slices.Contains(s.Enum, text) {
				n.invalid(path, protoPackage+enumName(path), v)
				return nil
			}
			return text
		}
		if ok {
			return text
		}
		n.invalid(path, "TYPE_STRING", v)
	}
	return nil
}

func (n *normalizer) object(s *Schema, path string, m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, x := range m {
		name := k
		prop := s.Properties[name]
		if prop == nil && strings.Contains(k, "_") {
			name = Camel(k)
			prop = s.Properties[name]
		}
		if prop == nil {
			prop = s.Additional
			name = k
		}
		if prop == nil {
			n.unknown(path, k, "Cannot find field.")
			continue
		}
		if x == nil {
			continue
		}
		if _, isList := x.([]any); isList && n.d.deref(prop).Type != "array" && n.d.deref(prop).Type != "any" {
			n.unknown(path, k, "Proto field is not repeating, cannot start list.")
			continue
		}
		at := snake(name)
		if path != "" {
			at = path + "." + at
		}
		if y := n.value(prop, at, x); y != nil {
			out[name] = y
		}
	}
	return out
}

// asInt32 takes what protocol buffers' JSON takes for an int32: a whole number or one in quotes.
func asInt32(v any) (int, bool) {
	switch x := v.(type) {
	case float64:
		if x == math.Trunc(x) && x >= math.MinInt32 && x <= math.MaxInt32 {
			return int(x), true
		}
	case string:
		if i, err := strconv.ParseInt(x, 10, 32); err == nil {
			return int(i), true
		}
	}
	return 0, false
}

func enumName(path string) string {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		path = path[i+1:]
	}
	c := Camel(path)
	if c == "" {
		return c
	}
	return strings.ToUpper(c[:1]) + c[1:]
}

// Camel turns "start_row_index" into "startRowIndex".
func Camel(s string) string {
	if !strings.Contains(s, "_") {
		return s
	}
	var b strings.Builder
	up := false
	for _, c := range s {
		switch {
		case c == '_' && b.Len() > 0:
			up = true
		case up && c >= 'a' && c <= 'z':
			b.WriteRune(c - 'a' + 'A')
			up = false
		default:
			b.WriteRune(c)
			up = false
		}
	}
	return b.String()
}

// snake turns "startRowIndex" into "start_row_index".
func snake(s string) string {
	var b strings.Builder
	for _, c := range s {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}
