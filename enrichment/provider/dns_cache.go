package provider

import (
	"strconv"
	"sync"
	"time"
)

// How long answers are kept.
const (
	minTTL         = 30 * time.Second // a TTL of 0 would have one row after the other ask again
	maxTTL         = 24 * time.Hour
	maxNegativeTTL = time.Hour
	noSOATTL       = time.Minute      // "there is nothing", from a server that doesn't say for how long
	failureTTL     = 30 * time.Second // RFC 2308 allows 5 minutes
)

// A dnsKey is a question.
type dnsKey struct {
	name  string // lower case, ASCII, no dot at the end; "" is the root
	qtype uint16
}

func (k dnsKey) String() string { return strconv.Itoa(int(k.qtype)) + " " + k.name }

// A dnsCache keeps answers, at most so many. It has two generations: when the younger one is half of what
// is allowed, the older one is dropped and what was used of it has moved to the younger.
type dnsCache struct {
	mu         sync.Mutex
	half       int
	young, old map[dnsKey]kept
}

type kept struct {
	answer dnsAnswer
	until  time.Time
}

func newDNSCache(size int) *dnsCache {
	return &dnsCache{half: max(1, size/2), young: map[dnsKey]kept{}}
}

func (c *dnsCache) get(k dnsKey, now time.Time) (dnsAnswer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.young[k]
	if !ok {
		if e, ok = c.old[k]; ok {
			c.add(k, e)
		}
	}
	if !ok || !now.Before(e.until) {
		return dnsAnswer{}, false
	}
	return e.answer, true
}

func (c *dnsCache) put(k dnsKey, a dnsAnswer, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(k, kept{a, now.Add(a.ttl)})
}

func (c *dnsCache) add(k dnsKey, e kept) {
	if _, ok := c.young[k]; !ok && len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[dnsKey]kept, c.half/4)
	}
	c.young[k] = e
}
