// Package cloudtasks is the contract of package queue over Cloud Tasks, through Google's gRPC client (the REST client turns
// ALREADY_EXISTS into ABORTED).
//
// # What it does
//
// Every task has a name, those without one in the contract a random one: so CreateTask, which the client
// does not retry, is safe to repeat after an ambiguous failure, and is. ALREADY_EXISTS means that the task is there.
// Deliveries carry an OIDC token of the configured service account for the configured audience: the worker's end checks that, never the
// headers.
//
// # What it refuses
//
// What the contract refuses. A task due over [queue.MaxAhead] ahead is one case (Cloud Tasks takes 30 days, and clocks differ): who
// wants more hops: enqueues at MaxAhead and, delivered, answers [queue.After] with the rest, which is cut
// to MaxAhead again.
//
// # What differs from the embedded queue
//
//   - Deliveries are not this process's. Close ends what this process asks of the service; deliveries to this process end with its HTTP
//     server, which is to be shut down first.
//   - "now" in due times is this machine's clock. A task due now has no due time at all, so a clock that is ahead delays nothing that is due.
//   - Purge takes up to a minute. Names dedupe up to 24 hours. Stats are estimates.
//   - Settings.Burst is Cloud Tasks' own affair. Backoffs are whole seconds, but for the default.
//   - A queue that is configured here and not there is [queue.ErrUnavailable], not ErrInvalid: it may be there in a
//     minute (the service says "not found" for some minutes when a queue wakes from 30 idle days).
//
// # Key formats
//
// A queue's id at the service is Config.Prefix and its name. With a prefix, deliveries carry that id in Delivery.Queue, a task's id is
// [queue.Task.ID] of a task whose Queue is that id, and all methods take both forms.
package cloudtasks

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	apiv2 "cloud.google.com/go/cloudtasks/apiv2"
	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"github.com/jonboulle/clockwork"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"rowsmith/tasks/queue"
)

var _ queue.Queue = (*Queue)(nil)

// Config says which queues there are and to whom they deliver.
type Config struct {
	// Project and Location are where the queues are: "rowsmith-prod", "europe-west1".
	Project, Location string
	// Prefix begins the ids of the queues at the service, so that installations can share a project: [a-z][a-z0-9-]* or empty.
	Prefix string
	// Target is the worker's base URL: scheme, host and perhaps a path prefix.
	Target string
	// Audience is what deliveries' tokens are for. Empty: Target.
	Audience string
	// ServiceAccount is the email address of the account whose tokens deliveries carry.
	ServiceAccount string
	// Queues are all the queues there are, at least one.
	Queues []queue.Settings
	// Clock says what "now" is, and waits between attempts at a call. Nil: the machine's. The
	// deadlines of calls go by the machine's clock in any case.
	Clock clockwork.Clock
	// Log takes calls that had to be repeated. Nil: none.
	Log *slog.Logger
	// Jitter returns numbers in [0,1) by which waits are shortened. Nil: random.
	Jitter func() float64
}

// A Queue is the queues of one installation at Cloud Tasks.
type Queue struct {
	client *apiv2.Client
	owned  bool // Close closes the client
	cfg    Config
	parent string // projects/P/locations/L
	clock  clockwork.Clock
	log    *slog.Logger
	lanes  map[string]lane // by name and by id

	mu     sync.Mutex
	closed bool
	skew   time.Duration      // how far the service's clock is ahead of ours; 0 where it is about right
	calls  sync.WaitGroup     // under way
	life   context.Context    // of calls
	cutOff context.CancelFunc // by Close, when it does not wait
}

// A lane is one queue.
type lane struct {
	queue.Settings
	id   string // Prefix and Name
	full string // projects/P/locations/L/queues/ID
}

// locationForm is what a project's id and a location may be, from the comments of google/cloud/tasks/v2/queue.proto.
var locationForm = regexp.MustCompile(`^[A-Za-z0-9:.-]{1,100}$`)

// maxURL is the longest target of a task (google/cloud/tasks/v2/target.proto).
const maxURL = 2083

// New makes a queue over a client, which stays the caller's to close. Nothing is asked of the service yet; the
// queues must be there, see [Queue.Ensure]. The error is [queue.ErrInvalid].
func New(client *apiv2.Client, cfg Config) (*Queue, error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{queue.ErrInvalid}, args...)...)
	}
	q := &Queue{client: client, cfg: cfg, clock: cfg.Clock, log: cfg.Log, lanes: map[string]lane{}}
	q.life, q.cutOff = context.WithCancel(context.Background())
	if q.clock == nil {
		q.clock = clockwork.NewRealClock()
	}
	if q.log == nil {
		q.log = slog.New(slog.DiscardHandler)
	}
	if q.cfg.Jitter == nil {
		q.cfg.Jitter = mathrand.Float64
	}
	if !locationForm.MatchString(cfg.Project) || !locationForm.MatchString(cfg.Location) {
		return nil, bad("project %.120q, location %.120q: missing or malformed", cfg.Project, cfg.Location)
	}
	q.parent = "projects/" + cfg.Project + "/locations/" + cfg.Location
	u, err := url.Parse(cfg.Target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, bad("target %.120q is not a base URL", cfg.Target)
	}
	q.cfg.Target = strings.TrimSuffix(cfg.Target, "/")
	if len(q.cfg.Target)+len(queue.Path)+100 > maxURL {
		return nil, bad("target of %d bytes is too long", len(cfg.Target))
	}
	if !strings.Contains(cfg.ServiceAccount, "@") {
		return nil, bad("service account: want an email address, lest deliveries carry no token")
	}
	if cfg.Audience == "" {
		q.cfg.Audience = q.cfg.Target
	}
	if len(q.cfg.Audience) > maxURL || len(cfg.ServiceAccount) > 320 {
		return nil, bad("audience or service account is too long")
	}
	if len(cfg.Queues) == 0 {
		return nil, bad("no queues configured")
	}
	for _, s := range cfg.Queues {
		if err := s.Check(); err != nil {
			return nil, err
		}
		l := lane{Settings: s.WithDefaults(), id: cfg.Prefix + s.Name}
		l.full = q.parent + "/queues/" + l.id
		if err := (queue.Settings{Name: l.id}).Check(); err != nil {
			return nil, fmt.Errorf("prefix %.120q: %w", cfg.Prefix, err)
		}
		// A delivery says the id alone: "a-b" must not be both a queue's name and, with prefix "a-", the id of another.
		for _, key := range slices.Compact([]string{s.Name, l.id}) {
			if _, taken := q.lanes[key]; taken {
				return nil, bad("queue %q is configured twice, or with prefix %q means two", s.Name, cfg.Prefix)
			}
			q.lanes[key] = l
		}
	}
	return q, nil
}

// Open is [New] with a client of its own, which Close closes: Google's, with the credentials of the environment,
// or where endpoint is not empty (host:port) a double's, without TLS and credentials.
func Open(ctx context.Context, endpoint string, cfg Config) (*Queue, error) {
	opts := []option.ClientOption{}
	if endpoint != "" {
		opts = append(opts, option.WithEndpoint(endpoint), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	client, err := apiv2.NewClient(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("open cloud tasks: %w: %w", queue.ErrUnavailable, err)
	}
	q, err := New(client, cfg)
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("open cloud tasks: %w", err)
	}
	q.owned = true
	return q, nil
}

// Enqueue implements [queue.Queue]. It repeats CreateTask as long as ctx allows, at most [patience]. When an attempt failed
// ambiguously and the next finds a named task there, added is false, though it may be this call that added it.
func (q *Queue) Enqueue(ctx context.Context, t queue.Task) (added bool, err error) {
	now := q.clock.Now()
	if err := t.Check(now); err != nil {
		return false, fmt.Errorf("enqueue: %w", err)
	}
	l, err := q.lane(t.Queue)
	if err != nil {
		return false, fmt.Errorf("enqueue: %w", err)
	}
	t.Queue = l.id
	id, own := t.ID(), false
	if id == "" {
		id, own = randomID(), true
	}
	task := &cloudtaskspb.Task{
		Name: l.full + "/tasks/" + id,
		MessageType: &cloudtaskspb.Task_HttpRequest{HttpRequest: &cloudtaskspb.HttpRequest{
			Url:        q.cfg.Target + queue.Path + t.Kind,
			HttpMethod: cloudtaskspb.HttpMethod_POST,
			Headers:    map[string]string{"Content-Type": "application/json"},
			Body:       t.Body,
			AuthorizationHeader: &cloudtaskspb.HttpRequest_OidcToken{OidcToken: &cloudtaskspb.OidcToken{
				ServiceAccountEmail: q.cfg.ServiceAccount,
				Audience:            q.cfg.Audience,
			}},
		}},
		DispatchDeadline: durationpb.New(l.Deadline),
	}
	if due := t.Due(now); due.After(now) {
		if t.At.IsZero() {
			due = due.Add(q.ahead()) // the delay is by the service's clock
		}
		task.ScheduleTime = timestamppb.New(due)
	}
	req := &cloudtaskspb.CreateTaskRequest{Parent: l.full, Task: task, ResponseView: cloudtaskspb.Task_BASIC}
	attempts, err := q.call(ctx, "CreateTask", id, func(ctx context.Context) error {
		made, err := q.client.CreateTask(ctx, req)
		if err == nil {
			q.learn(made.GetCreateTime())
		}
		return err
	})
	switch {
	case err == nil:
		return true, nil
	case status.Code(err) == codes.AlreadyExists:
		// A random id that is taken was taken by an attempt of ours.
		return own && attempts > 1, nil
	default:
		return false, wrap(fmt.Sprintf("enqueue task %q", id), err)
	}
}

// trusted is how wrong our clock may be before it is corrected: the service tells its own in whole seconds.
const trusted = 2 * time.Second

// learn compares our clock with the time at which the service says it made a task just now.
func (q *Queue) learn(made *timestamppb.Timestamp) {
	if !made.IsValid() {
		return
	}
	skew := made.AsTime().Add(time.Second / 2).Sub(q.clock.Now())
	if skew.Abs() < trusted {
		skew = 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.skew = skew
}

// ahead is how far the service's clock is ahead of ours, as far as is known: before the first task was made, not at all.
func (q *Queue) ahead() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.skew
}

// Close implements [queue.Queue]: it waits for this process's calls. Deliveries to this process
// end with its HTTP server, which is to be shut down before.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	first := !q.closed
	q.closed = true
	q.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		q.calls.Wait()
	}()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = fmt.Errorf("close queue: calls were cut off: %w", ctx.Err())
	}
	q.cutOff()
	if first && q.owned {
		q.client.Close()
	}
	return err
}

// enter lets a call begin unless the queue is closed; calls.Done ends it.
func (q *Queue) enter() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed
	}
	q.calls.Add(1)
	return nil
}

var errClosed = errors.New("the queue is closed")

func (q *Queue) lane(name string) (lane, error) {
	if l, ok := q.lanes[name]; ok {
		return l, nil
	}
	return lane{}, fmt.Errorf("%w: no queue %.120q", queue.ErrInvalid, name)
}

// randomID is the id of a task without a name: 128 random bits, so hash-first by itself.
func randomID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
