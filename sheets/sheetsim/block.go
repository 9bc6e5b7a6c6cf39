package sheetsim

import (
	"encoding/binary"
	"errors"
	"math"
)

// A block is a run of rows as they stand in one database record. Its form:
//
//	version 1, n formats, the formats, n rows, the rows
//	row:  flags (1: height and hidden follow), n cells, the cells
//	cell: column id, tag, then by the tag: value, format's index, note, opaque JSON
//
// Numbers are varints, texts have their length before them. Cells are keyed by the column's id, which never changes:
// inserting, deleting and moving columns touches no block.
type block struct {
	rows  []*row
	dirty bool
}

const (
	blockRows    = 256 // rows of a new block
	maxBlockRows = 512 // a longer one is split
)

// Tags of a cell: the low four bits are the value, the others say what follows it.
const (
	tagEmpty = iota
	tagString
	tagFloat
	tagInt
	tagFalse
	tagTrue
	tagFormula
	tagError

	tagFormat = 1 << 4
	tagNote   = 1 << 5
	tagOpaque = 1 << 6
)

var errBlock = errors.New("a block of rows is damaged")

// encode writes the block; colID gives the id of a column position. styled is called with the id of each column that has a
// cell with a format, perhaps often.
func (b *block) encode(colID []uint32, styled func(uint32)) []byte {
	var formats []string
	index := map[string]int{}
	size := 64
	for _, r := range b.rows {
		size += 4
		for i := range r.cells {
			c := &r.cells[i]
			size += 6 + len(c.s)
			if f := c.extra().format; f != "" {
				if _, ok := index[f]; !ok {
					index[f] = len(formats)
					formats = append(formats, f)
					size += len(f)
				}
			}
		}
	}
	out := make([]byte, 0, size)
	out = append(out, 1)
	out = binary.AppendUvarint(out, uint64(len(formats)))
	for _, f := range formats {
		out = appendText(out, f)
	}
	out = binary.AppendUvarint(out, uint64(len(b.rows)))
	for _, r := range b.rows {
		if r.hidden || r.px != 0 {
			out = append(out, 1)
			h := uint64(r.px) << 1
			if r.hidden {
				h |= 1
			}
			out = binary.AppendUvarint(out, h)
		} else {
			out = append(out, 0)
		}
		n := 0
		for i := range r.cells {
			if i < len(colID) && !r.cells[i].empty() {
				n++
			}
		}
		out = binary.AppendUvarint(out, uint64(n))
		for i := range r.cells {
			if c := &r.cells[i]; i < len(colID) && !c.empty() {
				if c.x != nil && c.x.format != "" {
					styled(colID[i])
				}
				out = binary.AppendUvarint(out, uint64(colID[i]))
				out = appendCell(out, c, index)
			}
		}
	}
	return out
}

func appendText(out []byte, s string) []byte {
	out = binary.AppendUvarint(out, uint64(len(s)))
	return append(out, s...)
}

func appendCell(out []byte, c *cell, index map[string]int) []byte {
	x := c.extra()
	tag, body := valueTag(c.value)
	if x.format != "" {
		tag |= tagFormat
	}
	if x.note != "" {
		tag |= tagNote
	}
	if x.opaque != "" {
		tag |= tagOpaque
	}
	out = append(out, tag)
	out = body(out)
	if c.k == kFormula {
		tag, body := valueTag(x.eff)
		out = append(out, tag)
		out = body(out)
	}
	if x.format != "" {
		out = binary.AppendUvarint(out, uint64(index[x.format]))
	}
	if x.note != "" {
		out = appendText(out, x.note)
	}
	if x.opaque != "" {
		out = appendText(out, x.opaque)
	}
	return out
}

func nothing(out []byte) []byte { return out }

func valueTag(v value) (byte, func([]byte) []byte) {
	switch v.k {
	case kString:
		return tagString, func(o []byte) []byte { return appendText(o, v.s) }
	case kNumber:
		if i := int64(v.n); float64(i) == v.n && i > -1<<53 && i < 1<<53 && !(i == 0 && math.Signbit(v.n)) {
			return tagInt, func(o []byte) []byte { return binary.AppendVarint(o, i) }
		}
		return tagFloat, func(o []byte) []byte { return binary.LittleEndian.AppendUint64(o, math.Float64bits(v.n)) }
	case kBool:
		if v.n != 0 {
			return tagTrue, nothing
		}
		return tagFalse, nothing
	case kFormula:
		return tagFormula, func(o []byte) []byte { return appendText(o, v.s) }
	case kError:
		return tagError, func(o []byte) []byte { return appendText(append(o, byte(v.n)), v.s) }
	}
	return tagEmpty, nothing
}

// blockReader reads the form above. All texts are slices of one string.
type blockReader struct {
	s   string
	b   []byte
	at  int
	bad bool
}

func (r *blockReader) uint() uint64 {
	v, n := binary.Uvarint(r.b[r.at:])
	if n <= 0 {
		r.bad, r.at = true, len(r.b)
		return 0
	}
	r.at += n
	return v
}

func (r *blockReader) byte() byte {
	if r.at >= len(r.b) {
		r.bad = true
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *blockReader) text() string {
	n := r.uint()
	if n > uint64(len(r.b)-r.at) {
		r.bad, r.at = true, len(r.b)
		return ""
	}
	r.at += int(n)
	return r.s[r.at-int(n) : r.at]
}

func (r *blockReader) value(tag byte) value {
	switch tag & 15 {
	case tagString:
		return text(r.text())
	case tagFormula:
		return value{k: kFormula, s: r.text()}
	case tagFloat:
		if len(r.b)-r.at < 8 {
			r.bad, r.at = true, len(r.b)
			return value{}
		}
		r.at += 8
		return number(math.Float64frombits(binary.LittleEndian.Uint64(r.b[r.at-8:])))
	case tagInt:
		v, n := binary.Varint(r.b[r.at:])
		if n <= 0 {
			r.bad, r.at = true, len(r.b)
			return value{}
		}
		r.at += n
		return number(float64(v))
	case tagFalse:
		return boolean(false)
	case tagTrue:
		return boolean(true)
	case tagError:
		t := r.byte()
		if int(t) >= len(errorTypes) {
			r.bad = true
			return value{}
		}
		return value{k: kError, n: float64(t), s: r.text()}
	case tagEmpty:
		return value{}
	}
	r.bad = true
	return value{}
}

// decodeBlock reads a block; pos gives a column id's position, -1 for one that was deleted.
func decodeBlock(data []byte, pos []int32) (*block, error) {
	r := blockReader{s: string(data), b: data}
	if r.byte() != 1 {
		return nil, errBlock
	}
	n := r.uint()
	if n > uint64(len(data)) {
		return nil, errBlock
	}
	formats := make([]*extra, n)
	for i := range formats {
		formats[i] = &extra{format: r.text()}
	}
	n = r.uint()
	if n > uint64(len(data)) {
		return nil, errBlock
	}
	b := &block{rows: make([]*row, n)}
	all := make([]row, n)
	var arena []cell
	for i := range b.rows {
		b.rows[i] = &all[i]
		if err := r.row(&all[i], pos, formats, &arena); err != nil {
			return nil, err
		}
	}
	if r.bad {
		return nil, errBlock
	}
	return b, nil
}

func (r *blockReader) row(into *row, pos []int32, formats []*extra, arena *[]cell) error {
	if r.byte() == 1 {
		h := r.uint()
		into.hidden, into.px = h&1 == 1, int(h>>1)
	}
	n := r.uint()
	if n > uint64(len(r.b)-r.at) {
		return errBlock
	}
	if n == 0 {
		return nil
	}
	// Most rows are dense: their cells come out of one allocation for many.
	if want := int(n); cap(*arena)-len(*arena) < want {
		*arena = make([]cell, 0, max(want, 4096))
	}
	start := len(*arena)
	into.cells = (*arena)[start:start:min(start+int(n), cap(*arena))]
	for range n {
		id := r.uint()
		tag := r.byte()
		c := cell{value: r.value(tag)}
		var x extra
		if c.k == kFormula {
			x.eff = r.value(r.byte())
		}
		shared := (*extra)(nil)
		if tag&tagFormat != 0 {
			f := r.uint()
			if f >= uint64(len(formats)) {
				return errBlock
			}
			shared = formats[f]
			x.format = shared.format
		}
		if tag&tagNote != 0 {
			x.note = r.text()
		}
		if tag&tagOpaque != 0 {
			x.opaque = r.text()
		}
		switch {
		case r.bad:
			return errBlock
		case shared != nil && x == *shared:
			c.x = shared
		case x != *noExtra:
			c.x = &x
		}
		if id < uint64(len(pos)) && pos[id] >= 0 {
			*into.edit(int(pos[id])) = c
		}
	}
	if used := len(into.cells); used > 0 && start < cap(*arena) && &into.cells[0] == &(*arena)[start : start+1][0] {
		*arena = (*arena)[:start+used]
		into.cells = into.cells[:used:used] // the rest is the next row's
	}
	return nil
}
