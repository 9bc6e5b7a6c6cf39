// Package tasks is a job over time: estimate → reserve → split → chunk →
// write → finish. It is where a sheet's rows become chunks of work, chunks become
// results, and results become cells, whatever dies in between.
//
// # Documents
//
// All of a job's state is in the store ([Kinds]); queues carry identifiers
// only. Every document is JSON (gzipped where large) under its account:
//
//	jobs/JOB            the Job as people see it, with its counts; changed by the writer and by finish
//	controls/JOB        what is wanted of it (run, pause, cancel) and why; changed by compare-and-set
//	splits/JOB          how far the range has been cut, and what the cutting found
//	chunks/JOB.NNNNNN   up to 100 rows: inputs, then results, then what became of them in the sheet
//	seen/JOB.NNNN       subject keys of one page, so that duplicates are counted over the whole job
//	lanes/SHEET.TAB     the lease of whoever writes to a tab or adds its columns, and when it may be written next
//	targets/SHEET.TAB   the cells that unfinished jobs write, so that two never overlap
//	entries/…           the ledger (package credits)
//	requests/…          what an Idempotency-Key was answered with
//	stops/…             the kill switch
//
// A job's id begins with its creation time counted backwards, so that ids sort newest first.
//
// # The way of a row
//
//	split   reads one page of the range, cuts it into chunks and saves them together with the
//	        cursor in one commit: cutting again after a crash cannot make a second chunk of the same rows
//	chunk   claims (lease and fence), enriches, saves results and the ledger line in one commit
//	write   one at a time for a tab: takes all saved chunks up to 2 MB, places their rows, one call to the sheet,
//	        then marks the chunks written and adds up the job's counts in one commit
//	finish  states the job's end, frees its cells and what is left of its credits
//
//	chunk states:  new → running → saved → written
//	                 ↑______|  (lease expired, or handed back)
//	job states:    queued → running → done | failed | cancelled, and paused on the way
//
// State is committed first, then the task is enqueued. A crash between the
// two leaves state without a task; [Service.Tick] finds it. Task names dedupe the
// other direction: the generation of a chunk's name is raised by each claim and each resume.
//
// # What it refuses
//
// To write by position (see package sheets on anchors), to charge twice for a
// chunk (its charge is created under the chunk's own key in the commit that saves its
// results), to start a job whose cells another unfinished job writes, and to keep going when an
// output column or the tab is gone: such a job pauses and says so.
package tasks
