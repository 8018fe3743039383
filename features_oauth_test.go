package main

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gatehouse/accept/gate"
	"gatehouse/demo"
)

// clientOf registers a client and returns its id and the query of a good authorization request.
func clientOf(t *testing.T, g *gate.Gate, proxy string) (id, secret string, q url.Values) {
	t.Helper()
	reg := ask(t, "POST", endpoint(g, proxy, "register"), registration(41999, "")).want(t, "register", 201)
	id = reg.field("client_id")
	sum := sha256.Sum256([]byte(strings.Repeat("v", 43)))
	return id, reg.field("client_secret"), url.Values{"response_type": {"code"}, "client_id": {id},
		"redirect_uri": {"http://127.0.0.1:41999/callback"}, "state": {"s t&ate"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
}

func without(q url.Values, name string) url.Values {
	out := url.Values{}
	for k, v := range q {
		if k != name {
			out[k] = v
		}
	}
	return out
}

// rewritten sends what goes to one URL to another, once or always.
type rewritten struct{ from, to string }

func (w rewritten) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.String() == w.from {
		u, err := r.URL.Parse(w.to)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.URL, r.Host = u, u.Host
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestBothGrantsWorkOnEveryTokenPath(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	own := strings.TrimSuffix(g.ProxyURL(), "/mcp")
	for _, to := range []string{own + "/oauth/token", own + "/token", g.MainURL() + "/oauth/token", g.MainURL() + "/token", endpoint(g, "9", "token")} {
		p := g.Person("alice")
		p.HTTPClient = &http.Client{Transport: rewritten{endpoint(g, "notes", "token"), to}}
		_, err := p.SignIn(t.Context())
		if err == nil {
			_, err = p.Refresh(t.Context())
		}
		if err == nil {
			err = call(t, p)
		}
		if err != nil {
			t.Errorf("%s: %v", to, err)
		}
	}
}

func TestEveryAuthorizePathStartsTheSameFlow(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	own := strings.TrimSuffix(g.ProxyURL(), "/mcp")
	_, _, q := clientOf(t, g, "notes")
	for _, where := range []string{endpoint(g, "notes", "authorize"), endpoint(g, "9", "authorize"), g.MainURL() + "/oauth/authorize", g.MainURL() + "/authorize"} {
		page := ask(t, "GET", where+"?"+q.Encode(), nil).want(t, where, 302).Header.Get("Location")
		if !strings.HasPrefix(page, "/") && !strings.HasPrefix(page, g.MainURL()+"/") {
			t.Fatalf("%s goes to %s", where, page)
		}
	}
	// On another origin than the pages' the alias moves on to it, the query as it was.
	for _, where := range []string{own + "/oauth/authorize", own + "/authorize"} {
		a := ask(t, "GET", where+"?"+q.Encode(), nil).want(t, where, 302)
		if want := endpoint(g, "notes", "authorize") + "?" + q.Encode(); a.Header.Get("Location") != want {
			t.Errorf("%s goes to %s, want %s", where, a.Header.Get("Location"), want)
		}
	}
	for _, where := range []string{own + "/oauth/register", own + "/oauth/dcr", own + "/register"} {
		ask(t, "POST", where, registration(41998, "")).want(t, where, 201, "client_id")
	}
}

// Wrong requests are told to the client where the redirect is proved, and else to the person, with the failing check and
// the id under which the log has it.
func TestFailedSignInNamesTheCheck(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	_, _, q := clientOf(t, g, "notes")
	at := endpoint(g, "notes", "authorize") + "?"
	for name, c := range map[string]struct {
		q    url.Values
		code string
	}{
		"no challenge":   {without(q, "code_challenge"), "invalid_request"},
		"plain":          {merged(q, "code_challenge_method", "plain"), "invalid_request"},
		"implicit":       {merged(q, "response_type", "token"), "unsupported_response_type"},
		"other resource": {merged(q, "resource", "https://elsewhere.example/mcp"), "invalid_target"},
	} {
		a := ask(t, "GET", at+c.q.Encode(), nil).want(t, name, 302)
		back, err := url.Parse(a.Header.Get("Location"))
		if err != nil || back.Host != "127.0.0.1:41999" || back.Query().Get("error") != c.code || back.Query().Get("state") != "s t&ate" {
			t.Errorf("%s: sent to %s", name, a.Header.Get("Location"))
		}
	}
	for name, c := range map[string]struct {
		q    url.Values
		text string
	}{
		"redirect":       {merged(q, "redirect_uri", "https://evil.example/callback"), "not one it registered"},
		"unknown client": {merged(q, "client_id", "c_nobody"), "register"},
	} {
		a := ask(t, "GET", at+c.q.Encode(), nil).want(t, name, 400)
		id := a.Header.Get("X-Request-Id")
		if id == "" || !strings.Contains(a.Body, id) || !strings.Contains(strings.ToLower(a.Body), c.text) {
			t.Errorf("%s: page without %q or request id %q: %s", name, c.text, id, a.Body)
		}
		logged(t, g, id)
	}
}

func merged(q url.Values, k, v string) url.Values {
	out := without(q, k)
	out[k] = []string{v}
	return out
}

func TestConsentPageSaysWhoWhatAndWhereAndDenyIsTold(t *testing.T) {
	t.Parallel()
	g := newGate(t, "oauth: {provider: demo}\n    allowed_groups", "oauth: {provider: demo, scopes: [\"notes:read\"]}\n    allowed_groups")
	p := g.Person("alice")
	p.ClientName, p.Scope, p.Consent = "Test Client", "notes:read made:up", "look"
	var page *demo.PageError
	for range 2 { // in every flow
		if _, err := p.SignIn(t.Context()); !errors.As(err, &page) {
			t.Fatalf("no consent page: %v", err)
		}
		for _, text := range []string{"Test Client", "127.0.0.1:41999", "notes:read", "Cancel", "Allow"} {
			if !strings.Contains(page.Title+page.Text, text) {
				t.Errorf("the page does not say %q: %s", text, page.Text)
			}
		}
	}
	p.Consent = "deny"
	var refused *demo.OAuthError
	if _, err := p.SignIn(t.Context()); !errors.As(err, &refused) || refused.Code != "access_denied" {
		t.Errorf("denied: %v", err)
	}
	p.Consent = "allow"
	if tok, err := p.SignIn(t.Context()); err != nil || tok.Scope != "notes:read" {
		t.Errorf("allowed: scope %q, %v", tok.Scope, err)
	}
}

// Tokens appear in no URL that a browser or its history sees, and each leg has a challenge of its own.
func TestTokensAppearInNoURLAndBothLegsHavePKCE(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	tr := &trace{}
	p := g.Person("alice")
	p.HTTPClient = &http.Client{Transport: tr}
	first, err := p.SignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var challenges []string
	for _, u := range tr.all() {
		for _, secret := range []string{first.Access, first.Refresh, second.Access, second.Refresh, "access_token", "refresh_token", "id_token", "code_verifier"} {
			if strings.Contains(u, secret) {
				t.Errorf("%q is in %s", secret[:min(12, len(secret))], u)
			}
		}
		if parsed, err := url.Parse(u); err == nil && strings.HasSuffix(parsed.Path, "/authorize") && parsed.Query().Has("code_challenge") {
			challenges = append(challenges, parsed.Query().Get("code_challenge"))
		}
	}
	slices.Sort(challenges)
	if challenges = slices.Compact(challenges); len(challenges) != 2 {
		t.Errorf("challenges %v, want one for each leg", challenges)
	}
}

// The token verifies against the keys that the metadata names, and says what it is for.
func TestAccessTokenIsES256ForThisProxyOnly(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	token := signedIn(t, g, "alice").Tokens().Access
	base := strings.TrimSuffix(g.ProxyURL(), "/mcp")
	meta := ask(t, "GET", base+"/.well-known/oauth-authorization-server", nil).want(t, "metadata", 200)
	if meta.field("issuer") != base || meta.field("code_challenge_methods_supported") != "[S256]" {
		t.Errorf("metadata of %s: %s", base, meta.Body)
	}
	for name, path := range map[string]string{"authorization_endpoint": "authorize", "token_endpoint": "token", "registration_endpoint": "register"} {
		if meta.field(name) != endpoint(g, "notes", path) {
			t.Errorf("%s is %s", name, meta.field(name))
		}
	}
	for _, path := range []string{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"} {
		a := ask(t, "GET", base+path, nil).want(t, path, 200)
		if a.field("resource") != g.ProxyURL() || a.field("authorization_servers") != "["+base+"]" {
			t.Errorf("%s: %s", path, a.Body)
		}
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(ask(t, "GET", meta.field("jwks_uri"), nil).want(t, "keys", 200).Body), &keys); err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Iss string `json:"iss"`
		Aud string `json:"aud"`
		Exp int64  `json:"exp"`
		Iat int64  `json:"iat"`
	}
	key, ok := keys.Key(parsed.Headers[0].KeyID)[0].Key.(*ecdsa.PublicKey)
	if err := parsed.Claims(key, &claims); !ok || err != nil {
		t.Fatalf("signature: %v", err)
	}
	if claims.Iss != base || claims.Aud != g.ProxyURL() || claims.Exp-claims.Iat != 3600 || parsed.Headers[0].ExtraHeaders["typ"] != "at+jwt" {
		t.Errorf("claims %+v, headers %v", claims, parsed.Headers[0].ExtraHeaders)
	}
}

// A registration or token request that fails is one warning with client, address, error and request id.
func TestFailedClientIsOneWarning(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	p := signedIn(t, g, "alice")
	id, secret, _ := clientOf(t, g, "notes")
	verifier := g.Person("bob")
	verifier.HTTPClient = &http.Client{Transport: wrongVerifier{}}
	if _, err := verifier.SignIn(t.Context()); !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("a wrong verifier: %v", err)
	}
	logged(t, g, "Invalid code verifier")
	if found := logLines(g, "level=WARN", "Invalid code verifier", "oauth-proxy", "client_id="+verifier.ClientID(), "ip=", "request_id=r_", "flow="); len(found) != 1 {
		t.Errorf("wrong verifier: %q", found)
	}
	token := func(form url.Values) answer { return ask(t, "POST", endpoint(g, "notes", "token"), form) }
	for name, c := range map[string]struct {
		a    answer
		code string
		says string
	}{
		"wrong secret": {token(url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "client_id": {id}, "client_secret": {secret + "x"}}), "invalid_client", "client_id=" + id},
		"bad refresh":  {token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {p.ClientID()}}), "invalid_grant", "client_id=" + p.ClientID()},
		"bad grant":    {token(url.Values{"grant_type": {"password"}, "client_id": {p.ClientID()}}), "unsupported_grant_type", "client_id=" + p.ClientID()},
		"registration": {ask(t, "POST", endpoint(g, "notes", "register"), strings.ReplaceAll(registration(1, ""), "http://", "javascript://")), "invalid_redirect_uri", `client_name="Test Client"`},
	} {
		if c.a.field("error") != c.code || c.a.field("error_description") == "" || c.a.field("request_id") == "" {
			t.Errorf("%s: %d %s", name, c.a.Status, c.a.Body)
		}
		id := c.a.Header.Get("X-Request-Id")
		logged(t, g, id)
		found := logLines(g, id)
		if len(found) != 1 || len(logLines(g, id, "level=WARN", "oauth-proxy", c.says, "ip=", c.code)) != 1 {
			t.Errorf("%s: %q", name, found)
		}
	}
}

// wrongVerifier is a client that forgot what it promised.
type wrongVerifier struct{}

func (wrongVerifier) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/token") {
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		r.PostForm.Set("code_verifier", strings.Repeat("x", 43))
		form := r.PostForm.Encode()
		again, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), strings.NewReader(form))
		if err != nil {
			return nil, err
		}
		again.Header = r.Header
		r = again
	}
	return http.DefaultTransport.RoundTrip(r)
}
