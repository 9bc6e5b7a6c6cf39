package firestore

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rowsmith/tasks/store"
)

func TestRevs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		updated := time.UnixMicro(rapid.Int64Range(oldest/1000, oldest/1000*9).Draw(t, "updated")).UTC()
		var expires time.Time
		if rapid.Bool().Draw(t, "expires") {
			expires = time.UnixMicro(rapid.Int64Range(-62135596800_000000, 253402300799_999999).Draw(t, "at")).UTC()
		}
		u, e, ok := parseRev(revOf(updated, expires))
		if !ok || u != updated || e != expires {
			t.Fatalf("%v %v became %v %v, %v", updated, expires, u, e, ok)
		}
	})
}

func FuzzParseRev(f *testing.F) {
	for _, s := range []string{"", "0", "1700000000000000000", "1700000000000000000.1700000000000000", "1700000000000000000.", "x.y", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if u, e, ok := parseRev(store.Rev(s)); ok && revOf(u, e) != store.Rev(s) {
			t.Errorf("%q reads like %q", s, revOf(u, e))
		}
	})
}
