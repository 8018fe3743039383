package oauth

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/store"
)

func TestConsentCannotBeForged(t *testing.T) { // CB-03
	h := newHouse(t)
	client := h.public("m", loopback)
	b := h.browser()
	_, form := b.consent("m", authorizeParams(client, loopback))
	_, other := b.consent("m", authorizeParams(client, loopback))
	without := url.Values{"login": form["login"], "csrf": {""}, "decision": {"allow"}}
	foreign := url.Values{"login": form["login"], "csrf": other["csrf"], "decision": {"allow"}}
	at := h.url + "/api/v1/oauth/consent"
	for name, a := range map[string]answerOf{
		"no token":     b.post(at, without),
		"other login":  b.post(at, foreign),
		"other origin": b.post(at, form, "Origin", "https://evil.test"),
		"cross site":   b.post(at, form, "Sec-Fetch-Site", "cross-site"),
	} {
		if a.status != 403 {
			t.Errorf("%s: got %d", name, a.status)
		}
	}
	if a := h.browser().post(at, form); a.status != 400 {
		t.Errorf("other browser: got %d", a.status)
	}
	if a := b.post(at, form); a.status != 200 {
		t.Errorf("honest: got %d %s", a.status, a.body)
	}
}

func TestGetNeverApproves(t *testing.T) { // CB-12
	h := newHouse(t)
	b := h.browser()
	_, form := b.consent("m", authorizeParams(h.public("m", loopback), loopback))
	if a := b.get(h.url + "/api/v1/oauth/consent?" + form.Encode() + "&approve=1"); a.status != 200 || a.header.Get("Location") != "" {
		t.Errorf("GET with the form's fields: got %d", a.status)
	}
	r, err := http.NewRequest("GET", h.url+"/api/v1/oauth/consent?login="+form.Get("login"), nil)
	if err == nil {
		r.Header.Set("Sec-Purpose", "prefetch")
	}
	shown := h.audit.count("consent.shown", "")
	if a := b.do(r, err); a.status == 200 || h.audit.count("consent.shown", "") != shown {
		t.Errorf("prefetch: got %d", a.status)
	}
}

func TestConsentTwiceGivesOneCode(t *testing.T) { // CB-11
	h := newHouse(t)
	b := h.browser()
	a := b.get(h.endpoint("m", "authorize") + "?" + authorizeParams(h.public("m", loopback), loopback).Encode())
	_, form1 := b.form(a.header.Get("Location"))
	_, form2 := b.form(a.header.Get("Location"))
	if form1.Get("csrf") != form2.Get("csrf") {
		t.Error("a second load changed the token")
	}
	to1, to2 := b.approve(form1).to(), b.approve(form2).to()
	if to1 == "" || to1 != to2 || h.audit.count("consent.approved", "") != 1 {
		t.Fatalf("double submit: %q and %q", to1, to2)
	}
	codes := 0
	for _, back := range []string{h.idp.Approve(t, to1, "alice").String(), h.idp.Approve(t, to2, "alice").String()} {
		if strings.Contains(b.get(back).header.Get("Location"), "code=") {
			codes++
		}
	}
	if codes != 1 {
		t.Errorf("got %d codes", codes)
	}
}

func TestDenyTellsTheClient(t *testing.T) { // CB-10
	h := newHouse(t)
	b := h.browser()
	_, form := b.consent("m", authorizeParams(h.public("m", loopback), loopback))
	form.Set("decision", "deny")
	a := b.approve(form)
	u, _ := url.Parse(a.to())
	if a.status != 200 || u.Query().Get("error") != "access_denied" || u.Query().Get("state") != "st&1" || u.Query().Get("iss") != h.url+"/m" {
		t.Errorf("got %d %s", a.status, u)
	}
	form.Set("decision", "allow")
	if a := b.approve(form); a.status != 400 || h.audit.count("consent.denied", "") != 1 {
		t.Errorf("allow after deny: got %d", a.status)
	}
}

func TestOtherPersonIsAskedAgain(t *testing.T) { // CB-01
	h := newHouse(t)
	client := h.public("m", loopback)
	b := h.browser()
	b.signIn("m", "alice", authorizeParams(client, loopback))
	a := b.signIn("m", "bob", authorizeParams(client, loopback)) // the page named alice
	if a.status != 302 || !strings.Contains(a.header.Get("Location"), "/oauth/consent?login=") {
		t.Fatalf("got %d %s", a.status, a.header.Get("Location"))
	}
	page, form := b.form(a.header.Get("Location"))
	if !strings.Contains(page, "bob@example.com") {
		t.Error("the page does not name bob")
	}
	if a = b.approve(form); a.status != 200 || !strings.Contains(a.to(), "code=") {
		t.Errorf("after approval: %d %s", a.status, a.to())
	}
}

func TestRememberedConsent(t *testing.T) { // X13, RG-15
	h := newHouse(t)
	web, local := h.public("n", "https://app.example/cb"), h.public("n", loopback)
	b := h.browser()
	straight := func(client, redirect string) bool {
		a := b.get(h.endpoint("n", "authorize") + "?" + authorizeParams(client, redirect).Encode())
		return strings.HasPrefix(a.header.Get("Location"), h.idp.Issuer)
	}
	b.signIn("n", "alice", authorizeParams(web, "https://app.example/cb"))
	b.signIn("n", "alice", authorizeParams(local, loopback))
	if !straight(web, "https://app.example/cb") {
		t.Error("a remembered consent was asked for again")
	}
	if straight(local, loopback) {
		t.Error("a loopback client was not asked for")
	}
	sub := h.sub("alice")
	if err := h.store.PutForceLogin(t.Context(), sub, "n", h.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if straight(web, "https://app.example/cb") {
		t.Error("after a revocation consent was not asked for")
	}
}

func TestForcedLoginAsksForThePassword(t *testing.T) {
	h := newHouse(t)
	client := h.public("m", loopback)
	if err := h.store.PutForceLogin(t.Context(), h.sub("alice"), "m", h.clock.Now()); err != nil {
		t.Fatal(err)
	}
	b := h.browser() // unknown: only the provider's answer says who it is
	a := b.signIn("m", "alice", authorizeParams(client, loopback))
	u, _ := url.Parse(a.header.Get("Location"))
	if u.Query().Get("prompt") != "login" {
		t.Fatalf("not asked again: %d %s", a.status, u)
	}
	a = b.get(h.idp.Approve(t, u.String(), "alice").String())
	if !strings.Contains(a.header.Get("Location"), "code=") {
		t.Errorf("got %d %s", a.status, a.header.Get("Location"))
	}
	if left, _ := h.store.ForceLogins(t.Context()); len(left) != 0 {
		t.Error("the mark is still there")
	}
}

func TestSessionCookieIsNewAfterSignIn(t *testing.T) { // CB-08
	h := newHouse(t)
	b := h.browser()
	client := h.public("m", loopback)
	b.consent("m", authorizeParams(client, loopback))
	u, _ := url.Parse(h.url)
	before := b.c.Jar.Cookies(u)[0]
	b.signIn("m", "alice", authorizeParams(client, loopback))
	after := b.c.Jar.Cookies(u)[0]
	if before.Value == after.Value {
		t.Error("same cookie")
	}
	old := h.browser()
	old.c.Jar.SetCookies(u, []*http.Cookie{before})
	if page, _ := old.consent("m", authorizeParams(client, loopback)); strings.Contains(page, "alice@example.com") {
		t.Error("the old cookie is signed in")
	}
}

func TestPhishingNameIsText(t *testing.T) { // RG-08, CB-05
	h := newHouse(t)
	a := h.register("m", `{"redirect_uris":["`+loopback+`"],"client_name":"Google\u202e<script>alert(1)</script>","logo_uri":"http://127.0.0.1:1/x","token_endpoint_auth_method":"none"}`)
	page, _ := h.browser().consent("m", authorizeParams(a.str("client_id"), loopback))
	for _, bad := range []string{"<script", "\u202e", "<img", "127.0.0.1:1/x"} {
		if strings.Contains(page, bad) {
			t.Errorf("page holds %q", bad)
		}
	}
}

func TestBlockedClientStops(t *testing.T) {
	h := newHouse(t)
	client, first := h.tokens("m", "alice")
	if err := h.server.SetClientState(t.Context(), client, store.Blocked, "test"); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.refresh("m", client, first.str("refresh_token")), 401, "invalid_client")
	if a := h.browser().get(h.endpoint("m", "authorize") + "?" + authorizeParams(client, loopback).Encode()); a.status != 400 {
		t.Errorf("authorize: got %d", a.status)
	}
}

// sub is our stable id of a person of the provider's.
func (h *house) sub(person string) string {
	h.t.Helper()
	_, a := h.tokens("n", person)
	c, err := h.enter("n", "Bearer "+a.str("access_token"))
	if err != nil {
		h.t.Fatal(err)
	}
	return c.Session.Sub
}
