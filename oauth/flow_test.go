package oauth

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestWholeFlow(t *testing.T) {
	h := newHouse(t)
	client := h.public("m", loopback)
	b := h.browser()
	q := authorizeParams(client, "http://127.0.0.1:51000/cb", "scope", "read admin *")
	page, form := b.consent("m", q)
	for _, want := range []string{"127.0.0.1:51000", "runs on your computer", "Test"} {
		if !strings.Contains(page, want) {
			t.Errorf("consent page lacks %q", want)
		}
	}
	a := b.approve(form)
	to, _ := url.Parse(a.to())
	if a.status != 200 || !strings.HasPrefix(to.String(), h.idp.Issuer) || to.Query().Get("code_challenge_method") != "S256" {
		t.Fatalf("approve: %d %s", a.status, to)
	}
	a = b.get(h.idp.Approve(t, to.String(), "alice").String())
	back, _ := url.Parse(a.header.Get("Location"))
	if back.Host != "127.0.0.1:51000" || back.Query().Get("state") != "st&1" || back.Query().Get("iss") != h.url+"/m" {
		t.Fatalf("callback: %d %s %s", a.status, back, a.body)
	}
	a = h.redeem("m", client, "http://127.0.0.1:51000/cb", back.Query().Get("code"))
	if a.status != 200 || a.str("token_type") != "Bearer" || a.str("scope") != "read" || a.json["expires_in"] != 3600.0 ||
		!strings.HasPrefix(a.str("refresh_token"), "gw_refresh_") || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("token: %d %s", a.status, a.body)
	}
	c, err := h.enter("m", "Bearer "+a.str("access_token"))
	if err != nil || c.Session.Identity().Email != "alice@example.com" || c.JTI == "" {
		t.Fatalf("authenticate: %+v %v", c, err)
	}
	for _, event := range []string{"client.registered", "consent.shown", "consent.approved", "auth.login", "session.opened", "token.issued"} {
		if h.audit.count(event, "") != 1 {
			t.Errorf("audit has %d %s", h.audit.count(event, ""), event)
		}
	}
	for _, want := range []string{"oauth-proxy registration", "oauth-proxy authorize"} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("log lacks %q", want)
		}
	}
}

func TestRefreshRotates(t *testing.T) {
	h := newHouse(t)
	client, first := h.tokens("m", "alice")
	second := h.refresh("m", client, first.str("refresh_token"))
	if second.status != 200 || second.str("refresh_token") == first.str("refresh_token") {
		t.Fatalf("refresh: %d %s", second.status, second.body)
	}
	h.wantIn("m", second.str("access_token"), true)
	if h.audit.count("token.refreshed", "") != 1 {
		t.Error("no token.refreshed")
	}
}

func TestNotAdmittedCompletesLogin(t *testing.T) {
	h := newHouse(t)
	client := h.public("n", loopback)
	b := h.browser()
	a := b.signIn("n", "bob", authorizeParams(client, loopback))
	if a.status != 403 || !strings.Contains(a.body, "eng") || !strings.Contains(a.body, "bob@example.com") {
		t.Fatalf("page: %d %s", a.status, a.body)
	}
	if !strings.Contains(a.body, "by itself after 30 seconds") {
		t.Errorf("the page goes on and does not say so: %s", a.body)
	}
	a = b.get(a.to())
	back, _ := url.Parse(a.header.Get("Location"))
	if a = h.redeem("n", client, loopback, back.Query().Get("code")); a.status != 200 {
		t.Fatalf("token: %d %s", a.status, a.body)
	}
	h.wantIn("n", a.str("access_token"), true) // the proxy asks policy and answers 403
}

func TestDisabledPersonGetsNoCode(t *testing.T) {
	h := newHouse(t)
	client := h.public("m", loopback)
	h.reload(`eve@example.com: {disabled: true}`)
	b := h.browser()
	a := b.signIn("m", "eve", authorizeParams(client, loopback))
	if a.status != 403 || a.header.Get("Location") != "" || strings.Contains(a.body, "code=") {
		t.Errorf("page: %d %s", a.status, a.body)
	}
	if h.audit.count("auth.login_failed", "user_disabled") != 1 {
		t.Error("not recorded")
	}
}

func TestConfidentialClientByBasicAndPost(t *testing.T) {
	h := newHouse(t)
	a := h.register("9", `{"redirect_uris":["http://localhost:8888/callback"],"client_name":"Test Client"}`)
	if a.status != 201 || a.str("client_secret") == "" || a.json["client_secret_expires_at"] != 0.0 {
		t.Fatalf("register: %d %s", a.status, a.body)
	}
	id, secret := a.str("client_id"), a.str("client_secret")
	form := codeForm(id, "http://localhost:8888/callback", h.code("m", "alice", id, "http://localhost:8888/callback"))
	wantError(t, h.post("/api/v1/oauth-proxy/m/token", form), 401, "invalid_client")
	form.Set("client_secret", "wrong")
	wantError(t, h.post("/api/v1/oauth-proxy/m/token", form), 401, "invalid_client")
	form.Set("client_secret", secret)
	if a := h.post("/api/v1/oauth-proxy/m/token", form); a.status != 200 {
		t.Errorf("post: %d %s", a.status, a.body)
	}
}

func TestRestartKeepsLoginAndTokens(t *testing.T) {
	h := newHouse(t)
	client, first := h.tokens("m", "alice")
	b := h.browser()
	_, form := b.consent("m", authorizeParams(client, loopback))
	a := b.approve(form)
	s, err := New(t.Context(), h.server.o)
	if err != nil {
		t.Fatal(err)
	}
	h.server = s
	h.reload("")
	h.wantIn("m", first.str("access_token"), true)
	if a = b.get(h.idp.Approve(t, a.to(), "alice").String()); a.status != 302 {
		t.Errorf("callback after restart: %d %s", a.status, a.body)
	}
}

func TestSessionEndsAndTokenWithIt(t *testing.T) {
	h := newHouse(t)
	client, first := h.tokens("m", "alice")
	h.clock.Add(721 * time.Hour)
	wantError(t, h.refresh("m", client, first.str("refresh_token")), 400, "invalid_grant")
	h.wantIn("m", first.str("access_token"), false)
}
