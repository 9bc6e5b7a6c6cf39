package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"rowsmith/enrichment"
	"rowsmith/sheets"
	"rowsmith/tasks/queue"
	"rowsmith/tasks/store"
)

// A Request asks for a job. Its JSON form is the body of POST /v1/jobs.
type Request struct {
	SpreadsheetID string `json:"spreadsheet_id"`
	// Sheet or SheetID name the tab; neither means the first one.
	Sheet   string `json:"sheet,omitempty"`
	SheetID *int64 `json:"sheet_id,omitempty"`
	// Range in A1 notation limits rows and columns; empty is the whole table, growing.
	Range string `json:"range,omitempty"`
	// HeaderRow is the row with the headings, counted from 1; 0 means 1.
	HeaderRow int `json:"header_row,omitempty"`
	// Mapping says what columns hold where the headings don't: heading or column letter → attribute, or null for
	// "nothing".
	Mapping map[string]*string `json:"mapping,omitempty"`
	// Output says where wanted attributes go: attribute → heading of an existing or new column.
	Output map[string]string `json:"output,omitempty"`
	// Defaults fill inputs that a row lacks: attribute → value, for instance {"country": "DE"}.
	Defaults map[string]string `json:"defaults,omitempty"`
	Want     []string          `json:"want"`
	Fill     sheets.Fill       `json:"fill,omitempty"`
	// MaxCredits is the most the job may spend; 0 means that nothing is paid.
	MaxCredits int64 `json:"max_credits,omitempty"`
	// Trigger is the caller's, not the body's.
	Trigger Trigger `json:"-"`
	// IdempotencyKey is the caller's header, made unique for the credential.
	IdempotencyKey string `json:"-"`
}

// Limits of a request.
const (
	maxWant    = 200
	maxMapping = 1000
	keepKeys   = 24 * time.Hour // how long an Idempotency-Key is remembered
)

// check reports what can be seen to be wrong without looking at the sheet, and puts the defaults in.
func (r *Request) check() error {
	if r.SpreadsheetID == "" || len(r.SpreadsheetID) > 200 || strings.ContainsAny(r.SpreadsheetID, "/?# \t\n") {
		return invalid("spreadsheet_id", "Name the spreadsheet: its id is the long part of its address between /d/ and /edit.")
	}
	if r.HeaderRow < 0 || r.HeaderRow > 10_000_000 {
		return invalid("header_row", "header_row counts from 1.")
	}
	if r.HeaderRow == 0 {
		r.HeaderRow = 1
	}
	if len(r.Want) == 0 {
		return invalid("want", "Say what to look for, for example [\"email\",\"phone_e164\"]. GET /v1/attributes lists what there is.")
	}
	if len(r.Want) > maxWant || len(r.Mapping) > maxMapping || len(r.Output) > maxWant || len(r.Defaults) > maxWant {
		return invalid("want", "That is more than one job takes: %d attributes at most.", maxWant)
	}
	seen := map[string]bool{}
	want := r.Want[:0:0]
	for _, a := range r.Want {
		if err := known("want", a); err != nil {
			return err
		}
		if !seen[a] {
			seen[a] = true
			want = append(want, a)
		}
	}
	r.Want = want
	for h, a := range r.Mapping {
		if a != nil {
			if err := known("mapping."+h, *a); err != nil {
				return err
			}
		}
	}
	for a, h := range r.Output {
		if err := known("output", a); err != nil {
			return err
		}
		if !seen[a] {
			return invalid("output."+a, "%q stands in output but not in want. Add it to want, or take it out.", a)
		}
		if strings.TrimSpace(h) == "" {
			return invalid("output."+a, "Give the column for %q a heading.", a)
		}
	}
	for a := range r.Defaults {
		if err := known("defaults", a); err != nil {
			return err
		}
	}
	switch r.Fill {
	case "":
		r.Fill = sheets.FillBlanks
	case sheets.FillBlanks, sheets.FillOverwrite:
	case sheets.FillStale:
		return invalid("fill", "\"stale\" needs the record of earlier runs, which this version does not keep yet. Use \"blanks\" or \"overwrite\".")
	default:
		return invalid("fill", "fill is \"blanks\" or \"overwrite\".")
	}
	if r.MaxCredits < 0 {
		return invalid("max_credits", "max_credits is 0 or more.")
	}
	if r.Trigger == "" {
		r.Trigger = ByAPI
	}
	return nil
}

// known reports an attribute name that the catalogue doesn't have, with the nearest one.
func known(field, name string) error {
	if _, ok := enrichment.Find(name); ok {
		return nil
	}
	d := fmt.Sprintf("There is no attribute %q.", clip(name))
	if s := enrichment.Suggest(name); s != "" {
		d = fmt.Sprintf("There is no attribute %q. Did you mean %q?", clip(name), s)
	}
	return &Error{Code: CodeUnknownAttr, Detail: d, Fields: []FieldError{{Field: field, Detail: d}}}
}

// clip shortens what a person typed, for messages.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// Create makes a job and sets it going. The caller has checked that the account may use
// the spreadsheet. The same IdempotencyKey with the same request returns the job made before.
func (s *Service) Create(ctx context.Context, account string, r Request) (Job, error) {
	if err := r.check(); err != nil {
		return Job{}, err
	}
	if r.IdempotencyKey != "" {
		if j, found, err := s.repeated(ctx, account, r); found || err != nil {
			return j, err
		}
	}
	client, err := s.access.Client(ctx, account, r.SpreadsheetID)
	if err != nil {
		return Job{}, sheetError(err)
	}
	l, tab, err := readLayout(ctx, client, r)
	if err != nil {
		return Job{}, err
	}
	missing := s.withoutSource(r.Want)
	if len(missing) == len(r.Want) {
		return Job{}, invalid("want", "No source here can find %s. GET /v1/attributes lists the sources of each attribute.", clip(strings.Join(missing, ", ")))
	}
	if len(missing) > 0 {
		l.warnings = append(l.warnings, fmt.Sprintf("No source here can find %s: these stay empty.", strings.Join(missing, ", ")))
	}
	now := s.clock.Now().UTC()
	d := jobDoc{
		Job: Job{
			ID: newJobID(now), State: Queued, Warnings: l.warnings, Trigger: r.Trigger,
			SpreadsheetID: r.SpreadsheetID, Sheet: tab.Title, SheetID: tab.ID, Range: l.rangeText(tab.Title),
			Want: r.Want, Fill: r.Fill, MatchRate: map[string]float64{}, CreatedAt: now,
		},
		Plan: l.Plan,
	}
	if d.Job.Warnings == nil {
		d.Job.Warnings = []string{}
	}
	if err := s.saveNew(ctx, account, r, &d); err != nil {
		return Job{}, err
	}
	j := d.Job
	if err := s.enqueueSplit(ctx, account, j.ID, 0, 0); err != nil {
		// The job is safe; tick enqueues it.
		s.log.WarnContext(ctx, "split not enqueued, tick will", "job", j.ID, "err", err)
	}
	s.log.InfoContext(ctx, "job created", "account", account, "job", j.ID, "trigger", j.Trigger, "want", len(j.Want))
	return j, nil
}

// saveNew commits the job with everything it needs, unless another unfinished job writes the same cells.
func (s *Service) saveNew(ctx context.Context, account string, r Request, d *jobDoc) error {
	for range 10 {
		target, write, err := s.claimTarget(ctx, account, d)
		if overlap := (*Error)(nil); r.IdempotencyKey != "" && errors.As(err, &overlap) && overlap.Code == CodeOverlap {
			// The job in the way may be the one that this very call made a moment ago.
			if j, found, rerr := s.repeated(ctx, account, r); found || rerr != nil {
				d.Job = j
				return rerr
			}
		}
		if err != nil {
			return err
		}
		writes := []store.Write{write}
		for _, w := range []struct {
			key    store.Key
			v      any
			fields store.Fields
			op     func(store.Doc) store.Write
		}{
			{s.key(account, kindJobs, d.Job.ID), d, store.Fields{"active": true, "spreadsheet": d.Job.SpreadsheetID}, store.Create},
			{s.key(account, kindControls, d.Job.ID), control{Want: wantRun}, nil, store.Create},
			{s.key(account, kindSplits, d.Job.ID), split{Next: d.Plan.StartRow, Left: d.Plan.MaxCredits}, nil, store.Create},
		} {
			p, err := encode(w.v)
			if err != nil {
				return err
			}
			writes = append(writes, w.op(store.Doc{Key: w.key, Payload: p, Fields: w.fields}))
		}
		if r.IdempotencyKey != "" {
			p, err := encode(answered{Hash: r.hash(), Job: d.Job.ID})
			if err != nil {
				return err
			}
			writes = append(writes, store.Create(store.Doc{
				Key: s.key(account, kindRequests, r.keyID()), Payload: p, Expires: d.Job.CreatedAt.Add(keepKeys),
			}))
		}
		_, err = s.store.Commit(ctx, writes...)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, store.ErrExists) && r.IdempotencyKey != "":
			// The same call came twice at once: the other one won, its answer is ours.
			j, found, rerr := s.repeated(ctx, account, r)
			if rerr != nil {
				return rerr
			}
			if found {
				d.Job = j
				return nil
			}
		case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrExists):
			// Somebody else changed the target; look again.
		default:
			return fmt.Errorf("save job on %s: %w", target, err)
		}
	}
	return &Error{Code: CodeUnavailable, Detail: "Too many jobs start on this sheet at once. Try again in a moment."}
}

// answered remembers what an Idempotency-Key was used for.
type answered struct {
	Hash string `json:"hash"`
	Job  string `json:"job"`
}

// hash identifies the request's body.
func (r Request) hash() string {
	b, _ := json.Marshal(r) // a struct of plain types: cannot fail
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func (r Request) keyID() string {
	h := sha256.Sum256([]byte(r.IdempotencyKey))
	return hex.EncodeToString(h[:16])
}

// repeated looks up what the request's key was answered with before.
func (s *Service) repeated(ctx context.Context, account string, r Request) (Job, bool, error) {
	d, err := store.One(ctx, s.store, s.key(account, kindRequests, r.keyID()))
	if errors.Is(err, store.ErrNotFound) {
		return Job{}, false, nil
	}
	if err != nil {
		return Job{}, false, err
	}
	var a answered
	if err := decode(d, &a); err != nil {
		return Job{}, false, err
	}
	if a.Hash != r.hash() {
		return Job{}, true, &Error{Code: CodeKeyReused, Detail: "This Idempotency-Key was used for another request. Use a new key for a new request."}
	}
	j, err := s.Job(ctx, account, a.Job)
	return j, true, err
}

// enqueueSplit asks for the next page to be cut. from is the row it begins with: part of the
// name, so that each step has a name of its own.
func (s *Service) enqueueSplit(ctx context.Context, account, job string, from, gen int) error {
	_, err := s.queue.Enqueue(ctx, queue.Task{
		Queue: QueueControl, Kind: kindSplit, Name: fmt.Sprintf("split-%s-%d", job, from), Gen: genStep * gen, Body: body(account, job, 0),
	})
	return err
}
