package sqlite_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jonboulle/clockwork"

	"rowsmith/tasks/store"
	"rowsmith/tasks/store/sqlite"
)

// benchKind is shaped like a job's chunks: found by job and state, in order.
var benchKind = store.Kind{
	Name: "chunks", Schema: 1,
	Fields: []store.Field{{Name: "job", Type: store.String}, {Name: "state", Type: store.String}, {Name: "rows", Type: store.Int}},
	Shapes: []store.Shape{{Equal: []string{"job", "state"}, Sum: []string{"rows"}}},
}

func openBench(b *testing.B) *sqlite.Store {
	b.Helper()
	write, read, err := sqlite.Open(b.TempDir() + "/store.db")
	if err != nil {
		b.Fatal(err)
	}
	schema, err := store.NewSchema(benchKind)
	if err != nil {
		b.Fatal(err)
	}
	s, err := sqlite.New(b.Context(), write, read, schema, clockwork.NewRealClock())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close(); read.Close(); write.Close() })
	return s
}

func benchDoc(n int64) store.Doc {
	return store.Doc{
		Key:     store.Key{Account: "acme", Kind: "chunks", ID: fmt.Sprintf("job-%08d", n)},
		Payload: make([]byte, 200),
		Fields:  store.Fields{"job": "job", "state": "waiting", "rows": int64(100)},
	}
}

func fill(b *testing.B, s *sqlite.Store, n int) {
	b.Helper()
	for i := 0; i < n; i += store.MaxWrites {
		var writes []store.Write
		for j := i; j < min(n, i+store.MaxWrites); j++ {
			writes = append(writes, store.Create(benchDoc(int64(j))))
		}
		if _, err := s.Commit(b.Context(), writes...); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCreate10000 makes 10,000 small documents in commits of 500.
func BenchmarkCreate10000(b *testing.B) {
	for range b.N {
		b.StopTimer()
		s := openBench(b)
		b.StartTimer()
		fill(b, s, 10_000)
	}
}

// BenchmarkCommitOne is one document a commit, one caller.
func BenchmarkCommitOne(b *testing.B) {
	s := openBench(b)
	for i := range b.N {
		if _, err := s.Commit(b.Context(), store.Create(benchDoc(int64(i)))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCommitMany is one document a commit, many callers, who share the wait for the disk.
func BenchmarkCommitMany(b *testing.B) {
	s := openBench(b)
	var n atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Commit(context.Background(), store.Create(benchDoc(n.Add(1)))); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkGet(b *testing.B) {
	for _, n := range []int{1, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := openBench(b)
			fill(b, s, 1000)
			var keys []store.Key
			for i := range n {
				keys = append(keys, benchDoc(int64(i)).Key)
			}
			b.ResetTimer()
			for range b.N {
				if _, err := s.Get(b.Context(), keys...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkQuery reads the third page of a hundred out of ten thousand, and sums and counts them all.
func BenchmarkQuery(b *testing.B) {
	s := openBench(b)
	fill(b, s, 10_000)
	q := store.Query{Kind: "chunks", Account: "acme", Limit: 100, Where: []store.Where{
		{Field: "job", Cmp: store.Eq, Value: "job"}, {Field: "state", Cmp: store.Eq, Value: "waiting"}}}
	for range 2 {
		page, err := s.Query(b.Context(), q)
		if err != nil {
			b.Fatal(err)
		}
		q.After = page.Next
	}
	b.Run("page", func(b *testing.B) {
		for range b.N {
			if _, err := s.Query(b.Context(), q); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sum", func(b *testing.B) {
		for range b.N {
			if _, err := s.Sum(b.Context(), q, "rows"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkTransact(b *testing.B) {
	s := openBench(b)
	fill(b, s, 100)
	key := benchDoc(1).Key
	for range b.N {
		err := s.Transact(b.Context(), func(ctx context.Context, tx store.Tx) error {
			r, err := tx.Get(key)
			if err != nil {
				return err
			}
			d := r.Docs[0]
			d.Fields["rows"] = d.Fields["rows"].(int64) + 1
			return tx.Write(store.Set(d))
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
