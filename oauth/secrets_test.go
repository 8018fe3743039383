package oauth

import (
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/gatetest"
)

// TestNothingSecretIsWrittenDown goes through a login, a refresh, replays and refusals and then looks for every secret of
// it in the log, the audit log and the files of the store (AU-01, UO-13, B24).
func TestNothingSecretIsWrittenDown(t *testing.T) {
	h := newHouse(t)
	secrets := map[string]string{"provider's client secret": "idp-client-secret-canary"}
	h.idp.TokenAnswer(func(m map[string]any) {
		for _, name := range []string{"access_token", "refresh_token", "id_token"} {
			if s, _ := m[name].(string); s != "" {
				secrets["provider's "+name] = s
			}
		}
	})
	confidential := h.register("m", `{"redirect_uris":["https://c.example/cb"]}`)
	secrets["client secret"] = confidential.str("client_secret")
	client := h.public("m", loopback)
	b := h.browser()
	q := authorizeParams(client, loopback, "state", "state-canary-0123456789", "login_hint", "hint-canary@example.com")
	_, form := b.consent("m", q)
	secrets["csrf"], secrets["client's state"] = form.Get("csrf"), "state-canary-0123456789"
	to, _ := url.Parse(b.approve(form).to())
	secrets["provider's state"], secrets["nonce"] = to.Query().Get("state"), to.Query().Get("nonce")
	back := h.idp.Approve(t, to.String(), "alice")
	secrets["provider's code"] = back.Query().Get("code")
	a := b.get(back.String())
	b.get(back.String()) // replayed
	u, _ := url.Parse(h.url)
	secrets["cookie"] = b.c.Jar.Cookies(u)[0].Value
	for i, half := range strings.Split(secrets["cookie"], ".") {
		secrets["cookie "+string(rune('0'+i))] = half
	}
	code, _ := url.Parse(a.to())
	secrets["code"] = code.Query().Get("code")
	secrets["verifier"] = verifier
	tokens := h.redeem("m", client, loopback, secrets["code"])
	secrets["access token"], secrets["refresh token"] = tokens.str("access_token"), tokens.str("refresh_token")
	next := h.refresh("m", client, secrets["refresh token"])
	secrets["second refresh token"], secrets["second access token"] = next.str("refresh_token"), next.str("access_token")
	at := "/api/v1/oauth-proxy/m/"
	h.post(at+"token?client_secret="+secrets["client secret"], url.Values{})
	h.raw(at+"token", "grant_type=refresh_token&client_id="+confidential.str("client_id")+"&client_secret=wrong-secret-canary", "Content-Type", formType)
	secrets["wrong secret"] = "wrong-secret-canary"
	h.post(at+"revoke", url.Values{"client_id": {client}, "token": {"junk-token-canary-0123456789"}})
	secrets["junk token"] = "junk-token-canary-0123456789"
	h.enter("m", "Bearer junk-token-canary-0123456789")
	h.browser().get(h.url + "/api/v1/oauth/callback?code=code-canary-0123456789&state=junk-state-canary")
	secrets["stray code"], secrets["stray state"] = "code-canary-0123456789", "junk-state-canary"
	h.clock.Add(2 * time.Minute)
	h.refresh("m", client, secrets["refresh token"]) // a replay
	h.idp.Fault("/token", gatetest.Error500)
	b2, down := h.begun("m", "bob", client, loopback)
	b2.get(down)

	h.audit.mu.Lock()
	events, err := json.Marshal(h.audit.events)
	h.audit.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	files := ""
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(h.file + suffix)
		if err != nil && suffix == "" {
			t.Fatal(err)
		}
		files += string(raw)
	}
	for name, secret := range secrets {
		if len(secret) < 8 {
			t.Errorf("%s: there is none to look for: %q", name, secret)
			continue
		}
		for where, text := range map[string]string{"log": h.log.String(), "audit": string(events), "store": files} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in the %s", name, where)
			}
		}
	}
}

// TestEveryDecisionIsWrittenDown is AU-03 for sign-in: what was decided, and how often.
func TestEveryDecisionIsWrittenDown(t *testing.T) {
	h := newHouse(t)
	var seen []string
	told := 0
	since := func(want ...string) {
		t.Helper()
		h.audit.mu.Lock()
		defer h.audit.mu.Unlock()
		seen = seen[:0]
		for _, e := range h.audit.events[told:] {
			word := e.Event + " " + e.Outcome
			if e.Reason != "" {
				word += " " + e.Reason
			}
			if e.Event == "flow.step" {
				word += " " + e.Action
			}
			seen = append(seen, word)
			if e.Req.ID == "" && e.Event != "session.ended" || e.Src.IP == "" || e.Actor.Type == "" {
				t.Errorf("%s lacks its request, address or actor: %+v", word, e)
			}
		}
		told = len(h.audit.events)
		if !slices.Equal(seen, want) {
			t.Errorf("got  %q\nwant %q", seen, want)
		}
	}
	client := h.public("m", loopback)
	since("client.registered allowed")
	h.register("m", `{"redirect_uris":["javascript:x"]}`)
	since("client.rejected denied invalid_redirect_uri")
	b := h.browser()
	b.get(h.endpoint("m", "authorize") + "?client_id=nope")
	since("flow.step denied invalid_client authorize")
	_, form := b.consent("m", authorizeParams(client, loopback))
	since("flow.step allowed authorize", "consent.shown allowed")
	back := h.idp.Approve(t, b.approve(form).to(), "alice").String()
	since("consent.approved allowed", "flow.step allowed provider")
	a := b.get(back)
	since("auth.login allowed", "flow.step allowed code")
	b.get(back)
	since("auth.callback_rejected denied state_unknown")
	u, _ := url.Parse(a.to())
	wrong := codeForm(client, loopback, u.Query().Get("code"))
	wrong.Set("code_verifier", strings.Repeat("x", 43))
	h.post("/token", wrong)
	since("token.denied denied invalid_code_verifier")
	first := h.redeem("m", client, loopback, u.Query().Get("code"))
	since("session.opened allowed", "token.issued allowed")
	h.redeem("m", client, loopback, u.Query().Get("code"))
	since("session.ended allowed", "token.denied denied code_replayed")
	h.refresh("m", client, first.str("refresh_token"))
	since("token.denied denied session_ended")
	first = h.redeem("m", client, loopback, h.code("m", "alice", client, loopback))
	told = len(h.audit.events)
	second := h.refresh("m", client, first.str("refresh_token"))
	since("token.refreshed allowed")
	h.post("/oauth/revoke", url.Values{"client_id": {client}, "token": {second.str("access_token")}})
	since("token.revoked allowed")
	h.clock.Add(2 * time.Minute)
	h.refresh("m", client, first.str("refresh_token"))
	since("session.ended allowed", "token.refresh_reuse denied refresh_reuse", "token.denied denied refresh_reuse")
	_, form = b.consent("m", authorizeParams(client, loopback))
	since("flow.step allowed authorize", "consent.shown allowed")
	form.Set("decision", "deny")
	b.approve(form)
	since("consent.denied denied access_denied")
}
