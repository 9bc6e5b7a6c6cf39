package queuetest

import (
	"net/http"
	"testing"
	"time"

	"rowsmith/tasks/queue"
)

var durableTests = []test{
	{"what waits is kept", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.clocked()
		task := queue.Task{Queue: "bulk", Kind: "chunk", Name: "n", Gen: 2, Body: []byte("body"), At: f.Clock.Now().Add(time.Minute)}
		f.add(task)
		before := f.stats("bulk")
		f.again(f.Reopen)
		if s := f.stats("bulk"); s != before {
			t.Errorf("stats %+v after reopening, were %+v", s, before)
		}
		if f.enqueue(task) {
			t.Error("the name was forgotten")
		}
		f.settle()
		f.expect(0)
		f.advance(time.Minute)
		if c := f.expect(1)[0]; c.ID != task.ID() || string(c.Body) != "body" || c.Kind != "chunk" || c.Attempt != 0 {
			t.Errorf("delivered %+v", c.Delivery)
		}
		f.again(f.Reopen)
		f.settle()
		f.expect(1)
		if f.enqueue(task) {
			t.Error("the finished name was forgotten")
		}
	}},
	{"what became due meanwhile", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.clocked()
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Delay: time.Minute})
		f.must(f.Queue.Close(f.ctx))
		f.Clock.Advance(time.Hour)
		f.again(f.Reopen)
		f.await(1)
	}},
	{"attempts are counted on", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk", MinBackoff: time.Second, MaxBackoff: time.Second, MaxAttempts: 4})
		f.clocked()
		f.answer(status(404))
		f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
		f.settle()
		f.advance(time.Second)
		f.expect(2)
		f.again(f.Reopen)
		f.settle()
		f.expect(2) // the backoff goes on, too
		f.advance(time.Second)
		if c := f.expect(3)[2]; c.Attempt != 2 || c.Answered != 2 {
			t.Errorf("delivery says attempt %d, answered %d, want 2 and 2", c.Attempt, c.Answered)
		}
		f.again(f.Reopen)
		for range 5 {
			f.advance(time.Second)
		}
		f.expect(4)
	}},
	{"crash in the middle of a delivery", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.answer(hang)
		task := queue.Task{Queue: "bulk", Kind: "chunk", Name: "n", Body: []byte("body")}
		f.add(task)
		f.await(1)
		f.again(f.Crash)
		c := f.await(2)[1] // at once, though no time has passed
		if c.ID != task.ID() || string(c.Body) != "body" || c.Attempt != 1 {
			t.Errorf("delivered again: %+v", c.Delivery)
		}
		if f.enqueue(task) {
			t.Error("the name was forgotten")
		}
		f.answer(nil)
		f.again(f.Crash)
		f.await(3)
		f.settle()
		if s := f.stats("bulk"); s.Waiting+s.Running != 0 {
			t.Errorf("stats %+v, want nothing left", s)
		}
	}},
	{"crash of many", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk", Burst: 500, MaxConcurrent: 10})
		f.answer(hang)
		const tasks = 30
		for i := range tasks {
			f.add(queue.Task{Queue: "bulk", Kind: "chunk", Body: []byte{byte(i)}})
		}
		f.await(10)
		f.answer(nil)
		f.again(f.Crash)
		f.await(tasks + 10)
		f.settle()
		seen := map[byte]int{}
		for _, c := range f.expect(tasks + 10) {
			seen[c.Body[0]]++
		}
		if len(seen) != tasks {
			t.Errorf("%d of %d tasks delivered", len(seen), tasks)
		}
	}},
	{"a task that kills its process", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk", MaxAttempts: 2})
		f.answer(hang)
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"})
		f.await(1)
		f.again(f.Crash)
		f.await(2)
		f.again(f.Crash)
		f.settle()
		f.expect(2)
		if s := f.stats("bulk"); s.Waiting+s.Running != 0 {
			t.Errorf("stats %+v after the last attempt, want nothing", s)
		}
	}},
	{"purged while it ran, then a crash", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.answer(func(w http.ResponseWriter, c call) {
			if c.Kind == "chunk" {
				hang(w, c)
			}
		})
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"})
		f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
		f.await(2)
		f.must(f.Queue.Purge(f.ctx, "bulk"))
		f.again(f.Crash)
		f.add(queue.Task{Queue: "bulk", Kind: "later"})
		f.await(3)
		f.settle()
		f.expect(3)
	}},
}
