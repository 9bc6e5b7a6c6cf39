package storetest

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"rowsmith/tasks/store"
)

var limitTests = []test{
	{"Document", func(i *instance) {
		d := doc(thing("big"), "", store.Fields{"color": "red", "n": int64(1), "flag": true, "at": time.Unix(0, 0)})
		d.Expires = i.now().Add(time.Hour)
		d.Payload = bytes.Repeat([]byte{7}, store.MaxDocument-store.Size(d))
		i.commit(store.Create(d))
		if got := i.one(d.Key); !bytes.Equal(got.Payload, d.Payload) {
			i.Error("the largest document came back changed")
		}
		d.Payload = append(d.Payload, 7)
		i.refused(store.ErrTooLarge, 1, store.Create(doc(thing("small"), "", nil)), store.Set(d))
		i.absent(thing("small"))
		if got := i.one(d.Key); len(got.Payload) != len(d.Payload)-1 {
			i.Error("a document over the limit was written")
		}
	}},
	{"DocumentWithLongKey", func(i *instance) {
		d := store.Doc{Key: store.Key{Account: strings.Repeat("a", store.MaxID), Kind: "plain", ID: strings.Repeat("i", store.MaxID)}}
		d.Payload = make([]byte, store.MaxDocument-store.Size(d))
		i.commit(store.Create(d))
		d.Payload = append(d.Payload, 0)
		i.refused(store.ErrTooLarge, 0, store.Set(d))
	}},
	{"Writes", func(i *instance) {
		var writes []store.Write
		var keys []store.Key
		for n := range store.MaxWrites {
			keys = append(keys, thing(fmt.Sprintf("%03d", n)))
			writes = append(writes, store.Create(doc(keys[n], fmt.Sprint(n), store.Fields{"n": int64(n)})))
		}
		one := store.Create(doc(thing("one more"), "", nil))
		_, err := i.Store.Commit(i.ctx, append(writes, one)...)
		i.is(err, store.ErrTooLarge, "%d writes", len(writes)+1)
		i.absent(keys[0], keys[499])
		i.commit(writes...)
		for n, d := range i.get(keys...) {
			if string(d.Payload) != fmt.Sprint(n) || d.Fields["n"] != int64(n) {
				i.Fatalf("%s holds %q", d.Key, d.Payload)
			}
		}
		_, err = i.Store.Get(i.ctx, append(keys, thing("one more"))...)
		i.is(err, store.ErrTooLarge, "%d keys", len(keys)+1)
	}},
	{"CommitBytes", func(i *instance) {
		// Eleven documents that come to MaxCommit exactly, then to one byte more.
		eleven := func(left int) (writes []store.Write) {
			for n := range 11 {
				d := doc(thing(fmt.Sprintf("%02d", n)), "", nil)
				d.Payload = make([]byte, left/(11-n)-store.Size(d))
				left -= store.Size(d)
				writes = append(writes, store.Set(d))
			}
			if left != 0 {
				i.Fatalf("the test is wrong: %d bytes left", left)
			}
			return writes
		}
		writes := eleven(store.MaxCommit)
		writes[3].Doc.Payload = append(writes[3].Doc.Payload, 0)
		_, err := i.Store.Commit(i.ctx, writes...)
		i.is(err, store.ErrTooLarge, "one byte over the largest commit")
		i.absent(thing("00"), thing("10"))
		writes[3].Doc.Payload = writes[3].Doc.Payload[1:]
		if i.CommitBytes > 0 {
			writes = eleven(i.CommitBytes)
		}
		i.commit(writes...)
		i.one(thing("10"))
	}},
	{"StringField", func(i *instance) {
		long := strings.Repeat("ä", store.MaxString/2)
		i.commit(store.Create(doc(thing("s"), "", store.Fields{"color": long})))
		if i.one(thing("s")).Fields["color"] != long {
			i.Error("the longest string came back changed")
		}
		i.refused(store.ErrTooLarge, 0, store.Set(doc(thing("s"), "", store.Fields{"color": long + "x"})))
	}},
}

var writeTests = []test{
	{"Create", func(i *instance) {
		i.commit(store.Create(doc(thing("a"), "first", nil)))
		i.refused(store.ErrExists, 1, store.Create(doc(thing("b"), "", nil)), store.Create(doc(thing("a"), "second", nil)))
		if p := string(i.one(thing("a")).Payload); p != "first" {
			i.Errorf("a Create overwrote: %q", p)
		}
		i.absent(thing("b"))
		i.commit(store.Delete(thing("a")))
		i.commit(store.Create(doc(thing("a"), "third", nil)))
	}},
	{"SetReplacesAll", func(i *instance) {
		i.commit(store.Set(store.Doc{Key: thing("a"), Payload: []byte("one"), Fields: store.Fields{"color": "red", "n": int64(1)}, Expires: i.now().Add(time.Hour)}))
		i.commit(store.Set(doc(thing("a"), "two", store.Fields{"m": int64(2)})))
		d := i.one(thing("a"))
		if string(d.Payload) != "two" || !maps.Equal(d.Fields, store.Fields{"m": int64(2)}) || !d.Expires.IsZero() {
			i.Errorf("after Set: %+v", d)
		}
	}},
	{"ReplaceComparesRev", func(i *instance) {
		i.commit(store.Create(store.Doc{Key: thing("a"), Fields: store.Fields{"color": "red"}, Expires: i.now().Add(time.Hour)}))
		old := i.one(thing("a"))
		next := doc(thing("a"), "next", store.Fields{"n": int64(1)})
		next.Rev = old.Rev
		next.Rev = i.commit(store.Replace(next)).Revs[0]
		d := i.one(thing("a"))
		if string(d.Payload) != "next" || !maps.Equal(d.Fields, store.Fields{"n": int64(1)}) || !d.Expires.IsZero() {
			i.Errorf("after Replace: %+v", d)
		}
		i.refused(store.ErrConflict, 1, store.Set(doc(thing("b"), "", nil)), store.Replace(old))
		i.absent(thing("b"))
		i.commit(store.Delete(thing("a")))
		i.refused(store.ErrConflict, 0, store.Replace(next))
		i.commit(store.Create(doc(thing("a"), "next", nil)))
		i.refused(store.ErrConflict, 0, store.Replace(next)) // the same state again is not the same rev
		i.refused(store.ErrInvalid, 0, store.Replace(doc(thing("a"), "", nil)))
	}},
	{"Delete", func(i *instance) {
		i.commit(store.Create(doc(thing("a"), "", nil)))
		c := i.commit(store.Delete(thing("a")), store.Delete(thing("never")))
		if c.Revs[0] != "" || c.Revs[1] != "" {
			i.Errorf("a delete returned revs %q", c.Revs)
		}
		i.absent(thing("a"), thing("never"))
	}},
	{"DeleteAtComparesRev", func(i *instance) {
		rev := i.commit(store.Create(doc(thing("a"), "", nil))).Revs[0]
		newer := i.commit(store.Set(doc(thing("a"), "", nil))).Revs[0]
		i.refused(store.ErrConflict, 0, store.DeleteAt(thing("a"), rev))
		i.one(thing("a"))
		i.commit(store.DeleteAt(thing("a"), newer))
		i.absent(thing("a"))
		i.refused(store.ErrConflict, 0, store.DeleteAt(thing("a"), newer))
		i.refused(store.ErrInvalid, 0, store.DeleteAt(thing("a"), ""))
	}},
	{"Increment", func(i *instance) {
		expires := i.now().Add(time.Hour)
		i.commit(store.Create(doc(thing("a"), "kept", store.Fields{"color": "red", "n": int64(40)})))
		i.commit(store.Increment(thing("a"), map[string]int64{"n": 2, "m": -3}, time.Time{}))
		d := i.one(thing("a"))
		if string(d.Payload) != "kept" || !maps.Equal(d.Fields, store.Fields{"color": "red", "n": int64(42), "m": int64(-3)}) || !d.Expires.IsZero() {
			i.Errorf("after an increment: %+v", d)
		}
		i.commit(store.Increment(thing("a"), map[string]int64{"n": 1}, expires))
		i.commit(store.Increment(thing("a"), map[string]int64{"n": 1}, time.Time{}))
		if d := i.one(thing("a")); !d.Expires.Equal(expires) || d.Fields["n"] != int64(44) || string(d.Payload) != "kept" {
			i.Errorf("after increments with and without expiry: %+v", d)
		}
		i.commit(store.Increment(thing("new"), map[string]int64{"n": 0, "m": 5}, time.Time{}))
		if d := i.one(thing("new")); len(d.Payload) != 0 || !maps.Equal(d.Fields, store.Fields{"n": int64(0), "m": int64(5)}) {
			i.Errorf("an increment of nothing made %+v", d)
		}
	}},
	{"IncrementStaysInRange", func(i *instance) {
		i.commit(store.Create(doc(entry("a"), "", store.Fields{"n": int64(math.MaxInt64 - 1), "m": int64(math.MinInt64 + 1)})))
		i.commit(store.Increment(entry("a"), map[string]int64{"n": 5, "m": -5}, time.Time{}))
		if d := i.one(entry("a")); d.Fields["n"] != int64(math.MaxInt64) || d.Fields["m"] != int64(math.MinInt64) {
			i.Errorf("beyond int64: %v", d.Fields)
		}
	}},
	{"RefusedBeforeAnything", func(i *instance) {
		ok := store.Create(doc(thing("ok"), "", nil))
		for name, w := range map[string]store.Write{
			"same key twice":           store.Set(doc(thing("ok"), "", nil)),
			"same key deleted":         store.Delete(thing("ok")),
			"undeclared field":         store.Set(doc(thing("x"), "", store.Fields{"size": int64(1)})),
			"reserved field":           store.Set(doc(thing("x"), "", store.Fields{"payload": "x"})),
			"field of another kind":    store.Set(doc(entry("x"), "", store.Fields{"color": "red"})),
			"int for string":           store.Set(doc(thing("x"), "", store.Fields{"color": int64(1)})),
			"int is not int64":         store.Set(doc(thing("x"), "", store.Fields{"n": 1})),
			"float for int":            store.Set(doc(thing("x"), "", store.Fields{"n": 1.0})),
			"string for time":          store.Set(doc(thing("x"), "", store.Fields{"at": "2024-01-01"})),
			"int for bool":             store.Set(doc(thing("x"), "", store.Fields{"flag": int64(1)})),
			"nil":                      store.Set(doc(thing("x"), "", store.Fields{"color": nil})),
			"string not UTF-8":         store.Set(doc(thing("x"), "", store.Fields{"color": "\xff"})),
			"year 10000":               store.Set(doc(thing("x"), "", store.Fields{"at": time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})),
			"year 0":                   store.Set(doc(thing("x"), "", store.Fields{"at": time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)})),
			"negative schema":          store.Set(store.Doc{Key: thing("x"), Schema: -1}),
			"expiry of a kind without": store.Set(store.Doc{Key: entry("x"), Expires: i.now().Add(time.Hour)}),
			"increment with expiry":    store.Increment(entry("x"), map[string]int64{"n": 1}, i.now().Add(time.Hour)),
			"increment of nothing":     store.Increment(thing("x"), nil, time.Time{}),
			"increment of a string":    store.Increment(thing("x"), map[string]int64{"color": 1}, time.Time{}),
			"increment of undeclared":  store.Increment(thing("x"), map[string]int64{"size": 1}, time.Time{}),
			"no operation":             {Doc: doc(thing("x"), "", nil)},
			"unknown operation":        {Op: 99, Doc: doc(thing("x"), "", nil)},
		} {
			i.Run(name, func(t *testing.T) {
				(&instance{T: t, Harness: i.Harness, ctx: i.ctx}).refused(store.ErrInvalid, 1, ok, w)
			})
		}
		i.absent(thing("ok"), thing("x"), entry("x"))
	}},
	{"RevsThatAreNone", func(i *instance) {
		old := i.commit(store.Create(doc(thing("a"), "kept", nil))).Revs[0]
		other := i.commit(store.Create(doc(entry("a"), "", nil))).Revs[0]
		for _, rev := range []store.Rev{"0", "-1", "x", " ", ".", "..", "1.", ".1", "1.x", "1.2.3", "9223372036854775807", "-9223372036854775808", "99999999999999999999", old + "0", old + ".", old + ".1", "0" + other, other} {
			i.refused(store.ErrConflict, 1, store.Set(doc(entry("b"), "", nil)), store.Replace(store.Doc{Key: thing("a"), Payload: []byte("lost"), Rev: rev}))
			i.refused(store.ErrConflict, 0, store.DeleteAt(thing("a"), rev))
			i.refused(store.ErrConflict, 0, store.DeleteAt(thing("none"), rev))
		}
		if p := string(i.one(thing("a")).Payload); p != "kept" {
			i.Errorf("%q", p)
		}
		i.absent(entry("b"))
	}},
	// What an increment returns is what a read would, whatever expiry it set or left.
	{"RevsOfIncrements", func(i *instance) {
		later := i.now().Add(time.Hour)
		i.commit(store.Create(store.Doc{Key: thing("expires"), Expires: later}), store.Create(doc(thing("stays"), "", nil)))
		for _, id := range []string{"expires", "stays", "new"} {
			for _, expires := range []time.Time{{}, later.Add(time.Hour), {}} {
				rev := i.commit(store.Increment(thing(id), map[string]int64{"n": 1}, expires)).Revs[0]
				d := i.one(thing(id))
				if d.Rev != rev {
					i.Errorf("%s: the commit says rev %q, a read %q", id, rev, d.Rev)
				}
				d.Rev = rev
				d.Payload = []byte("kept")
				i.commit(store.Replace(d))
			}
			i.commit(store.DeleteAt(thing(id), i.commit(store.Increment(thing(id), map[string]int64{"n": 1}, time.Time{})).Revs[0]))
		}
		rev := i.commit(store.Increment(entry("a"), map[string]int64{"n": 1}, time.Time{})).Revs[0]
		i.commit(store.Replace(store.Doc{Key: entry("a"), Rev: rev}))
	}},
	{"IncrementsByTheHundred", func(i *instance) {
		var writes []store.Write
		var keys []store.Key
		for n := range store.MaxWrites {
			keys = append(keys, thing(fmt.Sprintf("%03d", n)))
			writes = append(writes, store.Increment(keys[n], map[string]int64{"n": int64(n), "m": 1}, time.Time{}))
		}
		i.commit(writes...)
		i.commit(writes...)
		for n, d := range i.get(keys...) {
			if d.Fields["n"] != int64(2*n) || d.Fields["m"] != int64(2) {
				i.Fatalf("%s: %v", d.Key, d.Fields)
			}
		}
	}},
	{"AllOrNone", func(i *instance) {
		i.commit(store.Create(doc(thing("there"), "old", store.Fields{"n": int64(1)})), store.Create(doc(entry("gone"), "", nil)))
		i.refused(store.ErrExists, 5,
			store.Create(doc(thing("a"), "", nil)), store.Set(doc(thing("b"), "", nil)), store.Delete(entry("gone")),
			store.Increment(entry("c"), map[string]int64{"n": 1}, time.Time{}), store.Create(doc(entry("d"), "", nil)),
			store.Create(doc(thing("there"), "new", nil)), store.Set(doc(thing("e"), "", nil)))
		i.absent(thing("a"), thing("b"), entry("c"), entry("d"), thing("e"))
		i.one(entry("gone"))
		if d := i.one(thing("there")); string(d.Payload) != "old" {
			i.Errorf("%q", d.Payload)
		}
	}},
}
