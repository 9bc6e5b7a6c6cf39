package app_test

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/app/apptest"
	"rowsmith/tasks"
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m)) }

func TestJobInTheCloud(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	cloud := apptest.StartCloud(t, dns.Addr)
	var sheets apptest.Spreadsheets
	id, tab := cloud.Make(t, &sheets, apptest.Leads(230))
	p := cloud.Process(t, &sheets, app.Parts{})
	j := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", request(id, "email_normalized", "email_verdict", "first_name"))
	j = p.Wait(j.ID, tasks.Done, tasks.Paused)
	if j.State != tasks.Done || j.Rows.Written != 230 || j.Rows.Enriched != 230 {
		t.Errorf("%s %+v %+v", j.State, j.Rows, j.Pause)
	}
	rows := p.Rows(id, tab)
	for i, row := range rows[1:] {
		if i%2 == 0 && row[4] != fmt.Sprintf("jane.%d@acme-leads.com", i) || row[6] != "Jane" {
			t.Fatalf("row %d: %v", i+1, row)
		}
	}
}
