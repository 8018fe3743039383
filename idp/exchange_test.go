package idp_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/config"
	"gatehouse/gatetest"
	"gatehouse/idp"
	"gatehouse/policy"
)

const callback = "http://localhost:8080/api/v1/oauth/callback"

// fixture is a provider of ours in front of a fake one.
type fixture struct {
	*testing.T
	fake  *gatetest.IdP
	clock *gatetest.Clock
	p     *idp.Provider
}

func setup(t *testing.T, edit ...func(*config.Provider)) *fixture {
	t.Helper()
	clock := gatetest.NewClock()
	fake := gatetest.NewIdP(t, callback, clock.Now)
	c := fake.Config()
	for _, e := range edit {
		e(c)
	}
	return &fixture{T: t, fake: fake, clock: clock, p: idp.New(c, idp.Options{Callback: callback, Now: clock.Now})}
}

const (
	state    = "state-0123456789"
	nonce    = "nonce-0123456789"
	verifier = "verifier-0123456789-0123456789-0123456789-01"
)

func (f *fixture) authURL() string {
	f.Helper()
	u, err := f.p.AuthURL(context.Background(), idp.AuthRequest{State: state, Nonce: nonce, Verifier: verifier})
	if err != nil {
		f.Fatalf("AuthURL: %v", err)
	}
	return u
}

// arrive is a click by person, as the callback sees it.
func (f *fixture) arrive(person string) idp.Callback {
	f.Helper()
	q := f.fake.Approve(f.T, f.authURL(), person).Query()
	if q.Get("state") != state {
		f.Fatalf("state %q came back", q.Get("state"))
	}
	return idp.Callback{Code: q.Get("code"), Iss: q.Get("iss"), Err: q.Get("error"), Nonce: nonce, Verifier: verifier}
}

func (f *fixture) exchange(person string) (policy.Identity, idp.Tokens, error) {
	f.Helper()
	return f.p.Exchange(context.Background(), f.arrive(person))
}

// wantKind demands an error of a kind that gives no secret away.
func wantKind(t *testing.T, err error, kind string) {
	t.Helper()
	var e *idp.Error
	if !errors.As(err, &e) {
		t.Fatalf("err = %v, want an idp.Error of kind %q", err, kind)
	}
	if e.Kind != kind {
		t.Errorf("kind %q (%v), want %q", e.Kind, err, kind)
	}
	if e.Safe == "" || strings.Contains(e.Safe, "http") {
		t.Errorf("text for people: %q", e.Safe)
	}
	if strings.Contains(err.Error(), gatetest.ClientSecret) || strings.Contains(err.Error(), verifier) {
		t.Errorf("the error gives a secret away: %v", err)
	}
	if errors.Is(err, idp.ErrUnavailable) != (kind == idp.Unavailable) {
		t.Errorf("%v: ErrUnavailable and Ends disagree with the kind", err)
	}
}

func TestSignIn(t *testing.T) {
	f := setup(t)
	u, err := url.Parse(f.authURL())
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for k, want := range map[string]string{
		"response_type": "code", "client_id": gatetest.ClientID, "redirect_uri": callback, "state": state, "nonce": nonce,
		"code_challenge_method": "S256", "scope": "openid profile email groups offline_access",
	} {
		if q.Get(k) != want {
			t.Errorf("%s = %q, want %q", k, q.Get(k), want)
		}
	}
	if strings.Contains(u.String(), verifier) {
		t.Error("the verifier is in the URL")
	}
	id, tok, err := f.exchange("alice")
	if err != nil {
		t.Fatal(err)
	}
	if id.Kind != policy.User || id.Provider != "demo" || id.Issuer != f.fake.Issuer || id.Subject != "alice" ||
		id.Sub != policy.StableSub("demo", f.fake.Issuer, "alice") || id.Email != "alice@example.com" || !id.EmailVerified ||
		id.Name != "Alice" || strings.Join(id.ProviderGroups, " ") != "eng admins" {
		t.Errorf("identity %+v", id)
	}
	if tok.Access == "" || tok.Refresh == "" || tok.IDToken == "" || tok.Expiry.Before(f.clock.Now()) {
		t.Error("a token is missing")
	}
	if ok, detail := f.p.Status(); !ok {
		t.Errorf("status: %s", detail)
	}
}

func TestCodeWorksOnce(t *testing.T) {
	f := setup(t)
	cb := f.arrive("alice")
	if _, _, err := f.p.Exchange(context.Background(), cb); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.p.Exchange(context.Background(), cb)
	wantKind(t, err, idp.InvalidGrant)
}

func TestInjectedCodeFailsPKCE(t *testing.T) {
	f := setup(t)
	cb := f.arrive("alice")
	cb.Verifier = "another-verifier-0123456789-0123456789-0123456789"
	_, _, err := f.p.Exchange(context.Background(), cb)
	wantKind(t, err, idp.InvalidGrant)
}

func TestMixUpSendsNoCode(t *testing.T) {
	f := setup(t)
	for _, iss := range []string{"https://evil.example", "", f.fake.Issuer + "/"} {
		cb := f.arrive("alice")
		cb.Iss = iss
		_, _, err := f.p.Exchange(context.Background(), cb)
		wantKind(t, err, idp.InvalidToken)
		cb.Code, cb.Err = "", "access_denied" // an error may be foreign too
		_, _, err = f.p.Exchange(context.Background(), cb)
		wantKind(t, err, idp.InvalidToken)
	}
	if n := f.fake.Hits("/token"); n != 0 {
		t.Errorf("the code was sent %d times", n)
	}
}

func TestProviderSaysNo(t *testing.T) {
	f := setup(t)
	_, _, err := f.exchange("") // Cancel
	wantKind(t, err, idp.Denied)
	cb := f.arrive("alice")
	cb.Err = "temporarily_unavailable"
	_, _, err = f.p.Exchange(context.Background(), cb)
	wantKind(t, err, idp.Unavailable)
}

func TestTokenEndpointRedirectIsNotFollowed(t *testing.T) {
	f := setup(t)
	var canary atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { canary.Add(1) }))
	defer trap.Close()
	f.fake.RedirectTo = trap.URL
	cb := f.arrive("alice")
	for _, path := range []string{"/token", "/userinfo", "/jwks.json"} {
		f.fake.Fault(path, gatetest.Redirect)
	}
	_, _, err := f.p.Exchange(context.Background(), cb)
	wantKind(t, err, idp.Unavailable)
	if canary.Load() != 0 {
		t.Errorf("the code went to the redirect's target %d times", canary.Load())
	}
}

func TestCodeIsSentOnceWhenTheProviderFails(t *testing.T) {
	for _, fault := range []string{gatetest.Error500, gatetest.Reset, gatetest.HTML} {
		t.Run(fault, func(t *testing.T) {
			f := setup(t)
			cb := f.arrive("alice")
			f.fake.Fault("/token", fault)
			_, _, err := f.p.Exchange(context.Background(), cb)
			wantKind(t, err, idp.Unavailable)
			if n := f.fake.Hits("/token"); n != 1 {
				t.Errorf("the code was sent %d times", n)
			}
			if ok, detail := f.p.Status(); ok || detail == "" {
				t.Error("the status says that all is well")
			}
		})
	}
}

func TestOddTokenAnswers(t *testing.T) {
	f := setup(t)
	f.fake.TokenAnswer(func(a map[string]any) {
		delete(a, "expires_in")
		delete(a, "refresh_token")
		delete(a, "scope")
	})
	_, tok, err := f.exchange("alice")
	if err != nil || !tok.Expiry.IsZero() || tok.Refresh != "" {
		t.Errorf("%v, expiry %v", err, tok.Expiry)
	}
	f.fake.TokenAnswer(func(a map[string]any) { delete(a, "id_token") })
	_, _, err = f.exchange("alice")
	wantKind(t, err, idp.InvalidToken)
}

// A provider that answers 201, in a form instead of JSON, is tolerated.
func TestFormEncodedTokenAnswer(t *testing.T) {
	f := setup(t)
	rewrite := roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err == nil && r.URL.Path == "/token" {
			formEncode(t, resp)
		}
		return resp, err
	})
	f.p = idp.New(f.fake.Config(), idp.Options{Callback: callback, Now: f.clock.Now, Client: &http.Client{Transport: rewrite}})
	id, tok, err := f.exchange("bob")
	if err != nil || id.Subject != "bob" || tok.Refresh == "" {
		t.Errorf("%+v, %v", id, err)
	}
}

func TestPublicClientAndPostAuthentication(t *testing.T) {
	f := setup(t, func(c *config.Provider) { c.ClientSecret = config.Secret{} })
	f.fake.ClientSecret = ""
	if _, _, err := f.exchange("alice"); err != nil {
		t.Errorf("public client: %v", err)
	}
}

func TestExtraParamsCannotReplaceOurs(t *testing.T) {
	f := setup(t, func(c *config.Provider) {
		c.ExtraParams = map[string]string{"state": "evil", "redirect_uri": "https://evil.example", "hd": "example.com", "prompt": "consent"}
	})
	raw, err := f.p.AuthURL(context.Background(), idp.AuthRequest{State: state, Nonce: nonce, Verifier: verifier, Prompt: "login", LoginHint: "a@b.example"})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(raw)
	q := u.Query()
	if q.Get("state") != state || q.Get("redirect_uri") != callback || q.Get("hd") != "example.com" || q.Get("prompt") != "consent login" || q.Get("login_hint") != "a@b.example" {
		t.Errorf("query %v", q)
	}
}

func TestGoogleAsksForOfflineAccess(t *testing.T) {
	f := setup(t, func(c *config.Provider) { c.Type = "google" })
	u, _ := url.Parse(f.authURL())
	if u.Query().Get("access_type") != "offline" {
		t.Error("no access_type=offline")
	}
	if got := idp.New(&config.Provider{Type: "google"}, idp.Options{}).Issuer(); got != "https://accounts.google.com" {
		t.Errorf("issuer %q", got)
	}
}

func TestSame(t *testing.T) {
	f := setup(t)
	o := idp.Options{Callback: callback}
	c := f.fake.Config()
	if !f.p.Same(c, o) {
		t.Error("an unchanged provider is not the same")
	}
	c.ClientSecret = config.NewSecret("rotated")
	if f.p.Same(c, o) {
		t.Error("a changed secret goes unnoticed")
	}
	if f.p.Same(f.fake.Config(), idp.Options{Callback: "https://elsewhere.example/callback"}) {
		t.Error("a changed callback goes unnoticed")
	}
}
