package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// maxID is the longest id that Cloud Tasks takes.
	maxID = 500
	// successorMark ends the name of every successor and of nothing else.
	successorMark = "-after"
	// maxSuccessor is the room that a successor's name needs beyond MaxName: "-g", a generation, the mark.
	maxSuccessor = 2 + 19 + len(successorMark)
)

// ID is the id under which a named task is known: eight hex digits of a hash over queue, name
// and generation, then name and generation, "4cb9af7d-chunk-JOB-00012-g2". It is
// at most 500 bytes of [A-Za-z0-9_-]. A task without a name has none ("") until a queue makes one up.
func (t Task) ID() string {
	if t.Name == "" {
		return ""
	}
	gen := strconv.Itoa(t.Gen)
	return idHash(t.Queue, t.Name, gen) + "-" + t.Name + "-g" + gen
}

// ParseID takes apart what [Task.ID] made for a task of that queue. ok is
// false for every other id, such as one that a queue made up.
func ParseID(queue, id string) (name string, gen int, ok bool) {
	hash, rest, _ := strings.Cut(id, "-")
	i := strings.LastIndex(rest, "-g")
	if i <= 0 {
		return "", 0, false
	}
	name = rest[:i]
	gen, err := strconv.Atoi(rest[i+2:])
	if err != nil || gen < 0 || hash != idHash(queue, name, rest[i+2:]) || rest[i+2:] != strconv.Itoa(gen) {
		return "", 0, false
	}
	return name, gen, true
}

func idHash(queue, name, gen string) string {
	sum := sha256.Sum256([]byte(queue + "\x00" + name + "\x00" + gen))
	return hex.EncodeToString(sum[:4])
}

// successor is the task that takes the delivered one's place, due in delay. It is a function
// of the delivery alone, so that a second delivery of the same task has the same successor.
func (d Delivery) successor(delay time.Duration) Task {
	t := Task{Queue: d.Queue, Kind: d.Kind, Body: d.Body, Delay: min(delay, MaxAhead), Gen: 1}
	name, gen, ok := ParseID(d.Queue, d.ID)
	switch {
	case ok && strings.HasSuffix(name, successorMark): // itself a successor
		t.Name, t.Gen = name, gen+1
	case ok:
		t.Name = name + "-g" + strconv.Itoa(gen) + successorMark
	case len(d.ID) <= MaxName:
		t.Name = d.ID + successorMark
	default:
		t.Name = idHash(d.Queue, d.ID, "") + d.ID[:MaxName-8] + successorMark
	}
	return t
}

// Due is when the task is due if it is added now: never before now, without
// monotonic reading, in UTC, to the microsecond (Cloud Tasks cuts off what is finer).
func (t Task) Due(now time.Time) time.Time {
	due := t.At
	if due.IsZero() {
		due = now.Add(t.Delay)
	}
	if due.Before(now) {
		due = now
	}
	return due.UTC().Truncate(time.Microsecond)
}

// Check reports, with [ErrInvalid], the first thing by which the task breaks the contract. Whether
// its queue exists only the queue knows.
func (t Task) Check(now time.Time) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
	}
	name, longest := t.Name, MaxName
	if strings.HasSuffix(name, successorMark) {
		longest += maxSuccessor
	}
	switch {
	case !isQueueName(t.Queue):
		return bad("queue %.120q: want [a-z][a-z0-9-]*, at most 100 bytes", t.Queue)
	case !isSlug(t.Kind) || len(t.Kind) > 100:
		return bad("kind %.120q: want [a-z][a-z0-9-]*, at most 100 bytes", t.Kind)
	case !isName(name):
		return bad("name %.120q: other characters than [A-Za-z0-9_-]", name)
	case len(name) > longest:
		return bad("name of %d bytes, at most %d", len(name), longest)
	case t.Gen < 0:
		return bad("generation %d is negative", t.Gen)
	case name == "" && t.Gen != 0:
		return bad("generation %d of no name", t.Gen)
	case len(t.Body) > MaxBody:
		return bad("body of %d bytes, at most %d", len(t.Body), MaxBody)
	case t.Delay < 0:
		return bad("delay %v is negative", t.Delay)
	case t.Delay != 0 && !t.At.IsZero():
		return bad("both a time and a delay")
	case t.Delay > MaxAhead || t.At.After(now.Add(MaxAhead)):
		return bad("due in more than %v", MaxAhead)
	}
	return nil
}

// isName reports whether s is of [A-Za-z0-9_-]; the empty string is.
func isName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// isSlug reports whether s is [a-z][a-z0-9-]*.
func isSlug(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z':
		case i > 0 && (c >= '0' && c <= '9' || c == '-'):
		default:
			return false
		}
	}
	return s != ""
}

func isQueueName(s string) bool { return isSlug(s) && len(s) <= 100 }
