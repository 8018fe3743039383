package oauth

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCodeReplayRevokesSession(t *testing.T) { // TK-01
	h := newHouse(t)
	client := h.public("m", loopback)
	code := h.code("m", "alice", client, loopback)
	first := h.redeem("m", client, loopback, code)
	h.wantIn("m", first.str("access_token"), true)
	wantError(t, h.redeem("m", client, loopback, code), 400, "invalid_grant")
	h.wantIn("m", first.str("access_token"), false)
	wantError(t, h.refresh("m", client, first.str("refresh_token")), 400, "invalid_grant")
}

func TestCodeOfAnotherClient(t *testing.T) { // TK-03
	h := newHouse(t)
	a := h.public("m", loopback)
	b := h.register("m", `{"redirect_uris":["`+loopback+`"],"client_name":"B","token_endpoint_auth_method":"none"}`).str("client_id")
	code := h.code("m", "alice", a, loopback)
	wantError(t, h.redeem("m", b, loopback, code), 400, "invalid_grant")
	wantError(t, h.redeem("n", h.public("n", loopback), loopback, code), 400, "invalid_grant")
	if got := h.redeem("m", a, loopback, code); got.status != 200 {
		t.Errorf("the owner: %d %s", got.status, got.body)
	}
}

func TestCodeBinding(t *testing.T) { // TK-04, TK-06, AZ-09, B12
	h := newHouse(t)
	client := h.public("m", loopback)
	code := h.code("m", "alice", client, loopback)
	for name, c := range map[string]struct{ param, value, want string }{
		"redirect byte":         {"redirect_uri", loopback + "x", "invalid_grant"},
		"redirect case":         {"redirect_uri", strings.ToUpper(loopback), "invalid_grant"},
		"no redirect":           {"redirect_uri", "", "invalid_grant"},
		"verifier too short":    {"code_verifier", strings.Repeat("a", 42), "invalid_grant"},
		"verifier too long":     {"code_verifier", strings.Repeat("a", 129), "invalid_grant"},
		"verifier characters":   {"code_verifier", strings.Repeat("a", 43) + "!", "invalid_grant"},
		"wrong verifier":        {"code_verifier", strings.Repeat("a", 43), "invalid_grant"},
		"verifier is challenge": {"code_verifier", challenge, "invalid_grant"},
		"no verifier":           {"code_verifier", "", "invalid_request"},
		"foreign resource":      {"resource", h.url + "/n", "invalid_target"},
		"unknown code":          {"code", "gc_x", "invalid_grant"},
		"no code":               {"code", "", "invalid_request"},
		"password grant":        {"grant_type", "password", "unsupported_grant_type"},
		"token exchange":        {"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "unsupported_grant_type"},
		"no grant":              {"grant_type", "", "invalid_request"},
	} {
		form := codeForm(client, loopback, code)
		if form.Set(c.param, c.value); c.value == "" {
			form.Del(c.param)
		}
		t.Run(name, func(t *testing.T) { wantError(t, h.post("/api/v1/oauth-proxy/m/token", form), 400, c.want) })
	}
	if !strings.Contains(h.log.String(), "Invalid code verifier") {
		t.Error("the log does not say Invalid code verifier")
	}
	if verifierOK(verifier, "") {
		t.Error("a code without a challenge was redeemable")
	}
}

func TestCodeExpires(t *testing.T) { // TK-08
	h := newHouse(t)
	client := h.public("m", loopback)
	code := h.code("m", "alice", client, loopback)
	h.clock.Add(codeLife)
	wantError(t, h.redeem("m", client, loopback, code), 400, "invalid_grant")
}

func TestTokenRequestForm(t *testing.T) { // TK-13, TK-14, TK-15
	h := newHouse(t)
	client := h.public("m", loopback)
	at := "/api/v1/oauth-proxy/m/token"
	form := codeForm(client, loopback, "x")
	for _, q := range []string{"client_secret=x", "code=x", "refresh_token=x", "a=%zz"} {
		wantError(t, h.post(at+"?"+q, form), 400, "invalid_request")
	}
	twice := codeForm(client, loopback, "a")
	twice.Add("code", "b")
	wantError(t, h.post(at, twice), 400, "invalid_request")
	wantError(t, h.post(at, form, "Content-Type", "application/json"), 400, "invalid_request")
	if a := h.browser().get(h.url + at); a.status != 405 || a.header.Get("Allow") != "POST" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("GET: got %d %v", a.status, a.header)
	}
	both := codeForm("ci", loopback, "x")
	both.Set("client_secret", "secret")
	wantError(t, h.post(at, both, "Authorization", "Basic Y2k6c2VjcmV0"), 400, "invalid_request")
	if a := h.post(at, url.Values{"grant_type": {"refresh_token"}}, "Authorization", "Basic Y2k6d3Jvbmc="); a.status != 401 || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic") {
		t.Errorf("wrong secret: %d %v", a.status, a.header)
	}
	withSecret := codeForm(client, loopback, "x")
	withSecret.Set("client_secret", "x")
	wantError(t, h.post(at, withSecret), 401, "invalid_client")
}

func TestRefreshTokenReuseRevokesFamily(t *testing.T) { // TK-09
	h := newHouse(t)
	client, first := h.tokens("m", "alice")
	second := h.refresh("m", client, first.str("refresh_token"))
	h.clock.Add(91 * time.Second)
	wantError(t, h.refresh("m", client, first.str("refresh_token")), 400, "invalid_grant")
	wantError(t, h.refresh("m", client, second.str("refresh_token")), 400, "invalid_grant")
	h.wantIn("m", second.str("access_token"), false)
	if h.audit.count("token.refresh_reuse", "refresh_reuse") != 1 {
		t.Error("not recorded")
	}
}

func TestStrictRefreshHasNoGrace(t *testing.T) { // TK-10, refresh_grace: 0
	h := newHouse(t)
	h.reload("", "oauth: {scopes: [read, write]}", "oauth: {scopes: [read, write], refresh_grace: 0s}")
	client, first := h.tokens("m", "alice")
	second := h.refresh("m", client, first.str("refresh_token"))
	wantError(t, h.refresh("m", client, first.str("refresh_token")), 400, "invalid_grant")
	h.wantIn("m", second.str("access_token"), false)
}

func TestParallelRefreshConverges(t *testing.T) { // TK-10
	h := newHouse(t)
	client, first := h.tokens("m", "alice")
	answers := make([]answerOf, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = h.refresh("m", client, first.str("refresh_token")) })
	}
	wg.Wait()
	for _, a := range answers {
		if a.status != 200 || a.str("refresh_token") != answers[0].str("refresh_token") {
			t.Fatalf("got %d %s", a.status, a.body)
		}
		h.wantIn("m", a.str("access_token"), true)
	}
	third := h.refresh("m", client, answers[0].str("refresh_token"))
	h.clock.Add(30 * time.Second)
	if a := h.refresh("m", client, first.str("refresh_token")); a.status != 200 || a.str("refresh_token") != third.str("refresh_token") {
		t.Errorf("R1 after R3: %d %s", a.status, a.body)
	}
	other := h.register("m", `{"redirect_uris":["`+loopback+`"],"client_name":"B","token_endpoint_auth_method":"none"}`).str("client_id")
	wantError(t, h.refresh("m", other, first.str("refresh_token")), 400, "invalid_grant")
	h.wantIn("m", third.str("access_token"), true)
}

func TestRefreshAsksAgainWhoMay(t *testing.T) { // TK-12
	for name, take := range map[string]func(*house){
		"disabled":   func(h *house) { h.reload("alice@example.com: {disabled: true}") },
		"proxy gone": func(h *house) { h.reload("", "m: {id: 9,", "m: {id: 9, enabled: false,") },
	} {
		h := newHouse(t)
		client, first := h.tokens("m", "alice")
		take(h)
		if a := h.refresh("m", client, first.str("refresh_token")); a.status != 400 && a.status != 404 {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
	}
}

func TestRecheckEndsWhoIsGone(t *testing.T) {
	h := newHouse(t)
	client, a := h.tokens("m", "bob")
	h.clock.Add(61 * time.Minute)
	h.idp.Fault("/token", "500")
	if a = h.refresh("m", client, a.str("refresh_token")); a.status != 200 {
		t.Fatalf("provider away must change nothing: %d %s", a.status, a.body)
	}
	h.idp.Fault("", "")
	if a = h.refresh("m", client, a.str("refresh_token")); a.status != 200 {
		t.Fatalf("recheck: %d %s", a.status, a.body)
	}
	h.clock.Add(61 * time.Minute)
	h.idp.RemoveAccount("bob")
	wantError(t, h.refresh("m", client, a.str("refresh_token")), 400, "invalid_grant")
	h.wantIn("m", a.str("access_token"), false)
}

func TestWithoutProviderRefreshTokenSessionIsShort(t *testing.T) {
	h := newHouse(t)
	h.idp.TokenAnswer(func(m map[string]any) { delete(m, "refresh_token") })
	client, a := h.tokens("m", "bob")
	h.clock.Add(25 * time.Hour)
	wantError(t, h.refresh("m", client, a.str("refresh_token")), 400, "invalid_grant")
}

func TestRevocation(t *testing.T) { // TK-17, TK-18
	h := newHouse(t)
	client, a := h.tokens("m", "alice")
	other := h.register("m", `{"redirect_uris":["`+loopback+`"],"client_name":"B","token_endpoint_auth_method":"none"}`).str("client_id")
	revoke := func(id, token string) answerOf {
		return h.post("/api/v1/oauth-proxy/m/revoke", url.Values{"client_id": {id}, "token": {token}})
	}
	if got := revoke(other, a.str("refresh_token")); got.status != 200 {
		t.Errorf("foreign: %d", got.status)
	}
	if got := revoke(other, a.str("access_token")); got.status != 200 {
		t.Errorf("foreign: %d", got.status)
	}
	if got := revoke(client, "unknown"); got.status != 200 {
		t.Errorf("unknown: %d", got.status)
	}
	h.wantIn("m", a.str("access_token"), true)
	second := h.refresh("m", client, a.str("refresh_token"))
	revoke(client, a.str("access_token"))
	h.wantIn("m", a.str("access_token"), false)
	h.wantIn("m", second.str("access_token"), true)
	revoke(client, second.str("refresh_token"))
	h.wantIn("m", second.str("access_token"), false)
	if h.audit.count("token.revoked", "") != 2 {
		t.Errorf("recorded %d", h.audit.count("token.revoked", ""))
	}
}

func TestStoreAwayIsNeverASuccess(t *testing.T) { // TK-17
	h := newHouse(t)
	client, a := h.tokens("m", "alice")
	h.store.Close()
	for _, got := range []answerOf{
		h.refresh("m", client, a.str("refresh_token")),
		h.post("/api/v1/oauth-proxy/m/revoke", url.Values{"client_id": {client}, "token": {a.str("refresh_token")}}),
	} {
		if wantError(t, got, 503, "temporarily_unavailable"); got.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
}

func TestNoTokenWithoutItsRecord(t *testing.T) { // AU-05
	h := newHouse(t)
	client := h.public("m", loopback)
	code := h.code("m", "alice", client, loopback)
	h.audit.fail = errors.New("disk full")
	if a := h.redeem("m", client, loopback, code); a.status != 503 || a.str("access_token") != "" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	h.audit.fail = nil
	live, err := h.sessions.List(t.Context())
	if err != nil || len(live) != 0 {
		t.Errorf("a session stayed: %v %v", live, err)
	}
}

func TestTokenRateLimit(t *testing.T) { // B16
	h := newHouse(t)
	ask := func(id string) answerOf {
		return h.post("/api/v1/oauth-proxy/m/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {id}, "refresh_token": {"x"}})
	}
	for range 60 {
		wantError(t, ask("a"), 401, "invalid_client")
	}
	if a := ask("a"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("the 61st: %d", a.status)
	}
	if a := ask("b"); a.status != 401 {
		t.Errorf("another client: %d", a.status)
	}
	elsewhere := "192.0.2.1"
	h.ip.Store(&elsewhere)
	if a := ask("a"); a.status != 401 {
		t.Errorf("another address: %d", a.status)
	}
	if h.audit.count("ratelimit.blocked", "") != 1 {
		t.Error("not recorded")
	}
}

func FuzzTokenForm(f *testing.F) {
	for _, s := range []string{"grant_type=authorization_code&code=x", "code=a&code=b", "a=%00", "%zz", "resource=a&resource=b", "a;b=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		v, err := parseForm(body)
		if err != nil {
			return
		}
		for name, values := range v.Values {
			if len(values) > 1 && name != "resource" {
				t.Errorf("%q is there %d times", name, len(values))
			}
		}
	})
}
