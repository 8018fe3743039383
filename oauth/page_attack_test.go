package oauth

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/gatetest"
)

func TestFormIsNeverAnsweredByARedirectAway(t *testing.T) { // CB-04: form-action 'self' holds for brokering providers too
	h := newHouse(t)
	client := h.public("m", "https://app.example/cb")
	for _, decision := range []string{"allow", "deny"} {
		b := h.browser()
		_, form := b.consent("m", authorizeParams(client, "https://app.example/cb"))
		form.Set("decision", decision)
		a := b.approve(form)
		if a.status != 200 || a.header.Get("Location") != "" || !strings.HasPrefix(a.header.Get("Refresh"), "0; url=http") {
			t.Errorf("%s: %d %v", decision, a.status, a.header)
		}
		if csp := a.header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, "form-action 'self'") {
			t.Errorf("%s: %s", decision, csp)
		}
	}
}

func TestPrefetchChangesNothing(t *testing.T) { // CB-12, on every page of a login
	h := newHouse(t)
	client := h.public("n", loopback)
	b := h.browser()
	at := h.endpoint("n", "authorize") + "?" + authorizeParams(client, loopback).Encode()
	guess := func(at string, name, value string) {
		t.Helper()
		r, err := http.NewRequest("GET", at, nil)
		if err == nil {
			r.Header.Set(name, value)
		}
		if a := b.do(r, err); a.status != 503 || a.to() != "" || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %v", at, a.status, a.header)
		}
	}
	guess(at, "Sec-Purpose", "prefetch;prerender")
	guess(at, "Purpose", "prefetch")
	a := b.get(at)
	guess(a.to(), "Sec-Purpose", "prefetch")
	_, form := b.form(a.to())
	back := h.idp.Approve(t, b.approve(form).to(), "bob").String()
	guess(back, "Sec-Purpose", "prefetch")
	a = b.get(back) // the state was not used up
	if a.status != 403 {
		t.Fatalf("callback: %d %s", a.status, a.body)
	}
	guess(a.to(), "Sec-Purpose", "prefetch")
	if a = b.get(a.to()); !strings.Contains(a.to(), "code=") {
		t.Errorf("finish: %d %s", a.status, a.body)
	}
}

func TestPagesOfOneAddressAreBounded(t *testing.T) { // DS-09, AU-09
	h := newHouse(t)
	b := h.browser()
	a := b.get(h.endpoint("m", "authorize") + "?" + authorizeParams(h.public("m", loopback), loopback).Encode())
	var last answerOf
	for range addressCap + 1 {
		last = b.get(a.to())
	}
	if last.status != 429 || last.header.Get("Retry-After") == "" || !strings.Contains(last.header.Get("Content-Type"), "html") {
		t.Errorf("got %d %v", last.status, last.header)
	}
	if got := h.audit.count("consent.shown", ""); got > addressCap {
		t.Errorf("%d lines", got)
	}
	for _, path := range []string{"callback?state=x&code=y", "finish?login=x", "forget?login=x"} {
		if a := b.get(h.url + "/api/v1/oauth/" + path); a.status != 429 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	h.clock.Add(time.Minute)
	if a := b.get(a.to()); a.status != 200 {
		t.Errorf("a minute later: %d", a.status)
	}
}

func TestAuthorizeAliasIsLimitedBeforeTheStoreIsAsked(t *testing.T) {
	h := newHouse(t)
	var a answerOf
	for range 121 {
		a = h.browser().get(h.url + "/authorize?client_id=nope")
	}
	if a.status != 429 {
		t.Errorf("got %d", a.status)
	}
	if h.audit.count("flow.step", "invalid_request") == 0 {
		t.Error("a refused request on the alias left no trace")
	}
}

func TestEveryAnswerHasItsHeaders(t *testing.T) { // AZ-12, TK-14, CB-04
	h := newHouse(t)
	paths := []string{"/authorize", "/oauth/authorize", "/token", "/oauth/token", "/register", "/oauth/dcr", "/oauth/revoke", "/api/v1/oauth/register",
		"/api/v1/oauth/callback", "/api/v1/oauth/consent", "/api/v1/oauth/finish", "/api/v1/oauth/forget", "/.well-known/x", "/.well-known/oauth-protected-resource"}
	for _, proxy := range []string{"m", "9", "nope", "open"} {
		for _, name := range []string{"authorize", "token", "register", "revoke", "jwks.json", "x", "", "token/"} {
			paths = append(paths, endpointPrefix+proxy+"/"+name)
		}
	}
	for _, path := range paths {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"} {
			r, err := http.NewRequest(method, h.url+path, nil)
			a := h.browser().do(r, err)
			hd := a.header
			cached := strings.HasSuffix(path, "jwks.json") && a.status == 200
			switch {
			case a.status >= 500:
				t.Errorf("%s %s: %d", method, path, a.status)
			case method == "OPTIONS" && a.status == 204:
				if hd.Get("Access-Control-Allow-Origin") != "*" || hd.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s %s: %v", method, path, hd)
				}
			case !cached && hd.Get("Cache-Control") != "no-store", hd.Get("X-Content-Type-Options") != "nosniff":
				t.Errorf("%s %s: %d %v", method, path, a.status, hd)
			case strings.HasPrefix(hd.Get("Content-Type"), "text/html") && (hd.Get("X-Frame-Options") != "DENY" || hd.Get("Access-Control-Allow-Origin") != "" || hd.Get("Referrer-Policy") != "no-referrer"):
				t.Errorf("%s %s: %v", method, path, hd)
			}
			if a.status == 405 && hd.Get("Allow") == "" || hd.Get("Set-Cookie") != "" || hd.Get("Location") != "" {
				t.Errorf("%s %s: %d %v", method, path, a.status, hd)
			}
		}
	}
}

func TestNoPageRedirectsWhereItIsTold(t *testing.T) { // RU-11, RU-12
	h := newHouse(t)
	for _, more := range []string{"rd", "next", "redirect", "return_to", "redirect_uri", "url", "login", "RelayState", "post_logout_redirect_uri"} {
		for _, to := range []string{"https://evil.test/", "//evil.test", "/\\evil.test", "https:evil.test", h.url + ".evil.test"} {
			for _, path := range []string{"/api/v1/oauth/consent", "/api/v1/oauth/finish", "/api/v1/oauth/forget", "/api/v1/oauth/callback", "/authorize", endpointPrefix + "m/authorize"} {
				h.clock.Add(time.Second)
				a := h.browser().get(h.url + path + "?" + url.Values{more: {to}}.Encode())
				if a.to() != "" || strings.Contains(a.body, "evil.test") {
					t.Errorf("%s %s=%s: %d %s", path, more, to, a.status, a.to())
				}
			}
		}
	}
	w := h.own("GET", "/authorize?redirect_uri=//evil.test", "")
	if !strings.HasPrefix(w.Header().Get("Location"), h.url+"/api/v1/oauth-proxy/own/authorize?") {
		t.Errorf("alias: %s", w.Header().Get("Location"))
	}
}

func TestStrangersDoNotSeeTheTools(t *testing.T) { // TP-01: the list is for those who are in
	h := newHouse(t)
	client := h.public("m", loopback)
	b := h.browser()
	if page, _ := b.consent("m", authorizeParams(client, loopback)); strings.Contains(page, "danger") {
		t.Error("the consent page names tools to somebody unknown")
	}
	b.signIn("m", "alice", authorizeParams(client, loopback))
	if page, _ := b.consent("m", authorizeParams(client, loopback)); !strings.Contains(page, "danger") {
		t.Error("the consent page does not name tools to alice")
	}
}

func TestLoginOfAnotherBrowserGoesNowhere(t *testing.T) { // login CSRF: a link into the attacker's own login
	h := newHouse(t)
	mallory := h.browser()
	client := h.public("m", loopback)
	a := mallory.get(h.endpoint("m", "authorize") + "?" + authorizeParams(client, loopback).Encode())
	_, form := mallory.form(a.to())
	id := form.Get("login")
	victim := h.browser()
	victim.signIn("m", "alice", authorizeParams(client, loopback))
	for _, page := range []string{"consent", "finish", "forget"} {
		if a := victim.get(h.url + "/api/v1/oauth/" + page + "?login=" + id); a.status != 400 || a.to() != "" {
			t.Errorf("%s: %d %s", page, a.status, a.to())
		}
	}
	back := h.idp.Approve(t, mallory.approve(form).to(), "mallory").String()
	before, _ := url.Parse(h.url)
	cookie := victim.c.Jar.Cookies(before)[0].Value
	if a := victim.get(back); a.status != 400 || victim.c.Jar.Cookies(before)[0].Value != cookie {
		t.Errorf("the victim was signed in as somebody else: %d", a.status)
	}
}

func TestProviderAwayIsToldSoonAndCanBeTriedAgain(t *testing.T) { // RP-6
	t.Parallel() // it waits for a real time-out
	h := newHouse(t)
	client := h.public("m", loopback)
	h.idp.Fault("", gatetest.Hang)
	b := h.browser()
	began := time.Now()
	_, form := b.consent("m", authorizeParams(client, loopback))
	if took := time.Since(began); took > time.Second {
		t.Errorf("the consent page waited %v for the provider", took)
	}
	began = time.Now()
	a := b.approve(form)
	if took := time.Since(began); a.status != 503 || took > 6*time.Second || !strings.Contains(a.body, "/api/v1/oauth/consent?login=") {
		t.Fatalf("%d after %v: %s", a.status, took, a.body)
	}
	h.idp.Fault("", "")
	h.clock.Add(time.Minute) // the provider is not asked again at once
	if a = b.get(h.url + "/api/v1/oauth/consent?login=" + form.Get("login")); !strings.HasPrefix(a.to(), h.idp.Issuer) {
		t.Errorf("again: %d %s", a.status, a.to())
	}
}
