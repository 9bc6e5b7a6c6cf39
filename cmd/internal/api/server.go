// Package api is the HTTP face: who is calling, what they ask, what they get back. It checks and translates; what
// happens is decided in package tasks.
//
// One table ([routes]) declares for every route its credential, its body, its answers and its errors; the router,
// the guard in front of it and the OpenAPI document are made from that table.
//
// It refuses bodies over maxBody, fields that are unknown or stand twice, credentials of another kind than the route's, and
// to say more about a failure than its code and what to do.
package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rowsmith/cmd/internal/access"
	"rowsmith/tasks"
)

// Config is what a Server needs.
type Config struct {
	Tasks    *tasks.Service
	Gate     *access.Gate
	Bindings access.Bindings
	// Deliver takes the queue's deliveries, behind the guard.
	Deliver http.Handler
	// Ready reports whether store and queue answer.
	Ready func(context.Context) error
	// Tick does the periodic work.
	Tick func(context.Context) (int, error)
	Log  *slog.Logger
	// Version of the program, as shown in the description.
	Version string
}

// A Server answers the API's requests.
type Server struct {
	Config
	spec []byte
}

// Mount adds the API's routes to an Echo instance and makes it answer errors as problem documents.
func Mount(e *echo.Echo, c Config) error {
	s := &Server{Config: c}
	doc, err := Describe(c.Version)
	if err != nil {
		return err
	}
	if s.spec, err = doc.MarshalJSON(); err != nil {
		return err
	}
	e.HTTPErrorHandler = fail(c.Log)
	for _, r := range routes() {
		for _, m := range r.methods() {
			e.Add(m, echoPath(r.path), s.handler(r))
		}
	}
	return nil
}

// echoPath turns /v1/jobs/{id} into Echo's /v1/jobs/:id.
func echoPath(p string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(p)
}

const callerKey = "caller"

// handler guards a route: no handler runs without its route's credential.
func (s *Server) handler(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		if r.who != access.None {
			c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
		}
		caller, err := s.Gate.Caller(c.Request().Context(), r.who, Secret(c.Request().Header))
		if err != nil {
			return err
		}
		c.Set(callerKey, caller)
		return r.handle(s, c)
	}
}

// Secret reads the credential from Authorization: Bearer, or from X-API-Key. Two that differ are none: what
// stands in front of us may have looked at the other one.
func Secret(h http.Header) string {
	var found string
	for _, v := range h.Values(echo.HeaderAuthorization) {
		scheme, key, _ := strings.Cut(v, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue // Basic, of a proxy in front of us
		}
		if key = strings.TrimSpace(key); key == "" || found != "" && found != key {
			return ""
		}
		found = key
	}
	for _, key := range h.Values("X-API-Key") {
		if key = strings.TrimSpace(key); key == "" || found != "" && found != key {
			return ""
		}
		found = key
	}
	return found
}

// errPanic stands for a panic; it has been logged.
var errPanic = errors.New("panic")

func caller(c echo.Context) access.Caller {
	v, _ := c.Get(callerKey).(access.Caller)
	return v
}

// Observe is the middleware around everything: a request id, a log line without query, body or cell values, and a
// panic turned into an answer. An answer that has begun and can't be finished is broken off, so that nobody takes a
// part for the whole.
func Observe(log *slog.Logger, now func() time.Time) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			start := now()
			id := "req_" + strings.ToLower(rand.Text())
			c.Response().Header().Set(echo.HeaderXRequestID, id)
			h := c.Response().Header()
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			defer func() {
				if p := recover(); p != nil {
					if p == http.ErrAbortHandler {
						panic(p)
					}
					// A value's text may hold anything, even cell values: only the runtime's own is known to be harmless.
					what := fmt.Sprintf("%T", p)
					if fault, ok := p.(runtime.Error); ok {
						what = fault.Error()
					}
					log.ErrorContext(c.Request().Context(), "panic", "request_id", id, "route", c.Path(), "what", what, "stack", string(debug.Stack()))
					if c.Response().Committed {
						panic(http.ErrAbortHandler)
					}
					c.Error(errPanic)
				}
				log.DebugContext(c.Request().Context(), "request", "request_id", id, "method", c.Request().Method, "route", c.Path(),
					"status", c.Response().Status, "bytes", c.Response().Size, "ms", now().Sub(start).Milliseconds(), "caller", caller(c).Name)
			}()
			if err := next(c); err != nil {
				if c.Response().Committed {
					log.WarnContext(c.Request().Context(), "answer broken off", "request_id", id, "route", c.Path(), "err", err)
					panic(http.ErrAbortHandler)
				}
				c.Error(err)
			}
			return nil
		}
	}
}

func jsonTo(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
