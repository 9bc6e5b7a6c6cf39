package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Schema is every kind a store is opened with, validated. It is where all
// implementations get their rules from: what a key, a document, a commit and
// a query may be is decided here and nowhere else, so that the embedded store
// refuses exactly what the cloud's refuses.
type Schema struct {
	kinds []Kind
	byID  map[string]int // kind name → position in kinds
}

// reserved are the names of what every document has; declared fields stand beside them.
var reserved = []string{"payload", "schema", "expires", "rev", "account", "id"}

// maxName is the longest name of a kind or field in bytes. Names become part
// of every index entry, so long ones are paid for again and again.
const maxName = 64

// NewSchema validates kinds. The error is [ErrInvalid] and names every
// problem found, not only the first.
func NewSchema(kinds ...Kind) (*Schema, error) {
	s := &Schema{byID: make(map[string]int, len(kinds))}
	var problems []error
	for _, k := range kinds {
		for _, p := range k.problems() {
			problems = append(problems, fmt.Errorf("kind %q: %s", k.Name, p))
		}
	}
	s.kinds = slices.Clone(kinds)
	slices.SortStableFunc(s.kinds, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	for i, k := range s.kinds {
		if _, twice := s.byID[k.Name]; twice {
			problems = append(problems, fmt.Errorf("kind %q: declared twice", k.Name))
		}
		s.byID[k.Name] = i
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("store schema: %w: %w", ErrInvalid, errors.Join(problems...))
	}
	return s, nil
}

// Kinds returns the declared kinds, ordered by name.
func (s *Schema) Kinds() []Kind { return slices.Clone(s.kinds) }

// Kind returns the kind of that name and whether it is declared.
func (s *Schema) Kind(name string) (Kind, bool) {
	i, ok := s.byID[name]
	if !ok {
		return Kind{}, false
	}
	return s.kinds[i], true
}

// FieldType returns the type of a declared field, or zero where the field is not declared.
func (k Kind) FieldType(name string) Type {
	for _, f := range k.Fields {
		if f.Name == name {
			return f.Type
		}
	}
	return 0
}

// problems lists what is wrong with a kind's declaration.
func (k Kind) problems() []string {
	var p []string
	bad := func(format string, args ...any) { p = append(p, fmt.Sprintf(format, args...)) }
	if !isName(k.Name) {
		bad("a kind's name is [a-z][a-z0-9_]*, at most %d long", maxName)
	}
	if k.Schema < 1 {
		bad("schema %d; versions begin at 1", k.Schema)
	}
	seen := map[string]bool{}
	for _, f := range k.Fields {
		switch {
		case !isName(f.Name):
			bad("field %q: a name is [a-z][a-z0-9_]*, at most %d long", f.Name, maxName)
		case slices.Contains(reserved, f.Name):
			bad("field %q is the store's own", f.Name)
		case seen[f.Name]:
			bad("field %q declared twice", f.Name)
		}
		if f.Type < String || f.Type > Time {
			bad("field %q has no type", f.Name)
		}
		seen[f.Name] = true
	}
	for i, s := range k.Shapes {
		used := map[string]bool{}
		use := func(role, name string) {
			if !seen[name] {
				bad("shape %d: %s %q is not a declared field", i, role, name)
			}
			if used[name] {
				bad("shape %d: %q is used twice", i, name)
			}
			used[name] = true
		}
		for _, f := range s.Equal {
			use("equal", f)
		}
		for _, o := range s.Order {
			use("order", o.Field)
		}
		if s.Range != "" && (len(s.Order) == 0 || s.Order[0].Field != s.Range) {
			bad("shape %d: the range %q must be the first of its order", i, s.Range)
		}
		for _, f := range s.Sum {
			if k.FieldType(f) != Int {
				bad("shape %d: sum %q is not a declared int", i, f)
			}
		}
	}
	return p
}

// isName reports whether s can be the name of a kind or a field.
func isName(s string) bool {
	if s == "" || len(s) > maxName || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// String returns the type's name.
func (t Type) String() string {
	switch t {
	case String:
		return "string"
	case Int:
		return "int"
	case Bool:
		return "bool"
	case Time:
		return "time"
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}
