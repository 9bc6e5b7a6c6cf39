package apptest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"rowsmith/cmd/internal/app"
	"rowsmith/sheets"
	"rowsmith/tasks"
)

// Key is the API key of a program under test.
const Key = "rk_test_key_of_twenty_and_more"

// A Program is a running program and what it logged.
type Program struct {
	*app.App
	Log *Log
	t   testing.TB
}

// A Log collects what was logged.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is all that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Start runs the program on a free port over a data folder until the test ends or Stop is called. dns is a name server's address.
func Start(t testing.TB, data, dns string, p app.Parts) *Program {
	t.Helper()
	return StartWith(t, app.Config{Addr: "127.0.0.1:0", Data: data, DNS: dns, DevAPIKey: Key}, p)
}

// StartWith is Start with a configuration of one's own.
func StartWith(t testing.TB, c app.Config, p app.Parts) *Program {
	t.Helper()
	l := new(Log)
	p.Log = slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := app.Open(t.Context(), c, p)
	if err != nil {
		t.Fatal(err)
	}
	prog := &Program{App: a, Log: l, t: t}
	t.Cleanup(prog.Stop)
	return prog
}

// Stop ends the program gently.
func (p *Program) Stop() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		p.t.Errorf("close: %v", err)
	}
}

// Sheet makes a spreadsheet of one tab and fills it; the first row is the headings.
func (p *Program) Sheet(rows [][]any) (id string, sheetID int64) {
	p.t.Helper()
	ctx := p.t.Context()
	ss, err := p.Sheets.Create(ctx, "Test", "Leads")
	if err != nil {
		p.t.Fatal(err)
	}
	id, sheetID = ss.ID, ss.Tabs[0].ID
	width := 0
	for _, r := range rows {
		width = max(width, len(r))
	}
	if err := p.Sheets.EnsureSize(ctx, id, sheetID, len(rows), width); err != nil {
		p.t.Fatal(err)
	}
	err = p.Sheets.Fill(ctx, id, sheets.GridRange{SheetID: sheetID, StartRow: 0, EndRow: len(rows), StartCol: 0, EndCol: width}, rows)
	if err != nil {
		p.t.Fatal(err)
	}
	return id, sheetID
}

// Rows reads a whole tab.
func (p *Program) Rows(id string, sheetID int64) [][]any {
	p.t.Helper()
	g, err := p.Sheets.Values(p.t.Context(), id, sheets.GridRange{SheetID: sheetID, StartRow: 0, EndRow: -1, StartCol: 0, EndCol: -1})
	if err != nil {
		p.t.Fatal(err)
	}
	out := make([][]any, len(g.Rows))
	for i, r := range g.Rows {
		for _, c := range r {
			out[i] = append(out[i], c.Value)
		}
	}
	return out
}

// Call asks the API and returns the status and the body.
func (p *Program) Call(method, path string, body any, header ...string) (int, []byte) {
	p.t.Helper()
	return p.api().Call(method, path, body, header...)
}

// Job asks for a job by method and path and fails the test where the answer is another status.
func (p *Program) Job(want int, method, path string, body any, header ...string) tasks.Job {
	p.t.Helper()
	return p.api().Job(want, method, path, body, header...)
}

// Wait polls a job until it is in one of the states, as a client of the API would.
func (p *Program) Wait(id string, states ...tasks.State) tasks.Job {
	p.t.Helper()
	return p.api().Wait(id, states...)
}

func (p *Program) api() API { return API{p.URL(), p.t} }

// Leads makes n rows below headings: names, companies, half of the emails.
func Leads(n int) [][]any {
	rows := [][]any{{"Full name", "Company", "Email", "Country"}}
	for i := range n {
		row := []any{"Jane " + Surname(i), fmt.Sprintf("Firm %d GmbH", i), nil, "Germany"}
		if i%2 == 0 {
			row[2] = fmt.Sprintf("Jane.%d@Acme-Leads.Com", i)
		}
		rows = append(rows, row)
	}
	return rows
}

// Surname is a surname of its own for each i.
func Surname(i int) string {
	parts := []string{"an", "be", "co", "du", "el", "fi", "go", "hu", "ir", "jo"}
	name := ""
	for {
		name += parts[i%10]
		if i /= 10; i == 0 {
			break
		}
	}
	return "Van" + name
}
