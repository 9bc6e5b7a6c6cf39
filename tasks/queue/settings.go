package queue

import (
	"fmt"
	"math"
	"time"
)

// Settings configure one queue. They are Cloud Tasks' own
// (cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues), with its limits.
type Settings struct {
	Name          string        // [a-z][a-z0-9-]*, at most 100 bytes
	RatePerSecond float64       // deliveries a second, retries too, token bucket; 0: 500, Cloud Tasks' own maximum
	Burst         int           // bucket size, at most 500; 0: a fifth of the rate as Cloud Tasks derives it, at least 1
	MaxConcurrent int           // deliveries under way at once, at most 5000; 0: 1000
	MaxAttempts   int           // deliveries of one task before it is removed; 0: 100; -1: no limit
	MinBackoff    time.Duration // before the first retry; whole seconds in Cloud Tasks; 0: 100 ms
	MaxBackoff    time.Duration // 0: 1 hour, or MinBackoff where that is more
	MaxDoublings  int           // then the interval grows linearly; 0: 16, -1: none
	Deadline      time.Duration // of one delivery, 15 s to 30 min as in Cloud Tasks; 0: 10 minutes
}

// WithDefaults is s with its zero values filled in.
func (s Settings) WithDefaults() Settings {
	if s.RatePerSecond == 0 {
		s.RatePerSecond = 500
	}
	if s.Burst == 0 {
		s.Burst = max(1, int(s.RatePerSecond/5))
	}
	if s.MaxConcurrent == 0 {
		s.MaxConcurrent = 1000
	}
	if s.MaxAttempts == 0 {
		s.MaxAttempts = 100
	}
	if s.MinBackoff == 0 {
		s.MinBackoff = 100 * time.Millisecond
	}
	if s.MaxBackoff == 0 {
		s.MaxBackoff = max(time.Hour, s.MinBackoff)
	}
	switch s.MaxDoublings {
	case 0:
		s.MaxDoublings = 16
	case -1:
		s.MaxDoublings = 0
	}
	if s.Deadline == 0 {
		s.Deadline = 10 * time.Minute
	}
	return s
}

// Check reports, with [ErrInvalid], the first thing that a queue could not be configured with.
func (s Settings) Check() error {
	bad := func(field string, value any, want string) error {
		return fmt.Errorf("%w: queue %q: %s is %v, want %s", ErrInvalid, s.Name, field, value, want)
	}
	if !isQueueName(s.Name) {
		return bad("Name", fmt.Sprintf("%q", s.Name), "[a-z][a-z0-9-]*, at most 100 bytes")
	}
	if r := s.RatePerSecond; !(r >= 0 && r <= 500) || r != 0 && r < 1e-6 { // !(…): NaN too
		return bad("RatePerSecond", r, "up to 500, 0 for 500")
	}
	if s.Burst < 0 || s.Burst > 500 {
		return bad("Burst", s.Burst, "1 to 500, 0 to derive it")
	}
	if s.MaxConcurrent < 0 || s.MaxConcurrent > 5000 {
		return bad("MaxConcurrent", s.MaxConcurrent, "1 to 5000, 0 for 1000")
	}
	if s.MaxAttempts < -1 {
		return bad("MaxAttempts", s.MaxAttempts, "at least 1, 0 for 100, -1 for no limit")
	}
	if s.MinBackoff < 0 || s.MinBackoff > 24*time.Hour {
		return bad("MinBackoff", s.MinBackoff, "up to a day")
	}
	if s.MaxBackoff < 0 || s.MaxBackoff > 24*time.Hour {
		return bad("MaxBackoff", s.MaxBackoff, "up to a day")
	}
	if s.MaxDoublings < -1 {
		return bad("MaxDoublings", s.MaxDoublings, "at least 1, 0 for 16, -1 for none")
	}
	if d := s.Deadline; d != 0 && (d < 15*time.Second || d > 30*time.Minute) {
		return bad("Deadline", d, "15s to 30m")
	}
	if d := s.WithDefaults(); d.MaxBackoff < d.MinBackoff {
		return bad("MaxBackoff", s.MaxBackoff, "at least MinBackoff")
	}
	return nil
}

// Backoff is the interval before retry n (0 for the first), without jitter: MinBackoff, doubled
// MaxDoublings times, from there on growing by the last of these, up to
// MaxBackoff. Cloud Tasks' own example: with 10 s, 300 s and 3 doublings 10, 20, 40, 80, 160, 240, 300, 300 s.
func (s Settings) Backoff(n int) time.Duration {
	s = s.WithDefaults()
	n = max(n, 0)
	doublings := min(n, s.MaxDoublings)
	interval := float64(s.MinBackoff) * math.Pow(2, float64(doublings)) * float64(n-doublings+1)
	if interval >= float64(s.MaxBackoff) { // before the conversion, which would overflow
		return s.MaxBackoff
	}
	return time.Duration(interval)
}

// Jittered is an interval shortened by up to a quarter, by r in [0,1): tasks
// that failed together do not come back together, and none waits longer than it is said to.
func Jittered(interval time.Duration, r float64) time.Duration {
	return interval - time.Duration(float64(interval)/4*r)
}
