package sqlite

import (
	"context"
	"time"

	"rowsmith/tasks/queue"
)

// A lane is one configured queue as the loop sees it.
type lane struct {
	settings queue.Settings // with defaults
	laneState
}

// laneState is what a transaction changes; it is restored when the transaction fails.
type laneState struct {
	paused  bool
	next    int64 // earliest due time among the waiting; never: none waits
	running int
	bucket  bucket
}

func newLane(s queue.Settings) *lane {
	return &lane{settings: s, laneState: laneState{next: never, bucket: newBucket(s.RatePerSecond, s.Burst)}}
}

// due reports whether a task waits that could be delivered by now.
func (l *lane) due(now time.Time) bool { return !l.paused && l.next <= now.UnixMicro() }

// room is how many deliveries may begin now.
func (l *lane) room(now time.Time) int {
	return min(l.bucket.available(now), l.settings.MaxConcurrent-l.running)
}

// A change is what a caller wants done in the next transaction.
type change struct {
	ctx   context.Context
	apply func(tx *txn) error
	done  chan error // holds one
}

// A waiter waits for Idle or Settle.
type waiter struct {
	ctx  context.Context
	idle bool
	done chan error // holds one
}

// Limits of one transaction: the store's writers wait as long as it lasts.
const (
	maxChanges = 512
	maxClaims  = 64 // a lane
	maxNames   = 1000
)

// nudge wakes the loop.
func (q *Queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// change has the loop do something and waits until it is durable.
func (q *Queue) change(ctx context.Context, apply func(tx *txn) error) error {
	c := &change{ctx: ctx, apply: apply, done: make(chan error, 1)}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return errClosed
	}
	q.changes = append(q.changes, c)
	q.nudge()
	q.mu.Unlock()
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *Queue) wait(ctx context.Context, idle bool) error {
	w := &waiter{ctx: ctx, idle: idle, done: make(chan error, 1)}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return unavailable("wait for queue", errClosed)
	}
	q.waiters = append(q.waiters, w)
	q.nudge()
	q.mu.Unlock()
	select {
	case err := <-w.done:
		return unavailable("wait for queue", err)
	case <-ctx.Done():
		return unavailable("wait for queue", ctx.Err())
	}
}

// loop is the one goroutine that writes.
func (q *Queue) loop() {
	defer close(q.ended)
	var waiters []*waiter
	for q.life.Err() == nil {
		// What callers asked for is taken before the clock is read: whoever moved a
		// clock and then waits finds what the new time brings done.
		q.mu.Lock()
		changes := q.changes[:min(len(q.changes), maxChanges)]
		q.changes = q.changes[len(changes):]
		outcomes := q.outcomes
		q.outcomes = nil
		waiters = append(waiters, q.waiters...)
		q.waiters = nil
		t, closing := q.target, q.closing
		if closing {
			t = nil
		}
		q.mu.Unlock()

		now := q.clock.Now()
		retry := now.Before(q.retryAt)
		if len(changes) > 0 || !retry && (len(outcomes) > 0 || q.begins(t, now) || q.cleanAt <= now.UnixMicro()) {
			q.step(t, now, changes, outcomes)
			continue
		}
		if len(outcomes) > 0 { // not before retryAt
			q.putBack(outcomes)
		}
		waiters = q.answer(waiters, t, now)
		if closing && q.running == 0 && q.finish() {
			break
		}
		if !q.sleep(t, now) {
			break
		}
	}
	q.abandon(waiters)
}

// begins reports whether a delivery may begin now.
func (q *Queue) begins(t *target, now time.Time) bool {
	if t == nil {
		return false
	}
	for _, l := range q.order {
		if l.due(now) && l.room(now) > 0 {
			return true
		}
	}
	return false
}

// putBack returns outcomes whose transaction failed, before those that came meanwhile.
func (q *Queue) putBack(outcomes []outcome) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.outcomes = append(outcomes, q.outcomes...)
}

// answer lets go the waiters whose time has come, and returns the others. Nothing may begin at now.
func (q *Queue) answer(waiters []*waiter, t *target, now time.Time) []*waiter {
	due := false
	for _, l := range q.order {
		due = due || l.due(now)
	}
	rest := waiters[:0]
	for _, w := range waiters {
		switch {
		case w.ctx.Err() != nil: // gone
		case q.running > 0 || w.idle && due || now.Before(q.retryAt):
			rest = append(rest, w)
		default:
			w.done <- nil
		}
	}
	clear(waiters[len(rest):])
	return rest
}

// finish ends the loop unless something came in meanwhile.
func (q *Queue) finish() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.changes)+len(q.outcomes) > 0 {
		return false
	}
	q.closed = true
	return true
}

// abandon answers everyone who still waits when the loop is over.
func (q *Queue) abandon(waiters []*waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, c := range q.changes {
		c.done <- errClosed
	}
	for _, w := range append(waiters, q.waiters...) {
		w.done <- errClosed
	}
	q.changes, q.waiters, q.outcomes = nil, nil, nil
}

// sleep waits until there may be something to do; false: never again.
func (q *Queue) sleep(t *target, now time.Time) bool {
	at := time.UnixMicro(q.cleanAt)
	some := q.cleanAt != never
	sooner := func(u time.Time) {
		if !some || u.Before(at) {
			at, some = u, true
		}
	}
	if t != nil {
		for _, l := range q.order {
			if !l.paused && l.next != never && l.running < l.settings.MaxConcurrent {
				u := l.bucket.next(now)
				if d := time.UnixMicro(l.next); d.After(u) {
					u = d
				}
				sooner(u)
			}
		}
	}
	if now.Before(q.retryAt) {
		at, some = q.retryAt, true
	}
	var ring <-chan time.Time
	if some {
		timer := q.clock.NewTimer(at.Sub(now))
		defer timer.Stop()
		ring = timer.Chan()
		// A clock that was moved before the timer was set would ring too late.
		if q.clock.Now().Sub(now) > time.Millisecond {
			return true
		}
	}
	select {
	case <-q.wake:
	case <-ring:
	case <-q.life.Done():
		return false
	}
	return true
}

// step makes one transaction of what callers asked for, how deliveries ended and what may begin,
// and then tells everyone.
func (q *Queue) step(t *target, now time.Time, changes []*change, outcomes []outcome) {
	saved := make([]laneState, len(q.order))
	for i, l := range q.order {
		saved[i] = l.laneState
	}
	cleanAt, running := q.cleanAt, q.running

	var begun []claimed
	answers := make([]error, len(changes))
	events, err := q.transact(now, func(tx *txn) error {
		for _, o := range outcomes {
			if err := q.record(tx, o); err != nil {
				return err
			}
		}
		for i, c := range changes {
			if answers[i] = c.ctx.Err(); answers[i] != nil {
				continue // its caller is gone, told that it may or may not be done
			}
			if err := c.apply(tx); err != nil {
				return err
			}
		}
		if q.cleanAt <= now.UnixMicro() {
			if err := tx.clean(q); err != nil {
				return err
			}
		}
		if t == nil {
			return nil
		}
		for _, l := range q.order {
			if !l.due(now) {
				continue
			}
			n := min(l.room(now), maxClaims)
			if n <= 0 {
				continue
			}
			tasks, err := tx.claim(l, n)
			if err != nil {
				return err
			}
			begun = append(begun, tasks...)
			l.bucket.take(now, len(tasks))
			l.running += len(tasks)
			q.running += len(tasks)
		}
		return nil
	})
	if err != nil {
		for i, l := range q.order {
			l.laneState = saved[i]
		}
		q.cleanAt, q.running = cleanAt, running
		q.putBack(outcomes)
		q.fails++
		wait := min(50*time.Millisecond<<min(q.fails, 10), 5*time.Second)
		q.retryAt = now.Add(wait)
		if q.life.Err() == nil {
			q.log.Error("queue could not write", "error", err, "retry_in", wait)
		}
		for _, c := range changes {
			c.done <- err
		}
		return
	}
	q.fails, q.retryAt = 0, time.Time{}
	for i, c := range changes {
		c.done <- answers[i]
	}
	if q.cfg.Observe != nil {
		for _, e := range events {
			q.cfg.Observe(e)
		}
	}
	q.deliveries.Add(len(begun))
	for _, c := range begun {
		go q.deliver(t, c)
	}
}

// record writes down how a delivery ended.
func (q *Queue) record(tx *txn, o outcome) error {
	s := o.lane.settings
	d := o.delivery
	attempts := d.Attempt + 1
	e := Event{Queue: d.Queue, ID: d.ID, Attempt: d.Attempt, Status: o.status, Err: o.err}
	log := q.log.With("queue", d.Queue, "kind", d.Kind, "task", d.ID, "attempt", d.Attempt)
	o.lane.running--
	q.running--
	switch {
	case o.succeeded():
		e.What = Succeeded
	case o.cut:
		e.What, e.Due = CutOff, tx.now
	case s.MaxAttempts > 0 && attempts >= s.MaxAttempts:
		e.What = GaveUp
	default:
		e.What = Failed
		e.Due = tx.now.Add(queue.Jittered(s.Backoff(attempts-1), q.cfg.Jitter()))
	}
	if e.What == Failed || e.What == CutOff {
		again, err := tx.release(o, e.Due.UnixMicro())
		if err != nil {
			return err
		}
		if again {
			o.lane.next = min(o.lane.next, e.Due.UnixMicro())
			log.Info("delivery failed", "status", o.status, "error", o.err, "next", e.Due)
			tx.observe(e)
			return nil
		}
		e.What, e.Due = GaveUp, time.Time{} // purged meanwhile
	}
	if e.What == GaveUp {
		log.Error("task given up", "status", o.status, "error", o.err)
	}
	tx.observe(e)
	return tx.end(q, o)
}
