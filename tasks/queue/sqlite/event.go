package sqlite

import (
	"time"
)

// An Event is something that happened to a task.
type Event struct {
	What    What
	Queue   string
	ID      string
	Attempt int       // of a delivery: 0 for the first
	Status  int       // what the worker answered; 0: nothing
	Err     error     // why a delivery got no answer
	Due     time.Time // after Failed and CutOff: when the next attempt is due
}

// What happened.
type What string

// The events there are.
const (
	Added     What = "added"     // durably
	Duplicate What = "duplicate" // its name was taken: not added
	Started   What = "started"   // a delivery begins
	Succeeded What = "succeeded" // the worker answered 2xx: the task is finished
	Failed    What = "failed"    // anything else: the task waits for its next attempt
	GaveUp    What = "gave up"   // that was the last attempt, or its queue was purged meanwhile: the task is gone
	CutOff    What = "cut off"   // Close did not wait for the answer: the task is due again
)
