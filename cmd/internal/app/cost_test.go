package app_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/app/apptest"
	"rowsmith/enrichment"
	"rowsmith/tasks"
	"rowsmith/tasks/store"
	"rowsmith/tasks/store/firestore"
)

// TestCostInTheCloud counts what a job costs of Firestore and Cloud Tasks; deploy/README.md has the figures of 10,000 rows, which run
// with ROWSMITH_SEEDS=200 and more.
func TestCostInTheCloud(t *testing.T) {
	if testing.Short() {
		t.Skip("counts, no concurrency")
	}
	rows := 2000
	if seeds(t, 3) >= 200 {
		rows = 10000
	}
	for _, c := range []struct {
		name          string
		want          []string
		credits       int
		reads, writes float64 // at most, a row
	}{
		{"free", []string{"first_name", "last_name", "email_normalized", "domain", "email_verdict"}, 0, 0.2, 1.2},
		// What was bought is kept: a document a row, looked up and written.
		{"paid", []string{"first_name", "email_normalized", "company_employee_count"}, rows, 1.2, 1.2},
	} {
		t.Run(c.name, func(t *testing.T) {
			dns := apptest.StartDNS(t, zone...)
			cloud := apptest.StartCloud(t, dns.Addr)
			cloud.Config.WriteInterval = time.Second // as it is in earnest
			var sheets apptest.Spreadsheets
			id, _ := cloud.Make(t, &sheets, apptest.Leads(rows))
			var db *firestore.Store
			p := cloud.Process(t, &sheets, app.Parts{
				Providers: []enrichment.Provider{apptest.StartVendor(t).Provider()},
				Store:     func(s store.Store) store.Store { db = s.(*firestore.Store); return s },
			})
			before, made := db.Counts(), cloud.Tasks.Calls("CreateTask")
			r := request(id, c.want...)
			r["max_credits"] = c.credits
			start := time.Now()
			j := p.Job(http.StatusCreated, http.MethodPost, "/v1/jobs", r)
			wait := time.NewTicker(2 * time.Second) // each look is billed too
			defer wait.Stop()
			polls := int64(0)
			for !j.State.Final() {
				<-wait.C
				if time.Since(start) > 5*time.Minute {
					t.Fatalf("%+v", j)
				}
				j = p.Job(http.StatusOK, http.MethodGet, "/v1/jobs/"+j.ID, nil)
				polls++
			}
			got, made := db.Counts().Sub(before), cloud.Tasks.Calls("CreateTask")-made
			if j.State != tasks.Done || j.Rows.Written != rows {
				t.Fatalf("%s %+v", j.State, j.Rows)
			}
			docs, err := apptest.Documents(t.Context(), p.Store, "chunks", j.ID)
			if err != nil {
				t.Fatal(err)
			}
			n, chunks := float64(rows), float64(len(docs))
			text := fmt.Sprintf("%d rows, %.0f chunks: %.3f reads, %.3f writes, %.4f deletes a row; %.2f tasks a chunk; %d looks at the progress; %v",
				rows, chunks, float64(got.Reads)/n, float64(got.Writes)/n, float64(got.Deletes)/n, float64(made)/chunks, polls, time.Since(start).Round(time.Second))
			t.Log(text)
			most := 1.2 * chunks
			if rows < 10000 {
				most += 3 + time.Since(start).Seconds() // a write a second weighs more in a small job
			}
			if float64(got.Reads)/n > c.reads || float64(got.Writes)/n > c.writes || float64(made) > most {
				t.Error(text)
			}
		})
	}
}
