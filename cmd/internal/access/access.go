// Package access says who is calling and what they may touch: accounts, credentials, and which spreadsheets belong
// to which account.
//
// It refuses by default: a credential it doesn't know is nobody's, a spreadsheet that is not bound to the caller's account does not
// exist for them. Secrets are compared in constant time and never logged.
package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
)

// A Credential is a kind of proof of who is calling. Each route takes exactly one kind.
type Credential string

// The kinds.
const (
	None     Credential = "none"     // anybody: health, the API's description
	APIKey   Credential = "api_key"  // a person's or program's key, in Authorization or X-API-Key
	Internal Credential = "internal" // the queue and the ticker of this installation
)

// Errors of this package, by errors.Is.
var (
	// ErrUnauthenticated: no credential, or none that is known.
	ErrUnauthenticated = errors.New("unauthenticated")
	// ErrNotFound: the spreadsheet is not the account's, or isn't there.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable: who is calling can't be found out now; try again later.
	ErrUnavailable = errors.New("authentication unavailable")
)

// A Caller is who is calling.
type Caller struct {
	Account    string
	Credential Credential
	// Name identifies the credential in logs and for idempotency keys; it is no secret.
	Name string
}

// A Verifier decides whether a bearer token is one that the queue and the ticker of this installation carry: nil where it
// is, ErrUnauthenticated where it isn't, ErrUnavailable where that can't be found out now. On one machine it is a [Secret], beyond it [OIDC].
type Verifier interface {
	Verify(ctx context.Context, bearer string) error
}

// A Secret is the [Verifier] of one machine: the embedded queue carries the secret itself. It holds the secret's hash.
type Secret [32]byte

// NewSecret makes a verifier of a secret, which is not empty.
func NewSecret(secret string) Secret { return sha256.Sum256([]byte(secret)) }

// Verify implements [Verifier].
func (s Secret) Verify(_ context.Context, bearer string) error {
	// Hashes have one length, so that comparing takes the same time for every secret.
	h := sha256.Sum256([]byte(bearer))
	if bearer == "" || subtle.ConstantTimeCompare(h[:], s[:]) != 1 {
		return ErrUnauthenticated
	}
	return nil
}

// A Gate recognises callers.
type Gate struct {
	account  string
	api      Secret
	internal Verifier
}

// NewGate makes a gate for one account with one API key, and the secret that the embedded queue carries.
// Empty secrets open nothing.
func NewGate(account, apiKey, internalSecret string) (*Gate, error) {
	if account == "" || apiKey == "" || internalSecret == "" {
		return nil, errors.New("access: account, API key and internal secret are required")
	}
	return NewGateFor(account, apiKey, NewSecret(internalSecret))
}

// NewGateFor is NewGate with another proof of the queue and the ticker than a secret.
func NewGateFor(account, apiKey string, internal Verifier) (*Gate, error) {
	if account == "" || apiKey == "" || internal == nil {
		return nil, errors.New("access: account, API key and a verifier are required")
	}
	return &Gate{account: account, api: NewSecret(apiKey), internal: internal}, nil
}

// Caller recognises a bearer secret as a credential of the given kind. ErrUnauthenticated where it isn't one, ErrUnavailable
// where that can't be found out now.
func (g *Gate) Caller(ctx context.Context, kind Credential, secret string) (Caller, error) {
	switch kind {
	case None:
		return Caller{Credential: None}, nil
	case APIKey:
		if err := g.api.Verify(ctx, secret); err != nil {
			return Caller{}, err
		}
		return Caller{Account: g.account, Credential: APIKey, Name: "dev"}, nil
	case Internal:
		if err := g.internal.Verify(ctx, secret); err != nil {
			return Caller{}, err
		}
		return Caller{Credential: Internal, Name: "internal"}, nil
	}
	return Caller{}, ErrUnauthenticated
}

// Bindings says which spreadsheets belong to an account. The embedded spreadsheets of one machine all belong to its one account.
type Bindings interface {
	// Bound fails with ErrNotFound where the spreadsheet is not the account's, whether or not it exists.
	Bound(ctx context.Context, account, spreadsheetID string) error
	// Sheets lists an account's spreadsheets, newest first.
	Sheets(ctx context.Context, account string) ([]Sheet, error)
}

// A Sheet is a spreadsheet bound to an account.
type Sheet struct {
	SpreadsheetID string `json:"spreadsheet_id"`
	Title         string `json:"title"`
}
