package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rowsmith/tasks/store"
)

// kindStops holds the kill switch: a document for everything of an account, or for one spreadsheet, while nothing may be paid there.
// Key format: stops/all, stops/sheet.SPREADSHEET.
const kindStops = "stops"

// A stopped spending is remembered with when it was.
type spendingStop struct {
	At time.Time `json:"at"`
}

func stopKey(account, spreadsheet string) store.Key {
	id := "all"
	if spreadsheet != "" {
		id = "sheet." + spreadsheet
	}
	return store.Key{Account: account, Kind: kindStops, ID: id}
}

// StopSpending lets nothing be paid for an account, or where spreadsheet is not empty for one of its spreadsheets, until
// [StartSpending]. It works on the store alone, so that it works when nothing else does: chunks that begin afterwards pause
// their jobs with spending_stopped; what is under way ends.
func StopSpending(ctx context.Context, st store.Store, account, spreadsheet string, now time.Time) error {
	p, err := encode(spendingStop{At: now.UTC()})
	if err != nil {
		return err
	}
	if _, err := st.Commit(ctx, store.Set(store.Doc{Key: stopKey(account, spreadsheet), Payload: p})); err != nil {
		return fmt.Errorf("stop spending: %w", err)
	}
	return nil
}

// StartSpending undoes [StopSpending]. Jobs that paused meanwhile are resumed by whoever wants them to go on.
func StartSpending(ctx context.Context, st store.Store, account, spreadsheet string) error {
	if _, err := st.Commit(ctx, store.Delete(stopKey(account, spreadsheet))); err != nil {
		return fmt.Errorf("start spending: %w", err)
	}
	return nil
}

// errSpendingStopped: the kill switch is on.
var errSpendingStopped = errors.New("spending is stopped")

// maySpend fails with errSpendingStopped where the kill switch is on for the job.
func (s *Service) maySpend(ctx context.Context, account string, j *Job) error {
	r, err := s.store.Get(ctx, stopKey(account, ""), stopKey(account, j.SpreadsheetID))
	if err != nil {
		return fmt.Errorf("look for the kill switch: %w", err)
	}
	for _, d := range r.Docs {
		if d.Exists() {
			return errSpendingStopped
		}
	}
	return nil
}
