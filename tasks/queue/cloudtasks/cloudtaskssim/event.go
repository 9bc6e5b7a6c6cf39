package cloudtaskssim

import (
	"context"
	"path"
	"strings"
	"time"

	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// An Event is something that happened to a task.
type Event struct {
	What    What
	Queue   string // the queue's id, without project and location
	ID      string // the task's, without the queue
	Attempt int    // of a delivery: 0 for the first
	Status  int    // what the worker answered; 0: nothing
	Err     error  // why a delivery got no answer
	Due     time.Time
}

// What happened.
type What string

// The events there are.
const (
	Created   What = "created"
	Duplicate What = "duplicate" // the id was taken: ALREADY_EXISTS
	Started   What = "started"   // a delivery begins
	Repeated  What = "repeated"  // the delivery that has just started goes out once more, see [Server.Double]
	Succeeded What = "succeeded" // the worker answered 2xx: the task is gone
	Failed    What = "failed"    // anything else: the task is due again
	GaveUp    What = "gave up"   // that was the last attempt: the task is gone
	CutOff    What = "cut off"   // Stop or Crash: the task is due again
	Removed   What = "removed"   // by DeleteTask, PurgeQueue, DeleteQueue, or after 31 days
)

// A Call is one call of the API.
type Call struct {
	Method string // "CreateTask"
	Name   string // the resource it is about: the request's name or parent, or its queue's name
	N      int    // how many of the method there were, this one included
}

// A Fault is how a call goes wrong. The zero Fault is none.
type Fault struct {
	Code  codes.Code // what is answered instead, not OK
	After bool       // the call has its effect first: the caller can't tell
	Hang  bool       // there is no answer until the caller gives up
}

// Fail has calls go wrong as f says; nil: none do. f is called from many goroutines.
func (s *Server) Fail(f func(Call) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// Double has deliveries go out more than once, at the same time, as "at least once" allows: f says how many times more, for an event
// Started. Only the first one's answer counts. f is called in order, must be quick and may not call the server. Nil: none.
func (s *Server) Double(f func(Event) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.double = f
}

// Calls is how many calls of a method there were, such as "CreateTask".
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// SetBurst sets the size of a queue's token bucket, as bucket_size of a queue.yaml does: the API can't. The queue is
// named in full. It reports whether the queue is there.
func (s *Server) SetBurst(queue string, burst int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[queue]
	if l == nil {
		return false
	}
	l.pb.RateLimits.MaxBurstSize = int32(burst)
	l.pace()
	s.pump()
	return true
}

// intercept counts calls and has them go wrong.
func (s *Server) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	c := Call{Method: path.Base(info.FullMethod), Name: resource(req)}
	s.mu.Lock()
	s.calls[c.Method]++
	c.N = s.calls[c.Method]
	fail, down := s.fail, s.down
	s.mu.Unlock()
	if down {
		return nil, status.Error(codes.Unavailable, "the service is down")
	}
	var f Fault
	if fail != nil {
		f = fail(c)
	}
	if f == (Fault{}) {
		return handle(ctx, req)
	}
	if f.After {
		handle(ctx, req) // whatever it would have answered is lost
	}
	if f.Hang {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return nil, status.Error(f.Code, "fault")
}

// resource is what a request is about.
func resource(req any) string {
	switch r := req.(type) {
	case interface{ GetParent() string }:
		return r.GetParent()
	case interface{ GetName() string }:
		return r.GetName()
	case interface{ GetQueue() *cloudtaskspb.Queue }:
		return r.GetQueue().GetName()
	}
	return ""
}

// observe tells of an event. The lock is held.
func (s *Server) observe(l *lane, id string, e Event) {
	if s.cfg.Observe != nil {
		e.Queue, e.ID = l.id(), id
		s.cfg.Observe(e)
	}
}

func (l *lane) id() string { return l.pb.Name[strings.LastIndexByte(l.pb.Name, '/')+1:] }
