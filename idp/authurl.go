package idp

// https://www.rfc-editor.org/rfc/rfc7636 (PKCE), https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest

import (
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// ours are the parameters of the authorization request that extra_params cannot change.
var ours = []string{"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
	"code_challenge_method", "request", "request_uri", "prompt"}

func (p *Provider) authURL(m *metadata, r AuthRequest) string {
	opts := []oauth2.AuthCodeOption{oidc.Nonce(r.Nonce), oauth2.S256ChallengeOption(r.Verifier)}
	if p.c.Type == "google" {
		opts = append(opts, oauth2.AccessTypeOffline) // google's way to say offline_access
	}
	for k, v := range p.c.ExtraParams {
		if !slices.Contains(ours, k) {
			opts = append(opts, oauth2.SetAuthURLParam(k, v))
		}
	}
	if prompt := joinPrompts(p.c.ExtraParams["prompt"], r.Prompt); prompt != "" {
		opts = append(opts, oauth2.SetAuthURLParam("prompt", prompt))
	}
	if r.LoginHint != "" {
		opts = append(opts, oauth2.SetAuthURLParam("login_hint", r.LoginHint))
	}
	c := p.oauth2Config(m)
	c.Scopes = p.scopes(m, r.Scopes)
	return c.AuthCodeURL(r.State, opts...)
}

// scopes are the configured ones, the caller's, openid, and offline_access where the provider knows it: only with a
// refresh token can we ask later whether the person is still there.
func (p *Provider) scopes(m *metadata, more []string) []string {
	var out []string
	add := func(list ...string) {
		for _, s := range list {
			if s != "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	add(oidc.ScopeOpenID)
	add(p.c.Scopes...)
	add(more...)
	if slices.Contains(m.Scopes, oidc.ScopeOfflineAccess) {
		add(oidc.ScopeOfflineAccess)
	}
	return out
}

// joinPrompts asks for everything that either wants; none excludes all others and yields.
func joinPrompts(a, b string) string {
	var out []string
	for _, s := range strings.Fields(a + " " + b) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if len(out) > 1 {
		out = slices.DeleteFunc(out, func(s string) bool { return s == "none" })
	}
	return strings.Join(out, " ")
}

func (p *Provider) oauth2Config(m *metadata) oauth2.Config {
	return oauth2.Config{ClientID: p.c.ClientID, ClientSecret: p.c.ClientSecret.Reveal(), Endpoint: m.endpoint, RedirectURL: p.o.Callback}
}
