package queuetest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rowsmith/tasks/queue"
)

var deliveryTests = []test{
	{"exactly what was enqueued", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk"}, queue.Settings{Name: "interactive-2"})
		body := []byte("{\"job\":\"J1\",\"n\":7}\n\x00\xff \u00e9")
		task := queue.Task{Queue: "interactive-2", Kind: "chunk-v2", Name: "chunk-J1_00012", Gen: 3, Body: body}
		f.add(task)
		c := f.await(1)[0]
		if c.err != nil {
			t.Fatalf("not a delivery: %v", c.err)
		}
		if c.request.Method != http.MethodPost || c.request.URL.Path != queue.Path+"chunk-v2" {
			t.Errorf("%s %s, want POST %s", c.request.Method, c.request.URL.Path, queue.Path+"chunk-v2")
		}
		if got := c.request.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type %q", got)
		}
		if !bytes.Equal(c.Body, body) || c.Kind != task.Kind || c.Queue != task.Queue || c.ID != task.ID() || c.Attempt != 0 || c.Answered != 0 {
			t.Errorf("delivered %+v of task %+v", c.Delivery, task)
		}
		f.settle()
		f.expect(1)
		if s := f.stats("interactive-2"); s.Waiting != 0 || s.Running != 0 || !s.Oldest.IsZero() {
			t.Errorf("stats %+v after the only delivery, want nothing", s)
		}
	}},
	{"empty body and no name", func(t *testing.T, open Opener) {
		f := setup(t, open)
		for range 3 {
			f.add(queue.Task{Queue: "bulk", Kind: "tick"})
		}
		ids := map[string]bool{}
		for _, c := range f.await(3) {
			if _, _, named := queue.ParseID(c.Queue, c.ID); c.err != nil || len(c.Body) != 0 || named {
				t.Errorf("delivered %+v, error %v", c.Delivery, c.err)
			}
			ids[c.ID] = true
		}
		if len(ids) != 3 {
			t.Errorf("%d different ids, want 3", len(ids))
		}
	}},
	{"largest body", func(t *testing.T, open Opener) {
		f := setup(t, open)
		body := bytes.Repeat([]byte("x"), queue.MaxBody)
		f.add(queue.Task{Queue: "bulk", Kind: "chunk", Body: body})
		if c := f.await(1)[0]; c.err != nil || !bytes.Equal(c.Body, body) {
			t.Errorf("delivered %d bytes, error %v", len(c.Body), c.err)
		}
	}},
	{"longest name", func(t *testing.T, open Opener) {
		f := setup(t, open)
		task := queue.Task{Queue: "bulk", Kind: "chunk", Name: strings.Repeat("n", queue.MaxName), Gen: 1 << 40}
		f.add(task)
		if c := f.await(1)[0]; c.err != nil || c.ID != task.ID() {
			t.Errorf("delivered id %q, error %v", c.ID, c.err)
		}
	}},
	{"every task at least once", func(t *testing.T, open Opener) {
		f := setup(t, open, queue.Settings{Name: "bulk", Burst: 500}, queue.Settings{Name: "interactive", Burst: 500})
		const each = 100
		var all sync.WaitGroup
		for _, name := range []string{"bulk", "interactive"} {
			for half := range 2 {
				all.Go(func() {
					for i := range each / 2 {
						body := fmt.Sprintf("%s-%d-%d", name, half, i)
						if added, err := f.Queue.Enqueue(f.ctx, queue.Task{Queue: name, Kind: "chunk", Body: []byte(body)}); err != nil || !added {
							t.Errorf("Enqueue: added %v, error %v", added, err)
						}
					}
				})
			}
		}
		all.Wait()
		f.await(2 * each)
		f.settle()
		seen := map[string]int{}
		for _, c := range f.calls() {
			seen[c.Queue+" "+string(c.Body)]++
		}
		if len(seen) != 2*each {
			t.Errorf("%d different tasks delivered, want %d", len(seen), 2*each)
		}
	}},
	{"not before it is due", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.clocked()
		due := f.Clock.Now().Add(time.Minute)
		f.add(queue.Task{Queue: "bulk", Kind: "at", At: due})
		f.add(queue.Task{Queue: "bulk", Kind: "delay", Delay: 2 * time.Minute})
		f.add(queue.Task{Queue: "bulk", Kind: "past", At: due.Add(-time.Hour)})
		f.settle()
		f.expect(1)
		if s := f.stats("bulk"); s.Waiting != 2 || !s.Oldest.Equal(due.Truncate(time.Microsecond)) {
			t.Errorf("stats %+v, want 2 waiting, the oldest %v", s, due)
		}
		f.advance(59 * time.Second)
		f.expect(1)
		f.advance(time.Second)
		f.expect(2)
		f.advance(59 * time.Second)
		f.expect(2)
		f.advance(time.Second)
		calls := f.expect(3)
		for i, kind := range []string{"past", "at", "delay"} {
			if calls[i].Kind != kind {
				t.Errorf("delivery %d is of kind %q, want %q", i, calls[i].Kind, kind)
			}
		}
		if got := calls[1].Due; !got.Equal(due.Truncate(time.Microsecond)) {
			t.Errorf("delivered with due time %v, want %v", got, due)
		}
	}},
	{"as far ahead as can be", func(t *testing.T, open Opener) {
		f := setup(t, open)
		f.clocked()
		f.add(queue.Task{Queue: "bulk", Kind: "at", At: f.Clock.Now().Add(queue.MaxAhead)})
		f.add(queue.Task{Queue: "bulk", Kind: "delay", Delay: queue.MaxAhead})
		for _, task := range []queue.Task{
			{Queue: "bulk", Kind: "at", At: f.Clock.Now().Add(queue.MaxAhead + time.Nanosecond)},
			{Queue: "bulk", Kind: "delay", Delay: queue.MaxAhead + time.Nanosecond},
		} {
			if added, err := f.Queue.Enqueue(f.ctx, task); added || !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("%s over MaxAhead: added %v, error %v, want ErrInvalid", task.Kind, added, err)
			}
		}
		f.advance(queue.MaxAhead - time.Second)
		f.expect(0)
		f.advance(time.Second)
		f.expect(2)
	}},
	{"refuses what breaks the contract", func(t *testing.T, open Opener) {
		f := setup(t, open)
		ok := queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"}
		for what, change := range map[string]func(*queue.Task){
			"no queue":            func(t *queue.Task) { t.Queue = "" },
			"unknown queue":       func(t *queue.Task) { t.Queue = "other" },
			"bad queue":           func(t *queue.Task) { t.Queue = "bulk/../x" },
			"no kind":             func(t *queue.Task) { t.Kind = "" },
			"capital in kind":     func(t *queue.Task) { t.Kind = "Chunk" },
			"digit first in kind": func(t *queue.Task) { t.Kind = "1chunk" },
			"slash in kind":       func(t *queue.Task) { t.Kind = "a/b" },
			"kind goes up":        func(t *queue.Task) { t.Kind = ".." },
			"underscore in kind":  func(t *queue.Task) { t.Kind = "a_b" },
			"slash in name":       func(t *queue.Task) { t.Name = "a/b" },
			"dot in name":         func(t *queue.Task) { t.Name = "a.b" },
			"blank in name":       func(t *queue.Task) { t.Name = "a b" },
			"newline in name":     func(t *queue.Task) { t.Name = "a\n" },
			"umlaut in name":      func(t *queue.Task) { t.Name = "\u00fc" },
			"name too long":       func(t *queue.Task) { t.Name = strings.Repeat("n", queue.MaxName+1) },
			"negative generation": func(t *queue.Task) { t.Gen = -1 },
			"generation, no name": func(t *queue.Task) { t.Name, t.Gen = "", 1 },
			"body too large":      func(t *queue.Task) { t.Body = make([]byte, queue.MaxBody+1) },
			"negative delay":      func(t *queue.Task) { t.Delay = -1 },
			"time and delay":      func(t *queue.Task) { t.Delay, t.At = 1, time.Unix(1, 0) },
		} {
			task := ok
			change(&task)
			if added, err := f.Queue.Enqueue(f.ctx, task); added || !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("%s: added %v, error %v, want ErrInvalid", what, added, err)
			}
		}
		f.settle()
		f.expect(0)
		f.add(ok) // none of them took the name
		f.await(1)
	}},
	{"unknown queue", func(t *testing.T, open Opener) {
		f := setup(t, open)
		_, statsErr := f.Queue.Stats(f.ctx, "other")
		for what, err := range map[string]error{
			"Pause":  f.Queue.Pause(f.ctx, "other"),
			"Resume": f.Queue.Resume(f.ctx, "other"),
			"Purge":  f.Queue.Purge(f.ctx, "other"),
			"Stats":  statsErr,
		} {
			if !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("%s of an unknown queue: %v, want ErrInvalid", what, err)
			}
		}
		f.must(f.Queue.Ping(f.ctx))
	}},
	{"a caller that has given up", func(t *testing.T, open Opener) {
		f := setup(t, open)
		ctx, cancel := contextWithCancel(f)
		cancel()
		if _, err := f.Queue.Enqueue(ctx, queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"}); !errors.Is(err, queue.ErrUnavailable) {
			t.Errorf("Enqueue with an ended context: %v, want ErrUnavailable", err)
		}
		f.enqueue(queue.Task{Queue: "bulk", Kind: "chunk", Name: "n"}) // safe to repeat
		f.await(1)
		f.settle()
		f.expect(1)
	}},
}
