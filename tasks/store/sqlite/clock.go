package sqlite

import (
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// A clock is store time: the machine's clock in UTC and microseconds, that never runs
// backwards. When the machine's is set back, store time goes on from where it was at the
// pace of time itself until the machine's catches up.
type clock struct {
	source clockwork.Clock

	mu      sync.Mutex
	last    time.Time // what now returned last
	reading time.Time // the source's reading then
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	reading := c.source.Now()
	passed := reading.Sub(c.reading) // by the monotonic reading, where there is one
	if t := reading.UTC(); t.After(c.last) {
		c.last = t
	} else if passed > 0 {
		c.last = c.last.Add(passed)
	}
	c.reading = reading
	return time.UnixMicro(c.last.UnixMicro()).UTC()
}
