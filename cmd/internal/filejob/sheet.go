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
	"strings"
	"time"

	"rowsmith/cmd/internal/api"
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
	start := time.Now()
	if o.Fill == "" {
		o.Fill = sheets.FillBlanks
	}
	if err := o.check(); err != nil {
		return Summary{}, err
	}
	cfg, err := app.Load(o.Environ)
	if err != nil {
		return Summary{}, wrong("The environment is not right: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if o.DNS != "" {
		cfg.DNS = o.DNS
	}
	if o.Credentials != "" {
		cfg.GoogleCredentials = o.Credentials
	}
	account, err := app.NewGoogleAccount(ctx, cfg.GoogleCredentials)
	if err != nil {
		return Summary{}, wrong("The spreadsheet can't be opened: %s.", err)
	}
	cfg.Serve, cfg.Role, cfg.StoreKind, cfg.QueueKind = true, "all", "sqlite", "sqlite"
	cfg.Addr, cfg.Data, cfg.Spreadsheets, cfg.APIKey = "127.0.0.1:0", o.Data, []string{at.ID}, "rk_"+rand.Text()
	if err := usable(o.Data); err != nil {
		return Summary{}, err
	}
	if o.Parts.Log == nil {
		o.Parts.Log = o.Log
	}
	a, err := app.Open(ctx, cfg, o.Parts)
	if errors.Is(err, app.ErrInUse) {
		return Summary{}, wrong("Another Rowsmith is using %s. Wait for it to end, or choose another folder with --data.", o.Data)
	}
	if err != nil {
		return Summary{}, o.explain(ctx, err)
	}
	r := &run{o: o, app: a, key: cfg.APIKey, start: start}
	sum, err := r.sheetSteps(ctx, at)
	if call, ok := errors.AsType[*CallError](err); ok && (call.Code == tasks.CodeAccessNeeded || call.Code == tasks.CodeNotFound) {
		err = notShared(account.Email)
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if cerr := a.Close(stop); cerr != nil && err == nil && !errors.Is(cerr, context.DeadlineExceeded) {
		err = fmt.Errorf("stop: %w", cerr)
	}
	return sum, o.explain(ctx, err)
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
	job, err = r.follow(ctx, job)
	interrupted := ctx.Err()
	if err != nil && interrupted == nil {
		return Summary{}, err
	}
	wctx := context.WithoutCancel(ctx)
	if interrupted != nil && !job.State.Final() {
		if err := r.call(wctx, http.MethodPost, "/v1/jobs/"+job.ID+"/pause", "", nil, new(tasks.Job)); err != nil && !isCall(err) {
			return Summary{}, err
		}
	}
	sum := r.sheetSummary(job)
	switch {
	case interrupted != nil:
		return sum, interrupted
	case !job.State.Final():
		return sum, ErrStopped
	case job.State != tasks.Done:
		return sum, errors.Join(fmt.Errorf("job %s: %s %s", job.ID, job.State, job.Error), r.rec.finish(wctx, r.app))
	}
	return sum, r.rec.finish(wctx, r.app)
}

func tabText(tab *int64) string {
	if tab == nil {
		return ""
	}
	return "#" + strconv.FormatInt(*tab, 10)
}

func (r *run) newSheetJob(ctx context.Context, at SheetAddress) (tasks.Job, error) {
	var job tasks.Job
	req := tasks.Request{
		SpreadsheetID: at.ID, SheetID: at.Tab, Sheet: r.o.Sheet, HeaderRow: r.o.HeaderRow, Fill: r.o.Fill, Want: r.o.Want,
		Output: r.o.Output, MaxCredits: r.o.MaxCredits, Range: r.o.Rows, Mapping: map[string]*string{},
	}
	if r.o.Sheet != "" {
		req.SheetID = nil
	}
	for h, a := range r.o.Mapping {
		req.Mapping[h] = nil
		if a != "" {
			req.Mapping[h] = &a
		}
	}
	if r.o.Country != "" {
		req.Defaults = map[string]string{enrichment.Country: r.o.Country}
	}
	if len(req.Want) == 0 {
		given, err := r.sheetInputs(ctx, at)
		if err != nil {
			return job, err
		}
		var list api.AttributeList
		if err := r.call(ctx, http.MethodGet, "/v1/attributes?given="+strings.Join(given, ","), "", nil, &list); err != nil {
			return job, err
		}
		for _, a := range list.Attributes {
			req.Want = append(req.Want, a.Name)
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

func (r *run) sheetSummary(j tasks.Job) Summary {
	s := Summary{
		Job: j.ID, Rows: j.Rows.Total, Eligible: j.Rows.Eligible, Enriched: j.Rows.Enriched, Unmatched: j.Rows.Unmatched, Failed: j.Rows.Failed,
		Skipped: j.Rows.Skipped, Duplicates: j.Rows.Duplicates, CellsWritten: j.CellsWritten, Credits: j.Credits.Spent,
		MatchRate: j.MatchRate, ElapsedMS: time.Since(r.start).Milliseconds(), Out: "the sheet", Notes: r.notes, State: j.State,
	}
	if s.MatchRate == nil {
		s.MatchRate = map[string]float64{}
	}
	return s
}
