package firestore

import (
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// trust is how long after an answer of the service its time is still carried on by the machine's clock.
const trust = 10 * time.Second

// A clock is store time: the service's, as its answers tell it. Between answers it is carried on from the
// moment the last one came. That moment is later than the one the answer names, so what is carried on stays behind the service's
// own clock and the next answer is never before it.
type clock struct {
	source clockwork.Clock

	mu    sync.Mutex
	told  time.Time // the latest time that the service told
	heard time.Time // the source's reading when it did
	given time.Time // the latest time that was returned
}

// tell takes the time of an answer and returns it as the store's: in microseconds, never before what was returned already.
func (c *clock) tell(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.told) {
		c.told, c.heard = t, c.source.Now()
	}
	return c.give(t)
}

// now returns store time, unless the last answer is too long ago.
func (c *clock) now() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	passed := c.source.Since(c.heard) // by the monotonic reading, where there is one
	if c.told.IsZero() || passed < 0 || passed > trust {
		return time.Time{}, false
	}
	return c.give(c.told.Add(passed)), true
}

func (c *clock) give(t time.Time) time.Time {
	t = time.UnixMicro(t.UnixMicro()).UTC()
	if t.Before(c.given) {
		return c.given
	}
	c.given = t
	return t
}
