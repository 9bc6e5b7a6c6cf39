package sheets

import (
	"context"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// A Pacer keeps one lane's writes apart: Google allows an identity 60 writes a minute, so a lane
// that writes once a second lives within that for good. The first goes at once. A Pacer is safe
// for several goroutines; each gets a slot of its own, in the order they ask.
//
// It knows slots, not where they come from: a lane whose budget is leased from a store asks
// that store first and tells the Pacer with [Pacer.Hold] how long to stand still.
type Pacer struct {
	clock    clockwork.Clock
	interval time.Duration

	mu   sync.Mutex
	next time.Time // the earliest moment of the next slot
}

// NewPacer makes a lane with the least time between two slots; 0 never waits.
func NewPacer(clock clockwork.Clock, interval time.Duration) *Pacer {
	return &Pacer{clock: clock, interval: max(interval, 0)}
}

// Reserve takes the next slot and says how long it is until then: 0 is now. A caller that would
// rather come back later than wait gives that time to its queue.
func (p *Pacer) Reserve() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	at := p.next
	if at.Before(now) {
		at = now
	}
	p.next = at.Add(p.interval)
	return at.Sub(now)
}

// Hold lets no slot begin before d has passed, as after being told to slow down.
func (p *Pacer) Hold(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.clock.Now().Add(d); until.After(p.next) {
		p.next = until
	}
}

// Wait takes the next slot and returns when it begins, or with the context's error. The slot of a
// wait that was given up stays unused.
func (p *Pacer) Wait(ctx context.Context) error {
	d := p.Reserve()
	if d <= 0 {
		return ctx.Err()
	}
	return sleep(ctx, p.clock, d)
}

func sleep(ctx context.Context, clock clockwork.Clock, d time.Duration) error {
	t := clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.Chan():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
