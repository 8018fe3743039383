package web

import (
	"flag"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/policy"
)

var update = flag.Bool("update", false, "rewrite the golden pages")

const public = "https://gw1.example.com"

// page is one rendering that the golden files hold.
type page struct {
	name   string
	status int
	show   func(p *Pages, w http.ResponseWriter)
}

func fullConsent() ConsentData {
	return ConsentData{
		App: "Claude", AppID: "c_7Jm2vQ0pYw", AppKind: "dcr", RegisteredAgo: "2 minutes ago", RedirectHost: "claude.ai",
		RedirectURI: "https://claude.ai/api/mcp/auth_callback", Proxy: "github-mcp", Gateway: "gw1.example.com",
		Resource: "https://gw1.example.com/github-mcp", Provider: "okta", SignedInAs: "alice@example.com",
		Tools:       []string{"search_issues", "get_issue", "create_issue", "merge_pull_request", "list_branches", "get_file_contents"},
		ToolsDenied: []ToolDenied{{"delete_repo", "admins"}, {"drop_everything", ""}}, Changing: 2,
		Scopes: []string{"notes.read"}, ProviderScopes: []string{"repo", "read:user"},
		Until: time.Date(2026, 12, 20, 9, 0, 0, 0, time.UTC), Offline: true, Action: "/api/v1/oauth-proxy/github-mcp/consent",
		CSRF: "csrf-token", LoginID: "login-id", RequestID: "r_8f2k1c",
	}
}

func pages() []page {
	consent := func(name string, change func(*ConsentData)) page {
		d := fullConsent()
		change(&d)
		return page{name, 200, func(p *Pages, w http.ResponseWriter) { p.Consent(w, 200, d) }}
	}
	return []page{
		consent("consent", func(*ConsentData) {}),
		consent("consent_loopback", func(d *ConsentData) {
			d.App, d.Loopback, d.LookAlike, d.SignedInAs = "Claude Code", true, true, ""
			d.RedirectHost, d.RedirectURI = "localhost:51234", "http://localhost:51234/callback"
			d.Tools, d.ToolsDenied, d.Scopes, d.ProviderScopes = nil, nil, nil, nil
		}),
		consent("consent_scheme", func(d *ConsentData) {
			d.App, d.AppID, d.AppKind, d.RedirectHost, d.RedirectURI = "cursor", "cursor", "yaml", "cursor:", "cursor://anysphere.cursor-mcp/oauth/user-notes/callback"
			d.Offline = false
		}),
		{"continue", 200, func(p *Pages, w http.ResponseWriter) {
			p.Continue(w, ContinueData{To: "okta", URL: "https://example.okta.com/authorize?state=1&scope=openid+email", RequestID: "r_5"})
		}},
		{"continue_denied", 200, func(p *Pages, w http.ResponseWriter) {
			p.Continue(w, ContinueData{To: "Claude", Back: true, Denied: true, URL: "http://localhost:51234/callback?error=access_denied"})
		}},
		{"signed_in", 200, func(p *Pages, w http.ResponseWriter) {
			p.SignedIn(w, SignedInData{App: "Cursor", Proxy: "notes", User: "alice@example.com", ReturnURL: "cursor://anysphere.cursor-mcp/oauth/x/callback?code=abc&state=s%2F1", RequestID: "r_1"})
		}},
		{"signed_in_web", 200, func(p *Pages, w http.ResponseWriter) {
			p.SignedIn(w, SignedInData{App: "Claude", Proxy: "notes", User: "alice@example.com", ReturnURL: "https://claude.ai/cb"})
		}},
		{"refused", 403, func(p *Pages, w http.ResponseWriter) {
			p.Refused(w, RefusedData{App: "Claude Code", Proxy: "notes", User: "bob@example.com", Reason: policy.ReasonNotInGroup, Missing: []string{"engineering", "data"}, ReturnURL: "https://gw1.example.com/api/v1/oauth/finish?login=l_1", Seconds: 30, RequestID: "r_2"})
		}},
		{"refused_blocked", 403, func(p *Pages, w http.ResponseWriter) {
			p.Refused(w, RefusedData{App: "Claude Code", Proxy: "notes", User: "eve@example.com", Reason: policy.ReasonUserBlocked, Contact: "security@example.com", RequestID: "r_3"})
		}},
		{"error", 400, func(p *Pages, w http.ResponseWriter) {
			p.Error(w, 400, ErrorData{Title: "This sign-in has expired", What: "It was started more than ten minutes ago, or in another browser.", Whose: "Nothing is broken; for your safety a sign-in has to be finished soon, where it began.", Do: "go back to the app and connect again.", RequestID: "r_4", RetryURL: "/api/v1/oauth-proxy/notes/authorize"})
		}},
	}
}

func TestGoldenPages(t *testing.T) {
	for _, pg := range pages() {
		t.Run(pg.name, func(t *testing.T) {
			p := New(public)
			p.Demo = pg.name == "consent_loopback" || pg.name == "refused_blocked"
			w := httptest.NewRecorder()
			pg.show(p, w)
			if w.Code != pg.status {
				t.Errorf("status %d, want %d", w.Code, pg.status)
			}
			// The hash of the style sheet changes with every touch of it and says nothing about the page.
			got := strings.ReplaceAll(w.Body.String(), p.styleURL, StylePath)
			file := filepath.Join("testdata", pg.name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs (go test ./web -update rewrites it):\n%s", file, got)
			}
		})
	}
}

// TestEveryPageCannotBeFramedOrScripted is CB-04 for every page.
func TestEveryPageCannotBeFramedOrScripted(t *testing.T) {
	p := New(public)
	for _, pg := range pages() {
		w := httptest.NewRecorder()
		pg.show(p, w)
		for name, want := range map[string]string{
			"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Content-Type": "text/html; charset=utf-8",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s %q, want %q", pg.name, name, got, want)
			}
		}
		csp := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "style-src 'self'", "img-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: no %q in %q", pg.name, want, csp)
			}
		}
		body := w.Body.String()
		for _, never := range []string{"<script", "<img", "<iframe", "style=", " onload", "javascript:", "autofocus", "<style"} {
			if strings.Contains(body, never) {
				t.Errorf("%s contains %q", pg.name, never)
			}
		}
		if n := strings.Count(body, "<h1"); n != 1 {
			t.Errorf("%s has %d h1", pg.name, n)
		}
		if !strings.Contains(body, `<html lang="en">`) {
			t.Errorf("%s has no lang", pg.name)
		}
		if strings.HasPrefix(pg.name, "refused") || strings.HasPrefix(pg.name, "error") {
			if !strings.Contains(body, `role="alert"`) {
				t.Errorf("%s does not announce itself", pg.name)
			}
		}
	}
}

// TestPagesThatGoOnSayWhere: a page that goes on by itself says so and has the link (WCAG 2.2.1).
func TestPagesThatGoOnSayWhere(t *testing.T) {
	for name, want := range map[string]string{
		"continue": "0; url=https://example.okta.com/authorize?state=1&scope=openid+email", "refused": "30; url=https://gw1.example.com/api/v1/oauth/finish?login=l_1",
		"continue_denied": "0; url=http://localhost:51234/callback?error=access_denied",
		"signed_in":       "0; url=cursor://anysphere.cursor-mcp/oauth/x/callback?code=abc&state=s%2F1", "consent": "", "error": "", "refused_blocked": "",
	} {
		pg := pages()[slices.IndexFunc(pages(), func(p page) bool { return p.name == name })]
		w := httptest.NewRecorder()
		pg.show(New(public), w)
		if got := w.Header().Get("Refresh"); got != want {
			t.Errorf("%s: Refresh %q, want %q", name, got, want)
		}
		_, to, _ := strings.Cut(want, "url=")
		if !strings.Contains(html.UnescapeString(w.Body.String()), `href="`+to) {
			t.Errorf("%s has no link to %s", name, to)
		}
	}
}

// TestNothingRunsByRefresh: what cannot be a link cannot be gone to either.
func TestNothingRunsByRefresh(t *testing.T) {
	for _, to := range []string{"javascript:alert(1)", "data:text/html,x", "//evil.test", "/x", "", "https://a.test/\r\nX: y", "https://a.test/ b", "https://a.test/\u202e"} {
		w := httptest.NewRecorder()
		New(public).Continue(w, ContinueData{To: "x", URL: to})
		if got := w.Header().Get("Refresh"); got != "" {
			t.Errorf("%q: Refresh %q", to, got)
		}
	}
}

func TestCancelComesFirstAndTheHostIsNeverHidden(t *testing.T) {
	for _, pg := range pages()[:3] {
		w := httptest.NewRecorder()
		pg.show(New(public), w)
		body := w.Body.String()
		if c, a := strings.Index(body, `value="deny"`), strings.Index(body, `value="allow"`); c < 0 || a < c {
			t.Errorf("%s: Cancel at %d, Allow at %d", pg.name, c, a)
		}
		host, details := strings.Index(body, `class="where"`), strings.Index(body, "<details")
		if host < 0 || details < host {
			t.Errorf("%s: the redirect host at %d, the first details at %d", pg.name, host, details)
		}
	}
}

func TestStyleSheet(t *testing.T) {
	p := New(public)
	w := httptest.NewRecorder()
	p.ServeCSS(w, httptest.NewRequest("GET", p.styleURL, nil))
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(w.Body.String(), "prefers-color-scheme: dark") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	w = httptest.NewRecorder()
	p.ServeCSS(w, httptest.NewRequest("POST", StylePath, nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	for _, never := range []string{"url(", "@import", "http:", "https:"} {
		if strings.Contains(string(style), never) {
			t.Errorf("the style sheet fetches something: %q", never)
		}
	}
}
