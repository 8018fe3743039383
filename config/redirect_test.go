package config

import "testing"

// RU-07: patterns gate registration only, and none of them hands a host to strangers.
func TestRedirectPatternSyntax(t *testing.T) {
	for _, good := range []string{
		"http://localhost:*", "http://localhost:*/callback", "http://127.0.0.1:8090/oauth/callback", "http://[::1]:*/cb",
		"https://mcp.example.com/oauth/callback", "https://x.example.com:8443/cb", "https://x.example.com/a/*/cb", "https://x.example.com/cb?a=b",
		"cursor://*/oauth/*/callback", "cursor://anysphere.cursor-mcp/oauth/callback", "vscode://*", "com.example.app://host/cb", "claude:///cb",
	} {
		if why := RedirectPatternFault(good); why != "" {
			t.Errorf("%s: %s", good, why)
		}
	}
	for _, bad := range []string{
		"", "*", "**", "***", "*://x/cb", "h*://localhost/cb", "https://*/cb", "https://*.x/cb", "https://x.*/cb", "https://x*y/cb", "https://*",
		"http://*/cb", "http://*:8080/cb", "http://example.com/cb", "http://localhost.evil.test/cb", "https://x:*/cb", "https://x:/cb?*", "https://x/cb?next=*",
		"https://user@x/cb", "https://x/cb#f", "https://x\\@y/cb", "https://x/c b", "https://x/\n", "https://x/é", "HTTPS://x/cb",
		"javascript://x/%0aalert(1)", "data://x", "file:///etc/passwd", "cursor://a*/cb", "cursor://*.evil/cb", "cursor://x:*/cb", "cursor:*",
		"https://x/**", "https://x/a*b*c", "https://x/../cb", "https:///cb", "http://localhost:99999x/cb", "localhost/cb", "//x/cb",
	} {
		if RedirectPatternFault(bad) == "" {
			t.Errorf("%q is admitted", bad)
		}
	}
	for uri, ok := range map[string]bool{
		"https://x.example.com/cb": true, "http://127.0.0.1/cb": true, "com.example.app:/cb": true, "cursor://x/cb": true,
		"https://x.example.com/*": false, "http://localhost:*/cb": false, "app:/cb": false, "javascript:alert(1)": false, "http://x.example.com/cb": false,
	} {
		if got := redirectURIFault(uri) == ""; got != ok {
			t.Errorf("%q: got %v, want %v (%s)", uri, got, ok, redirectURIFault(uri))
		}
	}
}

func FuzzRedirectPattern(f *testing.F) {
	for _, s := range []string{"http://localhost:*/cb", "cursor://*/oauth/*/callback", "https://*.x/cb", "*", "a://[::1]:*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if RedirectPatternFault(s) != "" {
			return
		}
		for i, r := range s {
			if r == '*' && (i < 7 || s[:5] == "https" && i < 9) && (s[:5] == "http:" || s[:5] == "https") {
				t.Fatalf("%q has a * in front of its host", s)
			}
		}
		if !printable(s) {
			t.Fatalf("%q", s)
		}
	})
}
