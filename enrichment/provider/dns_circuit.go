package provider

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/singleflight"
)

// A dnsCircuit remembers whether the network is there.
type dnsCircuit struct {
	mu      sync.Mutex
	until   time.Time // no look-ups before; zero: closed
	probing bool
	last    time.Time // of the latest useful answer, by the machine's clock
	proved  bool      // the servers know the root, or at least don't deny it
	check   singleflight.Group
}

// offlineFor is how long nothing is asked after no server could be reached.
const offlineFor = 30 * time.Second

// enter reports whether a look-up is refused, and otherwise whether it is the one that tries whether the network is back.
func (c *dnsCircuit) enter(now time.Time) (probe, open bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.until.IsZero() {
		return false, false
	}
	if now.Before(c.until) || c.probing {
		return false, true
	}
	c.probing = true
	return true, false
}

// open opens the circuit and reports whether it was closed.
func (c *dnsCircuit) open(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.until.IsZero()
	c.until, c.probing = now.Add(offlineFor), false
	return was
}

func (c *dnsCircuit) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until, c.probing = time.Time{}, false
}

func (c *dnsCircuit) answered(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.After(c.last) {
		c.last = at
	}
}

// answeredSince reports whether a name was answered at or after a moment.
func (c *dnsCircuit) answeredSince(at time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.last.IsZero() && !c.last.Before(at)
}

func (c *dnsCircuit) isProved() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.proved
}

func (c *dnsCircuit) prove() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.proved = true
}

// errRootless is why servers are not believed.
var errRootless = errors.New("the name servers say that the root does not exist")

// rootless reports whether the servers deny that the root exists.
func (r *Resolver) rootless(ctx context.Context) bool {
	denied, _, _ := r.circuit.check.Do("root", func() (any, error) {
		msg, err := r.ask(ctx, dnsKey{"", dns.TypeNS}, 1)
		if err == nil && msg.Rcode == dns.RcodeNameError {
			return true, nil
		}
		// Silence and failures are for the look-ups themselves to find out.
		r.circuit.prove()
		return false, nil
	})
	return denied.(bool)
}

// goOffline keeps look-ups from being made for a while.
func (r *Resolver) goOffline(ctx context.Context, why error) {
	if r.circuit.open(r.clock.Now()) {
		r.log.WarnContext(ctx, "no name server can be reached; names are not looked up for a while", "servers", len(r.servers), "error", why)
	}
}

// speaking is how long a useful answer proves that servers which now answer with a failure work as such.
const speaking = time.Minute

// online reports whether a look-up that failed did so on account of its name: other names are answered.
func (r *Resolver) online(ctx context.Context, failure error, began time.Time) bool {
	since := began
	if errors.Is(failure, ErrServfail) || errors.Is(failure, ErrRefused) {
		// Somebody is there. Silence proves nothing about a minute ago.
		since = began.Add(-speaking)
	}
	if r.circuit.answeredSince(since) {
		return true
	}
	err, _, _ := r.circuit.check.Do("", func() (any, error) {
		_, err := r.ask(ctx, dnsKey{"", dns.TypeNS}, 1)
		if err == nil {
			r.circuit.answered(time.Now())
		}
		return err, nil
	})
	if err == nil {
		return true
	}
	// A server that refuses to speak of the root may still have spoken of the name.
	check := err.(error)
	silent := errors.Is(check, ErrTimeout) || errors.Is(check, ErrOffline)
	return !silent && !errors.Is(check, failure)
}
