package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/enrichment"
	"rowsmith/sheets"
	"rowsmith/tasks/queue"
	"rowsmith/tasks/store"
)

// The queues that jobs use. People who wait, bulk work, and what the calendar starts don't stand in each other's way.
const (
	QueueInteractive = "interactive" // the first chunks of a job somebody watches
	QueueBulk        = "bulk"
	QueueScheduled   = "scheduled"
	QueueControl     = "control" // split and finish
	QueueWrite       = "write"
)

// interactiveChunks is how many of a job's first chunks go through the interactive queue: about 200 rows.
const interactiveChunks = 3

// The kinds of task, the last part of their endpoint's path.
const (
	kindSplit  = "split"
	kindChunk  = "chunk"
	kindWrite  = "write"
	kindFinish = "finish"
)

// TaskKinds lists the kinds of task that [Service.Work] takes.
func TaskKinds() []string { return []string{kindSplit, kindChunk, kindWrite, kindFinish} }

// Queues returns the settings of the queues that jobs use; workers is how many chunks one machine
// enriches at once.
func Queues(workers int) []queue.Settings {
	const never = -1 // a job's state, not a count of tries, says when to give up
	of := func(name string, concurrent int) queue.Settings {
		return queue.Settings{
			Name: name, MaxConcurrent: concurrent, MaxAttempts: never,
			MinBackoff: time.Second, MaxBackoff: 5 * time.Minute, MaxDoublings: 8, Deadline: 10 * time.Minute,
		}
	}
	return []queue.Settings{
		of(QueueInteractive, workers), of(QueueBulk, workers), of(QueueScheduled, max(1, workers/2)), of(QueueControl, 4), of(QueueWrite, 4),
	}
}

// Access gives the client that reaches a spreadsheet on an account's behalf.
type Access interface {
	// Client returns a client for one spreadsheet. It fails with sheets.ErrAccess where the account has no way to it (any more).
	Client(ctx context.Context, account, spreadsheetID string) (*sheets.Client, error)
}

// Config is what a Service is made of. All but Sources, Step, Interval, Lease and Exclusive are required.
type Config struct {
	Store  store.Store
	Queue  queue.Queue
	Engine enrichment.Enricher
	Access Access
	Clock  clockwork.Clock
	Log    *slog.Logger
	// Sources are the engine's providers, for prices and for saying what can be found from what.
	Sources []enrichment.Info
	// Instance names this process among all that share the store; it holds leases under this name.
	Instance string
	// Exclusive: no other process can be using the store, so leases of other instances are void.
	Exclusive bool
	// Interval is the least time between two writes to a tab. Google's quotas ask for a second; a sheet
	// on the same machine needs none.
	Interval time.Duration
	// Lease is how long a claim of a chunk holds before others may take it for a dead process's. 0: five minutes. A tab's writer holds its lane for
	// four fifths of it, which must be longer than a call of Google's API may take (180 s).
	Lease time.Duration
	// Step, where set, is called between any two steps, with the step's name and the job's id: tests let a process die there.
	Step func(step, job string)
}

// A Service runs jobs. It keeps no state of its own that matters: any number of them share a store and a queue.
type Service struct {
	store     store.Store
	queue     queue.Queue
	engine    enrichment.Enricher
	access    Access
	clock     clockwork.Clock
	log       *slog.Logger
	sources   []enrichment.Info
	instance  string
	exclusive bool
	interval  time.Duration
	lease     time.Duration
	step      func(step, job string)

	fan  fan
	mu   sync.Mutex
	held map[store.Key]int // chunks and lanes that this process claims or works on at the moment, how many times
	// nudged is the interval for whose end this process asked for a write last, by job.
	nudged map[store.Key]int64
	seen   map[string]seenPages // account/job → subjects of the pages cut so far, to save reading them back
}

type seenPages struct {
	pages int
	keys  map[uint64]bool
}

// New makes a Service. It starts nothing.
func New(c Config) (*Service, error) {
	if c.Store == nil || c.Queue == nil || c.Engine == nil || c.Access == nil || c.Clock == nil || c.Log == nil || c.Instance == "" {
		return nil, errors.New("tasks: incomplete config")
	}
	s := &Service{
		store: c.Store, queue: c.Queue, engine: c.Engine, access: c.Access, clock: c.Clock, log: c.Log, sources: c.Sources,
		instance: c.Instance, exclusive: c.Exclusive, interval: c.Interval, lease: c.Lease, step: c.Step, seen: map[string]seenPages{},
		held: map[store.Key]int{}, nudged: map[store.Key]int64{},
	}
	if s.step == nil {
		s.step = func(string, string) {}
	}
	if s.lease <= 0 {
		s.lease = 5 * time.Minute
	}
	return s, nil
}

// Work does what a delivery asks for. It is what the queue's handler calls, and safe to call any number
// of times with the same delivery.
func (s *Service) Work(ctx context.Context, d queue.Delivery) queue.Answer {
	var b marshalBody
	if err := json.Unmarshal(d.Body, &b); err != nil || b.Account == "" || !validID(b.Job) || b.N < 0 {
		return queue.Drop("body is not one of ours")
	}
	s.step(d.Kind+".delivered", b.Job)
	switch d.Kind {
	case kindSplit:
		ans := s.splitStep(ctx, b.Account, b.Job)
		if d.Attempt > 0 && ans == queue.Done() {
			// The try before may have saved a page and then failed to enqueue what it made possible.
			if err := s.requeue(ctx, b.Account, b.Job); err != nil {
				return s.answer(ctx, "split", err)
			}
		}
		return ans
	case kindChunk:
		return s.chunkStep(ctx, b.Account, b.Job, b.N)
	case kindWrite:
		return s.writeStep(ctx, b.Account, b.Job)
	case kindFinish:
		return s.finishStep(ctx, b.Account, b.Job)
	default:
		return queue.Drop("unknown kind")
	}
}

// answer turns an error of ours into what the queue is told.
func (s *Service) answer(ctx context.Context, op string, err error) queue.Answer {
	var e *Error
	if errors.As(err, &e) && e.Code == CodeNotFound {
		return queue.Drop(op + ": no such job")
	}
	return queue.Again(fmt.Errorf("%s: %w", op, err))
}

// sheetTrouble decides what trouble with the sheet means for the job: wait a little, or pause and say so. Nothing that
// was found is lost either way.
func (s *Service) sheetTrouble(ctx context.Context, account, job, op string, err error) queue.Answer {
	var pause Pause
	switch {
	case errors.Is(err, sheets.ErrColumnMissing):
		pause = Pause{Code: OutputColumnMissing, Detail: "A column that results go to is gone.",
			Action: "Undo its deletion, or add a column with the same heading, then resume."}
	case errors.Is(err, sheets.ErrSheetMissing):
		pause = Pause{Code: SheetMissing, Detail: "The tab was deleted.", Action: "Restore it from the version history, then resume, or download the results."}
	case errors.Is(err, sheets.ErrNotFound):
		pause = Pause{Code: SheetMissing, Detail: "The spreadsheet was deleted.", Action: "Restore it from the bin, then resume, or download the results."}
	case errors.Is(err, sheets.ErrAccess), errors.Is(err, sheets.ErrProtected):
		pause = Pause{Code: AccessRevoked, Detail: "Rowsmith may not write to this sheet any more.", Action: "Give it access again, then resume, or download the results."}
	case errors.Is(err, sheets.ErrInvalid):
		pause = Pause{Code: OutputColumnMissing, Detail: "Google Sheets refused the write.", Action: "Look whether the columns are still there and unprotected, then resume, or download the results."}
	case errors.Is(err, sheets.ErrQuota), errors.Is(err, sheets.ErrUnavailable):
		// A limit is never answered to the queue as an error: that would slow everyone down.
		s.log.WarnContext(ctx, "sheet not reachable", "op", op, "job", job, "err", err)
		return queue.After(retryAfter(err))
	default:
		return s.answer(ctx, op, err)
	}
	s.log.WarnContext(ctx, "sheet trouble", "op", op, "job", job, "err", err)
	if perr := s.pauseFor(ctx, account, job, pause); perr != nil {
		return s.answer(ctx, op, perr)
	}
	return queue.Done()
}

func retryAfter(err error) time.Duration {
	var e *sheets.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		return e.RetryAfter
	}
	return 5 * time.Second
}

// enqueue adds a task. That it is there already is what was wanted.
func (s *Service) enqueue(ctx context.Context, t queue.Task) error {
	_, err := s.queue.Enqueue(ctx, t)
	return err
}

func (s *Service) key(account, kind, id string) store.Key {
	return store.Key{Account: account, Kind: kind, ID: id}
}

func (s *Service) writer(c *sheets.Client) *sheets.Writer { return sheets.NewWriter(c, s.clock, s.log) }

// hold notes, before a lease is claimed, that this process works under it, and let that it does no more.
func (s *Service) hold(k store.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[k]++
}

func (s *Service) let(k store.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[k]--; s.held[k] <= 0 {
		delete(s.held, k)
	}
}

// leaseHolds reports whether the lease of a document is in force. One of this process's own is not where nothing works under it: it could not be
// given back. Where this process is the only one that can touch the store, a lease of any other instance is a dead process's.
func (s *Service) leaseHolds(k store.Key, holder string, until, now time.Time) bool {
	if holder != s.instance {
		return now.Before(until) && !s.exclusive
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(until) && s.held[k] > 0
}

// recall takes the subjects seen on a job's first pages out of memory, if they are there.
func (s *Service) recall(account, job string, pages int) (map[uint64]bool, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := account + "/" + job
	m, ok := s.seen[k]
	delete(s.seen, k)
	if !ok || m.pages != pages {
		return nil, false
	}
	return m.keys, true
}

// remember keeps them for the next page; a few jobs' at most.
func (s *Service) remember(account, job string, pages int, keys map[uint64]bool, fresh []uint64) {
	for _, k := range fresh {
		keys[k] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) >= 8 {
		clear(s.seen)
	}
	s.seen[account+"/"+job] = seenPages{pages, keys}
}
