package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/jonboulle/clockwork"
)

// GoogleIssuer is the issuer of the tokens that Cloud Tasks and Cloud Scheduler send.
const GoogleIssuer = "https://accounts.google.com"

// OIDCConfig says whose tokens are taken.
type OIDCConfig struct {
	// Issuer is what tokens must say about their issuer: an https URL, or an http one for a double's.
	Issuer string
	// JWKSURL is where the issuer's keys are. Empty: where its discovery document says.
	JWKSURL string
	// Audience is the one audience that tokens must have: what the queue and the ticker are configured with.
	Audience string
	// ServiceAccount is the email address that tokens must have, verified.
	ServiceAccount string
	// Client fetches the keys. Nil: one with a deadline.
	Client *http.Client
	// Clock says what has expired. Nil: the machine's.
	Clock clockwork.Clock
	// Log takes why tokens were refused, without anything of theirs. Nil: none.
	Log *slog.Logger
}

// OIDC recognises tokens that the queue and the ticker send beyond one machine. It is a [Verifier].
//
// A token is taken when it is a JWT in compact form, signed with RS256 by a key that the issuer publishes, and says all of:
//
//	iss              the configured issuer
//	aud              the configured audience, and no other
//	exp              later than now
//	iat, nbf         not more than 5 minutes ahead of now (nbf may be missing)
//	email            the configured service account
//	email_verified   true
//
// Keys are fetched when the first token comes, kept as long as the issuer allows, and for a day more where it doesn't answer.
type OIDC struct {
	verifier *oidc.IDTokenVerifier
	account  string
	clock    clockwork.Clock
	log      *slog.Logger
}

var _ Verifier = (*OIDC)(nil)

const (
	// maxToken is in bytes; Google's tokens have about a thousand.
	maxToken = 8 << 10
	// skew is how far clocks may differ. go-oidc allows nbf as much.
	skew = 5 * time.Minute
)

// NewOIDC makes a verifier. Nothing is fetched yet, so that a program starts while the issuer is away.
func NewOIDC(cfg OIDCConfig) (*OIDC, error) {
	for what, s := range map[string]string{"issuer": cfg.Issuer, "key set": cfg.JWKSURL} {
		if u, err := url.Parse(s); s != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
			return nil, fmt.Errorf("access: %s %.200q is not a URL", what, s)
		}
	}
	if cfg.Issuer == "" || cfg.Audience == "" || !strings.Contains(cfg.ServiceAccount, "@") {
		return nil, errors.New("access: issuer, audience and the service account's email address are required")
	}
	o := &OIDC{account: cfg.ServiceAccount, clock: cfg.Clock, log: cfg.Log}
	if o.clock == nil {
		o.clock = clockwork.NewRealClock()
	}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	keys := newKeySet(cfg.Issuer, cfg.JWKSURL, cfg.Client, o.clock)
	o.verifier = oidc.NewVerifier(cfg.Issuer, keys, &oidc.Config{
		ClientID:             cfg.Audience,
		SupportedSigningAlgs: []string{oidc.RS256},
		Now:                  o.clock.Now,
	})
	return o, nil
}

// Verify implements [Verifier]: nil for a token that proves the configured service account, [ErrUnauthenticated] for every
// other, [ErrUnavailable] while the issuer's keys can't be had. No error holds anything of the token.
func (o *OIDC) Verify(ctx context.Context, bearer string) error {
	var missing error // why the keys could not be had: the verifier keeps only its text
	why := o.check(context.WithValue(ctx, missingKey{}, &missing), bearer)
	switch {
	case missing != nil:
		return fmt.Errorf("verify token: %w: %w", ErrUnavailable, missing)
	case why != "":
		o.log.InfoContext(ctx, "token refused", "why", why)
		return fmt.Errorf("verify token: %w: %s", ErrUnauthenticated, why)
	}
	return nil
}

// check returns why a token is not taken, or "".
func (o *OIDC) check(ctx context.Context, bearer string) string {
	if why := form(bearer); why != "" {
		return why
	}
	token, err := o.verifier.Verify(ctx, bearer)
	if err != nil {
		return reason(err)
	}
	// By their exact names: decoding into a struct would take "EMAIL" for "email".
	var claims map[string]json.RawMessage
	if err := token.Claims(&claims); err != nil {
		return "claims are not an object"
	}
	for _, name := range []string{"iss", "aud", "exp", "iat", "email", "email_verified"} {
		if claims[name] == nil {
			return "no " + name
		}
	}
	var email string
	switch {
	case claims["exp"][0] == '"' || claims["iat"][0] == '"': // go-oidc takes numbers in quotes
		return "times are not numbers"
	case len(token.Audience) != 1:
		return "several audiences"
	case token.IssuedAt.After(o.clock.Now().Add(skew)):
		return "issued in the future"
	case !token.Expiry.After(token.IssuedAt):
		return "expires before it was issued"
	case json.Unmarshal(claims["email"], &email) != nil || email != o.account:
		return "another account"
	case string(claims["email_verified"]) != "true":
		return "email address not verified"
	}
	return ""
}

// form checks that a token looks like a JWT in compact form before anything decodes it: the decoder would also take
// white space and the JSON forms.
func form(s string) string {
	if len(s) > maxToken {
		return "too long"
	}
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return "not a JWT"
	}
	for _, p := range parts {
		if p == "" {
			return "not a signed JWT"
		}
		for i := range len(p) {
			switch c := p[i]; {
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			default:
				return "not a JWT"
			}
		}
	}
	return ""
}

// reason says in fixed words what go-oidc found; its own text quotes the token.
func reason(err error) string {
	var expired *oidc.TokenExpiredError
	if errors.As(err, &expired) {
		return "expired"
	}
	for begins, why := range map[string]string{
		"oidc: malformed jwt":                      "malformed, or another algorithm",
		"failed to verify signature":               "signature",
		"oidc: id token issued by a different":     "another issuer",
		"oidc: expected audience":                  "another audience",
		"oidc: failed to unmarshal claims":         "claims can't be read",
		"oidc: current time":                       "not valid yet",
		"oidc: failed to obtain source from claim": "claims from elsewhere",
		"oidc: source does not exist":              "claims from elsewhere",
		"oidc: multiple signatures on id token":    "several signatures",
		"oidc: id token not signed":                "not signed",
	} {
		if strings.HasPrefix(err.Error(), begins) {
			return why
		}
	}
	return "not valid"
}
