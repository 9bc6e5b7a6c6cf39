// Package cloudtaskssim is a double of Cloud Tasks for tests and for a cloud-shaped system on one machine: the real
// client speaks gRPC to it, it delivers over HTTP as documented, with OIDC tokens of its own issuer. There is
// no official emulator.
//
// # What it does as documented
//
// Sources: the comments of google/cloud/tasks/v2/*.proto, and cloud.google.com/tasks/docs (quotas, "Create HTTP target
// tasks", "Issues and limitations").
//
//   - It refuses what Cloud Tasks refuses: resource names, ids over 500 characters, due times over 30 days ahead, tasks
//     over 100 KB, deadlines outside of 15 s to 30 min, settings over their limits, queues that are not there.
//   - A task's id can't be used again for a while after the task is gone, however it went: ALREADY_EXISTS.
//   - 2xx removes a task; anything else is retried with the queue's backoff until its attempts are used up, and then the task is removed.
//   - A token bucket limits the rate (also below one a second), max_concurrent_dispatches what is under way. Both hold
//     for first attempts and retries alike.
//   - 429 and 503 slow the whole queue down, and Retry-After is heeded.
//   - Deliveries carry the X-CloudTasks- headers, and a token signed with RS256 whose issuer has a discovery document and a key set.
//   - Pausing stops deliveries, not additions. RunTask delivers at once, whatever the limits say.
//   - A task is removed 31 days after it was created.
//
// # Where it had to choose
//
//   - A name is free again after one hour ([Config.Dedupe]); the documents say "up to 24 hours".
//   - How much 429 and 503 slow down is not documented: here each halves the rate and the burst, down to a
//     sixty-fourth, and each success takes back half as much again.
//   - Purging takes effect at once; the documents say within a minute. What is under way is listed until it ends.
//   - The burst is a fifth of the rate, at least 1, or what [Server.SetBurst] says; Cloud Tasks derives it in ways that change.
//   - Redirects "may be followed": they are not.
//   - Retries are early by up to a quarter ([queue.Jittered]).
//
// # What it leaves out
//
// App Engine targets, queue-level HTTP targets, IAM, batches, encryption keys, quotas of the API; the slow start of a new or idle
// queue; the tombstone of a deleted queue. State is in memory and ends with the process; [Server.Crash] and [Server.Start]
// play a restart over it.
package cloudtaskssim

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"github.com/jonboulle/clockwork"
	"google.golang.org/grpc"
)

// Config says where the double listens and by what it goes.
type Config struct {
	// Addr is where gRPC is served, host:port. Empty: a free port of 127.0.0.1.
	Addr string
	// IssuerAddr is where the issuer's documents are served, host:port. Empty: a free port of 127.0.0.1.
	IssuerAddr string
	// IssuerURL is what tokens say about their issuer, without a slash at its end. Empty: http:// and where it is served.
	IssuerURL string
	// Key signs tokens. Nil: a new one, made when the first is needed.
	Key *rsa.PrivateKey
	// Dedupe is how long the id of a task that is gone can't be used. 0: an hour.
	Dedupe time.Duration
	// Clock says when tasks are due. Nil: the machine's.
	Clock clockwork.Clock
	// Log takes what failed. Nil: none.
	Log *slog.Logger
	// Jitter returns numbers in [0,1) by which intervals between retries are shortened. Nil: random.
	Jitter func() float64
	// Observe is told of everything that happens to tasks, in order, one event at a time. It must be quick and may not
	// call the server. Nil: nobody is.
	Observe func(Event)
}

// A Server is a running double. Make it with [New].
type Server struct {
	cloudtaskspb.UnimplementedCloudTasksServer

	cfg    Config
	clock  clockwork.Clock
	log    *slog.Logger
	issuer *issuer
	client *http.Client
	addr   string
	grpc   *grpc.Server
	closed sync.Once

	deliveries sync.WaitGroup

	mu      sync.Mutex
	lanes   map[string]*lane // by the queue's full name
	under   int              // deliveries under way, of all queues
	stopped bool             // no delivery begins
	down    bool             // no call is answered: between Crash and Start
	epoch   int              // counts crashes: what an earlier one left behind is not recorded
	life    context.Context  // of deliveries
	end     context.CancelCauseFunc
	timer   clockwork.Timer // rings when the next delivery may begin
	changed chan struct{}   // closed when a delivery ends
	calls   map[string]int
	fail    func(Call) Fault
	double  func(Event) int
}

// New makes a double without queues that listens and delivers from now on, until [Server.Close].
func New(cfg Config) (*Server, error) {
	s := &Server{
		cfg: cfg, clock: cfg.Clock, log: cfg.Log, lanes: map[string]*lane{}, changed: make(chan struct{}), calls: map[string]int{},
	}
	if s.clock == nil {
		s.clock = clockwork.NewRealClock()
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.cfg.Jitter == nil {
		s.cfg.Jitter = mathrand.Float64
	}
	if s.cfg.Dedupe == 0 {
		s.cfg.Dedupe = time.Hour
	}
	s.client = &http.Client{
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 256,
			IdleConnTimeout:     time.Minute,
			DisableCompression:  true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	s.life, s.end = context.WithCancelCause(context.Background())

	var err error
	if s.issuer, err = serveIssuer(cfg.IssuerAddr, cfg.IssuerURL, cfg.Key, s.clock); err != nil {
		return nil, err
	}
	l, err := listen(cfg.Addr)
	if err != nil {
		s.issuer.close()
		return nil, err
	}
	s.addr = l.Addr().String()
	s.grpc = grpc.NewServer(grpc.UnaryInterceptor(s.intercept))
	cloudtaskspb.RegisterCloudTasksServer(s.grpc, s)
	go s.grpc.Serve(l) // ends with Close
	return s, nil
}

func listen(addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cloud tasks double: %w", err)
	}
	return l, nil
}

// Addr is where gRPC is served, host:port; clients connect without TLS and without credentials.
func (s *Server) Addr() string { return s.addr }

// Issuer is the URL of the tokens' issuer. Its discovery document is at /.well-known/openid-configuration.
func (s *Server) Issuer() string { return s.issuer.url }

// Rotate signs with another key from now on. The one before stays published, earlier ones don't. Nil: a new key.
func (s *Server) Rotate(key *rsa.PrivateKey) error { return s.issuer.rotate(key) }

// Close ends everything. Deliveries under way are cut off.
func (s *Server) Close() error {
	s.closed.Do(func() {
		s.grpc.Stop()
		s.mu.Lock()
		s.stopped = true
		s.end(errCutOff)
		s.rearm(time.Time{})
		s.mu.Unlock()
		s.deliveries.Wait()
		s.issuer.close()
		s.client.CloseIdleConnections()
	})
	return nil
}

var (
	errCutOff   = errors.New("the double is stopping")
	errDeadline = errors.New("no answer before the deadline")
)

// Stop begins no more deliveries and waits for those under way. Where ctx ends first they are cut off, their
// tasks are due at once after [Server.Start], and the error is ctx's. Calls are answered as before.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	s.rearm(time.Time{})
	end := s.end
	s.mu.Unlock()
	err := s.Settle(ctx)
	if err != nil {
		end(errCutOff)
		s.deliveries.Wait() // they end at once
	}
	return err
}

// Crash is the death of the service in the middle of everything: deliveries under way are cut off and
// forgotten, their tasks are due at once, and until [Server.Start] calls are answered UNAVAILABLE.
func (s *Server) Crash() {
	s.mu.Lock()
	s.stopped, s.down = true, true
	s.epoch++
	s.end(errCutOff)
	s.rearm(time.Time{})
	now := s.clock.Now()
	s.under = 0
	for _, l := range s.lanes {
		l.under = 0
		for _, t := range l.tasks {
			if t.under == 0 {
				continue
			}
			t.under = 0
			s.again(l, t, now, now, Event{What: CutOff})
		}
	}
	s.mu.Unlock()
	s.deliveries.Wait()
}

// Start undoes Stop and Crash.
func (s *Server) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil {
		s.life, s.end = context.WithCancelCause(context.Background())
	}
	s.stopped, s.down = false, false
	s.pump()
}

// Settle returns when no delivery is under way and none may begin until the clock moves or someone calls.
func (s *Server) Settle(ctx context.Context) error {
	for {
		s.mu.Lock()
		s.pump()
		under, changed := s.under, s.changed
		s.mu.Unlock()
		if under == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
