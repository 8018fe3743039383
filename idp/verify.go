package idp

// https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation, https://www.rfc-editor.org/rfc/rfc8725

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

const (
	safeInvalid = "The sign-in service sent an answer that cannot be trusted."
	// skew is how far the provider's clock may be off. go-oidc would allow nbf 5 minutes.
	skew = 30 * time.Second
	// maxIDToken bounds what is parsed before a signature is checked.
	maxIDToken = 64 << 10
)

var errNoIDToken = errors.New("token answer without id_token")

// verify checks an ID token and returns its claims. nonce is nil at a refresh, where the provider need not repeat it.
func (p *Provider) verify(ctx context.Context, m *metadata, t Tokens, nonce *string) (claims, error) {
	c, err := p.verifyToken(ctx, m, t, nonce)
	if err != nil {
		return nil, fail(InvalidToken, safeInvalid, fmt.Errorf("id token: %w", err))
	}
	return c, nil
}

func (p *Provider) verifyToken(ctx context.Context, m *metadata, t Tokens, nonce *string) (claims, error) {
	raw := t.IDToken
	if len(raw) > maxIDToken || strings.Count(raw, ".") != 2 {
		return nil, errors.New("not a compact JWS of reasonable size") // nested, encrypted and JSON forms never reach a parser
	}
	keys := &signatures{p: p}
	for _, a := range m.Algs {
		keys.alg = append(keys.alg, jose.SignatureAlgorithm(a))
	}
	v := oidc.NewVerifier(p.issuer, keys, &oidc.Config{ClientID: p.c.ClientID, SupportedSigningAlgs: m.Algs, SkipExpiryCheck: true})
	tok, err := v.Verify(ctx, raw) // signature, iss, aud
	if keys.unavailable != nil {
		return nil, keys.unavailable
	}
	if err != nil {
		return nil, err
	}
	var body json.RawMessage
	if err := tok.Claims(&body); err != nil {
		return nil, err
	}
	c, err := parseClaims(body)
	if err != nil {
		return nil, err
	}
	if err := checkTimes(c, p.now()); err != nil {
		return nil, err
	}
	if err := p.checkParty(c, tok); err != nil {
		return nil, err
	}
	if nonce != nil && (*nonce == "" || subtle.ConstantTimeCompare([]byte(tok.Nonce), []byte(*nonce)) != 1) {
		return nil, errors.New("nonce is not the one of this sign-in") // a token from another sign-in (injection, replay)
	}
	if tok.AccessTokenHash != "" {
		if err := tok.VerifyAccessToken(t.Access); err != nil {
			return nil, errors.New("at_hash does not fit the access token") // an access token from elsewhere
		}
	}
	return c, nil
}

// checkTimes demands exp and iat, and looks at nbf when it is there.
func checkTimes(c claims, now time.Time) error {
	exp, ok := c.time("exp")
	if !ok || now.After(exp.Add(skew)) {
		return errors.New("expired, or exp is missing")
	}
	iat, ok := c.time("iat")
	if !ok || iat.After(now.Add(skew)) {
		return errors.New("iat is in the future, or missing")
	}
	if _, there := c["nbf"]; there {
		if nbf, ok := c.time("nbf"); !ok || nbf.After(now.Add(skew)) {
			return errors.New("not valid yet")
		}
	}
	return nil
}

// checkParty demands that the token was made for us and not only also for us.
func (p *Provider) checkParty(c claims, tok *oidc.IDToken) error {
	azp, there := c["azp"]
	if there && azp != p.c.ClientID {
		return errors.New("azp is another client")
	}
	if !there && len(tok.Audience) > 1 {
		return errors.New("several audiences and no azp")
	}
	if tok.Subject == "" || len(tok.Subject) > 255 {
		return errors.New("no usable sub")
	}
	return nil
}
