package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"rowsmith/cmd/internal/access"
	"rowsmith/sheets"
)

// scope is what a service account asks for: spreadsheets, and no other file.
const scope = "https://www.googleapis.com/auth/spreadsheets"

// A GoogleAccount is the identity that spreadsheets are shared with.
type GoogleAccount struct {
	// Email is the address to share with; empty where the environment doesn't tell.
	Email string

	mu     sync.Mutex
	source oauth2.TokenSource        // keeps a token until it expires
	fresh  func() oauth2.TokenSource // makes one that has none; nil: can't be made
}

// NewGoogleAccount reads a service account's key file, or where path is empty finds the environment's own account. The error is one line
// for people.
func NewGoogleAccount(ctx context.Context, path string) (*GoogleAccount, error) {
	if path == "" {
		creds, err := google.FindDefaultCredentials(ctx, scope)
		if err != nil {
			return nil, errors.New("there are no Google credentials: name a service account's key file (--google-credentials or ROWSMITH_GOOGLE_CREDENTIALS)")
		}
		return &GoogleAccount{Email: emailOf(creds.JSON), source: creds.TokenSource}, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the key file can't be read: %w", err)
	}
	conf, err := google.JWTConfigFromJSON(b, scope)
	if err != nil {
		// The library's message may quote the file.
		return nil, fmt.Errorf("%s is not a service account's key file: make one under IAM, Service accounts, Keys, as JSON", path)
	}
	fresh := func() oauth2.TokenSource { return conf.TokenSource(ctx) }
	return &GoogleAccount{Email: conf.Email, source: fresh(), fresh: fresh}, nil
}

func emailOf(b []byte) string {
	var f struct {
		Email string `json:"client_email"`
	}
	if json.Unmarshal(b, &f) != nil {
		return ""
	}
	return f.Email
}

// Token implements sheets.TokenSource. A refused account is sheets.ErrAccess: asking again would not help.
func (g *GoogleAccount) Token(context.Context) (string, error) {
	g.mu.Lock()
	source := g.source
	g.mu.Unlock()
	t, err := source.Token()
	if err == nil {
		return t.AccessToken, nil
	}
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode >= 400 && refused.Response.StatusCode < 500 {
		return "", fmt.Errorf("%w: token refused with status %d", sheets.ErrAccess, refused.Response.StatusCode)
	}
	return "", fmt.Errorf("token: %w", err)
}

// Renew implements sheets.Renewer: a token may be revoked before it expires.
func (g *GoogleAccount) Renew(token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fresh == nil {
		return
	}
	if t, err := g.source.Token(); err != nil || t.AccessToken == token {
		g.source = g.fresh()
	}
}

// listed are the spreadsheets that the configuration names. Naming another is as good as naming none.
type listed struct {
	ids []string
}

func (l listed) Bound(_ context.Context, account, id string) error {
	if account == Account && slices.Contains(l.ids, id) {
		return nil
	}
	return access.ErrNotFound
}

func (l listed) Sheets(_ context.Context, account string) ([]access.Sheet, error) {
	if account != Account {
		return nil, nil
	}
	out := make([]access.Sheet, len(l.ids))
	for i, id := range l.ids {
		out[i] = access.Sheet{SpreadsheetID: id}
	}
	return out, nil
}
