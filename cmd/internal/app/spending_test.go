package app_test

import (
	"net/http"
	"testing"
	"time"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/app/apptest"
	"rowsmith/enrichment"
	"rowsmith/tasks"
)

// With the kill switch on nothing is bought and the job says why; with it off again the job goes on and buys each value once.
func TestSpendingIsStopped(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	vendor := apptest.StartVendor(t)
	parts := checked(t)
	parts.Providers = []enrichment.Provider{vendor.Provider()}
	p := apptest.Start(t, t.TempDir(), dns.Addr, parts)
	id, _ := p.Sheet(apptest.Leads(30))
	paid := map[string]any{"spreadsheet_id": id, "want": []string{"company_employee_count", "first_name"}, "max_credits": 100}
	for _, sheet := range []string{"", id} {
		if err := tasks.StopSpending(t.Context(), p.Store, app.Account, sheet, time.Now()); err != nil {
			t.Fatal(err)
		}
		j := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", paid)
		if j = p.Wait(j.ID, tasks.Paused, tasks.Done); j.State != tasks.Paused || j.Pause.Code != tasks.SpendingStopped {
			t.Fatalf("stopped %q: %s %+v", sheet, j.State, j.Pause)
		}
		if n := len(vendor.Asked()); n != 0 {
			t.Errorf("stopped %q: %d companies were bought", sheet, n)
		}
		free := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", request(id, "last_name"))
		if free = p.Wait(free.ID, tasks.Paused, tasks.Done); free.State != tasks.Done {
			t.Errorf("stopped %q: what costs nothing is %s", sheet, free.State)
		}
		if err := tasks.StartSpending(t.Context(), p.Store, app.Account, sheet); err != nil {
			t.Fatal(err)
		}
		if sheet == "" {
			p.Job(http.StatusOK, http.MethodPost, "/v1/jobs/"+j.ID+"/cancel", nil)
			continue
		}
		p.Job(http.StatusOK, http.MethodPost, "/v1/jobs/"+j.ID+"/resume", nil)
		if j = p.Wait(j.ID, tasks.Paused, tasks.Done); j.State != tasks.Done || j.Credits.Spent != 30 {
			t.Errorf("after it was started: %s, %d credits", j.State, j.Credits.Spent)
		}
	}
	for company, n := range vendor.Asked() {
		if n != 1 {
			t.Errorf("%s was bought %d times", company, n)
		}
	}
}
