package oauth

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/gatetest"
	"gatehouse/store"
)

// begun is a login on its way: approved here, and at the provider as person.
func (h *house) begun(proxy, person, client, redirect string) (b *browser, back string) {
	h.t.Helper()
	b = h.browser()
	_, form := b.consent(proxy, authorizeParams(client, redirect))
	return b, h.idp.Approve(h.t, b.approve(form).to(), person).String()
}

func TestReloadInTheMiddleOfALogin(t *testing.T) { // TK-12
	const ci = `proxies: [m]}`
	other := []string{"  demo: {type: oidc", "  other: {type: oidc, issuer: \"http://127.0.0.1:1\", client_id: x, client_secret: y}\n  demo: {type: oidc",
		"oauth: {scopes: [read, write]}", "oauth: {scopes: [read, write], provider: other}", "allowed_groups: [eng], oauth: {", "allowed_groups: [eng], oauth: {provider: demo, ",
		`"127.0.0.1:9050",`, `"127.0.0.1:9050", oauth: {provider: demo},`}
	for name, c := range map[string]struct {
		users  string
		pairs  []string
		client string
	}{
		"person disabled":     {users: "alice@example.com: {disabled: true}"},
		"proxy disabled":      {pairs: []string{"m: {id: 9,", "m: {id: 9, enabled: false,"}},
		"proxy gone":          {pairs: []string{"  m: {id: 9,", "  gone: {id: 9,", ci, "proxies: [gone]}"}},
		"proxy open":          {pairs: []string{"oauth: {scopes: [read, write]}", "oauth: {enabled: false}"}},
		"other provider":      {pairs: other},
		"client gone":         {pairs: []string{"  ci: {", "  cj: {"}, client: "ci"},
		"client elsewhere":    {pairs: []string{ci, "proxies: [n]}"}, client: "ci"},
		"redirect URI gone":   {pairs: []string{"https://ci.example/cb", "https://ci.example/other"}, client: "ci"},
		"client's grant gone": {pairs: []string{ci, "proxies: [m], grant_types: [refresh_token]}"}, client: "ci"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			client, redirect := c.client, "https://ci.example/cb"
			if client == "" {
				client, redirect = h.public("m", loopback), loopback
			}
			b, back := h.begun("m", "alice", client, redirect)
			h.reload(c.users, c.pairs...)
			a := b.get(back)
			if strings.Contains(a.to()+a.body, "code=") || a.status < 400 || a.status >= 500 {
				t.Errorf("callback: %d %s", a.status, a.to())
			}
		})
	}
}

func TestReloadBetweenCodeAndToken(t *testing.T) { // TK-12
	for _, change := range []func(*house){
		func(h *house) { h.reload("alice@example.com: {disabled: true}") },
		func(h *house) { h.reload("", h.idp.Issuer, "http://127.0.0.1:1") },
		func(h *house) {
			if err := h.store.PutBlock(t.Context(), store.Block{Subject: "alice@example.com", Created: h.clock.Now()}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		h := newHouse(t)
		client := h.public("m", loopback)
		code := h.code("m", "alice", client, loopback)
		change(h)
		wantError(t, h.redeem("m", client, loopback, code), 400, "invalid_grant")
		if live, err := h.sessions.List(t.Context()); err != nil || len(live) != 0 {
			t.Errorf("a session was opened: %v %v", live, err)
		}
	}
}

func TestOtherProvidersSessionsAreOver(t *testing.T) { // JW-15: the same name at another issuer is somebody else
	h := newHouse(t)
	client, a := h.tokens("m", "alice")
	h.wantIn("m", a.str("access_token"), true)
	h.reload("", h.idp.Issuer, "http://127.0.0.1:1")
	h.wantIn("m", a.str("access_token"), false)
	wantError(t, h.refresh("m", client, a.str("refresh_token")), 400, "invalid_grant")
	h.reload("")
	h.wantIn("m", a.str("access_token"), true) // nothing was destroyed by a wrong edit
}

func TestRemovedClientsTokenIsRefused(t *testing.T) { // TK-12: the client, on every request
	h := newHouse(t)
	code := h.code("m", "alice", "ci", "https://ci.example/cb")
	form := codeForm("ci", "https://ci.example/cb", code)
	form.Set("client_secret", "secret")
	a := h.post("/api/v1/oauth-proxy/m/token", form)
	if a.status != 200 {
		t.Fatalf("token: %d %s", a.status, a.body)
	}
	h.wantIn("m", a.str("access_token"), true)
	for _, pairs := range [][]string{{"proxies: [m]}", "proxies: [n]}"}, {"  ci: {", "  cj: {"}} {
		h.reload("", pairs...)
		h.wantIn("m", a.str("access_token"), false)
	}
}

func TestRotatedProviderTokenIsKeptWhenTheQuestionFailsAfterwards(t *testing.T) { // recheck
	h := newHouse(t)
	client, a := h.tokens("m", "bob")
	h.clock.Add(61 * time.Minute)
	h.idp.TokenAnswer(func(m map[string]any) { delete(m, "id_token") }) // so that userinfo has to be asked
	h.idp.Fault("/userinfo", gatetest.Error500)
	if a = h.refresh("m", client, a.str("refresh_token")); a.status != 200 {
		t.Fatalf("provider half away: %d %s", a.status, a.body)
	}
	h.idp.Fault("", "")
	if a = h.refresh("m", client, a.str("refresh_token")); a.status != 200 {
		t.Errorf("the provider takes our refresh token for stolen: %d %s", a.status, a.body)
	}
	h.wantIn("m", a.str("access_token"), true)
}

func TestRecheckThatNamesSomebodyElseEnds(t *testing.T) {
	h := newHouse(t)
	client, a := h.tokens("m", "bob")
	h.clock.Add(61 * time.Minute)
	h.idp.Claims(func(c map[string]any) { c["sub"] = "alice" })
	wantError(t, h.refresh("m", client, a.str("refresh_token")), 400, "invalid_grant")
	h.wantIn("m", a.str("access_token"), false)
}

func TestWhatIsNotRecordedDidNotHappen(t *testing.T) { // AU-05, for each step of a login
	h := newHouse(t)
	client := h.public("m", loopback)
	b := h.browser()
	_, form := b.consent("m", authorizeParams(client, loopback))
	fail := func(on bool) {
		h.audit.mu.Lock()
		defer h.audit.mu.Unlock()
		if h.audit.fail = nil; on {
			h.audit.fail = errors.New("disk full")
		}
	}
	fail(true)
	if a := b.approve(form); a.status != 503 || a.to() != "" {
		t.Fatalf("approve: %d", a.status)
	}
	fail(false)
	if a := b.get(h.url + "/api/v1/oauth/consent?login=" + form.Get("login")); a.status != 200 {
		t.Errorf("approved without a record: %d %s", a.status, a.to())
	}
	back := h.idp.Approve(t, b.approve(form).to(), "alice").String()
	fail(true)
	if a := b.get(back); a.status != 503 || a.to() != "" {
		t.Fatalf("callback: %d", a.status)
	}
	fail(false)
	a := b.get(h.url + "/api/v1/oauth/consent?login=" + form.Get("login"))
	if strings.Contains(a.to(), "code=") || !strings.HasPrefix(a.to(), h.idp.Issuer) {
		t.Errorf("signed in without a record: %d %s", a.status, a.to())
	}
	if h.audit.count("consent.approved", "") != 1 || h.audit.count("auth.login", "") != 0 {
		t.Error("the record does not match")
	}
}

func TestTwoTabsOneDenies(t *testing.T) { // CB-11
	h := newHouse(t)
	b, back := h.begun("m", "alice", h.public("m", loopback), loopback)
	_, deny := b.consent("m", authorizeParams(h.public("m", loopback), loopback))
	deny.Set("decision", "deny")
	if a := b.approve(deny); !strings.Contains(a.to(), "access_denied") {
		t.Fatalf("deny: %d", a.status)
	}
	if a := b.get(back); !strings.Contains(a.to(), "code=") {
		t.Errorf("the other tab: %d %s", a.status, a.to())
	}
	if a := b.get(h.url + "/api/v1/oauth/finish?login=" + deny.Get("login")); a.status != http.StatusBadRequest {
		t.Errorf("finish after deny: %d", a.status)
	}
}
