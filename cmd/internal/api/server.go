// Package api is the HTTP face: who is calling, what they ask, what they get back. It checks and translates; what
// happens is decided in package tasks.
//
// One table ([routes]) declares for every route its credential, its body, its answers and its errors; the router,
// the guard in front of it and the OpenAPI document are made from that table.
//
// It refuses bodies over maxBody, unknown fields, credentials of another kind than the route's, and to say more about a failure
// than its code and what to do.
package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"rowsmith/cmd/internal/access"
	"rowsmith/tasks"
)

const maxBody = 1 << 20 // bytes of a request

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
		e.Add(r.method, echoPath(r.path), s.handler(r), middleware.BodyLimit("1M"))
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
		caller, err := s.Gate.Caller(c.Request().Context(), r.who, secret(c.Request()))
		if err != nil {
			return err
		}
		c.Set(callerKey, caller)
		return r.handle(s, c)
	}
}

// secret reads the credential from Authorization: Bearer, or from X-API-Key.
func secret(r *http.Request) string {
	if scheme, v, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(v)
	}
	return r.Header.Get("X-API-Key")
}

func caller(c echo.Context) access.Caller {
	v, _ := c.Get(callerKey).(access.Caller)
	return v
}

// Observe is the middleware around everything: a request id, a deadline-free log line without query, body or cell
// values, and a panic turned into an answer.
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
					log.ErrorContext(c.Request().Context(), "panic", "request_id", id, "route", c.Path(), "panic", p)
					c.Error(&tasks.Error{Code: codeInternal, Detail: "Something went wrong on our side. Try again, and tell us the request_id if it stays."})
				}
				log.DebugContext(c.Request().Context(), "request", "request_id", id, "method", c.Request().Method, "route", c.Path(),
					"status", c.Response().Status, "bytes", c.Response().Size, "ms", now().Sub(start).Milliseconds(), "caller", caller(c).Name)
			}()
			if err := next(c); err != nil {
				c.Error(err)
			}
			return nil
		}
	}
}

// read decodes a JSON body strictly: one object, known fields, nothing after it.
func read(c echo.Context, v any) error {
	ct, _, _ := strings.Cut(c.Request().Header.Get("Content-Type"), ";")
	if ct = strings.TrimSpace(ct); ct != "" && ct != "application/json" {
		return echo.NewHTTPError(http.StatusUnsupportedMediaType)
	}
	d := json.NewDecoder(c.Request().Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		var more json.RawMessage
		if err = d.Decode(&more); errors.Is(err, io.EOF) {
			return nil
		} else if err == nil {
			err = errors.New("more than one value")
		}
	}
	var he *echo.HTTPError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &he):
		return he
	case errors.As(err, &wrong):
		return badField(wrong.Field, "This field has the wrong type; it takes "+kindName(wrong.Type.Kind().String())+".")
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		f := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return badField(f, "There is no such field. GET /openapi.json lists the fields.")
	default:
		return &tasks.Error{Code: tasks.CodeInvalid, Detail: "The body can't be read. Send one JSON object.", Err: err}
	}
}

func badField(field, detail string) error {
	if len(field) > 100 {
		field = field[:100]
	}
	return &tasks.Error{Code: tasks.CodeInvalid, Detail: field + ": " + detail, Fields: []tasks.FieldError{{Field: field, Detail: detail}}}
}

// kindName says a Go kind in JSON's words.
func kindName(kind string) string {
	switch {
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "a whole number"
	case strings.HasPrefix(kind, "float"):
		return "a number"
	case kind == "slice", kind == "array":
		return "a list"
	case kind == "map", kind == "struct":
		return "an object"
	case kind == "bool":
		return "true or false"
	}
	return "a text"
}

func jsonTo(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
