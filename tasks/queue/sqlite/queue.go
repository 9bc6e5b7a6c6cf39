// Package sqlite is the embedded queue: the contract of package queue over one SQLite file, for
// one machine. It is no imitation in memory: tasks are durable before Enqueue answers, and they are
// delivered over HTTP exactly as Cloud Tasks delivers them (see [queue.Delivery] for the headers).
//
// # How it works
//
// One goroutine writes. It gathers what callers ask for and how deliveries ended, claims what is due and
// may begin, all in one transaction, and only when that is committed answers
// the callers and begins the deliveries: one commit serves many, and a task that is enqueued due is on
// its way with the same commit. Nothing polls: the goroutine sleeps until someone calls, a delivery ends or
// the next task is due.
//
// A task's life, in the column state:
//
//	0 waiting   due says when; attempts counts the deliveries begun
//	1 running   claimed by the owner named in the row
//	2 leaving   running when its queue was purged: not retried
//	3 finished  only the name is kept, until expires, to dedupe; a task without a name is deleted
//
// One process owns the file. Each opening draws a new owner, and what an earlier owner left running is waiting
// again, due at once, its attempt counted: a killed process's tasks come back with the next start. The
// owner in the row keeps a straggler of the earlier one from touching it.
//
// # What it refuses
//
// To share a file between processes that both deliver; to be called inside of a transaction of the same write
// pool, which would wait for itself.
//
// # Tables
//
// queue_meta (schema version and owner), queue_queues (pause), queue_tasks. Times are
// microseconds since 1970.
package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/tasks/queue"
)

var _ queue.Queue = (*Queue)(nil)

// Config says which queues there are and how they deliver.
type Config struct {
	// Queues are all the queues there are, at least one. Tasks of a queue that is no longer
	// among them stay in the file, undelivered, and are logged at opening.
	Queues []queue.Settings
	// Authorize adds a credential to each delivery, as Cloud Tasks adds its OIDC token. Nil: none. An
	// error is as good as a failed delivery. Called from many goroutines.
	Authorize func(*http.Request) error
	// Clock says when tasks are due and deliveries have lasted too long. Nil: the machine's.
	Clock clockwork.Clock
	// Log takes what failed. Nil: none.
	Log *slog.Logger
	// Jitter returns numbers in [0,1) by which intervals between retries are shortened. Nil: random.
	Jitter func() float64
	// Observe is told of everything that happens to tasks once it is durable, in order, one event at a time. It must be quick and may
	// not call the queue. Nil: nobody is.
	Observe func(Event)
}

// A Queue is the embedded queue. Make it with [New]; it delivers after [Queue.Start].
type Queue struct {
	write, read *sql.DB
	cfg         Config
	clock       clockwork.Clock
	log         *slog.Logger
	owner       string
	stmts       statements

	// Touched by the loop alone (and by New before it runs).
	lanes   map[string]*lane
	order   []*lane // in the order of Config.Queues
	cleanAt int64   // when finished names are next removed; never: none
	running int     // deliveries begun and not yet recorded
	fails   int     // transactions failed in a row
	retryAt time.Time

	mu       sync.Mutex
	changes  []*change
	outcomes []outcome
	waiters  []*waiter
	target   *target // nil until Start
	closing  bool
	closed   bool

	wake       chan struct{} // holds one
	life       context.Context
	kill       context.CancelFunc // ends the loop in the middle, as a crash does
	delivering context.Context
	cutOff     context.CancelCauseFunc // ends deliveries under way
	ended      chan struct{}           // closed when the loop is over
	deliveries sync.WaitGroup
}

// never is a due time that does not come.
const never = math.MaxInt64

// New opens the queue in a database file that the program has opened twice: write is a pool of
// one connection in WAL mode with synchronous=FULL (what is acknowledged is then on the disk), read any pool. The
// queue makes its own tables, leaves others alone and closes neither pool. Tasks can be
// enqueued from now on; deliveries begin with [Queue.Start].
//
// The error is [queue.ErrInvalid] for settings that are not valid, otherwise [queue.ErrUnavailable].
func New(ctx context.Context, write, read *sql.DB, cfg Config) (*Queue, error) {
	q := &Queue{
		write: write, read: read, cfg: cfg, clock: cfg.Clock, log: cfg.Log,
		owner: randomID(), lanes: map[string]*lane{}, cleanAt: never,
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	if q.clock == nil {
		q.clock = clockwork.NewRealClock()
	}
	if q.log == nil {
		q.log = slog.New(slog.DiscardHandler)
	}
	if q.cfg.Jitter == nil {
		q.cfg.Jitter = mathrand.Float64
	}
	if len(cfg.Queues) == 0 {
		return nil, fmt.Errorf("%w: no queues configured", queue.ErrInvalid)
	}
	for _, s := range cfg.Queues {
		if err := s.Check(); err != nil {
			return nil, err
		}
		if q.lanes[s.Name] != nil {
			return nil, fmt.Errorf("%w: queue %q configured twice", queue.ErrInvalid, s.Name)
		}
		l := newLane(s.WithDefaults())
		q.lanes[s.Name], q.order = l, append(q.order, l)
	}
	if err := q.open(ctx); err != nil {
		return nil, unavailable("open queue", err)
	}
	q.life, q.kill = context.WithCancel(context.Background())
	q.delivering, q.cutOff = context.WithCancelCause(q.life)
	go q.loop()
	return q, nil
}

// Start begins deliveries to the worker at target: scheme, host and perhaps a path
// prefix, to which [queue.Path] and the kind are added. client may be nil; of one that is given the transport is used, and neither
// redirects are followed nor cookies kept. A queue is started once.
func (q *Queue) Start(target string, client *http.Client) error {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("start queue: %w: target %q is not a base URL", queue.ErrInvalid, target)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closing:
		return fmt.Errorf("start queue: %w: closed", queue.ErrUnavailable)
	case q.target != nil:
		return fmt.Errorf("start queue: %w: started already", queue.ErrInvalid)
	}
	q.target = newTarget(target, client)
	q.nudge()
	return nil
}

// Enqueue implements [queue.Queue]. The answer comes when the task is on the disk.
func (q *Queue) Enqueue(ctx context.Context, t queue.Task) (added bool, err error) {
	now := q.clock.Now()
	if err := t.Check(now); err != nil {
		return false, fmt.Errorf("enqueue: %w", err)
	}
	l, err := q.lane(t.Queue)
	if err != nil {
		return false, fmt.Errorf("enqueue: %w", err)
	}
	id := t.ID()
	if id == "" {
		id = randomID()
	}
	body := t.Body
	if body == nil {
		body = []byte{}
	}
	err = q.change(ctx, func(tx *txn) error {
		due := t.Due(tx.now).UnixMicro()
		var err error
		if added, err = tx.insert(l, t, id, body, due); err != nil || !added {
			tx.observe(Event{What: Duplicate, Queue: t.Queue, ID: id})
			return err
		}
		l.next = min(l.next, due)
		tx.observe(Event{What: Added, Queue: t.Queue, ID: id})
		return nil
	})
	if err != nil {
		return false, unavailable(fmt.Sprintf("enqueue task %q", id), err)
	}
	return added, nil
}

// Pause implements [queue.Queue].
func (q *Queue) Pause(ctx context.Context, name string) error {
	return q.setPaused(ctx, "pause", name, true)
}

// Resume implements [queue.Queue].
func (q *Queue) Resume(ctx context.Context, name string) error {
	return q.setPaused(ctx, "resume", name, false)
}

func (q *Queue) setPaused(ctx context.Context, verb, name string, paused bool) error {
	l, err := q.lane(name)
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	err = q.change(ctx, func(tx *txn) error {
		l.paused = paused
		return tx.pause(name, paused)
	})
	return unavailable(fmt.Sprintf("%s queue %q", verb, name), err)
}

// Purge implements [queue.Queue].
func (q *Queue) Purge(ctx context.Context, name string) error {
	l, err := q.lane(name)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	err = q.change(ctx, func(tx *txn) error {
		l.next = never
		return tx.purge(name)
	})
	return unavailable(fmt.Sprintf("purge queue %q", name), err)
}

// Stats implements [queue.Queue]. The numbers are exact.
func (q *Queue) Stats(ctx context.Context, name string) (queue.Stats, error) {
	if _, err := q.lane(name); err != nil {
		return queue.Stats{}, fmt.Errorf("stats: %w", err)
	}
	if q.isClosed() {
		return queue.Stats{}, unavailable(fmt.Sprintf("stats of queue %q", name), errClosed)
	}
	s, err := readStats(ctx, q.read, name)
	return s, unavailable(fmt.Sprintf("stats of queue %q", name), err)
}

// Ping implements [queue.Queue].
func (q *Queue) Ping(ctx context.Context) error {
	if q.isClosed() {
		return unavailable("ping queue", errClosed)
	}
	var n int
	return unavailable("ping queue", q.read.QueryRowContext(ctx, "SELECT 1").Scan(&n))
}

// Idle returns when no delivery is under way and none is due: what waits is due later or its
// queue is paused. Before Start, tasks that are due wait for it.
func (q *Queue) Idle(ctx context.Context) error { return q.wait(ctx, true) }

// Settle returns when no delivery is under way and none may begin until the clock moves or someone
// calls. Unlike Idle it does not wait for tasks that the rate holds back. It is for tests that move the clock.
func (q *Queue) Settle(ctx context.Context) error { return q.wait(ctx, false) }

// Close implements [queue.Queue]. The pools stay open.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	q.closing = true
	t := q.target
	q.nudge()
	q.mu.Unlock()

	var err error
	select {
	case <-q.ended:
	case <-ctx.Done():
		err = fmt.Errorf("close queue: deliveries were cut off: %w", ctx.Err())
		q.cutOff(errCutOff)
		// They end at once and are recorded as due again. Where even that cannot be written, the
		// next opening finds them running and says the same.
		grace := time.NewTimer(cutOffGrace)
		defer grace.Stop()
		select {
		case <-q.ended:
		case <-grace.C:
		}
	}
	q.kill()
	<-q.ended
	q.deliveries.Wait()
	if t != nil {
		t.close()
	}
	if e := q.stmts.close(); err == nil && e != nil {
		err = unavailable("close queue", e)
	}
	return err
}

// cutOffGrace is how long Close waits for the record of deliveries that it cut off.
const cutOffGrace = 5 * time.Second

var (
	errClosed = errors.New("the queue is closed")
	errCutOff = errors.New("the queue is closing")
)

// lane finds a configured queue. The map does not change after New.
func (q *Queue) lane(name string) (*lane, error) {
	if l := q.lanes[name]; l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("%w: no queue %.120q", queue.ErrInvalid, name)
}

func (q *Queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// unavailable wraps what the database or the context said; nil stays nil.
func unavailable(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %w", op, queue.ErrUnavailable, err)
}

// randomID is the id of a task without a name, and of an owner: 128 random bits, so hash-first by itself.
func randomID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
