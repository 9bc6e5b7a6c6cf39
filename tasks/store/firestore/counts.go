package firestore

import "sync/atomic"

// Counts are what the service bills, since the store was opened (cloud.google.com/firestore/pricing): documents read, found
// or not, with at least one for each query and one for each 1,000 index entries of a count or sum; documents
// written; documents deleted. Commits that failed, and what was read for closures that ran again, are as the service
// counts them: the former free, the latter not. Calls are requests of any kind, the failed ones too.
type Counts struct {
	Reads, Writes, Deletes int64
	Calls                  int64
}

// Sub returns what c counted since was.
func (c Counts) Sub(was Counts) Counts {
	return Counts{c.Reads - was.Reads, c.Writes - was.Writes, c.Deletes - was.Deletes, c.Calls - was.Calls}
}

type counts struct{ reads, writes, deletes, calls atomic.Int64 }

// Counts returns what this store has cost so far.
func (s *Store) Counts() Counts {
	return Counts{s.counts.reads.Load(), s.counts.writes.Load(), s.counts.deletes.Load(), s.counts.calls.Load()}
}
