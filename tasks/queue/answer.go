package queue

import (
	"errors"
	"fmt"
	"time"
)

// An Answer is what a worker says about a delivery. The zero Answer is Done.
type Answer struct {
	kind  answerKind
	delay time.Duration
	err   error
}

type answerKind uint8

const (
	answerDone answerKind = iota
	answerDrop
	answerAfter
	answerAgain
)

// Done: the work is finished, or there is nothing to do.
func Done() Answer { return Answer{} }

// Drop: the work can never succeed. why is for the log and holds no cell values.
func Drop(why string) Answer { return Answer{kind: answerDrop, err: errors.New(why)} }

// After: not now. A task with the same body, due in d (at most [MaxAhead]), takes this one's place.
// Its attempts count from zero. A delivery that arrives twice has one successor.
func After(d time.Duration) Answer { return Answer{kind: answerAfter, delay: max(d, 0)} }

// Again: a passing fault; the queue delivers once more with backoff. err is for the log.
func Again(err error) Answer {
	if err == nil {
		err = errors.New("no reason given")
	}
	return Answer{kind: answerAgain, err: err}
}

// String names the answer for logs and tests: "done", "drop: why", "after 2s", "again: why".
func (a Answer) String() string {
	switch a.kind {
	case answerDrop:
		return fmt.Sprintf("drop: %v", a.err)
	case answerAfter:
		return fmt.Sprintf("after %v", a.delay)
	case answerAgain:
		return fmt.Sprintf("again: %v", a.err)
	default:
		return "done"
	}
}
