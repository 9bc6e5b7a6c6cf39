package tasks

import "fmt"

// An Error is a failure that somebody outside can do something about. Its code is one of the API's,
// its detail is for people, its cause for operators.
type Error struct {
	Code   Code
	Detail string
	Fields []FieldError
	Err    error // cause; may be nil
}

// A FieldError says what is wrong with one field of a request.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// A Code names what is wrong: a closed set, shared with the API's problem documents.
type Code string

// The codes this package gives.
const (
	CodeInvalid      Code = "invalid_request"
	CodeUnknownAttr  Code = "unknown_attribute"
	CodeNotFound     Code = "not_found"
	CodeAccessNeeded Code = "access_needed"
	CodeOverlap      Code = "overlapping_job"
	CodeFinished     Code = "job_finished"
	CodeKeyReused    Code = "idempotency_key_reused"
	CodeUnavailable  Code = "unavailable"
	CodeTooLarge     Code = "too_large"
)

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Detail, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

func (e *Error) Unwrap() error { return e.Err }

func invalid(field, format string, args ...any) *Error {
	d := fmt.Sprintf(format, args...)
	return &Error{Code: CodeInvalid, Detail: d, Fields: []FieldError{{Field: field, Detail: d}}}
}
