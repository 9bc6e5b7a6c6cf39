package cloudtaskssim

import (
	"context"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A lane is one queue.
type lane struct {
	pb      *cloudtaskspb.Queue // complete, never handed out
	tasks   map[string]*task    // by id
	waiting heap                // those that are not under way
	under   int                 // deliveries under way
	bucket  bucket
	slow    float64 // what 429 and 503 have left of the rate, 1 for all of it
	gone    map[string]time.Time
	leaving []grave // gone, in the order of their ends
	seq     int
}

// A grave is an id that can't be used until then.
type grave struct {
	id    string
	until time.Time
}

// pace brings the bucket to the settings.
func (l *lane) pace() {
	r := l.pb.RateLimits
	l.bucket.set(r.MaxDispatchesPerSecond*l.slow, int(float64(r.MaxBurstSize)*l.slow))
}

// Defaults, as gcloud shows them for a queue that was created without settings.
const (
	defaultAtOnce    = 1000
	defaultAttempts  = 100
	defaultDoublings = 16
)

// complete fills in what was not specified, and what is output only.
func complete(q *cloudtaskspb.Queue) {
	if q.RateLimits == nil {
		q.RateLimits = &cloudtaskspb.RateLimits{}
	}
	if q.RetryConfig == nil {
		q.RetryConfig = &cloudtaskspb.RetryConfig{}
	}
	r := q.RateLimits
	if r.MaxDispatchesPerSecond == 0 {
		r.MaxDispatchesPerSecond = maxRate
	}
	if r.MaxConcurrentDispatches == 0 {
		r.MaxConcurrentDispatches = defaultAtOnce
	}
	r.MaxBurstSize = max(1, int32(r.MaxDispatchesPerSecond/5))
	completeRetries(q.RetryConfig)
}

func completeRetries(c *cloudtaskspb.RetryConfig) {
	if c.MaxAttempts == 0 {
		c.MaxAttempts = defaultAttempts
	}
	if c.MaxDoublings == 0 {
		c.MaxDoublings = defaultDoublings
	}
	backoffs(c)
}

// backoffs fills in the intervals and cuts them to whole seconds, as documented; only the default is a tenth of a second.
func backoffs(c *cloudtaskspb.RetryConfig) {
	cut := func(d *durationpb.Duration, otherwise time.Duration) *durationpb.Duration {
		if d == nil {
			return durationpb.New(otherwise)
		}
		if d.CheckValid() == nil && d.AsDuration() != 100*time.Millisecond {
			return durationpb.New(d.AsDuration().Truncate(time.Second))
		}
		return d
	}
	c.MinBackoff = cut(c.MinBackoff, 100*time.Millisecond)
	c.MaxBackoff = cut(c.MaxBackoff, time.Hour)
	c.MaxRetryDuration = cut(c.MaxRetryDuration, 0)
}

// CreateQueue implements the API.
func (s *Server) CreateQueue(_ context.Context, r *cloudtaskspb.CreateQueueRequest) (*cloudtaskspb.Queue, error) {
	if !isLocation(r.GetParent()) {
		return nil, invalid("parent %.200q: want projects/PROJECT_ID/locations/LOCATION_ID", r.GetParent())
	}
	if !strings.HasPrefix(r.GetQueue().GetName(), r.Parent+"/queues/") {
		return nil, invalid("queue.name is not below parent")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lanes[r.Queue.Name] != nil {
		return nil, status.Error(codes.AlreadyExists, "Queue already exists")
	}
	return s.create(r.Queue)
}

// create makes a queue. The lock is held.
func (s *Server) create(q *cloudtaskspb.Queue) (*cloudtaskspb.Queue, error) {
	if err := checkQueueName(q.GetName()); err != nil {
		return nil, err
	}
	q = proto.CloneOf(q)
	complete(q)
	if err := checkQueue(q); err != nil {
		return nil, err
	}
	q.State, q.PurgeTime = cloudtaskspb.Queue_RUNNING, nil
	l := &lane{pb: q, tasks: map[string]*task{}, slow: 1, gone: map[string]time.Time{}}
	l.pace()
	s.lanes[q.Name] = l
	return proto.CloneOf(q), nil
}

// UpdateQueue implements the API.
func (s *Server) UpdateQueue(_ context.Context, r *cloudtaskspb.UpdateQueueRequest) (*cloudtaskspb.Queue, error) {
	if err := checkQueueName(r.GetQueue().GetName()); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[r.Queue.Name]
	if l == nil {
		return s.create(r.Queue)
	}
	from, to := proto.CloneOf(r.Queue), proto.CloneOf(l.pb)
	given := proto.CloneOf(r.Queue) // as it came: a path that is named is set even to zero
	if given.RateLimits == nil {
		given.RateLimits = &cloudtaskspb.RateLimits{}
	}
	if given.RetryConfig == nil {
		given.RetryConfig = &cloudtaskspb.RetryConfig{}
	}
	complete(from)
	backoffs(given.RetryConfig)
	paths := r.GetUpdateMask().GetPaths()
	if len(paths) == 0 {
		paths = []string{"rate_limits", "retry_config", "http_target", "app_engine_routing_override"}
	}
	for _, p := range paths {
		switch p {
		case "rate_limits":
			to.RateLimits = from.RateLimits
		case "rate_limits.max_dispatches_per_second":
			to.RateLimits.MaxDispatchesPerSecond = from.RateLimits.MaxDispatchesPerSecond
			to.RateLimits.MaxBurstSize = from.RateLimits.MaxBurstSize
		case "rate_limits.max_concurrent_dispatches":
			to.RateLimits.MaxConcurrentDispatches = from.RateLimits.MaxConcurrentDispatches
		case "retry_config":
			to.RetryConfig = from.RetryConfig
		case "retry_config.max_attempts":
			to.RetryConfig.MaxAttempts = from.RetryConfig.MaxAttempts
		case "retry_config.max_retry_duration":
			to.RetryConfig.MaxRetryDuration = given.RetryConfig.MaxRetryDuration
		case "retry_config.min_backoff":
			to.RetryConfig.MinBackoff = given.RetryConfig.MinBackoff
		case "retry_config.max_backoff":
			to.RetryConfig.MaxBackoff = given.RetryConfig.MaxBackoff
		case "retry_config.max_doublings":
			to.RetryConfig.MaxDoublings = given.RetryConfig.MaxDoublings
		case "http_target", "app_engine_routing_override":
			to.HttpTarget, to.AppEngineRoutingOverride = from.HttpTarget, from.AppEngineRoutingOverride
		case "name", "state", "purge_time", "stackdriver_logging_config":
		default:
			return nil, invalid("update_mask: no field %.100q", p)
		}
	}
	if err := checkQueue(to); err != nil {
		return nil, err
	}
	l.pb = to
	l.pace()
	s.pump()
	return proto.CloneOf(to), nil
}

// lane finds a queue. The lock is held.
func (s *Server) lane(name string) (*lane, error) {
	if err := checkQueueName(name); err != nil {
		return nil, err
	}
	if l := s.lanes[name]; l != nil {
		return l, nil
	}
	return nil, status.Error(codes.NotFound, "Queue does not exist.")
}

// with does something with a queue and answers with what it is afterwards.
func (s *Server) with(name string, do func(l *lane)) (*cloudtaskspb.Queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.lane(name)
	if err != nil {
		return nil, err
	}
	do(l)
	s.pump()
	return proto.CloneOf(l.pb), nil
}

// GetQueue implements the API.
func (s *Server) GetQueue(_ context.Context, r *cloudtaskspb.GetQueueRequest) (*cloudtaskspb.Queue, error) {
	return s.with(r.GetName(), func(*lane) {})
}

// PauseQueue implements the API.
func (s *Server) PauseQueue(_ context.Context, r *cloudtaskspb.PauseQueueRequest) (*cloudtaskspb.Queue, error) {
	return s.with(r.GetName(), func(l *lane) { l.pb.State = cloudtaskspb.Queue_PAUSED })
}

// ResumeQueue implements the API.
func (s *Server) ResumeQueue(_ context.Context, r *cloudtaskspb.ResumeQueueRequest) (*cloudtaskspb.Queue, error) {
	return s.with(r.GetName(), func(l *lane) { l.pb.State = cloudtaskspb.Queue_RUNNING })
}

// PurgeQueue implements the API.
func (s *Server) PurgeQueue(_ context.Context, r *cloudtaskspb.PurgeQueueRequest) (*cloudtaskspb.Queue, error) {
	return s.with(r.GetName(), func(l *lane) {
		now := s.clock.Now()
		l.pb.PurgeTime = timestamppb.New(now.Truncate(time.Microsecond))
		for _, id := range l.ids() {
			if t := l.tasks[id]; t.under > 0 {
				t.leaving = true
			} else {
				s.remove(l, t, now, Event{What: Removed})
			}
		}
	})
}

// DeleteQueue implements the API.
func (s *Server) DeleteQueue(_ context.Context, r *cloudtaskspb.DeleteQueueRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.lane(r.GetName())
	if err != nil {
		return nil, err
	}
	for _, id := range l.ids() {
		s.remove(l, l.tasks[id], s.clock.Now(), Event{What: Removed})
	}
	delete(s.lanes, r.Name)
	return &emptypb.Empty{}, nil
}

// ListQueues implements the API, without filters.
func (s *Server) ListQueues(_ context.Context, r *cloudtaskspb.ListQueuesRequest) (*cloudtaskspb.ListQueuesResponse, error) {
	if !isLocation(r.GetParent()) {
		return nil, invalid("parent %.200q: want projects/PROJECT_ID/locations/LOCATION_ID", r.GetParent())
	}
	if r.Filter != "" {
		return nil, status.Error(codes.Unimplemented, "the double has no filters")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.lanes {
		if strings.HasPrefix(name, r.Parent+"/queues/") {
			names = append(names, name)
		}
	}
	page, next, err := paginate(names, r.PageSize, maxQueues, r.PageToken)
	if err != nil {
		return nil, err
	}
	resp := &cloudtaskspb.ListQueuesResponse{NextPageToken: next}
	for _, name := range page {
		resp.Queues = append(resp.Queues, proto.CloneOf(s.lanes[name].pb))
	}
	return resp, nil
}

// paginate sorts keys and cuts out a page. A token is the last key of the page before.
func paginate(keys []string, size int32, most int, token string) (page []string, next string, err error) {
	if size < 0 {
		return nil, "", invalid("page_size is negative")
	}
	slices.Sort(keys)
	begin := 0
	if token != "" {
		found := false
		if begin, found = slices.BinarySearch(keys, token); found {
			begin++
		}
	}
	n := int(size)
	if n == 0 || n > most {
		n = most
	}
	keys = keys[begin:]
	if len(keys) <= n {
		return keys, "", nil
	}
	return keys[:n], keys[n-1], nil
}

// ids are the tasks' ids in order.
func (l *lane) ids() []string {
	ids := make([]string, 0, len(l.tasks))
	for id := range l.tasks {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// bury keeps an id from being used for a while.
func (l *lane) bury(id string, until time.Time) {
	l.gone[id] = until
	l.leaving = append(l.leaving, grave{id, until})
}

// buried reports whether an id can't be used, and forgets those that can.
func (l *lane) buried(id string, now time.Time) bool {
	n := 0
	for n < len(l.leaving) && !l.leaving[n].until.After(now) {
		if g := l.leaving[n]; l.gone[g.id].Equal(g.until) {
			delete(l.gone, g.id)
		}
		n++
	}
	l.leaving = l.leaving[n:]
	until, ok := l.gone[id]
	return ok && until.After(now)
}
