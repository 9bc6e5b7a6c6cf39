// Package queue is the contract "do this later": small tasks that are
// delivered by HTTP POST to the worker's own endpoint, at least once, some
// time after they are due. It is shaped after Cloud Tasks, and the embedded
// queue delivers exactly as Cloud Tasks does, so a worker cannot tell which one called.
//
// # What it is
//
// A task names a queue, a kind and a body of identifiers. The queue posts the
// body to BASE/internal/tasks/KIND with the headers of Cloud Tasks (see
// [Delivery]) until a worker answers 2xx, with backoff in between. What a
// worker may answer is an [Answer]; [Handler] maps it to a status code:
//
//	answer      meaning                                   the queue sees
//	Done        finished, or nothing to do                200
//	Drop(why)   can never succeed; logged, given up       200
//	After(d)    not now: a delayed task takes its place   200, and a new task due in d
//	Again(err)  a passing fault: retry with backoff       500
//	            (the worker itself cannot be reached)     anything else, or nothing: retried with backoff
//
// A vendor's limit is After, never Again: an error answer slows the whole queue
// down for everyone (Cloud Tasks treats 429 and 503 as overload), so neither is ever given.
//
// What is no delivery at all never reaches the worker; the status says so, and a queue that sees one
// retries as after any other error, so a proxy that mangles requests for an hour loses nothing:
//
//	another method than POST                         405
//	a body over [MaxBody]                            413
//	headers of Cloud Tasks or the kind missing, bad  400
//
// # What it refuses
//
// Bodies over [MaxBody], names with other characters than [A-Za-z0-9_-], unknown queues, due times over
// [MaxAhead] ahead (Cloud Tasks' own limit is 30 days): all with [ErrInvalid]. Bodies carry
// identifiers only, never cell values: queues are logged and kept by others.
//
// # What it does not promise
//
// Order, exactly-once delivery, or deduplication forever. A name dedupes while its task is
// waiting or running and for about an hour after ([DedupeWindow]): an optimisation, never the guard. Whoever handles
// a task makes the second delivery harmless. To enqueue the same work
// again on purpose, raise the task's Gen.
//
// How long a delivery may take: a worker learns of the deadline by its request's context ending, no
// earlier. Work that holds a lease ends before the lease does, by its own clock.
//
// # Key formats
//
// The id under which a task is known is [Task.ID]: eight hex digits of a hash (sequential
// prefixes slow Cloud Tasks down), then name and generation: "4cb9af7d-chunk-JOB-00012-g2".
//
// The task that takes another's place after [After] is its successor. Its name is made of the other's,
// "chunk-JOB-00012-g2-after", and its own generations count the times: it is the same when one delivery arrives twice, and
// no generation of "chunk-JOB-00012" that anyone else enqueues is ever in its way. So no name that
// a caller chooses ends in "-after". Of a task without a name, the id that the queue made up stands for the name.
package queue

import (
	"context"
	"errors"
	"time"
)

// Limits of every implementation.
const (
	MaxBody      = 90 << 10            // bytes: Cloud Tasks takes tasks of 100 KB (other sources: 1 MB), name, address and headers included
	MaxName      = 400                 // bytes of Task.Name
	MaxAhead     = 29 * 24 * time.Hour // how far ahead a task may be due; Cloud Tasks takes 30 days
	DedupeWindow = time.Hour           // how long a finished task's name still dedupes, at least
)

// What a queue's errors are, by [errors.Is].
var (
	// ErrInvalid: the call breaks the contract (an unknown queue is one case); a bug, not a state.
	ErrInvalid = errors.New("invalid task")
	// ErrUnavailable: the queue did not answer; the task may or may not have been added.
	ErrUnavailable = errors.New("queue unavailable")
)

// A Task is a piece of work to be delivered later.
type Task struct {
	// Queue is the name of one of the configured queues: [a-z][a-z0-9-]*, at most 100 bytes.
	Queue string
	// Kind is the last path segment of the worker's endpoint: [a-z][a-z0-9-]*.
	Kind string
	// Name dedupes: a second task with the same Queue, Name and Gen is not added, whatever
	// else differs. [A-Za-z0-9_-], at most MaxName bytes. Empty: never deduped.
	Name string
	// Gen is the name's generation, from 0. A higher one is another name.
	Gen int
	// Body is posted as it is, with Content-Type application/json. Identifiers only.
	Body []byte
	// At is when the task is due, by the queue's clock; zero or past: now. At most MaxAhead ahead.
	At time.Time
	// Delay, where At is zero, is how long after being added the task is due, by the
	// queue's clock: the caller needs none of its own. At most MaxAhead.
	Delay time.Duration
}

// A Queue takes tasks. All methods are safe for concurrent use.
type Queue interface {
	// Enqueue adds a task durably. added is false, without an error, when a
	// task of that queue, name and generation is there already or was there within [DedupeWindow].
	// After [ErrUnavailable] calling again with the same name is safe.
	Enqueue(ctx context.Context, t Task) (added bool, err error)

	// Pause stops deliveries of a queue; those under way end. Tasks can still be added. Durable.
	// Pausing what is paused is no error. Pause, Resume, Purge and Stats answer [ErrInvalid] for an unknown queue.
	Pause(ctx context.Context, queue string) error
	// Resume undoes Pause.
	Resume(ctx context.Context, queue string) error
	// Purge removes every task of a queue that waits; those under way end and are not retried.
	// The names of what was removed still dedupe for the [DedupeWindow].
	Purge(ctx context.Context, queue string) error

	// Stats counts a queue's tasks. In the cloud the numbers are estimates.
	Stats(ctx context.Context, queue string) (Stats, error)

	// Ping reports whether the queue answers.
	Ping(ctx context.Context) error
	// Close stops deliveries, waits for those under way (as long as ctx allows) and
	// releases what the queue holds. Tasks stay. Workers that are still at it can enqueue until they
	// end; later calls fail with [ErrUnavailable]. Where ctx ends first, the deliveries under way are cut off, their tasks
	// are delivered again after the next start, and the error says so.
	Close(ctx context.Context) error
}

// Stats is what a queue holds at a moment.
type Stats struct {
	Waiting int       // tasks not yet delivered successfully, those under way not counted
	Running int       // deliveries under way
	Oldest  time.Time // earliest due time among Waiting; zero when there is none
	Paused  bool
}
