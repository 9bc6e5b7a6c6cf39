package queuetest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"rowsmith/tasks/queue"
)

var paceTests = []test{
	{"rate", func(t *testing.T, open Opener) {
		for _, c := range []struct {
			rate  float64
			burst int
			step  time.Duration
		}{
			{rate: 4, burst: 1, step: 50 * time.Millisecond},
			{rate: 10, burst: 5, step: 20 * time.Millisecond},
			{rate: 0.1, burst: 1, step: 2 * time.Second},
			{rate: 0.3, burst: 2, step: 500 * time.Millisecond},
		} {
			t.Run(fmt.Sprintf("%v a second, burst %d", c.rate, c.burst), func(t *testing.T) {
				f := setup(t, open, queue.Settings{Name: "bulk", RatePerSecond: c.rate, Burst: c.burst})
				f.clocked()
				const tasks = 12
				for range tasks {
					f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
				}
				f.settle()
				begin := f.Clock.Now()
				for {
					n := len(f.calls())
					allowed := float64(c.burst) + c.rate*f.Clock.Now().Sub(begin).Seconds()
					if float64(n) > allowed+1e-6 {
						t.Fatalf("%d deliveries after %v, at most %.2f allowed", n, f.Clock.Now().Sub(begin), allowed)
					}
					if float64(n) < min(allowed-1.1, tasks) {
						t.Fatalf("%d deliveries after %v, %.2f allowed", n, f.Clock.Now().Sub(begin), allowed)
					}
					if n == tasks {
						break
					}
					f.advance(c.step)
				}
				// A rest fills the bucket again, and no further than its size.
				f.advance(time.Hour)
				for range tasks {
					f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
				}
				f.settle()
				f.expect(tasks + c.burst)
			})
		}
	}},
	{"retries count for the rate", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk", RatePerSecond: 0.1, Burst: 1, MinBackoff: time.Second, MaxBackoff: time.Second})
		f.clocked()
		f.answer(status(500))
		f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
		f.settle()
		f.expect(1)
		f.advance(9 * time.Second)
		f.expect(1)
		f.advance(time.Second)
		f.expect(2)
	}},
	{"concurrency", func(t *testing.T, open Opener) {
		const most, tasks = 3, 20
		f := setup(t, open, queue.Settings{Name: "bulk", MaxConcurrent: most}, queue.Settings{Name: "canary"})
		release := make(chan struct{})
		f.answer(func(_ http.ResponseWriter, c call) {
			if c.Queue == "bulk" {
				select {
				case <-release:
				case <-f.ctx.Done():
				}
			}
		})
		for range tasks {
			f.add(queue.Task{Queue: "bulk", Kind: "chunk"})
		}
		f.await(most)
		canaries := 0
		for done := range tasks {
			// What the other queue delivers shows that this one was looked at again.
			f.add(queue.Task{Queue: "canary", Kind: "canary"})
			canaries++
			running := min(most, tasks-done)
			f.await(done + running + canaries)
			if s := f.stats("bulk"); s.Running > most {
				t.Fatalf("stats %+v after %d of %d, at most %d at once", s, done, tasks, most)
			}
			select {
			case release <- struct{}{}:
			case <-f.ctx.Done():
				t.Fatal(f.ctx.Err())
			}
		}
		f.settle()
		f.expect(tasks + canaries)
		if got := f.mostAtOnce("bulk"); got > most {
			t.Errorf("%d deliveries at once, at most %d allowed", got, most)
		}
	}},
	{"one slow queue does not delay another", func(t *testing.T, open Opener) {
		f := setup(t, open,
			queue.Settings{Name: "slow", MaxConcurrent: 2}, queue.Settings{Name: "limited", RatePerSecond: 0.01, Burst: 1},
			queue.Settings{Name: "fast"})
		release := make(chan struct{})
		f.answer(func(_ http.ResponseWriter, c call) {
			if c.Queue == "slow" {
				<-release
			}
		})
		defer close(release)
		for range 10 {
			f.add(queue.Task{Queue: "slow", Kind: "chunk"})
			f.add(queue.Task{Queue: "limited", Kind: "chunk"})
		}
		f.await(3)
		for range 20 {
			f.add(queue.Task{Queue: "fast", Kind: "chunk"})
		}
		fast := 0
		for _, c := range f.await(23) {
			if c.Queue == "fast" {
				fast++
			}
		}
		if fast != 20 {
			t.Errorf("%d of 20 fast tasks delivered", fast)
		}
	}},
}
