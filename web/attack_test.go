package web

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// TestForeignWordsAreNeverMarkup puts every payload into every string of every page (CB-05).
func TestForeignWordsAreNeverMarkup(t *testing.T) {
	payloads := []string{
		`"><svg onload=1>`, `'><img src=x onerror=1>`, `</title><script>1</script>`, `{{.CSRF}}<b>`, `javascript:alert(1)`, `data:text/html,<script>1</script>`,
		`&lt;script&gt;`, "x\u2028<script>", `--><script>`, `" autofocus onfocus="1`, "java\tscript:alert(1)", `//evil.test/x`, `\\evil.test`,
	}
	p := New(public)
	for _, payload := range payloads {
		var consent ConsentData
		var goingOn ContinueData
		var signedIn SignedInData
		var refused RefusedData
		var failed ErrorData
		for _, d := range []any{&consent, &goingOn, &signedIn, &refused, &failed} {
			fill(reflect.ValueOf(d).Elem(), payload)
		}
		for name, show := range map[string]func(http.ResponseWriter){
			"consent":   func(w http.ResponseWriter) { p.Consent(w, 200, consent) },
			"continue":  func(w http.ResponseWriter) { p.Continue(w, goingOn) },
			"signed in": func(w http.ResponseWriter) { p.SignedIn(w, signedIn) },
			"refused":   func(w http.ResponseWriter) { p.Refused(w, refused) },
			"error":     func(w http.ResponseWriter) { p.Error(w, 400, failed) },
		} {
			w := httptest.NewRecorder()
			show(w)
			body := w.Body.String()
			// The one svg of ours is without attributes that run anything.
			body = strings.Replace(body, `<svg width="22"`, "", 1)
			for _, never := range []string{"<svg", "<img", "<script", "<b>", `href="javascript:`, `href="data:`, `action="javascript:`, `action="data:`, `href="//`, `href="\\`, `" autofocus`} {
				if strings.Contains(body, never) {
					t.Errorf("%s with %q contains %q", name, payload, never)
				}
			}
			if strings.ContainsAny(w.Header().Get("Content-Security-Policy"), `<>"`) || strings.Contains(w.Header().Get("Content-Security-Policy"), "javascript") {
				t.Errorf("%s with %q: %q", name, payload, w.Header().Get("Content-Security-Policy"))
			}
		}
	}
}

// fill sets every string of a struct, so that a field added later is tested too.
func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), s)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), s)
			}
		}
	}
}

func TestClean(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"Claude", "Claude"},
		{"  Claude \n Code\t", "Claude Code"},
		{"Cla\u200bu\u2060de\ufeff", "Claude"},
		{"\u202eedualC\u202c", "edualC"},
		{"a\u2066b\u2069", "ab"},
		{"a\x00\x1b[31mb\u009bc", "a[31mbc"},
		{"\u3164\u2800\u115f", ""},
		{"e\u0301\u0301\u0301\u0301\u0301", "e\u0301\u0301"},
		{"\xff\xfeClaude", "Claude"},
		{"\U000e0041\U000e0042x", "x"},
		{"Zoë 日本語 🦊", "Zoë 日本語 🦊"},
		{strings.Repeat("é", 65), strings.Repeat("é", 63) + "…"},
		{strings.Repeat("é", 64), strings.Repeat("é", 64)},
		{strings.Repeat("a ", 64), strings.TrimSpace(strings.Repeat("a ", 32)[:63]) + "…"},
	} {
		if got := Clean(tc.in, 64); got != tc.want {
			t.Errorf("Clean(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("Claude\u202e", 64)
	f.Add("a b c", 3)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit %= 100
		got := Clean(s, limit)
		if n := len([]rune(got)); n > max(limit, 0) {
			t.Errorf("%d runes of at most %d: %q", n, limit, got)
		}
		if again := Clean(got, limit); again != got {
			t.Errorf("not stable: %q, then %q", got, again)
		}
	})
}

func TestLookAlikeHostIsShownAsItIs(t *testing.T) {
	for in, want := range map[string]string{
		"claude.ai": "claude.ai", "cl\u0430ude.ai": `cl\u0430ude.ai`, "claude.ai\u202e": `claude.ai\u202e`, "xn--clude-4ve.ai": "xn--clude-4ve.ai",
		strings.Repeat("claude.ai.", 40) + "evil.test": "…" + (strings.Repeat("claude.ai.", 40) + "evil.test")[109:],
	} {
		if got := cleanHost(in); got != want {
			t.Errorf("cleanHost(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestCookieFlags is CB-06.
func TestCookieFlags(t *testing.T) {
	w := httptest.NewRecorder()
	p := New(public)
	p.SetBrowser(w, "0123456789abcdef", 3600)
	c := w.Result().Cookies()[0]
	if !strings.HasPrefix(c.Name, "__Host-gatehouse-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 3600 {
		t.Errorf("%+v", c)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: strings.TrimPrefix(c.Name, "__Host-"), Value: "0123456789abcdef"})
	if got := p.BrowserCookie(r); got != "" {
		t.Errorf("a cookie without the prefix counts: %q", got)
	}
	r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	if got := p.BrowserCookie(r); got != c.Value {
		t.Errorf("BrowserCookie = %q", got)
	}
	r.AddCookie(&http.Cookie{Name: c.Name, Value: "planted-by-a-sibling"})
	if got := p.BrowserCookie(r); got != "" {
		t.Errorf("one of two cookies counts: %q", got)
	}

	w = httptest.NewRecorder()
	dev := New("http://localhost:8080")
	dev.SetBrowser(w, "0123456789abcdef", 0)
	c = w.Result().Cookies()[0]
	if c.Secure || !c.HttpOnly || !strings.HasSuffix(c.Name, "-dev") || strings.HasPrefix(c.Name, "__") {
		t.Errorf("on plain http %+v", c)
	}
	if n, _ := cookieName("http://localhost:8081"); n == c.Name {
		t.Error("two gatehouses on one host share a cookie")
	}
}

func TestConsentFormTokenIsBound(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	tok := CSRF(key, "browser", "login")
	if !CheckCSRF(key, "browser", "login", tok) || CSRF(key, "browser", "login") != tok {
		t.Fatal("the right token is refused")
	}
	for name, ok := range map[string]bool{
		"empty":           CheckCSRF(key, "browser", "login", ""),
		"other login":     CheckCSRF(key, "browser", "login2", tok),
		"other browser":   CheckCSRF(key, "browser2", "login", tok),
		"moved border":    CheckCSRF(key, "browserl", "ogin", tok),
		"no cookie":       CheckCSRF(key, "", "login", CSRF(key, "", "login")),
		"no login":        CheckCSRF(key, "browser", "", CSRF(key, "browser", "")),
		"no key":          CheckCSRF(nil, "browser", "login", CSRF(nil, "browser", "login")),
		"other key":       CheckCSRF([]byte("another key of 32 bytes, or more"), "browser", "login", tok),
		"with more on it": CheckCSRF(key, "browser", "login", tok+"A"),
	} {
		if ok {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestCrossSitePostIsRefused is CB-03's header half.
func TestCrossSitePostIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name         string
		site, origin []string
		want         bool
	}{
		{"ours", []string{"same-origin"}, []string{public}, true},
		{"ours, referrer hidden", []string{"same-origin"}, []string{"null"}, true},
		{"ours, old browser", nil, []string{public}, true},
		{"no browser", nil, nil, true},
		{"reloaded", []string{"none"}, nil, true},
		{"evil origin", nil, []string{"https://evil.test"}, false},
		{"evil origin says same-origin", []string{"same-origin"}, []string{"https://evil.test"}, false},
		{"cross-site without origin", []string{"cross-site"}, nil, false},
		{"cross-site with our origin", []string{"cross-site"}, []string{public}, false},
		{"sibling", []string{"same-site"}, []string{"https://other.example.com"}, false},
		{"sandboxed frame", []string{"cross-site"}, []string{"null"}, false},
		{"null without Sec-Fetch-Site", nil, []string{"null"}, false},
		{"null, typed", []string{"none"}, []string{"null"}, false},
		{"prefix of ours", nil, []string{public + ".evil.test"}, false},
		{"other port", nil, []string{public + ":8443"}, false},
		{"other scheme", nil, []string{"http://gw1.example.com"}, false},
		{"two origins", nil, []string{public, "https://evil.test"}, false},
		{"two sites", []string{"same-origin", "cross-site"}, nil, false},
		{"empty site", []string{""}, nil, false},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header["Sec-Fetch-Site"], r.Header["Origin"] = tc.site, tc.origin
		if got := SameOrigin(r, public); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestReturnLinkRunsNothing(t *testing.T) {
	for in, want := range map[string]string{
		"cursor://a/b?code=1": "cursor://a/b?code=1", "http://localhost:1/cb": "http://localhost:1/cb", "https://a.test/": "https://a.test/",
		"javascript:alert(1)": "", "JavaScript:alert(1)": "", "data:text/html,x": "", "vbscript:x": "", "file:///etc/passwd": "", "//evil.test": "", "/x": "", "": "", "https:x": "", "blob:https://a/1": "", "view-source:https://a": "",
	} {
		if got := link(in); string(got) != want {
			t.Errorf("link(%q) = %q, want %q", in, got, want)
		}
	}
}
