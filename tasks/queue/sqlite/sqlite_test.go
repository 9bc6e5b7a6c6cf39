package sqlite_test

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	_ "modernc.org/sqlite"

	"rowsmith/tasks/queue"
	"rowsmith/tasks/queue/queuetest"
	"rowsmith/tasks/queue/sqlite"
)

// openPools opens a file as the program does.
func openPools(path string) (write, read *sql.DB, err error) {
	dsn := "file:" + path + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	if write, err = sql.Open("sqlite", dsn+"&_txlock=immediate"); err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	if read, err = sql.Open("sqlite", dsn+"&_pragma=query_only(1)"); err != nil {
		write.Close()
		return nil, nil, err
	}
	return write, read, nil
}

// A file is a queue in a database file.
type file struct {
	*sqlite.Queue
	write, read *sql.DB
}

func openFile(ctx context.Context, path string, cfg sqlite.Config) (*file, error) {
	write, read, err := openPools(path)
	if err != nil {
		return nil, err
	}
	q, err := sqlite.New(ctx, write, read, cfg)
	if err != nil {
		write.Close()
		read.Close()
		return nil, err
	}
	return &file{q, write, read}, nil
}

func (f *file) closePools() {
	f.write.Close()
	f.read.Close()
}

// start opens a file and begins deliveries; both end with the test.
func start(t testing.TB, path, target string, cfg sqlite.Config) *file {
	t.Helper()
	f, err := openFile(context.Background(), path, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what still hangs is cut off
		f.Close(ctx)
		f.closePools()
	})
	if target != "" {
		if err := f.Start(target, nil); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestSuite(t *testing.T) {
	queuetest.Run(t, func(t *testing.T, o queuetest.Options) queuetest.Instance {
		clock := clockwork.NewFakeClockAt(time.Date(2026, 7, 1, 12, 0, 0, 123456789, time.UTC))
		path := filepath.Join(t.TempDir(), "rowsmith.db")
		var open func(t *testing.T) queuetest.Instance
		open = func(t *testing.T) queuetest.Instance {
			f := start(t, path, o.Target, sqlite.Config{Queues: o.Queues, Clock: clock, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
			return queuetest.Instance{
				Queue:  f,
				Clock:  clock,
				Settle: f.Settle,
				Reopen: func(t *testing.T) queuetest.Instance {
					f.Close(t.Context())
					f.closePools()
					return open(t)
				},
				Crash: func(t *testing.T) queuetest.Instance {
					f.Crash()
					f.closePools()
					return open(t)
				},
			}
		}
		return open(t)
	})
}

var _ queue.Queue = (*sqlite.Queue)(nil)
