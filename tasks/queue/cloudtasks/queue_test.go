package cloudtasks_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	apiv2 "cloud.google.com/go/cloudtasks/apiv2"
	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/jonboulle/clockwork"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"rowsmith/tasks/queue"
	"rowsmith/tasks/queue/cloudtasks"
	"rowsmith/tasks/queue/cloudtasks/cloudtaskssim"
)

const account = "queue@demo-rowsmith.iam.gserviceaccount.com"

// serve is a worker that ends with the test.
func serve(t testing.TB, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func ok(http.ResponseWriter, *http.Request) {}

// dial is a client of a double, with what sees its calls.
func dial(t testing.TB, sim *cloudtaskssim.Server, see grpc.UnaryClientInterceptor) *apiv2.Client {
	t.Helper()
	opts := []option.ClientOption{option.WithEndpoint(sim.Addr()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))}
	if see != nil {
		opts = append(opts, option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(see)))
	}
	c, err := apiv2.NewClient(context.Background(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// stored is all that the double holds of a task.
func stored(t testing.TB, sim *cloudtaskssim.Server, queue, id string) *cloudtaskspb.Task {
	t.Helper()
	task, err := dial(t, sim, nil).GetTask(t.Context(), &cloudtaskspb.GetTaskRequest{Name: location + "/queues/" + queue + "/tasks/" + id, ResponseView: cloudtaskspb.Task_FULL})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func TestWhatIsSent(t *testing.T) {
	clock := clockwork.NewFakeClock()
	sim := start(t, cloudtaskssim.Config{Clock: clock})
	q := open(t, sim, cloudtasks.Config{
		Prefix: "eu-", Target: "https://worker.example/base/", Audience: "the audience", Clock: clock,
		Queues: []queue.Settings{{Name: "bulk", Deadline: 5 * time.Minute}},
	})
	if err := q.Pause(t.Context(), "bulk"); err != nil {
		t.Fatal(err)
	}
	task := queue.Task{Queue: "bulk", Kind: "chunk", Name: "n", Gen: 2, Body: []byte("body"), Delay: time.Hour}
	if added, err := q.Enqueue(t.Context(), task); err != nil || !added {
		t.Fatal(added, err)
	}
	sent := task
	sent.Queue = "eu-bulk"
	got := stored(t, sim, "eu-bulk", sent.ID())
	h := got.GetHttpRequest()
	if h.Url != "https://worker.example/base/internal/tasks/chunk" || h.HttpMethod != cloudtaskspb.HttpMethod_POST || string(h.Body) != "body" ||
		!reflect.DeepEqual(h.Headers, map[string]string{"Content-Type": "application/json"}) {
		t.Errorf("request %v", h)
	}
	if o := h.GetOidcToken(); o.GetAudience() != "the audience" || o.GetServiceAccountEmail() != account {
		t.Errorf("token %v", o)
	}
	if d := got.DispatchDeadline.AsDuration(); d != 5*time.Minute {
		t.Errorf("deadline %v", d)
	}
	if at := got.ScheduleTime.AsTime(); !at.Equal(clock.Now().Add(time.Hour).Truncate(time.Microsecond)) {
		t.Errorf("due %v at %v", at, clock.Now())
	}
	if _, _, ok := queue.ParseID("eu-bulk", sent.ID()); !ok {
		t.Error("the id can't be taken apart by the queue that deliveries name")
	}
}

func TestClocksApart(t *testing.T) {
	clock := clockwork.NewFakeClock()
	sim := start(t, cloudtaskssim.Config{Clock: clock})
	arrived := make(chan string, 10)
	target := serve(t, func(_ http.ResponseWriter, r *http.Request) { arrived <- r.URL.Path })
	for _, apart := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		q := open(t, sim, cloudtasks.Config{Target: target, Queues: []queue.Settings{{Name: "bulk"}}, Clock: clockwork.NewFakeClockAt(clock.Now().Add(apart))})
		if _, err := q.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "now"}); err != nil {
			t.Fatal(err)
		}
		<-arrived
		if _, err := q.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "later", Delay: queue.MaxAhead}); err != nil {
			t.Errorf("as far ahead as can be, clocks %v apart: %v", apart, err)
		}
	}
}

// TestAmbiguous: whatever happens to CreateTask, a task is there once and delivered once.
func TestAmbiguous(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault cloudtaskssim.Fault
		task  queue.Task
		added bool
	}{
		{"before, named", cloudtaskssim.Fault{Code: codes.Unavailable}, queue.Task{Name: "n"}, true},
		{"before, unnamed", cloudtaskssim.Fault{Code: codes.Unavailable}, queue.Task{}, true},
		{"after, named", cloudtaskssim.Fault{Code: codes.Unavailable, After: true}, queue.Task{Name: "n"}, false}, // who added it can't be told
		{"after, unnamed", cloudtaskssim.Fault{Code: codes.Unavailable, After: true}, queue.Task{}, true},
		{"deadline", cloudtaskssim.Fault{Code: codes.DeadlineExceeded, After: true}, queue.Task{}, true},
		{"internal", cloudtaskssim.Fault{Code: codes.Internal, After: true}, queue.Task{}, true},
		{"exhausted", cloudtaskssim.Fault{Code: codes.ResourceExhausted}, queue.Task{}, true},
		{"canceled by the service", cloudtaskssim.Fault{Code: codes.Canceled, After: true}, queue.Task{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim, clock := start(t, cloudtaskssim.Config{}), clockwork.NewFakeClock()
			var mu sync.Mutex
			deliveries := 0
			target := serve(t, func(http.ResponseWriter, *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				deliveries++
			})
			q := open(t, sim, cloudtasks.Config{Target: target, Queues: []queue.Settings{{Name: "bulk"}}, Clock: clock, Jitter: func() float64 { return 0 }})
			sim.Fail(func(call cloudtaskssim.Call) cloudtaskssim.Fault {
				if call.Method == "CreateTask" && call.N <= 2 {
					return c.fault
				}
				return cloudtaskssim.Fault{}
			})
			go func() {
				for _, wait := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond} {
					if clock.BlockUntilContext(t.Context(), 1) == nil {
						clock.Advance(wait)
					}
				}
			}()
			c.task.Queue, c.task.Kind = "bulk", "chunk"
			added, err := q.Enqueue(t.Context(), c.task)
			if err != nil || added != c.added {
				t.Errorf("added %v, error %v, want %v", added, err, c.added)
			}
			if n := sim.Calls("CreateTask"); n != 3 {
				t.Errorf("%d calls, want 3", n)
			}
			if err := sim.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if deliveries != 1 {
				t.Errorf("%d deliveries, want 1", deliveries)
			}
		})
	}
}

// TestRepeats: how long a call that keeps failing is repeated.
func TestRepeats(t *testing.T) {
	clock := clockwork.NewFakeClock()
	sim := start(t, cloudtaskssim.Config{})
	q := open(t, sim, cloudtasks.Config{Target: "http://worker.invalid", Queues: []queue.Settings{{Name: "bulk"}}, Clock: clock, Jitter: func() float64 { return 0.5 }})
	sim.Fail(func(c cloudtaskssim.Call) cloudtaskssim.Fault { return cloudtaskssim.Fault{Code: codes.Unavailable} })
	ended := make(chan error, 1)
	go func() {
		_, err := q.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk"})
		ended <- err
	}()
	begin := clock.Now()
	for n, wait := range []int{75, 150, 300, 600, 1200, 2400, 3750} { // ms: 100 doubled up to 5000, three quarters of it
		if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if got := sim.Calls("CreateTask"); got != n+1 {
			t.Fatalf("%d calls after %v, want %d", got, clock.Since(begin), n+1)
		}
		clock.Advance(time.Duration(wait)*time.Millisecond - 1)
		clock.Advance(1)
	}
	if err := <-ended; !errors.Is(err, queue.ErrUnavailable) || errors.Is(err, queue.ErrInvalid) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
	if n := sim.Calls("CreateTask"); n != 8 {
		t.Errorf("%d calls, want 8", n)
	}

	// A caller who gives up does not wait.
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := q.Enqueue(ctx, queue.Task{Queue: "bulk", Kind: "chunk"})
		ended <- err
	}()
	clock.BlockUntilContext(t.Context(), 1)
	cancel()
	if err := <-ended; !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("caller gave up: %v, want ErrUnavailable", err)
	}

	// Nor does a clock that runs on: 20 s are the most.
	before := sim.Calls("CreateTask")
	go func() {
		_, err := q.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk"})
		ended <- err
	}()
	clock.BlockUntilContext(t.Context(), 1)
	clock.Advance(21 * time.Second)
	if err := <-ended; !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("after 21 s: %v, want ErrUnavailable", err)
	}
	if n := sim.Calls("CreateTask") - before; n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

func TestErrors(t *testing.T) {
	sim := start(t, cloudtaskssim.Config{})
	q := open(t, sim, cloudtasks.Config{Target: "http://worker.invalid", Queues: []queue.Settings{{Name: "bulk"}}})
	for code, want := range map[codes.Code]error{
		codes.InvalidArgument: queue.ErrInvalid, codes.OutOfRange: queue.ErrInvalid,
		codes.NotFound: queue.ErrUnavailable, codes.FailedPrecondition: queue.ErrUnavailable, codes.PermissionDenied: queue.ErrUnavailable,
		codes.Unauthenticated: queue.ErrUnavailable, codes.Unimplemented: queue.ErrUnavailable, codes.DataLoss: queue.ErrUnavailable,
	} {
		before := sim.Calls("CreateTask")
		sim.Fail(func(cloudtaskssim.Call) cloudtaskssim.Fault { return cloudtaskssim.Fault{Code: code} })
		_, enqueue := q.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk"})
		_, stats := q.Stats(t.Context(), "bulk")
		for what, err := range map[string]error{
			"Enqueue": enqueue, "Stats": stats, "Pause": q.Pause(t.Context(), "bulk"), "Resume": q.Resume(t.Context(), "bulk"),
			"Purge": q.Purge(t.Context(), "bulk"), "Ping": q.Ping(t.Context()),
		} {
			if !errors.Is(err, want) {
				t.Errorf("%s, %v: %v, want %v", what, code, err, want)
			}
		}
		if n := sim.Calls("CreateTask") - before; n != 1 {
			t.Errorf("%v: %d calls, want 1: it will not pass", code, n)
		}
	}
	// Purge is not repeated, Ping neither.
	sim.Fail(func(cloudtaskssim.Call) cloudtaskssim.Fault { return cloudtaskssim.Fault{Code: codes.Unavailable} })
	for method, call := range map[string]func() error{
		"PurgeQueue": func() error { return q.Purge(t.Context(), "bulk") },
		"GetQueue":   func() error { return q.Ping(t.Context()) },
	} {
		before := sim.Calls(method)
		if err := call(); !errors.Is(err, queue.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", method, err)
		}
		if n := sim.Calls(method) - before; n != 1 {
			t.Errorf("%s was called %d times, want once", method, n)
		}
	}
	// Pause is.
	sim.Fail(func(c cloudtaskssim.Call) cloudtaskssim.Fault {
		if c.Method == "PauseQueue" && c.N%2 == 1 {
			return cloudtaskssim.Fault{Code: codes.Unavailable, After: true}
		}
		return cloudtaskssim.Fault{}
	})
	for sim.Calls("PauseQueue")%2 == 1 {
		q.Pause(t.Context(), "bulk")
	}
	if err := q.Pause(t.Context(), "bulk"); err != nil {
		t.Errorf("Pause that fails once: %v", err)
	}
}

// TestDeadlines: no call may take long.
func TestDeadlines(t *testing.T) {
	sim := start(t, cloudtaskssim.Config{})
	var mu sync.Mutex
	left := map[string]time.Duration{}
	client := dial(t, sim, func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		at, ok := ctx.Deadline()
		mu.Lock()
		if left[method] = time.Until(at); !ok {
			left[method] = time.Hour
		}
		mu.Unlock()
		return invoke(ctx, method, req, reply, cc, opts...)
	})
	q, err := cloudtasks.New(client, cloudtasks.Config{Project: "p", Location: "l", Target: "http://worker.invalid", ServiceAccount: account, Queues: []queue.Settings{{Name: "bulk"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	q.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk", Delay: time.Hour})
	q.Pause(t.Context(), "bulk")
	q.Resume(t.Context(), "bulk")
	q.Purge(t.Context(), "bulk")
	q.Stats(t.Context(), "bulk")
	if len(left) != 7 {
		t.Errorf("calls %v", left)
	}
	for method, d := range left {
		if d > 10*time.Second {
			t.Errorf("%s may take %v", method, d)
		}
	}
	// A caller's own client stays open.
	if err := q.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.GetQueue(t.Context(), &cloudtaskspb.GetQueueRequest{Name: "projects/p/locations/l/queues/bulk"}); err != nil {
		t.Errorf("the client after Close: %v", err)
	}
}

func TestPrefix(t *testing.T) {
	clock := clockwork.NewFakeClock()
	sim := start(t, cloudtaskssim.Config{Clock: clock})
	var q *cloudtasks.Queue
	var mu sync.Mutex
	var got []queue.Delivery
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		queue.Handler(q, slog.New(slog.DiscardHandler), func(_ context.Context, d queue.Delivery) queue.Answer {
			mu.Lock()
			defer mu.Unlock()
			if got = append(got, d); len(got) < 4 {
				return queue.After(time.Minute)
			}
			return queue.Done()
		}).ServeHTTP(w, r)
	})
	q = open(t, sim, cloudtasks.Config{Prefix: "eu-", Target: target, Queues: []queue.Settings{{Name: "bulk"}}, Clock: clock})
	if added, err := q.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"}); err != nil || !added {
		t.Fatal(added, err)
	}
	for range 5 {
		if err := sim.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Minute)
	}
	var names []string
	for _, d := range got {
		name, gen, _ := queue.ParseID(d.Queue, d.ID)
		names = append(names, fmt.Sprintf("%s %s %d", d.Queue, name, gen))
	}
	want := "eu-bulk n 0, eu-bulk n-g0-after 1, eu-bulk n-g0-after 2, eu-bulk n-g0-after 3"
	if s := strings.Join(names, ", "); s != want {
		t.Errorf("delivered %s, want %s", s, want)
	}
	if added, err := q.Enqueue(t.Context(), queue.Task{Queue: "eu-bulk", Kind: "chunk", Name: "n"}); err != nil || added {
		t.Errorf("under the queue's id the name is another's: %v, %v", added, err)
	}
	if _, err := q.Stats(t.Context(), "eu-bulk"); err != nil {
		t.Error(err)
	}
}

func TestEnsure(t *testing.T) {
	clock := clockwork.NewFakeClock()
	sim := start(t, cloudtaskssim.Config{Clock: clock})
	settings := []queue.Settings{
		{Name: "interactive"},
		{Name: "bulk", RatePerSecond: 0.5, MaxConcurrent: 7, MaxAttempts: -1, MinBackoff: 1500 * time.Millisecond, MaxBackoff: time.Minute, MaxDoublings: -1},
	}
	q := open(t, sim, cloudtasks.Config{Target: "http://worker.invalid", Queues: settings, Clock: clock})
	if changed, err := q.Ensure(t.Context()); err != nil || len(changed) != 0 {
		t.Errorf("Ensure again changed %q, %v", changed, err)
	}
	read := func(name string) *cloudtaskspb.Queue {
		t.Helper()
		pb, err := dial(t, sim, nil).GetQueue(t.Context(), &cloudtaskspb.GetQueueRequest{Name: location + "/queues/" + name})
		if err != nil {
			t.Fatal(err)
		}
		return pb
	}
	r, c := read("bulk").RateLimits, read("bulk").RetryConfig
	if r.MaxDispatchesPerSecond != 0.5 || r.MaxConcurrentDispatches != 7 || c.MaxAttempts != -1 || c.MinBackoff.AsDuration() != 2*time.Second ||
		c.MaxBackoff.AsDuration() != time.Minute || c.MaxDoublings != 0 {
		t.Errorf("made %v, %v", r, c)
	}
	r, c = read("interactive").RateLimits, read("interactive").RetryConfig
	if r.MaxDispatchesPerSecond != 500 || r.MaxConcurrentDispatches != 1000 || c.MaxAttempts != 100 || c.MinBackoff.AsDuration() != 100*time.Millisecond ||
		c.MaxBackoff.AsDuration() != time.Hour || c.MaxDoublings != 16 {
		t.Errorf("made %v, %v", r, c)
	}

	q.Pause(t.Context(), "bulk")
	settings[1].MaxConcurrent, settings[1].MaxDoublings = 9, 3
	q = open(t, sim, cloudtasks.Config{Target: "http://worker.invalid", Queues: settings[:1], Clock: clock})
	other, err := cloudtasks.Open(t.Context(), sim.Addr(), cloudtasks.Config{Project: "demo-rowsmith", Location: "europe-west1", ServiceAccount: account,
		Target: "http://worker.invalid", Queues: settings, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	if changed, err := other.Ensure(t.Context()); err != nil || !reflect.DeepEqual(changed, []string{"bulk"}) {
		t.Errorf("Ensure changed %q, %v, want bulk", changed, err)
	}
	if pb := read("bulk"); pb.RateLimits.MaxConcurrentDispatches != 9 || pb.RetryConfig.MaxDoublings != 3 || pb.State != cloudtaskspb.Queue_PAUSED {
		t.Errorf("updated to %v", pb)
	}
	_ = q
}

func TestStatsOfMany(t *testing.T) {
	clock := clockwork.NewFakeClock()
	sim := start(t, cloudtaskssim.Config{Clock: clock})
	q := open(t, sim, cloudtasks.Config{Target: serve(t, ok), Queues: []queue.Settings{{Name: "bulk"}}, Clock: clock})
	const many = 1203 // more than a page
	var all sync.WaitGroup
	for n := range 3 {
		all.Go(func() {
			for i := range many / 3 {
				if _, err := q.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk", Delay: time.Duration(1+n+3*i) * time.Second}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if s, err := q.Stats(t.Context(), "bulk"); err != nil || s.Waiting != many || s.Running != 0 || !s.Oldest.Equal(clock.Now().Add(time.Second).Truncate(time.Microsecond)) {
		t.Errorf("stats %+v, %v", s, err)
	}
}

// TestTokens: what the worker receives verifies against what the issuer publishes.
func TestTokens(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	sim := start(t, cloudtaskssim.Config{Clock: clock})
	tokens := make(chan string, 10)
	target := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		tokens <- strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	})
	q := open(t, sim, cloudtasks.Config{Target: target, Queues: []queue.Settings{{Name: "bulk"}}, Clock: clock})
	provider, err := oidc.NewProvider(t.Context(), sim.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: target, Now: clock.Now})
	deliver := func() string {
		t.Helper()
		if _, err := q.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk"}); err != nil {
			t.Fatal(err)
		}
		token := <-tokens
		id, err := verifier.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		var claims struct {
			Email    string `json:"email"`
			Verified bool   `json:"email_verified"`
		}
		if err := id.Claims(&claims); err != nil || claims.Email != account || !claims.Verified || id.Issuer != sim.Issuer() || id.Subject == "" {
			t.Errorf("token %+v, claims %+v, %v", id, claims, err)
		}
		if life := id.Expiry.Sub(clock.Now()); life <= 0 || life > time.Hour {
			t.Errorf("token is good for %v", life)
		}
		return token
	}
	first := deliver()
	clock.Advance(10 * time.Minute)
	second := deliver()
	if err := sim.Rotate(nil); err != nil {
		t.Fatal(err)
	}
	third := deliver()
	if first == second || second == third {
		t.Error("tokens are used for too long")
	}
	if _, err := verifier.Verify(t.Context(), second); err != nil {
		t.Errorf("a token of the key before: %v", err)
	}
	clock.Advance(2 * time.Hour)
	deliver()
}

func TestClose(t *testing.T) {
	sim := start(t, cloudtaskssim.Config{})
	// The clock stands still: a call that waits for its next attempt would wait for ever.
	q := open(t, sim, cloudtasks.Config{Target: "http://worker.invalid", Queues: []queue.Settings{{Name: "bulk"}}, Clock: clockwork.NewFakeClock()})
	called := make(chan struct{}, 1)
	sim.Fail(func(c cloudtaskssim.Call) cloudtaskssim.Fault {
		if c.Method == "CreateTask" {
			called <- struct{}{}
		}
		return cloudtaskssim.Fault{Hang: c.Method == "CreateTask"}
	})
	ended := make(chan error, 1)
	go func() {
		_, err := q.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk"})
		ended <- err
	}()
	<-called
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close while a call hangs: %v", err)
	}
	sim.Fail(nil)
	if err := <-ended; !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("the call that hung: %v, want ErrUnavailable", err)
	}
	if err := q.Close(t.Context()); err != nil {
		t.Errorf("Close again: %v", err)
	}
	_, enqueue := q.Enqueue(t.Context(), queue.Task{Queue: "bulk", Kind: "chunk"})
	_, stats := q.Stats(t.Context(), "bulk")
	_, ensure := q.Ensure(t.Context())
	for what, err := range map[string]error{
		"Enqueue": enqueue, "Stats": stats, "Ensure": ensure, "Pause": q.Pause(t.Context(), "bulk"), "Resume": q.Resume(t.Context(), "bulk"),
		"Purge": q.Purge(t.Context(), "bulk"), "Ping": q.Ping(t.Context()),
	} {
		if !errors.Is(err, queue.ErrUnavailable) {
			t.Errorf("%s after Close: %v, want ErrUnavailable", what, err)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	sim := start(t, cloudtaskssim.Config{})
	sim.Close()
	q, err := cloudtasks.Open(t.Context(), sim.Addr(), cloudtasks.Config{Project: "p", Location: "l", Target: "http://worker.invalid", ServiceAccount: account, Queues: []queue.Settings{{Name: "bulk"}}})
	if err != nil {
		t.Fatal(err) // a program starts while the service is away
	}
	defer q.Close(context.Background())
	if err := q.Ping(t.Context()); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("Ping: %v, want ErrUnavailable", err)
	}
}

func TestNewRefuses(t *testing.T) {
	good := cloudtasks.Config{Project: "p", Location: "l", Target: "https://worker.example", ServiceAccount: account, Queues: []queue.Settings{{Name: "bulk"}}}
	if _, err := cloudtasks.New(nil, good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*cloudtasks.Config){
		"no project":          func(c *cloudtasks.Config) { c.Project = "" },
		"project with slash":  func(c *cloudtasks.Config) { c.Project = "p/locations/x" },
		"no location":         func(c *cloudtasks.Config) { c.Location = "" },
		"no target":           func(c *cloudtasks.Config) { c.Target = "" },
		"target without http": func(c *cloudtasks.Config) { c.Target = "worker.example" },
		"target of a file":    func(c *cloudtasks.Config) { c.Target = "file:///x" },
		"target with query":   func(c *cloudtasks.Config) { c.Target = "https://worker.example?x=y" },
		"target with user":    func(c *cloudtasks.Config) { c.Target = "https://a:b@worker.example" },
		"target too long":     func(c *cloudtasks.Config) { c.Target = "https://worker.example/" + strings.Repeat("a", 2000) },
		"audience too long":   func(c *cloudtasks.Config) { c.Audience = strings.Repeat("a", 3000) },
		"no service account":  func(c *cloudtasks.Config) { c.ServiceAccount = "" },
		"no queues":           func(c *cloudtasks.Config) { c.Queues = nil },
		"bad queue":           func(c *cloudtasks.Config) { c.Queues = []queue.Settings{{Name: "Bulk"}} },
		"queue twice":         func(c *cloudtasks.Config) { c.Queues = []queue.Settings{{Name: "bulk"}, {Name: "bulk"}} },
		"bad prefix":          func(c *cloudtasks.Config) { c.Prefix = "EU-" },
		"long prefix":         func(c *cloudtasks.Config) { c.Prefix = strings.Repeat("a", 97) },
		"a name that is another's id": func(c *cloudtasks.Config) {
			c.Prefix, c.Queues = "a-", []queue.Settings{{Name: "b"}, {Name: "a-b"}}
		},
	} {
		c := good
		change(&c)
		if _, err := cloudtasks.New(nil, c); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}
