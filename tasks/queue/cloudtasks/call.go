package cloudtasks

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"rowsmith/tasks/queue"
)

const (
	// rpcDeadline is how long one attempt at a call may take. CreateTask's may be 30 s at most.
	rpcDeadline = 10 * time.Second
	// patience is how long a call is repeated, by the queue's clock: its caller's own delivery has a deadline, too.
	patience = 20 * time.Second
	// mostAttempts ends a call that fails at once, whatever the clock does.
	mostAttempts = 8

	firstWait = 100 * time.Millisecond
	mostWait  = 5 * time.Second
)

// call calls the service and repeats what failed for the moment, with doubling waits. The call must be
// safe to repeat. It returns how often it was made.
func (q *Queue) call(ctx context.Context, method, about string, do func(ctx context.Context) error) (attempts int, err error) {
	if err := q.enter(); err != nil {
		return 0, err
	}
	defer q.calls.Done()
	ctx, cancel := q.alive(ctx)
	defer cancel()
	begin := q.clock.Now()
	for wait := firstWait; ; wait = min(2*wait, mostWait) {
		if err := ctx.Err(); err != nil {
			return attempts, err
		}
		attempts++
		one, cancel := context.WithTimeout(ctx, rpcDeadline)
		err := do(one)
		cancel()
		if err == nil || !passing(err) || ctx.Err() != nil {
			return attempts, err
		}
		pause := wait - time.Duration(float64(wait)/2*q.cfg.Jitter())
		if attempts == mostAttempts || q.clock.Since(begin)+pause > patience {
			return attempts, err
		}
		q.log.Info("repeating a call to cloud tasks", "method", method, "about", about, "attempt", attempts, "code", status.Code(err), "wait", pause)
		timer := q.clock.NewTimer(pause)
		select {
		case <-timer.Chan():
		case <-ctx.Done():
			timer.Stop()
			return attempts, err
		}
	}
}

// alive is ctx, ended also when Close does not wait any longer.
func (q *Queue) alive(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(q.life, cancel)
	return ctx, func() { stop(); cancel() }
}

// passing reports whether a failure may be over at the next attempt. Whether the call had its effect is
// not known of most of them.
func passing(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Internal, codes.Aborted, codes.Unknown, codes.Canceled:
		return true
	}
	return false
}

// wrap says what a failure is by the contract; nil stays nil. Only what the service calls a bad argument is
// ErrInvalid: a queue that is not there, missing rights and everything else is the installation's state.
func wrap(op string, err error) error {
	switch status.Code(err) {
	case codes.OK:
		return nil
	case codes.InvalidArgument, codes.OutOfRange:
		return fmt.Errorf("%s: %w: %w", op, queue.ErrInvalid, err)
	}
	return fmt.Errorf("%s: %w: %w", op, queue.ErrUnavailable, err)
}
