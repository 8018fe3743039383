package oauth

// https://www.rfc-editor.org/rfc/rfc9068#section-4 and https://www.rfc-editor.org/rfc/rfc8725

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
)

const (
	maxToken = 8 << 10          // bytes of an access token; more is refused before any of it is decoded
	maxSkew  = 30 * time.Second // between our clock and the one that wrote exp
)

// Why a token is refused: fixed texts that go into error_description.
var (
	errTokenForm      = errors.New("not an access token of this gateway")
	errTokenAlg       = errors.New("the token's algorithm or type is not accepted")
	errTokenKey       = errors.New("the token was not signed by this gateway")
	errTokenIssuer    = errors.New("the token was issued by somebody else")
	errTokenAudience  = errors.New("the token was issued for another server")
	errTokenClaims    = errors.New("the token lacks a required claim")
	errTokenExpired   = errors.New("the token expired")
	errTokenNotYet    = errors.New("the token is not valid yet")
	errSessionEnded   = errors.New("the session was ended")
	errSessionUnknown = errors.New("the session does not exist")
)

// verify proves that token was signed by one of our keys and reads its claims. It says nothing about time, issuer or
// audience: check does, on every request, because verdicts are cached.
func (k *keySet) verify(token string) (claims, error) {
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return claims{}, errTokenForm
	}
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(head)
	if err != nil {
		return claims{}, errTokenForm
	}
	var h struct {
		Alg  string `json:"alg"`
		Typ  string `json:"typ"`
		Kid  string `json:"kid"`
		Crit any    `json:"crit"`
		B64  any    `json:"b64"`
	}
	if err := json.Unmarshal(raw, &h); err != nil {
		return claims{}, errTokenForm
	}
	// The algorithm is ours, not the token's to choose; jwk, jku and x5u are never looked at (RFC 8725 section 3.1).
	if h.Alg != string(jose.ES256) || !strings.EqualFold(h.Typ, tokenType) || h.Crit != nil || h.B64 != nil {
		return claims{}, errTokenAlg
	}
	public, ok := k.public[h.Kid]
	if !ok {
		return claims{}, errTokenKey
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return claims{}, errTokenForm
	}
	payload, err := jws.Verify(public)
	if err != nil {
		return claims{}, errTokenKey
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return claims{}, errTokenClaims
	}
	if c.Subject == "" || c.ClientID == "" || c.Session == "" || c.ID == "" || c.Expires == nil || c.IssuedAt == nil {
		return claims{}, errTokenClaims
	}
	return c, nil
}

// check holds the claims of a verified token against one proxy and the clock.
func (c *claims) check(issuer, resource string, now time.Time) error {
	skew := int64(maxSkew / time.Second)
	unix := now.Unix()
	switch {
	case c.Issuer != issuer:
		return errTokenIssuer
	case c.Audience != resource:
		return errTokenAudience
	case *c.Expires <= 0 || unix >= *c.Expires+skew:
		return errTokenExpired
	case *c.IssuedAt > unix+skew || (c.NotFrom != nil && *c.NotFrom > unix+skew):
		return errTokenNotYet
	}
	return nil
}
