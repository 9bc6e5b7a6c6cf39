package queuetest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"rowsmith/tasks/queue"
)

// A call is one delivery as it arrived.
type call struct {
	queue.Delivery
	request *http.Request // its body is in Delivery
	err     error         // why it was not a delivery
}

// A worker is the suite's end of the wire: it records every delivery before it answers.
type worker struct {
	url string

	mu      sync.Mutex
	got     []call
	running map[string]int // calls of a queue being answered
	most    map[string]int // the most of a queue at once
	changed chan struct{}
	respond func(w http.ResponseWriter, c call)
}

func newWorker(t *testing.T) *worker {
	k := &worker{changed: make(chan struct{}), running: map[string]int{}, most: map[string]int{}}
	s := httptest.NewServer(k)
	t.Cleanup(func() {
		s.CloseClientConnections() // lets go handlers that hang
		s.Close()
	})
	k.url = s.URL
	return k
}

// answer sets what later deliveries are answered; nil: 200.
func (k *worker) answer(respond func(w http.ResponseWriter, c call)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.respond = respond
}

// ServeHTTP records and answers.
func (k *worker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := call{request: r}
	c.Delivery, c.err = queue.ReadDelivery(r)
	k.mu.Lock()
	k.got = append(k.got, c)
	k.running[c.Queue]++
	k.most[c.Queue] = max(k.most[c.Queue], k.running[c.Queue])
	respond := k.respond
	close(k.changed)
	k.changed = make(chan struct{})
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		k.running[c.Queue]--
		k.mu.Unlock()
	}()
	if respond != nil {
		respond(w, c)
	}
}

// calls are the deliveries so far.
func (k *worker) calls() []call {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.got[:len(k.got):len(k.got)]
}

// await waits until there are n.
func (k *worker) await(ctx context.Context, n int) ([]call, error) {
	for {
		k.mu.Lock()
		got, changed := k.got[:len(k.got):len(k.got)], k.changed
		k.mu.Unlock()
		if len(got) >= n {
			return got, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return got, ctx.Err()
		}
	}
}

// mostAtOnce is the largest number of a queue's deliveries that were under way together.
func (k *worker) mostAtOnce(queue string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.most[queue]
}

// status answers with a status.
func status(code int) func(http.ResponseWriter, call) {
	return func(w http.ResponseWriter, _ call) { w.WriteHeader(code) }
}

// hang does not answer until the caller gives up.
func hang(_ http.ResponseWriter, c call) { <-c.request.Context().Done() }

// hangUp closes the connection without an answer.
func hangUp(http.ResponseWriter, call) { panic(http.ErrAbortHandler) }
