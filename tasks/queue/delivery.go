package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Path is where workers are called, below their base URL; the kind of the task follows.
const Path = "/internal/tasks/"

// The headers of a delivery, as Cloud Tasks documents them
// (cloud.google.com/tasks/docs/creating-http-target-tasks, "Handler").
const (
	headerTask       = "X-CloudTasks-TaskName"
	headerQueue      = "X-CloudTasks-QueueName"
	headerRetries    = "X-CloudTasks-TaskRetryCount"
	headerExecutions = "X-CloudTasks-TaskExecutionCount"
	headerETA        = "X-CloudTasks-TaskETA"
)

// A Delivery is one attempt at a task, as the worker sees it. It is read from
// the request's headers, which Cloud Tasks documents as
//
//	X-CloudTasks-TaskName            the task's id
//	X-CloudTasks-QueueName
//	X-CloudTasks-TaskRetryCount      attempts before this one, answered or not
//	X-CloudTasks-TaskExecutionCount  attempts before this one that the worker answered, 5xx not counted
//	X-CloudTasks-TaskETA             due time, seconds since 1970 with fraction
//
// beside Content-Type application/json and User-Agent Google-Cloud-Tasks.
// They prove nothing about who is calling: that is the OIDC token's part.
type Delivery struct {
	Kind     string
	Queue    string
	ID       string    // of the task, see [Task.ID]
	Attempt  int       // 0 for the first delivery
	Answered int       // of the attempts before, those answered with another status than 5xx
	Due      time.Time // of this attempt: a retry is due later than the first
	Body     []byte
}

// Request is the request that delivers d to the worker at base (scheme, host and
// perhaps a path prefix, without a slash at its end).
func (d Delivery) Request(ctx context.Context, base string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(base, "/")+Path+d.Kind, bytes.NewReader(d.Body))
	if err != nil {
		return nil, fmt.Errorf("make request of task %q: %w", d.ID, err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Google-Cloud-Tasks")
	r.Header.Set(headerTask, d.ID)
	r.Header.Set(headerQueue, d.Queue)
	r.Header.Set(headerRetries, strconv.Itoa(d.Attempt))
	r.Header.Set(headerExecutions, strconv.Itoa(d.Answered))
	r.Header.Set(headerETA, fmt.Sprintf("%d.%06d", d.Due.Unix(), d.Due.Nanosecond()/1000))
	return r, nil
}

// errTooLarge: the body is over MaxBody.
var errTooLarge = errors.New("body too large")

// ReadDelivery reads a request that a queue made. The error is [ErrInvalid] when it is not one (headers
// missing or malformed, body over [MaxBody]), anything else when the body could not be read to its end.
func ReadDelivery(r *http.Request) (Delivery, error) {
	d := Delivery{
		Kind:  r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:],
		Queue: r.Header.Get(headerQueue),
		ID:    r.Header.Get(headerTask),
	}
	if !isSlug(d.Kind) {
		return d, fmt.Errorf("%w: the path does not end in a kind", ErrInvalid)
	}
	if !isQueueName(d.Queue) {
		return d, fmt.Errorf("%w: header %s: missing or not a queue's name", ErrInvalid, headerQueue)
	}
	if len(d.ID) == 0 || len(d.ID) > maxID || !isName(d.ID) {
		return d, fmt.Errorf("%w: header %s: missing or not a task's id", ErrInvalid, headerTask)
	}
	var err error
	if d.Attempt, err = readCount(r.Header, headerRetries); err != nil {
		return d, err
	}
	if d.Answered, err = readCount(r.Header, headerExecutions); err != nil {
		return d, err
	}
	if d.Due, err = readETA(r.Header.Get(headerETA)); err != nil {
		return d, err
	}
	if r.ContentLength > MaxBody {
		return d, fmt.Errorf("%w: %w", ErrInvalid, errTooLarge)
	}
	if r.Body != nil {
		if d.Body, err = io.ReadAll(io.LimitReader(r.Body, MaxBody+1)); err != nil {
			return d, fmt.Errorf("read body of task %q: %w", d.ID, err)
		}
	}
	if len(d.Body) > MaxBody {
		return d, fmt.Errorf("%w: %w", ErrInvalid, errTooLarge)
	}
	return d, nil
}

// readCount reads a header that counts. The queue always sends it.
func readCount(h http.Header, name string) (int, error) {
	n, err := strconv.Atoi(h.Get(name))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%w: header %s: missing or not a count", ErrInvalid, name)
	}
	return n, nil
}

// readETA reads seconds since 1970 with up to nine digits of fraction, exactly:
// a float64 would lose the microseconds' last digits.
func readETA(s string) (time.Time, error) {
	whole, frac, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseUint(whole, 10, 40)
	nanos := uint64(0)
	if err == nil && frac != "" {
		nanos, err = strconv.ParseUint((frac + "000000000")[:9], 10, 32)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: header %s: missing or not a time", ErrInvalid, headerETA)
	}
	return time.Unix(int64(sec), int64(nanos)).UTC(), nil
}
