package sheetsim

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"rowsmith/sheets/sheetsim/discovery"
)

// ServeHTTP answers the API. The request's path is the one after the mount point: "/v4/spreadsheets/…", or
// "/$discovery/rest" for the discovery document, whose root is taken from the request (X-Forwarded-Prefix, or the
// difference between RequestURI and the path, gives the mount point).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.open.RLock()
	defer s.open.RUnlock()
	if s.shut {
		s.fail(w, r, newError(http.StatusServiceUnavailable, "The service is currently unavailable."))
		return
	}
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/$discovery/rest") {
		s.serveDiscovery(w, r)
		return
	}
	c, err := s.parse(r)
	if c == nil {
		s.fail(w, r, err)
		return
	}
	op := c.op()
	if err == nil {
		op.Identity, err = s.identify(r, op)
	}
	if err == nil {
		err = s.admit(op)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.hook.before(op)
	fault := s.hook.take(op)
	if fault != nil && !fault.Apply {
		s.hook.after(op, fault.status())
		fault.answer(s, w, r)
		return
	}
	out, err := s.run(c)
	status := http.StatusOK
	var e *apiError
	if errors.As(err, &e) {
		status = e.code
	} else if err != nil {
		status = http.StatusInternalServerError
	}
	s.hook.after(op, status)
	switch {
	case fault != nil:
		fault.answer(s, w, r)
	case err != nil:
		s.fail(w, r, err)
	default:
		s.answer(w, r, http.StatusOK, out)
	}
}

// run carries out a call and returns the answer's body.
func (s *Server) run(c *call) ([]byte, error) {
	var out []byte
	encode := func(v map[string]any) {
		c.mask.Prune(v)
		out = appendJSON(make([]byte, 0, 4096), v)
	}
	if c.name == "spreadsheets.create" {
		v, err := c.create()
		if err != nil {
			return nil, err
		}
		encode(v)
		return out, nil
	}
	h, ok := s.handler(c.name)
	if !ok {
		return nil, newError(http.StatusNotImplemented, "%s (not simulated)", c.name)
	}
	do := s.disk.view
	if h.write {
		do = s.disk.update
	}
	err := do(c.ctx, c.params["spreadsheetId"], func(b *book) error {
		v, err := h.run(c, b)
		if err != nil {
			return err
		}
		encode(v)
		return nil
	})
	return out, err
}

// Do carries out one request in process, past hooks, quotas, faults, counters and authorization: what a person does to
// the sheet between two requests of the program under test. target is a path with query such as
// "/v4/spreadsheets/ID:batchUpdate"; body is nil or what json.Marshal takes. An answer other than 200 is an error.
func (s *Server) Do(ctx context.Context, httpMethod, target string, body any) ([]byte, error) {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, httpMethod, target, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	c, err := s.parse(r)
	if err != nil {
		return nil, err
	}
	return s.run(c)
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var e *apiError
	if !errors.As(err, &e) {
		if r.Context().Err() == nil {
			s.cfg.Log.ErrorContext(r.Context(), "sheetsim: request failed", "method", r.Method, "error", err)
		}
		e = newError(http.StatusInternalServerError, "Internal error encountered.")
	}
	for k, v := range e.headers {
		w.Header().Set(k, v)
	}
	s.answer(w, r, e.code, appendJSON(nil, e.body()))
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	// Google's default is an indented answer.
	if p := r.URL.Query().Get("prettyPrint"); p != "false" && len(body) < 1<<20 {
		var b bytes.Buffer
		if json.Indent(&b, body, "", "  ") == nil {
			b.WriteByte('\n')
			body = b.Bytes()
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Vary", "Origin, X-Origin, Referer")
	h.Set("Cache-Control", "private")
	if len(body) > 1024 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		w.WriteHeader(status)
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		z.Write(body) //nolint:errcheck // the client is gone
		z.Close()     //nolint:errcheck // the client is gone
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // the client is gone
}

func (s *Server) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	prefix := r.Header.Get("X-Forwarded-Prefix")
	if prefix == "" {
		asked, _, _ := strings.Cut(r.RequestURI, "?")
		if i := strings.Index(asked, "/$discovery"); i > 0 {
			prefix = asked[:i]
		} else if i := strings.Index(asked, "/%24discovery"); i > 0 {
			prefix = asked[:i]
		}
	}
	doc, err := discovery.Served(scheme + "://" + r.Host + strings.TrimSuffix(prefix, "/") + "/")
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, r, http.StatusOK, doc)
}
