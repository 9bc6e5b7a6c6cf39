package firestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"rowsmith/tasks/store"
)

// patience is how long a call goes on trying again by itself where its context sets no end; the queue tries later.
const patience = 60 * time.Second

// attemptTime bounds one request: what takes longer is lost on the way. The service's own limit for a commit is 60 s.
const attemptTime = 60 * time.Second

// backoff is the wait before the nth repetition, from 0 on: doubling from about 10 ms to about 2 s, with full jitter over
// the upper half so that those who collided don't meet again.
func backoff(n int) time.Duration {
	d := 10 * time.Millisecond << min(n, 8)
	d = min(d, 2*time.Second)
	return d/2 + rand.N(d/2)
}

// pause waits and reports whether ctx still allows to go on. It is real time: the service knows no other.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// retry runs f, which only reads, until the service answers, as long as ctx and patience allow, and gives its error the contract's form.
func (s *Store) retry(ctx context.Context, op string, f func(ctx context.Context) error) error {
	began := time.Now()
	for n := 0; ; n++ {
		if err := s.ready(ctx); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		err := s.attempt(ctx, f)
		if err == nil {
			return nil
		}
		if passing(err) && time.Since(began) < patience && pause(ctx, backoff(n)) {
			continue
		}
		return fmt.Errorf("%s: %w", op, s.contract(ctx, err))
	}
}

// attempt runs f under the time that one request may take.
func (s *Store) attempt(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	return f(ctx)
}

// passing reports whether an error of the service may be gone when the request is made again. After all but Aborted
// and ResourceExhausted the request may have had its effect.
func passing(err error) bool {
	if oversized(err) {
		return false
	}
	switch status.Code(err) {
	case codes.Aborted, codes.ResourceExhausted, codes.Unavailable, codes.Internal, codes.DeadlineExceeded, codes.Canceled:
		return true
	case codes.Unknown: // also what is no error of the service
		_, ok := status.FromError(err)
		return ok
	}
	return false
}

// oversized reports whether a request or answer was too large for the wire: ResourceExhausted like a quota, and told by its text alone. The service
// takes what package store allows, the emulator 4 MiB.
func oversized(err error) bool {
	if status.Code(err) != codes.ResourceExhausted {
		return false
	}
	text := status.Convert(err).Message()
	return strings.Contains(text, "larger than max") || strings.Contains(text, "exceeds maximum size")
}

// lost reports whether a commit that failed so may have been applied all the same.
func lost(err error) bool {
	c := status.Code(err)
	return passing(err) && c != codes.Aborted && c != codes.ResourceExhausted
}

// refused reports whether a commit failed on a precondition. The service does not say which write's.
func refused(err error) bool {
	switch status.Code(err) {
	case codes.AlreadyExists, codes.FailedPrecondition, codes.NotFound:
		return true
	}
	return false
}

// contract gives an error the contract's form. ctx is the caller's.
func (s *Store) contract(ctx context.Context, err error) error {
	if err == nil || isContract(err) {
		return err
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, ended)
	}
	if s.closed.Load() {
		return fmt.Errorf("closed: %w", store.ErrUnavailable)
	}
	if oversized(err) {
		return fmt.Errorf("%w: %w", store.ErrTooLarge, err)
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.OutOfRange, codes.Unimplemented:
		return fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	// Also a missing index or database and a lack of permission: states of the deployment, that someone can mend while work waits.
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

func isContract(err error) bool {
	for _, e := range []error{store.ErrNotFound, store.ErrExists, store.ErrConflict, store.ErrTooLarge, store.ErrInvalid, store.ErrUnavailable} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
