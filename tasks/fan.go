package tasks

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rowsmith/tasks/store"
)

// How many chunk tasks may be outstanding at once: a million-row sheet must never stand in front of a person waiting for fifty rows,
// nor an account with many jobs in front of the other accounts.
const (
	jobWindow     = 20
	accountWindow = 60
)

// freshWindow is how long a count of an account's jobs is good.
const freshWindow = 2 * time.Second

// A fan knows how wide a job may fan out: 20 chunks, less where an account's unfinished jobs would have more than 60 between
// them, and always one. It keeps what it learned for a moment, for this process alone.
type fan struct {
	mu       sync.Mutex
	accounts map[string]counted
	last     map[string]int // account/job → the window when this process last looked
}

type counted struct {
	jobs int64
	at   time.Time
}

// window returns how many of a job's chunks may be outstanding, and whether that may be more than when this process last looked.
func (f *fan) window(ctx context.Context, st store.Store, now time.Time, account, job string) (w int, grown bool, err error) {
	f.mu.Lock()
	c, ok := f.accounts[account]
	f.mu.Unlock()
	if age := now.Sub(c.at); !ok || age < 0 || age >= freshWindow {
		c.jobs, err = st.Count(ctx, store.Query{
			Kind: kindJobs, Account: account, Where: []store.Where{{Field: "active", Cmp: store.Eq, Value: true}},
		})
		if err != nil {
			return 0, false, fmt.Errorf("count unfinished jobs: %w", err)
		}
		c.at = now
	}
	w = max(1, min(jobWindow, accountWindow/int(max(1, c.jobs))))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.accounts == nil || len(f.accounts) > 1000 {
		f.accounts = map[string]counted{}
	}
	if f.last == nil || len(f.last) > 1000 {
		f.last = map[string]int{}
	}
	f.accounts[account] = c
	before, known := f.last[account+"/"+job]
	f.last[account+"/"+job] = w
	return w, !known || w > before, nil
}
