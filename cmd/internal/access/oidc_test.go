package access_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"rowsmith/cmd/internal/access"
)

const (
	audience = "https://worker.example"
	account  = "queue@demo.iam.gserviceaccount.com"
)

func newKey(bits int) func() *rsa.PrivateKey {
	return sync.OnceValue(func() *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		return k
	})
}

// The issuer's key, its next one, and somebody else's.
var ours, next, theirs, weak = newKey(2048), newKey(2048), newKey(2048), newKey(1024)

// An issuer publishes keys.
type issuer struct {
	*httptest.Server
	mu      sync.Mutex
	keys    []map[string]any
	claims  string // what the discovery document says is the issuer; "": the truth
	status  int    // other than 200
	body    string // other than the keys
	control string
	fetched int // key sets given
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{keys: []map[string]any{jwk(ours(), "k1")}, control: "public, max-age=3600"}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.status != 0 {
			w.WriteHeader(i.status)
			return
		}
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			iss := i.URL
			if i.claims != "" {
				iss = i.claims
			}
			json.NewEncoder(w).Encode(map[string]string{"issuer": iss, "jwks_uri": i.URL + "/certs"})
		case "/certs":
			i.fetched++
			w.Header().Set("Cache-Control", i.control)
			if i.body != "" {
				w.Write([]byte(i.body))
				return
			}
			json.NewEncoder(w).Encode(map[string]any{"keys": i.keys})
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(i.Close)
	return i
}

// set changes the issuer.
func (i *issuer) set(change func(i *issuer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

func (i *issuer) fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetched
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func jwk(k *rsa.PrivateKey, id string) map[string]any {
	return map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}
}

// A draft is a token before it is signed.
type draft struct {
	header, claims map[string]any
	payload        []byte // other than the claims
	sign           func(text string) []byte
}

func rs256(k *rsa.PrivateKey) func(string) []byte {
	return func(text string) []byte {
		sum := sha256.Sum256([]byte(text))
		sig, err := rsa.SignPKCS1v15(nil, k, crypto.SHA256, sum[:])
		if err != nil {
			panic(err)
		}
		return sig
	}
}

func hs256(secret []byte) func(string) []byte {
	return func(text string) []byte {
		m := hmac.New(sha256.New, secret)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
}

func (d draft) String() string {
	h, err := json.Marshal(d.header)
	if err != nil {
		panic(err)
	}
	c := d.payload
	if c == nil {
		if c, err = json.Marshal(d.claims); err != nil {
			panic(err)
		}
	}
	text := b64(h) + "." + b64(c)
	return text + "." + b64(d.sign(text))
}

// good is a token that is taken, as Cloud Tasks sends it.
func good(iss string, now time.Time) draft {
	return draft{
		header: map[string]any{"alg": "RS256", "kid": "k1", "typ": "JWT"},
		claims: map[string]any{
			"iss": iss, "aud": audience, "azp": "1", "sub": "1", "email": account, "email_verified": true,
			"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		},
		sign: rs256(ours()),
	}
}

// claim sets a claim; nil takes it away.
func claim(name string, value any) func(*draft) {
	return func(d *draft) {
		if d.claims[name] = value; value == nil {
			delete(d.claims, name)
		}
	}
}

func header(name string, value any) func(*draft) {
	return func(d *draft) { d.header[name] = value }
}

func newOIDC(t *testing.T, cfg access.OIDCConfig) *access.OIDC {
	t.Helper()
	if cfg.Audience == "" {
		cfg.Audience = audience
	}
	if cfg.ServiceAccount == "" {
		cfg.ServiceAccount = account
	}
	o, err := access.NewOIDC(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOIDCTakes(t *testing.T) {
	i := newIssuer(t)
	clock := clockwork.NewFakeClock()
	now := clock.Now()
	i.set(func(i *issuer) {
		i.keys = append(i.keys, map[string]any{"kty": "OKP", "crv": "X448", "kid": "odd", "x": "AAAA"}, map[string]any{"kty": "EC", "kid": "worse"})
	})
	for name, change := range map[string]func(*draft){
		"as it is":             func(*draft) {},
		"audience in an array": claim("aud", []string{audience}),
		"no typ":               func(d *draft) { delete(d.header, "typ") },
		"another claim":        claim("google", map[string]any{"a": []int{1}}),
		"clock behind":         claim("iat", now.Add(4*time.Minute).Unix()),
		"nbf a little ahead":   claim("nbf", now.Add(4*time.Minute).Unix()),
		"expires in a second":  claim("exp", now.Add(time.Second).Unix()),
		"times with fractions": claim("exp", float64(now.Unix())+1800.5),
		"its own key in it":    header("jwk", jwk(theirs(), "k1")),
	} {
		for _, keys := range []string{"", i.URL + "/certs"} {
			o := newOIDC(t, access.OIDCConfig{Issuer: i.URL, JWKSURL: keys, Clock: clock})
			d := good(i.URL, now)
			change(&d)
			if err := o.Verify(t.Context(), d.String()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestOIDCRefuses: each of these is a token by itself, signed by the issuer's key unless it says otherwise.
func TestOIDCRefuses(t *testing.T) {
	i := newIssuer(t)
	i.set(func(i *issuer) {
		small := jwk(weak(), "small")
		enc := jwk(ours(), "enc")
		enc["use"] = "enc"
		rs512 := jwk(ours(), "rs512")
		rs512["alg"] = "RS512"
		i.keys = append(i.keys, small, enc, rs512)
	})
	clock := clockwork.NewFakeClock()
	now := clock.Now()
	public, err := x509.MarshalPKIXPublicKey(&ours().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	set, _ := json.Marshal(jwk(ours(), "k1"))
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	forged := map[string]func(*draft){
		// Signatures.
		"alg none, no signature":    func(d *draft) { d.header["alg"] = "none"; d.sign = func(string) []byte { return nil } },
		"alg none, with signature":  header("alg", "none"),
		"alg None":                  header("alg", "None"),
		"no alg":                    func(d *draft) { delete(d.header, "alg") },
		"alg a number":              header("alg", 256),
		"HS256 with the public PEM": func(d *draft) { d.header["alg"] = "HS256"; d.sign = hs256(publicPEM) },
		"HS256 with the public DER": func(d *draft) { d.header["alg"] = "HS256"; d.sign = hs256(public) },
		"HS256 with the modulus":    func(d *draft) { d.header["alg"] = "HS256"; d.sign = hs256(ours().N.Bytes()) },
		"HS256 with the JWK":        func(d *draft) { d.header["alg"] = "HS256"; d.sign = hs256(set) },
		"HS256 with nothing":        func(d *draft) { d.header["alg"] = "HS256"; d.sign = hs256(nil) },
		"RS256 said, HS256 done":    func(d *draft) { d.sign = hs256(publicPEM) },
		"RS512": func(d *draft) {
			d.header["alg"], d.header["kid"] = "RS512", "rs512"
			d.sign = func(text string) []byte {
				sum := sha512.Sum512([]byte(text))
				sig, _ := rsa.SignPKCS1v15(nil, ours(), crypto.SHA512, sum[:])
				return sig
			}
		},
		"PS256": func(d *draft) {
			d.header["alg"] = "PS256"
			d.sign = func(text string) []byte {
				sum := sha256.Sum256([]byte(text))
				sig, _ := rsa.SignPSS(rand.Reader, ours(), crypto.SHA256, sum[:], nil)
				return sig
			}
		},
		"ES256": func(d *draft) {
			d.header["alg"] = "ES256"
			d.sign = func(text string) []byte {
				sum := sha256.Sum256([]byte(text))
				r, s, _ := ecdsa.Sign(rand.Reader, ec, sum[:])
				return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
			}
		},
		"another's key":                func(d *draft) { d.sign = rs256(theirs()) },
		"another's key, in the header": func(d *draft) { d.header["jwk"] = jwk(theirs(), "k1"); d.sign = rs256(theirs()) },
		"another's key, by URL": func(d *draft) {
			d.header["jku"] = "http://127.0.0.1:1/"
			d.header["kid"] = "x"
			d.sign = rs256(theirs())
		},
		"wrong kid":                          header("kid", "k2"),
		"no kid":                             func(d *draft) { delete(d.header, "kid") },
		"empty kid":                          header("kid", ""),
		"kid a path":                         header("kid", "../../etc/passwd"),
		"kid of a small key":                 func(d *draft) { d.header["kid"] = "small"; d.sign = rs256(weak()) },
		"kid of a key for encryption":        header("kid", "enc"),
		"kid of a key for another alg":       header("kid", "rs512"),
		"an unknown critical header":         header("crit", []string{"exp"}),
		"payload not encoded":                func(d *draft) { d.header["crit"], d.header["b64"] = []string{"b64"}, false },
		"signature of zeros":                 func(d *draft) { d.sign = func(string) []byte { return make([]byte, 256) } },
		"signature cut":                      func(d *draft) { s := d.sign; d.sign = func(t string) []byte { return s(t)[:255] } },
		"signature of a byte":                func(d *draft) { d.sign = func(string) []byte { return []byte{1} } },
		"claims changed after it was signed": func(d *draft) { sig := d.sign("x.y"); d.sign = func(string) []byte { return sig } },

		// Time.
		"expired":          claim("exp", now.Add(-time.Second).Unix()),
		"expired long ago": claim("exp", 1),
		"expires before it began": func(d *draft) {
			d.claims["iat"] = now.Add(3 * time.Minute).Unix()
			d.claims["exp"] = now.Add(time.Minute).Unix()
		},
		"no exp":            claim("exp", nil),
		"exp a string":      claim("exp", "9999999999"),
		"exp null":          func(d *draft) { d.claims["exp"] = json.RawMessage("null") },
		"exp too large":     func(d *draft) { d.claims["exp"] = json.RawMessage("1e400") },
		"exp negative":      claim("exp", -1),
		"iat in the future": claim("iat", now.Add(6*time.Minute).Unix()),
		"no iat":            claim("iat", nil),
		"iat a string":      claim("iat", "now"),
		"nbf in the future": claim("nbf", now.Add(6*time.Minute).Unix()),

		// Who it is for and from.
		"another audience":                claim("aud", "https://other.example"),
		"audience with a slash more":      claim("aud", audience+"/"),
		"audience in capitals":            claim("aud", strings.ToUpper(audience)),
		"audience among others":           claim("aud", []string{"https://other.example", audience}),
		"audience twice":                  claim("aud", []string{audience, audience}),
		"no audience":                     claim("aud", nil),
		"empty audiences":                 claim("aud", []string{}),
		"audience a number":               claim("aud", 7),
		"audience in azp":                 func(d *draft) { d.claims["azp"], d.claims["aud"] = audience, "x" },
		"another issuer":                  claim("iss", "https://evil.example"),
		"Google as issuer":                claim("iss", access.GoogleIssuer),
		"issuer with a slash more":        claim("iss", i.URL+"/"),
		"issuer without scheme":           claim("iss", strings.TrimPrefix(i.URL, "http://")),
		"no issuer":                       claim("iss", nil),
		"issuer under another case":       func(d *draft) { delete(d.claims, "iss"); d.claims["ISS"] = i.URL },
		"another account":                 claim("email", "other@demo.iam.gserviceaccount.com"),
		"account with something before":   claim("email", "x"+account),
		"account in capitals":             claim("email", strings.ToUpper(account)),
		"account with a blank":            claim("email", account+" "),
		"account in an array":             claim("email", []string{account}),
		"no email":                        claim("email", nil),
		"email empty":                     claim("email", ""),
		"email under another case":        func(d *draft) { delete(d.claims, "email"); d.claims["Email"] = account },
		"email in sub":                    func(d *draft) { delete(d.claims, "email"); d.claims["sub"] = account },
		"email_verified false":            claim("email_verified", false),
		"email_verified a string":         claim("email_verified", "true"),
		"email_verified a number":         claim("email_verified", 1),
		"email_verified null":             func(d *draft) { d.claims["email_verified"] = json.RawMessage("null") },
		"no email_verified":               claim("email_verified", nil),
		"email_verified under upper case": func(d *draft) { delete(d.claims, "email_verified"); d.claims["EMAIL_VERIFIED"] = true },

		// Form.
		"claims an array":       func(d *draft) { d.payload = []byte("[]") },
		"claims null":           func(d *draft) { d.payload = []byte("null") },
		"claims empty":          func(d *draft) { d.payload = []byte("{}") },
		"claims not JSON":       func(d *draft) { d.payload = []byte("hello") },
		"claims from elsewhere": func(d *draft) { d.claims["_claim_names"] = map[string]string{"email": "x"} },
		"too long":              claim("pad", strings.Repeat("a", 10<<10)),
	}
	log := &bytes.Buffer{}
	o := newOIDC(t, access.OIDCConfig{Issuer: i.URL, Clock: clock, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err := o.Verify(t.Context(), good(i.URL, now).String()); err != nil {
		t.Fatalf("the token that all others are made of: %v", err)
	}
	refused := func(name, token string) {
		t.Helper()
		log.Reset()
		err := o.Verify(t.Context(), token)
		if !errors.Is(err, access.ErrUnauthenticated) || errors.Is(err, access.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnauthenticated", name, err)
			return
		}
		t.Logf("%s: %v", name, err)
		for _, text := range []string{err.Error(), log.String()} {
			if strings.Contains(text, "evil.example") || strings.Contains(text, "@") || len(token) > 20 && strings.Contains(text, token[:20]) {
				t.Errorf("%s: tells of the token: %s", name, text)
			}
		}
	}
	for name, change := range forged {
		d := good(i.URL, now)
		d.claims, d.header = maps.Clone(d.claims), maps.Clone(d.header)
		change(&d)
		refused(name, d.String())
	}

	token := good(i.URL, now).String()
	parts := strings.Split(token, ".")
	full, _ := json.Marshal(map[string]string{"protected": parts[0], "payload": parts[1], "signature": parts[2]})
	many, _ := json.Marshal(map[string]any{"payload": parts[1], "signatures": []any{map[string]string{"protected": parts[0], "signature": parts[2]}}})
	for name, s := range map[string]string{
		"nothing":               "",
		"dots":                  "..",
		"not a token":           "secret",
		"without its signature": parts[0] + "." + parts[1] + ".",
		"two parts":             parts[0] + "." + parts[1],
		"four parts":            token + ".x",
		"five parts, as JWE":    token + "." + parts[1] + "." + parts[2],
		"without its claims":    parts[0] + ".." + parts[2],
		"JSON form":             string(full),
		"JSON form, general":    string(many),
		"white space inside":    parts[0] + ".\n" + parts[1] + "." + parts[2],
		"blank at its end":      token + " ",
		"padded":                parts[0] + "=." + parts[1] + "." + parts[2],
		"with its scheme":       "Bearer " + token,
		"twice":                 token + "," + token,
		"NUL":                   token + "\x00",
		"not text":              "\xff\xfe.\xff.\xff",
		"huge":                  strings.Repeat("A", 1<<20) + "." + parts[1] + "." + parts[2],
		"header not JSON":       b64([]byte("x")) + "." + parts[1] + "." + parts[2],
	} {
		refused(name, s)
	}
	if n := len(forged); n < 40 {
		t.Errorf("%d forged tokens", n)
	}
	if n := i.fetches(); n != 1 {
		t.Errorf("keys were fetched %d times, want once", n)
	}
}

func TestOIDCGoogle(t *testing.T) {
	// Google's tokens also say their issuer without scheme.
	i := newIssuer(t)
	clock := clockwork.NewFakeClock()
	o := newOIDC(t, access.OIDCConfig{Issuer: access.GoogleIssuer, JWKSURL: i.URL + "/certs", Clock: clock})
	for iss, want := range map[string]error{
		"https://accounts.google.com": nil, "accounts.google.com": nil,
		"https://accounts.google.com.evil.example": access.ErrUnauthenticated, "http://accounts.google.com": access.ErrUnauthenticated,
	} {
		if err := o.Verify(t.Context(), good(iss, clock.Now()).String()); !errors.Is(err, want) {
			t.Errorf("issuer %q: %v, want %v", iss, err, want)
		}
	}
}

func TestOIDCKeysUnavailable(t *testing.T) {
	for name, change := range map[string]func(*issuer){
		"server error":        func(i *issuer) { i.status = 500 },
		"not found":           func(i *issuer) { i.status = 404 },
		"not JSON":            func(i *issuer) { i.body = "<html>" },
		"no keys":             func(i *issuer) { i.body = "{}" },
		"keys of other kinds": func(i *issuer) { i.keys = []map[string]any{{"kty": "EC", "kid": "k1"}} },
		"too large":           func(i *issuer) { i.body = `{"keys":[],"pad":"` + strings.Repeat("a", 2<<20) + `"}` },
		"another's document":  func(i *issuer) { i.claims = "https://other.example" },
	} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			i.set(change)
			clock := clockwork.NewFakeClock()
			o := newOIDC(t, access.OIDCConfig{Issuer: i.URL, Clock: clock})
			token := good(i.URL, clock.Now()).String()
			if err := o.Verify(t.Context(), token); !errors.Is(err, access.ErrUnavailable) || errors.Is(err, access.ErrUnauthenticated) {
				t.Fatalf("%v, want ErrUnavailable", err)
			}
			if err := o.Verify(t.Context(), "not a token"); !errors.Is(err, access.ErrUnauthenticated) {
				t.Errorf("what is no token at all: %v, want ErrUnauthenticated", err)
			}
			i.set(func(i *issuer) { i.status, i.body, i.claims, i.keys = 0, "", "", []map[string]any{jwk(ours(), "k1")} })
			clock.Advance(time.Second)
			if err := o.Verify(t.Context(), token); err != nil {
				t.Errorf("after it came back: %v", err)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		i := newIssuer(t)
		i.Close()
		o := newOIDC(t, access.OIDCConfig{Issuer: i.URL})
		if err := o.Verify(t.Context(), good(i.URL, time.Now()).String()); !errors.Is(err, access.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
	})
	t.Run("a caller that has given up", func(t *testing.T) {
		hang := make(chan struct{})
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}))
		defer s.Close()
		defer close(hang)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		o := newOIDC(t, access.OIDCConfig{Issuer: s.URL})
		if err := o.Verify(ctx, good(s.URL, time.Now()).String()); !errors.Is(err, access.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
	})
}

func TestOIDCRotation(t *testing.T) {
	i := newIssuer(t)
	clock := clockwork.NewFakeClock()
	o := newOIDC(t, access.OIDCConfig{Issuer: i.URL, Clock: clock})
	signed := func(kid string, k *rsa.PrivateKey) string {
		d := good(i.URL, clock.Now())
		d.header["kid"], d.sign = kid, rs256(k)
		return d.String()
	}
	expect := func(when, token string, want error, fetches int) {
		t.Helper()
		if err := o.Verify(t.Context(), token); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", when, err, want)
		}
		if n := i.fetches(); n != fetches {
			t.Errorf("%s: keys were fetched %d times, want %d", when, n, fetches)
		}
	}
	expect("first", signed("k1", ours()), nil, 1)
	expect("again", signed("k1", ours()), nil, 1)

	i.set(func(i *issuer) { i.keys = append(i.keys, jwk(next(), "k2")) })
	expect("a new key, too soon", signed("k2", next()), access.ErrUnauthenticated, 1)
	clock.Advance(time.Minute)
	expect("a new key", signed("k2", next()), nil, 2)
	for range 20 {
		expect("keys that nobody has", signed("k3", theirs()), access.ErrUnauthenticated, 2)
	}
	expect("a bad signature", signed("k1", theirs()), access.ErrUnauthenticated, 2)

	i.set(func(i *issuer) { i.keys = []map[string]any{jwk(next(), "k2")} })
	expect("a key that was taken back, still fresh", signed("k1", ours()), nil, 2)
	clock.Advance(time.Hour)
	expect("a key that was taken back", signed("k1", ours()), access.ErrUnauthenticated, 3)
	expect("the one that stays", signed("k2", next()), nil, 3)

	// The issuer goes away: what is known is used for a day.
	i.set(func(i *issuer) { i.status = 503 })
	clock.Advance(2 * time.Hour)
	expect("issuer away", signed("k2", next()), nil, 3)
	expect("issuer away, an unknown key", signed("k1", ours()), access.ErrUnavailable, 3)
	clock.Advance(24 * time.Hour)
	expect("issuer away for long", signed("k2", next()), access.ErrUnavailable, 3)
	i.set(func(i *issuer) { i.status = 0 })
	clock.Advance(time.Second)
	expect("issuer back", signed("k2", next()), nil, 4)
}

func TestOIDCManyAtOnce(t *testing.T) {
	i := newIssuer(t)
	o := newOIDC(t, access.OIDCConfig{Issuer: i.URL})
	token := good(i.URL, time.Now()).String()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if err := o.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	// Who asks just as a fetch ends may begin another; not everyone does.
	if n := i.fetches(); n > 5 {
		t.Errorf("keys were fetched %d times", n)
	}
}

func TestNewOIDCRefuses(t *testing.T) {
	ok := access.OIDCConfig{Issuer: access.GoogleIssuer, Audience: audience, ServiceAccount: account}
	if _, err := access.NewOIDC(ok); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*access.OIDCConfig){
		"no issuer":       func(c *access.OIDCConfig) { c.Issuer = "" },
		"issuer no URL":   func(c *access.OIDCConfig) { c.Issuer = "accounts.google.com" },
		"issuer a file":   func(c *access.OIDCConfig) { c.Issuer = "file:///etc/passwd" },
		"keys no URL":     func(c *access.OIDCConfig) { c.JWKSURL = "certs" },
		"no audience":     func(c *access.OIDCConfig) { c.Audience = "" },
		"no account":      func(c *access.OIDCConfig) { c.ServiceAccount = "" },
		"account no mail": func(c *access.OIDCConfig) { c.ServiceAccount = "queue" },
	} {
		c := ok
		change(&c)
		if _, err := access.NewOIDC(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzOIDC(f *testing.F) {
	i := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{jwk(ours(), "k1")}})
	}))
	f.Cleanup(i.Close)
	o, err := access.NewOIDC(access.OIDCConfig{Issuer: i.URL, JWKSURL: i.URL, Audience: audience, ServiceAccount: account})
	if err != nil {
		f.Fatal(err)
	}
	d := good(i.URL, time.Now())
	d.sign = rs256(theirs()) // whatever is made of it, it is not signed
	f.Add(d.String())
	d.header["alg"] = "none"
	f.Add(d.String())
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		if err := o.Verify(t.Context(), token); !errors.Is(err, access.ErrUnauthenticated) {
			t.Errorf("%v, want ErrUnauthenticated", err)
		}
	})
}
