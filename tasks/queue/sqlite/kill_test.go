package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rowsmith/tasks/queue"
	"rowsmith/tasks/queue/sqlite"
)

// Set in a child process of TestKill: the file, and the worker's address.
const (
	childFile   = "QUEUE_TEST_CHILD_FILE"
	childTarget = "QUEUE_TEST_CHILD_TARGET"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		if err := enqueueForever(path, os.Getenv(childTarget)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

var killSettings = []queue.Settings{{Name: "bulk", Burst: 500, MaxConcurrent: 20, MinBackoff: 10 * time.Millisecond}}

// enqueueForever is the child: it delivers, enqueues from several goroutines, and prints the body of
// each task that was acknowledged. Its parent kills it.
func enqueueForever(path, target string) error {
	f, err := openFile(context.Background(), path, sqlite.Config{Queues: killSettings})
	if err != nil {
		return err
	}
	if err := f.Start(target, nil); err != nil {
		return err
	}
	failed := make(chan error)
	for g := range 4 {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("p%d-%d-%d", os.Getpid(), g, i)
				task := queue.Task{Queue: "bulk", Kind: "chunk", Body: []byte(name)}
				if i%2 == 0 {
					task.Name = name
				}
				added, err := f.Enqueue(context.Background(), task)
				if err != nil || !added {
					failed <- fmt.Errorf("enqueue: added %v, error %v", added, err)
					return
				}
				fmt.Println(name)
			}
		}()
	}
	return <-failed
}

// TestKill kills a process that enqueues and delivers, at random moments: every task that was acknowledged
// is handled by the worker in the end.
func TestKill(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu      sync.Mutex
		handled = map[string]bool{}
		news    = make(chan struct{}, 1)
	)
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, err := queue.ReadDelivery(r)
		if err != nil || rand.IntN(8) == 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		mu.Lock()
		handled[string(d.Body)] = true
		mu.Unlock()
		select {
		case news <- struct{}{}:
		default:
		}
	}))
	defer worker.Close()

	path := filepath.Join(t.TempDir(), "rowsmith.db")
	var acknowledged []string
	for round := range 6 {
		child := exec.Command(self, "-test.run=^$")
		child.Env = append(os.Environ(), childFile+"="+path, childTarget+"="+worker.URL)
		child.Stderr = t.Output()
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		moment := 1 + rand.IntN(150)
		lines := bufio.NewReader(out)
		for n := 0; ; n++ {
			if n == moment {
				child.Process.Kill()
			}
			line, err := lines.ReadString('\n')
			if err != nil { // a line that is cut short was perhaps acknowledged; whole ones were
				if n < moment {
					t.Fatalf("round %d: the child ended by itself", round)
				}
				break
			}
			acknowledged = append(acknowledged, strings.TrimSpace(line))
		}
		child.Wait()
	}

	start(t, path, worker.URL, sqlite.Config{Queues: killSettings, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		mu.Lock()
		missing := 0
		for _, name := range acknowledged {
			if !handled[name] {
				missing++
			}
		}
		mu.Unlock()
		if missing == 0 {
			break
		}
		select {
		case <-news:
		case <-ctx.Done():
			t.Fatalf("%d of %d acknowledged tasks were never handled", missing, len(acknowledged))
		}
	}
	t.Logf("%d tasks acknowledged, all handled", len(acknowledged))
}
