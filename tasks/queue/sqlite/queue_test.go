package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/tasks/queue"
	"rowsmith/tasks/queue/sqlite"
)

// events collects what Observe is told.
type events chan sqlite.Event

func (e events) observe(v sqlite.Event) { e <- v }

// next is the next event, which must be of a kind.
func (e events) next(t *testing.T, want sqlite.What) sqlite.Event {
	t.Helper()
	select {
	case got := <-e:
		if got.What != want {
			t.Fatalf("event %+v, want %q", got, want)
		}
		return got
	case <-time.After(30 * time.Second):
		t.Fatalf("no event, want %q", want)
		panic("unreachable")
	}
}

func ok(http.ResponseWriter, *http.Request) {}

func serve(t testing.TB, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestEvents(t *testing.T) {
	seen := make(events, 100)
	status := http.StatusTeapot
	target := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) })
	clock := clockwork.NewFakeClock()
	f := start(t, filepath.Join(t.TempDir(), "db"), target, sqlite.Config{
		Queues: []queue.Settings{{Name: "bulk", MaxAttempts: 2, MinBackoff: 8 * time.Second}}, Clock: clock,
		Observe: seen.observe, Jitter: func() float64 { return 0.5 },
	})
	task := queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"}
	f.Enqueue(t.Context(), task)
	seen.next(t, sqlite.Added)
	if e := seen.next(t, sqlite.Started); e.ID != task.ID() || e.Queue != "bulk" {
		t.Errorf("started %+v", e)
	}
	if e := seen.next(t, sqlite.Failed); e.Status != status || e.Due.Sub(clock.Now()) != 7*time.Second {
		t.Errorf("failed %+v at %v, want the next attempt in 8s less an eighth", e, clock.Now())
	}
	f.Enqueue(t.Context(), task)
	seen.next(t, sqlite.Duplicate)
	f.Settle(t.Context())
	clock.Advance(7 * time.Second)
	if e := seen.next(t, sqlite.Started); e.Attempt != 1 {
		t.Errorf("started %+v, want attempt 1", e)
	}
	seen.next(t, sqlite.GaveUp)
	f.Settle(t.Context())
	status = http.StatusOK
	f.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk"})
	seen.next(t, sqlite.Added)
	seen.next(t, sqlite.Started)
	seen.next(t, sqlite.Succeeded)
}

func TestBeforeStart(t *testing.T) {
	f := start(t, filepath.Join(t.TempDir(), "db"), "", sqlite.Config{Queues: []queue.Settings{{Name: "bulk"}}})
	if _, err := f.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk"}); err != nil {
		t.Fatal(err)
	}
	if err := f.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := f.Stats(t.Context(), "bulk"); err != nil || s.Waiting != 1 {
		t.Errorf("stats %+v, %v", s, err)
	}
	for _, bad := range []string{"", "localhost:80", "ftp://x", "http://", "http://x?y", "://"} {
		if err := f.Start(bad, nil); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("Start(%q): %v, want ErrInvalid", bad, err)
		}
	}
	var paths atomic.Value
	target := serve(t, func(_ http.ResponseWriter, r *http.Request) { paths.Store(r.URL.Path) })
	if err := f.Start(target+"/prefix/", nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := paths.Load(); got != "/prefix/internal/tasks/chunk" {
		t.Errorf("delivered to %v", got)
	}
	if err := f.Start(target, nil); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("second Start: %v, want ErrInvalid", err)
	}
}

func TestAuthorize(t *testing.T) {
	seen := make(events, 100)
	var got atomic.Value
	target := serve(t, func(_ http.ResponseWriter, r *http.Request) { got.Store(r.Header.Get("Authorization")) })
	fail := errors.New("no token")
	var calls atomic.Int32
	f := start(t, filepath.Join(t.TempDir(), "db"), target, sqlite.Config{
		Queues: []queue.Settings{{Name: "bulk", MinBackoff: time.Millisecond}}, Observe: seen.observe,
		Authorize: func(r *http.Request) error {
			if calls.Add(1) == 1 {
				return fail
			}
			r.Header.Set("Authorization", "Bearer x")
			return nil
		},
	})
	f.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk"})
	seen.next(t, sqlite.Added)
	seen.next(t, sqlite.Started)
	if e := seen.next(t, sqlite.Failed); !errors.Is(e.Err, fail) {
		t.Errorf("failed with %v", e.Err)
	}
	seen.next(t, sqlite.Started)
	seen.next(t, sqlite.Succeeded)
	if got.Load() != "Bearer x" {
		t.Errorf("Authorization %v", got.Load())
	}
}

func TestIdle(t *testing.T) {
	var handled atomic.Int32
	target := serve(t, func(http.ResponseWriter, *http.Request) { handled.Add(1) })
	f := start(t, filepath.Join(t.TempDir(), "db"), target, sqlite.Config{
		Queues: []queue.Settings{{Name: "bulk", RatePerSecond: 50, Burst: 1}, {Name: "paused"}},
	})
	f.Pause(t.Context(), "paused")
	f.Enqueue(t.Context(), queue.Task{Queue: "paused", Kind: "chunk"})
	f.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk", Delay: time.Hour})
	for range 6 {
		f.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk"})
	}
	if err := f.Idle(t.Context()); err != nil || handled.Load() != 6 {
		t.Errorf("Idle: %v after %d of 6 deliveries", err, handled.Load())
	}
	f.Close(t.Context())
	if err := f.Idle(t.Context()); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("Idle after Close: %v, want ErrUnavailable", err)
	}
}

// TestFull fills the disk in the middle of a delivery: what can't be written is refused, and
// what has happened is recorded as soon as there is room.
func TestFull(t *testing.T) {
	seen := make(events, 100)
	release := make(chan struct{})
	target := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	path := filepath.Join(t.TempDir(), "db")
	f := start(t, path, target, sqlite.Config{Queues: []queue.Settings{{Name: "bulk"}}, Observe: seen.observe})
	f.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"})
	seen.next(t, sqlite.Added)
	seen.next(t, sqlite.Started)

	if _, err := f.write.Exec(`PRAGMA max_page_count = 1`); err != nil { // no more than there are
		t.Fatal(err)
	}
	large := queue.Task{Queue: "bulk", Kind: "chunk", Name: "large", Body: make([]byte, queue.MaxBody)}
	if _, err := f.Enqueue(t.Context(), large); !errors.Is(err, queue.ErrUnavailable) || !strings.Contains(err.Error(), "full") {
		t.Fatalf("Enqueue on a full disk: %v, want ErrUnavailable", err)
	}
	if _, err := f.write.Exec(`PRAGMA max_page_count = 100000`); err != nil {
		t.Fatal(err)
	}
	close(release)
	if e := seen.next(t, sqlite.Succeeded); !strings.Contains(e.ID, "-n-") {
		t.Errorf("succeeded %+v, want the first", e)
	}
	if added, err := f.Enqueue(t.Context(), large); err != nil || !added {
		t.Fatalf("Enqueue with room again: added %v, error %v", added, err)
	}
	if err := f.Idle(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOutcomeSurvivesFailure has the write of a delivery's outcome fail: the delivery is not made again, the write is.
func TestOutcomeSurvivesFailure(t *testing.T) {
	seen := make(events, 100)
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	target := serve(t, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-release })
	f := start(t, filepath.Join(t.TempDir(), "db"), target, sqlite.Config{Queues: []queue.Settings{{Name: "bulk"}}, Observe: seen.observe})
	f.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"})
	seen.next(t, sqlite.Added)
	seen.next(t, sqlite.Started)
	<-arrived
	if _, err := f.write.Exec(`CREATE TRIGGER broken BEFORE UPDATE ON queue_tasks WHEN new.state = 3 BEGIN SELECT RAISE(ABORT, 'broken'); END`); err != nil {
		t.Fatal(err)
	}
	close(release)
	// The first failure is seen by a caller whose change shares a transaction with the outcome.
	for {
		if _, err := f.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk", Delay: time.Hour}); err != nil {
			break
		}
		seen.next(t, sqlite.Added)
	}
	if s, _ := f.Stats(t.Context(), "bulk"); s.Running != 1 {
		t.Errorf("stats %+v, want 1 running until its end is recorded", s)
	}
	if _, err := f.write.Exec(`DROP TRIGGER broken`); err != nil {
		t.Fatal(err)
	}
	seen.next(t, sqlite.Succeeded)
	if len(arrived) != 0 {
		t.Error("delivered again")
	}
}

func TestNewRefuses(t *testing.T) {
	ctx := t.Context()
	for name, queues := range map[string][]queue.Settings{
		"none":    nil,
		"twice":   {{Name: "bulk"}, {Name: "bulk"}},
		"invalid": {{Name: "Bulk"}},
	} {
		if _, err := openFile(ctx, filepath.Join(t.TempDir(), "db"), sqlite.Config{Queues: queues}); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	path := filepath.Join(t.TempDir(), "db")
	cfg := sqlite.Config{Queues: []queue.Settings{{Name: "bulk"}}}
	f := start(t, path, "", cfg)
	if _, err := f.write.Exec(`UPDATE queue_meta SET value = '2' WHERE name = 'schema'`); err != nil {
		t.Fatal(err)
	}
	f.Close(ctx)
	if _, err := openFile(ctx, path, cfg); !errors.Is(err, queue.ErrUnavailable) || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("tables of a later version: %v", err)
	}
}

// TestNamesAreCleaned looks into the tables: names that no longer dedupe do not stay for ever.
func TestNamesAreCleaned(t *testing.T) {
	clock := clockwork.NewFakeClock()
	f := start(t, filepath.Join(t.TempDir(), "db"), serve(t, ok), sqlite.Config{Queues: []queue.Settings{{Name: "bulk"}}, Clock: clock})
	rows := func() (n int) {
		if err := f.read.QueryRow(`SELECT COUNT(*) FROM queue_tasks`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i := range 5 {
		f.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk", Name: fmt.Sprint(i)})
		f.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk"})
		f.Settle(t.Context())
		clock.Advance(10 * time.Second)
	}
	if n := rows(); n != 5 {
		t.Errorf("%d rows after 10 tasks, want the 5 with names", n)
	}
	clock.Advance(queue.DedupeWindow - 50*time.Second - time.Millisecond)
	f.Settle(t.Context())
	if n := rows(); n != 5 {
		t.Errorf("%d rows within the window, want 5", n)
	}
	clock.Advance(3 * time.Minute)
	f.Settle(t.Context())
	if n := rows(); n != 0 {
		t.Errorf("%d rows after the window, want none", n)
	}
}

// BenchmarkDeliver enqueues and delivers b.N named tasks over 20 queues, so that none's rate is the limit.
func BenchmarkDeliver(b *testing.B) {
	var queues []queue.Settings
	for i := range 20 {
		queues = append(queues, queue.Settings{Name: fmt.Sprintf("q%d", i), Burst: 500})
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan struct{})
	f := start(b, filepath.Join(b.TempDir(), "db"), serve(b, ok), sqlite.Config{Queues: queues, Observe: func(e sqlite.Event) {
		if e.What == sqlite.Succeeded && left.Add(-1) == 0 {
			close(done)
		}
	}})
	body := []byte(`{"account":"dev","job":"0190a1b2c3d4","chunk":12}`)
	b.ResetTimer()
	var next atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				t := queue.Task{Queue: queues[i%20].Name, Kind: "chunk", Name: fmt.Sprintf("chunk-%d", i), Body: body}
				if added, err := f.Enqueue(context.Background(), t); err != nil || !added {
					b.Errorf("enqueue: added %v, error %v", added, err)
				}
			}
		})
	}
	all.Wait()
	<-done
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// BenchmarkLatency is the way of one task from the call of Enqueue to the worker, on an idle queue.
func BenchmarkLatency(b *testing.B) {
	var queues []queue.Settings
	for i := range 20 {
		queues = append(queues, queue.Settings{Name: fmt.Sprintf("q%d", i), Burst: 500})
	}
	arrived := make(chan struct{})
	target := serve(b, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{} })
	f := start(b, filepath.Join(b.TempDir(), "db"), target, sqlite.Config{Queues: queues})
	for i := 0; b.Loop(); i++ {
		if _, err := f.Enqueue(context.Background(), queue.Task{Queue: queues[i%20].Name, Kind: "chunk"}); err != nil {
			b.Fatal(err)
		}
		<-arrived
	}
}
