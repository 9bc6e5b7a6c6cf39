package queuetest

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rowsmith/tasks/queue"
)

var named = queue.Task{Queue: "bulk", Kind: "chunk", Name: "chunk-J1-00001", Body: []byte("first")}

var dedupeTests = []test{
	{"while it waits", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.must(f.Queue.Pause(f.ctx, "bulk"))
		f.add(named)
		second := named
		second.Body, second.Kind, second.Delay = []byte("second"), "other", time.Minute
		if f.enqueue(second) {
			t.Error("added a second time")
		}
		f.must(f.Queue.Resume(f.ctx, "bulk"))
		f.await(1)
		f.settle()
		if c := f.expect(1)[0]; string(c.Body) != "first" || c.Kind != "chunk" {
			t.Errorf("delivered %+v, want the first", c.Delivery)
		}
	}},
	{"while it runs", func(t *testing.T, open Opener) {
		f := setup(t, open)
		release := make(chan struct{})
		f.answer(func(_ http.ResponseWriter, c call) { <-release })
		defer sync.OnceFunc(func() { close(release) })()
		f.add(named)
		f.await(1)
		if f.enqueue(named) {
			t.Error("added a second time")
		}
		release <- struct{}{}
		f.settle()
		f.expect(1)
	}},
	{"between attempts", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk", MinBackoff: time.Hour})
		f.answer(status(500))
		f.add(named)
		f.await(1)
		f.settle()
		if f.enqueue(named) {
			t.Error("added a second time")
		}
	}},
	{"for a while after it finished", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.add(named)
		f.await(1)
		f.settle()
		if f.enqueue(named) {
			t.Error("added again just after it finished")
		}
		f.clocked()
		f.advance(queue.DedupeWindow - time.Second)
		if f.enqueue(named) {
			t.Error("added again within the window")
		}
		f.expect(1)
		// A window may be longer than promised, but not for ever: Cloud Tasks' own may be 24 hours.
		f.advance(25 * time.Hour)
		f.add(named)
		f.await(2)
	}},
	{"again without anything in between", func(t *testing.T, open Opener) {
		// The name's second life begins as its first did.
		f := setup(t, open, queue.Settings{Name: "bulk", MinBackoff: time.Second})
		f.clocked()
		f.answer(func(w http.ResponseWriter, c call) {
			if c.Attempt == 0 {
				w.WriteHeader(404)
			}
		})
		for life := range 2 {
			f.add(named)
			f.settle()
			f.advance(time.Second)
			c := f.expect(2 * (life + 1))[2*life]
			if c.Attempt != 0 || c.Answered != 0 {
				t.Errorf("life %d begins with attempt %d, answered %d", life, c.Attempt, c.Answered)
			}
			f.Clock.Advance(25 * time.Hour) // no time to clean up before the name is taken
		}
	}},
	{"not another generation", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.add(named)
		next := named
		next.Gen = 1
		f.add(next)
		f.await(2)
		f.settle()
		next.Gen = 7
		f.add(next)
		if f.enqueue(named) || f.enqueue(next) {
			t.Error("added a second time")
		}
		f.await(3)
	}},
	{"not another queue", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk"}, queue.Settings{Name: "interactive"})
		f.add(named)
		other := named
		other.Queue = "interactive"
		f.add(other)
		f.await(2)
	}},
	{"names that look alike", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "a", Gen: 1})
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "a-g1"})
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "A", Gen: 1})
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "a-g1-g0"})
		f.await(4)
	}},
	{"many at once", func(t *testing.T, open Opener) {
		f := setup(t, open)
		var added atomic.Int32
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				ok, err := f.Queue.Enqueue(f.ctx, named)
				if err != nil {
					t.Errorf("Enqueue: %v", err)
				}
				if ok {
					added.Add(1)
				}
			})
		}
		all.Wait()
		f.await(1)
		f.settle()
		f.expect(1)
		if n := added.Load(); n != 1 {
			t.Errorf("%d of 32 were told that they added it, want 1", n)
		}
	}},
	{"not what was refused", func(t *testing.T, open Opener) {
		f := setup(t, open)
		bad := named
		bad.Body = make([]byte, queue.MaxBody+1)
		if _, err := f.Queue.Enqueue(f.ctx, bad); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("body too large: %v", err)
		}
		f.add(named)
		f.await(1)
	}},
}
