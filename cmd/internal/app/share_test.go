package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/app/apptest"
	"rowsmith/enrichment"
	"rowsmith/tasks"
	"rowsmith/tasks/queue/cloudtasks/cloudtaskssim"
)

// Four processes, whose clocks differ by minutes, share a database and a queue that delivers to several of them at once: all of them work,
// and nothing is done twice.
func TestFourProcesses(t *testing.T) {
	small, large := 200, 1500
	if seeds(t, 3) >= 200 {
		large = 10000
	}
	dns := apptest.StartDNS(t, zone...)
	cloud := apptest.StartCloud(t, dns.Addr)
	balance := cloud.Balance(t)
	cloud.Config.Workers = 2
	var sheets apptest.Spreadsheets
	sizes := []int{large, small, small, small, small}
	tabs := make([]int64, len(sizes))
	for i, n := range sizes {
		rows := apptest.Leads(n)
		for k := range rows[1:] {
			// No two sheets have a person or a company in common.
			rows[k+1][1], rows[k+1][2] = fmt.Sprintf("Firm %d of %d GmbH", k, i), nil
		}
		_, tabs[i] = cloud.Make(t, &sheets, rows)
	}
	vendor := apptest.StartVendor(t)
	var mu sync.Mutex
	worked := make([]int, 4)
	var ps []*apptest.Program
	var urls []string
	for i := range worked {
		p := cloud.Process(t, &sheets, app.Parts{
			Clock:     fastClock{clockwork.NewRealClock(), time.Duration(i-1) * 4 * time.Minute}, // from four minutes slow to eight fast
			Providers: []enrichment.Provider{vendor.Provider()},
			Step: func(step, _ string) {
				if step == "chunk.claimed" {
					mu.Lock()
					defer mu.Unlock()
					worked[i]++
				}
			},
		})
		ps, urls = append(ps, p), append(urls, p.URL())
	}
	balance.Set(urls...)
	delivered := 0
	cloud.Tasks.Double(func(cloudtaskssim.Event) int {
		delivered++
		return delivered % 3 // to several processes at once
	})
	jobs := make([]tasks.Job, len(sizes))
	for i, id := range sheets.IDs {
		r := request(id, "first_name", "company_employee_count")
		r["max_credits"] = sizes[i]
		jobs[i] = ps[i%len(ps)].Job(http.StatusCreated, http.MethodPost, "/v1/jobs", r)
	}
	total := 0
	for i, n := range sizes {
		total += n
		j := ps[(i+1)%len(ps)].Wait(jobs[i].ID, tasks.Done, tasks.Paused)
		if j.State != tasks.Done || j.Rows.Written != n || j.Credits.Spent != int64(n) {
			t.Errorf("sheet of %d rows: %s %+v %+v", n, j.State, j.Rows, j.Credits)
		}
		docs, err := apptest.Documents(t.Context(), ps[0].Store, "chunks", j.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			var c struct{ N, Fence int }
			if err := json.Unmarshal(d, &c); err != nil || c.Fence != 1 {
				t.Errorf("chunk %d of %s was claimed %d times (%v)", c.N, j.ID, c.Fence, err)
			}
		}
		for k, row := range ps[0].Rows(sheets.IDs[i], tabs[i])[1:] {
			if want := float64(10 + len(fmt.Sprintf("Firm %d of %d GmbH", k, i))); row[5] != want {
				t.Fatalf("sheet %d, row %d: %v, want %v", i, k+2, row, want)
			}
		}
	}
	asked := vendor.Asked()
	for name, n := range asked {
		if n != 1 {
			t.Errorf("%s was asked for %d times", name, n)
		}
	}
	if len(asked) != total {
		t.Errorf("%d companies were asked for, want %d", len(asked), total)
	}
	for i, n := range worked {
		if n == 0 {
			t.Errorf("process %d did nothing: %v", i, worked)
		}
	}
	t.Logf("chunks by process: %v", worked)
}

// Pausing and cancelling hold at once: whoever hears of it after the call claims no further chunk, on any process.
func TestControlActsAtOnce(t *testing.T) {
	for _, kind := range apptest.Worlds {
		for _, do := range []string{"pause", "cancel"} {
			t.Run(kind+"/"+do, func(t *testing.T) {
				t.Parallel()
				dns := apptest.StartDNS(t, zone...)
				w := apptest.NewWorld(t, kind, dns.Addr, 0, apptest.Order{}, apptest.Leads(1200))
				w.HoldAt(apptest.Order{Step: "chunk.claimed", N: 3})
				w.Create(map[string]any{"want": []string{"first_name", "email_normalized"}})
				w.Held()
				w.Job(http.StatusOK, http.MethodPost, "/v1/jobs/"+w.JobID+"/"+do, nil)
				// Deliveries that had read the job before the call may still claim, one a worker and queue; whatever is delivered now may not.
				before := w.Steps()
				w.Release()
				w.Reached("chunk.delivered", 13) // all that there are: each was enqueued before the call
				after := w.Steps()
				if got := after["chunk.claimed"] - before["chunk.claimed"]; got > 4 {
					t.Errorf("%d chunks were claimed after the call", got)
				}
				if do == "cancel" {
					if j := w.Wait(w.JobID, tasks.Cancelled); j.Rows.Written >= 1200 {
						t.Errorf("%+v", j.Rows)
					}
					return
				}
				w.HoldAt(apptest.Order{Step: "chunk.claimed", N: 1})
				w.Job(http.StatusOK, http.MethodPost, "/v1/jobs/"+w.JobID+"/resume", nil)
				w.Held() // it goes on
				w.Release()
				if j := w.Wait(w.JobID, tasks.Done); j.Rows.Written != 1200 {
					t.Errorf("%+v", j.Rows)
				}
			})
		}
	}
}

// A fastClock is the machine's, set wrong.
type fastClock struct {
	clockwork.Clock
	by time.Duration
}

func (c fastClock) Now() time.Time                  { return c.Clock.Now().Add(c.by) }
func (c fastClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }
func (c fastClock) Until(t time.Time) time.Duration { return t.Sub(c.Now()) }
