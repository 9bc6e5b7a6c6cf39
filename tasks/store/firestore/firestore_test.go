package firestore_test

import (
	"os"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/tasks/store"
	"rowsmith/tasks/store/firestore"
	"rowsmith/tasks/store/firestore/emulator"
	"rowsmith/tasks/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(emulator.Main(m)) }

// open opens a store with kinds over a database of the emulator's, and closes it at the test's end.
func open(t testing.TB, c firestore.Config, kinds ...store.Kind) *firestore.Store {
	t.Helper()
	c.Emulator = emulator.Host(t)
	schema, err := store.NewSchema(kinds...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := firestore.Open(t.Context(), c, schema, clockwork.NewRealClock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func harness(t *testing.T) storetest.Harness {
	c := firestore.Config{Project: emulator.Project()}
	s := open(t, c, storetest.Kinds()...)
	return storetest.Harness{
		Store:       s,
		CommitBytes: 4<<20 - 64, // the emulator's gRPC server has the usual limit
		Reopen: func(t *testing.T) store.Store {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			s = open(t, c, storetest.Kinds()...)
			return s
		},
	}
}

func TestStore(t *testing.T) { storetest.Run(t, harness) }

var someTime = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
