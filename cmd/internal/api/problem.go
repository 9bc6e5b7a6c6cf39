package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"rowsmith/cmd/internal/access"
	"rowsmith/tasks"
)

// A Problem is an error answer, RFC 9457. Detail tells a person what to do; it never holds an internal message.
type Problem struct {
	Type      string             `json:"type"`
	Title     string             `json:"title"`
	Status    int                `json:"status"`
	Code      tasks.Code         `json:"code"`
	Detail    string             `json:"detail"`
	RequestID string             `json:"request_id"`
	Errors    []tasks.FieldError `json:"errors,omitempty"`
}

// status maps every code to its HTTP status.
var status = map[tasks.Code]int{
	tasks.CodeInvalid:      http.StatusBadRequest,
	codeUnauthenticated:    http.StatusUnauthorized,
	tasks.CodeAccessNeeded: http.StatusForbidden,
	codeNotAllowed:         http.StatusForbidden,
	tasks.CodeNotFound:     http.StatusNotFound,
	codeMethod:             http.StatusMethodNotAllowed,
	tasks.CodeKeyReused:    http.StatusConflict,
	tasks.CodeOverlap:      http.StatusConflict,
	tasks.CodeFinished:     http.StatusConflict,
	tasks.CodeTooLarge:     http.StatusRequestEntityTooLarge,
	codeMediaType:          http.StatusUnsupportedMediaType,
	tasks.CodeUnknownAttr:  http.StatusUnprocessableEntity,
	codeInternal:           http.StatusInternalServerError,
	tasks.CodeUnavailable:  http.StatusServiceUnavailable,
}

// Codes that only the API gives.
const (
	codeUnauthenticated tasks.Code = "unauthenticated"
	codeNotAllowed      tasks.Code = "not_allowed"
	codeMethod          tasks.Code = "method_not_allowed"
	codeMediaType       tasks.Code = "unsupported_media_type"
	codeInternal        tasks.Code = "internal"
)

// retryAfter is what 503 answers ask for, in seconds.
const retryAfter = 10

// problem decides what an error is to the outside. The cause stays inside.
func problem(err error) *tasks.Error {
	var known *tasks.Error
	var he *echo.HTTPError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, access.ErrUnauthenticated):
		return &tasks.Error{Code: codeUnauthenticated, Detail: "Send an API key: Authorization: Bearer YOUR_KEY.", Err: err}
	case errors.Is(err, access.ErrUnavailable):
		return &tasks.Error{Code: tasks.CodeUnavailable, Detail: "We can't check who is calling right now. Try again in a moment.", Err: err}
	case errors.Is(err, access.ErrNotFound):
		return &tasks.Error{Code: tasks.CodeNotFound, Detail: "There is no such spreadsheet, or it isn't connected to your team.", Err: err}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &tasks.Error{Code: tasks.CodeUnavailable, Detail: "This took too long. Try again in a moment.", Err: err}
	case errors.As(err, &he):
		switch he.Code {
		case http.StatusNotFound:
			return &tasks.Error{Code: tasks.CodeNotFound, Detail: "There is nothing at this address. GET /openapi.json lists what there is.", Err: err}
		case http.StatusMethodNotAllowed:
			return &tasks.Error{Code: codeMethod, Detail: "This address doesn't take this method. GET /openapi.json lists what there is.", Err: err}
		}
	}
	return &tasks.Error{Code: codeInternal, Detail: "Something went wrong on our side. Try again, and tell us the request_id if it stays.", Err: err}
}

// fail writes the answer for an error. It is Echo's error handler, and the only place where errors are logged.
func fail(log *slog.Logger) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if c.Response().Committed {
			return
		}
		e := problem(err)
		st, ok := status[e.Code]
		if !ok {
			st = http.StatusInternalServerError
		}
		id := c.Response().Header().Get(echo.HeaderXRequestID)
		switch {
		case c.Request().Context().Err() != nil:
			// Whoever asked is gone: no fault, and nobody reads the answer.
			log.DebugContext(c.Request().Context(), "request abandoned", "request_id", id, "route", c.Path(), "err", err)
		case st >= 500 && !errors.Is(err, errPanic):
			log.ErrorContext(c.Request().Context(), "request failed", "request_id", id, "route", c.Path(), "code", e.Code, "err", err)
		}
		h := c.Response().Header()
		h.Set(echo.HeaderContentType, "application/problem+json")
		h.Set(echo.HeaderCacheControl, "no-store")
		h.Del(echo.HeaderContentDisposition) // of the file that this answer isn't
		switch st {
		case http.StatusServiceUnavailable:
			h.Set("Retry-After", strconv.Itoa(retryAfter))
		case http.StatusUnauthorized:
			h.Set("WWW-Authenticate", `Bearer realm="rowsmith"`)
		}
		p := Problem{
			Type: "about:blank", Title: http.StatusText(st), Status: st, Code: e.Code,
			Detail: e.Detail, RequestID: id, Errors: e.Fields,
		}
		c.Response().WriteHeader(st)
		if err := jsonTo(c.Response(), p); err != nil { // for HEAD, net/http leaves the body out
			log.WarnContext(c.Request().Context(), "answer not sent", "request_id", id, "err", err)
		}
	}
}
