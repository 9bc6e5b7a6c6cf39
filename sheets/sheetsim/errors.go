package sheetsim

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"rowsmith/sheets/sheetsim/discovery"
)

// An apiError is an answer other than 200, in the form of google.rpc.Status. Its message is in Google's words
// wherever those are documented or known; what only this server would say ends in "(not simulated)".
type apiError struct {
	code    int
	message string
	status  string
	details []any
	headers map[string]string
}

func (e *apiError) Error() string { return e.status + ": " + e.message }

// body is {error: {code, message, status, details?}}.
func (e *apiError) body() map[string]any {
	in := map[string]any{"code": e.code, "message": e.message, "status": e.status}
	if len(e.details) > 0 {
		in["details"] = e.details
	}
	return map[string]any{"error": in}
}

// statusNames are google.rpc.Code's names by HTTP status.
var statusNames = map[int]string{
	http.StatusBadRequest:            "INVALID_ARGUMENT",
	http.StatusUnauthorized:          "UNAUTHENTICATED",
	http.StatusForbidden:             "PERMISSION_DENIED",
	http.StatusNotFound:              "NOT_FOUND",
	http.StatusConflict:              "ABORTED",
	http.StatusRequestEntityTooLarge: "INVALID_ARGUMENT",
	http.StatusTooManyRequests:       "RESOURCE_EXHAUSTED",
	http.StatusInternalServerError:   "INTERNAL",
	http.StatusNotImplemented:        "UNIMPLEMENTED",
	http.StatusServiceUnavailable:    "UNAVAILABLE",
	http.StatusGatewayTimeout:        "DEADLINE_EXCEEDED",
}

func newError(code int, format string, args ...any) *apiError {
	status := statusNames[code]
	if status == "" {
		status = "UNKNOWN"
	}
	return &apiError{code: code, status: status, message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *apiError {
	return newError(http.StatusBadRequest, format, args...)
}

func notFound() *apiError {
	return newError(http.StatusNotFound, "Requested entity was not found.")
}

func unparsable(rng string) *apiError { return invalid("Unable to parse range: %s", rng) }

const badRequest = "type.googleapis.com/google.rpc.BadRequest"

// badFields is what a request that breaks the schema is answered.
func badFields(bad []discovery.Violation) *apiError {
	var lines []string
	var fields []any
	for _, v := range bad {
		lines = append(lines, v.Description)
		f := map[string]any{"description": v.Description}
		if v.Field != "" {
			f["field"] = v.Field
		}
		fields = append(fields, f)
	}
	e := invalid("%s", strings.Join(lines, "\n"))
	e.details = []any{map[string]any{"@type": badRequest, "fieldViolations": fields}}
	return e
}

// badMask is what a `fields` parameter that names nothing is answered.
func badMask(path string) *apiError {
	e := invalid("Request contains an invalid argument.")
	e.details = []any{map[string]any{"@type": badRequest, "fieldViolations": []any{map[string]any{
		"field":       path,
		"description": "Error expanding 'fields' parameter. Cannot find matching fields for path '" + path + "'.",
	}}}}
	return e
}

// within puts the place of a sub-request before an error's message, as Google does.
func within(i int, kind string, err error) error {
	var e *apiError
	if !errors.As(err, &e) {
		return err
	}
	c := *e
	c.message = fmt.Sprintf("Invalid requests[%d].%s: %s", i, kind, e.message)
	return &c
}
