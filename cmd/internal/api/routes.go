package api

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"rowsmith/cmd/internal/access"
	"rowsmith/tasks"
)

// A route is one line of the table: who may call it, what it takes and gives. The router, the guard and the
// OpenAPI document are all made from it, so they can't disagree.
type route struct {
	method  string
	path    string // in OpenAPI's form: /v1/jobs/{id}
	who     access.Credential
	summary string
	query   []param
	takes   any // zero value of the body's type; nil for none
	status  int
	gives   any          // zero value of the answer's type; nil for none or for a type other than JSON
	media   string       // of the answer, where it isn't JSON
	fails   []tasks.Code // beside those of failures
	handle  func(*Server, echo.Context) error
}

// methods is what the router takes: whatever can be got can be asked about with HEAD.
func (r route) methods() []string {
	if r.method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{r.method}
}

// failures are all codes that a route may answer with: its own, and those that come with what it is.
func (r route) failures() []tasks.Code {
	all := append([]tasks.Code{codeNotAllowed, codeInternal}, r.fails...)
	if r.who != access.None {
		all = append(all, codeUnauthenticated, tasks.CodeUnavailable)
	}
	if r.takes != nil {
		all = append(all, tasks.CodeInvalid, tasks.CodeTooLarge, codeMediaType)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// A param is a query parameter.
type param struct {
	name, about string
	most        int // of a whole number from 1; 0 for a text
}

// maxLimit is the most entries on a page of a list.
const maxLimit = 1000

var paging = []param{
	{name: "cursor", about: "next of the page before"},
	{name: "limit", about: "entries on a page, up to 1000", most: maxLimit},
}

// routes is the table. Every route that exists is in it.
func routes() []route {
	return []route{
		{method: http.MethodGet, path: "/health", who: access.None, summary: "The process is alive", status: 200, gives: Health{}, handle: (*Server).health},
		{method: http.MethodGet, path: "/ready", who: access.None, summary: "Store and queue answer", status: 200, gives: Health{}, fails: []tasks.Code{tasks.CodeUnavailable}, handle: (*Server).ready},
		{method: http.MethodGet, path: "/openapi.json", who: access.None, summary: "This description", status: 200, gives: map[string]any{}, handle: (*Server).describe},

		{method: http.MethodGet, path: "/v1/me", who: access.APIKey, summary: "Who this credential is", status: 200, gives: Me{}, handle: (*Server).me},
		{method: http.MethodGet, path: "/v1/attributes", who: access.APIKey, summary: "What can be looked up, by which sources, at what price",
			query:  []param{{name: "given", about: "comma-separated attributes: list only what sources that cost nothing can find from these"}},
			status: 200, gives: AttributeList{}, fails: []tasks.Code{tasks.CodeUnknownAttr}, handle: (*Server).attributes},
		{method: http.MethodGet, path: "/v1/sheets", who: access.APIKey, summary: "The account's spreadsheets", status: 200, gives: SheetList{}, handle: (*Server).sheets},

		{method: http.MethodPost, path: "/v1/jobs", who: access.APIKey, summary: "Start a job over the rows of a sheet", takes: tasks.Request{}, status: 201, gives: tasks.Job{},
			fails:  []tasks.Code{tasks.CodeAccessNeeded, tasks.CodeNotFound, tasks.CodeOverlap, tasks.CodeKeyReused, tasks.CodeUnknownAttr},
			handle: (*Server).createJob},
		{method: http.MethodGet, path: "/v1/jobs", who: access.APIKey, summary: "Jobs, newest first",
			query:  append([]param{{name: "spreadsheet_id", about: "only this spreadsheet's"}}, paging...),
			status: 200, gives: JobList{}, fails: []tasks.Code{tasks.CodeInvalid}, handle: (*Server).listJobs},
		{method: http.MethodGet, path: "/v1/jobs/{id}", who: access.APIKey, summary: "One job", status: 200, gives: tasks.Job{}, fails: []tasks.Code{tasks.CodeNotFound}, handle: (*Server).showJob},
		{method: http.MethodPost, path: "/v1/jobs/{id}/pause", who: access.APIKey, summary: "Pause a job", status: 200, gives: tasks.Job{}, fails: []tasks.Code{tasks.CodeNotFound, tasks.CodeFinished}, handle: steer((*tasks.Service).Pause)},
		{method: http.MethodPost, path: "/v1/jobs/{id}/resume", who: access.APIKey, summary: "Let a paused job go on", status: 200, gives: tasks.Job{}, fails: []tasks.Code{tasks.CodeNotFound, tasks.CodeFinished}, handle: steer((*tasks.Service).Resume)},
		{method: http.MethodPost, path: "/v1/jobs/{id}/cancel", who: access.APIKey, summary: "End a job; what is in the sheet stays", status: 200, gives: tasks.Job{}, fails: []tasks.Code{tasks.CodeNotFound, tasks.CodeFinished}, handle: steer((*tasks.Service).Cancel)},
		{method: http.MethodGet, path: "/v1/jobs/{id}/report", who: access.APIKey, summary: "What a job found, by attribute and source, and the rows it left", status: 200, gives: tasks.Report{}, fails: []tasks.Code{tasks.CodeNotFound}, handle: (*Server).report},
		{method: http.MethodGet, path: "/v1/jobs/{id}/results.csv", who: access.APIKey, summary: "All that a job found, written or not", status: 200, media: "text/csv", fails: []tasks.Code{tasks.CodeNotFound}, handle: (*Server).results},

		{method: http.MethodPost, path: "/internal/tasks/{kind}", who: access.Internal, summary: "One delivery of the queue", status: 200, handle: (*Server).deliver},
		{method: http.MethodPost, path: "/internal/tick", who: access.Internal, summary: "Find state without a task; called every minute", status: 200, gives: Ticked{}, handle: (*Server).tick},
	}
}
