package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/tasks/store"
	"rowsmith/tasks/store/sqlite"
	"rowsmith/tasks/store/storetest"
)

// clk is what both clocks of clockwork are.
type clk = clockwork.Clock

// openFile opens the store in the file at path, and returns it and what closes it with its pools.
func openFile(path string, clock clk, kinds ...store.Kind) (*sqlite.Store, func() error, error) {
	write, read, err := sqlite.Open(path)
	if err != nil {
		return nil, nil, err
	}
	schema, err := store.NewSchema(kinds...)
	if err != nil {
		return nil, nil, errors.Join(err, read.Close(), write.Close())
	}
	s, err := sqlite.New(context.Background(), write, read, schema, clock)
	if err != nil {
		return nil, nil, errors.Join(err, read.Close(), write.Close())
	}
	return s, func() error { return errors.Join(s.Close(), read.Close(), write.Close()) }, nil
}

// openAt is openFile in a test, at whose end the store is closed if it is not before.
func openAt(t testing.TB, path string, clock clk, kinds ...store.Kind) (*sqlite.Store, func()) {
	t.Helper()
	s, end, err := openFile(path, clock, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	once := sync.OnceFunc(func() {
		if err := end(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	t.Cleanup(once)
	return s, once
}

// harness opens the suite's store on a fake clock.
func harness(t *testing.T) storetest.Harness {
	path := filepath.Join(t.TempDir(), "store.db")
	clock := clockwork.NewFakeClockAt(time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC))
	s, end := openAt(t, path, clock, storetest.Kinds()...)
	return storetest.Harness{
		Store: s,
		Reopen: func(t *testing.T) store.Store {
			end()
			s, end = openAt(t, path, clock, storetest.Kinds()...)
			return s
		},
		Advance: clock.Advance,
		Reruns:  true,
	}
}

func TestStore(t *testing.T) { storetest.Run(t, harness) }

// TestStoreReopened runs the suite on stores that were closed and opened before use: statements, indexes
// and columns are those of a file found, not made.
func TestStoreReopened(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		h := harness(t)
		h.Store = h.Reopen(t)
		return h
	})
}

// TestStoreInRealTime runs the suite as an implementation whose clock cannot be moved, and that gives no promise on reruns.
func TestStoreInRealTime(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for expiries")
	}
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		s, _ := openAt(t, filepath.Join(t.TempDir(), "store.db"), clockwork.NewRealClock(), storetest.Kinds()...)
		return storetest.Harness{Store: s}
	})
}

// Many first reads at once hold all of the pool's connections; none of them may wait for one more to prepare its statement.
func TestFirstReadsAtOnce(t *testing.T) {
	for range 20 {
		s, _ := openAt(t, filepath.Join(t.TempDir(), "store.db"), clockwork.NewRealClock(), storetest.Kinds()...)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				keys := make([]store.Key, 1+i)
				for k := range keys {
					keys[k] = store.Key{Account: "a", Kind: storetest.Kinds()[k%2].Name, ID: fmt.Sprint(k)}
				}
				if _, err := s.Get(ctx, keys...); err != nil {
					t.Errorf("get %d keys: %v", len(keys), err)
				}
			})
		}
		wg.Wait()
		cancel()
	}
}
