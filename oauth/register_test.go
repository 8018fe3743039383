package oauth

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestDangerousRedirectRefusesRegistration(t *testing.T) { // RG-01, RG-02, RG-03, RG-04
	h := newHouse(t)
	for _, uri := range []string{
		"javascript:alert(1)", "JavaScript:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)", "data:text/html,x", "vbscript:x",
		"blob:https://x/y", "file:///etc/passwd", "mailto:a@b", "view-source:https://x", "http://localhost.evil.test/cb",
		"http://127.0.0.1.evil.test", "http://127.0.0.1@evil.test", "http://localhost:x@evil.com/callback", "http://localhost.evil.com:1/callback",
		"http://evil.test/cb", "http://10.0.0.1/cb", "https://good@evil/", "https://x/cb#f", "https://*.x/cb", `https://x\@y/`, "https://x/cb%00",
		"https:///cb", "https://x:/cb", "https://x:99999/cb", "//evil.test/cb", "cb", "", h.url + "/oauth/callback", "HTTPS://X/cb",
		"https://x/" + strings.Repeat("a", 512), "javascript://x/%0aalert(1)",
	} {
		a := h.register("m", fmt.Sprintf(`{"redirect_uris":["https://ok.example/cb",%q]}`, uri))
		if a.status != 400 || a.str("error") != "invalid_redirect_uri" {
			t.Errorf("%q: got %d %s", uri, a.status, a.body)
		}
	}
	if h.audit.count("client.rejected", "") == 0 {
		t.Error("not recorded")
	}
}

func TestRedirectNotAdmittedIsDropped(t *testing.T) { // PROTOCOL 5: Cursor registers three
	h := newHouse(t)
	a := h.register("m", `{"redirect_uris":["cursor://anysphere.cursor-mcp/oauth/callback","https://www.cursor.com/agents/mcp/oauth/callback","http://localhost:8787/callback","myapp://x/cb"]}`)
	if got := fmt.Sprint(a.json["redirect_uris"]); a.status != 201 || strings.Contains(got, "myapp") || strings.Count(got, "://") != 3 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	wantError(t, h.register("m", `{"redirect_uris":["myapp://x/cb"]}`), 400, "invalid_redirect_uri")
}

func TestRegistrationBounds(t *testing.T) { // RG-05
	h := newHouse(t)
	many := strings.Repeat(`"https://x.example/cb",`, 11)
	for name, body := range map[string]string{
		"none":     `{}`,
		"eleven":   `{"redirect_uris":[` + strings.TrimRight(many, ",") + `]}`,
		"no JSON":  `hello`,
		"trailing": `{"redirect_uris":["https://x.example/cb"]}{}`,
		"twice":    `{"redirect_uris":["https://x.example/cb"],"redirect_uris":["https://evil.example/cb"]}`,
		"large":    `{"redirect_uris":["https://x.example/cb"],"x":"` + strings.Repeat("a", maxRegistration) + `"}`,
		"method":   `{"redirect_uris":["https://x.example/cb"],"token_endpoint_auth_method":"private_key_jwt"}`,
		"grants":   `{"redirect_uris":["https://x.example/cb"],"grant_types":["client_credentials"]}`,
	} {
		if a := h.register("m", body); a.status != 400 || !strings.HasPrefix(a.str("error"), "invalid_") {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
	}
	if a := h.register("nope", `{}`); a.status != 404 {
		t.Errorf("unknown proxy: got %d", a.status)
	}
	if a := h.browser().get(h.endpoint("m", "register") + "/c_1"); a.status != 404 && a.status != 405 { // RG-14
		t.Errorf("management: got %d", a.status)
	}
}

func TestPublicRegistrationIsIdempotentAndNotCounted(t *testing.T) { // B16
	h := newHouse(t)
	first := h.public("m", loopback)
	for range 100 {
		if again := h.public("m", loopback); again != first {
			t.Fatalf("got %q, then %q", first, again)
		}
	}
	if h.public("n", loopback) == first {
		t.Error("one client for two proxies")
	}
	limited := 0
	for i := range 62 {
		a := h.register("m", fmt.Sprintf(`{"redirect_uris":["https://x.example/%d"]}`, i))
		if a.status == 429 && a.header.Get("Retry-After") != "" {
			limited++
		}
	}
	if limited != 4 { // 60, and two were taken above
		t.Errorf("got %d refusals", limited)
	}
}

func TestUnusedClientsExpireAndUsedOnesStay(t *testing.T) { // RG-05
	h := newHouse(t)
	used, _ := h.tokens("m", "alice")
	unused := h.register("m", `{"redirect_uris":["https://x.example/cb"]}`).str("client_id")
	h.clock.Add(61 * time.Minute)
	h.server.Housekeep(t.Context())
	if _, err := h.store.Client(t.Context(), unused); err == nil {
		t.Error("unused client is still there")
	}
	if _, err := h.store.Client(t.Context(), used); err != nil {
		t.Errorf("used client: %v", err)
	}
	if h.audit.count("client.expired", "") != 1 {
		t.Error("not recorded")
	}
}

func TestProviderCredentialsNeverLeave(t *testing.T) { // RG-07
	h := newHouse(t)
	all := h.register("m", `{"redirect_uris":["https://x.example/cb"]}`).body
	for _, doc := range []string{docResource, docServer, docOpenID} {
		all += h.browser().get(h.url + "/.well-known/" + doc + "/m").body
	}
	if strings.Contains(all, "canary") || strings.Contains(all, `"gatehouse"`) {
		t.Errorf("leaked: %s", all)
	}
}
