package access

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/jonboulle/clockwork"
	"golang.org/x/sync/singleflight"
)

const (
	// A key set is kept as long as its Cache-Control says, within these bounds.
	leastFresh, mostFresh = 5 * time.Minute, 24 * time.Hour
	// mostStale is how long a key set is used after that while the issuer doesn't answer.
	mostStale = 24 * time.Hour
	// leastWait is how often tokens with unknown keys can make the set be fetched: anyone can send such tokens.
	leastWait = time.Minute
	// afterFailure is how long a failed fetch answers for those that come after.
	afterFailure = time.Second

	fetchDeadline = 5 * time.Second
	maxDocument   = 1 << 20
	minKeyBits    = 2048
)

// A keySet is an issuer's keys. go-oidc's own fetches them for every token that it can't verify, and does not tell a
// bad signature from an issuer that is away.
type keySet struct {
	issuer string
	client *http.Client
	clock  clockwork.Clock
	flight singleflight.Group

	mu      sync.Mutex
	url     string // empty until discovered
	keys    map[string]*rsa.PublicKey
	fetched time.Time // zero: never
	fresh   time.Time // until then
	failed  time.Time // when the last fetch failed; zero: it did not
	failure error
}

func newKeySet(issuer, url string, client *http.Client, clock clockwork.Clock) *keySet {
	if client == nil {
		client = &http.Client{Timeout: fetchDeadline}
	}
	return &keySet{issuer: issuer, url: url, client: client, clock: clock}
}

// missingKey is under which Verify's context carries where to say that the keys can't be had.
type missingKey struct{}

// VerifySignature implements [oidc.KeySet]: it returns the payload of a JWT that a key of the set has signed with RS256.
func (k *keySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(jwt, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, errors.New("malformed")
	}
	if len(jws.Signatures) != 1 || jws.Signatures[0].Protected.KeyID == "" {
		return nil, errors.New("no key named")
	}
	key, err := k.key(ctx, jws.Signatures[0].Protected.KeyID)
	if err != nil {
		if missing, ok := ctx.Value(missingKey{}).(*error); ok {
			*missing = err
		}
		return nil, err
	}
	if key == nil {
		return nil, errors.New("no such key")
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return nil, errors.New("not signed by this key")
	}
	return payload, nil
}

// key finds a key, nil where the issuer has none of that id. An error says that the keys can't be had.
func (k *keySet) key(ctx context.Context, id string) (*rsa.PublicKey, error) {
	now := k.clock.Now()
	k.mu.Lock()
	key, fetched, fresh, failed, failure := k.keys[id], k.fetched, k.fresh, k.failed, k.failure
	k.mu.Unlock()
	usable := !fetched.IsZero() && now.Before(fresh.Add(mostStale))
	switch {
	case key != nil && now.Before(fresh):
		return key, nil
	case key == nil && now.Before(fresh) && now.Before(fetched.Add(leastWait)):
		return nil, nil
	case !failed.IsZero() && now.Sub(failed) < afterFailure && !now.Before(failed):
		if key != nil && usable {
			return key, nil
		}
		return nil, failure
	}
	// One fetch serves all who wait, and does not end with the first of them.
	done := k.flight.DoChan("", func() (any, error) { return nil, k.fetch() })
	var err error
	select {
	case r := <-done:
		err = r.Err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		if key != nil && usable {
			return key, nil
		}
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[id], nil
}

// fetch gets the set anew.
func (k *keySet) fetch() error {
	ctx, cancel := context.WithTimeout(context.Background(), fetchDeadline)
	defer cancel()
	k.mu.Lock()
	from := k.url
	k.mu.Unlock()
	keys, life, from, err := k.get(ctx, from)

	now := k.clock.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.failed, k.failure = now, err
		return err
	}
	k.url, k.keys, k.fetched, k.fresh = from, keys, now, now.Add(min(max(life, leastFresh), mostFresh))
	k.failed, k.failure = time.Time{}, nil
	return nil
}

// get reads the discovery document, where from is empty, and the keys.
func (k *keySet) get(ctx context.Context, from string) (map[string]*rsa.PublicKey, time.Duration, string, error) {
	if from == "" {
		var d struct {
			Issuer string `json:"issuer"`
			Keys   string `json:"jwks_uri"`
		}
		if _, err := k.read(ctx, strings.TrimSuffix(k.issuer, "/")+"/.well-known/openid-configuration", &d); err != nil {
			return nil, 0, "", fmt.Errorf("discover issuer: %w", err)
		}
		if d.Issuer != k.issuer {
			return nil, 0, "", errors.New("discover issuer: the document is another issuer's")
		}
		u, err := url.Parse(d.Keys)
		if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && strings.HasPrefix(k.issuer, "http://")) {
			return nil, 0, "", errors.New("discover issuer: jwks_uri is not an https URL")
		}
		from = d.Keys
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	life, err := k.read(ctx, from, &set)
	if err != nil {
		return nil, 0, "", fmt.Errorf("fetch keys: %w", err)
	}
	keys := map[string]*rsa.PublicKey{}
	for _, raw := range set.Keys {
		// Keys of other kinds are not ours to read (RFC 7517 section 5).
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) != nil || key.KeyID == "" || key.Algorithm != "" && key.Algorithm != string(jose.RS256) || key.Use != "" && key.Use != "sig" {
			continue
		}
		if pub, ok := key.Key.(*rsa.PublicKey); ok && pub.N.BitLen() >= minKeyBits {
			keys[key.KeyID] = pub
		}
	}
	if len(keys) == 0 {
		return nil, 0, "", errors.New("fetch keys: there are none for RS256")
	}
	return keys, life, from, nil
}

// read gets a JSON document and how long it may be kept; 0: not said.
func (k *keySet) read(ctx context.Context, from string, v any) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return 0, err
	}
	resp, err := k.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err != nil {
		return 0, err
	}
	if len(body) > maxDocument {
		return 0, errors.New("document too large")
	}
	if err := json.Unmarshal(body, v); err != nil {
		return 0, errors.New("not the document it should be")
	}
	return maxAge(resp.Header.Get("Cache-Control")), nil
}

// maxAge reads max-age of a Cache-Control header.
func maxAge(header string) time.Duration {
	for part := range strings.SplitSeq(header, ",") {
		if s, ok := strings.CutPrefix(strings.TrimSpace(part), "max-age="); ok {
			if n, err := strconv.ParseUint(s, 10, 31); err == nil {
				return time.Duration(n) * time.Second
			}
		}
	}
	return 0
}
