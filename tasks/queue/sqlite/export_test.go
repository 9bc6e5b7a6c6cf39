package sqlite

// Crash stops the queue as the death of its process would: what is under way is
// neither awaited nor recorded.
func (q *Queue) Crash() {
	q.kill()
	<-q.ended
	q.deliveries.Wait()
	q.stmts.close()
}
