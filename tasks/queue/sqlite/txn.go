package sqlite

import (
	"context"
	"database/sql"
	"time"

	"rowsmith/tasks/queue"
)

// A txn is one transaction of the loop.
type txn struct {
	ctx    context.Context
	tx     *sql.Tx
	q      *Queue
	now    time.Time
	events []Event
	used   map[*sql.Stmt]*sql.Stmt
}

// transact runs f in a transaction and returns the events of it once it is committed.
func (q *Queue) transact(now time.Time, f func(tx *txn) error) ([]Event, error) {
	// Only the wait for the connection can be given up: a context that may end costs the driver a
	// goroutine for each statement.
	conn, err := q.write.Conn(q.life)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx := context.Background()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	t := &txn{ctx: ctx, tx: tx, q: q, now: now, used: map[*sql.Stmt]*sql.Stmt{}}
	if err := f(t); err != nil {
		tx.Rollback()
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		// A commit that failed for want of space leaves the transaction open in
		// SQLite, though not in database/sql; the connection is still ours to clear. Without one open this fails, which is fine.
		conn.ExecContext(ctx, "ROLLBACK")
		return nil, err
	}
	return t.events, nil
}

func (t *txn) observe(e Event) {
	if t.q.cfg.Observe != nil {
		t.events = append(t.events, e)
	}
}

func (t *txn) stmt(s *sql.Stmt) *sql.Stmt {
	u := t.used[s]
	if u == nil {
		u = t.tx.StmtContext(t.ctx, s)
		t.used[s] = u
	}
	return u
}

// exec returns how many rows were changed.
func (t *txn) exec(s *sql.Stmt, args ...any) (int64, error) {
	res, err := t.stmt(s).ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t *txn) insert(l *lane, task queue.Task, id string, body []byte, due int64) (added bool, err error) {
	n, err := t.exec(t.q.stmts.insert, l.settings.Name, id, task.Name != "", task.Kind, body, due, t.now.UnixMicro())
	return n > 0, err
}

// claim marks up to n of the lane's due tasks as running, and learns when the next one is due.
func (t *txn) claim(l *lane, n int) ([]claimed, error) {
	rows, err := t.stmt(t.q.stmts.claim).QueryContext(t.ctx, t.q.owner, l.settings.Name, t.now.UnixMicro(), n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tasks []claimed
	for rows.Next() {
		c := claimed{lane: l, delivery: queue.Delivery{Queue: l.settings.Name}}
		d := &c.delivery
		var due int64
		if err := rows.Scan(&c.seq, &d.ID, &c.named, &d.Kind, &d.Body, &due, &d.Attempt, &d.Answered); err != nil {
			return nil, err
		}
		d.Attempt-- // the row counts this one
		d.Due = time.UnixMicro(due).UTC()
		tasks = append(tasks, c)
		t.observe(Event{What: Started, Queue: d.Queue, ID: d.ID, Attempt: d.Attempt})
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	l.next, err = scanTime(t.stmt(t.q.stmts.next).QueryRowContext(t.ctx, l.settings.Name))
	return tasks, err
}

// release makes a running task wait again, until due. It reports false where its queue was purged meanwhile.
func (t *txn) release(o outcome, due int64) (bool, error) {
	n, err := t.exec(t.q.stmts.release, due, o.answered(), o.seq, t.q.owner)
	return n > 0, err
}

// end finishes a running task.
func (t *txn) end(q *Queue, o outcome) error {
	if !o.named {
		_, err := t.exec(q.stmts.endUnnamed, o.seq, q.owner)
		return err
	}
	q.cleanAt = min(q.cleanAt, cleanTime(expiry(t.now)))
	_, err := t.exec(q.stmts.endNamed, expiry(t.now), o.seq, q.owner)
	return err
}

func (t *txn) pause(name string, paused bool) error {
	_, err := t.exec(t.q.stmts.pause, paused, name)
	return err
}

// purge ends what waits and lets what runs end without another attempt.
func (t *txn) purge(name string) error {
	t.q.cleanAt = min(t.q.cleanAt, cleanTime(expiry(t.now)))
	if err := endLeaving(t.ctx, t.tx, name, 0, t.now); err != nil {
		return err
	}
	_, err := t.tx.ExecContext(t.ctx, `UPDATE queue_tasks SET state = 2 WHERE queue = ? AND state = 1`, name)
	return err
}

// clean removes names that no longer dedupe, some at a time.
func (t *txn) clean(q *Queue) error {
	n, err := t.exec(q.stmts.clean, t.now.UnixMicro(), maxNames)
	if err != nil || n == maxNames {
		return err // more of them: cleanAt stays past
	}
	q.cleanAt, err = scanTime(t.stmt(q.stmts.oldest).QueryRowContext(t.ctx))
	if q.cleanAt != never {
		q.cleanAt = cleanTime(q.cleanAt)
	}
	return err
}

// cleanTime is when to look for a name that expires then: a minute later, so that many go at once.
func cleanTime(expires int64) int64 { return expires + time.Minute.Microseconds() }
