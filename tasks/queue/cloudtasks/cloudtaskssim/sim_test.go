package cloudtaskssim_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apiv2 "cloud.google.com/go/cloudtasks/apiv2"
	pb "cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"github.com/jonboulle/clockwork"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"rowsmith/tasks/queue/cloudtasks/cloudtaskssim"
)

const (
	parent = "projects/p/locations/l"
	bulk   = parent + "/queues/bulk"
)

var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// A bench is a double, its clock, a client and a worker.
type bench struct {
	*cloudtaskssim.Server
	t      *testing.T
	ctx    context.Context
	clock  *clockwork.FakeClock
	client *apiv2.Client
	url    string

	mu     sync.Mutex
	got    []*http.Request
	events []cloudtaskssim.Event
	answer http.HandlerFunc // nil: 200
}

// setup makes a bench whose double has a queue "bulk" of the settings.
func setup(t *testing.T, q *pb.Queue) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	b := &bench{t: t, ctx: ctx, clock: clockwork.NewFakeClockAt(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))}
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.got = append(b.got, r)
		answer := b.answer
		b.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(worker.Close)
	b.url = worker.URL
	var err error
	b.Server, err = cloudtaskssim.New(cloudtaskssim.Config{Clock: b.clock, Key: key(), Jitter: func() float64 { return 0 }, Observe: func(e cloudtaskssim.Event) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, e)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Server.Close() })
	b.client, err = apiv2.NewClient(ctx, option.WithEndpoint(b.Addr()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.client.Close() })
	if q == nil {
		q = &pb.Queue{}
	}
	q.Name = bulk
	if _, err := b.client.CreateQueue(ctx, &pb.CreateQueueRequest{Parent: parent, Queue: q}); err != nil {
		t.Fatal(err)
	}
	return b
}

// task is a task to be created; id may be empty.
func (b *bench) task(id string) *pb.Task {
	t := &pb.Task{MessageType: &pb.Task_HttpRequest{HttpRequest: &pb.HttpRequest{Url: b.url + "/x"}}}
	if id != "" {
		t.Name = bulk + "/tasks/" + id
	}
	return t
}

func (b *bench) create(t *pb.Task) (*pb.Task, error) {
	return b.client.CreateTask(b.ctx, &pb.CreateTaskRequest{Parent: bulk, Task: t})
}

func (b *bench) must(_ any, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) code(want codes.Code) func(_ any, err error) {
	b.t.Helper()
	return func(_ any, err error) {
		b.t.Helper()
		if got := status.Code(err); got != want {
			b.t.Errorf("%v, want %v", err, want)
		}
	}
}

// settle lets the double do what it can now, and returns the deliveries so far.
func (b *bench) settle() []*http.Request {
	b.t.Helper()
	if err := b.Settle(b.ctx); err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got)
}

func (b *bench) advance(d time.Duration) []*http.Request {
	b.t.Helper()
	b.clock.Advance(d)
	return b.settle()
}

func (b *bench) respond(h http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = h
}

func answering(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// whats are the events so far.
func (b *bench) whats() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var s []string
	for _, e := range b.events {
		s = append(s, string(e.What))
	}
	return strings.Join(s, ", ")
}

func TestCreateTaskRefuses(t *testing.T) {
	b := setup(t, nil)
	request := func(change func(*pb.HttpRequest)) func(*pb.CreateTaskRequest) {
		return func(r *pb.CreateTaskRequest) { change(r.Task.GetHttpRequest()) }
	}
	for name, c := range map[string]struct {
		change func(*pb.CreateTaskRequest)
		want   codes.Code
	}{
		"as it is":             {func(*pb.CreateTaskRequest) {}, codes.OK},
		"no parent":            {func(r *pb.CreateTaskRequest) { r.Parent = "" }, codes.InvalidArgument},
		"parent a location":    {func(r *pb.CreateTaskRequest) { r.Parent = parent }, codes.InvalidArgument},
		"no such queue":        {func(r *pb.CreateTaskRequest) { r.Parent, r.Task.Name = parent+"/queues/other", "" }, codes.FailedPrecondition},
		"no task":              {func(r *pb.CreateTaskRequest) { r.Task = nil }, codes.InvalidArgument},
		"another queue's name": {func(r *pb.CreateTaskRequest) { r.Task.Name = parent + "/queues/other/tasks/a" }, codes.InvalidArgument},
		"name an id alone":     {func(r *pb.CreateTaskRequest) { r.Task.Name = "a" }, codes.InvalidArgument},
		"dot in id":            {func(r *pb.CreateTaskRequest) { r.Task.Name += "." }, codes.InvalidArgument},
		"umlaut in id":         {func(r *pb.CreateTaskRequest) { r.Task.Name += "\u00fc" }, codes.InvalidArgument},
		"id of 500":            {func(r *pb.CreateTaskRequest) { r.Task.Name = bulk + "/tasks/" + strings.Repeat("a", 500) }, codes.OK},
		"id of 501":            {func(r *pb.CreateTaskRequest) { r.Task.Name = bulk + "/tasks/" + strings.Repeat("a", 501) }, codes.InvalidArgument},
		"nothing to send":      {func(r *pb.CreateTaskRequest) { r.Task.MessageType = nil }, codes.InvalidArgument},
		"App Engine": {func(r *pb.CreateTaskRequest) {
			r.Task.MessageType = &pb.Task_AppEngineHttpRequest{AppEngineHttpRequest: &pb.AppEngineHttpRequest{}}
		}, codes.Unimplemented},
		"no URL":            {request(func(h *pb.HttpRequest) { h.Url = "" }), codes.InvalidArgument},
		"URL of ftp":        {request(func(h *pb.HttpRequest) { h.Url = "ftp://x" }), codes.InvalidArgument},
		"URL too long":      {request(func(h *pb.HttpRequest) { h.Url += strings.Repeat("a", 2083) }), codes.InvalidArgument},
		"GET":               {request(func(h *pb.HttpRequest) { h.HttpMethod = pb.HttpMethod_GET }), codes.OK},
		"GET with a body":   {request(func(h *pb.HttpRequest) { h.HttpMethod = pb.HttpMethod_GET; h.Body = []byte("x") }), codes.InvalidArgument},
		"unknown method":    {request(func(h *pb.HttpRequest) { h.HttpMethod = 99 }), codes.InvalidArgument},
		"bad header":        {request(func(h *pb.HttpRequest) { h.Headers = map[string]string{"a b": "c"} }), codes.InvalidArgument},
		"newline in header": {request(func(h *pb.HttpRequest) { h.Headers = map[string]string{"a": "b\r\nc: d"} }), codes.InvalidArgument},
		"headers too large": {request(func(h *pb.HttpRequest) { h.Headers = map[string]string{"a": strings.Repeat("b", 80_000)} }), codes.InvalidArgument},
		"token of nobody":   {request(func(h *pb.HttpRequest) { h.AuthorizationHeader = &pb.HttpRequest_OidcToken{OidcToken: &pb.OidcToken{}} }), codes.InvalidArgument},
		"body of 99 KB":     {request(func(h *pb.HttpRequest) { h.Body = make([]byte, 99_000) }), codes.OK},
		"body of 100 KB":    {request(func(h *pb.HttpRequest) { h.Body = make([]byte, 100_000) }), codes.InvalidArgument},
		"due in 30 days": {func(r *pb.CreateTaskRequest) {
			r.Task.ScheduleTime = timestamppb.New(b.clock.Now().Add(30 * 24 * time.Hour))
		}, codes.OK},
		"due in more": {func(r *pb.CreateTaskRequest) {
			r.Task.ScheduleTime = timestamppb.New(b.clock.Now().Add(30*24*time.Hour + 1))
		}, codes.InvalidArgument},
		"due at no time":          {func(r *pb.CreateTaskRequest) { r.Task.ScheduleTime = &timestamppb.Timestamp{Nanos: -1} }, codes.InvalidArgument},
		"deadline of 15 s":        {func(r *pb.CreateTaskRequest) { r.Task.DispatchDeadline = durationpb.New(15 * time.Second) }, codes.OK},
		"deadline of less":        {func(r *pb.CreateTaskRequest) { r.Task.DispatchDeadline = durationpb.New(15*time.Second - 1) }, codes.InvalidArgument},
		"deadline of 30 min":      {func(r *pb.CreateTaskRequest) { r.Task.DispatchDeadline = durationpb.New(30 * time.Minute) }, codes.OK},
		"deadline of more":        {func(r *pb.CreateTaskRequest) { r.Task.DispatchDeadline = durationpb.New(30*time.Minute + 1) }, codes.InvalidArgument},
		"retries of less than no": {func(r *pb.CreateTaskRequest) { r.Task.RetryConfig = &pb.RetryConfig{MaxAttempts: -2} }, codes.InvalidArgument},
	} {
		r := &pb.CreateTaskRequest{Parent: bulk, Task: b.task(strings.ReplaceAll(name, " ", "-"))}
		c.change(r)
		if _, err := b.client.CreateTask(b.ctx, r); status.Code(err) != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestQueues(t *testing.T) {
	b := setup(t, &pb.Queue{RateLimits: &pb.RateLimits{MaxBurstSize: 77}, RetryConfig: &pb.RetryConfig{MinBackoff: durationpb.New(1900 * time.Millisecond)}})
	is, err := b.client.GetQueue(b.ctx, &pb.GetQueueRequest{Name: bulk})
	b.must(is, err)
	if is.RateLimits.MaxDispatchesPerSecond != 500 || is.RateLimits.MaxBurstSize != 100 || is.RateLimits.MaxConcurrentDispatches != 1000 || is.State != pb.Queue_RUNNING {
		t.Errorf("made %v", is)
	}
	if c := is.RetryConfig; c.MaxAttempts != 100 || c.MinBackoff.AsDuration() != time.Second || c.MaxBackoff.AsDuration() != time.Hour || c.MaxDoublings != 16 {
		t.Errorf("made %v", c)
	}
	update := func(q *pb.Queue, paths ...string) (*pb.Queue, error) {
		q.Name = bulk
		return b.client.UpdateQueue(b.ctx, &pb.UpdateQueueRequest{Queue: q, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
	}
	is, err = update(&pb.Queue{RateLimits: &pb.RateLimits{MaxConcurrentDispatches: 3, MaxDispatchesPerSecond: 7}}, "rate_limits.max_concurrent_dispatches")
	b.must(is, err)
	if is.RateLimits.MaxConcurrentDispatches != 3 || is.RateLimits.MaxDispatchesPerSecond != 500 || is.RetryConfig.MinBackoff.AsDuration() != time.Second {
		t.Errorf("updated by a mask to %v", is)
	}
	is, err = update(&pb.Queue{}, "retry_config.max_doublings")
	if b.must(is, err); is.RetryConfig.MaxDoublings != 0 {
		t.Errorf("no doublings became %d", is.RetryConfig.MaxDoublings)
	}
	is, err = update(&pb.Queue{State: pb.Queue_PAUSED})
	if b.must(is, err); is.RetryConfig.MaxDoublings != 16 || is.RateLimits.MaxConcurrentDispatches != 1000 || is.State != pb.Queue_RUNNING {
		t.Errorf("updated without a mask to %v", is)
	}
	for name, q := range map[string]*pb.Queue{
		"rate":        {RateLimits: &pb.RateLimits{MaxDispatchesPerSecond: 501}},
		"rate NaN":    {RateLimits: &pb.RateLimits{MaxDispatchesPerSecond: math.NaN()}},
		"rate < 0":    {RateLimits: &pb.RateLimits{MaxDispatchesPerSecond: -1}},
		"concurrent":  {RateLimits: &pb.RateLimits{MaxConcurrentDispatches: 5001}},
		"attempts":    {RetryConfig: &pb.RetryConfig{MaxAttempts: -2}},
		"doublings":   {RetryConfig: &pb.RetryConfig{MaxDoublings: -1}},
		"backoffs":    {RetryConfig: &pb.RetryConfig{MinBackoff: durationpb.New(2 * time.Hour)}},
		"min backoff": {RetryConfig: &pb.RetryConfig{MinBackoff: durationpb.New(-time.Second)}},
	} {
		if _, err := update(q); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v, want InvalidArgument", name, err)
		}
		q.Name = parent + "/queues/new"
		if _, err := b.client.CreateQueue(b.ctx, &pb.CreateQueueRequest{Parent: parent, Queue: q}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v, want InvalidArgument", name, err)
		}
	}
	b.code(codes.InvalidArgument)(update(&pb.Queue{}, "colour"))
	b.code(codes.AlreadyExists)(b.client.CreateQueue(b.ctx, &pb.CreateQueueRequest{Parent: parent, Queue: &pb.Queue{Name: bulk}}))
	b.code(codes.InvalidArgument)(b.client.CreateQueue(b.ctx, &pb.CreateQueueRequest{Parent: parent, Queue: &pb.Queue{Name: parent + "/queues/a_b"}}))
	b.code(codes.InvalidArgument)(b.client.CreateQueue(b.ctx, &pb.CreateQueueRequest{Parent: parent, Queue: &pb.Queue{Name: parent + "/queues/" + strings.Repeat("a", 101)}}))
	b.code(codes.NotFound)(b.client.PauseQueue(b.ctx, &pb.PauseQueueRequest{Name: parent + "/queues/other"}))

	// Another location's queues are not listed.
	b.must(b.client.CreateQueue(b.ctx, &pb.CreateQueueRequest{Parent: "projects/p/locations/m", Queue: &pb.Queue{Name: "projects/p/locations/m/queues/a"}}))
	for _, id := range []string{"c", "a"} {
		b.must(b.client.UpdateQueue(b.ctx, &pb.UpdateQueueRequest{Queue: &pb.Queue{Name: parent + "/queues/" + id}})) // creates
	}
	var ids []string
	it := b.client.ListQueues(b.ctx, &pb.ListQueuesRequest{Parent: parent, PageSize: 2})
	for {
		q, err := it.Next()
		if err != nil {
			break
		}
		ids = append(ids, strings.TrimPrefix(q.Name, parent+"/queues/"))
	}
	if got := strings.Join(ids, " "); got != "a bulk c" {
		t.Errorf("queues %s", got)
	}
	b.must(nil, b.client.DeleteQueue(b.ctx, &pb.DeleteQueueRequest{Name: bulk}))
	b.code(codes.NotFound)(b.client.GetQueue(b.ctx, &pb.GetQueueRequest{Name: bulk}))
}

func TestDelivery(t *testing.T) {
	b := setup(t, &pb.Queue{RetryConfig: &pb.RetryConfig{MinBackoff: durationpb.New(10 * time.Second)}})
	b.respond(answering(418))
	task := b.task("n")
	h := task.GetHttpRequest()
	h.HttpMethod = pb.HttpMethod_PUT
	h.Headers = map[string]string{
		"X-Mine": "yes", "content-type": "text/plain", "User-Agent": "mine", "Host": "mine", "X-CloudTasks-TaskName": "mine", "x-cloudtasks-taskretrycount": "9",
		"X-Google-Thing": "mine", "Authorization": "mine",
	}
	h.AuthorizationHeader = &pb.HttpRequest_OidcToken{OidcToken: &pb.OidcToken{ServiceAccountEmail: "a@b"}}
	b.must(b.create(task))
	first := b.settle()[0]
	for name, want := range map[string]string{
		"X-Mine": "yes", "Content-Type": "text/plain", "User-Agent": "Google-Cloud-Tasks", "X-CloudTasks-TaskName": "n", "X-CloudTasks-QueueName": "bulk",
		"X-CloudTasks-TaskRetryCount": "0", "X-CloudTasks-TaskExecutionCount": "0", "X-CloudTasks-TaskETA": "1782907200.000000", "X-Google-Thing": "",
		"X-CloudTasks-TaskPreviousResponse": "", "X-CloudTasks-TaskRetryReason": "",
	} {
		if got := first.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if first.Method != "PUT" || first.URL.Path != "/x" || first.Host == "mine" || !strings.HasPrefix(first.Header.Get("Authorization"), "Bearer ey") {
		t.Errorf("%s %s %s, %s", first.Method, first.Host, first.URL, first.Header.Get("Authorization"))
	}
	second := b.advance(10 * time.Second)[1]
	for name, want := range map[string]string{
		"X-CloudTasks-TaskRetryCount": "1", "X-CloudTasks-TaskExecutionCount": "1", "X-CloudTasks-TaskETA": "1782907210.000000",
		"X-CloudTasks-TaskPreviousResponse": "418", "X-CloudTasks-TaskRetryReason": "HTTP status code 418",
	} {
		if got := second.Header.Get(name); got != want {
			t.Errorf("second: %s: %q, want %q", name, got, want)
		}
	}
	is, err := b.client.GetTask(b.ctx, &pb.GetTaskRequest{Name: task.Name})
	b.must(is, err)
	if is.DispatchCount != 2 || is.ResponseCount != 2 || is.LastAttempt.ResponseStatus.Code != int32(codes.Unknown) || is.GetHttpRequest().Body != nil ||
		is.View != pb.Task_BASIC || !is.ScheduleTime.AsTime().Equal(b.clock.Now().Add(20*time.Second)) || is.FirstAttempt.ResponseTime != nil {
		t.Errorf("task %v", is)
	}
	b.respond(nil)
	b.advance(20 * time.Second)
	b.code(codes.NotFound)(b.client.GetTask(b.ctx, &pb.GetTaskRequest{Name: task.Name}))
	if got := b.whats(); got != "created, started, failed, started, failed, started, succeeded" {
		t.Errorf("events %s", got)
	}
}

func TestRunTask(t *testing.T) {
	b := setup(t, &pb.Queue{RateLimits: &pb.RateLimits{MaxConcurrentDispatches: 1, MaxDispatchesPerSecond: 0.01}, RetryConfig: &pb.RetryConfig{MinBackoff: durationpb.New(time.Minute)}})
	b.must(b.client.PauseQueue(b.ctx, &pb.PauseQueueRequest{Name: bulk}))
	release := make(chan int)
	b.respond(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(<-release) })
	for _, id := range []string{"a", "b"} {
		task := b.task(id)
		task.ScheduleTime = timestamppb.New(b.clock.Now().Add(time.Hour))
		b.must(b.create(task))
	}
	run := func(id string) {
		t.Helper()
		b.must(b.client.RunTask(b.ctx, &pb.RunTaskRequest{Name: bulk + "/tasks/" + id}))
	}
	run("a")
	run("b")
	run("a") // though it is running
	// The first answer fails, but a's other attempt goes on, or b's only one fails.
	release <- 200
	release <- 200
	release <- 200
	b.settle()
	b.code(codes.NotFound)(b.client.RunTask(b.ctx, &pb.RunTaskRequest{Name: bulk + "/tasks/a"}))
	if n := len(b.settle()); n != 3 {
		t.Errorf("%d deliveries, want 3", n)
	}

	// A failure is retried from now on, and only once though two attempts fail.
	b.must(b.create(b.task("c")))
	run("c")
	run("c")
	release <- 500
	release <- 500
	b.settle()
	is, err := b.client.GetTask(b.ctx, &pb.GetTaskRequest{Name: bulk + "/tasks/c"})
	b.must(is, err)
	if !is.ScheduleTime.AsTime().Equal(b.clock.Now().Add(2*time.Minute)) || is.DispatchCount != 2 {
		t.Errorf("after two failures %v", is)
	}
	b.must(b.client.ResumeQueue(b.ctx, &pb.ResumeQueueRequest{Name: bulk}))
	b.respond(nil)
	b.advance(time.Hour)
	if n := len(b.advance(time.Hour)); n != 6 {
		t.Errorf("%d deliveries, want 6: the retry is one", n)
	}
}

func TestDeleteTask(t *testing.T) {
	b := setup(t, &pb.Queue{RetryConfig: &pb.RetryConfig{MinBackoff: durationpb.New(time.Second)}})
	started, release := make(chan bool), make(chan bool)
	b.respond(func(w http.ResponseWriter, r *http.Request) {
		started <- true
		<-release
		w.WriteHeader(500)
	})
	running, waiting := b.task("running"), b.task("waiting")
	waiting.ScheduleTime = timestamppb.New(b.clock.Now().Add(time.Minute))
	b.must(b.create(running))
	b.must(b.create(waiting))
	<-started
	for _, task := range []*pb.Task{running, waiting} {
		b.must(nil, b.client.DeleteTask(b.ctx, &pb.DeleteTaskRequest{Name: task.Name}))
		b.code(codes.NotFound)(b.client.GetTask(b.ctx, &pb.GetTaskRequest{Name: task.Name}))
		b.code(codes.NotFound)(nil, b.client.DeleteTask(b.ctx, &pb.DeleteTaskRequest{Name: task.Name}))
		b.code(codes.AlreadyExists)(b.create(task))
	}
	close(release)
	if n := len(b.advance(59 * time.Minute)); n != 1 {
		t.Errorf("%d deliveries, want the one that was under way", n)
	}
	b.respond(nil)
	b.advance(time.Minute)
	b.must(b.create(running)) // an hour has passed
	if n := len(b.settle()); n != 2 {
		t.Errorf("%d deliveries, want 2", n)
	}
}

func TestSystemThrottling(t *testing.T) {
	for _, code := range []int{429, 503} {
		b := setup(t, &pb.Queue{RateLimits: &pb.RateLimits{MaxDispatchesPerSecond: 10}, RetryConfig: &pb.RetryConfig{MinBackoff: durationpb.New(time.Hour)}})
		rate := func() int {
			t.Helper()
			before := len(b.settle())
			for range 100 {
				b.advance(100 * time.Millisecond)
			}
			return len(b.settle()) - before
		}
		fill := func() {
			for range 150 {
				b.must(b.create(b.task("")))
			}
		}
		fill()
		if n := rate(); n != 100 {
			t.Errorf("%d deliveries in 10 s before, want 100", n)
		}
		b.respond(answering(code))
		rate()
		b.respond(answering(500)) // neither slows down nor recovers
		fill()
		if n := rate(); n > 10 {
			t.Errorf("%d deliveries in 10 s after %d, want few", n, code)
		}
		b.respond(nil)
		fill()
		for range 3 { // it takes about 25 s to recover
			rate()
		}
		if n := rate(); n != 100 {
			t.Errorf("%d deliveries in 10 s after it recovered, want 100", n)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	b := setup(t, &pb.Queue{RetryConfig: &pb.RetryConfig{MinBackoff: durationpb.New(time.Second)}})
	b.respond(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(503)
	})
	b.must(b.create(b.task("")))
	b.settle()
	if n := len(b.advance(119 * time.Second)); n != 1 {
		t.Errorf("%d deliveries before Retry-After, want 1", n)
	}
	if n := len(b.advance(time.Second)); n != 2 {
		t.Errorf("%d deliveries after it, want 2", n)
	}
}

func TestRetryLimits(t *testing.T) {
	for _, c := range []struct {
		config *pb.RetryConfig
		want   int // attempts in an hour, a minute apart
	}{
		{&pb.RetryConfig{MaxAttempts: 3}, 3},
		{&pb.RetryConfig{MaxAttempts: -1}, 61},
		{&pb.RetryConfig{MaxAttempts: -1, MaxRetryDuration: durationpb.New(5 * time.Minute)}, 6},
		{&pb.RetryConfig{MaxAttempts: 3, MaxRetryDuration: durationpb.New(5 * time.Minute)}, 6},   // both limits
		{&pb.RetryConfig{MaxAttempts: 10, MaxRetryDuration: durationpb.New(5 * time.Minute)}, 10}, // must be reached
	} {
		for _, own := range []bool{false, true} {
			c.config.MinBackoff, c.config.MaxBackoff = durationpb.New(time.Minute), durationpb.New(time.Minute)
			var b *bench
			if own { // the task's own settings go before the queue's
				b = setup(t, nil)
			} else {
				b = setup(t, &pb.Queue{RetryConfig: c.config})
			}
			b.respond(answering(500))
			task := b.task("")
			if own {
				task.RetryConfig = c.config
			}
			b.must(b.create(task))
			b.settle()
			for range 60 {
				b.advance(time.Minute)
			}
			if n := len(b.settle()); n != c.want {
				t.Errorf("%v: %d attempts, want %d", c.config, n, c.want)
			}
		}
	}
}

func TestRetention(t *testing.T) {
	b := setup(t, nil)
	b.must(b.client.PauseQueue(b.ctx, &pb.PauseQueueRequest{Name: bulk}))
	b.must(b.create(b.task("old")))
	b.clock.Advance(31 * 24 * time.Hour)
	b.must(b.create(b.task("new")))
	b.must(b.client.ResumeQueue(b.ctx, &pb.ResumeQueueRequest{Name: bulk}))
	got := b.settle()
	if len(got) != 1 || got[0].Header.Get("X-CloudTasks-TaskName") != "new" {
		t.Errorf("%d deliveries, want only the new task's", len(got))
	}
}

func TestDouble(t *testing.T) {
	b := setup(t, nil)
	b.Double(func(e cloudtaskssim.Event) int {
		if e.ID == "thrice" {
			return 2
		}
		return 0
	})
	b.must(b.create(b.task("once")))
	b.must(b.create(b.task("thrice")))
	seen := map[string]int{}
	for _, r := range b.settle() {
		seen[r.Header.Get("X-CloudTasks-TaskName")+" "+r.Header.Get("X-CloudTasks-TaskRetryCount")]++
	}
	if seen["once 0"] != 1 || seen["thrice 0"] != 3 || len(seen) != 2 {
		t.Errorf("delivered %v", seen)
	}
}

func TestCrash(t *testing.T) {
	b := setup(t, nil)
	hang := make(chan bool)
	started := make(chan bool, 10)
	b.respond(func(w http.ResponseWriter, r *http.Request) {
		started <- true
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	defer close(hang)
	b.must(b.create(b.task("running")))
	<-started
	b.Crash()
	b.code(codes.Unavailable)(b.create(b.task("meanwhile")))
	b.respond(nil)
	b.Start()
	got := b.settle()
	if len(got) != 2 || got[1].Header.Get("X-CloudTasks-TaskRetryCount") != "1" {
		t.Errorf("%d deliveries, the last with %v", len(got), got[len(got)-1].Header)
	}
	b.code(codes.AlreadyExists)(b.create(b.task("running")))
}

func TestStop(t *testing.T) {
	b := setup(t, nil)
	if err := b.Stop(b.ctx); err != nil {
		t.Fatal(err)
	}
	b.must(b.create(b.task("x")))
	b.code(codes.Unavailable)(b.client.RunTask(b.ctx, &pb.RunTaskRequest{Name: bulk + "/tasks/x"}))
	if n := len(b.advance(time.Hour)); n != 0 {
		t.Errorf("%d deliveries while stopped", n)
	}
	b.Start()
	if n := len(b.settle()); n != 1 {
		t.Errorf("%d deliveries after Start, want 1", n)
	}
}

func TestFaults(t *testing.T) {
	b := setup(t, nil)
	b.Fail(func(c cloudtaskssim.Call) cloudtaskssim.Fault {
		if c.Method != "CreateTask" || c.Name != bulk {
			return cloudtaskssim.Fault{}
		}
		return map[int]cloudtaskssim.Fault{1: {Code: codes.Unavailable}, 2: {Code: codes.Internal, After: true}}[c.N]
	})
	b.must(b.client.PauseQueue(b.ctx, &pb.PauseQueueRequest{Name: bulk}))
	b.code(codes.Unavailable)(b.create(b.task("n")))
	b.code(codes.Internal)(b.create(b.task("n")))
	b.code(codes.AlreadyExists)(b.create(b.task("n")))
	if n := b.Calls("CreateTask"); n != 3 {
		t.Errorf("%d calls", n)
	}
}

func TestMachineClock(t *testing.T) {
	// With no clock of a test, timers ring by themselves.
	sim, err := cloudtaskssim.New(cloudtaskssim.Config{Key: key()})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	arrived := make(chan time.Time, 10)
	worker := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived <- time.Now() }))
	defer worker.Close()
	b := &bench{Server: sim, t: t, ctx: t.Context(), url: worker.URL}
	if b.client, err = apiv2.NewClient(b.ctx, option.WithEndpoint(sim.Addr()), option.WithoutAuthentication(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))); err != nil {
		t.Fatal(err)
	}
	defer b.client.Close()
	b.must(b.client.CreateQueue(b.ctx, &pb.CreateQueueRequest{Parent: parent, Queue: &pb.Queue{Name: bulk}}))
	due := time.Now().Add(50 * time.Millisecond)
	task := b.task("")
	task.ScheduleTime = timestamppb.New(due)
	b.must(b.create(task))
	if at := <-arrived; at.Before(due.Truncate(time.Microsecond)) {
		t.Errorf("delivered %v early", due.Sub(at))
	}
}

func TestClosesTwice(t *testing.T) {
	b := setup(t, nil)
	b.Close()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := cloudtaskssim.New(cloudtaskssim.Config{Addr: "256.0.0.1:1"}); err == nil {
		t.Error("listens at an address that is none")
	}
}
