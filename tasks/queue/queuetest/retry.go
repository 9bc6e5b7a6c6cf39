package queuetest

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"rowsmith/tasks/queue"
)

func contextWithCancel(f *fixture) (context.Context, context.CancelFunc) {
	return context.WithCancel(f.ctx)
}

// deadline is the shortest that Cloud Tasks takes.
const deadline = 15 * time.Second

var retryTests = []test{
	{"whatever is not 2xx", func(t *testing.T, open Opener) {
		for _, c := range []struct {
			name     string
			respond  func(http.ResponseWriter, call)
			answered int // what the next attempt says of this one
		}{
			{"500", status(500), 0},
			{"503", status(503), 0},
			{"429", status(429), 1},
			{"404", status(404), 1},
			{"redirect", func(w http.ResponseWriter, c call) {
				http.Redirect(w, c.request, "/internal/tasks/elsewhere", http.StatusTemporaryRedirect)
			}, 1},
			{"see other", func(w http.ResponseWriter, c call) {
				http.Redirect(w, c.request, "/internal/tasks/elsewhere", http.StatusSeeOther)
			}, 1},
			{"closed connection", hangUp, 0},
			{"no answer before the deadline", hang, 0},
		} {
			t.Run(c.name, func(t *testing.T) {
				f := setup(t, open, queue.Settings{Name: "bulk", MinBackoff: time.Second, Deadline: deadline})
				f.clocked()
				f.answer(c.respond)
				task := queue.Task{Queue: "bulk", Kind: "chunk", Name: "n", Body: []byte("{}")}
				f.add(task)
				f.await(1)
				if c.name == "no answer before the deadline" {
					f.Clock.Advance(deadline)
				}
				f.settle()
				f.expect(1)
				if s := f.stats("bulk"); s.Waiting != 1 || s.Running != 0 {
					t.Errorf("stats %+v after a failure, want 1 waiting", s)
				}
				f.answer(nil)
				f.advance(time.Second)
				got := f.expect(2)[1]
				if got.ID != task.ID() || string(got.Body) != "{}" || got.Kind != "chunk" || got.Attempt != 1 || got.Answered != c.answered {
					t.Errorf("second delivery %+v", got.Delivery)
				}
				f.advance(time.Hour)
				f.expect(2)
			})
		}
	}},
	{"2xx is success", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.answer(func(w http.ResponseWriter, c call) {
			var code int
			fmt.Sscan(string(c.Body), &code)
			w.WriteHeader(code)
		})
		codes := []int{200, 201, 202, 204, 299}
		for _, code := range codes {
			f.add(queue.Task{Queue: "bulk", Kind: "chunk", Body: fmt.Append(nil, code)})
		}
		f.await(len(codes))
		f.settle()
		f.expect(len(codes))
		if s := f.stats("bulk"); s.Waiting+s.Running != 0 {
			t.Errorf("stats %+v, want nothing left", s)
		}
	}},
	{"a success with an endless body", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.answer(func(w http.ResponseWriter, c call) {
			for c.request.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		})
		f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
		f.await(1)
		f.settle()
		if s := f.stats("bulk"); s.Waiting+s.Running != 0 {
			t.Errorf("stats %+v, want nothing left", s)
		}
	}},
	{"intervals grow and are capped", func(t *testing.T, open Opener) {
		// Cloud Tasks' own example, see queue.Settings.Backoff.
		s := queue.Settings{Name: "bulk", MinBackoff: 10 * time.Second, MaxBackoff: 300 * time.Second, MaxDoublings: 3, MaxAttempts: -1}
		f := setup(t, open, s)
		f.clocked()
		f.answer(status(500))
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"})
		f.settle()
		f.expect(1)
		for i, seconds := range []time.Duration{10, 20, 40, 80, 160, 240, 300, 300, 300} {
			failed := f.Clock.Now()
			most := seconds * time.Second
			least := most - most/4 // the most that jitter takes
			f.advance(least - time.Millisecond)
			f.expect(1 + i)
			f.advance(most - least + time.Millisecond)
			c := f.expect(2 + i)[1+i]
			if c.Attempt != 1+i {
				t.Errorf("delivery %d says attempt %d", 1+i, c.Attempt)
			}
			if after := c.Due.Sub(failed); after < least-time.Millisecond || after > most {
				t.Errorf("retry %d was due %v after the failure, want %v to %v", i, after, least, most)
			}
		}
	}},
	{"retries do not come together", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk", MinBackoff: time.Minute, Burst: 500})
		f.clocked()
		f.answer(status(500))
		for range 20 {
			f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
		}
		f.settle()
		f.expect(20)
		f.answer(nil)
		f.advance(time.Minute)
		due := map[time.Time]bool{}
		for _, c := range f.expect(40)[20:] {
			due[c.Due] = true
		}
		if len(due) < 2 {
			t.Skip("this queue has no jitter") // Cloud Tasks promises none
		}
	}},
	{"the last attempt", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk", MinBackoff: time.Second, MaxAttempts: 3})
		f.clocked()
		f.answer(status(500))
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"})
		for range 5 {
			f.settle()
			f.Clock.Advance(10 * time.Second)
		}
		f.settle()
		f.expect(3)
		if s := f.stats("bulk"); s.Waiting+s.Running != 0 {
			t.Errorf("stats %+v after the last attempt, want nothing", s)
		}
		if f.enqueue(queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"}) {
			t.Error("the name of a task that was given up did not dedupe")
		}
	}},
	{"a failing task does not hold up others", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk", MaxConcurrent: 1, MinBackoff: time.Hour})
		f.answer(func(w http.ResponseWriter, c call) {
			if c.Kind == "bad" {
				w.WriteHeader(500)
			}
		})
		f.add(queue.Task{Queue: "bulk", Kind: "bad"})
		f.await(1)
		for range 5 {
			f.add(queue.Task{Queue: "bulk", Kind: "good"})
		}
		f.await(6)
	}},
}
