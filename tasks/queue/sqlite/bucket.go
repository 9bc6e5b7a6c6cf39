package sqlite

import "time"

// A bucket is a token bucket of one queue, kept as the one time at which all that was taken will have
// been refilled: integers, so a token is there at the very nanosecond that it is said to be.
type bucket struct {
	interval int64 // nanoseconds a token
	size     int64 // tokens it holds; it begins full
	full     int64 // nanoseconds since 1970 when the bucket is full again
}

func newBucket(perSecond float64, burst int) bucket {
	return bucket{interval: max(1, int64(float64(time.Second)/perSecond)), size: int64(burst)}
}

// since is b.full brought to now: not before it, and no further ahead than an empty bucket's, lest a
// clock that was set back starve the queue.
func (b bucket) since(now time.Time) int64 {
	n := now.UnixNano()
	return min(max(n, b.full), n+b.size*b.interval)
}

// available is how many tokens are there.
func (b bucket) available(now time.Time) int {
	return int((now.UnixNano() + b.size*b.interval - b.since(now)) / b.interval)
}

// take takes k tokens that are there.
func (b *bucket) take(now time.Time, k int) {
	b.full = b.since(now) + int64(k)*b.interval
}

// next is when a token is there, now at the earliest.
func (b bucket) next(now time.Time) time.Time {
	return time.Unix(0, max(now.UnixNano(), b.since(now)-(b.size-1)*b.interval))
}
