package demo

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// token is the token endpoint.
func (p *IdP) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		oauthError(w, http.StatusBadRequest, "invalid_request", "unreadable form")
		return
	}
	if !p.isClient(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="demo"`)
		oauthError(w, http.StatusUnauthorized, "invalid_client", "unknown client or wrong secret")
		return
	}
	var g grant
	var ok bool
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		g, ok = take(p, p.codes, r.PostForm.Get("code"))
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
		ok = ok && g.redirect == r.PostForm.Get("redirect_uri") &&
			subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(g.challenge)) == 1
	case "refresh_token":
		g, ok = take(p, p.refresh, r.PostForm.Get("refresh_token"))
		g.nonce = "" // belongs to the first ID token only
	default:
		oauthError(w, http.StatusBadRequest, "unsupported_grant_type", "authorization_code or refresh_token")
		return
	}
	a, known := p.account(g.account)
	if !ok || !known || p.Now().After(g.expires) {
		oauthError(w, http.StatusBadRequest, "invalid_grant", "the code or token is unknown, used, expired or not yours")
		return
	}
	p.issue(w, g, a)
}

// isClient authenticates the one client, by header or by form, never by both.
func (p *IdP) isClient(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if basic {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
		if r.PostForm.Has("client_secret") {
			return false
		}
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	return id == p.ClientID && subtle.ConstantTimeCompare([]byte(secret), []byte(p.ClientSecret)) == 1
}

func (p *IdP) issue(w http.ResponseWriter, g grant, a Account) {
	now := p.Now()
	g.expires = now.Add(accessLife)
	access := remember(p, p.access, g, grantEnd)
	half := sha256.Sum256([]byte(access))
	claims := about(a, g.scopes)
	for k, v := range map[string]any{
		"iss": p.Issuer, "aud": p.ClientID, "azp": p.ClientID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"auth_time": g.at.Unix(), "at_hash": base64.RawURLEncoding.EncodeToString(half[:16]),
	} {
		claims[k] = v
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	raw, err := p.Sign(claims)
	if err != nil {
		oauthError(w, http.StatusInternalServerError, "server_error", "signing")
		return
	}
	answer := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(accessLife.Seconds()), "scope": strings.Join(g.scopes, " "), "id_token": raw,
	}
	if hasScope(g.scopes, "offline_access") {
		g.expires = now.Add(refreshLife)
		answer["refresh_token"] = remember(p, p.refresh, g, grantEnd)
	}
	writeJSON(w, http.StatusOK, answer)
}

func (p *IdP) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	g, ok := p.access[bearer(r)]
	p.mu.Unlock()
	a, known := p.account(g.account)
	if !ok || !known || p.Now().After(g.expires) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		oauthError(w, http.StatusUnauthorized, "invalid_token", "unknown or expired")
		return
	}
	writeJSON(w, http.StatusOK, about(a, g.scopes))
}

// about is what the scopes let an application know of somebody.
func about(a Account, scopes []string) map[string]any {
	c := map[string]any{"sub": a.ID}
	if hasScope(scopes, "email") {
		c["email"], c["email_verified"] = a.Email, !a.Unverified
	}
	if hasScope(scopes, "profile") {
		c["name"] = a.Name
	}
	if (hasScope(scopes, "groups") || hasScope(scopes, "profile")) && len(a.Groups) > 0 {
		c["groups"] = a.Groups
	}
	return c
}
