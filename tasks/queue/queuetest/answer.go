package queuetest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"rowsmith/tasks/queue"
)

// work has the fixture's worker answer as queue.Handler does. The statuses that it gave are sent to the channel.
func (f *fixture) work(work func(context.Context, queue.Delivery) queue.Answer) {
	// The delivery has been read already: what the handler is given is the request made anew.
	f.answer(func(w http.ResponseWriter, c call) {
		r, err := c.Delivery.Request(c.request.Context(), f.url)
		if err != nil {
			f.t.Errorf("make request: %v", err)
			return
		}
		queue.Handler(f.Queue, slog.New(slog.DiscardHandler), work).ServeHTTP(w, r)
	})
}

// replay delivers once more what was delivered, as a queue that delivers at least once may. It returns the status.
func (f *fixture) replay(d queue.Delivery) int {
	f.t.Helper()
	r, err := d.Request(f.ctx, f.url)
	f.must(err)
	resp, err := http.DefaultClient.Do(r)
	f.must(err)
	resp.Body.Close()
	return resp.StatusCode
}

var answerTests = []test{
	{"done, drop, again, panic", func(t *testing.T, open Opener) {
		for _, c := range []struct {
			name  string
			work  func(context.Context, queue.Delivery) queue.Answer
			tries int
		}{
			{"done", func(context.Context, queue.Delivery) queue.Answer { return queue.Done() }, 1},
			{"drop", func(context.Context, queue.Delivery) queue.Answer { return queue.Drop("no such job") }, 1},
			{"again", func(_ context.Context, d queue.Delivery) queue.Answer {
				if d.Attempt < 2 {
					return queue.Again(errors.New("not yet"))
				}
				return queue.Done()
			}, 3},
			{"panic", func(_ context.Context, d queue.Delivery) queue.Answer {
				if d.Attempt < 1 {
					panic("oh")
				}
				return queue.Done()
			}, 2},
		} {
			t.Run(c.name, func(t *testing.T) {
				f := setup(t, open, queue.Settings{Name: "bulk", MinBackoff: time.Second})
				f.clocked()
				f.work(c.work)
				f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"})
				for range 5 {
					f.settle()
					f.Clock.Advance(time.Minute)
				}
				f.settle()
				f.expect(c.tries)
				if s := f.stats("bulk"); s.Waiting+s.Running != 0 {
					t.Errorf("stats %+v, want nothing left", s)
				}
			})
		}
	}},
	{"after, and after again", func(t *testing.T, open Opener) {
		for _, name := range []string{"n", ""} {
			t.Run("name "+name, func(t *testing.T) {
				f := setup(t, open)
				f.clocked()
				f.work(func(_ context.Context, d queue.Delivery) queue.Answer {
					if len(f.calls()) < 4 {
						return queue.After(time.Minute)
					}
					return queue.Done()
				})
				f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: name, Body: []byte("body")})
				f.settle()
				for n := 1; n < 4; n++ {
					f.expect(n)
					f.advance(59 * time.Second)
					f.expect(n)
					f.advance(time.Second)
				}
				ids := map[string]bool{}
				for _, c := range f.expect(4) {
					if string(c.Body) != "body" || c.Kind != "chunk" || c.Attempt != 0 {
						t.Errorf("delivered %+v", c.Delivery)
					}
					ids[c.ID] = true
				}
				if len(ids) != 4 {
					t.Errorf("%d different ids, want 4", len(ids))
				}
				f.advance(time.Hour)
				f.expect(4)
			})
		}
	}},
	{"one successor of two deliveries", func(t *testing.T, open Opener) {
		for _, name := range []string{"n", ""} {
			t.Run("name "+name, func(t *testing.T) {
				f := setup(t, open)
				f.clocked()
				var first string
				f.work(func(_ context.Context, d queue.Delivery) queue.Answer {
					if first == "" || d.ID == first {
						first = d.ID
						return queue.After(time.Minute)
					}
					return queue.Done()
				})
				f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: name})
				f.settle()
				d := f.expect(1)[0].Delivery
				if code := f.replay(d); code != http.StatusOK {
					t.Errorf("second delivery answered %d, want 200", code)
				}
				if s := f.stats("bulk"); s.Waiting != 1 {
					t.Errorf("stats %+v, want one successor", s)
				}
				f.advance(time.Minute)
				f.expect(3)
				f.replay(d) // the successor has finished
				f.advance(time.Hour - time.Minute - time.Second)
				f.expect(4)
			})
		}
	}},
	{"a successor is no one's generation", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.clocked()
		f.work(func(_ context.Context, d queue.Delivery) queue.Answer {
			if len(f.calls()) == 2 { // the older generation, delivered late
				return queue.After(time.Minute)
			}
			return queue.Done()
		})
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "n", Gen: 1}) // someone raised it
		f.settle()
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "n", Gen: 0})
		f.settle()
		f.expect(2)
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Name: "n", Gen: 2})
		f.settle()
		f.expect(3)
		f.advance(time.Minute)
		f.expect(4) // neither swallowed the other
	}},
	{"the work ends with the delivery", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk", Deadline: deadline, MinBackoff: time.Second})
		f.clocked()
		ended := make(chan error, 1)
		f.work(func(ctx context.Context, d queue.Delivery) queue.Answer {
			if d.Attempt > 0 {
				return queue.Done()
			}
			<-ctx.Done()
			ended <- ctx.Err()
			return queue.Again(ctx.Err())
		})
		f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
		f.await(1)
		f.Clock.Advance(deadline)
		select {
		case <-ended:
		case <-f.ctx.Done():
			t.Fatal("the context of the work did not end")
		}
		f.settle()
		f.advance(time.Second)
		f.expect(2)
	}},
}
