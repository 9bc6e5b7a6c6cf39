package cloudtasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"rowsmith/tasks/queue"
)

// The rights that the methods need, beside cloudtasks.tasks.create for Enqueue and iam.serviceAccounts.actAs on the
// service account: queues.pause, queues.resume, queues.purge, queues.get, tasks.list; Ensure also queues.create and queues.update.

// noRetry takes the client's own repeats away: call does that.
var noRetry = gax.WithRetry(nil)

// Pause implements [queue.Queue].
func (q *Queue) Pause(ctx context.Context, name string) error {
	return q.steer(ctx, "pause", name, func(ctx context.Context, l lane) error {
		_, err := q.client.PauseQueue(ctx, &cloudtaskspb.PauseQueueRequest{Name: l.full})
		return err
	})
}

// Resume implements [queue.Queue].
func (q *Queue) Resume(ctx context.Context, name string) error {
	return q.steer(ctx, "resume", name, func(ctx context.Context, l lane) error {
		_, err := q.client.ResumeQueue(ctx, &cloudtaskspb.ResumeQueueRequest{Name: l.full})
		return err
	})
}

// Purge implements [queue.Queue]. It takes up to a minute to come into effect. It is not repeated: a second purge could take what was added
// since; after ErrUnavailable that is the caller's to decide.
func (q *Queue) Purge(ctx context.Context, name string) error {
	l, err := q.lane(name)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	op := fmt.Sprintf("purge queue %q", name)
	if err := q.enter(); err != nil {
		return wrap(op, err)
	}
	defer q.calls.Done()
	ctx, cancel := context.WithTimeout(ctx, rpcDeadline)
	defer cancel()
	_, err = q.client.PurgeQueue(ctx, &cloudtaskspb.PurgeQueueRequest{Name: l.full})
	return wrap(op, err)
}

func (q *Queue) steer(ctx context.Context, verb, name string, do func(context.Context, lane) error) error {
	l, err := q.lane(name)
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	_, err = q.call(ctx, verb, l.id, func(ctx context.Context) error { return do(ctx, l) })
	return wrap(fmt.Sprintf("%s queue %q", verb, name), err)
}

// mostListed is how many tasks Stats looks at. The API that counts them is a beta.
const mostListed = 10_000

// Stats implements [queue.Queue] by listing tasks, 1,000 at a time and at most 10,000: of more it says 10,000. Estimates: the
// service's list lags behind, and a delivery under way is one whose last attempt has no answer yet.
func (q *Queue) Stats(ctx context.Context, name string) (queue.Stats, error) {
	l, err := q.lane(name)
	if err != nil {
		return queue.Stats{}, fmt.Errorf("stats: %w", err)
	}
	var s queue.Stats
	_, err = q.call(ctx, "Stats", l.id, func(ctx context.Context) error {
		s = queue.Stats{}
		state, err := q.client.GetQueue(ctx, &cloudtaskspb.GetQueueRequest{Name: l.full}, noRetry)
		if err != nil {
			return err
		}
		s.Paused = state.State != cloudtaskspb.Queue_RUNNING
		it := q.client.ListTasks(ctx, &cloudtaskspb.ListTasksRequest{Parent: l.full, PageSize: 1000, ResponseView: cloudtaskspb.Task_BASIC}, noRetry)
		for range mostListed {
			t, err := it.Next()
			if errors.Is(err, iterator.Done) {
				return nil
			}
			if err != nil {
				return err
			}
			if last := t.LastAttempt; last.GetDispatchTime() != nil && last.GetResponseTime() == nil {
				s.Running++
				continue
			}
			s.Waiting++
			if due := t.ScheduleTime.AsTime(); s.Oldest.IsZero() || due.Before(s.Oldest) {
				s.Oldest = due
			}
		}
		return nil
	})
	if err != nil {
		return queue.Stats{}, wrap(fmt.Sprintf("stats of queue %q", name), err)
	}
	return s, nil
}

// pingDeadline is short: who asks has others to ask, too.
const pingDeadline = 3 * time.Second

// Ping implements [queue.Queue]: it asks for every queue, once.
func (q *Queue) Ping(ctx context.Context) error {
	if err := q.enter(); err != nil {
		return wrap("ping queue", err)
	}
	defer q.calls.Done()
	ctx, cancel := context.WithTimeout(ctx, pingDeadline)
	defer cancel()
	for _, s := range q.cfg.Queues {
		l := q.lanes[s.Name]
		if _, err := q.client.GetQueue(ctx, &cloudtaskspb.GetQueueRequest{Name: l.full}, noRetry); err != nil {
			return wrap(fmt.Sprintf("ping queue %q", s.Name), err)
		}
	}
	return nil
}

// Ensure creates the queues that are not there and brings the others to their settings; whether one is paused stays. It returns
// the names of those that it created or changed. Settings.Burst can't be set. Backoffs are rounded up to whole seconds, but for the default of
// 100 ms, which is Cloud Tasks' own.
func (q *Queue) Ensure(ctx context.Context) (changed []string, err error) {
	for _, s := range q.cfg.Queues {
		l := q.lanes[s.Name]
		did := false
		_, err := q.call(ctx, "Ensure", l.id, func(ctx context.Context) error {
			is, err := q.client.GetQueue(ctx, &cloudtaskspb.GetQueueRequest{Name: l.full}, noRetry)
			if status.Code(err) == codes.NotFound {
				did = true
				is, err = q.client.CreateQueue(ctx, &cloudtaskspb.CreateQueueRequest{Parent: q.parent, Queue: l.resource()})
				if status.Code(err) == codes.AlreadyExists { // another instance was first
					is, err = q.client.GetQueue(ctx, &cloudtaskspb.GetQueueRequest{Name: l.full}, noRetry)
				}
			}
			if err != nil || l.matches(is) {
				return err
			}
			did = true
			_, err = q.client.UpdateQueue(ctx, &cloudtaskspb.UpdateQueueRequest{Queue: l.resource(), UpdateMask: &fieldmaskpb.FieldMask{Paths: settingsPaths}})
			return err
		})
		if err != nil {
			return changed, wrap(fmt.Sprintf("ensure queue %q", s.Name), err)
		}
		if did {
			changed = append(changed, s.Name)
		}
	}
	return changed, nil
}

// settingsPaths name each field by itself: in a mask that names only their message a zero would mean the default, and no doublings
// are a zero.
var settingsPaths = []string{
	"rate_limits.max_dispatches_per_second", "rate_limits.max_concurrent_dispatches",
	"retry_config.max_attempts", "retry_config.max_retry_duration", "retry_config.min_backoff", "retry_config.max_backoff", "retry_config.max_doublings",
}

// resource is the queue as the API has it.
func (l lane) resource() *cloudtaskspb.Queue {
	return &cloudtaskspb.Queue{
		Name: l.full,
		RateLimits: &cloudtaskspb.RateLimits{
			MaxDispatchesPerSecond:  l.RatePerSecond,
			MaxConcurrentDispatches: int32(l.MaxConcurrent),
		},
		RetryConfig: &cloudtaskspb.RetryConfig{
			MaxAttempts:      int32(min(l.MaxAttempts, 1<<30)),
			MaxRetryDuration: durationpb.New(0), // attempts alone decide
			MinBackoff:       durationpb.New(wholeSeconds(l.MinBackoff)),
			MaxBackoff:       durationpb.New(wholeSeconds(l.MaxBackoff)),
			MaxDoublings:     int32(min(l.MaxDoublings, 1<<20)),
		},
	}
}

// matches reports whether the queue has its settings.
func (l lane) matches(q *cloudtaskspb.Queue) bool {
	want := l.resource()
	r, c, wr, wc := q.GetRateLimits(), q.GetRetryConfig(), want.RateLimits, want.RetryConfig
	return r.GetMaxDispatchesPerSecond() == wr.MaxDispatchesPerSecond && r.GetMaxConcurrentDispatches() == wr.MaxConcurrentDispatches &&
		c.GetMaxAttempts() == wc.MaxAttempts && c.GetMaxDoublings() == wc.MaxDoublings &&
		c.GetMaxRetryDuration().AsDuration() == 0 &&
		c.GetMinBackoff().AsDuration() == wc.MinBackoff.AsDuration() && c.GetMaxBackoff().AsDuration() == wc.MaxBackoff.AsDuration()
}

// wholeSeconds rounds up: an interval that was meant is never cut to nothing.
func wholeSeconds(d time.Duration) time.Duration {
	if d == 100*time.Millisecond {
		return d
	}
	return (d + time.Second - 1).Truncate(time.Second)
}
