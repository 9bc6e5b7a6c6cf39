package cloudtaskssim

import (
	stdheap "container/heap"
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"

	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A task is one that was created and is not gone.
type task struct {
	id       string
	pb       *cloudtaskspb.Task // complete, never handed out
	due      time.Time
	seq      int // in order of creation
	index    int // among the waiting; -1: not there
	under    int // deliveries under way: RunTask can make it more than one
	answered int // attempts answered otherwise than 5xx
	previous int // status of the last attempt; 0: no answer
	reason   string
	first    time.Time // of the first attempt
	leaving  bool      // purged while under way: not retried
}

// heap holds waiting tasks, the one due first at its top.
type heap []*task

func (h heap) Len() int { return len(h) }
func (h heap) Less(i, j int) bool {
	if !h[i].due.Equal(h[j].due) {
		return h[i].due.Before(h[j].due)
	}
	return h[i].seq < h[j].seq
}
func (h heap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *heap) Push(x any) {
	t := x.(*task)
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *heap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}

func (l *lane) wait(t *task, due time.Time) {
	t.due = due.Truncate(time.Microsecond)
	t.pb.ScheduleTime = timestamppb.New(t.due)
	stdheap.Push(&l.waiting, t)
}

func (l *lane) unwait(t *task) {
	if t.index >= 0 {
		stdheap.Remove(&l.waiting, t.index)
	}
}

// CreateTask implements the API.
func (s *Server) CreateTask(_ context.Context, r *cloudtaskspb.CreateTaskRequest) (*cloudtaskspb.Task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.lane(r.GetParent())
	if status.Code(err) == codes.NotFound {
		// What Cloud Tasks says here, and only here.
		return nil, status.Error(codes.FailedPrecondition, "Queue does not exist.")
	}
	if err != nil {
		return nil, err
	}
	if r.Task == nil {
		return nil, invalid("task must be set")
	}
	now := s.clock.Now()
	id := newID()
	if r.Task.Name != "" {
		var parent string
		if parent, id, err = splitTaskName(r.Task.Name); err != nil {
			return nil, err
		}
		if parent != r.Parent {
			return nil, invalid("task.name is not below parent")
		}
	}
	if err := checkTask(r.Task, now); err != nil {
		return nil, err
	}
	if l.tasks[id] != nil {
		s.observe(l, id, Event{What: Duplicate})
		return nil, status.Error(codes.AlreadyExists, "Requested entity already exists")
	}
	if l.buried(id, now) {
		s.observe(l, id, Event{What: Duplicate})
		return nil, status.Error(codes.AlreadyExists, "The task cannot be created because a task with this name existed too recently.")
	}
	t := &task{id: id, pb: proto.CloneOf(r.Task), seq: l.seq, index: -1}
	l.seq++
	p := t.pb
	p.Name = r.Parent + "/tasks/" + id
	p.CreateTime = timestamppb.New(now.Truncate(time.Second))
	p.DispatchCount, p.ResponseCount, p.FirstAttempt, p.LastAttempt, p.View = 0, 0, nil, nil, 0
	if h := p.GetHttpRequest(); h.HttpMethod == cloudtaskspb.HttpMethod_HTTP_METHOD_UNSPECIFIED {
		h.HttpMethod = cloudtaskspb.HttpMethod_POST
	}
	if p.RetryConfig != nil {
		completeRetries(p.RetryConfig)
	}
	due := now
	if at := p.ScheduleTime; at != nil && at.AsTime().After(now) {
		due = at.AsTime()
	}
	l.tasks[id] = t
	l.wait(t, due)
	s.observe(l, id, Event{What: Created, Due: t.due})
	answer := view(t.pb, r.ResponseView)
	s.pump()
	return answer, nil
}

// newID is the id of a task that was created without one.
func newID() string {
	var b [10]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// view is what is shown of a task: unless all is asked for, not its body.
func view(t *cloudtaskspb.Task, v cloudtaskspb.Task_View) *cloudtaskspb.Task {
	t = proto.CloneOf(t)
	if t.View = v; v != cloudtaskspb.Task_FULL {
		t.View = cloudtaskspb.Task_BASIC
		t.GetHttpRequest().Body = nil
	}
	return t
}

// task finds a task. The lock is held.
func (s *Server) task(name string) (*lane, *task, error) {
	queue, id, err := splitTaskName(name)
	if err != nil {
		return nil, nil, err
	}
	l, err := s.lane(queue)
	if err != nil {
		return nil, nil, err
	}
	if t := l.tasks[id]; t != nil {
		return l, t, nil
	}
	if l.buried(id, s.clock.Now()) {
		return nil, nil, status.Error(codes.NotFound, "The task no longer exists, though a task with this name existed recently.")
	}
	return nil, nil, status.Error(codes.NotFound, "The task does not exist.")
}

// GetTask implements the API.
func (s *Server) GetTask(_ context.Context, r *cloudtaskspb.GetTaskRequest) (*cloudtaskspb.Task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, t, err := s.task(r.GetName())
	if err != nil {
		return nil, err
	}
	return view(t.pb, r.ResponseView), nil
}

// ListTasks implements the API.
func (s *Server) ListTasks(_ context.Context, r *cloudtaskspb.ListTasksRequest) (*cloudtaskspb.ListTasksResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.lane(r.GetParent())
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(l.ids(), r.PageSize, maxPage, r.PageToken)
	if err != nil {
		return nil, err
	}
	resp := &cloudtaskspb.ListTasksResponse{NextPageToken: next}
	for _, id := range page {
		resp.Tasks = append(resp.Tasks, view(l.tasks[id].pb, r.ResponseView))
	}
	return resp, nil
}

// DeleteTask implements the API. A delivery that is under way goes on; nothing follows from its answer.
func (s *Server) DeleteTask(_ context.Context, r *cloudtaskspb.DeleteTaskRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, t, err := s.task(r.GetName())
	if err != nil {
		return nil, err
	}
	s.remove(l, t, s.clock.Now(), Event{What: Removed})
	return &emptypb.Empty{}, nil
}

// RunTask implements the API.
func (s *Server) RunTask(_ context.Context, r *cloudtaskspb.RunTaskRequest) (*cloudtaskspb.Task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, t, err := s.task(r.GetName())
	if err != nil {
		return nil, err
	}
	if s.stopped {
		return nil, status.Error(codes.Unavailable, "the double is stopped")
	}
	now := s.clock.Now()
	l.unwait(t)
	t.due = now.Truncate(time.Microsecond)
	t.pb.ScheduleTime = timestamppb.New(t.due)
	s.start(l, t, now)
	return view(t.pb, r.ResponseView), nil
}

// remove ends a task. Its id stays taken for a while. The lock is held.
func (s *Server) remove(l *lane, t *task, now time.Time, e Event) {
	l.unwait(t)
	if l.tasks[t.id] != t {
		return
	}
	delete(l.tasks, t.id)
	l.bury(t.id, now.Add(s.cfg.Dedupe))
	s.observe(l, t.id, e)
}

// url is where a task goes, for logs: without its query.
func (t *task) url() string {
	u, _, _ := strings.Cut(t.pb.GetHttpRequest().GetUrl(), "?")
	return u
}
