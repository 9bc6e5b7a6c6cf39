package filejob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"rowsmith/cmd/internal/app"
	"rowsmith/enrichment"
	"rowsmith/sheets"
	"rowsmith/tasks"
)

// A SheetAddress is a spreadsheet at Google, and the tab that its address names, if it does.
type SheetAddress struct {
	ID  string
	Tab *int64 // sheet id; nil: the first tab, or --sheet
}

var spreadsheetPath = regexp.MustCompile(`^/spreadsheets/(?:u/\d+/)?d/([A-Za-z0-9_-]{20,100})(?:/|$)`)

// ParseSheet reads the address of a Google spreadsheet as a browser shows it. ok is false for everything else.
func ParseSheet(in string) (a SheetAddress, ok bool) {
	u, err := url.Parse(in)
	if err != nil || u.Scheme != "https" || u.Host != "docs.google.com" {
		return a, false
	}
	m := spreadsheetPath.FindStringSubmatch(u.Path)
	if m == nil {
		return a, false
	}
	a.ID = m[1]
	for _, part := range []string{u.Fragment, u.RawQuery} {
		q, err := url.ParseQuery(part)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(q.Get("gid"), 10, 64); err == nil && a.Tab == nil {
			a.Tab = &n
		}
	}
	return a, true
}

// RunSheet enriches a spreadsheet at Google in place, with a service account that it is shared with. State and queue are in the data
// folder; the same call goes on after an interruption. Errors are as those of [Run].
func RunSheet(ctx context.Context, o Options, at SheetAddress) (Summary, error) {
	cfg, err := o.config()
	if err != nil {
		return Summary{}, err
	}
	if o.Credentials != "" {
		cfg.GoogleCredentials = o.Credentials
	}
	account, err := app.NewGoogleAccount(ctx, cfg.GoogleCredentials)
	if err != nil {
		return Summary{}, wrong("The spreadsheet can't be opened: %s.", err)
	}
	cfg.Serve, cfg.Role, cfg.StoreKind, cfg.QueueKind = true, "all", "sqlite", "sqlite"
	cfg.Spreadsheets, cfg.APIKey = []string{at.ID}, "rk_"+rand.Text()
	o.Out = "the sheet"
	sum, err := o.within(ctx, cfg, func(r *run) (Summary, error) { return r.sheetSteps(ctx, at) })
	if call, ok := errors.AsType[*CallError](err); ok && (call.Code == tasks.CodeAccessNeeded || call.Code == tasks.CodeNotFound) {
		err = notShared(account.Email)
	}
	return sum, err
}

func notShared(email string) error {
	if email == "" {
		email = "the service account's address"
	}
	return wrong("This spreadsheet isn't shared with Rowsmith. Open it, press Share, add %s as an editor, and try again.", email)
}

// sheetSteps starts the job, or finds it again, and waits for its end.
func (r *run) sheetSteps(ctx context.Context, at SheetAddress) (Summary, error) {
	var err error
	if r.rec, err = r.openRecord(ctx, "sheet:"+at.ID+tabText(at.Tab)); err != nil {
		return Summary{}, err
	}
	var job tasks.Job
	if r.rec.Job != "" {
		err = r.call(ctx, http.MethodGet, "/v1/jobs/"+r.rec.Job, "", nil, &job)
	} else {
		job, err = r.newSheetJob(ctx, at)
	}
	if err == nil && job.State == tasks.Paused {
		err = r.call(ctx, http.MethodPost, "/v1/jobs/"+job.ID+"/resume", "", nil, &job)
	}
	if err != nil {
		return Summary{}, err
	}
	return r.end(ctx, job, func(context.Context, tasks.Job) error { return nil }) // the job wrote into the sheet itself
}

func tabText(tab *int64) string {
	if tab == nil {
		return ""
	}
	return "#" + strconv.FormatInt(*tab, 10)
}

func (r *run) newSheetJob(ctx context.Context, at SheetAddress) (tasks.Job, error) {
	var job tasks.Job
	req := r.o.request()
	req.SpreadsheetID, req.SheetID, req.Sheet, req.HeaderRow, req.Range = at.ID, at.Tab, r.o.Sheet, r.o.HeaderRow, r.o.Rows
	if r.o.Sheet != "" {
		req.SheetID = nil
	}
	if len(req.Want) == 0 {
		given, err := r.sheetInputs(ctx, at)
		if err != nil {
			return job, err
		}
		if req.Want, err = r.free(ctx, given); err != nil {
			return job, err
		}
	}
	if err := r.call(ctx, http.MethodPost, "/v1/jobs", "run-"+r.rec.Secret, req, &job); err != nil {
		return job, err
	}
	r.notes = append(r.notes, job.Warnings...)
	r.rec.Job = job.ID
	return job, r.rec.save()
}

// sheetInputs lists what the tab's columns hold that something can be looked up by.
func (r *run) sheetInputs(ctx context.Context, at SheetAddress) ([]string, error) {
	ss, err := r.app.Sheets.Spreadsheet(ctx, at.ID)
	if err != nil {
		return nil, accessOf(err)
	}
	tab, ok := ss.TabNamed(r.o.Sheet)
	if r.o.Sheet == "" {
		tab, ok = ss.Tabs[0], true
		if at.Tab != nil {
			tab, ok = ss.Tab(*at.Tab)
		}
	}
	if !ok {
		return nil, wrong("The spreadsheet has no such tab.")
	}
	row := max(r.o.HeaderRow, 1) - 1
	g, err := r.app.Sheets.Values(ctx, at.ID, sheets.GridRange{SheetID: tab.ID, StartRow: row, EndRow: row + 1, EndCol: -1})
	if err != nil {
		return nil, accessOf(err)
	}
	var heads []string
	if len(g.Rows) > 0 {
		for _, c := range g.Rows[0] {
			heads = append(heads, fmt.Sprint(c.Value))
		}
	}
	var given []string
	for _, a := range sheets.Recognise(heads) {
		if cat, ok := enrichment.Find(a); ok && cat.Input {
			given = append(given, a)
		}
	}
	for _, a := range r.o.Mapping {
		if a != "" && !slices.Contains(given, a) {
			given = append(given, a)
		}
	}
	if len(given) == 0 {
		return nil, wrong("None of the headings says what a person or company could be looked up by. Say which column holds what, for example --map \"Kontakt=email\", or with --header-row which row holds the headings.")
	}
	slices.Sort(given)
	return given, nil
}

// accessOf says of a sheet that can't be opened what the API would say of it.
func accessOf(err error) error {
	if errors.Is(err, sheets.ErrAccess) || errors.Is(err, sheets.ErrNotFound) {
		return &CallError{Message: "The spreadsheet can't be opened.", Code: tasks.CodeAccessNeeded}
	}
	return err
}
