package app

import (
	"context"
	"net"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"rowsmith/cmd/internal/access"
	"rowsmith/sheets"
	"rowsmith/sheets/sheetsim"
	"rowsmith/tasks"
)

// embedded reaches every embedded spreadsheet with one client: on one machine they all are the one account's.
type embedded struct{ client *sheets.Client }

func (e embedded) Client(context.Context, string, string) (*sheets.Client, error) {
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
// shows: by name (the page's own host then stands in Host) or across origins (its own stands in Origin).
func onlyLoopback(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if !loopbackHost(r.Host) {
			return foreign()
		}
		if o := r.Header.Get("Origin"); o != "" {
			u, err := url.Parse(o)
			if err != nil || u.Host != r.Host {
				return foreign()
			}
		}
		if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" && r.Method != http.MethodGet {
			return foreign()
		}
		return next(c)
	}
}

func foreign() error {
	return &tasks.Error{Code: "not_allowed", Detail: "This Rowsmith answers programs and pages on this machine only."}
}

func loopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return loopback(host)
}
