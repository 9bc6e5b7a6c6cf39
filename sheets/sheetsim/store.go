package sheetsim

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the pure-Go driver, registered as "sqlite"
)

// disk is the SQLite file with every spreadsheet of one server: sheets.db in the server's folder.
//
// A request is one transaction: kill -9 leaves it applied or not at all (WAL; synchronous NORMAL, so a power cut
// may lose the last requests but never half of one). Writers queue on one connection, readers each see one moment.
//
//	book   one spreadsheet: its properties
//	tab    one sheet: its properties, the directory of its rows, the order of its columns
//	block  some hundred rows, see block.go
//	meta   one developer metadata entry
type disk struct {
	write, read *sql.DB
}

const tables = `
CREATE TABLE IF NOT EXISTS book (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, created INTEGER NOT NULL, props TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tab (book INTEGER NOT NULL, id INTEGER NOT NULL, pos INTEGER NOT NULL, head TEXT NOT NULL, dir BLOB NOT NULL, cols BLOB NOT NULL, PRIMARY KEY (book, id));
CREATE TABLE IF NOT EXISTS block (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS meta (book INTEGER NOT NULL, id INTEGER NOT NULL, tab INTEGER NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL,
  key TEXT NOT NULL, value TEXT NOT NULL, visibility TEXT NOT NULL, PRIMARY KEY (book, id)) WITHOUT ROWID;
PRAGMA user_version = 1;`

// readers bounds the connections that read at once, and with their page caches (2 MB each) the memory they take.
const readers = 4

func openDisk(ctx context.Context, dir string) (*disk, error) {
	name := filepath.Join(dir, "sheets.db")
	const pragmas = "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(10000)&_pragma=cache_size(-2000)&_pragma=auto_vacuum(INCREMENTAL)"
	w, err := sql.Open("sqlite", "file:"+name+pragmas+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	w.SetMaxOpenConns(1)
	d := &disk{write: w}
	var version int
	if err := w.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", name, err), w.Close())
	}
	if version > 1 {
		return nil, errors.Join(fmt.Errorf("open %s: written by a newer version (%d)", name, version), w.Close())
	}
	if version == 0 {
		if _, err := w.ExecContext(ctx, tables); err != nil {
			return nil, errors.Join(fmt.Errorf("create the tables of %s: %w", name, err), w.Close())
		}
	}
	r, err := sql.Open("sqlite", "file:"+name+pragmas+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s for reading: %w", name, err), w.Close())
	}
	r.SetMaxOpenConns(readers)
	d.read = r
	return d, nil
}

func (d *disk) close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// view runs f on a spreadsheet as it is at one moment.
func (d *disk) view(ctx context.Context, id string, f func(*book) error) error {
	tx, err := d.read.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin reading: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was changed
	b, err := loadBook(ctx, tx, id)
	if err != nil {
		return err
	}
	return f(b)
}

// update runs f on a spreadsheet and keeps what it did, or nothing if it fails.
func (d *disk) update(ctx context.Context, id string, f func(*book) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin writing: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	b, err := loadBook(ctx, tx, id)
	if err != nil {
		return err
	}
	b.writable = true
	if err := f(b); err != nil {
		return err
	}
	if err := b.save(); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// create makes a spreadsheet without sheets, lets f fill it and keeps it.
func (d *disk) create(ctx context.Context, id, title string, created time.Time, f func(*book) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin writing: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	res, err := tx.ExecContext(ctx, "INSERT INTO book (id, title, created, props) VALUES (?, ?, ?, '{}')", id, title, created.UnixMicro())
	if err != nil {
		return fmt.Errorf("create spreadsheet %s: %w", id, err)
	}
	key, err := res.LastInsertId()
	if err != nil {
		return fmt.Errorf("create spreadsheet %s: %w", id, err)
	}
	b := &book{ctx: ctx, tx: tx, key: key, id: id, title: title, props: map[string]any{}, writable: true}
	if err := f(b); err != nil {
		return err
	}
	if err := b.save(); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// remove deletes a spreadsheet and all that belongs to it.
func (d *disk) remove(ctx context.Context, id string) error {
	err := d.update(ctx, id, func(b *book) error {
		for _, s := range b.sheets {
			if err := s.drop(); err != nil {
				return err
			}
		}
		b.sheets = nil
		for _, table := range []string{"tab", "meta"} {
			if _, err := b.tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE book = ?", b.key); err != nil {
				return fmt.Errorf("delete spreadsheet %s: %w", id, err)
			}
		}
		_, err := b.tx.ExecContext(ctx, "DELETE FROM book WHERE key = ?", b.key)
		return err
	})
	if err != nil {
		return err
	}
	_, err = d.write.ExecContext(ctx, "PRAGMA incremental_vacuum")
	return err
}

// An Entry is one spreadsheet of the server, as [Server.List] shows it.
type Entry struct {
	ID      string
	Title   string
	Created time.Time
}

func (d *disk) list(ctx context.Context) ([]Entry, error) {
	rows, err := d.read.QueryContext(ctx, "SELECT id, title, created FROM book ORDER BY created, key")
	if err != nil {
		return nil, fmt.Errorf("list spreadsheets: %w", err)
	}
	defer rows.Close()
	var out []Entry
	for rows.Next() {
		var e Entry
		var at int64
		if err := rows.Scan(&e.ID, &e.Title, &at); err != nil {
			return nil, fmt.Errorf("list spreadsheets: %w", err)
		}
		e.Created = time.UnixMicro(at).UTC()
		out = append(out, e)
	}
	return out, rows.Err()
}

// A book is a spreadsheet within one transaction.
type book struct {
	ctx      context.Context
	tx       *sql.Tx
	key      int64
	id       string
	title    string
	created  time.Time
	props    map[string]any // SpreadsheetProperties without the title
	sheets   []*sheet       // in the order of their tabs
	writable bool
	changed  bool // title or props

	meta      []*metadata // by id; see metadataList
	metaRead  bool
	metaDirty bool

	nextBlock int64
	memo      formatMemo
}

func loadBook(ctx context.Context, tx *sql.Tx, id string) (*book, error) {
	b := &book{ctx: ctx, tx: tx, id: id}
	var props string
	var created int64
	err := tx.QueryRowContext(ctx, "SELECT key, title, created, props FROM book WHERE id = ?", id).Scan(&b.key, &b.title, &created, &props)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound()
	}
	if err != nil {
		return nil, fmt.Errorf("load spreadsheet %s: %w", id, err)
	}
	b.created = time.UnixMicro(created).UTC()
	if err := json.Unmarshal([]byte(props), &b.props); err != nil {
		return nil, fmt.Errorf("load spreadsheet %s: %w", id, err)
	}
	rows, err := tx.QueryContext(ctx, "SELECT id, head, dir, cols FROM tab WHERE book = ? ORDER BY pos", b.key)
	if err != nil {
		return nil, fmt.Errorf("load the sheets of %s: %w", id, err)
	}
	defer rows.Close()
	for rows.Next() {
		s := &sheet{book: b}
		var head string
		var dir, cols []byte
		if err := rows.Scan(&s.id, &head, &dir, &cols); err != nil {
			return nil, fmt.Errorf("load the sheets of %s: %w", id, err)
		}
		if err := s.load(head, dir, cols); err != nil {
			return nil, fmt.Errorf("load sheet %d of %s: %w", s.id, id, err)
		}
		b.sheets = append(b.sheets, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("load the sheets of %s: %w", id, err)
	}
	return b, nil
}

func (b *book) save() error {
	if b.changed {
		props, err := json.Marshal(b.props)
		if err != nil {
			return fmt.Errorf("save spreadsheet %s: %w", b.id, err)
		}
		if _, err := b.tx.ExecContext(b.ctx, "UPDATE book SET title = ?, props = ? WHERE key = ?", b.title, string(props), b.key); err != nil {
			return fmt.Errorf("save spreadsheet %s: %w", b.id, err)
		}
	}
	for i, s := range b.sheets {
		if err := s.save(i); err != nil {
			return fmt.Errorf("save sheet %d of %s: %w", s.id, b.id, err)
		}
	}
	if b.metaDirty {
		return b.saveMetadata()
	}
	return nil
}

// newBlock reserves the id of a block. Only one transaction writes at a time.
func (b *book) newBlock() (int64, error) {
	if b.nextBlock == 0 {
		if err := b.tx.QueryRowContext(b.ctx, "SELECT COALESCE(MAX(id), 0) FROM block").Scan(&b.nextBlock); err != nil {
			return 0, fmt.Errorf("reserve a block: %w", err)
		}
	}
	b.nextBlock++
	return b.nextBlock, nil
}

func (b *book) sheetByID(id int) *sheet {
	for _, s := range b.sheets {
		if s.id == id {
			return s
		}
	}
	return nil
}

// cells is the size of all grids together, what Google's limit counts.
func (b *book) cells() int {
	n := 0
	for _, s := range b.sheets {
		n += s.rowCount() * len(s.colIDs)
	}
	return n
}
