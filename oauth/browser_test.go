package oauth

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatehouse/session"
)

// answer is a response, read.
type answerOf struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

// to is where the browser goes on to, by redirect or by the page itself.
func (a answerOf) to() string {
	if to := a.header.Get("Location"); to != "" {
		return to
	}
	_, to, _ := strings.Cut(a.header.Get("Refresh"), "url=")
	return to
}

func (a answerOf) str(name string) string { s, _ := a.json[name].(string); return s }

// browser does not follow redirects.
type browser struct {
	h *house
	c *http.Client
}

func (h *house) browser() *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{h, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *browser) do(r *http.Request, err error) answerOf {
	b.h.t.Helper()
	if err != nil {
		b.h.t.Fatal(err)
	}
	resp, err := b.c.Do(r)
	if err != nil {
		b.h.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	a := answerOf{status: resp.StatusCode, header: resp.Header, body: string(raw)}
	json.Unmarshal(raw, &a.json)
	return a
}

func (b *browser) get(u string) answerOf { b.h.t.Helper(); return b.do(http.NewRequest("GET", u, nil)) }

func (b *browser) post(u string, form url.Values, headers ...string) answerOf {
	b.h.t.Helper()
	r, err := http.NewRequest("POST", u, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return b.do(r, err)
}

func (h *house) post(path string, form url.Values, headers ...string) answerOf {
	h.t.Helper()
	return h.browser().post(h.url+path, form, headers...)
}

func (h *house) register(proxy, body string) answerOf {
	h.t.Helper()
	r, err := http.NewRequest("POST", h.endpoint(proxy, "register"), strings.NewReader(body))
	if err == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return h.browser().do(r, err)
}

func (h *house) endpoint(proxy, name string) string {
	return h.url + "/api/v1/oauth-proxy/" + proxy + "/" + name
}

// public registers a public client and gives its id.
func (h *house) public(proxy, redirect string) string {
	h.t.Helper()
	a := h.register(proxy, fmt.Sprintf(`{"redirect_uris":[%q],"client_name":"Test","token_endpoint_auth_method":"none"}`, redirect))
	if a.status != 201 {
		h.t.Fatalf("register: %d %s", a.status, a.body)
	}
	return a.str("client_id")
}

func authorizeParams(client, redirect string, more ...string) url.Values {
	q := url.Values{"response_type": {"code"}, "client_id": {client}, "redirect_uri": {redirect}, "state": {"st&1"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] == "" {
			q.Del(more[i])
		} else {
			q.Set(more[i], more[i+1])
		}
	}
	return q
}

var hidden = regexp.MustCompile(`name="(login|csrf)" value="([^"]+)"`)

// consent opens the consent page of a login and gives its form.
func (b *browser) consent(proxy string, q url.Values) (page string, form url.Values) {
	b.h.t.Helper()
	a := b.get(b.h.endpoint(proxy, "authorize") + "?" + q.Encode())
	if a.status != 302 || !strings.Contains(a.header.Get("Location"), "/api/v1/oauth/consent?login=") {
		b.h.t.Fatalf("authorize: %d %s %s", a.status, a.header.Get("Location"), a.body)
	}
	return b.form(a.header.Get("Location"))
}

func (b *browser) form(at string) (string, url.Values) {
	b.h.t.Helper()
	a := b.get(at)
	if a.status != 200 {
		b.h.t.Fatalf("consent page: %d %s", a.status, a.body)
	}
	form := url.Values{"decision": {"allow"}}
	for _, m := range hidden.FindAllStringSubmatch(a.body, -1) {
		form.Set(m[1], m[2])
	}
	return a.body, form
}

func (b *browser) approve(form url.Values) answerOf {
	b.h.t.Helper()
	return b.post(b.h.url+"/api/v1/oauth/consent", form)
}

// signIn goes through consent and provider and gives the answer of the callback.
func (b *browser) signIn(proxy, person string, q url.Values) answerOf {
	b.h.t.Helper()
	_, form := b.consent(proxy, q)
	a := b.approve(form)
	if a.status != 200 {
		b.h.t.Fatalf("approve: %d %s", a.status, a.body)
	}
	return b.get(b.h.idp.Approve(b.h.t, a.to(), person).String())
}

// code is a new code of person's for client on proxy.
func (h *house) code(proxy, person, client, redirect string) string {
	h.t.Helper()
	a := h.browser().signIn(proxy, person, authorizeParams(client, redirect))
	u, _ := url.Parse(a.header.Get("Location"))
	if a.status != 302 || u.Query().Get("code") == "" {
		h.t.Fatalf("callback: %d %q %s", a.status, a.header.Get("Location"), a.body)
	}
	return u.Query().Get("code")
}

func codeForm(client, redirect, code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "redirect_uri": {redirect}, "code": {code}, "code_verifier": {verifier}}
}

func (h *house) redeem(proxy, client, redirect, code string) answerOf {
	h.t.Helper()
	return h.post("/api/v1/oauth-proxy/"+proxy+"/token", codeForm(client, redirect, code))
}

func (h *house) refresh(proxy, client, token string) answerOf {
	h.t.Helper()
	return h.post("/api/v1/oauth-proxy/"+proxy+"/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {token}})
}

const loopback = "http://127.0.0.1:7777/cb"

// tokens signs person in to proxy with a public loopback client.
func (h *house) tokens(proxy, person string) (client string, a answerOf) {
	h.t.Helper()
	client = h.public(proxy, loopback)
	a = h.redeem(proxy, client, loopback, h.code(proxy, person, client, loopback))
	if a.status != 200 {
		h.t.Fatalf("token: %d %s", a.status, a.body)
	}
	return client, a
}

// enter is what a request with these Authorization headers is told at proxy; nil is let in.
func (h *house) enter(proxy string, authorization ...string) (session.Caller, *session.AuthError) {
	h.t.Helper()
	g := h.gate.Load()
	r := httptest.NewRequest("POST", "/", nil)
	r.Header["Authorization"] = authorization
	c, err := g.Authenticate(r, g.cfg.Proxies[proxy])
	if err == nil {
		return c, nil
	}
	return c, err.(*session.AuthError)
}

func (h *house) wantIn(proxy, token string, in bool) {
	h.t.Helper()
	_, err := h.enter(proxy, "Bearer "+token)
	if (err == nil) != in {
		h.t.Errorf("token at %s: got %v, want in=%v", proxy, err, in)
	}
}

func wantError(t *testing.T, a answerOf, status int, code string) {
	t.Helper()
	if a.status != status || a.str("error") != code {
		t.Errorf("got %d %s, want %d %s", a.status, a.body, status, code)
	}
}
