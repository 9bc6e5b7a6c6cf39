package storetest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"strings"
	"time"

	"rowsmith/tasks/store"
)

var documentTests = []test{
	{"AbsentIsNoError", func(i *instance) {
		i.absent(thing("a"), entry("b"))
		_, err := store.One(i.ctx, i.Store, thing("a"))
		i.is(err, store.ErrNotFound, "One of nothing")
	}},
	{"GetKeepsTheOrderOfKeys", func(i *instance) {
		i.commit(store.Create(doc(thing("a"), "A", nil)), store.Create(doc(entry("a"), "B", nil)), store.Create(doc(thing("b"), "C", nil)))
		keys := []store.Key{thing("b"), thing("none"), entry("a"), thing("a"), thing("b")}
		var got []string
		for n, d := range i.get(keys...) {
			if d.Key != keys[n] {
				i.Errorf("doc %d is %s, want %s", n, d.Key, keys[n])
			}
			got = append(got, string(d.Payload))
		}
		if s := strings.Join(got, ","); s != "C,,B,A,C" {
			i.Errorf("payloads %s", s)
		}
		if len(i.get()) != 0 {
			i.Error("get of nothing found something")
		}
	}},
	{"PayloadsAreExact", func(i *instance) {
		all := make([]byte, 256)
		for n := range all {
			all[n] = byte(n)
		}
		for name, p := range map[string][]byte{
			"nil": nil, "empty": {}, "nul": {0}, "nuls": make([]byte, 1000), "text": []byte(`{"a":"é\u0000"}`), "bytes": all,
			"not utf-8": {0xff, 0xfe, 0x00, 0x80}, "large": bytes.Repeat(all, 900<<10/256),
		} {
			i.commit(store.Set(store.Doc{Key: thing("p"), Payload: p}))
			got := i.one(thing("p")).Payload
			if !bytes.Equal(got, p) {
				i.Errorf("%s: %d bytes came back of %d", name, len(got), len(p))
			}
		}
	}},
	{"AReadIsTheCallersOwn", func(i *instance) {
		given := doc(thing("a"), "given", store.Fields{"n": int64(1)})
		i.commit(store.Create(given))
		copy(given.Payload, "XXXXX")
		given.Fields["n"] = int64(2)
		read := i.one(thing("a"))
		if string(read.Payload) != "given" || read.Fields["n"] != int64(1) {
			i.Errorf("changing what was given changed the store: %q %v", read.Payload, read.Fields)
		}
		copy(read.Payload, "YYYYY")
		read.Fields["n"] = int64(3)
		if again := i.one(thing("a")); string(again.Payload) != "given" || again.Fields["n"] != int64(1) {
			i.Errorf("changing what was read changed the store: %q %v", again.Payload, again.Fields)
		}
	}},
	{"FieldsKeepTheirValues", func(i *instance) {
		for name, f := range map[string]store.Fields{
			"none":     {},
			"all":      {"color": "red", "name": "Zoë", "n": int64(7), "m": int64(-7), "flag": true, "at": time.Date(2024, 2, 29, 23, 59, 59, 123456000, time.UTC)},
			"zeros":    {"color": "", "n": int64(0), "flag": false, "at": time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)},
			"ends":     {"n": int64(math.MaxInt64), "m": int64(math.MinInt64)},
			"epoch":    {"at": time.Unix(0, 0).UTC()},
			"past":     {"at": time.Date(1901, 12, 13, 0, 0, 0, 1000, time.UTC)},
			"future":   {"at": time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)},
			"unicode":  {"name": "日本語 \U0001F600 e\u0301 é ' \" \\ % _ \t\n"},
			"numerals": {"name": "007", "color": "1e3"},
		} {
			i.commit(store.Set(store.Doc{Key: thing("f"), Fields: f}))
			if got := i.one(thing("f")).Fields; !maps.Equal(got, f) {
				i.Errorf("%s: %v came back of %v", name, got, f)
			}
		}
	}},
	{"TimesAreUTCMicroseconds", func(i *instance) {
		east := time.FixedZone("east", 5*3600)
		at := time.Date(2024, 5, 1, 3, 0, 0, 123456999, east)
		old := time.Date(1960, 5, 1, 3, 0, 0, 999, time.UTC)
		expires := i.now().Add(time.Hour).Truncate(time.Second).Add(1234567 * time.Nanosecond).In(east)
		i.commit(store.Create(store.Doc{Key: thing("t"), Fields: store.Fields{"at": at}, Expires: expires}),
			store.Create(store.Doc{Key: thing("old"), Fields: store.Fields{"at": old}}))
		d := i.one(thing("t"))
		if want := time.Date(2024, 4, 30, 22, 0, 0, 123456000, time.UTC); d.Fields["at"] != want {
			i.Errorf("field %v, want %v", d.Fields["at"], want)
		}
		if want := expires.UTC().Truncate(time.Microsecond); d.Expires != want {
			i.Errorf("expires %v, want %v", d.Expires, want)
		}
		if want := time.Date(1960, 5, 1, 3, 0, 0, 0, time.UTC); i.one(thing("old")).Fields["at"] != want {
			i.Errorf("before 1970: %v, want %v", i.one(thing("old")).Fields["at"], want)
		}
		// What a value is cut to, a query's value is cut to as well.
		if p := i.query(store.Query{Kind: "things", Account: "acme", Limit: 1, Where: []store.Where{{Field: "at", Cmp: store.Eq, Value: at}}}); len(p.Docs) != 1 {
			i.Error("a query with the very value that was written finds nothing")
		}
	}},
	{"SchemaIsStamped", func(i *instance) {
		i.commit(store.Create(doc(thing("now"), "", nil)), store.Create(store.Doc{Key: thing("then"), Schema: 1}))
		if v := i.one(thing("now")).Schema; v != 3 {
			i.Errorf("schema %d, want the kind's 3", v)
		}
		if v := i.one(thing("then")).Schema; v != 1 {
			i.Errorf("schema %d, want the 1 that was written", v)
		}
		i.commit(store.Increment(thing("then"), map[string]int64{"n": 1}, time.Time{}), store.Increment(thing("made"), map[string]int64{"n": 1}, time.Time{}))
		if v := i.one(thing("then")).Schema; v != 1 {
			i.Errorf("an increment made schema 1 a %d", v)
		}
		if v := i.one(thing("made")).Schema; v != 3 {
			i.Errorf("an increment made a document of schema %d, want the kind's 3", v)
		}
	}},
	{"RevsTellStatesApart", func(i *instance) {
		seen := map[store.Rev]bool{}
		step := func(what string, w store.Write) {
			rev := i.commit(w).Revs[0]
			if got := i.get(thing("r"))[0].Rev; got != rev {
				i.Errorf("%s: the commit says rev %q, a read %q", what, rev, got)
			}
			if rev != "" && seen[rev] {
				i.Errorf("%s: rev %q came back", what, rev)
			}
			seen[rev] = true
		}
		same := doc(thing("r"), "same", nil)
		step("create", store.Create(same))
		step("set", store.Set(same))
		step("increment", store.Increment(thing("r"), map[string]int64{"n": 0}, time.Time{}))
		d := i.one(thing("r"))
		step("replace", store.Replace(d))
		step("delete", store.Delete(thing("r")))
		step("create again", store.Create(same))
	}},
	{"RevStaysWhileNothingIsWritten", func(i *instance) {
		rev := i.commit(store.Create(doc(thing("a"), "", nil))).Revs[0]
		i.commit(store.Create(doc(thing("b"), "", nil)))
		if i.one(thing("a")).Rev != rev {
			i.Error("writing one document changed another's rev")
		}
	}},
}

var keyTests = []test{
	{"Allowed", func(i *instance) {
		for _, s := range []string{
			"a", " ", "A b", "a.b", "...", "_", "_a_", "__a", "a__", "é", "e\u0301", "日本語", "\U0001F468\u200D\U0001F469\u200D\U0001F466", "a\\b", `"`, "'", "%2F", "*", "[`]", "007", "7",
			"user@example.com", "a:b|c", "\u2028", strings.Repeat("x", store.MaxID), strings.Repeat("é", store.MaxID/2),
		} {
			for _, key := range []store.Key{{Account: s, Kind: "plain", ID: "x"}, {Account: "acme", Kind: "plain", ID: s}} {
				i.commit(store.Create(doc(key, s, nil)))
				if d := i.one(key); string(d.Payload) != s || d.Key != key {
					i.Errorf("%q holds %q", key, d.Payload)
				}
			}
		}
		i.commit(store.Create(doc(store.Key{Account: store.Shared, Kind: "plain", ID: "x"}, "", nil)))
	}},
	{"Refused", func(i *instance) {
		for _, s := range []string{
			"", "/", "a/b", ".", "..", "__", "____", "__a__", "a\x00", "\x1f", "\u007f", "\u0085", "a\nb", "\xff", "a\xc3", strings.Repeat("x", store.MaxID+1),
		} {
			for _, key := range []store.Key{{Account: s, Kind: "plain", ID: "x"}, {Account: "acme", Kind: "plain", ID: s}} {
				_, err := i.Store.Get(i.ctx, key)
				i.is(err, store.ErrInvalid, "get %q", key)
				i.refused(store.ErrInvalid, 1, store.Create(doc(thing("ok"), "", nil)), store.Create(doc(key, "", nil)))
				i.refused(store.ErrInvalid, 0, store.Delete(key))
			}
			if s != "" {
				_, err := i.Store.Query(i.ctx, store.Query{Kind: "things", Account: s, Limit: 1})
				i.is(err, store.ErrInvalid, "query account %q", s)
			}
		}
		i.absent(thing("ok"))
	}},
	{"UndeclaredKind", func(i *instance) {
		for _, kind := range []string{"", "nothing", "Things", "things "} {
			key := store.Key{Account: "acme", Kind: kind, ID: "x"}
			_, err := i.Store.Get(i.ctx, key)
			i.is(err, store.ErrInvalid, "get of kind %q", kind)
			i.refused(store.ErrInvalid, 0, store.Set(doc(key, "", nil)))
			_, err = i.Store.Query(i.ctx, store.Query{Kind: kind, Account: "acme", Limit: 1})
			i.is(err, store.ErrInvalid, "query of kind %q", kind)
		}
	}},
	{"AreAllDifferent", func(i *instance) {
		keys := []store.Key{
			{Account: "a", Kind: "things", ID: "x"}, {Account: "A", Kind: "things", ID: "x"}, {Account: "a", Kind: "things", ID: "X"},
			{Account: "a", Kind: "plain", ID: "x"}, {Account: "b", Kind: "things", ID: "x"}, {Account: "a", Kind: "things", ID: "x "},
			{Account: "a", Kind: "things", ID: "é"}, {Account: "a", Kind: "things", ID: "e\u0301"},
			{Account: "a", Kind: "things", ID: "1"}, {Account: "a", Kind: "things", ID: "01"}, {Account: "a", Kind: "things", ID: "1.0"},
		}
		for _, k := range keys {
			i.commit(store.Create(doc(k, k.String(), nil)))
		}
		for n, d := range i.get(keys...) {
			if string(d.Payload) != keys[n].String() {
				i.Errorf("%s holds %q", keys[n], d.Payload)
			}
		}
	}},
}

var lifetimeTests = []test{
	{"SurvivesReopen", func(i *instance) {
		full := store.Fields{"color": "red", "n": int64(1), "flag": true, "at": time.Unix(1, 0).UTC()}
		at := i.commit(store.Create(store.Doc{Key: thing("a"), Payload: []byte("A\x00"), Fields: full, Expires: i.now().Add(time.Hour)}),
			store.Create(doc(thing("b"), "B", nil)), store.Increment(entry("c"), map[string]int64{"n": 5}, time.Time{})).At
		i.commit(store.Delete(thing("b")))
		before := i.get(thing("a"), thing("b"), entry("c"))
		i.reopen()
		for n, d := range i.get(thing("a"), thing("b"), entry("c")) {
			if why := differ(before[n], d); why != "" || d.Rev != before[n].Rev {
				i.Errorf("%s: %s (rev %q, was %q)", d.Key, why, d.Rev, before[n].Rev)
			}
		}
		if i.now().Before(at) && i.Advance != nil {
			i.Error("store time ran backwards")
		}
		// A rev read before still compares, and new ones are new.
		rev := i.commit(store.Replace(before[0])).Revs[0]
		if rev == before[0].Rev {
			i.Error("a write left the rev")
		}
		i.refused(store.ErrConflict, 0, store.Replace(before[0]))
		p := i.query(store.Query{Kind: "things", Account: "acme", Limit: 10, Where: []store.Where{{Field: "color", Cmp: store.Eq, Value: "red"}}})
		if len(p.Docs) != 1 {
			i.Errorf("a query finds %d documents, want 1", len(p.Docs))
		}
	}},
	{"Ping", func(i *instance) {
		if err := i.Store.Ping(i.ctx); err != nil {
			i.Error(err)
		}
	}},
	{"ClosedIsUnavailable", func(i *instance) {
		if err := i.Store.Close(); err != nil {
			i.Fatal(err)
		}
		i.everyMethod(i.ctx, func(name string, err error) { i.is(err, store.ErrUnavailable, "%s", name) })
		if err := i.Store.Close(); err != nil {
			i.Errorf("closing again: %v", err)
		}
	}},
	{"EndedContext", func(i *instance) {
		ctx, cancel := context.WithCancel(i.ctx)
		cancel()
		i.everyMethod(ctx, func(name string, err error) {
			if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.Canceled) {
				i.Errorf("%s: error is %v, want ErrUnavailable and context.Canceled", name, err)
			}
		})
		i.absent(thing("x"))
	}},
	{"TimeNeverRunsBackwards", func(i *instance) {
		last := i.now()
		follow := func(what string, at time.Time) {
			i.Helper()
			if at.Before(last) {
				i.Errorf("%s at %v, before %v", what, at, last)
			}
			if at.Location() != time.UTC || at.Truncate(time.Microsecond) != at {
				i.Errorf("%s at %v: not UTC in microseconds", what, at)
			}
			last = at
		}
		for n := range 5 {
			follow("commit", i.commit(store.Set(doc(thing("x"), "", nil))).At)
			r, err := i.Store.Get(i.ctx, thing("x"))
			if err != nil {
				i.Fatal(err)
			}
			follow("get", r.At)
			follow("now", i.now())
			follow("query", i.query(store.Query{Kind: "things", Account: "acme", Limit: 1}).At)
			follow("empty commit", i.commit().At)
			if i.Advance != nil && n%2 == 0 {
				was := i.now()
				i.Advance(time.Second)
				if d := i.now().Sub(was); d < time.Second {
					i.Errorf("a second on, %v have passed", d)
				}
			}
		}
	}},
}

// everyMethod calls each method that can fail.
func (i *instance) everyMethod(ctx context.Context, check func(name string, err error)) {
	i.Helper()
	s := i.Store
	q := store.Query{Kind: "things", Account: "acme", Limit: 1, Where: []store.Where{{Field: "color", Cmp: store.Eq, Value: "red"}}}
	_, err := s.Get(ctx, thing("x"))
	check("Get", err)
	_, err = s.Get(ctx, thing("x"), entry("x"))
	check("Get of two kinds", err)
	_, err = s.Commit(ctx, store.Set(doc(thing("x"), "", nil)))
	check("Commit", err)
	_, err = s.Commit(ctx)
	check("Commit of nothing", err)
	check("Transact", s.Transact(ctx, func(_ context.Context, tx store.Tx) error {
		if _, err := tx.Get(thing("x")); err != nil {
			return err
		}
		return tx.Write(store.Set(doc(thing("x"), "", nil)))
	}))
	_, err = s.Query(ctx, q)
	check("Query", err)
	_, err = s.Count(ctx, q)
	check("Count", err)
	_, err = s.Sum(ctx, q, "n")
	check("Sum", err)
	_, err = s.Now(ctx)
	check("Now", err)
	check("Ping", s.Ping(ctx))
}
