package cloudtaskssim

import "time"

// A bucket is a token bucket, kept as the one time at which all that was taken will have been refilled: integers, so a
// token is there at the very nanosecond that it is said to be.
type bucket struct {
	interval int64 // nanoseconds a token
	size     int64 // tokens it holds; it begins full
	full     int64 // nanoseconds since 1970 when the bucket is full again
}

// set changes the pace. What was taken stays taken.
func (b *bucket) set(perSecond float64, burst int) {
	// Below a token in about 30 years nothing is exact, nor asked for.
	const slowest = 1e-9
	b.interval = max(1, int64(float64(time.Second)/max(perSecond, slowest)))
	b.size = int64(max(1, burst))
}

// since is b.full brought to now: not before it, and no further ahead than an empty bucket's.
func (b *bucket) since(now time.Time) int64 {
	n := now.UnixNano()
	return min(max(n, b.full), n+b.size*b.interval)
}

// next is when a token is there, now at the earliest.
func (b *bucket) next(now time.Time) time.Time {
	return time.Unix(0, max(now.UnixNano(), b.since(now)-(b.size-1)*b.interval))
}

// take takes a token if one is there.
func (b *bucket) take(now time.Time) bool {
	if b.next(now).UnixNano() > now.UnixNano() {
		return false
	}
	b.full = b.since(now) + b.interval
	return true
}
