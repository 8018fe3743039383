package demo_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"gatehouse/demo"
)

const (
	idpCallback = "http://localhost:8080/api/v1/oauth/callback"
	// challenge of the verifier in RFC 7636 appendix B.
	rfcVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	rfcChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

type idpFixture struct {
	*testing.T
	url string
	now time.Time
	c   *http.Client
}

func newIdPFixture(t *testing.T) *idpFixture {
	t.Helper()
	f := &idpFixture{T: t, now: time.Now(), c: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	s := httptest.NewUnstartedServer(nil)
	f.url = "http://" + s.Listener.Addr().String()
	s.Config.Handler = demo.NewIdP(f.url, "gatehouse", "secret", []string{idpCallback}, demo.Accounts(), func() time.Time { return f.now })
	s.Start()
	t.Cleanup(s.Close)
	return f
}

func (f *idpFixture) authorize(edit func(url.Values)) (*http.Response, string) {
	f.Helper()
	q := url.Values{"response_type": {"code"}, "client_id": {"gatehouse"}, "redirect_uri": {idpCallback}, "scope": {"openid email offline_access"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {rfcChallenge}, "code_challenge_method": {"S256"}}
	if edit != nil {
		edit(q)
	}
	resp, err := f.c.Get(f.url + "/authorize?" + q.Encode())
	if err != nil {
		f.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp, string(b)
}

func (f *idpFixture) code() string {
	f.Helper()
	_, page := f.authorize(nil)
	resp := f.click(page, "alice")
	u, err := resp.Location()
	if err != nil || u.Query().Get("code") == "" || u.Query().Get("iss") != f.url {
		f.Fatalf("answer %v, %v", u, err)
	}
	return u.Query().Get("code")
}

func (f *idpFixture) click(page, person string) *http.Response {
	f.Helper()
	_, rest, _ := strings.Cut(page, `name="request" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	resp, err := f.c.PostForm(f.url+"/authorize", url.Values{"request": {id}, "person": {person}})
	if err != nil {
		f.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

func (f *idpFixture) token(form url.Values) (int, string) {
	f.Helper()
	req, _ := http.NewRequest(http.MethodPost, f.url+"/token", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !form.Has("client_id") {
		req.SetBasicAuth("gatehouse", "secret")
	}
	resp, err := f.c.Do(req)
	if err != nil {
		f.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestIdPIsStrictAtAuthorize(t *testing.T) {
	f := newIdPFixture(t)
	for name, tt := range map[string]struct {
		edit     func(url.Values)
		redirect bool
	}{
		"foreign redirect_uri": {func(q url.Values) { q.Set("redirect_uri", "https://evil.example/") }, false},
		"redirect_uri + slash": {func(q url.Values) { q.Set("redirect_uri", idpCallback+"/") }, false},
		"unknown client":       {func(q url.Values) { q.Set("client_id", "x") }, false},
		"two redirect_uris":    {func(q url.Values) { q.Add("redirect_uri", "https://evil.example/") }, false},
		"no PKCE":              {func(q url.Values) { q.Del("code_challenge") }, true},
		"plain PKCE":           {func(q url.Values) { q.Set("code_challenge_method", "plain") }, true},
		"implicit flow":        {func(q url.Values) { q.Set("response_type", "token") }, true},
		"no openid":            {func(q url.Values) { q.Set("scope", "email") }, true},
	} {
		resp, _ := f.authorize(tt.edit)
		if got := resp.StatusCode == http.StatusSeeOther; got != tt.redirect || resp.StatusCode == http.StatusOK {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
		if u, err := resp.Location(); tt.redirect && (err != nil || u.Query().Get("error") == "" || u.Query().Get("state") != "s") {
			t.Errorf("%s: answer %v", name, u)
		}
	}
}

func TestIdPIsStrictAtToken(t *testing.T) {
	f := newIdPFixture(t)
	good := func(code string) url.Values {
		return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {idpCallback}, "code_verifier": {rfcVerifier}}
	}
	code := f.code()
	if status, body := f.token(good(code)); status != http.StatusOK || !strings.Contains(body, "refresh_token") {
		t.Fatalf("%d %s", status, body)
	}
	if status, _ := f.token(good(code)); status != http.StatusBadRequest {
		t.Errorf("a code worked twice: %d", status)
	}
	for name, edit := range map[string]func(url.Values){
		"wrong verifier":     func(v url.Values) { v.Set("code_verifier", strings.Repeat("x", 43)) },
		"other redirect_uri": func(v url.Values) { v.Set("redirect_uri", "https://evil.example/") },
		"wrong secret":       func(v url.Values) { v.Set("client_id", "gatehouse"); v.Set("client_secret", "x") },
	} {
		v := good(f.code())
		edit(v)
		if status, body := f.token(v); status < 400 {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	late := good(f.code())
	f.now = f.now.Add(2 * time.Minute)
	if status, _ := f.token(late); status != http.StatusBadRequest {
		t.Error("an old code worked")
	}
}

// The page works without scripts, says what it is, and every control has a name.
func TestIdPPage(t *testing.T) {
	f := newIdPFixture(t)
	resp, page := f.authorize(nil)
	csp := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("CSP %q", csp)
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			count[n.Data]++
		}
	}
	if count["h1"] != 1 || count["main"] != 1 || count["script"] != 0 || count["style"] != 0 || count["button"] != 4 || !strings.Contains(page, `lang="en"`) || !strings.Contains(page, "DEMO") {
		t.Errorf("elements %v", count)
	}
	if r := f.click(page, "alice"); r.StatusCode != http.StatusSeeOther {
		t.Errorf("click: %d", r.StatusCode)
	}
	if r := f.click(page, "alice"); r.StatusCode != http.StatusBadRequest {
		t.Errorf("second click: %d", r.StatusCode)
	}
}
