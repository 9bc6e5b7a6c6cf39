package store

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Size returns what a document counts against [MaxDocument] and [MaxCommit],
// in bytes: its key, fields and payload, and an overhead. It is never less
// than what Firestore counts (firebase.google.com/docs/firestore/storage-size)
// or sends for the document, so what fits here fits there.
func Size(d Doc) int {
	n := documentOverhead + len(d.Key.Account) + len(d.Key.Kind) + len(d.Key.ID) + len(d.Payload)
	for name, v := range d.Fields {
		n += fieldOverhead + len(name)
		if s, ok := v.(string); ok {
			n += len(s)
		} else {
			n += 8
		}
	}
	return n
}

const (
	documentOverhead = 256 // the full resource name, schema, expiry, and the framing of a request
	fieldOverhead    = 16  // a map entry's framing beside name and value
)

// CheckKeys reports whether Get may be asked for keys: [ErrTooLarge] for more than
// [MaxWrites], [ErrInvalid] for a key or kind that cannot be.
func (s *Schema) CheckKeys(keys []Key) error {
	if len(keys) > MaxWrites {
		return fmt.Errorf("%d keys at once, the most is %d: %w", len(keys), MaxWrites, ErrTooLarge)
	}
	for _, k := range keys {
		if err := s.checkKey(k); err != nil {
			return err
		}
	}
	return nil
}

func (s *Schema) checkKey(k Key) error {
	if _, ok := s.byID[k.Kind]; !ok {
		return fmt.Errorf("kind %q is not declared: %w", k.Kind, ErrInvalid)
	}
	if why := badSegment(k.Account); why != "" {
		return fmt.Errorf("account %s: %w", why, ErrInvalid)
	}
	if why := badSegment(k.ID); why != "" {
		return fmt.Errorf("%s id %s: %w", k.Kind, why, ErrInvalid)
	}
	return nil
}

// badSegment says what keeps s from being an account or id, in words without s itself: it may be anything.
func badSegment(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > MaxID:
		return fmt.Sprintf("is %d bytes long, the most is %d", len(s), MaxID)
	case !utf8.ValidString(s):
		return "is not UTF-8"
	case s == "." || s == "..":
		return "is a dot or two"
	case strings.HasPrefix(s, "__") && strings.HasSuffix(s, "__"):
		return "begins and ends with two underscores"
	case strings.ContainsRune(s, '/'):
		return "contains a slash"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "contains a control character"
	}
	return ""
}

// A Batch gathers the writes of one commit or transaction and holds them to
// the contract: at most [MaxWrites], at most [MaxCommit] bytes, no key twice.
type Batch struct {
	schema *Schema
	writes []Write
	keys   map[Key]bool
	bytes  int
}

// NewBatch returns an empty batch.
func (s *Schema) NewBatch() *Batch { return &Batch{schema: s, keys: map[Key]bool{}} }

// Writes returns what was added, in order, ready to be applied: times in UTC and cut to
// microseconds, Doc.Schema set, Doc.Rev empty except where it is compared.
func (b *Batch) Writes() []Write { return b.writes }

// Add checks and adds writes. An error about one write is a [*WriteError]
// with its index among all of the batch's; it is
// [ErrInvalid] or [ErrTooLarge]. After an error the batch is not to be applied.
func (b *Batch) Add(writes ...Write) error {
	if n := len(b.writes) + len(writes); n > MaxWrites {
		return fmt.Errorf("%d writes at once, the most is %d: %w", n, MaxWrites, ErrTooLarge)
	}
	for _, w := range writes {
		clean, err := b.schema.checkWrite(w)
		if err == nil && b.keys[w.Doc.Key] {
			err = fmt.Errorf("key written twice in one commit: %w", ErrInvalid)
		}
		if err != nil {
			return &WriteError{Index: len(b.writes), Key: w.Doc.Key, Err: err}
		}
		b.keys[w.Doc.Key] = true
		b.bytes += Size(clean.Doc)
		if b.bytes > MaxCommit {
			return fmt.Errorf("more than %d bytes in one commit: %w", MaxCommit, ErrTooLarge)
		}
		b.writes = append(b.writes, clean)
	}
	return nil
}

// checkWrite validates one write and returns it in normal form, sharing the payload only.
func (s *Schema) checkWrite(w Write) (Write, error) {
	if err := s.checkKey(w.Doc.Key); err != nil {
		return Write{}, err
	}
	kind, _ := s.Kind(w.Doc.Key.Kind)
	clean := Write{Op: w.Op, Doc: Doc{Key: w.Doc.Key}}
	switch w.Op {
	case OpReplace, OpDeleteAt:
		if w.Doc.Rev == "" {
			return Write{}, fmt.Errorf("compare-and-set without a rev: %w", ErrInvalid)
		}
		clean.Doc.Rev = w.Doc.Rev
	}
	var err error
	switch w.Op {
	case OpCreate, OpSet, OpReplace:
		err = clean.setDoc(kind, w.Doc)
	case OpIncrement:
		err = clean.setDeltas(kind, w)
	case OpDelete, OpDeleteAt:
	default:
		err = fmt.Errorf("unknown operation %d: %w", w.Op, ErrInvalid)
	}
	if err != nil {
		return Write{}, err
	}
	if n := Size(clean.Doc); n > MaxDocument {
		return Write{}, fmt.Errorf("document of %d bytes, the most is %d: %w", n, MaxDocument, ErrTooLarge)
	}
	return clean, nil
}

func (w *Write) setDoc(kind Kind, d Doc) error {
	if d.Schema < 0 {
		return fmt.Errorf("schema %d: %w", d.Schema, ErrInvalid)
	}
	w.Doc.Schema = d.Schema
	if d.Schema == 0 {
		w.Doc.Schema = kind.Schema
	}
	w.Doc.Payload = d.Payload
	if len(d.Fields) > 0 {
		w.Doc.Fields = make(Fields, len(d.Fields))
		for name, v := range d.Fields {
			clean, err := kind.checkValue(name, v)
			if err != nil {
				return err
			}
			w.Doc.Fields[name] = clean
		}
	}
	return w.setExpires(kind, d.Expires)
}

func (w *Write) setDeltas(kind Kind, in Write) error {
	if len(in.By) == 0 {
		return fmt.Errorf("increment of nothing: %w", ErrInvalid)
	}
	w.By = make(map[string]int64, len(in.By))
	w.Doc.Schema = kind.Schema
	for name, by := range in.By {
		if kind.FieldType(name) != Int {
			return fmt.Errorf("increment of %s.%s, which is not a declared int: %w", kind.Name, name, ErrInvalid)
		}
		w.By[name] = by
	}
	return w.setExpires(kind, in.Doc.Expires)
}

func (w *Write) setExpires(kind Kind, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	if !kind.Expires {
		return fmt.Errorf("kind %s does not expire: %w", kind.Name, ErrInvalid)
	}
	clean, err := cutTime(at)
	if err != nil {
		return fmt.Errorf("expiry %w", err)
	}
	w.Doc.Expires = clean
	return nil
}

// checkValue returns v as it is stored in the field called name. Its errors don't say v: fields can hold what people wrote.
func (k Kind) checkValue(name string, v any) (any, error) {
	want := k.FieldType(name)
	if want == 0 {
		return nil, fmt.Errorf("field %s.%s is not declared: %w", k.Name, name, ErrInvalid)
	}
	switch v := v.(type) {
	case string:
		if want != String {
			break
		}
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("field %s.%s is not UTF-8: %w", k.Name, name, ErrInvalid)
		}
		if len(v) > MaxString {
			return nil, fmt.Errorf("field %s.%s is %d bytes long, the most is %d: %w", k.Name, name, len(v), MaxString, ErrTooLarge)
		}
		return v, nil
	case int64:
		if want == Int {
			return v, nil
		}
	case bool:
		if want == Bool {
			return v, nil
		}
	case time.Time:
		if want != Time {
			break
		}
		clean, err := cutTime(v)
		if err != nil {
			return nil, fmt.Errorf("field %s.%s %w", k.Name, name, err)
		}
		return clean, nil
	}
	return nil, fmt.Errorf("field %s.%s is a %s, not a %T: %w", k.Name, name, want, v, ErrInvalid)
}

// cutTime returns t in UTC, cut (not rounded) to microseconds. The years 1 to 9999
// are what a protobuf Timestamp, and so Firestore, can hold.
func cutTime(t time.Time) (time.Time, error) {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("is a time outside of the years 1 to 9999: %w", ErrInvalid)
	}
	return time.UnixMicro(t.UnixMicro()).UTC(), nil
}
