package app_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"rowsmith/cmd/internal/app/apptest"
	"rowsmith/tasks"
)

// A bill is what a job cost, from three sides.
type bill struct {
	spent   int64 // as the job says
	charged int64 // as the ledger says
	free    int64 // calls repeated in doubt, at the operator's cost
	claims  int   // the most that a chunk was claimed
}

// billOf reads it from the store.
func billOf(t *testing.T, w *apptest.World, j tasks.Job) (b bill) {
	t.Helper()
	b.spent = j.Credits.Spent
	for _, d := range w.Documents("entries", j.ID) {
		var e struct{ Amount int64 }
		if err := json.Unmarshal(d, &e); err != nil {
			t.Fatal(err)
		}
		b.charged -= e.Amount
	}
	for _, d := range w.Documents("chunks", j.ID) {
		var c struct {
			Fence   int
			Journal map[string]struct{ Attempt int }
		}
		if err := json.Unmarshal(d, &c); err != nil {
			t.Fatal(err)
		}
		b.claims = max(b.claims, c.Fence)
		for _, call := range c.Journal {
			if call.Attempt > 1 {
				b.free++
			}
		}
	}
	return b
}

// toTheEnd waits for the job, starting the program again whenever it dies.
func toTheEnd(t *testing.T, w *apptest.World) (j tasks.Job, deaths int64) {
	t.Helper()
	for deaths = range int64(5) {
		if w.JobID != "" {
			j, err := w.AwaitFor(2*time.Minute, w.JobID, tasks.Done, tasks.Paused, tasks.Failed)
			if err == nil && j.State == tasks.Done {
				return j, deaths
			}
			select {
			case <-w.Died():
			case <-time.After(time.Second):
				t.Fatalf("%+v %v", j, err)
			}
		}
		w.Start(apptest.Order{})
	}
	t.Fatal("it dies again and again")
	return j, deaths
}

// TestRandomFaults kills the program at a random step, delivers everything several times, or both: the sheet, the counts and the bill are
// those of an undisturbed run. ROWSMITH_SEED runs one seed alone.
func TestRandomFaults(t *testing.T) {
	const rows = 160
	dns := apptest.StartDNS(t, zone...)
	leads := apptest.Leads(rows)
	leads[17] = append([]any(nil), leads[16]...) // the same person twice: bought once
	leads[40] = []any{"", nil, " "}
	request := func() map[string]any {
		return map[string]any{"want": []string{"first_name", "email_normalized", "email_verdict", "company_employee_count"}, "max_credits": 1000}
	}
	first, last := 1, seeds(t, 3)
	if n, err := strconv.Atoi(os.Getenv("ROWSMITH_SEED")); err == nil {
		first, last = n, n
	}
	for _, kind := range apptest.Worlds {
		t.Run(kind, func(t *testing.T) {
			w := apptest.NewWorld(t, kind, dns.Addr, 0, apptest.Order{}, leads)
			w.Create(request())
			calm, _ := toTheEnd(t, w)
			sheet, steps, cost := tsv(w.Rows()), w.Steps()[""], billOf(t, w, calm)
			if cost.spent != cost.charged || cost.free != 0 || cost.spent != rows-2 || calm.Rows.Written != rows-1 || cost.claims != 1 {
				t.Fatalf("undisturbed: %+v %+v", calm.Rows, cost)
			}
			var died atomic.Int64
			t.Cleanup(func() {
				if t.Logf("%d deaths", died.Load()); last-first >= 2 && died.Load() == 0 {
					t.Error("nothing died: the test tests nothing")
				}
			})
			for seed := first; seed <= last; seed++ {
				t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
					t.Parallel()
					rnd := rand.New(rand.NewPCG(uint64(seed), 1))
					kills, repeats := seed%3 != 0, seed%3 != 1
					var at apptest.Order
					lease := time.Duration(0)
					if kills {
						at.N, lease = 1+rnd.Int64N(steps), shortLease
					}
					w := apptest.NewWorld(t, kind, dns.Addr, lease, at, leads)
					if repeats {
						w.Repeat(2 + rnd.IntN(2))
					}
					w.Create(request())
					j, deaths := toTheEnd(t, w)
					died.Add(deaths)
					how := fmt.Sprintf("ROWSMITH_SEED=%d, killed at step %d of %d, repeats %v", seed, at.N, steps, repeats)
					if got := tsv(w.Rows()); got != sheet {
						t.Errorf("%s: the sheet is\n%s\nwant\n%s", how, got, sheet)
					}
					if j.Rows != calm.Rows || j.CellsWritten != calm.CellsWritten {
						t.Errorf("%s: %+v %d cells, want %+v %d", how, j.Rows, j.CellsWritten, calm.Rows, calm.CellsWritten)
					}
					b := billOf(t, w, j)
					if b.spent != b.charged || b.spent+b.free != cost.spent || !kills && (b.free != 0 || b.claims != 1) {
						t.Errorf("%s: the bill is %+v, undisturbed %+v", how, b, cost)
					}
					twice := int64(0)
					for name, n := range w.Vendor.Asked() {
						if n > 2 {
							t.Errorf("%s: %s was asked for %d times", how, name, n)
						}
						if n > 1 {
							twice++
						}
					}
					if twice > b.free {
						t.Errorf("%s: %d calls were made twice, %d were in doubt", how, twice, b.free)
					}
					if st, body := w.Call(http.MethodGet, "/v1/jobs/"+j.ID+"/report", nil); st != http.StatusOK {
						t.Errorf("%s: report: %d %s", how, st, body)
					}
				})
			}
		})
	}
}
