package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"rowsmith/tasks/store"
)

// format is the version of the layout in the package comment.
const format = 1

// migrate makes the tables, or brings them up to date, in one transaction: a
// program that is killed meanwhile leaves what was there.
func migrate(ctx context.Context, db *sql.DB, tables map[string]*table) (err error) {
	var tx *sql.Tx
	for { // another process may be at it
		tx, err = db.BeginTx(ctx, nil)
		if err == nil {
			break
		}
		if !isBusy(err) || ctx.Err() != nil {
			return unavailable(err)
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}()
	if err := layout(ctx, tx); err != nil {
		return err
	}
	for _, t := range tables {
		if err := t.migrate(ctx, tx); err != nil {
			return fmt.Errorf("kind %s: %w", t.kind.Name, err)
		}
	}
	return unavailable(tx.Commit())
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// layout makes this package's own tables and checks the version of what is there.
func layout(ctx context.Context, tx *sql.Tx) error {
	for _, text := range []string{
		`CREATE TABLE IF NOT EXISTS store_meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
		`CREATE TABLE IF NOT EXISTS store_kinds (kind TEXT PRIMARY KEY, schema INTEGER NOT NULL, fields TEXT NOT NULL) STRICT, WITHOUT ROWID`,
		`INSERT INTO store_meta (key, value) VALUES ('seq', 0), ('format', 1) ON CONFLICT (key) DO NOTHING`,
	} {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return unavailable(err)
		}
	}
	var found int64
	if err := tx.QueryRowContext(ctx, `SELECT value FROM store_meta WHERE key = 'format'`).Scan(&found); err != nil {
		return unavailable(err)
	}
	if found > format {
		return fmt.Errorf("format %d, this program knows %d: %w", found, format, ErrNewer)
	}
	return nil
}

// migrate makes the kind's table, its missing columns and indexes, and drops indexes that no shape needs any more.
// A column whose field is no longer declared stays, and is emptied as documents are written: an older program may still want it.
func (t *table) migrate(ctx context.Context, tx *sql.Tx) error {
	types, err := t.remembered(ctx, tx)
	if err != nil {
		return err
	}
	exec := func(text string, args ...any) error {
		_, err := tx.ExecContext(ctx, text, args...)
		return unavailable(err)
	}
	if err := exec(t.create()); err != nil {
		return err
	}
	there, err := names(ctx, tx, `SELECT name FROM pragma_table_info(?)`, t.name)
	if err != nil {
		return err
	}
	declared := map[string]bool{}
	for _, f := range t.kind.Fields {
		c := column(f.Name)
		declared[c] = true
		if !there[c] {
			if err := exec(`ALTER TABLE ` + t.name + ` ADD COLUMN ` + c + ` ` + columnType(f.Type)); err != nil {
				return err
			}
		}
		if was, ok := types[f.Name]; ok && was != f.Type.String() {
			return fmt.Errorf("field %s was a %s and is declared a %s: a new type needs a new name: %w", f.Name, was, f.Type, store.ErrInvalid)
		}
		types[f.Name] = f.Type.String()
	}
	for c := range there {
		if strings.HasPrefix(c, "f_") && !declared[c] {
			t.stale = append(t.stale, c)
		}
	}
	wanted := t.indexes()
	have, err := names(ctx, tx, `SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL`, t.name)
	if err != nil {
		return err
	}
	for name := range have {
		if _, ok := wanted[name]; !ok {
			if err := exec(`DROP INDEX ` + name); err != nil {
				return err
			}
		}
	}
	for name, text := range wanted {
		if !have[name] {
			if err := exec(text); err != nil {
				return err
			}
		}
	}
	text, err := json.Marshal(types)
	if err != nil {
		return err
	}
	return exec(`INSERT INTO store_kinds (kind, schema, fields) VALUES (?, ?, ?)
		ON CONFLICT (kind) DO UPDATE SET schema = excluded.schema, fields = excluded.fields
		WHERE schema <> excluded.schema OR fields <> excluded.fields`, t.kind.Name, t.kind.Schema, string(text))
}

// remembered returns the types of the fields this kind was ever opened with.
func (t *table) remembered(ctx context.Context, tx *sql.Tx) (map[string]string, error) {
	var schema int
	var fields string
	types := map[string]string{}
	err := tx.QueryRowContext(ctx, `SELECT schema, fields FROM store_kinds WHERE kind = ?`, t.kind.Name).Scan(&schema, &fields)
	if errors.Is(err, sql.ErrNoRows) {
		return types, nil
	}
	if err != nil {
		return nil, unavailable(err)
	}
	if schema > t.kind.Schema {
		return nil, fmt.Errorf("documents of version %d, this program knows %d: %w", schema, t.kind.Schema, ErrNewer)
	}
	if err := json.Unmarshal([]byte(fields), &types); err != nil {
		return nil, fmt.Errorf("field types: %w: %w", store.ErrUnavailable, err)
	}
	return types, nil
}

func names(ctx context.Context, tx *sql.Tx, text string, args ...any) (map[string]bool, error) {
	rows, err := tx.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, unavailable(err)
	}
	defer rows.Close()
	set := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, unavailable(err)
		}
		set[name] = true
	}
	return set, unavailable(rows.Err())
}
