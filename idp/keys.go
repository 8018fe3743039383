package idp

// https://www.rfc-editor.org/rfc/rfc7517

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

// maxKeys bounds a provider's key set.
const maxKeys = 64

// keySet is a provider's public signing keys.
type keySet struct{ keys []jose.JSONWebKey }

func (p *Provider) fetchKeys(ctx context.Context) (*keySet, error) {
	ks, err := p.readKeys(ctx)
	p.contact(err)
	if err != nil {
		return nil, fail(Unavailable, safeUnavailable, err)
	}
	return ks, nil
}

func (p *Provider) readKeys(ctx context.Context) (*keySet, error) {
	m, err := p.metadata.get(ctx, nil)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.JWKS, nil)
	if err != nil {
		return nil, err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("keys at %q: %s", m.JWKS, foreign(resp.Status))
	}
	return parseKeys(json.NewDecoder(resp.Body))
}

// parseKeys keeps what can verify an ID token. A key of a kind we do not know is skipped, as RFC 7517 section 5 asks; a
// symmetric or private one is never used.
func parseKeys(d *json.Decoder) (*keySet, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	ks := new(keySet)
	for _, raw := range doc.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(raw, &k) != nil || !k.Valid() || !k.IsPublic() || (k.Use != "" && k.Use != "sig") {
			continue
		}
		if ks.keys = append(ks.keys, k); len(ks.keys) == maxKeys {
			break
		}
	}
	if len(ks.keys) == 0 {
		return nil, errors.New("key set without a usable key")
	}
	return ks, nil
}

// match are the keys that a header may mean: those of its kid, or all of them when it names none.
func (ks *keySet) match(kid, alg string) []jose.JSONWebKey {
	var out []jose.JSONWebKey
	for _, k := range ks.keys {
		if (kid == "" || k.KeyID == kid) && (k.Algorithm == "" || k.Algorithm == alg) {
			out = append(out, k)
		}
	}
	return out
}

// signatures verifies with the provider's cached keys; it is go-oidc's KeySet.
type signatures struct {
	p   *Provider
	alg []jose.SignatureAlgorithm
	// unavailable is set when the keys could not be had; go-oidc would flatten it into text.
	unavailable error
}

// VerifySignature returns the payload of a JWS that one of the provider's keys signed. Keys come from the cache; only a
// kid that is not there makes us ask the provider, and not again within the cooldown.
func (s *signatures) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(raw, s.alg)
	if err != nil {
		return nil, err
	}
	h := jws.Signatures[0].Header
	ks, err := s.p.keys.get(ctx, func(ks *keySet) bool { return verifies(jws, ks.match(h.KeyID, h.Algorithm)) != nil })
	if err != nil {
		s.unavailable = err
		return nil, err
	}
	if payload := verifies(jws, ks.match(h.KeyID, h.Algorithm)); payload != nil {
		return payload, nil
	}
	return nil, fmt.Errorf("no key of the provider verifies kid %q", foreign(h.KeyID))
}

func verifies(jws *jose.JSONWebSignature, keys []jose.JSONWebKey) []byte {
	for i := range keys {
		if payload, err := jws.Verify(&keys[i]); err == nil {
			return payload
		}
	}
	return nil
}
