package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"
)

// Handler is the worker's end: it serves POST BASE/internal/tasks/KIND, reads the
// delivery, calls work and answers by the table of the package comment. work's
// context ends when the queue gives the delivery up. A panic of work is
// Again. After After, the successor is in q before the answer is given; where it could not be added the
// answer is 500 and the delivery comes again. Who is calling has been settled before: Handler does not look.
//
// Everything but Done is logged, with the task's id and never its body.
func Handler(q Queue, log *slog.Logger, work func(ctx context.Context, d Delivery) Answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "Tasks are delivered by POST.", http.StatusMethodNotAllowed)
			return
		}
		d, err := ReadDelivery(r)
		switch {
		case errors.Is(err, errTooLarge):
			log.Warn("not a delivery", "error", err)
			http.Error(w, "The body is too large for a task.", http.StatusRequestEntityTooLarge)
			return
		case errors.Is(err, ErrInvalid):
			log.Warn("not a delivery", "error", err)
			http.Error(w, "This is not a delivery of a task.", http.StatusBadRequest)
			return
		case err != nil:
			log.Warn("delivery broke off", "error", err)
			http.Error(w, "The body broke off.", http.StatusInternalServerError)
			return
		}
		log := log.With("queue", d.Queue, "kind", d.Kind, "task", d.ID, "attempt", d.Attempt)
		begin := time.Now()
		a := answer(r.Context(), d, log, work)
		if a.kind == answerAfter {
			// Not added is as good: then this delivery has been here before.
			if _, err := q.Enqueue(r.Context(), d.successor(a.delay)); err != nil {
				a = Again(fmt.Errorf("enqueue successor: %w", err))
			}
		}
		took := slog.Duration("took", time.Since(begin))
		switch a.kind {
		case answerAgain:
			log.Warn("task will be retried", "error", a.err, took)
			http.Error(w, "Not finished, deliver again.", http.StatusInternalServerError)
		case answerDrop:
			log.Warn("task dropped", "why", a.err, took)
		case answerAfter:
			log.Debug("task put off", "delay", a.delay, took)
		default:
			log.Debug("task done", took)
		}
	})
}

// answer calls work and makes Again of a panic.
func answer(ctx context.Context, d Delivery, log *slog.Logger, work func(context.Context, Delivery) Answer) (a Answer) {
	defer func() {
		if v := recover(); v != nil {
			// A value's text may hold anything, even cell values: only the runtime's own
			// ("index out of range") is known to be harmless.
			what := fmt.Sprintf("%T", v)
			if fault, ok := v.(runtime.Error); ok {
				what = fault.Error()
			}
			log.Error("worker panicked", "what", what, "stack", string(debug.Stack()))
			a = Again(fmt.Errorf("worker panicked: %s", what))
		}
	}()
	return work(ctx, d)
}
