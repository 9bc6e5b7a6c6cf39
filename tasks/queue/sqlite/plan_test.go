package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"rowsmith/tasks/queue"
	"rowsmith/tasks/queue/sqlite"
)

// TestPlans asks SQLite how it would find what the loop looks for at every turn: never by
// reading the table, which may hold a million tasks.
func TestPlans(t *testing.T) {
	f := start(t, filepath.Join(t.TempDir(), "db"), "", sqlite.Config{Queues: []queue.Settings{{Name: "bulk"}}})
	for name, query := range f.Queries() {
		args := []any{"a", "b", "c", "d", "e", "f", "g"}
		rows, err := f.write.Query("EXPLAIN QUERY PLAN "+query, args[:strings.Count(query, "?")]...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			t.Log(name, "|", detail)
			if strings.Contains(detail, "TEMP B-TREE") || strings.HasPrefix(detail, "SCAN queue_tasks") && !strings.Contains(detail, "INDEX") {
				t.Errorf("%s: %s", name, detail)
			}
		}
		rows.Close()
	}
}
