package sheets

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/sheets/sheetsim"
	"rowsmith/sheets/sheetsim/discovery"
)

// A sim is a Sheets server behind HTTP and the ordinary client to it. Every request and answer is held against the
// discovery document.
type sim struct {
	t      testing.TB
	server *sheetsim.Server
	url    string
	client *Client
	writer *Writer
}

// quick is a clock whose timers fire at once, so that pauses between attempts take no time.
type quick struct{ clockwork.Clock }

func (q quick) NewTimer(_ time.Duration) clockwork.Timer { return q.Clock.NewTimer(0) }

func newSim(t testing.TB) *sim {
	t.Helper()
	ctx := context.Background()
	server, err := sheetsim.Open(ctx, sheetsim.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.StripPrefix("/sheets", discovery.Check(t, server)))
	t.Cleanup(func() {
		web.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	clock := quick{clockwork.NewRealClock()}
	c, err := NewClient(ctx, Options{Endpoint: web.URL + "/sheets/", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return &sim{t: t, server: server, url: web.URL + "/sheets/", client: c, writer: NewWriter(c, clock, nil)}
}

// sheet makes a spreadsheet with one tab that holds rows, and returns its id and the tab's.
func (s *sim) sheet(rows ...[]any) (string, int64) {
	s.t.Helper()
	ctx := context.Background()
	made, err := s.client.Create(ctx, "Test", "Leads")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.client.Fill(ctx, made.ID, GridRange{SheetID: made.Tabs[0].ID, EndRow: -1, EndCol: -1}, rows); err != nil {
		s.t.Fatal(err)
	}
	return made.ID, made.Tabs[0].ID
}

// batch is what a person does to a spreadsheet: requests of spreadsheets.batchUpdate, as JSON.
func (s *sim) batch(id string, requests ...string) {
	s.t.Helper()
	body := json.RawMessage(`{"requests":[` + strings.Join(requests, ",") + `]}`)
	if _, err := s.server.Do(context.Background(), "POST", "/v4/spreadsheets/"+id+":batchUpdate", body); err != nil {
		s.t.Fatal(err)
	}
}

// enter types a value into a cell as a person does.
func (s *sim) enter(id, cell, text string) {
	s.t.Helper()
	body := map[string]any{"values": [][]any{{text}}}
	if _, err := s.server.Do(context.Background(), "PUT", "/v4/spreadsheets/"+id+"/values/"+cell+"?valueInputOption=USER_ENTERED", body); err != nil {
		s.t.Fatal(err)
	}
}

// grid is everything the tab shows.
func (s *sim) grid(id string, tab int64) Grid {
	s.t.Helper()
	g, err := s.client.Cells(context.Background(), id, GridRange{SheetID: tab, EndRow: -1, EndCol: -1})
	if err != nil {
		s.t.Fatal(err)
	}
	return g[0]
}

// text is the tab as lines of cells joined with "|", blanks at the ends cut.
func (s *sim) text(id string, tab int64) []string {
	s.t.Helper()
	var out []string
	for _, row := range s.grid(id, tab).Rows {
		var cells []string
		for _, c := range row {
			if c.Value == nil {
				cells = append(cells, "")
			} else {
				cells = append(cells, fmt.Sprint(c.Value))
			}
		}
		out = append(out, strings.TrimRight(strings.Join(cells, "|"), "|"))
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}
