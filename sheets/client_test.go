package sheets

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/sheets/sheetsim"
)

func TestCreateFillRead(t *testing.T) {
	ctx := context.Background()
	s := newSim(t)
	made, err := s.client.Create(ctx, "Überblick", "Leads", "It's 2")
	if err != nil {
		t.Fatal(err)
	}
	if made.ID == "" || made.Title != "Überblick" || len(made.Tabs) != 2 || made.Tabs[1].Title != "It's 2" || made.Tabs[0].Rows == 0 {
		t.Fatalf("%+v", made)
	}
	again, err := s.client.Spreadsheet(ctx, made.ID)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(made) {
		t.Fatalf("%+v, %v", again, err)
	}
	tab := made.Tabs[1]
	rows := [][]any{{"Name", "=1+1", "007", 1.5, true, nil, "x"}, {}, {"Bob", nil, 3}, {"a\x00\xffb"}}
	at := GridRange{SheetID: tab.ID, StartRow: 1, EndRow: -1, StartCol: 2, EndCol: -1}
	if err := s.client.Fill(ctx, made.ID, at, rows); err != nil {
		t.Fatal(err)
	}
	if err := s.client.Fill(ctx, made.ID, GridRange{SheetID: tab.ID, StartRow: 1, EndRow: 3, StartCol: 2, EndCol: -1}, rows); !errors.Is(err, ErrInvalid) {
		t.Errorf("more rows than the range has: %v", err)
	}
	values, err := s.client.Values(ctx, made.ID, at)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := s.client.Cells(ctx, made.ID, at, GridRange{SheetID: tab.ID, StartRow: 3, EndRow: 4, StartCol: 2, EndCol: 5})
	if err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]Grid{"values": values, "cells": cells[0]} {
		for j, want := range []any{"Name", "=1+1", "007", 1.5, true, nil, "x"} {
			if c := g.At(1, 2+j); c.Value != want || c.Formula || c.Error {
				t.Errorf("%s: column %d is %+v, want %v", name, j, c, want)
			}
		}
		if g.At(3, 4).Value != 3.0 || g.At(4, 2).Value != "ab" || g.At(99, 99).Value != nil || g.At(0, 0).Value != nil {
			t.Errorf("%s: %+v", name, g)
		}
		if AnchorOf(g.Pick(1, []int{2, 4, 5})) != AnchorOf(cellsOf("Name", "007", 1.5)) {
			t.Errorf("%s: another anchor", name)
		}
	}
	if cells[1].At(3, 2).Value != "Bob" {
		t.Errorf("second range: %+v", cells[1])
	}
}

func TestFormulasAndErrors(t *testing.T) {
	ctx := context.Background()
	s := newSim(t)
	id, tab := s.sheet([]any{"x"})
	s.enter(id, "A1", `="shown"`)
	s.enter(id, "B1", `=NO_SUCH_THING()`)
	s.enter(id, "C1", `plain`)
	g := s.grid(id, tab)
	if c := g.At(0, 0); c.Value != "shown" || !c.Formula || c.Error {
		t.Errorf("%+v", c)
	}
	if c := g.At(0, 1); !c.Formula || !c.Error || c.Value != "#NAME?" {
		t.Errorf("%+v", c)
	}
	if c := g.At(0, 2); c.Value != "plain" || c.Formula {
		t.Errorf("%+v", c)
	}
	values, err := s.client.Values(ctx, id, GridRange{SheetID: tab, EndRow: -1, EndCol: -1})
	if err != nil {
		t.Fatal(err)
	}
	if c := values.At(0, 1); !c.Error || c.Value != "#NAME?" {
		t.Errorf("cheap read: %+v", c)
	}
	if AnchorOf(values.Rows[0]) != AnchorOf(g.Rows[0]) {
		t.Error("the two reads make different anchors")
	}
}

func TestFillIsCutToSize(t *testing.T) {
	ctx := context.Background()
	s := newSim(t)
	var rows [][]any
	for i := range 1200 {
		rows = append(rows, []any{i, strings.Repeat("é\n", 1000), nil})
	}
	id, tab := s.sheet([]any{"x"})
	s.server.ResetCalls()
	if err := s.client.Fill(ctx, id, GridRange{SheetID: tab, EndRow: -1, EndCol: -1}, rows); err != nil {
		t.Fatal(err)
	}
	if n := s.server.Calls().By["spreadsheets.values.batchUpdateByDataFilter"]; n < 2 || n > 4 {
		t.Errorf("%d requests", n)
	}
	g, err := s.client.Values(ctx, id, GridRange{SheetID: tab, EndRow: -1, EndCol: 1})
	if err != nil || len(g.Rows) != 1200 || g.At(1199, 0).Value != 1199.0 || g.At(700, 0).Value != 700.0 {
		t.Errorf("%d rows, %v", len(g.Rows), err)
	}
}

func TestEnsureSize(t *testing.T) {
	ctx := context.Background()
	s := newSim(t)
	id, tab := s.sheet([]any{"x"})
	s.server.Fail(sheetsim.Fault{Match: func(op sheetsim.Op) bool { return op.Write }, Apply: true})
	if err := s.client.EnsureSize(ctx, id, tab, 5000, 40); err != nil {
		t.Fatal(err)
	}
	got, err := s.client.Spreadsheet(ctx, id)
	if err != nil || got.Tabs[0].Rows != 5000 || got.Tabs[0].Cols != 40 {
		t.Errorf("%+v, %v: an append whose answer was lost was made twice?", got, err)
	}
	if err := s.client.EnsureSize(ctx, id, tab, 1, 1); err != nil {
		t.Error(err)
	}
	if got, _ = s.client.Spreadsheet(ctx, id); got.Tabs[0].Rows != 5000 {
		t.Errorf("it shrank to %d rows", got.Tabs[0].Rows)
	}
	if err := s.client.EnsureSize(ctx, id, tab+1, 1, 1); !errors.Is(err, ErrSheetMissing) {
		t.Errorf("%v", err)
	}
}

// fake answers every request by a function.
func fake(t *testing.T, o Options, answer http.HandlerFunc) *Client {
	t.Helper()
	web := httptest.NewServer(answer)
	t.Cleanup(web.Close)
	o.Endpoint = web.URL
	c, err := NewClient(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestErrorKinds(t *testing.T) {
	const secret = "ada@secret.example"
	for _, c := range []struct {
		status int
		body   string
		kind   error
	}{
		{400, `{"error":{"code":400,"message":"Invalid value ada@secret.example","status":"INVALID_ARGUMENT"}}`, ErrInvalid},
		{400, `{"error":{"code":400,"message":"You are trying to edit a protected cell or object."}}`, ErrProtected},
		{403, `{"error":{"code":403,"message":"You are trying to edit a protected cell or object."}}`, ErrProtected},
		{400, `{"error":{"code":400,"message":"Invalid requests[0].updateCells: No grid with id: 7"}}`, ErrSheetMissing},
		{401, `{"error":{"code":401,"message":"ada@secret.example"}}`, ErrAccess},
		{403, `{"error":{"code":403,"message":"The caller does not have permission"}}`, ErrAccess},
		{403, `{"error":{"code":403,"message":"x","errors":[{"reason":"userRateLimitExceeded"}]}}`, ErrQuota},
		{404, `{"error":{"code":404,"message":"Requested entity was not found."}}`, ErrNotFound},
		{413, `too large`, ErrInvalid},
		{429, `{"error":{"code":429,"message":"Quota exceeded"}}`, ErrQuota},
		{500, ``, ErrUnavailable},
		{503, `<html>`, ErrUnavailable},
		{504, ``, ErrUnavailable},
		{200, `{"spreadsheetId":`, ErrUnavailable},
	} {
		cl := fake(t, Options{Attempts: 1}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		_, err := cl.Spreadsheet(context.Background(), "sheet-id")
		var e *Error
		if !errors.Is(err, c.kind) || !errors.As(err, &e) || e.Message == "" || !strings.Contains(err.Error(), "sheet-id") {
			t.Errorf("%d %s: %v", c.status, c.body, err)
			continue
		}
		for _, other := range []error{ErrNotFound, ErrSheetMissing, ErrAccess, ErrProtected, ErrQuota, ErrUnavailable, ErrInvalid} {
			if other != c.kind && errors.Is(err, other) {
				t.Errorf("%d is %v and %v", c.status, c.kind, other)
			}
		}
		if strings.Contains(err.Error()+e.Message, secret) {
			t.Errorf("%d: the error holds a cell's value: %v", c.status, err)
		}
		if slow := c.kind == ErrQuota || c.kind == ErrUnavailable && c.status != 200; slow != (e.RetryAfter == 3*time.Second) {
			t.Errorf("%d: RetryAfter %v", c.status, e.RetryAfter)
		}
	}
}

func TestRepeats(t *testing.T) {
	for _, c := range []struct {
		name     string
		statuses []int // of the first answers; 200 after them
		write    bool
		calls    int
		kind     error
	}{
		{"read after 503", []int{503, 500}, false, 3, nil},
		{"read after 429", []int{429, 429, 429}, false, 4, nil},
		{"read gives up", []int{503, 503, 503, 503, 503, 503}, false, 5, ErrUnavailable},
		{"read is refused", []int{403}, false, 1, ErrAccess},
		{"change after 429", []int{429}, true, 2, nil},
		{"change after 503", []int{503}, true, 1, ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := clockwork.NewFakeClock()
			var n atomic.Int64
			cl := fake(t, Options{Clock: clock}, func(w http.ResponseWriter, r *http.Request) {
				k := int(n.Add(1)) - 1
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Retry-After", "20")
				if k < len(c.statuses) {
					w.WriteHeader(c.statuses[k])
				}
				fmt.Fprint(w, `{}`)
			})
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // of the test, not of the call
			defer cancel()
			done := make(chan error, 1)
			go func() {
				if c.write {
					done <- cl.change(context.Background(), "change", "x", nil)
					return
				}
				_, err := cl.Spreadsheet(context.Background(), "x")
				done <- err
			}()
			for range c.calls - 1 {
				// The call that failed waits on the clock, at least as long as it was asked to.
				if err := clock.BlockUntilContext(ctx, 1); err != nil {
					t.Fatal(err)
				}
				before := n.Load()
				clock.Advance(19 * time.Second)
				if n.Load() != before {
					t.Error("it did not wait as long as it was told")
				}
				clock.Advance(21 * time.Second)
			}
			err := <-done
			if c.kind == nil && err != nil || c.kind != nil && !errors.Is(err, c.kind) {
				t.Errorf("%v", err)
			}
			if int(n.Load()) != c.calls {
				t.Errorf("%d calls, want %d", n.Load(), c.calls)
			}
		})
	}
}

func TestRepeatsEndWithTheContext(t *testing.T) {
	clock := clockwork.NewFakeClock()
	cl := fake(t, Options{Clock: clock}, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := cl.Spreadsheet(ctx, "x")
		done <- err
	}()
	if err := clock.BlockUntilContext(ctx, 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	// No pause is begun that would outlast the deadline.
	ctx, cancel = context.WithDeadline(context.Background(), time.Now().Add(time.Hour))
	defer cancel()
	late := clockwork.NewFakeClockAt(time.Now().Add(time.Hour))
	cl = fake(t, Options{Clock: late}, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) })
	if _, err := cl.Spreadsheet(ctx, "x"); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	if _, err := cl.Spreadsheet(func() context.Context { c, f := context.WithCancel(context.Background()); f(); return c }(), "x"); !errors.Is(err, context.Canceled) || !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

type tokens func() (string, error)

func (f tokens) Token(context.Context) (string, error) { return f() }

func TestTokens(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere.Add(1)
		if r.Header.Get("Authorization") != "" {
			t.Error("the token went to another host")
		}
		fmt.Fprint(w, `{}`)
	}))
	defer other.Close()
	var got []string
	cl := fake(t, Options{Tokens: tokens(func() (string, error) { return "tok", nil })}, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		http.Redirect(w, r, other.URL, http.StatusFound)
	})
	if _, err := cl.Spreadsheet(context.Background(), "x"); err != nil {
		t.Error(err)
	}
	if !slices.Equal(got, []string{"Bearer tok"}) || elsewhere.Load() != 1 {
		t.Errorf("%q, %d", got, elsewhere.Load())
	}
	for _, c := range []struct{ err, kind error }{{fmt.Errorf("revoked: %w", ErrAccess), ErrAccess}, {errors.New("token server is down"), ErrUnavailable}} {
		cl := fake(t, Options{Attempts: 1, Tokens: tokens(func() (string, error) { return "", c.err })}, func(http.ResponseWriter, *http.Request) {
			t.Error("called without a token")
		})
		if _, err := cl.Spreadsheet(context.Background(), "x"); !errors.Is(err, c.kind) || !errors.Is(err, c.err) {
			t.Errorf("%v: %v", c.err, err)
		}
	}
	for _, bad := range []string{"ftp://x/", "nonsense", "http://", "://"} {
		if _, err := NewClient(context.Background(), Options{Endpoint: bad}); err == nil {
			t.Errorf("%q is an endpoint", bad)
		}
	}
}
