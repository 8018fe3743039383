package oauth

import (
	"net/url"
	"strings"
	"testing"

	"gatehouse/gatetest"
)

func TestForeignClientOrRedirectIsNeverRedirectedTo(t *testing.T) { // AZ-01, RU-01, RU-02, RU-04
	h := newHouse(t)
	client := h.public("m", "http://127.0.0.1/cb")
	web := h.public("m", "https://a.example/cb")
	for name, q := range map[string]url.Values{
		"unknown client":   authorizeParams("nope", "https://evil.test/cb"),
		"foreign redirect": authorizeParams(client, "https://evil.test/cb"),
		"case":             authorizeParams(client, "http://127.0.0.1/CB"),
		"query":            authorizeParams(client, "http://127.0.0.1:51000/cb?x=1"),
		"longer path":      authorizeParams(client, "http://127.0.0.1:51000/cb2"),
		"https loopback":   authorizeParams(client, "https://127.0.0.1:1/cb"),
		"other loopback":   authorizeParams(client, "http://localhost:1/cb"),
		"userinfo":         authorizeParams(client, "http://127.0.0.1:1@evil.test/cb"),
		"ourselves":        authorizeParams(client, h.url+"/cb"),
		"slash":            authorizeParams(web, "https://a.example/cb/"),
		"escaped slash":    authorizeParams(web, "https://a.example/cb%2f"),
		"empty query":      authorizeParams(web, "https://a.example/cb?"),
		"port":             authorizeParams(web, "https://a.example:443/cb"),
		"traversal":        authorizeParams(web, "https://a.example/x/..;/cb"),
		"other proxy":      authorizeParams(h.public("n", loopback), loopback),
	} {
		a := h.browser().get(h.endpoint("m", "authorize") + "?" + q.Encode())
		if a.status != 400 || a.header.Get("Location") != "" || !strings.Contains(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: got %d, Location %q", name, a.status, a.header.Get("Location"))
		}
	}
}

func TestErrorsAfterRedirectIsProved(t *testing.T) { // AZ-02, AZ-03, AZ-05 … AZ-09, AZ-14
	h := newHouse(t)
	client := h.public("m", loopback)
	for name, c := range map[string]struct{ param, value, want string }{
		"no challenge":        {"code_challenge", "", "invalid_request"},
		"short challenge":     {"code_challenge", "abc", "invalid_request"},
		"plain":               {"code_challenge_method", "plain", "invalid_request"},
		"no method":           {"code_challenge_method", "", "invalid_request"},
		"lower case method":   {"code_challenge_method", "s256", "invalid_request"},
		"other method":        {"code_challenge_method", "S512", "invalid_request"},
		"implicit":            {"response_type", "token", "unsupported_response_type"},
		"hybrid":              {"response_type", "code token", "unsupported_response_type"},
		"unknown resource":    {"resource", h.url + "/nope", "invalid_target"},
		"fragment":            {"resource", h.url + "/m#x", "invalid_target"},
		"relative resource":   {"resource", "m", "invalid_target"},
		"other proxy":         {"resource", h.url + "/n", "invalid_target"},
		"nobody may be asked": {"prompt", "none", "login_required"},
		"request object":      {"request", "e30.e30.", "request_not_supported"},
	} {
		a := h.browser().get(h.endpoint("m", "authorize") + "?" + authorizeParams(client, loopback, c.param, c.value).Encode())
		u, _ := url.Parse(a.header.Get("Location"))
		q := u.Query()
		if a.status != 302 || u.Host != "127.0.0.1:7777" || q.Get("error") != c.want || q.Get("state") != "st&1" || q.Get("iss") != h.url+"/m" || q.Has("code") {
			t.Errorf("%s: got %d %q", name, a.status, u)
		}
	}
	a := h.browser().get(h.endpoint("m", "authorize") + "?" + authorizeParams(client, loopback, "resource", strings.ToUpper(h.url)+"/m/").Encode())
	if strings.Contains(a.header.Get("Location"), "error") {
		t.Errorf("canonical resource refused: %s", a.header.Get("Location"))
	}
}

func TestDuplicateParameters(t *testing.T) { // AZ-05
	h := newHouse(t)
	client := h.public("m", loopback)
	base := h.endpoint("m", "authorize") + "?" + authorizeParams(client, loopback).Encode()
	for _, more := range []string{"&redirect_uri=https://evil.test", "&client_id=x"} {
		if a := h.browser().get(base + more); a.status != 400 || a.header.Get("Location") != "" {
			t.Errorf("%s: got %d %q", more, a.status, a.header.Get("Location"))
		}
	}
	if a := h.browser().get(base + "&scope=a&scope=b"); !strings.Contains(a.header.Get("Location"), "error=invalid_request") {
		t.Errorf("scope twice: got %q", a.header.Get("Location"))
	}
}

func TestStateIsOpaque(t *testing.T) { // AZ-13
	h := newHouse(t)
	client := h.public("m", loopback)
	for _, state := range []string{"a\r\nSet-Cookie: x=1", `"><script>`, "é𝄞", strings.Repeat("s", 2048)} {
		a := h.browser().get(h.endpoint("m", "authorize") + "?" + authorizeParams(client, loopback, "state", state, "prompt", "none").Encode())
		u, err := url.Parse(a.header.Get("Location"))
		if err != nil || u.Query().Get("state") != state || a.header.Get("Set-Cookie") != "" {
			t.Errorf("state %q came back as %q (%v)", state, u.Query().Get("state"), err)
		}
	}
	if a := h.browser().get(h.endpoint("m", "authorize") + "?" + authorizeParams(client, loopback, "state", strings.Repeat("s", 5000)).Encode()); a.status != 400 {
		t.Errorf("long state: got %d", a.status)
	}
}

func TestProviderStateOnlyAfterApproval(t *testing.T) { // CB-01, CB-02
	h := newHouse(t)
	b := h.browser()
	b.signIn("m", "alice", authorizeParams(h.public("m", loopback), loopback))
	asked := h.idp.Hits("/authorize")
	other := h.register("m", `{"redirect_uris":["http://127.0.0.1:6666/cb"],"client_name":"Other","token_endpoint_auth_method":"none"}`).str("client_id")
	page, _ := b.consent("m", authorizeParams(other, "http://127.0.0.1:6666/cb"))
	if !strings.Contains(page, "alice@example.com") || h.idp.Hits("/authorize") != asked {
		t.Error("the second client came past the consent page")
	}
	for _, state := range []string{"", "guess", other} {
		if a := b.get(h.url + "/api/v1/oauth/callback?code=x&state=" + url.QueryEscape(state)); a.status != 400 {
			t.Errorf("guessed state %q: got %d", state, a.status)
		}
	}
}

func TestCallbackStateIsBoundAndUsedOnce(t *testing.T) { // UO-01
	h := newHouse(t)
	client := h.public("m", loopback)
	b := h.browser()
	_, form := b.consent("m", authorizeParams(client, loopback))
	back := h.idp.Approve(t, b.approve(form).to(), "alice").String()
	if a := h.browser().get(back); a.status != 400 {
		t.Errorf("other browser: got %d", a.status)
	}
	if a := b.get(back); a.status != 302 {
		t.Errorf("own browser: got %d %s", a.status, a.body)
	}
	if a := b.get(back); a.status != 400 || a.header.Get("Location") != "" {
		t.Errorf("reused: got %d", a.status)
	}
	if h.audit.count("auth.callback_rejected", "") < 2 {
		t.Error("rejections not recorded")
	}
}

func TestCallbackAfterTenMinutes(t *testing.T) { // UO-01
	h := newHouse(t)
	b := h.browser()
	_, form := b.consent("m", authorizeParams(h.public("m", loopback), loopback))
	back := h.idp.Approve(t, b.approve(form).to(), "alice").String()
	h.clock.Add(loginLife)
	if a := b.get(back); a.status != 400 {
		t.Errorf("got %d", a.status)
	}
}

func TestNonceMismatch(t *testing.T) { // UO-01
	h := newHouse(t)
	h.idp.Claims(func(c map[string]any) { c["nonce"] = "other" })
	a := h.browser().signIn("m", "alice", authorizeParams(h.public("m", loopback), loopback))
	if a.status != 403 || a.header.Get("Location") != "" || h.audit.count("auth.login_failed", "") != 1 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestProviderDownIsAPage(t *testing.T) {
	h := newHouse(t)
	client := h.public("m", loopback)
	h.idp.Fault("", gatetest.Error500)
	b := h.browser()
	_, form := b.consent("m", authorizeParams(client, loopback))
	if a := b.approve(form); a.status != 503 || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "r_test") {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestAuthorizePagesLeaveNoTrace(t *testing.T) { // AZ-12, CB-04, CB-06
	h := newHouse(t)
	b := h.browser()
	a := b.get(h.endpoint("m", "authorize") + "?" + authorizeParams(h.public("m", loopback), loopback).Encode())
	for _, c := range []answerOf{a, b.get(a.header.Get("Location")), b.get(h.endpoint("m", "authorize"))} {
		if c.header.Get("Cache-Control") != "no-store" || c.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%d: headers %v", c.status, c.header)
		}
		if c.status != 302 && (c.header.Get("X-Frame-Options") != "DENY" || !strings.Contains(c.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")) {
			t.Errorf("%d: can be framed", c.status)
		}
	}
	cookie := a.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
}
