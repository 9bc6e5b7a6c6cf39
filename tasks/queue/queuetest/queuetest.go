// Package queuetest is what every implementation of package queue must do, as one suite of
// named tests. An implementation calls [Run] with an opener; the suite uses nothing of it
// but [queue.Queue] and what the [Instance] offers. It waits for events and moves a clock; it never sleeps.
package queuetest

import (
	"context"
	"testing"
	"time"

	"rowsmith/tasks/queue"
)

// Options say what the suite wants opened.
type Options struct {
	// Queues are the queues there are to be.
	Queues []queue.Settings
	// Target is the base URL of the worker, a server of the suite on this machine.
	Target string
}

// A Clock is a clock that a test moves, such as clockwork's FakeClock.
type Clock interface {
	Now() time.Time
	Advance(d time.Duration)
}

// An Instance is an open queue that delivers to Options.Target. The opener registers its own cleanup,
// which also ends instances made by Reopen and Crash.
type Instance struct {
	Queue queue.Queue

	// Clock is the one that the queue goes by. Nil: the machine's; then what
	// must wait is skipped. It goes on over Reopen and Crash.
	Clock Clock

	// Settle returns when no delivery is under way and none may begin until the clock moves or
	// someone calls. Never nil.
	Settle func(ctx context.Context) error

	// Reopen closes the queue and opens it again over what it kept. Nil: the queue's state is not this process's.
	Reopen func(t *testing.T) Instance

	// Crash stops the queue in the middle of everything, writing nothing more, and opens it
	// again over what it kept. Nil as for Reopen.
	Crash func(t *testing.T) Instance
}

// An Opener opens a fresh, empty instance.
type Opener func(t *testing.T, o Options) Instance

// Run runs the suite.
func Run(t *testing.T, open Opener) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Delivery", deliveryTests},
		{"Retry", retryTests},
		{"Dedupe", dedupeTests},
		{"Pace", paceTests},
		{"Control", controlTests},
		{"Durable", durableTests},
		{"Answer", answerTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.tests {
				t.Run(c.name, func(t *testing.T) { c.run(t, open) })
			}
		})
	}
}

// A test is one behaviour.
type test struct {
	name string
	run  func(t *testing.T, open Opener)
}

// patience is how long a test waits for an event that must come. No test passes because it is over.
const patience = 30 * time.Second

// A fixture is an instance with the suite's worker, and shortcuts that fail the test.
type fixture struct {
	Instance
	*worker
	t   *testing.T
	ctx context.Context
}

// setup opens an instance with the queues (by default one named "bulk") and a worker that answers 200.
func setup(t *testing.T, open Opener, queues ...queue.Settings) *fixture {
	t.Helper()
	if len(queues) == 0 {
		queues = []queue.Settings{{Name: "bulk"}}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	f := &fixture{t: t, ctx: ctx, worker: newWorker(t)}
	f.Instance = open(t, Options{Queues: queues, Target: f.worker.url})
	return f
}

// clocked skips the test where the clock can't be moved.
func (f *fixture) clocked() {
	f.t.Helper()
	if f.Clock == nil {
		f.t.Skip("needs a clock that can be moved")
	}
}

// add enqueues a task that must be new.
func (f *fixture) add(task queue.Task) {
	f.t.Helper()
	if !f.enqueue(task) {
		f.t.Fatalf("Enqueue(%q, gen %d) was not added, want added", task.Name, task.Gen)
	}
}

// enqueue enqueues a task and reports whether it was added.
func (f *fixture) enqueue(task queue.Task) bool {
	f.t.Helper()
	added, err := f.Queue.Enqueue(f.ctx, task)
	if err != nil {
		f.t.Fatalf("Enqueue(%q): %v", task.Name, err)
	}
	return added
}

func (f *fixture) settle() {
	f.t.Helper()
	if err := f.Settle(f.ctx); err != nil {
		f.t.Fatalf("Settle: %v", err)
	}
}

// advance moves the clock and lets the queue do what the new time brings.
func (f *fixture) advance(d time.Duration) {
	f.t.Helper()
	f.Clock.Advance(d)
	f.settle()
}

// expect fails unless exactly n deliveries have arrived since the beginning. The queue has settled.
func (f *fixture) expect(n int) []call {
	f.t.Helper()
	got := f.calls()
	if len(got) != n {
		f.t.Fatalf("%d deliveries arrived, want %d", len(got), n)
	}
	return got
}

// await waits until n deliveries have arrived.
func (f *fixture) await(n int) []call {
	f.t.Helper()
	got, err := f.worker.await(f.ctx, n)
	if err != nil {
		f.t.Fatalf("%d deliveries arrived, want %d: %v", len(got), n, err)
	}
	return got
}

func (f *fixture) stats(name string) queue.Stats {
	f.t.Helper()
	s, err := f.Queue.Stats(f.ctx, name)
	if err != nil {
		f.t.Fatalf("Stats(%q): %v", name, err)
	}
	return s
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// again replaces the instance by what Reopen or Crash opens, or skips.
func (f *fixture) again(open func(t *testing.T) Instance) {
	f.t.Helper()
	if open == nil {
		f.t.Skip("the queue's state is not this process's")
	}
	f.Instance = open(f.t)
}
