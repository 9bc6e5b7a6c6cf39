package cloudtaskssim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// tokenLife is how long a token is good, as Google's are; it is used for a part of it.
const (
	tokenLife  = time.Hour
	tokenReuse = 5 * time.Minute
)

// An issuer signs tokens and publishes its keys.
type issuer struct {
	url   string
	clock clockwork.Clock
	serve *http.Server

	mu     sync.Mutex
	key    *rsa.PrivateKey // nil until needed
	former *rsa.PrivateKey
	tokens map[[2]string]token // by service account and audience
}

type token struct {
	jwt  string
	made time.Time
}

func serveIssuer(addr, url string, key *rsa.PrivateKey, clock clockwork.Clock) (*issuer, error) {
	l, err := listen(addr)
	if err != nil {
		return nil, err
	}
	i := &issuer{url: url, clock: clock, key: key, tokens: map[[2]string]token{}}
	if url == "" {
		i.url = "http://" + l.Addr().String()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /keys", i.keys)
	i.serve = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go i.serve.Serve(l) // ends with close
	return i, nil
}

func (i *issuer) close() { i.serve.Close() }

func (i *issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{
		"issuer":                                i.url,
		"jwks_uri":                              i.url + "/keys",
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"claims_supported":                      []string{"aud", "azp", "email", "email_verified", "exp", "iat", "iss", "sub"},
	})
}

func (i *issuer) keys(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.need(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	set := []map[string]string{}
	for _, k := range []*rsa.PrivateKey{i.key, i.former} {
		if k != nil {
			var e [4]byte
			binary.BigEndian.PutUint32(e[:], uint32(k.E))
			set = append(set, map[string]string{
				"kty": "RSA", "alg": "RS256", "use": "sig", "kid": keyID(k),
				"n": base64.RawURLEncoding.EncodeToString(k.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(e[1:]),
			})
		}
	}
	w.Header().Set("Cache-Control", "public, max-age=3600")
	answer(w, map[string]any{"keys": set})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// need makes the first key. The lock is held.
func (i *issuer) need() (err error) {
	if i.key == nil {
		i.key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	return err
}

func (i *issuer) rotate(key *rsa.PrivateKey) (err error) {
	if key == nil {
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return fmt.Errorf("rotate key: %w", err)
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.former, i.key = i.key, key
	clear(i.tokens)
	return nil
}

func keyID(k *rsa.PrivateKey) string {
	sum := sha256.Sum256(k.N.Bytes())
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// token is a token of a service account for an audience, with the claims that Google's have.
func (i *issuer) token(email, audience string) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.clock.Now()
	use := [2]string{email, audience}
	if t, ok := i.tokens[use]; ok && now.Sub(t.made) < tokenReuse && !now.Before(t.made) {
		return t.jwt, nil
	}
	if err := i.need(); err != nil {
		return "", err
	}
	sub := sha256.Sum256([]byte(email))
	id := fmt.Sprintf("1%020d", binary.BigEndian.Uint64(sub[:]))
	jwt, err := sign(i.key, map[string]any{
		"iss": i.url, "aud": audience, "azp": id, "sub": id, "email": email, "email_verified": true,
		"iat": now.Unix(), "exp": now.Add(tokenLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	i.tokens[use] = token{jwt, now}
	return jwt, nil
}

// sign makes a JWT in compact form, RS256 (RFC 7515, RFC 7518 section 3.3).
func sign(key *rsa.PrivateKey, claims map[string]any) (string, error) {
	var parts [2][]byte
	for n, v := range []any{map[string]string{"alg": "RS256", "kid": keyID(key), "typ": "JWT"}, claims} {
		var err error
		if parts[n], err = json.Marshal(v); err != nil {
			return "", fmt.Errorf("sign token: %w", err)
		}
	}
	text := base64.RawURLEncoding.EncodeToString(parts[0]) + "." + base64.RawURLEncoding.EncodeToString(parts[1])
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}
