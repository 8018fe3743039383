package demo

// https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization, https://www.rfc-editor.org/rfc/rfc9728,
// https://www.rfc-editor.org/rfc/rfc8414, https://www.rfc-editor.org/rfc/rfc7591

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// authServer is what the client needs of the authorization server's metadata.
type authServer struct {
	Issuer       string `json:"issuer"`
	Authorize    string `json:"authorization_endpoint"`
	Token        string `json:"token_endpoint"`
	Register     string `json:"registration_endpoint"`
	Revoke       string `json:"revocation_endpoint"`
	IssParameter bool   `json:"authorization_response_iss_parameter_supported"`
}

// discover goes from a 401 to the protected resource's metadata to the authorization server's.
func (p *Person) discover(ctx context.Context) error {
	resp, body, err := p.send(ctx, http.MethodPost, p.ProxyURL, mcpHeader(""), `{"jsonrpc":"2.0","id":0,"method":"ping"}`)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusUnauthorized {
		return unexpected(resp, body)
	}
	_, rest, ok := strings.Cut(resp.Header.Get("WWW-Authenticate"), `resource_metadata="`)
	where, _, closed := strings.Cut(rest, `"`)
	if !ok || !closed {
		return fmt.Errorf("401 without resource_metadata: %q", resp.Header.Get("WWW-Authenticate"))
	}
	var prm struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
	}
	if err := p.getJSON(ctx, where, &prm); err != nil {
		return err
	}
	if prm.Resource != p.ProxyURL || len(prm.Servers) == 0 {
		return fmt.Errorf("protected resource metadata speaks about %q, not %q", prm.Resource, p.ProxyURL)
	}
	where, err = wellKnown(prm.Servers[0])
	if err != nil {
		return err
	}
	var as authServer
	if err := p.getJSON(ctx, where, &as); err != nil {
		return err
	}
	if as.Issuer != prm.Servers[0] {
		return fmt.Errorf("authorization server says issuer %q, not %q", as.Issuer, prm.Servers[0])
	}
	p.mu.Lock()
	p.meta, p.resource = as, prm.Resource
	p.mu.Unlock()
	p.step("%s asked %s, got 401 and found the authorization server %s", p.Name, p.ProxyURL, as.Issuer)
	return nil
}

// wellKnown puts the well-known path between host and path (RFC 8414 section 3.1).
func wellKnown(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("issuer %q is not a URL", issuer)
	}
	return u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + strings.TrimRight(u.EscapedPath(), "/"), nil
}

func (p *Person) getJSON(ctx context.Context, where string, v any) error {
	resp, body, err := p.send(ctx, http.MethodGet, where, http.Header{"Accept": {"application/json"}}, "")
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return unexpected(resp, body)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	return nil
}

func (p *Person) register(ctx context.Context) error {
	name := p.ClientName
	if name == "" {
		name = "demo client"
	}
	body, err := json.Marshal(map[string]any{
		"client_name": name, "redirect_uris": []string{p.redirectURI()}, "token_endpoint_auth_method": "none",
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	where := p.meta.Register
	p.mu.Unlock()
	resp, answer, err := p.send(ctx, http.MethodPost, where, http.Header{"Content-Type": {"application/json"}}, string(body))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusOK {
		return unexpected(resp, answer)
	}
	var reg struct {
		ClientID string `json:"client_id"`
	}
	if err := json.Unmarshal(answer, &reg); err != nil || reg.ClientID == "" {
		return errors.New("no client_id in the answer")
	}
	p.mu.Lock()
	p.clientID = reg.ClientID
	p.mu.Unlock()
	p.step("%s's client registered itself as %q", p.Name, name)
	return nil
}

func (p *Person) authorizeURL(verifier, state string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {p.clientID}, "redirect_uri": {p.redirectURI()}, "state": {state},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}, "resource": {p.resource},
	}
	if p.Scope != "" {
		q.Set("scope", p.Scope)
	}
	sep := "?"
	if strings.Contains(p.meta.Authorize, "?") {
		sep = "&"
	}
	return p.meta.Authorize + sep + q.Encode()
}

// checkAnswer reads the redirect to the client as a careful client does: state and iss before anything else.
func (p *Person) checkAnswer(answer *url.URL, state string) (code string, err error) {
	q := answer.Query()
	p.mu.Lock()
	meta := p.meta
	p.mu.Unlock()
	switch {
	case q.Get("state") != state:
		return "", errors.New("the answer has another state")
	case q.Get("iss") != meta.Issuer && (q.Has("iss") || meta.IssParameter):
		return "", fmt.Errorf("the answer has iss %q, not %q", q.Get("iss"), meta.Issuer)
	case q.Has("error"):
		return "", &OAuthError{Code: q.Get("error"), Description: q.Get("error_description")}
	case q.Get("code") == "":
		return "", errors.New("the answer has no code")
	}
	return q.Get("code"), nil
}

func (p *Person) redeem(ctx context.Context, code, verifier string) (Tokens, error) {
	return p.tokenRequest(ctx, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {p.redirectURI()}})
}

// Refresh trades the refresh token for new tokens.
func (p *Person) Refresh(ctx context.Context) (Tokens, error) {
	p.refreshing.Lock()
	defer p.refreshing.Unlock()
	return p.tokenRequest(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {p.Tokens().Refresh}})
}

func (p *Person) tokenRequest(ctx context.Context, form url.Values) (Tokens, error) {
	p.mu.Lock()
	where := p.meta.Token
	form.Set("client_id", p.clientID)
	form.Set("resource", p.resource)
	p.mu.Unlock()
	resp, body, err := p.send(ctx, http.MethodPost, where, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}, form.Encode())
	if err != nil {
		return Tokens{}, err
	}
	if resp.StatusCode != http.StatusOK {
		oe := &OAuthError{Status: resp.StatusCode}
		if json.Unmarshal(body, oe) == nil && oe.Code != "" {
			return Tokens{}, oe
		}
		return Tokens{}, unexpected(resp, body)
	}
	var t Tokens
	if err := json.Unmarshal(body, &t); err != nil || t.Access == "" {
		return Tokens{}, errors.New("token answer without access_token")
	}
	t.Expires = time.Now().Add(time.Duration(t.Seconds) * time.Second)
	if t.Refresh == "" {
		t.Refresh = form.Get("refresh_token")
	}
	p.SetTokens(t)
	return t, nil
}

// Revoke gives a token back (RFC 7009): the refresh token to end the session, the access token to end only itself.
func (p *Person) Revoke(ctx context.Context, token string) error {
	p.mu.Lock()
	where, id := p.meta.Revoke, p.clientID
	p.mu.Unlock()
	form := url.Values{"token": {token}, "client_id": {id}}
	resp, body, err := p.send(ctx, http.MethodPost, where, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
	if err == nil && resp.StatusCode != http.StatusOK {
		err = unexpected(resp, body)
	}
	return err
}
