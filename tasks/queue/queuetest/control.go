package queuetest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"rowsmith/tasks/queue"
)

var controlTests = []test{
	{"pause and resume", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk"}, queue.Settings{Name: "interactive"})
		f.must(f.Queue.Resume(f.ctx, "bulk")) // not paused: no error
		f.must(f.Queue.Pause(f.ctx, "bulk"))
		f.must(f.Queue.Pause(f.ctx, "bulk"))
		f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
		f.add(queue.Task{Queue: "interactive", Kind: "chunk"})
		f.await(1)
		f.settle()
		if c := f.expect(1)[0]; c.Queue != "interactive" {
			t.Errorf("queue %q delivered, want interactive only", c.Queue)
		}
		if s := f.stats("bulk"); !s.Paused || s.Waiting != 1 || s.Oldest.IsZero() {
			t.Errorf("stats %+v, want paused and 1 waiting", s)
		}
		f.must(f.Queue.Resume(f.ctx, "bulk"))
		f.await(2)
		if s := f.stats("bulk"); s.Paused {
			t.Errorf("stats %+v, want not paused", s)
		}
	}},
	{"pause outlives the process", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.must(f.Queue.Pause(f.ctx, "bulk"))
		f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
		f.again(f.Reopen)
		f.settle()
		f.expect(0)
		if s := f.stats("bulk"); !s.Paused || s.Waiting != 1 {
			t.Errorf("stats %+v, want paused and 1 waiting", s)
		}
		f.must(f.Queue.Resume(f.ctx, "bulk"))
		f.again(f.Reopen)
		f.await(1)
	}},
	{"pause lets what runs end", func(t *testing.T, open Opener) {
		f := setup(t, open)
		release := make(chan struct{})
		f.answer(func(w http.ResponseWriter, c call) { <-release })
		f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
		f.await(1)
		f.must(f.Queue.Pause(f.ctx, "bulk"))
		if s := f.stats("bulk"); s.Running != 1 || s.Waiting != 0 {
			t.Errorf("stats %+v, want 1 running", s)
		}
		close(release)
		f.settle()
		if s := f.stats("bulk"); s.Running+s.Waiting != 0 {
			t.Errorf("stats %+v, want nothing", s)
		}
	}},
	{"purge", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk", MaxConcurrent: 1, MinBackoff: time.Second}, queue.Settings{Name: "interactive"})
		release := make(chan struct{})
		f.answer(func(w http.ResponseWriter, c call) {
			if c.Queue == "bulk" && c.Kind != "later" {
				<-release
				w.WriteHeader(500)
			}
		})
		running := queue.Task{Queue: "bulk", Kind: "chunk", Name: "running"}
		f.add(running)
		f.await(1)
		waiting := queue.Task{Queue: "bulk", Kind: "chunk", Name: "waiting"}
		f.add(waiting)
		f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Delay: time.Minute})
		f.must(f.Queue.Pause(f.ctx, "interactive"))
		f.add(queue.Task{Queue: "interactive", Kind: "chunk"})
		f.must(f.Queue.Purge(f.ctx, "bulk"))
		if s := f.stats("bulk"); s.Waiting != 0 || s.Running != 1 {
			t.Errorf("stats %+v after purge, want 1 running", s)
		}
		if s := f.stats("interactive"); s.Waiting != 1 {
			t.Errorf("stats %+v of the other queue, want 1 waiting", s)
		}
		if f.enqueue(waiting) || f.enqueue(running) {
			t.Error("a purged name was added again at once")
		}
		close(release)
		f.settle()
		if f.Clock != nil {
			f.advance(time.Hour)
		}
		f.expect(1) // what ran failed and is not retried
		f.add(queue.Task{Queue: "bulk", Kind: "later"})
		f.await(2)
	}},
	{"close waits", func(t *testing.T, open Opener) {
		f := setup(t, open)
		closed := make(chan error, 1)
		f.answer(func(w http.ResponseWriter, c call) {
			go func() { closed <- f.Queue.Close(f.ctx) }()
			// A worker that is still at it may enqueue; each call is a while for a Close that does not wait.
			for range 20 {
				if _, err := f.Queue.Enqueue(f.ctx, queue.Task{Queue: "bulk", Kind: "chunk", Delay: time.Minute}); err != nil {
					t.Errorf("Enqueue by a worker while closing: %v", err)
				}
			}
			select {
			case err := <-closed:
				t.Errorf("Close returned (%v) while a delivery was under way", err)
				closed <- err
			default:
			}
		})
		f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
		f.await(1)
		select {
		case err := <-closed:
			f.must(err)
		case <-f.ctx.Done():
			t.Fatal(f.ctx.Err())
		}
		if _, err := f.Queue.Enqueue(f.ctx, queue.Task{Queue: "bulk", Kind: "chunk"}); !errors.Is(err, queue.ErrUnavailable) {
			t.Errorf("Enqueue after Close: %v, want ErrUnavailable", err)
		}
		if err := f.Queue.Ping(f.ctx); !errors.Is(err, queue.ErrUnavailable) {
			t.Errorf("Ping after Close: %v, want ErrUnavailable", err)
		}
		if _, err := f.Queue.Stats(f.ctx, "bulk"); !errors.Is(err, queue.ErrUnavailable) {
			t.Errorf("Stats after Close: %v, want ErrUnavailable", err)
		}
		f.must(f.Queue.Close(f.ctx)) // a second time: nothing to do
	}},
	{"close does not wait longer than it may", func(t *testing.T, open Opener) {
		f := setup(t, open)
		if f.Reopen == nil {
			t.Skip("the queue's state is not this process's")
		}
		f.answer(hang)
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"})
		f.await(1)
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		if err := f.Queue.Close(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Close with an ended context: %v, want its error", err)
		}
		f.answer(nil)
		f.again(f.Reopen)
		if c := f.await(2)[1]; c.Attempt != 1 {
			t.Errorf("delivered again as attempt %d, want 1", c.Attempt)
		}
	}},
}
