package tasks

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/tasks/store"
	"rowsmith/tasks/store/sqlite"
)

func testStore(t *testing.T) store.Store {
	t.Helper()
	write, read, err := sqlite.Open(filepath.Join(t.TempDir(), "t.db"))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := store.NewSchema(Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.New(t.Context(), write, read, schema, clockwork.NewRealClock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); read.Close(); write.Close() })
	return s
}

// However many jobs an account has, their windows together stay within its 60, as far as each may have one.
func TestWindowsShareTheAccount(t *testing.T) {
	st := testStore(t)
	var f fan
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	jobs := 0
	for _, tc := range []struct{ jobs, want int }{{1, 20}, {3, 20}, {4, 15}, {7, 8}, {60, 1}, {61, 1}} {
		for ; jobs < tc.jobs; jobs++ {
			for _, account := range []string{"a", "b"} {
				d := store.Doc{Key: store.Key{Account: account, Kind: kindJobs, ID: fmt.Sprint(jobs)}, Fields: store.Fields{"active": account == "a", "spreadsheet": "s"}}
				if _, err := st.Commit(t.Context(), store.Create(d)); err != nil {
					t.Fatal(err)
				}
			}
		}
		now = now.Add(freshWindow)
		w, _, err := f.window(t.Context(), st, now, "a", "0")
		if err != nil || w != tc.want {
			t.Errorf("%d jobs: window %d, want %d (%v)", tc.jobs, w, tc.want, err)
		}
		if w, _, err := f.window(t.Context(), st, now, "b", "0"); err != nil || w != jobWindow {
			t.Errorf("an account without unfinished jobs: window %d (%v)", w, err)
		}
	}
	if _, grown, _ := f.window(t.Context(), st, now.Add(freshWindow/2), "a", "0"); grown {
		t.Error("the window has not grown")
	}
	for i := range jobs - 3 {
		if _, err := st.Commit(t.Context(), store.Delete(store.Key{Account: "a", Kind: kindJobs, ID: fmt.Sprint(i)})); err != nil {
			t.Fatal(err)
		}
	}
	if w, grown, err := f.window(t.Context(), st, now.Add(freshWindow), "a", "0"); w != 20 || !grown || err != nil {
		t.Errorf("after most jobs ended: window %d, grown %v (%v)", w, grown, err)
	}
}
