package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/tasks/store"
	"rowsmith/tasks/store/sqlite"
)

func jobKind(change ...func(*store.Kind)) store.Kind {
	k := store.Kind{
		Name: "jobs", Schema: 2, Expires: true,
		Fields: []store.Field{{Name: "state", Type: store.String}, {Name: "n", Type: store.Int}},
		Shapes: []store.Shape{{}, {Equal: []string{"state"}}},
	}
	for _, c := range change {
		c(&k)
	}
	return k
}

func job(id string, fields store.Fields) store.Doc {
	return store.Doc{Key: store.Key{Account: "acme", Kind: "jobs", ID: id}, Payload: []byte(id), Fields: fields}
}

func commit(t *testing.T, s store.Store, writes ...store.Write) {
	t.Helper()
	if _, err := s.Commit(t.Context(), writes...); err != nil {
		t.Fatal(err)
	}
}

// TestKindsChange opens one file with kinds that gain, lose and regain fields and shapes.
func TestKindsChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	clock := clockwork.NewFakeClock()
	with := func(fields []store.Field, shapes []store.Shape, f func(s *sqlite.Store)) {
		t.Helper()
		s, end := openAt(t, path, clock, jobKind(func(k *store.Kind) { k.Fields, k.Shapes = fields, shapes }))
		f(s)
		end()
	}
	state := []store.Field{{Name: "state", Type: store.String}}
	both := append(state[:1:1], store.Field{Name: "due", Type: store.Time})
	byState := []store.Shape{{Equal: []string{"state"}}}
	byDue := []store.Shape{{Equal: []string{"state"}, Range: "due", Order: []store.Order{{Field: "due"}}}}
	due := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	with(state, byState, func(s *sqlite.Store) {
		commit(t, s, store.Create(job("a", store.Fields{"state": "on"})), store.Create(job("b", store.Fields{"state": "on"})))
	})
	query := store.Query{Kind: "jobs", Account: "acme", Limit: 9, Where: []store.Where{{Field: "state", Cmp: store.Eq, Value: "on"}}, Order: byDue[0].Order}
	with(both, byDue, func(s *sqlite.Store) {
		p, err := s.Query(t.Context(), query)
		if err != nil || len(p.Docs) != 0 {
			t.Errorf("documents from before the field: %v, %v", p.Docs, err)
		}
		commit(t, s, store.Set(job("b", store.Fields{"state": "on", "due": due})))
		if p, err = s.Query(t.Context(), query); err != nil || len(p.Docs) != 1 || p.Docs[0].Fields["due"] != due {
			t.Errorf("after one was written: %v, %v", p.Docs, err)
		}
	})
	with(state, byState, func(s *sqlite.Store) { // an older program
		d, err := store.One(t.Context(), s, job("b", nil).Key)
		if err != nil || len(d.Fields) != 1 {
			t.Errorf("a field that is not declared: %v, %v", d.Fields, err)
		}
		commit(t, s, store.Replace(d))
	})
	with(both, byDue, func(s *sqlite.Store) {
		if p, err := s.Query(t.Context(), query); err != nil || len(p.Docs) != 0 {
			t.Errorf("a document written without the field still has it: %v, %v", p.Docs, err)
		}
	})
}

func TestFilesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(t *testing.T, db *sql.DB)
		kind store.Kind
		want error
	}{
		"newer layout": {func(t *testing.T, db *sql.DB) {
			if _, err := db.Exec(`UPDATE store_meta SET value = 99 WHERE key = 'format'`); err != nil {
				t.Fatal(err)
			}
		}, jobKind(), sqlite.ErrNewer},
		"newer documents": {nil, jobKind(func(k *store.Kind) { k.Schema = 1 }), sqlite.ErrNewer},
		"another type":    {nil, jobKind(func(k *store.Kind) { k.Fields[1].Type = store.Bool }), store.ErrInvalid},
		"the same":        {nil, jobKind(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			_, end := openAt(t, path, clockwork.NewRealClock(), jobKind())
			end()
			if c.harm != nil {
				write, read, err := sqlite.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				c.harm(t, write)
				if err := errors.Join(read.Close(), write.Close()); err != nil {
					t.Fatal(err)
				}
			}
			_, end2, err := openFile(path, clockwork.NewRealClock(), c.kind)
			if err == nil {
				defer end2() //nolint:errcheck // only read
			}
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("error is %v, want %v", err, c.want)
			}
		})
	}
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", ":memory:", t.TempDir(), filepath.Join(t.TempDir(), "no", "such", "folder"), garbage} {
		if write, read, err := sqlite.Open(path); err == nil {
			t.Errorf("opened %q", path)
			read.Close()
			write.Close()
		}
	}
}

// TestOddPaths opens files whose names mean something in a URL, and finds the file there, for its owner only.
func TestOddPaths(t *testing.T) {
	for _, name := range []string{"a b.db", "a?b=c.db", "a#b.db", "a%20b.db", "ä.db", "a&b+c.db"} {
		path := filepath.Join(t.TempDir(), name)
		s, end := openAt(t, path, clockwork.NewRealClock(), jobKind())
		commit(t, s, store.Create(job("a", nil)))
		for _, p := range []string{path, path + "-wal"} {
			if info, err := os.Stat(p); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%q: %v, %v", p, info, err)
			}
		}
		end()
	}
}

// TestOthersInTheFile writes to one file from two stores, as two processes would: no one sees that it was busy.
func TestOthersInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	one, _ := openAt(t, path, clockwork.NewRealClock(), jobKind())
	two, _ := openAt(t, path, clockwork.NewRealClock(), jobKind())
	key := job("sum", nil).Key
	const each = 25
	var wg sync.WaitGroup
	for n, s := range []*sqlite.Store{one, two, one, two} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for k := range each {
				var err error
				if n < 2 {
					_, err = s.Commit(t.Context(), store.Increment(key, map[string]int64{"n": 1}, time.Time{}))
				} else {
					_, err = s.Commit(t.Context(), store.Create(job(fmt.Sprintf("%d-%d", n, k), nil)))
				}
				if err != nil {
					t.Errorf("commit: %v", err)
				}
				if _, err := s.Get(t.Context(), key); err != nil {
					t.Errorf("get: %v", err)
				}
			}
		}()
	}
	wg.Wait()
	if d, err := store.One(t.Context(), two, key); err != nil || d.Fields["n"] != int64(2*each) {
		t.Errorf("%v, %v, want %d", d.Fields, err, 2*each)
	}
}

// TestWaitingEndsWithTheContext holds the file's lock: a commit waits for it as long as its context lasts, and then has had no effect.
func TestWaitingEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, _ := openAt(t, path, clockwork.NewRealClock(), jobKind())
	other, read, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	defer read.Close()
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = s.Commit(ctx, store.Create(job("a", nil)))
	if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v, want ErrUnavailable and the context's", err)
	}
	waiting := make(chan error, 1)
	go func() { _, err := s.Commit(t.Context(), store.Create(job("b", nil))); waiting <- err }()
	if _, err := s.Get(t.Context(), job("a", nil).Key); err != nil {
		t.Errorf("reading waits for the writer: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; err != nil {
		t.Errorf("a commit that could wait: %v", err)
	}
	r, err := s.Get(t.Context(), job("a", nil).Key, job("b", nil).Key)
	if err != nil || r.Docs[0].Exists() || !r.Docs[1].Exists() {
		t.Errorf("given up and there: %v, waited for and there: %v, %v", r.Docs[0].Exists(), r.Docs[1].Exists(), err)
	}
}

// TestFullDisk lets the file not grow any more: commits fail as unavailable and leave nothing, what is there can be
// read, and once there is room the store goes on.
func TestFullDisk(t *testing.T) {
	write, read, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	defer read.Close()
	schema, err := store.NewSchema(jobKind())
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.New(t.Context(), write, read, schema, clockwork.NewRealClock())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	commit(t, s, store.Create(job("a", nil)))
	if _, err := write.Exec(`PRAGMA max_page_count = 40`); err != nil {
		t.Fatal(err)
	}
	large := job("large", nil)
	large.Payload = make([]byte, 500<<10)
	var wg sync.WaitGroup
	for n := range 8 { // the small ones may be applied in one go with the large one, and must not suffer for it
		wg.Add(1)
		go func() {
			defer wg.Done()
			if n == 0 {
				_, err := s.Commit(t.Context(), store.Create(job("beside", nil)), store.Set(large))
				if !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("on a full disk: %v, want ErrUnavailable", err)
				}
				return
			}
			if _, err := s.Commit(t.Context(), store.Create(job(fmt.Sprint(n), nil))); err != nil {
				t.Errorf("a commit that fits: %v", err)
			}
		}()
	}
	wg.Wait()
	r, err := s.Get(t.Context(), job("a", nil).Key, job("beside", nil).Key, large.Key, job("7", nil).Key)
	if err != nil || !r.Docs[0].Exists() || r.Docs[1].Exists() || r.Docs[2].Exists() || !r.Docs[3].Exists() {
		t.Errorf("%v, %v", r.Docs, err)
	}
	if _, err := write.Exec(`PRAGMA max_page_count = 100000`); err != nil {
		t.Fatal(err)
	}
	commit(t, s, store.Set(large))
}

func TestRemoveExpired(t *testing.T) {
	clock := clockwork.NewFakeClock()
	path := filepath.Join(t.TempDir(), "store.db")
	s, end := openAt(t, path, clock, jobKind(), store.Kind{Name: "plain", Schema: 1})
	for n := range 5 {
		d := job(fmt.Sprint(n), nil)
		d.Expires = clock.Now().Add(time.Minute)
		later := job(fmt.Sprint("later", n), nil)
		later.Expires = clock.Now().Add(time.Hour)
		commit(t, s, store.Create(d), store.Create(later), store.Create(job(fmt.Sprint("stays", n), nil)))
	}
	for _, step := range []struct {
		pass        time.Duration
		limit, want int
	}{{0, 10, 0}, {time.Minute - time.Microsecond, 10, 0}, {time.Microsecond, 3, 3}, {0, 3, 2}, {0, 3, 0}} {
		clock.Advance(step.pass)
		if n, err := s.RemoveExpired(t.Context(), step.limit); err != nil || n != step.want {
			t.Errorf("removed %d, %v, want %d", n, err, step.want)
		}
	}
	end()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRow(`SELECT count(*) FROM docs_jobs`).Scan(&n); err != nil || n != 10 {
		t.Errorf("%d documents are left, %v, want 10", n, err)
	}
}
