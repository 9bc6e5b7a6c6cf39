package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// statements keeps a pool's prepared statements. Their texts are few: they follow
// from the kinds and shapes that were declared.
type statements struct {
	db *sql.DB

	mu    sync.Mutex
	ready map[string]*sql.Stmt
}

// known returns a statement that was prepared before, or nil.
func (s *statements) known(text string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready[text]
}

// prepare waits for a connection: whoever calls it must hold none, or all of the pool's connections may wait for one more.
func (s *statements) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if st := s.known(text); st != nil {
		return st, nil
	}
	st, err := s.db.PrepareContext(ctx, text) // not under the lock: it may wait for a connection
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.ready[text]; first != nil {
		return first, st.Close()
	}
	if s.ready == nil {
		s.ready = map[string]*sql.Stmt{}
	}
	s.ready[text] = st
	return st, nil
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, st := range s.ready {
		errs = append(errs, st.Close())
	}
	s.ready = nil
	return errors.Join(errs...)
}

// A session is where statements run: in a transaction, or each on its own on the read pool.
type session struct {
	tx       *sql.Tx              // nil: each on its own
	prepared *statements          // the read pool's; nil in the writer's
	lacking  *[]string            // in a transaction: what was run unprepared, to be prepared when its connection is free
	own      map[string]*sql.Stmt // the writer's; what is not among them is prepared for this once
}

// pool is the session of single reads.
func (s *Store) pool() session { return session{prepared: s.reads} }

func (q session) query(ctx context.Context, text string, args []any) (*sql.Rows, error) {
	if q.prepared == nil {
		if st := q.own[text]; st != nil {
			return q.tx.StmtContext(ctx, st).QueryContext(ctx, args...)
		}
		return q.tx.QueryContext(ctx, text, args...)
	}
	if q.tx != nil {
		if st := q.prepared.known(text); st != nil {
			return q.tx.StmtContext(ctx, st).QueryContext(ctx, args...)
		}
		*q.lacking = append(*q.lacking, text)
		return q.tx.QueryContext(ctx, text, args...)
	}
	st, err := q.prepared.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

// each runs a query and calls f after each row was scanned into dest.
func (q session) each(ctx context.Context, text string, args []any, dest []any, f func()) error {
	rows, err := q.query(ctx, text, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		f()
	}
	return rows.Err()
}

// row scans a query's only row.
func (q session) row(ctx context.Context, text string, args []any, dest ...any) error {
	found := false
	err := q.each(ctx, text, args, dest, func() { found = true })
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}

// snapshot runs f in a read transaction: everything it reads is of one moment.
func (s *Store) snapshot(ctx context.Context, f func(session) error) error {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	var lacking []string
	err = f(session{tx: tx, prepared: s.reads, lacking: &lacking})
	tx.Rollback() //nolint:errcheck // nothing was written
	if err != nil {
		return err
	}
	for _, text := range lacking {
		if _, err := s.reads.prepare(ctx, text); err != nil {
			return err
		}
	}
	return nil
}
