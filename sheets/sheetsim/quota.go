package sheetsim

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Quotas are requests per minute; 0 is no limit. Google's are 60 per user and 300 per project, of each.
// A batch counts as one request; a refused request counts as none.
type Quotas struct {
	ReadsPerUser, WritesPerUser       int
	ReadsPerProject, WritesPerProject int
}

// GoogleQuotas are the limits of a new Google Cloud project.
func GoogleQuotas() *Quotas {
	return &Quotas{ReadsPerUser: 60, WritesPerUser: 60, ReadsPerProject: 300, WritesPerProject: 300}
}

// rates counts the requests of the running minute. Google refills once a minute, so windows don't slide.
type rates struct {
	mu     sync.Mutex
	minute time.Time
	used   map[rateKey]int
}

type rateKey struct {
	write bool
	user  string // "" for the project
}

// admit counts a request against the quotas, or refuses it.
func (s *Server) admit(op Op) error {
	q := s.cfg.Quotas
	if q == nil {
		return nil
	}
	perUser, perProject := q.ReadsPerUser, q.ReadsPerProject
	if op.Write {
		perUser, perProject = q.WritesPerUser, q.WritesPerProject
	}
	s.rate.mu.Lock()
	defer s.rate.mu.Unlock()
	if now := s.cfg.Clock.Now().Truncate(time.Minute); !now.Equal(s.rate.minute) {
		s.rate.minute, s.rate.used = now, map[rateKey]int{}
	}
	user, project := rateKey{op.Write, "user " + op.Identity}, rateKey{op.Write, ""}
	if perUser > 0 && s.rate.used[user] >= perUser {
		return quotaExceeded(op.Write, true, perUser)
	}
	if perProject > 0 && s.rate.used[project] >= perProject {
		return quotaExceeded(op.Write, false, perProject)
	}
	s.rate.used[user]++
	s.rate.used[project]++
	return nil
}

// quotaExceeded is the 429 that Google answers, details included.
func quotaExceeded(write, perUser bool, limit int) error {
	kind, metric := "Read", "read_requests"
	if write {
		kind, metric = "Write", "write_requests"
	}
	per, name := "per minute", "PerMinutePerProject"
	if perUser {
		per, name = "per minute per user", "PerMinutePerUser"
	}
	const consumer = "project_number:1"
	e := newError(http.StatusTooManyRequests, "Quota exceeded for quota metric '%s requests' and limit '%s requests %s' of service 'sheets.googleapis.com' for consumer '%s'.", kind, kind, per, consumer)
	e.details = []any{
		map[string]any{
			"@type":  "type.googleapis.com/google.rpc.ErrorInfo",
			"reason": "RATE_LIMIT_EXCEEDED",
			"domain": "googleapis.com",
			"metadata": map[string]any{
				"service": "sheets.googleapis.com", "consumer": "projects/1", "quota_location": "global",
				"quota_metric": "sheets.googleapis.com/" + metric, "quota_limit": kind + "Requests" + name, "quota_limit_value": strconv.Itoa(limit),
				"quota_unit": "1/min/{project}",
			},
		},
		map[string]any{
			"@type": "type.googleapis.com/google.rpc.Help",
			"links": []any{map[string]any{"description": "Request a higher quota limit.", "url": "https://cloud.google.com/docs/quotas/help/request_increase"}},
		},
	}
	return e
}

// identify says who is calling.
func (s *Server) identify(r *http.Request, op Op) (string, error) {
	if s.cfg.Authorize == nil {
		if u := r.URL.Query().Get("quotaUser"); u != "" {
			return u, nil
		}
		if a := r.Header.Get("Authorization"); a != "" {
			// Never the credential itself.
			sum := sha256.Sum256([]byte(a))
			return hex.EncodeToString(sum[:8]), nil
		}
		return "anonymous", nil
	}
	who, err := s.cfg.Authorize(r, op)
	switch {
	case err == nil:
		return who, nil
	case errors.Is(err, ErrForbidden):
		return "", newError(http.StatusForbidden, "The caller does not have permission")
	case errors.Is(err, ErrUnknown):
		return "", notFound()
	}
	e := newError(http.StatusUnauthorized, "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.")
	e.headers = map[string]string{"WWW-Authenticate": `Bearer realm="https://accounts.google.com/"`}
	return "", e
}
