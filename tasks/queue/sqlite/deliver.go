package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"rowsmith/tasks/queue"
)

// A target is the worker's end of the wire.
type target struct {
	base   string
	client *http.Client
	own    *http.Transport // nil when the caller brought a client
}

func newTarget(base string, client *http.Client) *target {
	t := &target{base: base}
	if client == nil {
		// No proxy: the worker is the program itself. As many idle connections as
		// deliveries usually run, so that a busy queue does not dial for each.
		t.own = &http.Transport{
			MaxIdleConnsPerHost: 256,
			IdleConnTimeout:     time.Minute,
			DisableCompression:  true,
		}
		client = &http.Client{Transport: t.own}
	}
	c := *client
	c.Jar, c.Timeout = nil, 0 // the queue's deadline is the only one
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.client = &c
	return t
}

func (t *target) close() {
	if t.own != nil {
		t.own.CloseIdleConnections()
	}
}

// A claimed task is one that the loop has marked as running.
type claimed struct {
	lane     *lane
	seq      int64
	named    bool
	delivery queue.Delivery
}

// An outcome is how a delivery ended.
type outcome struct {
	claimed
	status int
	err    error
	cut    bool // Close did not wait
}

var errDeadline = errors.New("no answer before the deadline")

// maxAnswer is how much of an answer's body is read so that the connection can be used again.
const maxAnswer = 64 << 10

// deliver posts a task and hands the outcome to the loop.
func (q *Queue) deliver(t *target, c claimed) {
	defer q.deliveries.Done()
	// The deadline is the clock's, and not in the context: a dialler compares it with the machine's clock.
	ctx, cancel := context.WithCancelCause(q.delivering)
	timer := q.clock.AfterFunc(c.lane.settings.Deadline, func() { cancel(errDeadline) })
	status, err := q.post(ctx, t, c.delivery)
	timer.Stop()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	cancel(nil)

	q.mu.Lock()
	defer q.mu.Unlock()
	q.outcomes = append(q.outcomes, outcome{claimed: c, status: status, err: err, cut: errors.Is(err, errCutOff)})
	q.nudge()
}

// post returns the status of the answer, or 0 and why there is none.
func (q *Queue) post(ctx context.Context, t *target, d queue.Delivery) (int, error) {
	r, err := d.Request(ctx, t.base)
	if err != nil {
		return 0, err
	}
	if q.cfg.Authorize != nil {
		if err := q.cfg.Authorize(r); err != nil {
			return 0, fmt.Errorf("authorize delivery: %w", err)
		}
	}
	resp, err := t.client.Do(r)
	if err != nil {
		return 0, err
	}
	// The status is the answer; a body that breaks off changes nothing.
	io.CopyN(io.Discard, resp.Body, maxAnswer)
	resp.Body.Close()
	return resp.StatusCode, nil
}

func (o outcome) succeeded() bool { return o.status >= 200 && o.status < 300 }

// answered reports whether the attempt counts as answered in Cloud Tasks' sense.
func (o outcome) answered() bool { return o.status != 0 && o.status < 500 }
