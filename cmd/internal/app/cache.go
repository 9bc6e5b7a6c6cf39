package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rowsmith/enrichment"
	"rowsmith/tasks/store"
)

const kindCache = "cache"

// cacheKinds declares the cache's documents: one an account and subject.
func cacheKinds() []store.Kind { return []store.Kind{{Name: kindCache, Schema: 1, Expires: true}} }

// keepCached is how long a record outlives its last change; the freshest attribute lasts a year.
const keepCached = 400 * 24 * time.Hour

// cache keeps the engine's records in the store.
type cache struct {
	store store.Store
	now   func() time.Time
}

func (c *cache) keys(account string, ids []string) []store.Key {
	ks := make([]store.Key, len(ids))
	for i, id := range ids {
		ks[i] = store.Key{Account: account, Kind: kindCache, ID: id}
	}
	return ks
}

// Get implements enrichment.Cache.
func (c *cache) Get(ctx context.Context, account string, keys []string) ([]enrichment.Record, error) {
	out := make([]enrichment.Record, 0, len(keys))
	for len(keys) > 0 {
		n := min(len(keys), store.MaxWrites)
		r, err := c.store.Get(ctx, c.keys(account, keys[:n])...)
		if err != nil {
			return nil, fmt.Errorf("read cache: %w", err)
		}
		for _, d := range r.Docs {
			var rec enrichment.Record
			if d.Exists() {
				if err := json.Unmarshal(d.Payload, &rec); err != nil {
					return nil, fmt.Errorf("cache record %s: %w", d.Key, err)
				}
			}
			out = append(out, rec)
		}
		keys = keys[n:]
	}
	return out, nil
}

// Put implements enrichment.Cache. Records are merged by compare-and-set, so that two chunks that learn about the same
// subject at once both leave what they learned.
func (c *cache) Put(ctx context.Context, account string, records []enrichment.Record) error {
	for len(records) > 0 {
		n := min(len(records), 100)
		if err := c.put(ctx, account, records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

func (c *cache) put(ctx context.Context, account string, records []enrichment.Record) error {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.Key
	}
	// Most records are new: making them blindly spares a read of each.
	if done, err := c.create(ctx, account, records); done || err != nil {
		return err
	}
	for range 10 {
		r, err := c.store.Get(ctx, c.keys(account, ids)...)
		if err != nil {
			return fmt.Errorf("write cache: %w", err)
		}
		var writes []store.Write
		at := map[string]bool{}
		for i, d := range r.Docs {
			if at[ids[i]] {
				return fmt.Errorf("write cache: %s twice in one batch", d.Key)
			}
			at[ids[i]] = true
			var old enrichment.Record
			if d.Exists() {
				if err := json.Unmarshal(d.Payload, &old); err != nil {
					return fmt.Errorf("cache record %s: %w", d.Key, err)
				}
			}
			if d.Payload, err = json.Marshal(merge(old, records[i])); err != nil {
				return fmt.Errorf("cache record %s: %w", d.Key, err)
			}
			w := store.Create(d)
			if d.Exists() {
				w = store.Replace(d)
			}
			w.Doc.Expires = c.now().Add(keepCached)
			writes = append(writes, w)
		}
		_, err = c.store.Commit(ctx, writes...)
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("write cache: %w", err)
		}
	}
	return fmt.Errorf("write cache: %w", store.ErrConflict)
}

// create makes the records' documents; done is false where one of them is there already: then none was made.
func (c *cache) create(ctx context.Context, account string, records []enrichment.Record) (done bool, err error) {
	writes := make([]store.Write, len(records))
	for i, r := range records {
		p, err := json.Marshal(merge(enrichment.Record{}, r))
		if err != nil {
			return false, fmt.Errorf("cache record %s: %w", r.Key, err)
		}
		writes[i] = store.Create(store.Doc{
			Key: store.Key{Account: account, Kind: kindCache, ID: r.Key}, Payload: p, Expires: c.now().Add(keepCached),
		})
	}
	if _, err := c.store.Commit(ctx, writes...); errors.Is(err, store.ErrExists) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("write cache: %w", err)
	}
	return true, nil
}

// merge lays a record over an older one: newer values win, blanks never do.
func merge(old, with enrichment.Record) enrichment.Record {
	out := enrichment.Record{Key: with.Key, Values: map[string]enrichment.Value{}, Misses: map[string]time.Time{}, Buyer: map[string]string{}}
	for a, v := range old.Values {
		out.Values[a] = v
	}
	for a, b := range old.Buyer {
		out.Buyer[a] = b
	}
	for a, v := range with.Values {
		if have, ok := out.Values[a]; ok && (v.Value == nil && have.Value != nil || v.FetchedAt.Before(have.FetchedAt)) {
			continue
		}
		out.Values[a] = v
		delete(out.Buyer, a)
		if b, ok := with.Buyer[a]; ok {
			out.Buyer[a] = b
		}
	}
	for _, m := range []map[string]time.Time{old.Misses, with.Misses} {
		for p, until := range m {
			if until.After(out.Misses[p]) {
				out.Misses[p] = until
			}
		}
	}
	return out
}
