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
)

// A Caller is who is calling.
type Caller struct {
	Account    string
	Credential Credential
	// Name identifies the credential in logs and for idempotency keys; it is no secret.
	Name string
}

// A Gate recognises callers.
type Gate struct {
	account  string
	api      [32]byte
	internal [32]byte
}

// NewGate makes a gate for one account with one API key, and the secret that the embedded queue carries.
// Empty secrets open nothing.
func NewGate(account, apiKey, internalSecret string) (*Gate, error) {
	if account == "" || apiKey == "" || internalSecret == "" {
		return nil, errors.New("access: account, API key and internal secret are required")
	}
	return &Gate{account: account, api: sha256.Sum256([]byte(apiKey)), internal: sha256.Sum256([]byte(internalSecret))}, nil
}

// Caller recognises a bearer secret as a credential of the given kind. ErrUnauthenticated where it isn't one.
func (g *Gate) Caller(_ context.Context, kind Credential, secret string) (Caller, error) {
	// Hashes have one length, so that comparing takes the same time for every secret.
	h := sha256.Sum256([]byte(secret))
	switch {
	case kind == None:
		return Caller{Credential: None}, nil
	case secret == "":
	case kind == APIKey && subtle.ConstantTimeCompare(h[:], g.api[:]) == 1:
		return Caller{Account: g.account, Credential: APIKey, Name: "dev"}, nil
	case kind == Internal && subtle.ConstantTimeCompare(h[:], g.internal[:]) == 1:
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
