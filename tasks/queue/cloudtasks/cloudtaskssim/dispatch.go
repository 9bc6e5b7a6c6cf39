package cloudtaskssim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"rowsmith/tasks/queue"
)

// A dispatch is one delivery, with all that it needs: the task may change meanwhile.
type dispatch struct {
	lane     *lane
	task     *task
	epoch    int
	repeat   bool // its answer does not count
	life     context.Context
	request  *cloudtaskspb.HttpRequest // not changed after the task was created
	deadline time.Duration
	header   map[string]string
	attempt  int
}

// pump begins every delivery that may begin now, and sets the timer for the next. The lock is held.
func (s *Server) pump() {
	if s.stopped {
		return
	}
	for {
		now := s.clock.Now()
		next := time.Time{}
		for _, l := range s.lanes {
			at := s.run(l, now)
			if !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
		s.rearm(next)
		// A clock that was moved before the timer was set would ring too late.
		if next.IsZero() || s.clock.Now().Before(next) {
			return
		}
	}
}

// run begins a queue's deliveries and returns when the next may begin; zero: not by time alone.
func (s *Server) run(l *lane, now time.Time) time.Time {
	for l.pb.State == cloudtaskspb.Queue_RUNNING && len(l.waiting) > 0 && l.under < int(l.pb.RateLimits.MaxConcurrentDispatches) {
		t := l.waiting[0]
		switch {
		case t.due.After(now):
			if at := l.bucket.next(now); at.After(t.due) {
				return at
			}
			return t.due
		case now.Sub(t.pb.CreateTime.AsTime()) >= retention:
			s.remove(l, t, now, Event{What: Removed})
		case !l.bucket.take(now):
			return l.bucket.next(now)
		default:
			l.unwait(t)
			s.start(l, t, now)
		}
	}
	return time.Time{}
}

// rearm sets the one timer; zero: none. The lock is held.
func (s *Server) rearm(at time.Time) {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if at.IsZero() {
		return
	}
	s.timer = s.clock.AfterFunc(max(at.Sub(s.clock.Now()), time.Microsecond), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pump()
	})
}

// start begins an attempt at a task. The lock is held.
func (s *Server) start(l *lane, t *task, now time.Time) {
	p := t.pb
	d := dispatch{
		lane: l, task: t, epoch: s.epoch, life: s.life, request: p.GetHttpRequest(), deadline: 10 * time.Minute,
		attempt: int(p.DispatchCount),
		header: map[string]string{
			"X-CloudTasks-QueueName":          l.id(),
			"X-CloudTasks-TaskName":           t.id,
			"X-CloudTasks-TaskRetryCount":     strconv.Itoa(int(p.DispatchCount)),
			"X-CloudTasks-TaskExecutionCount": strconv.Itoa(t.answered),
			"X-CloudTasks-TaskETA":            fmt.Sprintf("%d.%06d", t.due.Unix(), t.due.Nanosecond()/1000),
		},
	}
	if p.DispatchDeadline != nil {
		d.deadline = p.DispatchDeadline.AsDuration().Truncate(time.Millisecond)
	}
	if t.previous != 0 {
		d.header["X-CloudTasks-TaskPreviousResponse"] = strconv.Itoa(t.previous)
	}
	if t.reason != "" {
		d.header["X-CloudTasks-TaskRetryReason"] = t.reason
	}
	sent := timestamppb.New(now.Truncate(time.Microsecond))
	if p.FirstAttempt == nil {
		p.FirstAttempt = &cloudtaskspb.Attempt{DispatchTime: sent}
		t.first = now
	}
	p.LastAttempt = &cloudtaskspb.Attempt{ScheduleTime: p.ScheduleTime, DispatchTime: sent}
	p.DispatchCount++
	t.under++
	e := Event{What: Started, Queue: l.id(), ID: t.id, Attempt: d.attempt, Due: t.due}
	s.observe(l, t.id, e)
	s.send(d)
	if s.double != nil {
		d.repeat = true
		for range s.double(e) {
			s.observe(l, t.id, Event{What: Repeated, Attempt: d.attempt, Due: t.due})
			s.send(d)
		}
	}
}

// send lets a delivery go. The lock is held.
func (s *Server) send(d dispatch) {
	d.lane.under++
	s.under++
	s.deliveries.Add(1)
	go func() {
		defer s.deliveries.Done()
		code, wait, err := s.deliver(d)
		s.finish(d, code, wait, err)
	}()
}

// maxAnswer is how much of an answer's body is read so that the connection can be used again.
const maxAnswer = 64 << 10

// deliver makes the request. It returns the status and what Retry-After asks for, or why there is none.
func (s *Server) deliver(d dispatch) (code int, wait time.Duration, err error) {
	// The deadline is the clock's, and not in the context: a dialler compares it with the machine's clock.
	ctx, cancel := context.WithCancelCause(d.life)
	defer cancel(nil)
	timer := s.clock.AfterFunc(d.deadline, func() { cancel(errDeadline) })
	defer timer.Stop()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	r, err := http.NewRequestWithContext(ctx, d.request.HttpMethod.String(), d.request.Url, bytes.NewReader(d.request.Body))
	if err != nil {
		return 0, 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	for k, v := range d.request.Headers {
		if c := http.CanonicalHeaderKey(k); !reserved(c) {
			r.Header.Set(c, v)
		}
	}
	r.Header.Set("User-Agent", "Google-Cloud-Tasks")
	for k, v := range d.header {
		r.Header.Set(k, v)
	}
	if o := d.request.GetOidcToken(); o != nil {
		audience := o.Audience
		if audience == "" {
			audience = d.request.Url
		}
		jwt, err := s.issuer.token(o.ServiceAccountEmail, audience)
		if err != nil {
			return 0, 0, err
		}
		r.Header.Set("Authorization", "Bearer "+jwt)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, 0, err
	}
	// The status is the answer; a body that breaks off changes nothing.
	io.CopyN(io.Discard, resp.Body, maxAnswer)
	resp.Body.Close()
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
		wait = time.Duration(min(n, 24*60*60)) * time.Second
	}
	return resp.StatusCode, wait, nil
}

// reserved reports whether Cloud Tasks ignores or replaces a task's own header of that name.
func reserved(name string) bool {
	switch name {
	case "Host", "Content-Length", "User-Agent":
		return true
	}
	for _, p := range []string{"X-Google-", "X-Appengine-", "X-Cloudtasks-"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// finish records how a delivery ended.
func (s *Server) finish(d dispatch, code int, wait time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.epoch != s.epoch {
		return // the service that made it has crashed
	}
	now := s.clock.Now()
	l, t := d.lane, d.task
	l.under--
	s.under--
	close(s.changed)
	s.changed = make(chan struct{})
	if !d.repeat {
		s.record(l, t, d.attempt, code, wait, err, now)
	}
	s.pump()
}

// record draws the consequences of an answer. The lock is held.
func (s *Server) record(l *lane, t *task, attempt, code int, wait time.Duration, err error, now time.Time) {
	t.under--
	switch {
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		l.slow = max(l.slow/2, 1.0/64)
		l.pace()
	case code/100 == 2 && l.slow < 1:
		l.slow = min(l.slow*1.5, 1)
		l.pace()
	}
	e := Event{Attempt: attempt, Status: code, Err: err}
	if l.tasks[t.id] != t {
		return // deleted meanwhile
	}
	if last := t.pb.LastAttempt; code != 0 {
		t.pb.ResponseCount++
		if t.under == 0 {
			last.ResponseTime = timestamppb.New(now.Truncate(time.Microsecond))
			last.ResponseStatus = rpcStatus(code)
		}
	} else if t.under == 0 {
		last.ResponseTime = timestamppb.New(now.Truncate(time.Microsecond))
		last.ResponseStatus = &rpcstatus.Status{Code: int32(codes.Unavailable), Message: "no response"}
		if errors.Is(err, errDeadline) {
			last.ResponseStatus = &rpcstatus.Status{Code: int32(codes.DeadlineExceeded), Message: err.Error()}
		}
	}
	if code != 0 && code < 500 {
		t.answered++
	}
	t.previous, t.reason = code, reason(code, err)
	if code/100 == 2 {
		e.What = Succeeded
		s.remove(l, t, now, e)
		return
	}
	if t.under > 0 {
		return // RunTask's attempt goes on; what follows is for the last to say
	}
	if errors.Is(err, errCutOff) {
		e.What = CutOff
		s.again(l, t, now, now, e)
		return
	}
	c := l.retries(t)
	retry := queue.Jittered(backoff(c, int(t.pb.DispatchCount)-1), s.cfg.Jitter())
	e.What = Failed
	s.again(l, t, now, now.Add(max(retry, wait)), e)
}

// again makes a task wait for its next attempt, unless that was the last.
func (s *Server) again(l *lane, t *task, now, due time.Time, e Event) {
	switch {
	case t.leaving:
		e.What = Removed
		s.remove(l, t, now, e)
	case exhausted(l.retries(t), t, now):
		e.What = GaveUp
		s.log.Warn("task given up", "queue", l.id(), "task", t.id, "url", t.url(), "attempts", t.pb.DispatchCount, "status", e.Status, "error", e.Err)
		s.remove(l, t, now, e)
	default:
		l.wait(t, due)
		e.Due = t.due
		s.log.Info("delivery failed", "queue", l.id(), "task", t.id, "url", t.url(), "attempt", e.Attempt, "status", e.Status, "error", e.Err, "next", e.Due)
		s.observe(l, t.id, e)
	}
}

// retries is what the task itself says on retries, otherwise what its queue says.
func (l *lane) retries(t *task) *cloudtaskspb.RetryConfig {
	if c := t.pb.RetryConfig; c != nil {
		return c
	}
	return l.pb.RetryConfig
}

// exhausted reports whether a task has used up its attempts: both limits, as far as they are set, must be reached.
func exhausted(c *cloudtaskspb.RetryConfig, t *task, now time.Time) bool {
	limit := c.GetMaxRetryDuration().AsDuration()
	if c.MaxAttempts <= 0 && limit <= 0 {
		return false
	}
	return (c.MaxAttempts <= 0 || t.pb.DispatchCount >= c.MaxAttempts) && (limit <= 0 || now.Sub(t.first) >= limit)
}

// backoff is the interval before retry n, from 0: doubled max_doublings times, from there on growing by the last of these.
func backoff(c *cloudtaskspb.RetryConfig, n int) time.Duration {
	doublings := min(n, int(c.MaxDoublings))
	d := float64(c.GetMinBackoff().AsDuration()) * math.Pow(2, float64(doublings)) * float64(n-doublings+1)
	if most := c.GetMaxBackoff().AsDuration(); d >= float64(most) {
		return most
	}
	return time.Duration(d)
}

func reason(code int, err error) string {
	switch {
	case code/100 == 2:
		return ""
	case code != 0:
		return "HTTP status code " + strconv.Itoa(code)
	case errors.Is(err, errDeadline):
		return "DEADLINE_EXCEEDED"
	default:
		return "UNAVAILABLE"
	}
}

// rpcStatus is an HTTP status as the API shows it in an attempt (google/rpc/code.proto has the mapping).
func rpcStatus(code int) *rpcstatus.Status {
	c := codes.Unknown
	switch {
	case code/100 == 2:
		c = codes.OK
	case code == 400:
		c = codes.InvalidArgument
	case code == 401:
		c = codes.Unauthenticated
	case code == 403:
		c = codes.PermissionDenied
	case code == 404:
		c = codes.NotFound
	case code == 409:
		c = codes.Aborted
	case code == 429:
		c = codes.ResourceExhausted
	case code == 500:
		c = codes.Internal
	case code == 501:
		c = codes.Unimplemented
	case code == 503:
		c = codes.Unavailable
	case code == 504:
		c = codes.DeadlineExceeded
	}
	return &rpcstatus.Status{Code: int32(c), Message: "HTTP status code " + strconv.Itoa(code)}
}
