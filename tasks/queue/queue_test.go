package queue_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rowsmith/tasks/queue"
)

func TestID(t *testing.T) {
	// The format is final: ids are in queues when a new version starts.
	got := queue.Task{Queue: "bulk", Name: "chunk-JOB-00012", Gen: 2}.ID()
	if want := "4cb9af7d-chunk-JOB-00012-g2"; got != want {
		t.Errorf("ID %q, want %q", got, want)
	}
	if got := (queue.Task{Queue: "bulk"}).ID(); got != "" {
		t.Errorf("ID of no name: %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Za-z0-9_-]{1,400}`).Draw(t, "name")
		gen := rapid.IntRange(0, math.MaxInt).Draw(t, "gen")
		task := queue.Task{Queue: "bulk", Kind: "chunk", Name: name, Gen: gen}
		if err := task.Check(time.Now()); err != nil {
			t.Fatal(err)
		}
		id := task.ID()
		if len(id) > 500 || !regexp.MustCompile(`^[0-9a-f]{8}-[A-Za-z0-9_-]+-g[0-9]+$`).MatchString(id) {
			t.Fatalf("id %q", id)
		}
		if n, g, ok := queue.ParseID("bulk", id); !ok || n != name || g != gen {
			t.Fatalf("ParseID(%q) = %q, %d, %v", id, n, g, ok)
		}
		if _, _, ok := queue.ParseID("other", id); ok {
			t.Fatal("the id of another queue was parsed")
		}
	})
}

func FuzzParseID(f *testing.F) {
	f.Add(queue.Task{Queue: "bulk", Name: "a-g1", Gen: 2}.ID())
	f.Add("-")
	f.Add("3f9a01bc--g0")
	f.Add("3f9a01bc-a-g+1")
	f.Fuzz(func(t *testing.T, id string) {
		if name, gen, ok := queue.ParseID("bulk", id); ok && (queue.Task{Queue: "bulk", Name: name, Gen: gen}).ID() != id {
			t.Errorf("ParseID(%q) = %q, %d, which has another id", id, name, gen)
		}
	})
}

func TestBackoff(t *testing.T) {
	for _, c := range []struct {
		s    queue.Settings
		n    int
		want time.Duration
	}{
		{queue.Settings{}, 0, 100 * time.Millisecond},
		{queue.Settings{}, 3, 800 * time.Millisecond},
		{queue.Settings{}, math.MaxInt, time.Hour},
		{queue.Settings{}, -1, 100 * time.Millisecond},
		{queue.Settings{MinBackoff: 10 * time.Second, MaxBackoff: 300 * time.Second, MaxDoublings: 3}, 3, 80 * time.Second},
		{queue.Settings{MinBackoff: 10 * time.Second, MaxBackoff: 300 * time.Second, MaxDoublings: 3}, 5, 240 * time.Second},
		{queue.Settings{MinBackoff: 10 * time.Second, MaxBackoff: 300 * time.Second, MaxDoublings: 3}, 6, 300 * time.Second},
		{queue.Settings{MinBackoff: time.Second, MaxBackoff: time.Minute, MaxDoublings: -1}, 4, 5 * time.Second},
		{queue.Settings{MinBackoff: time.Hour * 3}, 2, 3 * time.Hour},
	} {
		if got := c.s.Backoff(c.n); got != c.want {
			t.Errorf("%+v: Backoff(%d) = %v, want %v", c.s, c.n, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := queue.Settings{
			Name:         "bulk",
			MinBackoff:   time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "min")),
			MaxDoublings: rapid.IntRange(-1, 100).Draw(t, "doublings"),
		}
		s.MaxBackoff = s.WithDefaults().MinBackoff + time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "more"))
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(0, 1000).Draw(t, "n")
		a, b := s.Backoff(n), s.Backoff(n+1)
		if a < s.WithDefaults().MinBackoff || b < a || b > s.MaxBackoff {
			t.Fatalf("Backoff(%d) = %v, then %v", n, a, b)
		}
		r := rapid.Float64Range(0, 0.999999).Draw(t, "jitter")
		if j := queue.Jittered(a, r); j > a || j < a-a/4-1 {
			t.Fatalf("Jittered(%v, %v) = %v", a, r, j)
		}
	})
}

func TestSettingsCheck(t *testing.T) {
	for _, ok := range []queue.Settings{
		{Name: "bulk"},
		{Name: "q-1", RatePerSecond: 0.01, Burst: 1, MaxConcurrent: 1, MaxAttempts: -1, MinBackoff: time.Second, MaxBackoff: time.Second, MaxDoublings: -1, Deadline: 15 * time.Second},
		{Name: strings.Repeat("q", 100), RatePerSecond: 500, Burst: 500, MaxConcurrent: 5000, Deadline: 30 * time.Minute},
	} {
		if err := ok.Check(); err != nil {
			t.Errorf("%+v: %v", ok, err)
		}
	}
	for _, bad := range []queue.Settings{
		{}, {Name: "A"}, {Name: "1"}, {Name: "a_b"}, {Name: strings.Repeat("q", 101)},
		{Name: "q", RatePerSecond: -1}, {Name: "q", RatePerSecond: 501}, {Name: "q", RatePerSecond: math.NaN()}, {Name: "q", RatePerSecond: math.Inf(1)},
		{Name: "q", RatePerSecond: 1e-300}, {Name: "q", Burst: -1}, {Name: "q", Burst: 501}, {Name: "q", MaxConcurrent: -1}, {Name: "q", MaxConcurrent: 5001},
		{Name: "q", MaxAttempts: -2}, {Name: "q", MinBackoff: -1}, {Name: "q", MaxBackoff: -1}, {Name: "q", MinBackoff: 2, MaxBackoff: 1},
		{Name: "q", MaxBackoff: time.Millisecond}, {Name: "q", MaxDoublings: -2}, {Name: "q", Deadline: time.Second}, {Name: "q", Deadline: time.Hour},
	} {
		if err := bad.Check(); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%+v: %v, want ErrInvalid", bad, err)
		}
	}
	if d := (queue.Settings{}).WithDefaults(); d != d.WithDefaults() || d.Burst != 100 || d.RatePerSecond != 500 {
		t.Errorf("defaults %+v", d)
	}
	if d := (queue.Settings{RatePerSecond: 0.1}).WithDefaults(); d.Burst != 1 {
		t.Errorf("burst %d of a slow queue, want 1", d.Burst)
	}
}

func TestDeliveryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := queue.Delivery{
			Kind:     rapid.StringMatching(`[a-z][a-z0-9-]{0,20}`).Draw(t, "kind"),
			Queue:    rapid.StringMatching(`[a-z][a-z0-9-]{0,20}`).Draw(t, "queue"),
			ID:       rapid.StringMatching(`[A-Za-z0-9_-]{1,500}`).Draw(t, "id"),
			Attempt:  rapid.IntRange(0, math.MaxInt32).Draw(t, "attempt"),
			Answered: rapid.IntRange(0, math.MaxInt32).Draw(t, "answered"),
			Due:      time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "due")).UTC(),
			Body:     rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "body"),
		}
		r, err := d.Request(context.Background(), "http://worker/prefix")
		if err != nil {
			t.Fatal(err)
		}
		got, err := queue.ReadDelivery(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Body, d.Body) || !got.Due.Equal(d.Due) {
			t.Fatalf("read %+v, sent %+v", got, d)
		}
		got.Body, d.Body, got.Due = nil, nil, d.Due
		if got.Kind != d.Kind || got.Queue != d.Queue || got.ID != d.ID || got.Attempt != d.Attempt || got.Answered != d.Answered {
			t.Fatalf("read %+v, sent %+v", got, d)
		}
	})
}

func FuzzReadDelivery(f *testing.F) {
	f.Add("/internal/tasks/chunk", "bulk", "3f9a01bc-n-g0", "0", "0", "1695226245.8512130", []byte("{}"))
	f.Add("/", "", "", "-1", "x", ".", []byte{})
	f.Add("/internal/tasks/chunk", "bulk", "1", "0", "0", "99999999999999999999.1", []byte{})
	f.Fuzz(func(t *testing.T, path, q, id, retries, executions, eta string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "http://worker/", bytes.NewReader(body))
		r.URL.Path = path
		for name, value := range map[string]string{"TaskName": id, "QueueName": q, "TaskRetryCount": retries, "TaskExecutionCount": executions, "TaskETA": eta} {
			r.Header.Set("X-CloudTasks-"+name, value)
		}
		d, err := queue.ReadDelivery(r)
		if err != nil {
			if !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("error %v, want ErrInvalid", err)
			}
			return
		}
		if d.Attempt < 0 || d.Answered < 0 || d.Due.Unix() < 0 || d.Kind == "" || strings.ContainsAny(d.Kind, "/.") || len(d.Body) > queue.MaxBody {
			t.Errorf("read %+v", d)
		}
	})
}

// full is a queue that can't be written to; any other use of it panics.
type full struct{ queue.Queue }

func (full) Enqueue(context.Context, queue.Task) (bool, error) { return false, queue.ErrUnavailable }

// broken is a body that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestHandler(t *testing.T) {
	var nilMap map[string]int
	for name, c := range map[string]struct {
		change func(r *http.Request)
		answer func() queue.Answer
		want   int
		works  bool // the worker was called
	}{
		"done":                {answer: queue.Done, want: 200, works: true},
		"drop":                {answer: func() queue.Answer { return queue.Drop("why") }, want: 200, works: true},
		"again":               {answer: func() queue.Answer { return queue.Again(nil) }, want: 500, works: true},
		"panic":               {answer: func() queue.Answer { panic("cell value") }, want: 500, works: true},
		"panic with error":    {answer: func() queue.Answer { nilMap["x"] = 1; return queue.Done() }, want: 500, works: true},
		"panic to abort":      {answer: func() queue.Answer { panic(http.ErrAbortHandler) }, want: 500, works: true},
		"after, queue full":   {answer: func() queue.Answer { return queue.After(time.Second) }, want: 500, works: true},
		"GET":                 {change: func(r *http.Request) { r.Method = http.MethodGet }, want: 405},
		"no kind":             {change: func(r *http.Request) { r.URL.Path = queue.Path }, want: 400},
		"bad kind":            {change: func(r *http.Request) { r.URL.Path = queue.Path + "A" }, want: 400},
		"no task":             {change: func(r *http.Request) { r.Header.Del("X-CloudTasks-TaskName") }, want: 400},
		"bad task":            {change: func(r *http.Request) { r.Header.Set("X-CloudTasks-TaskName", "a/b") }, want: 400},
		"long task":           {change: func(r *http.Request) { r.Header.Set("X-CloudTasks-TaskName", strings.Repeat("a", 501)) }, want: 400},
		"no queue":            {change: func(r *http.Request) { r.Header.Del("X-CloudTasks-QueueName") }, want: 400},
		"no count":            {change: func(r *http.Request) { r.Header.Del("X-CloudTasks-TaskRetryCount") }, want: 400},
		"negative count":      {change: func(r *http.Request) { r.Header.Set("X-CloudTasks-TaskExecutionCount", "-1") }, want: 400},
		"bad time":            {change: func(r *http.Request) { r.Header.Set("X-CloudTasks-TaskETA", "soon") }, want: 400},
		"body too large":      {change: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", queue.MaxBody+1))) }, want: 413},
		"announced too large": {change: func(r *http.Request) { r.ContentLength = queue.MaxBody + 1 }, want: 413},
		"body breaks off":     {change: func(r *http.Request) { r.Body = io.NopCloser(broken{}) }, want: 500},
	} {
		t.Run(name, func(t *testing.T) {
			d := queue.Delivery{Kind: "chunk", Queue: "bulk", ID: "1234567890", Due: time.Unix(1, 0), Body: []byte("secret body")}
			r, err := d.Request(t.Context(), "http://worker")
			if err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				c.change(r)
			}
			var log bytes.Buffer
			called := false
			h := queue.Handler(full{}, slog.New(slog.NewTextHandler(&log, nil)), func(_ context.Context, got queue.Delivery) queue.Answer {
				called = true
				if string(got.Body) != "secret body" || got.Kind != "chunk" {
					t.Errorf("delivered %+v", got)
				}
				return c.answer()
			})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.want || called != c.works {
				t.Errorf("status %d, worker called %v, want %d, %v", w.Code, called, c.want, c.works)
			}
			if c.want == 405 && w.Header().Get("Allow") != "POST" {
				t.Error("405 without Allow: POST")
			}
			if strings.Contains(log.String(), "secret body") || strings.Contains(log.String(), "cell value") {
				t.Errorf("logged what it must not: %s", &log)
			}
			if name != "done" && name != "GET" && log.Len() == 0 {
				t.Error("nothing logged")
			}
		})
	}
}

func TestDue(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 1999, time.FixedZone("", 3600))
	for _, c := range []struct {
		task queue.Task
		want time.Duration
	}{
		{queue.Task{}, 0},
		{queue.Task{At: now.Add(-time.Hour)}, 0},
		{queue.Task{At: now.Add(time.Hour)}, time.Hour},
		{queue.Task{Delay: time.Minute}, time.Minute},
	} {
		if got, want := c.task.Due(now), now.Truncate(time.Microsecond).Add(c.want).UTC(); got != want {
			t.Errorf("%+v: due %v, want %v", c.task, got, want)
		}
	}
}
