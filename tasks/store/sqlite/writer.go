package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"rowsmith/tasks/store"
)

// A writer applies commits. SQLite writes one transaction at a time and each waits for the
// disk, so the commits that arrive while one is under way are applied together in the next: each is still all or
// none and sees those before it, but they share the wait.
type writer struct {
	store *Store
	texts map[string]*sql.Stmt

	mu      sync.Mutex
	pending []*request
	running bool
}

// A request is one commit, waiting or done.
type request struct {
	writes []store.Write
	view   *view // what a transaction read, which must still be so

	done   chan struct{}
	commit store.Commit
	err    error
}

// errStale: what a transaction read is no longer so.
var errStale = errors.New("read documents changed")

// groupWrites bounds the writes of requests that are applied together, so that others who use the connection get their turn.
const groupWrites = 2 * store.MaxWrites

// newWriter prepares all statements now: later the pool's one connection is taken when they are needed.
func newWriter(ctx context.Context, s *Store) (*writer, error) {
	w := &writer{store: s, texts: map[string]*sql.Stmt{}}
	for _, t := range s.tables {
		for _, text := range []string{t.lookup(t.head), t.put(1), t.put(many), t.amend(), t.remove()} {
			st, err := s.write.PrepareContext(ctx, text)
			if err != nil {
				return nil, errors.Join(err, w.close())
			}
			w.texts[text] = st
		}
	}
	return w, nil
}

func (w *writer) close() error {
	var errs []error
	for _, st := range w.texts {
		errs = append(errs, st.Close())
	}
	return errors.Join(errs...)
}

// do applies a request with whatever others are waiting.
func (w *writer) do(ctx context.Context, r *request) (store.Commit, error) {
	r.done = make(chan struct{})
	w.mu.Lock()
	w.pending = append(w.pending, r)
	if !w.running {
		w.running = true
		go w.run()
	}
	w.mu.Unlock()
	select {
	case <-r.done:
	case <-ctx.Done():
		w.mu.Lock()
		i := slices.Index(w.pending, r)
		if i >= 0 {
			w.pending = slices.Delete(w.pending, i, i+1)
		}
		w.mu.Unlock()
		if i >= 0 {
			return store.Commit{}, unavailable(ctx.Err())
		}
		<-r.done // being applied: soon it is known how it ended
	}
	return r.commit, r.err
}

// run applies what is pending until there is nothing.
func (w *writer) run() {
	for {
		conn, err := w.begin()
		group := w.take()
		if len(group) == 0 {
			if conn != nil {
				conn.end()
			}
			w.mu.Lock()
			if len(w.pending) == 0 {
				w.running = false
				w.mu.Unlock()
				return
			}
			w.mu.Unlock()
			continue
		}
		if err == nil {
			err = w.apply(conn, group)
		}
		if err != nil && conn != nil && len(group) > 1 {
			// One request may have been more than the database could take: let it not be the others' ruin.
			for _, r := range group {
				w.alone(r)
			}
		} else {
			finish(group, err)
		}
	}
}

// alone applies one request by itself.
func (w *writer) alone(r *request) {
	conn, err := w.begin()
	if err == nil {
		err = w.apply(conn, []*request{r})
	}
	finish([]*request{r}, err)
}

// finish tells the waiting what came of it; err, when not nil, befell them all.
func finish(group []*request, err error) {
	for _, r := range group {
		if err != nil {
			r.commit, r.err = store.Commit{}, unavailable(err)
		}
		close(r.done)
	}
}

// take removes the next group from what is pending.
func (w *writer) take() []*request {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, writes := 0, 0
	for n < len(w.pending) && (n == 0 || writes+len(w.pending[n].writes) <= groupWrites) {
		writes += len(w.pending[n].writes)
		n++
	}
	group := slices.Clone(w.pending[:n])
	w.pending = slices.Delete(w.pending, 0, n)
	return group
}

// A writing is a write transaction under way.
type writing struct {
	conn *sql.Conn
	tx   *sql.Tx
}

// begin waits for the write lock: for the pool's connection, then for other processes. While it waits no
// request is taken, so each can still leave when its context ends.
func (w *writer) begin() (*writing, error) {
	ctx := context.Background()
	for {
		conn, err := w.store.write.Conn(ctx)
		if err != nil {
			return nil, err
		}
		tx, err := conn.BeginTx(ctx, nil)
		if err == nil {
			return &writing{conn, tx}, nil
		}
		conn.Close()
		w.mu.Lock()
		wanted := len(w.pending) > 0
		w.mu.Unlock()
		if !isBusy(err) || !wanted {
			return nil, err
		}
		pause(ctx, 5*time.Millisecond)
	}
}

// end rolls back what was not committed and gives the connection back. A commit that
// failed can leave SQLite's transaction open though sql.Tx is done; the connection must not go back like that.
func (c *writing) end() {
	if err := c.tx.Rollback(); errors.Is(err, sql.ErrTxDone) {
		c.conn.ExecContext(context.Background(), "ROLLBACK") //nolint:errcheck // usually there is none to roll back
	}
	c.conn.Close()
}

// apply applies a group's requests one after the other and commits them together. Its error is the
// database's; a request that could not be applied has its own, and has changed nothing.
func (w *writer) apply(c *writing, group []*request) error {
	ctx := context.Background() // once begun, cancelling one would cancel all
	committed := false
	defer func() {
		if !committed {
			c.end()
		}
	}()
	q := session{tx: c.tx, own: w.texts}
	var seq int64
	if err := q.row(ctx, `SELECT value FROM store_meta WHERE key = 'seq'`, nil, &seq); err != nil {
		return err
	}
	before := seq
	for _, r := range group {
		at := w.store.clock.now()
		if r.view != nil {
			same, err := r.view.holds(ctx, w.store, q, seq, at)
			if err != nil {
				return err
			}
			if !same {
				r.commit, r.err = store.Commit{}, errStale
				continue
			}
		}
		failed, err := w.one(ctx, c.tx, r, seq+1, at)
		if err != nil {
			return err
		}
		if failed != nil {
			r.commit, r.err = store.Commit{}, failed
			continue
		}
		seq++
		r.err = nil
	}
	if seq != before {
		if _, err := c.tx.ExecContext(ctx, `UPDATE store_meta SET value = ? WHERE key = 'seq'`, seq); err != nil {
			return err
		}
	}
	if err := c.tx.Commit(); err != nil {
		return err
	}
	committed = true
	return c.conn.Close()
}

// one applies one request as commit number seq. When one of its writes cannot be applied, that is failed, and nothing was.
func (w *writer) one(ctx context.Context, tx *sql.Tx, r *request, seq int64, at time.Time) (failed *store.WriteError, err error) {
	now, err := w.current(ctx, tx, r.writes, at)
	if err != nil {
		return nil, err
	}
	for i, wr := range r.writes {
		if err := possible(wr, now[wr.Doc.Key]); err != nil {
			return &store.WriteError{Index: i, Key: wr.Doc.Key, Err: err}, nil
		}
	}
	puts := map[*table][]store.Doc{}
	revs := make([]store.Rev, len(r.writes))
	for i, wr := range r.writes {
		key := wr.Doc.Key
		t := w.store.tables[key.Kind]
		revs[i] = revision(seq)
		switch wr.Op {
		case store.OpDelete, store.OpDeleteAt:
			revs[i] = ""
			_, err = w.exec(ctx, tx, t.remove(), []any{key.Account, key.ID})
		case store.OpIncrement:
			if is, ok := now[key]; ok {
				_, err = w.exec(ctx, tx, t.amend(), increased(t, is, wr, seq))
				break
			}
			d := wr.Doc
			d.Fields = store.Fields{}
			for name, by := range wr.By {
				d.Fields[name] = by
			}
			puts[t] = append(puts[t], d)
		default:
			puts[t] = append(puts[t], wr.Doc)
		}
		if err != nil {
			return nil, err
		}
	}
	for t, docs := range puts {
		for len(docs) > 0 {
			n := 1
			if len(docs) >= many {
				n = many
			}
			var args []any
			for _, d := range docs[:n] {
				args = t.putArgs(args, d, seq)
			}
			if _, err := w.exec(ctx, tx, t.put(n), args); err != nil {
				return nil, err
			}
			docs = docs[n:]
		}
	}
	r.commit = store.Commit{At: at, Revs: revs}
	return nil, nil
}

func (w *writer) exec(ctx context.Context, tx *sql.Tx, text string, args []any) (sql.Result, error) {
	st := w.texts[text]
	if st == nil {
		return nil, fmt.Errorf("statement not prepared: %s", text)
	}
	return tx.StmtContext(ctx, st).ExecContext(ctx, args...)
}

// current reads, without payloads, the documents that writes depend on; expired ones are not there.
func (w *writer) current(ctx context.Context, tx *sql.Tx, writes []store.Write, at time.Time) (map[store.Key]store.Doc, error) {
	var keys []store.Key
	for _, wr := range writes {
		if wr.Op != store.OpSet && wr.Op != store.OpDelete {
			keys = append(keys, wr.Doc.Key)
		}
	}
	now := make(map[store.Key]store.Doc, len(keys))
	if len(keys) == 0 {
		return now, nil
	}
	return now, w.store.find(ctx, session{tx: tx, own: w.texts}, keys, false, func(_ int, d store.Doc) {
		if alive(d, at) {
			now[d.Key] = d
		}
	})
}

// possible reports whether a write can be applied to what is there now (the zero Doc for nothing).
func possible(w store.Write, is store.Doc) error {
	switch w.Op {
	case store.OpCreate:
		if is.Exists() {
			return store.ErrExists
		}
	case store.OpReplace, store.OpDeleteAt:
		if is.Rev != w.Doc.Rev {
			return store.ErrConflict
		}
	}
	return nil
}

// increased is amend's arguments for an increment of is.
func increased(t *table, is store.Doc, w store.Write, seq int64) []any {
	expires := is.Expires
	if !w.Doc.Expires.IsZero() {
		expires = w.Doc.Expires
	}
	fields := store.Fields{}
	maps.Copy(fields, is.Fields)
	for name, by := range w.By {
		n, _ := fields[name].(int64)
		fields[name] = add(n, by)
	}
	args := []any{seq, expiry(expires)}
	for _, name := range t.ints() {
		args = append(args, argument(fields[name]))
	}
	return append(args, is.Key.Account, is.Key.ID)
}

// add adds, and stays at the end of int64 instead of going round.
func add(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}
