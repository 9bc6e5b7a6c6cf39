package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/tasks/store"
)

// crashFile names, in the child's environment, the file it writes to until it is killed.
const crashFile = "ROWSMITH_TEST_CRASH_FILE"

const (
	crashWriters = 3
	crashDocs    = 5 // documents a commit
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		if err := commitForever(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

var crashKind = store.Kind{
	Name: "steps", Schema: 1,
	Fields: []store.Field{{Name: "commit", Type: store.String}, {Name: "n", Type: store.Int}},
	Shapes: []store.Shape{{}, {Equal: []string{"commit"}}},
}

// commitForever commits from several goroutines, half of them in transactions, and prints each commit when it was acknowledged.
func commitForever(path string) error {
	s, _, err := openFile(path, clockwork.NewRealClock(), crashKind)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	failed := make(chan error)
	for w := range crashWriters {
		go func() {
			for n := 0; ; n++ {
				commit := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, n)
				var writes []store.Write
				for d := range crashDocs {
					writes = append(writes, store.Create(store.Doc{
						Key:     store.Key{Account: "acme", Kind: "steps", ID: fmt.Sprintf("%s-%d", commit, d)},
						Payload: make([]byte, 3000*d), // some on overflow pages
						Fields:  store.Fields{"commit": commit},
					}))
				}
				writes = append(writes, store.Increment(store.Key{Account: "acme", Kind: "steps", ID: "total"}, map[string]int64{"n": 1}, time.Time{}))
				var err error
				if w == 0 {
					err = s.Transact(context.Background(), func(_ context.Context, tx store.Tx) error { return tx.Write(writes...) })
				} else {
					_, err = s.Commit(context.Background(), writes...)
				}
				if err != nil {
					failed <- err
					return
				}
				mu.Lock()
				fmt.Println(commit)
				mu.Unlock()
			}
		}()
	}
	return <-failed
}

// TestKilledProcessLosesNothing kills a writing process again and again, at random moments: what it
// acknowledged is there, and no commit is there in part.
func TestKilledProcessLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := map[string]bool{}
	for range 6 {
		child := exec.Command(program)
		child.Env = append(os.Environ(), crashFile+"="+path)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// The moment is counted in commits, plus a random fraction of one.
		left, lines := 1+rand.IntN(60), bufio.NewScanner(out)
		for lines.Scan() {
			acknowledged[lines.Text()] = true
			if left--; left == 0 {
				<-time.After(time.Duration(rand.IntN(3000)) * time.Microsecond)
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := child.Wait(); err == nil || left > 0 {
			t.Fatalf("the child ended by itself: %v", err)
		}

		s, end := openAt(t, path, clockwork.NewRealClock(), crashKind)
		for commit := range acknowledged {
			if n, err := s.Count(t.Context(), store.Query{Kind: "steps", Account: "acme",
				Where: []store.Where{{Field: "commit", Cmp: store.Eq, Value: commit}}}); err != nil || n != crashDocs {
				t.Errorf("acknowledged commit %s: %d of %d documents, %v", commit, n, crashDocs, err)
			}
		}
		total, err := store.One(t.Context(), s, store.Key{Account: "acme", Kind: "steps", ID: "total"})
		if err != nil {
			t.Fatal(err)
		}
		all, whole := everyCommit(t, s)
		if !whole || int64(all) != total.Fields["n"] || all < len(acknowledged) {
			t.Errorf("%d commits, counted %v, acknowledged %d, all whole: %v", all, total.Fields["n"], len(acknowledged), whole)
		}
		end()
	}
	t.Logf("%d commits acknowledged over 6 kills", len(acknowledged))
}

// everyCommit reads all documents and returns how many commits wrote them, and whether each is there in full.
func everyCommit(t *testing.T, s store.Store) (commits int, whole bool) {
	t.Helper()
	docs := map[any]int{}
	q := store.Query{Kind: "steps", Account: "acme", Limit: 500}
	for {
		p, err := s.Query(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range p.Docs {
			if c, ok := d.Fields["commit"]; ok {
				docs[c]++
			}
		}
		if q.After = p.Next; q.After == "" {
			break
		}
	}
	for _, n := range docs {
		if n != crashDocs {
			return len(docs), false
		}
	}
	return len(docs), true
}
