package cloudtaskssim

import (
	"strings"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Limits, from the comments of the API's .proto files and from cloud.google.com/tasks/docs/quotas.
const (
	maxTask     = 100_000 // bytes: "The maximum task size is 100KB", read as strictly as it can be
	maxTaskID   = 500
	maxQueueID  = 100
	maxURL      = 2083
	maxHeaders  = 80_000
	maxAhead    = 30 * 24 * time.Hour
	retention   = 31 * 24 * time.Hour
	minDeadline = 15 * time.Second
	maxDeadline = 30 * time.Minute
	maxRate     = 500
	maxAtOnce   = 5000
	maxPage     = 1000
	maxQueues   = 9800 // a page of ListQueues
)

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// only reports whether s is not empty and has only letters, digits and the others.
func only(s, others string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte(others, c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// location reports whether name is projects/PROJECT/locations/LOCATION.
func isLocation(name string) bool {
	p := strings.Split(name, "/")
	return len(p) == 4 && p[0] == "projects" && only(p[1], "-:.") && p[2] == "locations" && only(p[3], "-")
}

// checkQueueName wants LOCATION/queues/QUEUE.
func checkQueueName(name string) error {
	at, id, ok := strings.Cut(name, "/queues/")
	if !ok || !isLocation(at) || !only(id, "-") || len(id) > maxQueueID {
		return invalid("queue name %.200q: want projects/PROJECT_ID/locations/LOCATION_ID/queues/QUEUE_ID", name)
	}
	return nil
}

// splitTaskName wants QUEUE/tasks/TASK.
func splitTaskName(name string) (queue, id string, err error) {
	queue, id, ok := strings.Cut(name, "/tasks/")
	if !ok || checkQueueName(queue) != nil || !only(id, "-_") || len(id) > maxTaskID {
		return "", "", invalid("task name %.700q: want projects/PROJECT_ID/locations/LOCATION_ID/queues/QUEUE_ID/tasks/TASK_ID", name)
	}
	return queue, id, nil
}

// checkTask checks a task that is to be created, all but its name.
func checkTask(t *cloudtaskspb.Task, now time.Time) error {
	h := t.GetHttpRequest()
	switch {
	case t.GetAppEngineHttpRequest() != nil:
		return status.Error(codes.Unimplemented, "the double has no App Engine tasks")
	case h == nil:
		return invalid("task.http_request must be set")
	case !strings.HasPrefix(h.Url, "http://") && !strings.HasPrefix(h.Url, "https://"):
		return invalid("http_request.url must begin with http:// or https://")
	case len(h.Url) > maxURL:
		return invalid("http_request.url is over %d characters", maxURL)
	}
	switch h.HttpMethod {
	case cloudtaskspb.HttpMethod_HTTP_METHOD_UNSPECIFIED, cloudtaskspb.HttpMethod_POST, cloudtaskspb.HttpMethod_PUT, cloudtaskspb.HttpMethod_PATCH:
	default:
		if _, known := cloudtaskspb.HttpMethod_name[int32(h.HttpMethod)]; !known {
			return invalid("http_request.http_method is unknown")
		}
		if len(h.Body) > 0 {
			return invalid("http_request.body is not allowed with %v", h.HttpMethod)
		}
	}
	size := 0
	for k, v := range h.Headers {
		size += len(k) + len(v)
		if !only(k, "!#$%&'*+-.^_`|~") || !utf8.ValidString(v) || strings.ContainsAny(v, "\r\n\x00") {
			return invalid("http_request.headers: %.100q is not a header", k)
		}
	}
	if size >= maxHeaders {
		return invalid("http_request.headers are over 80KB")
	}
	if h.GetOauthToken() != nil {
		return status.Error(codes.Unimplemented, "the double has no OAuth tokens")
	}
	if o := h.GetOidcToken(); o != nil && !strings.Contains(o.ServiceAccountEmail, "@") {
		return invalid("oidc_token.service_account_email must be set")
	}
	if at := t.ScheduleTime; at != nil {
		if at.CheckValid() != nil {
			return invalid("task.schedule_time is not a time")
		}
		if at.AsTime().After(now.Add(maxAhead)) {
			return invalid("task.schedule_time is more than 30 days ahead")
		}
	}
	if d := t.DispatchDeadline; d != nil {
		if d.CheckValid() != nil || d.AsDuration() < minDeadline || d.AsDuration() > maxDeadline {
			return invalid("task.dispatch_deadline must be in the interval [15s, 30m]")
		}
	}
	if t.RetryConfig != nil {
		if err := checkRetries(t.RetryConfig); err != nil {
			return err
		}
	}
	if n := proto.Size(t); n > maxTask {
		return invalid("task of %d bytes: the maximum task size is 100KB", n)
	}
	return nil
}

// checkQueue checks a queue's settings after its defaults are filled in.
func checkQueue(q *cloudtaskspb.Queue) error {
	r := q.RateLimits
	switch {
	case q.HttpTarget != nil || q.AppEngineRoutingOverride != nil:
		return status.Error(codes.Unimplemented, "the double has no overrides by queue")
	case !(r.MaxDispatchesPerSecond > 0 && r.MaxDispatchesPerSecond <= maxRate): // !(…): NaN too
		return invalid("rate_limits.max_dispatches_per_second must be up to %d", maxRate)
	case r.MaxConcurrentDispatches < 0 || r.MaxConcurrentDispatches > maxAtOnce:
		return invalid("rate_limits.max_concurrent_dispatches must be up to %d", maxAtOnce)
	}
	return checkRetries(q.RetryConfig)
}

func checkRetries(c *cloudtaskspb.RetryConfig) error {
	for field, d := range map[string]*durationpb.Duration{
		"min_backoff": c.MinBackoff, "max_backoff": c.MaxBackoff, "max_retry_duration": c.MaxRetryDuration,
	} {
		if d != nil && (d.CheckValid() != nil || d.AsDuration() < 0) {
			return invalid("retry_config.%s is not a duration", field)
		}
	}
	switch {
	case c.MaxAttempts < -1:
		return invalid("retry_config.max_attempts must be at least -1")
	case c.MaxDoublings < 0:
		return invalid("retry_config.max_doublings is negative")
	case c.MinBackoff != nil && c.MaxBackoff != nil && c.MinBackoff.AsDuration() > c.MaxBackoff.AsDuration():
		return invalid("retry_config.min_backoff is over max_backoff")
	}
	return nil
}
