package sheetsim

import (
	"maps"
	"net/http"
	"strings"
	"sync"
)

// An Op is one request as hooks, faults and authorization see it.
type Op struct {
	Method        string // "spreadsheets.values.batchUpdate"; as in the discovery document, without "sheets."
	SpreadsheetID string // "" for spreadsheets.create
	Write         bool
	Identity      string         // who called: from Config.Authorize, else a stand-in for the credential sent
	Body          map[string]any // the request's body with its names in camel case; not to be changed
	Requests      []string       // of spreadsheets.batchUpdate: the kinds, e.g. "updateCells"
}

func (c *call) op() Op {
	h, _ := c.server.handler(c.name)
	op := Op{Method: c.name, SpreadsheetID: c.params["spreadsheetId"], Write: h.write, Body: c.body}
	if c.name == "spreadsheets.batchUpdate" {
		for _, x := range list(c.body, "requests") {
			m, _ := x.(map[string]any)
			for kind := range m {
				op.Requests = append(op.Requests, kind)
			}
		}
	}
	return op
}

// hooks are what tests put around requests.
type hooks struct {
	mu       sync.Mutex
	onBefore func(Op)
	onAfter  func(Op, int)
	faults   []*Fault
	calls    Calls
}

// Before has f called before every request is carried out, while nothing is locked: f may use the server. nil takes it away.
func (s *Server) Before(f func(op Op)) {
	s.hook.mu.Lock()
	defer s.hook.mu.Unlock()
	s.hook.onBefore = f
}

// After has f called after every request was carried out and before it is answered, with the status.
func (s *Server) After(f func(op Op, status int)) {
	s.hook.mu.Lock()
	defer s.hook.mu.Unlock()
	s.hook.onAfter = f
}

func (h *hooks) before(op Op) {
	h.mu.Lock()
	f := h.onBefore
	h.calls.count(op)
	h.mu.Unlock()
	if f != nil {
		f(op)
	}
}

func (h *hooks) after(op Op, status int) {
	h.mu.Lock()
	f := h.onAfter
	h.mu.Unlock()
	if f != nil {
		f(op, status)
	}
}

// Calls counts the requests that were let in, failed ones too, not those refused by authorization or quota.
type Calls struct {
	Reads, Writes int
	By            map[string]int // by Op.Method
}

func (c *Calls) count(op Op) {
	if op.Write {
		c.Writes++
	} else {
		c.Reads++
	}
	if c.By == nil {
		c.By = map[string]int{}
	}
	c.By[op.Method]++
}

// Calls returns the counts since the start or the last [Server.ResetCalls].
func (s *Server) Calls() Calls {
	s.hook.mu.Lock()
	defer s.hook.mu.Unlock()
	c := s.hook.calls
	c.By = maps.Clone(c.By)
	return c
}

// ResetCalls sets the counts to zero.
func (s *Server) ResetCalls() {
	s.hook.mu.Lock()
	defer s.hook.mu.Unlock()
	s.hook.calls = Calls{}
}

// A Fault makes requests fail. The first fault that matches a request is used for it.
type Fault struct {
	Match func(Op) bool // nil: every request
	Times int           // how many requests; 0 means 1, negative means always
	// Apply carries the request out before failing: what the caller sees as a failure did happen.
	Apply bool
	// Drop cuts the connection in place of an answer.
	Drop    bool
	Status  int               // of the answer; 0 means 503
	Message string            // of the error body; "" means Google's usual one
	Body    string            // the whole body, in place of an error body
	Header  map[string]string // e.g. Retry-After
}

// Fail adds a fault.
func (s *Server) Fail(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.hook.mu.Lock()
	defer s.hook.mu.Unlock()
	s.hook.faults = append(s.hook.faults, &f)
}

// ClearFaults takes all faults away.
func (s *Server) ClearFaults() {
	s.hook.mu.Lock()
	defer s.hook.mu.Unlock()
	s.hook.faults = nil
}

func (h *hooks) take(op Op) *Fault {
	h.mu.Lock()
	faults := h.faults
	h.mu.Unlock()
	for _, f := range faults {
		if f.Match != nil && !f.Match(op) {
			continue
		}
		h.mu.Lock()
		used := f.Times == 0
		if f.Times > 0 {
			f.Times--
		}
		h.mu.Unlock()
		if !used {
			return f
		}
	}
	return nil
}

func (f *Fault) status() int {
	switch {
	case f.Drop:
		return 0
	case f.Status == 0:
		return http.StatusServiceUnavailable
	}
	return f.Status
}

func (f *Fault) answer(s *Server, w http.ResponseWriter, r *http.Request) {
	if f.Drop {
		panic(http.ErrAbortHandler) // net/http's own way to cut the connection; it is not logged
	}
	for k, v := range f.Header {
		w.Header().Set(k, v)
	}
	if f.Body != "" {
		s.answer(w, r, f.status(), []byte(f.Body))
		return
	}
	message := f.Message
	if message == "" {
		message = map[int]string{
			http.StatusUnauthorized:        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
			http.StatusForbidden:           "The caller does not have permission",
			http.StatusNotFound:            "Requested entity was not found.",
			http.StatusTooManyRequests:     "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per user' of service 'sheets.googleapis.com' for consumer 'project_number:1'.",
			http.StatusInternalServerError: "Internal error encountered.",
			http.StatusServiceUnavailable:  "The service is currently unavailable.",
			http.StatusGatewayTimeout:      "The request timed out.",
		}[f.status()]
	}
	s.fail(w, r, newError(f.status(), "%s", strings.TrimSpace(message)))
}
