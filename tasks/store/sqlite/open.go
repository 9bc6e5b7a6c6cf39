package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"rowsmith/tasks/store"
)

// readers is the number of connections that read at the same time.
const readers = 4

// Open opens the database file at path, made readable for its owner only if it is not there, as two pools: one connection that
// writes, and a few that can only read. A commit is on the disk when it returns
// (synchronous=FULL): what it says was paid for must survive a power loss.
//
// Both are closed by the caller, read first, after everything that was built on them.
func Open(path string) (write, read *sql.DB, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open database %s: %w", path, err)
		}
	}()
	if path == "" || path == ":memory:" {
		return nil, nil, fmt.Errorf("it must be a file: %w", store.ErrInvalid)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite would let everyone read it
	if err != nil {
		return nil, nil, err
	}
	if err := f.Close(); err != nil {
		return nil, nil, err
	}
	// busy_timeout comes first, so that changing the journal's mode waits as well. The log is cut back to
	// journal_size_limit bytes after a burst. cache_size is in KiB.
	pragmas := []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(0)",
		"journal_size_limit(67108864)", "temp_store(MEMORY)"}
	write, err = pool(path, 1, url.Values{"_pragma": append(pragmas, "cache_size(-16384)"), "_txlock": {"immediate"}})
	if err != nil {
		return nil, nil, err
	}
	read, err = pool(path, readers, url.Values{"_pragma": append(pragmas, "cache_size(-4096)", "query_only(1)")})
	if err != nil {
		return nil, nil, errors.Join(err, write.Close())
	}
	return write, read, nil
}

func pool(path string, connections int, options url.Values) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections) // a connection is dear to open and keeps its statements
	if err := db.Ping(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// isBusy reports whether another connection held the lock for longer than busy_timeout.
func isBusy(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

// isOverflow reports whether a sum was outside of int64: a plain error, told by its text alone.
func isOverflow(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_ERROR && strings.Contains(e.Error(), "integer overflow")
}

// unavailable gives an error of the database the contract's form. Every such error is one of state,
// not of the caller: the disk is full or broken, the file or pool is closed, ctx ended.
func unavailable(err error) error {
	if err == nil || errors.Is(err, store.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}
