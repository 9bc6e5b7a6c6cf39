package cloudtasks_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/tasks/queue"
	"rowsmith/tasks/queue/cloudtasks"
	"rowsmith/tasks/queue/cloudtasks/cloudtaskssim"
	"rowsmith/tasks/queue/queuetest"
)

const location = "projects/demo-rowsmith/locations/europe-west1"

// key signs the tokens of all doubles: making one takes a while.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// start makes a double that ends with the test.
func start(t testing.TB, cfg cloudtaskssim.Config) *cloudtaskssim.Server {
	t.Helper()
	cfg.Key = key()
	sim, err := cloudtaskssim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	return sim
}

// open makes a queue at a double, and the queues there. It ends with the test.
func open(t testing.TB, sim *cloudtaskssim.Server, cfg cloudtasks.Config) *cloudtasks.Queue {
	t.Helper()
	cfg.Project, cfg.Location, cfg.ServiceAccount = "demo-rowsmith", "europe-west1", "queue@demo-rowsmith.iam.gserviceaccount.com"
	q, err := cloudtasks.Open(context.Background(), sim.Addr(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close(context.Background()) })
	if _, err := q.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return q
}

// A pair is the queue and its double together: closing it also waits for the deliveries, which are the double's.
type pair struct {
	*cloudtasks.Queue
	sim *cloudtaskssim.Server
}

func (p pair) Close(ctx context.Context) error {
	if err := p.sim.Stop(ctx); err != nil {
		p.Queue.Close(ctx)
		return err
	}
	return p.Queue.Close(ctx)
}

func TestSuite(t *testing.T) {
	queuetest.Run(t, func(t *testing.T, o queuetest.Options) queuetest.Instance {
		clock := clockwork.NewFakeClockAt(time.Date(2026, 7, 1, 12, 0, 0, 123456789, time.UTC))
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		sim := start(t, cloudtaskssim.Config{Clock: clock, Log: log})
		var again func(t *testing.T) queuetest.Instance
		again = func(t *testing.T) queuetest.Instance {
			q := open(t, sim, cloudtasks.Config{Target: o.Target, Queues: o.Queues, Clock: clock, Log: log})
			for _, s := range o.Queues {
				if s = s.WithDefaults(); !sim.SetBurst(location+"/queues/"+s.Name, s.Burst) {
					t.Fatalf("no queue %q", s.Name)
				}
			}
			p := pair{q, sim}
			return queuetest.Instance{
				Queue:  p,
				Clock:  clock,
				Settle: sim.Settle,
				Reopen: func(t *testing.T) queuetest.Instance {
					p.Close(t.Context())
					sim.Start()
					return again(t)
				},
				Crash: func(t *testing.T) queuetest.Instance {
					sim.Crash()
					q.Close(t.Context())
					sim.Start()
					return again(t)
				},
			}
		}
		return again(t)
	})
}

var _ queue.Queue = pair{}
