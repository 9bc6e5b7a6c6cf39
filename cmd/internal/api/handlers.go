package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"rowsmith/cmd/internal/access"
	"rowsmith/enrichment"
	"rowsmith/tasks"
)

// Health is the answer of /health and /ready.
type Health struct {
	Status string `json:"status"`
}

// Me says who the credential is.
type Me struct {
	Account    string            `json:"account"`
	Credential access.Credential `json:"credential"`
	Name       string            `json:"name"`
}

// AttributeList is a list of attributes.
type AttributeList struct {
	Attributes []tasks.AttributeInfo `json:"attributes"`
}

// SheetList is a list of spreadsheets.
type SheetList struct {
	Sheets []access.Sheet `json:"sheets"`
}

// JobList is a page of jobs.
type JobList struct {
	Jobs []tasks.Job `json:"jobs"`
	Next string      `json:"next,omitempty"`
}

// Ticked says how many unfinished jobs were looked at.
type Ticked struct {
	Jobs int `json:"jobs"`
}

func (s *Server) health(c echo.Context) error { return c.JSON(http.StatusOK, Health{"ok"}) }

func (s *Server) ready(c echo.Context) error {
	if err := s.Ready(c.Request().Context()); err != nil {
		return &tasks.Error{Code: tasks.CodeUnavailable, Detail: "Store or queue does not answer. Try again in a moment.", Err: err}
	}
	return c.JSON(http.StatusOK, Health{"ok"})
}

func (s *Server) describe(c echo.Context) error { return c.JSONBlob(http.StatusOK, s.spec) }

func (s *Server) me(c echo.Context) error {
	w := caller(c)
	return c.JSON(http.StatusOK, Me{w.Account, w.Credential, w.Name})
}

func (s *Server) attributes(c echo.Context) error {
	var given []string
	for _, a := range strings.Split(c.QueryParam("given"), ",") {
		if a = strings.TrimSpace(a); a == "" {
			continue
		}
		if _, ok := enrichment.Find(a); !ok {
			d := "given: there is no such attribute. GET /v1/attributes lists what there is."
			return &tasks.Error{Code: tasks.CodeUnknownAttr, Detail: d, Fields: []tasks.FieldError{{Field: "given", Detail: d}}}
		}
		given = append(given, a)
	}
	return c.JSON(http.StatusOK, AttributeList{s.Tasks.Attributes(given)})
}

func (s *Server) sheets(c echo.Context) error {
	list, err := s.Bindings.Sheets(c.Request().Context(), caller(c).Account)
	if err != nil {
		return err
	}
	if list == nil {
		list = []access.Sheet{}
	}
	return c.JSON(http.StatusOK, SheetList{list})
}

func (s *Server) createJob(c echo.Context) error {
	var r tasks.Request
	if err := read(c, &r); err != nil {
		return err
	}
	ctx, who := c.Request().Context(), caller(c)
	if r.SpreadsheetID != "" {
		if err := s.Bindings.Bound(ctx, who.Account, r.SpreadsheetID); err != nil {
			return err
		}
	}
	r.Trigger = tasks.ByAPI
	if k := c.Request().Header.Get("Idempotency-Key"); k != "" {
		if len(k) > 200 {
			return badField("Idempotency-Key", "The key is longer than 200 characters.")
		}
		r.IdempotencyKey = who.Name + "\x00" + k
	}
	j, err := s.Tasks.Create(ctx, who.Account, r)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/v1/jobs/"+j.ID)
	return c.JSON(http.StatusCreated, j)
}

func (s *Server) listJobs(c echo.Context) error {
	limit := 100
	if q := c.QueryParam("limit"); q != "" {
		n, err := strconv.Atoi(q)
		if err != nil || n < 1 || n > maxLimit {
			return badField("limit", "This is a whole number from 1 to 1000.")
		}
		limit = n
	}
	sheet := c.QueryParam("spreadsheet_id")
	if len(sheet) > 200 || !utf8.ValidString(sheet) || strings.ContainsFunc(sheet, unicode.IsControl) {
		return badField("spreadsheet_id", "This is not a spreadsheet's id.")
	}
	jobs, next, err := s.Tasks.Jobs(c.Request().Context(), caller(c).Account, sheet, c.QueryParam("cursor"), limit)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, JobList{jobs, next})
}

func (s *Server) showJob(c echo.Context) error {
	j, err := s.Tasks.Job(c.Request().Context(), caller(c).Account, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, j)
}

// steer makes the handler of a verb on a job.
func steer(verb func(*tasks.Service, context.Context, string, string) (tasks.Job, error)) func(*Server, echo.Context) error {
	return func(s *Server, c echo.Context) error {
		j, err := verb(s.Tasks, c.Request().Context(), caller(c).Account, c.Param("id"))
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, j)
	}
}

func (s *Server) report(c echo.Context) error {
	r, err := s.Tasks.Report(c.Request().Context(), caller(c).Account, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}

func (s *Server) results(c echo.Context) error {
	ctx, account, id := c.Request().Context(), caller(c).Account, c.Param("id")
	if _, err := s.Tasks.Job(ctx, account, id); err != nil {
		return err // before the first byte, so that it is still an answer of its own
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="results.csv"`)
	return s.Tasks.Results(ctx, account, id, c.Response())
}

func (s *Server) deliver(c echo.Context) error {
	s.Deliver.ServeHTTP(c.Response(), c.Request())
	return nil
}

func (s *Server) tick(c echo.Context) error {
	n, err := s.Tick(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, Ticked{n})
}
