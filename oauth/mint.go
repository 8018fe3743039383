package oauth

// https://www.rfc-editor.org/rfc/rfc9068

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// tokenType is the typ of our access tokens; nothing else we or a provider sign has it.
const tokenType = "at+jwt"

// claims are those of an access token, as they are written and as they are read back. There is no other claim we trust.
type claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"` // always one; a list does not decode
	Subject  string `json:"sub"`
	ClientID string `json:"client_id"`
	Session  string `json:"sid"`
	ID       string `json:"jti"`
	IssuedAt *int64 `json:"iat"`
	Expires  *int64 `json:"exp"`
	NotFrom  *int64 `json:"nbf,omitempty"`
	Scope    string `json:"scope,omitempty"`
}

// mint signs an access token of life ttl and fills in jti, iat and exp.
func (s *Server) mint(c claims, ttl time.Duration) (token string, out claims, err error) {
	now := s.now().Unix()
	exp := now + int64(ttl/time.Second)
	c.ID, c.IssuedAt, c.Expires = randomID("t_"), &now, &exp
	payload, err := json.Marshal(c)
	if err != nil {
		return "", c, fmt.Errorf("encode token: %w", err)
	}
	jws, err := s.keys.Load().signer.Sign(payload)
	if err != nil {
		return "", c, fmt.Errorf("sign token: %w", err)
	}
	token, err = jws.CompactSerialize()
	if err != nil {
		return "", c, fmt.Errorf("serialize token: %w", err)
	}
	return token, c, nil
}

// randomID is prefix and 128 random bits.
func randomID(prefix string) string { return prefix + randomText(16) }

// randomSecret is prefix and 256 random bits: what must not be guessed and is stored by its hash only.
func randomSecret(prefix string) string { return prefix + randomText(32) }

func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}
