package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"rowsmith/tasks/queue"
)

// schemaVersion is the version of the tables, in queue_meta.
const schemaVersion = 1

// The states are those of the package comment.
const schema = `
CREATE TABLE IF NOT EXISTS queue_meta (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queue_queues (
	name   TEXT PRIMARY KEY,
	paused INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queue_tasks (
	seq      INTEGER PRIMARY KEY,
	queue    TEXT NOT NULL,
	id       TEXT NOT NULL,
	named    INTEGER NOT NULL,
	kind     TEXT NOT NULL,
	body     BLOB NOT NULL,
	due      INTEGER NOT NULL,
	state    INTEGER NOT NULL DEFAULT 0,
	attempts INTEGER NOT NULL DEFAULT 0,
	answered INTEGER NOT NULL DEFAULT 0,
	owner    TEXT NOT NULL DEFAULT '',
	expires  INTEGER NOT NULL DEFAULT 0,
	UNIQUE (queue, id)
);
CREATE INDEX IF NOT EXISTS queue_tasks_waiting  ON queue_tasks (queue, due, seq) WHERE state = 0;
CREATE INDEX IF NOT EXISTS queue_tasks_running  ON queue_tasks (queue) WHERE state IN (1, 2);
CREATE INDEX IF NOT EXISTS queue_tasks_finished ON queue_tasks (expires) WHERE state = 3;
`

// open makes the tables, takes the file over from its last owner, and learns what waits.
func (q *Queue) open(ctx context.Context) error {
	tx, err := q.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	var version string
	err = tx.QueryRowContext(ctx, `SELECT value FROM queue_meta WHERE name = 'schema'`).Scan(&version)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return err
	case version != strconv.Itoa(schemaVersion):
		return fmt.Errorf("the file's tables are of version %s, this program knows %d", version, schemaVersion)
	}
	if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO queue_meta (name, value) VALUES ('schema', ?), ('owner', ?)`,
		strconv.Itoa(schemaVersion), q.owner); err != nil {
		return err
	}
	now := q.clock.Now()
	for _, l := range q.order {
		if err := q.openLane(ctx, tx, l, now); err != nil {
			return fmt.Errorf("queue %q: %w", l.settings.Name, err)
		}
	}
	if err := q.openRest(ctx, tx, now); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return q.stmts.prepare(ctx, q.write)
}

// openLane takes over a queue's tasks that were running when their process died.
func (q *Queue) openLane(ctx context.Context, tx *sql.Tx, l *lane, now time.Time) error {
	name, most := l.settings.Name, l.settings.MaxAttempts
	if most < 0 {
		most = never
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO queue_queues (name) VALUES (?) ON CONFLICT DO NOTHING`, name); err != nil {
		return err
	}
	// A task that kills its process would otherwise do so for ever: the cap holds here too.
	res, err := tx.ExecContext(ctx, `UPDATE queue_tasks SET state = 2 WHERE queue = ? AND state = 1 AND attempts >= ?`, name, most)
	if err != nil {
		return err
	}
	if n, _ := res.RowsAffected(); n > 0 {
		q.log.Error("tasks given up: their last attempt died with its process", "queue", name, "tasks", n)
	}
	if err := endLeaving(ctx, tx, name, 2, now); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE queue_tasks SET state = 0, due = ?, owner = '' WHERE queue = ? AND state = 1`,
		now.UnixMicro(), name); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, `SELECT paused FROM queue_queues WHERE name = ?`, name).Scan(&l.paused); err != nil {
		return err
	}
	l.next, err = scanTime(tx.QueryRowContext(ctx, nextSQL, name))
	return err
}

// openRest looks at what no configured queue owns: finished names, and tasks of queues that are gone.
func (q *Queue) openRest(ctx context.Context, tx *sql.Tx, now time.Time) error {
	var finished bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM queue_tasks WHERE state = 3)`).Scan(&finished); err != nil {
		return err
	}
	if finished {
		q.cleanAt = now.UnixMicro()
	}
	rows, err := tx.QueryContext(ctx, `SELECT queue, COUNT(*) FROM queue_tasks WHERE state < 3 GROUP BY queue`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			return err
		}
		if q.lanes[name] == nil {
			q.log.Warn("tasks wait in a queue that is not configured", "queue", name, "tasks", n)
		}
	}
	return rows.Err()
}

// endLeaving finishes all of a queue's tasks in a state: names are kept to dedupe, others deleted.
func endLeaving(ctx context.Context, tx *sql.Tx, name string, state int, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM queue_tasks WHERE queue = ? AND state = ? AND named = 0`, name, state); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE queue_tasks SET state = 3, body = x'', owner = '', expires = ? WHERE queue = ? AND state = ?`,
		expiry(now), name, state)
	return err
}

// expiry is when a name that is finished now stops deduping.
func expiry(now time.Time) int64 { return now.Add(queue.DedupeWindow).UnixMicro() }

// scanTime reads one time, or never where there is no row.
func scanTime(row *sql.Row) (int64, error) {
	var t int64
	err := row.Scan(&t)
	if errors.Is(err, sql.ErrNoRows) {
		return never, nil
	}
	return t, err
}

func readStats(ctx context.Context, db *sql.DB, name string) (queue.Stats, error) {
	var s queue.Stats
	var oldest sql.NullInt64
	err := db.QueryRowContext(ctx, statsSQL, name, name, name, name).
		Scan(&s.Waiting, &oldest, &s.Running, &s.Paused)
	if oldest.Valid {
		s.Oldest = time.UnixMicro(oldest.Int64).UTC()
	}
	return s, err
}

const statsSQL = `SELECT
		(SELECT COUNT(*) FROM queue_tasks WHERE queue = ? AND state = 0),
		(SELECT due FROM queue_tasks WHERE queue = ? AND state = 0 ORDER BY due LIMIT 1),
		(SELECT COUNT(*) FROM queue_tasks WHERE queue = ? AND state IN (1, 2)),
		(SELECT paused FROM queue_queues WHERE name = ?)`

const nextSQL = `SELECT due FROM queue_tasks WHERE queue = ? AND state = 0 ORDER BY due LIMIT 1`

// statements are prepared once; each transaction uses those that it needs.
type statements struct {
	insert, next, claim, endNamed, endUnnamed, release, pause, clean, oldest *sql.Stmt
}

func (s *statements) prepare(ctx context.Context, db *sql.DB) error {
	for _, p := range s.all() {
		st, err := db.PrepareContext(ctx, p.sql)
		if err != nil {
			return errors.Join(err, s.close())
		}
		*p.to = st
	}
	return nil
}

func (s *statements) close() error {
	var errs []error
	for _, p := range s.all() {
		if *p.to != nil {
			errs = append(errs, (*p.to).Close())
		}
	}
	return errors.Join(errs...)
}

// A statement is the text of one, and where it is kept.
type statement struct {
	to  **sql.Stmt
	sql string
}

func (s *statements) all() []statement {
	return []statement{
		// A finished name whose time is over is taken as if it were not there.
		{&s.insert, `INSERT INTO queue_tasks (queue, id, named, kind, body, due) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (queue, id) DO UPDATE SET kind = excluded.kind, body = excluded.body, due = excluded.due,
				state = 0, attempts = 0, answered = 0, owner = '', expires = 0
			WHERE state = 3 AND expires <= ?`},
		{&s.next, nextSQL},
		{&s.claim, `UPDATE queue_tasks SET state = 1, owner = ?, attempts = attempts + 1
			WHERE seq IN (SELECT seq FROM queue_tasks WHERE queue = ? AND state = 0 AND due <= ? ORDER BY due, seq LIMIT ?)
			RETURNING seq, id, named, kind, body, due, attempts, answered`},
		{&s.endNamed, `UPDATE queue_tasks SET state = 3, body = x'', owner = '', expires = ? WHERE seq = ? AND owner = ?`},
		{&s.endUnnamed, `DELETE FROM queue_tasks WHERE seq = ? AND owner = ?`},
		{&s.release, `UPDATE queue_tasks SET state = 0, owner = '', due = ?, answered = answered + ? WHERE seq = ? AND owner = ? AND state = 1`},
		{&s.pause, `UPDATE queue_queues SET paused = ? WHERE name = ?`},
		{&s.clean, `DELETE FROM queue_tasks WHERE seq IN (SELECT seq FROM queue_tasks WHERE state = 3 AND expires <= ? LIMIT ?)`},
		{&s.oldest, `SELECT expires FROM queue_tasks WHERE state = 3 ORDER BY expires LIMIT 1`},
	}
}
