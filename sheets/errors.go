package sheets

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"
)

// The kinds of failure. A caller decides by errors.Is; every error of a [Client] or [Writer] that comes from the other
// side is an [*Error] of one of these kinds.
var (
	// ErrNotFound: there is no such spreadsheet, or it can't be seen.
	ErrNotFound = errors.New("spreadsheet not found")
	// ErrSheetMissing: the spreadsheet is there, the tab is not.
	ErrSheetMissing = errors.New("tab not found")
	// ErrColumnMissing: a column that is to be written is gone.
	ErrColumnMissing = errors.New("output column not found")
	// ErrAccess: we may not read or write this spreadsheet (any more). Ask the person; never repeat.
	ErrAccess = errors.New("no access")
	// ErrProtected: a protected range is in the way.
	ErrProtected = errors.New("protected range")
	// ErrQuota: too many requests. Nothing was changed. Wait for the error's RetryAfter.
	ErrQuota = errors.New("too many requests")
	// ErrUnavailable: a 5xx, a timeout or the network. Whether a write was carried out is not known.
	ErrUnavailable = errors.New("unavailable")
	// ErrInvalid: the other side did not understand the request. A fault of ours; never repeat.
	ErrInvalid = errors.New("request refused")
)

// An Error is a failure of one operation. Its text holds no cell's contents, so it may be logged; what the
// other side said is in the cause and may not be.
type Error struct {
	Op          string        // "read values", "write"
	Spreadsheet string        // its id, where one is concerned
	Kind        error         // one of the kinds above
	Status      int           // HTTP status; 0 when there was no answer
	Message     string        // what to tell a person: one plain sentence
	RetryAfter  time.Duration // with ErrQuota and ErrUnavailable: what the other side asked for, or 0
	cause       error
}

func (e *Error) Error() string {
	s := e.Op
	if e.Spreadsheet != "" {
		s += fmt.Sprintf(" %q", e.Spreadsheet)
	}
	s += ": " + e.Kind.Error()
	if e.Status != 0 {
		s += fmt.Sprintf(" (status %d)", e.Status)
	}
	if errors.Is(e.cause, context.Canceled) || errors.Is(e.cause, context.DeadlineExceeded) {
		s += ": out of time"
	}
	return s
}

// Unwrap gives the kind and the cause to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.cause}
}

// tokenError marks a failure to get a token, which is told apart from the API's own answers.
type tokenError struct{ error }

func (e tokenError) Unwrap() error { return e.error }

// classify makes an *Error of whatever the client library returned.
func classify(op, id string, err error, now time.Time) error {
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	e := &Error{Op: op, Spreadsheet: id, Kind: ErrUnavailable, cause: err}
	var answer *googleapi.Error
	var token tokenError
	switch {
	case errors.As(err, &token):
		if errors.Is(err, ErrAccess) {
			e.Kind = ErrAccess
		}
	case errors.As(err, &answer):
		e.Status = answer.Code
		e.Kind = kindOf(answer)
		if e.Kind == ErrQuota || e.Kind == ErrUnavailable {
			e.RetryAfter = retryAfter(answer.Header, now)
		}
	}
	e.Message = messageOf(e.Kind)
	return e
}

func kindOf(a *googleapi.Error) error {
	text := strings.ToLower(a.Message)
	// A protected range is told with 400 or with 403, and only in words.
	if (a.Code == http.StatusBadRequest || a.Code == http.StatusForbidden) && strings.Contains(text, "protected") {
		return ErrProtected
	}
	switch {
	case a.Code == http.StatusTooManyRequests:
		return ErrQuota
	case a.Code == http.StatusForbidden:
		for _, item := range a.Errors {
			if strings.Contains(strings.ToLower(item.Reason), "ratelimit") || item.Reason == "quotaExceeded" {
				return ErrQuota
			}
		}
		return ErrAccess
	case a.Code == http.StatusUnauthorized:
		return ErrAccess
	case a.Code == http.StatusNotFound:
		return ErrNotFound
	case a.Code == http.StatusBadRequest && (strings.Contains(text, "no grid with id") || strings.Contains(text, "no sheet with id")):
		return ErrSheetMissing
	case a.Code >= 500, a.Code == http.StatusRequestTimeout, a.Code == http.StatusConflict:
		return ErrUnavailable
	}
	return ErrInvalid
}

func messageOf(kind error) string {
	switch kind {
	case ErrNotFound:
		return "The spreadsheet was not found."
	case ErrSheetMissing:
		return "The tab is gone from the spreadsheet."
	case ErrColumnMissing:
		return "A column that results go to is gone from the sheet."
	case ErrAccess:
		return "We have no access to the spreadsheet. Share it again or reconnect."
	case ErrProtected:
		return "A protected range is in the way."
	case ErrQuota:
		return "Google Sheets asks us to slow down. It goes on by itself."
	case ErrInvalid:
		return "Google Sheets did not accept the request."
	}
	return "Google Sheets can't be reached right now. It goes on by itself."
}

func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if n, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(n, 0), 3600)) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(t.Sub(now), 0), time.Hour)
	}
	return 0
}
