package app

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"rowsmith/cmd/internal/access"
	"rowsmith/sheets"
	"rowsmith/sheets/sheetsim"
	"rowsmith/tasks"
)

// oneClient reaches every spreadsheet with one client: they all are the one account's.
type oneClient struct{ client *sheets.Client }

func (e oneClient) Client(context.Context, string, string) (*sheets.Client, error) {
	return e.client, nil
}

// embeddedBindings: what was made here is bound.
type embeddedBindings struct{ sim *sheetsim.Server }

func (b embeddedBindings) Bound(ctx context.Context, account, id string) error {
	list, err := b.sim.List(ctx)
	if err != nil {
		return err
	}
	for _, w := range list {
		if w.ID == id && account == Account {
			return nil
		}
	}
	return access.ErrNotFound
}

func (b embeddedBindings) Sheets(ctx context.Context, account string) ([]access.Sheet, error) {
	list, err := b.sim.List(ctx)
	if err != nil || account != Account {
		return nil, err
	}
	out := make([]access.Sheet, len(list))
	for i, w := range list {
		out[i] = access.Sheet{SpreadsheetID: w.ID, Title: w.Title}
	}
	return out, nil
}

// fixedToken is the token of a process that talks to itself.
type fixedToken string

func (t fixedToken) Token(context.Context) (string, error) { return string(t), nil }

// onlyLoopback keeps web pages of others out. A browser on this machine may be made to call 127.0.0.1 by any page it
// shows: by name (the page's own host then stands in Host), across origins (its own stands in Origin), or as a picture or
// script (Sec-Fetch-Site says so). Following a link from elsewhere to a page of ours is fine.
func onlyLoopback(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if !loopbackHost(r.Host) {
			return foreign()
		}
		for _, o := range r.Header.Values("Origin") {
			if u, err := url.Parse(o); err != nil || u.Host != r.Host {
				return foreign()
			}
		}
		switch r.Header.Get("Sec-Fetch-Site") {
		case "", "same-origin", "none":
		default: // other ports of this machine are "same-site"
			if r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document" {
				return foreign()
			}
		}
		return next(c)
	}
}

func foreign() error {
	return &tasks.Error{Code: "not_allowed", Detail: "This Rowsmith answers programs and pages on this machine only."}
}

// loopbackHost reports whether a Host header names this machine only: "localhost:8080", "127.0.0.1", "[::1]:8080", "[::1]".
func loopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
		if in, ok := strings.CutPrefix(host, "["); ok {
			host = strings.TrimSuffix(in, "]")
		}
	}
	return loopback(host)
}
