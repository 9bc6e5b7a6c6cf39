package firestore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"rowsmith/tasks/store"
	"rowsmith/tasks/store/firestore"
	"rowsmith/tasks/store/firestore/emulator"
	"rowsmith/tasks/store/storetest"
)

// A fault stands between a store and the service. For each Commit it is asked what to do, with the way on.
type fault struct {
	mu      sync.Mutex
	commits int
	next    func(n int, req *pb.CommitRequest, on func() error) error // nil: on
	aborted chan struct{}                                             // told of every Aborted of the service's own
}

func (f *fault) options() []option.ClientOption {
	return []option.ClientOption{option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(
		func(ctx context.Context, method string, req, reply any, c *grpc.ClientConn, invoke grpc.UnaryInvoker, o ...grpc.CallOption) error {
			on := func() error {
				err := invoke(ctx, method, req, reply, c, o...)
				if status.Code(err) == codes.Aborted && f.aborted != nil {
					select {
					case f.aborted <- struct{}{}:
					default:
					}
				}
				return err
			}
			commit, ok := req.(*pb.CommitRequest)
			if !ok {
				return on()
			}
			f.mu.Lock()
			f.commits++
			n, next := f.commits, f.next
			f.mu.Unlock()
			if next == nil {
				return on()
			}
			return next(n, commit, on)
		}))}
}

var errLost = status.Error(codes.Unavailable, "connection lost")

// lostAnswer applies the first commit and says that it is not known.
func lostAnswer(n int, _ *pb.CommitRequest, on func() error) error {
	if err := on(); err != nil || n > 1 {
		return err
	}
	return errLost
}

// lostRequest does not apply the first commit, and says the same.
func lostRequest(n int, _ *pb.CommitRequest, on func() error) error {
	if n > 1 {
		return on()
	}
	return errLost
}

func thing(id string) store.Key { return store.Key{Account: "acme", Kind: "things", ID: id} }
func entry(id string) store.Key { return store.Key{Account: "acme", Kind: "entries", ID: id} }

func doc(key store.Key, payload string) store.Doc {
	return store.Doc{Key: key, Payload: []byte(payload)}
}

func bump(key store.Key) store.Write {
	return store.Increment(key, map[string]int64{"n": 1}, time.Time{})
}

// faulty opens a store behind a fault, and one that is not, over the same documents.
func faulty(t *testing.T, f *fault) (behind, clean *firestore.Store) {
	t.Helper()
	project := emulator.Project()
	return open(t, firestore.Config{Project: project, Options: f.options()}, storetest.Kinds()...),
		open(t, firestore.Config{Project: project}, storetest.Kinds()...)
}

func must(t *testing.T, s store.Store, writes ...store.Write) store.Commit {
	t.Helper()
	c, err := s.Commit(t.Context(), writes...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func one(t *testing.T, s store.Store, key store.Key) store.Doc {
	t.Helper()
	d, err := store.One(t.Context(), s, key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestAnswerOfACommitIsLost: whatever was committed, it was applied once, and the caller is told of it as if nothing had been.
func TestAnswerOfACommitIsLost(t *testing.T) {
	for name, c := range map[string]func(made store.Rev) []store.Write{
		"create": func(store.Rev) []store.Write { return []store.Write{store.Create(doc(thing("a"), "new"))} },
		"set":    func(store.Rev) []store.Write { return []store.Write{store.Set(doc(thing("a"), "new"))} },
		"replace": func(r store.Rev) []store.Write {
			return []store.Write{store.Replace(store.Doc{Key: thing("there"), Rev: r})}
		},
		"increment":          func(store.Rev) []store.Write { return []store.Write{bump(entry("a"))} },
		"increment, expires": func(store.Rev) []store.Write { return []store.Write{bump(thing("a"))} },
		"delete and create": func(store.Rev) []store.Write {
			return []store.Write{store.Delete(thing("there")), store.Create(doc(thing("a"), "new"))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fault{next: lostAnswer}
			s, clean := faulty(t, f)
			writes := c(must(t, clean, store.Create(doc(thing("there"), ""))).Revs[0])
			got, err := s.Commit(t.Context(), writes...)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range writes {
				r, err := clean.Get(t.Context(), w.Doc.Key)
				if err != nil {
					t.Fatal(err)
				}
				if r.Docs[0].Rev != got.Revs[i] {
					t.Errorf("%s is at %q, the commit said %q", w.Doc.Key, r.Docs[0].Rev, got.Revs[i])
				}
				if n, ok := r.Docs[0].Fields["n"]; ok && n != int64(1) {
					t.Errorf("%v after one increment", n)
				}
			}
			if got.At.IsZero() || f.commits != 1 {
				t.Errorf("at %v, %d commits sent", got.At, f.commits)
			}
		})
	}
}

func TestRequestOfACommitIsLost(t *testing.T) {
	for name, c := range map[string]struct {
		writes []store.Write
		want   error
		n      any
	}{
		"create":               {[]store.Write{store.Create(doc(entry("a"), "new"))}, nil, nil},
		"set":                  {[]store.Write{store.Set(doc(entry("a"), "new"))}, nil, nil},
		"increment and create": {[]store.Write{bump(entry("a")), store.Create(doc(entry("b"), ""))}, nil, int64(1)},
		// Nothing would keep it from being counted twice, were the request still under way.
		"increment": {[]store.Write{bump(entry("a"))}, store.ErrUnavailable, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, clean := faulty(t, &fault{next: lostRequest})
			if _, err := s.Commit(t.Context(), c.writes...); !errors.Is(err, c.want) {
				t.Fatalf("error is %v, want %v", err, c.want)
			}
			r, err := clean.Get(t.Context(), entry("a"))
			if err != nil || r.Docs[0].Exists() != (c.want == nil) || r.Docs[0].Fields["n"] != c.n {
				t.Errorf("%+v, %v", r.Docs[0], err)
			}
		})
	}
}

// TestOthersGoOnAfterALostAnswer: what stands in the way of a second attempt may have followed on the first. Then
// it can't be said what happened, and ErrExists or ErrConflict would be a lie.
func TestOthersGoOnAfterALostAnswer(t *testing.T) {
	var clean *firestore.Store
	over := func(then func(t *testing.T)) *fault {
		return &fault{next: func(n int, _ *pb.CommitRequest, on func() error) error {
			if err := on(); err != nil || n > 1 {
				return err
			}
			then(t)
			return errLost
		}}
	}
	for name, c := range map[string]struct {
		write func(rev store.Rev) store.Write
		then  func(t *testing.T)
	}{
		"create": {func(store.Rev) store.Write { return store.Create(doc(entry("new"), "")) },
			func(t *testing.T) { must(t, clean, store.Set(doc(entry("new"), "theirs"))) }},
		"replace": {func(r store.Rev) store.Write { return store.Replace(store.Doc{Key: entry("old"), Rev: r}) },
			func(t *testing.T) { must(t, clean, store.Set(doc(entry("old"), "theirs"))) }},
		"delete":    {func(r store.Rev) store.Write { return store.DeleteAt(entry("old"), r) }, func(*testing.T) {}},
		"increment": {func(store.Rev) store.Write { return bump(entry("sum")) }, func(t *testing.T) { must(t, clean, bump(entry("sum"))) }},
	} {
		t.Run(name, func(t *testing.T) {
			var s *firestore.Store
			s, clean = faulty(t, over(c.then))
			rev := must(t, clean, store.Create(doc(entry("old"), ""))).Revs[0]
			_, err := s.Commit(t.Context(), c.write(rev))
			if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict) {
				t.Errorf("error is %v, want ErrUnavailable alone", err)
			}
			if name == "increment" {
				if n := one(t, clean, entry("sum")).Fields["n"]; n != int64(2) {
					t.Errorf("two increments made %v", n)
				}
			}
		})
	}
}

func TestAbortedCommitsAreTriedAgain(t *testing.T) {
	for _, code := range []codes.Code{codes.Aborted, codes.ResourceExhausted} {
		s, clean := faulty(t, &fault{next: func(n int, _ *pb.CommitRequest, on func() error) error {
			if n <= 4 {
				return status.Error(code, "too much contention on these documents")
			}
			return on()
		}})
		must(t, s, bump(entry("a")), store.Create(doc(entry("b"), "")), store.Set(doc(entry("c"), "")))
		if n := one(t, clean, entry("a")).Fields["n"]; n != int64(1) {
			t.Errorf("%s: %v", code, n)
		}
	}
}

// TestPlainWritesWaitForTransactions: the emulator answers Aborted to a write that a transaction has kept waiting for two seconds.
func TestPlainWritesWaitForTransactions(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the emulator to lose patience")
	}
	f := &fault{aborted: make(chan struct{}, 1)}
	s, clean := faulty(t, f)
	must(t, clean, store.Create(doc(entry("a"), "")))
	done := make(chan error, 1)
	runs := 0
	err := clean.Transact(t.Context(), func(_ context.Context, tx store.Tx) error {
		if _, err := tx.Get(entry("a")); err != nil {
			return err
		}
		if runs++; runs == 1 {
			go func() {
				_, err := s.Commit(t.Context(), store.Set(doc(entry("a"), "plain")))
				done <- err
			}()
			select {
			case <-f.aborted:
			case <-t.Context().Done():
			case <-time.After(time.Minute):
				t.Error("the write was not aborted")
			}
		}
		return tx.Write(bump(entry("a")))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if d := one(t, clean, entry("a")); string(d.Payload) != "plain" {
		t.Errorf("%+v", d)
	}
}

// TestTransactionsAreAppliedOnce: a closure does not run again when its commit's answer was lost.
func TestTransactionsAreAppliedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		next func(int, *pb.CommitRequest, func() error) error
		want error
		n    any
	}{"answer": {lostAnswer, nil, int64(1)}, "request": {lostRequest, store.ErrUnavailable, nil}} {
		t.Run(name, func(t *testing.T) {
			s, clean := faulty(t, &fault{next: c.next})
			runs := 0
			err := s.Transact(t.Context(), func(_ context.Context, tx store.Tx) error {
				runs++
				if _, err := tx.Get(entry("a")); err != nil {
					return err
				}
				return tx.Write(bump(entry("a")))
			})
			r, _ := clean.Get(t.Context(), entry("a"))
			if !errors.Is(err, c.want) || runs != 1 || r.Docs[0].Fields["n"] != c.n {
				t.Errorf("error %v after %d runs, n is %v", err, runs, r.Docs[0].Fields["n"])
			}
		})
	}
}

func TestTransactionsGiveUp(t *testing.T) {
	if testing.Short() {
		t.Skip("waits between its runs")
	}
	s, _ := faulty(t, &fault{next: func(int, *pb.CommitRequest, func() error) error { return status.Error(codes.Aborted, "contention") }})
	runs := 0
	err := s.Transact(t.Context(), func(_ context.Context, tx store.Tx) error {
		runs++
		if _, err := tx.Get(entry("a")); err != nil {
			return err
		}
		return tx.Write(bump(entry("a")))
	})
	if !errors.Is(err, store.ErrConflict) || runs < 5 {
		t.Errorf("error %v after %d runs", err, runs)
	}
}

// TestNoService: a store whose service does not answer says so within the caller's time, and one that comes back is used again.
func TestNoService(t *testing.T) {
	var down atomic.Bool
	s, _ := faulty(t, &fault{next: func(_ int, _ *pb.CommitRequest, on func() error) error {
		if down.Load() {
			return errLost
		}
		return on()
	}})
	down.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := s.Commit(ctx, store.Set(doc(entry("a"), "")))
	if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	down.Store(false)
	must(t, s, store.Set(doc(entry("a"), "")))

	gone := open(t, firestore.Config{Project: "demo-gone", Options: []option.ClientOption{option.WithEndpoint("passthrough:///127.0.0.1:1")}}, storetest.Kinds()...)
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := gone.Ping(ctx); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ping of nothing: %v", err)
	}
}
