package access_test

import (
	"context"
	"errors"
	"testing"

	"rowsmith/cmd/internal/access"
)

// always is a verifier that says the same of every token.
type always struct{ err error }

func (a always) Verify(context.Context, string) error { return a.err }

func TestGate(t *testing.T) {
	secret, err := access.NewGate("acct", "api-key", "internal-secret")
	if err != nil {
		t.Fatal(err)
	}
	away, err := access.NewGateFor("acct", "api-key", always{access.ErrUnavailable})
	if err != nil {
		t.Fatal(err)
	}
	yes, err := access.NewGateFor("acct", "api-key", always{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		gate   *access.Gate
		kind   access.Credential
		bearer string
		want   error
	}{
		{secret, access.None, "", nil},
		{secret, access.None, "anything", nil},
		{secret, access.APIKey, "api-key", nil},
		{secret, access.APIKey, "", access.ErrUnauthenticated},
		{secret, access.APIKey, "api-key ", access.ErrUnauthenticated},
		{secret, access.APIKey, "internal-secret", access.ErrUnauthenticated},
		{secret, access.Internal, "internal-secret", nil},
		{secret, access.Internal, "", access.ErrUnauthenticated},
		{secret, access.Internal, "api-key", access.ErrUnauthenticated},
		{secret, "other", "api-key", access.ErrUnauthenticated},
		{secret, "", "internal-secret", access.ErrUnauthenticated},
		{away, access.Internal, "token", access.ErrUnavailable},
		{away, access.APIKey, "api-key", nil},
		{yes, access.Internal, "token", nil},
		{yes, access.APIKey, "token", access.ErrUnauthenticated},
	} {
		got, err := c.gate.Caller(t.Context(), c.kind, c.bearer)
		if !errors.Is(err, c.want) {
			t.Errorf("%q as %q: %v, want %v", c.bearer, c.kind, err, c.want)
		}
		if err != nil && got != (access.Caller{}) {
			t.Errorf("%q as %q: caller %+v beside an error", c.bearer, c.kind, got)
		}
		if err == nil && (got.Credential != c.kind || (got.Account == "acct") != (c.kind == access.APIKey)) {
			t.Errorf("%q as %q: caller %+v", c.bearer, c.kind, got)
		}
	}
	for _, bad := range [][3]string{{"", "a", "b"}, {"a", "", "b"}, {"a", "b", ""}} {
		if _, err := access.NewGate(bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("NewGate(%q): taken", bad)
		}
	}
	if _, err := access.NewGateFor("a", "b", nil); err == nil {
		t.Error("NewGateFor without a verifier: taken")
	}
}
