package sqlite

import "strings"

// Crash stops the queue as the death of its process would: what is under way is
// neither awaited nor recorded.
func (q *Queue) Crash() {
	q.kill()
	<-q.ended
	q.deliveries.Wait()
	q.stmts.close()
}

// Queries are the statements that the loop and Stats make at every turn.
func (q *Queue) Queries() map[string]string {
	all := map[string]string{"stats": statsSQL}
	for _, s := range q.stmts.all() {
		name, _, _ := strings.Cut(strings.TrimSpace(s.sql), "(")
		all[name] = s.sql
	}
	return all
}
