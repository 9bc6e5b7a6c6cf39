package sheetsim

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
)

// A span is a run of rows: those of one block, or n rows that never held anything (block 0).
type span struct {
	block int64
	n     int
}

// A sheet is one tab within one transaction: a directory of spans over blocks that are read when needed.
type sheet struct {
	book *book
	id   int
	head sheetHead
	dir  []span

	colIDs  []uint32 // position → id
	colPos  []int32  // id → position, -1 for deleted
	nextCol uint32

	starts  []int // first row of each span, and the row count; nil when dir changed
	cache   map[int64]*block
	isNew   bool
	changed bool // head, dir or columns
}

// sheetHead is what a sheet has beside its cells, kept as JSON.
type sheetHead struct {
	Title      string               `json:"title"`
	FrozenRows int                  `json:"frozen_rows,omitempty"`
	FrozenCols int                  `json:"frozen_cols,omitempty"`
	Hidden     bool                 `json:"hidden,omitempty"`
	Props      map[string]any       `json:"props,omitempty"` // other SheetProperties, only kept
	Grid       map[string]any       `json:"grid,omitempty"`  // other GridProperties, only kept
	Filter     map[string]any       `json:"filter,omitempty"`
	Columns    map[uint32]dimension `json:"columns,omitempty"` // by column id
	Styled     []uint32             `json:"styled,omitempty"`  // ids of columns that have, or had, a cell with a format
}

// dimension is what a column has beside its cells.
type dimension struct {
	Px     int  `json:"px,omitempty"`
	Hidden bool `json:"hidden,omitempty"`
}

var errSheet = errors.New("the record of a sheet is damaged")

func newSheet(b *book, id, rows, cols int, title string) *sheet {
	s := &sheet{book: b, id: id, isNew: true, changed: true, head: sheetHead{Title: title}}
	s.dir = []span{{0, rows}}
	for range cols {
		s.colIDs = append(s.colIDs, s.nextCol)
		s.nextCol++
	}
	s.indexColumns()
	return s
}

func (s *sheet) load(head string, dir, cols []byte) error {
	if err := json.Unmarshal([]byte(head), &s.head); err != nil {
		return err
	}
	for len(dir) > 0 {
		id, k := binary.Uvarint(dir)
		if k <= 0 {
			return errSheet
		}
		n, k2 := binary.Uvarint(dir[k:])
		if k2 <= 0 {
			return errSheet
		}
		dir = dir[k+k2:]
		s.dir = append(s.dir, span{int64(id), int(n)})
	}
	next, k := binary.Uvarint(cols)
	if k <= 0 {
		return errSheet
	}
	s.nextCol = uint32(next)
	for cols = cols[k:]; len(cols) > 0; {
		first, k := binary.Uvarint(cols)
		if k <= 0 {
			return errSheet
		}
		n, k2 := binary.Uvarint(cols[k:])
		if k2 <= 0 || first+n > next {
			return errSheet
		}
		cols = cols[k+k2:]
		for i := range n {
			s.colIDs = append(s.colIDs, uint32(first+i))
		}
	}
	s.indexColumns()
	return nil
}

func (s *sheet) indexColumns() {
	s.colPos = make([]int32, s.nextCol)
	for i := range s.colPos {
		s.colPos[i] = -1
	}
	for p, id := range s.colIDs {
		s.colPos[id] = int32(p)
	}
}

func (s *sheet) save(pos int) error {
	if err := s.flush(); err != nil {
		return err
	}
	if !s.changed {
		_, err := s.book.tx.ExecContext(s.book.ctx, "UPDATE tab SET pos = ? WHERE book = ? AND id = ? AND pos <> ?", pos, s.book.key, s.id, pos)
		return err
	}
	head, err := json.Marshal(s.head)
	if err != nil {
		return err
	}
	dir := make([]byte, 0, 6*len(s.dir))
	for _, sp := range s.dir {
		dir = binary.AppendUvarint(binary.AppendUvarint(dir, uint64(sp.block)), uint64(sp.n))
	}
	cols := binary.AppendUvarint(nil, uint64(s.nextCol))
	for i := 0; i < len(s.colIDs); {
		j := i + 1
		for j < len(s.colIDs) && s.colIDs[j] == s.colIDs[j-1]+1 {
			j++
		}
		cols = binary.AppendUvarint(binary.AppendUvarint(cols, uint64(s.colIDs[i])), uint64(j-i))
		i = j
	}
	_, err = s.book.tx.ExecContext(s.book.ctx, `INSERT INTO tab (book, id, pos, head, dir, cols) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (book, id) DO UPDATE SET pos = excluded.pos, head = excluded.head, dir = excluded.dir, cols = excluded.cols`,
		s.book.key, s.id, pos, string(head), dir, cols)
	return err
}

// drop deletes the sheet's records.
func (s *sheet) drop() error {
	s.cache = nil
	for _, sp := range s.dir {
		if err := s.deleteBlock(sp.block); err != nil {
			return err
		}
	}
	_, err := s.book.tx.ExecContext(s.book.ctx, "DELETE FROM tab WHERE book = ? AND id = ?", s.book.key, s.id)
	return err
}

// starting returns the first row of each span, then the row count.
func (s *sheet) starting() []int {
	if s.starts == nil {
		s.starts = make([]int, len(s.dir)+1)
		for i, sp := range s.dir {
			s.starts[i+1] = s.starts[i] + sp.n
		}
	}
	return s.starts
}

func (s *sheet) rowCount() int {
	st := s.starting()
	return st[len(st)-1]
}

func (s *sheet) colCount() int { return len(s.colIDs) }

// find returns the span that holds row r and r's place in it. r must be in the sheet.
func (s *sheet) find(r int) (i, off int) {
	st := s.starting()
	i = sort.SearchInts(st, r+1) - 1
	return i, r - st[i]
}

// cached is how many blocks a transaction holds decoded before it writes them out: about 8 MB of ordinary rows.
const cached = 64

// read returns a block's rows. Pointers to them hold until the next call that may flush.
func (s *sheet) read(id int64) (*block, error) {
	if b := s.cache[id]; b != nil {
		return b, nil
	}
	b, err := s.fetch(id)
	if err != nil {
		return nil, err
	}
	if len(s.cache) >= cached {
		if err := s.flush(); err != nil {
			return nil, err
		}
	}
	s.keep(id, b)
	return b, nil
}

func (s *sheet) keep(id int64, b *block) {
	if s.cache == nil {
		s.cache = map[int64]*block{}
	}
	s.cache[id] = b
}

func (s *sheet) fetch(id int64) (*block, error) {
	var data []byte
	if err := s.book.tx.QueryRowContext(s.book.ctx, "SELECT data FROM block WHERE id = ?", id).Scan(&data); err != nil {
		return nil, fmt.Errorf("read block %d: %w", id, err)
	}
	b, err := decodeBlock(data, s.colPos)
	if err != nil {
		return nil, fmt.Errorf("read block %d: %w", id, err)
	}
	return b, nil
}

// flush writes changed blocks and forgets all.
func (s *sheet) flush() error {
	for id, b := range s.cache {
		if !b.dirty {
			continue
		}
		for _, r := range b.rows {
			r.trim()
		}
		if _, err := s.book.tx.ExecContext(s.book.ctx, "INSERT OR REPLACE INTO block (id, data) VALUES (?, ?)", id, b.encode(s.colIDs, s.style)); err != nil {
			return fmt.Errorf("write block %d: %w", id, err)
		}
	}
	s.cache = nil
	return nil
}

// style notes that column id has a cell with a format.
func (s *sheet) style(id uint32) {
	if !slices.Contains(s.head.Styled, id) {
		s.head.Styled = append(s.head.Styled, id)
		s.changed = true
	}
}

func (s *sheet) deleteBlock(id int64) error {
	if id == 0 {
		return nil
	}
	delete(s.cache, id)
	_, err := s.book.tx.ExecContext(s.book.ctx, "DELETE FROM block WHERE id = ?", id)
	return err
}

// scan calls f for each row of [from, to) in order; r is nil where nothing ever stood, and otherwise holds only during
// the call. Blocks that weren't read yet are not kept.
func (s *sheet) scan(from, to int, f func(i int, r *row) error) error {
	to = min(to, s.rowCount())
	for at := from; at < to; {
		i, off := s.find(at)
		sp := s.dir[i]
		end := min(sp.n, off+to-at)
		var rows []*row
		if sp.block != 0 {
			b := s.cache[sp.block]
			if b == nil {
				var err error
				if b, err = s.fetch(sp.block); err != nil {
					return err
				}
			}
			if len(b.rows) != sp.n {
				return errBlock
			}
			rows = b.rows
		}
		for ; off < end; off++ {
			var r *row
			if rows != nil {
				r = rows[off]
			}
			if err := f(at, r); err != nil {
				return err
			}
			at++
		}
	}
	return nil
}

// errStop ends a scan early.
var errStop = errors.New("stop")

// edit returns row i to be changed. It holds until the next call of edit.
func (s *sheet) edit(i int) (*row, error) {
	k, off := s.find(i)
	if s.dir[k].block == 0 {
		if err := s.materialise(k, off); err != nil {
			return nil, err
		}
		k, off = s.find(i)
	}
	b, err := s.read(s.dir[k].block)
	if err != nil {
		return nil, err
	}
	if off >= len(b.rows) {
		return nil, errBlock
	}
	b.dirty = true
	return b.rows[off], nil
}

// materialise makes a block out of the part of empty span k around its row off.
func (s *sheet) materialise(k, off int) error {
	n := s.dir[k].n
	from := off / blockRows * blockRows
	to := min(from+blockRows, n)
	id, err := s.addBlock(emptyRows(to - from))
	if err != nil {
		return err
	}
	parts := make([]span, 0, 3)
	if from > 0 {
		parts = append(parts, span{0, from})
	}
	parts = append(parts, span{id, to - from})
	if to < n {
		parts = append(parts, span{0, n - to})
	}
	s.replace(k, k+1, parts...)
	return nil
}

func emptyRows(n int) []*row {
	all := make([]row, n)
	out := make([]*row, n)
	for i := range all {
		out[i] = &all[i]
	}
	return out
}

func (s *sheet) addBlock(rows []*row) (int64, error) {
	id, err := s.book.newBlock()
	if err != nil {
		return 0, err
	}
	if len(s.cache) >= cached {
		if err := s.flush(); err != nil {
			return 0, err
		}
	}
	s.keep(id, &block{rows: rows, dirty: true})
	return id, nil
}

// replace puts parts in place of spans [i, j).
func (s *sheet) replace(i, j int, parts ...span) {
	s.dir = slices.Replace(s.dir, i, j, parts...)
	s.starts = nil
	s.changed = true
}

// split makes row at the first of a span and returns that span's place (len(dir) at the end).
func (s *sheet) split(at int) (int, error) {
	if at >= s.rowCount() {
		return len(s.dir), nil
	}
	k, off := s.find(at)
	if off == 0 {
		return k, nil
	}
	sp := s.dir[k]
	if sp.block == 0 {
		s.replace(k, k+1, span{0, off}, span{0, sp.n - off})
		return k + 1, nil
	}
	b, err := s.read(sp.block)
	if err != nil {
		return 0, err
	}
	if len(b.rows) != sp.n {
		return 0, errBlock
	}
	tail := slices.Clone(b.rows[off:])
	b.rows = b.rows[:off:off]
	b.dirty = true
	id, err := s.addBlock(tail)
	if err != nil {
		return 0, err
	}
	s.replace(k, k+1, span{sp.block, off}, span{id, sp.n - off})
	return k + 1, nil
}

// mend joins span k-1 and k where that keeps blocks from getting ever smaller.
func (s *sheet) mend(k int) error {
	if k <= 0 || k >= len(s.dir) {
		return nil
	}
	a, b := s.dir[k-1], s.dir[k]
	switch {
	case a.block == 0 && b.block == 0:
		s.replace(k-1, k+1, span{0, a.n + b.n})
	case a.n+b.n <= blockRows/4 && a.block != 0 && b.block != 0:
		front, err := s.fetchOrCached(a.block)
		if err != nil {
			return err
		}
		back, err := s.fetchOrCached(b.block)
		if err != nil {
			return err
		}
		joined := append(slices.Clone(front.rows), back.rows...)
		if err := s.deleteBlock(b.block); err != nil {
			return err
		}
		s.keep(a.block, &block{rows: joined, dirty: true})
		s.replace(k-1, k+1, span{a.block, a.n + b.n})
	}
	return nil
}

func (s *sheet) fetchOrCached(id int64) (*block, error) {
	if b := s.cache[id]; b != nil {
		return b, nil
	}
	return s.fetch(id)
}
