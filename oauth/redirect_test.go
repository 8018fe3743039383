package oauth

import (
	"net/url"
	"strings"
	"testing"
)

func TestMatchRedirect(t *testing.T) { // RU-01 … RU-06
	for _, c := range []struct {
		registered, asked string
		want              bool
	}{
		{"http://127.0.0.1/cb", "http://127.0.0.1:51000/cb", true},
		{"http://localhost:1/cb", "http://localhost:2/cb", true},
		{"http://localhost:1/cb", "http://localhost/cb", true},
		{"http://[::1]/cb", "http://[::1]:5/cb", true},
		{"http://127.0.0.1:1", "http://127.0.0.1:2", true},
		{"http://127.0.0.1:1", "http://127.0.0.1:2/", false},
		{"http://127.0.0.1/cb", "http://localhost/cb", false},
		{"http://127.0.0.1/cb?a=1", "http://127.0.0.1:5/cb?a=2", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:0/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:070/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:5@evil/cb", false},
		{"https://a/cb", "https://a/cb", true},
		{"https://a/cb", "https://a:443/cb", false},
		{"https://a/cb", "https://A/cb", false},
		{"https://a/cb", "https://a/./cb", false},
		{"https://a/cb", "https://a/%2e%2e/cb", false},
		{"cursor://x/cb", "cursor://x/cb", true},
		{"cursor://x/cb", "cursor://x:1/cb", false},
	} {
		if got := matchRedirect(c.registered, c.asked); got != c.want {
			t.Errorf("registered %q, asked %q: got %v", c.registered, c.asked, got)
		}
	}
}

func TestRedirectPatterns(t *testing.T) { // RU-07, B14, X12
	const cursor = "cursor://*/oauth/*/callback"
	for _, c := range []struct {
		pattern, uri string
		want         bool
	}{
		{cursor, "cursor://anysphere.cursor-retrieval/oauth/user/callback", true},
		{cursor, "cursor://a/oauth/b/callback", true},
		{cursor, "cursor://anysphere.cursor-mcp/oauth/user-x/callback", true},
		{cursor, "cursor:///oauth/b/callback", false},
		{cursor, "cursor:/oauth/b/callback", false},
		{cursor, "cursor://../oauth/b/callback", false},
		{cursor, "cursor://a..b/oauth/b/callback", false},
		{cursor, "cursor://a./oauth/b/callback", false},
		{cursor, "cursor://evil@a/oauth/b/callback", false},
		{cursor, "cursor://a:1/oauth/b/callback", false},
		{cursor, "cursor://a%40b/oauth/b/callback", false},
		{cursor, "cursor://[::1]/oauth/b/callback", false},
		{cursor, "cursor://a/oauth/../callback", false},
		{cursor, "cursor://a/oauth/b@c/callback", false},
		{cursor, "cursor://a/oauth/b/callback#x", false},
		{cursor, "Cursor://a/oauth/b/callback", false},
		{cursor, "cursor://a/oauth/b/c/callback", false},
		{cursor, "cursor://a/oauth//callback", false},
		{cursor, "cursor://a/oauth/b.c/callback", false},
		{cursor, "cursor://a/oauth/b%2fc/callback", false},
		{cursor, "cursor://a/oauth/b/callback?x=1", false},
		{cursor, "vscode://a/oauth/b/callback", false},
		{"http://localhost:*/callback", "http://localhost:5555/callback", true},
		{"http://localhost:*/callback", "http://localhost:5555/other", false},
		{"http://localhost:*/callback", "http://127.0.0.1:5555/callback", false},
		{"http://localhost:*", "http://localhost:5555/any/path", true},
		{"http://localhost:*", "http://localhost/any", true},
		{"https://app.example:*/cb", "https://app.example:1/cb", false},
		{"https://*/cb", "https://evil/cb", false},
		{"https://app.example/cb", "https://app.example/cb", true},
		{"vscode://*/oauth/callback", "vscode://x/oauth/callback", true},
	} {
		u, err := parseRedirect(c.uri)
		if got := err == nil && matchPattern(c.pattern, u); got != c.want {
			t.Errorf("pattern %q, uri %q: got %v (%v)", c.pattern, c.uri, got, err)
		}
	}
	if _, err := parseRedirect("cursor://evil@a/oauth/b/callback"); err == nil {
		t.Error("user information was accepted")
	}
}

// FuzzRedirect: what is accepted is what every parser reads in one way.
func FuzzRedirect(f *testing.F) {
	for _, s := range []string{"http://127.0.0.1:1/cb", "https://a/cb", "cursor://x/y", "http://localhost@evil/", "https://x\\@y", "http://[::1]:5/",
		"com.example.app:/cb", "https://a:443/", "javascript:alert(1)", "https://a%00/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := parseRedirect(raw)
		if err != nil {
			return
		}
		g, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("%q: accepted, but net/url says %v", raw, err)
		}
		if g.Scheme != u.Scheme || g.User != nil || g.Fragment != "" || !strings.EqualFold(g.Host, u.Host+portSuffix(u.Port)) {
			t.Errorf("%q: read as %+v, net/url reads %q %q", raw, u, g.Scheme, g.Host)
		}
		if u.Kind == redirectLoopback && g.Hostname() != "localhost" && g.Hostname() != "127.0.0.1" && g.Hostname() != "::1" {
			t.Errorf("%q is no loopback", raw)
		}
		if !matchRedirect(raw, raw) {
			t.Errorf("%q does not match itself", raw)
		}
	})
}
