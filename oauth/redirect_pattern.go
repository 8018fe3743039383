package oauth

import (
	"slices"
	"strings"
)

// knownSchemes are the private-use schemes of clients in use, which may be registered where a proxy names no
// allowed_redirect_uris. This is data: a new client is a line here, or a pattern in the operator's file.
var knownSchemes = map[string]bool{
	"cursor":          true, // Cursor
	"vscode":          true, // Visual Studio Code
	"vscode-insiders": true,
	"vscodium":        true,
	"windsurf":        true,
	"claude":          true, // Claude Desktop
	"zed":             true,
	"warp":            true,
	"raycast":         true,
	"goose":           true,
	"jetbrains":       true,
}

// admittedRedirect reports whether u may be registered: by one of the patterns, or without any by the default. It is
// asked at registration only; an authorization request is compared with what was registered (matchRedirect).
func admittedRedirect(patterns []string, u redirectURI) bool {
	if patterns == nil {
		return u.Kind == redirectWeb || u.Kind == redirectLoopback || knownSchemes[u.Scheme]
	}
	for _, p := range patterns {
		if matchPattern(p, u) {
			return true
		}
	}
	return false
}

// matchPattern compares u with scheme://host[:port][/path] part by part, each as written. A * is one of three things. As
// the port of a loopback URI it is any port. In a path it is one or more characters within one segment and never crosses
// / . : @ ? or #. As the host of a private-use URI, where no host belongs to anybody, it is one whole name: labels of
// letters, digits, - and _ with single dots between them, as in cursor://anysphere.cursor-mcp/oauth/user-x/callback,
// never nothing and never with user information or a port. It never stands in a scheme or in the host of http and https.
// http://localhost:* without a path means any path.
func matchPattern(pattern string, u redirectURI) bool {
	scheme, rest, ok := strings.Cut(pattern, "://")
	if !ok || scheme != u.Scheme {
		return false
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
	}
	if host == "*" {
		if u.Kind != redirectPrivate || !labels(u.Host) {
			return false
		}
	} else if host != u.Host {
		return false
	}
	switch {
	case port == "*":
		if u.Kind != redirectLoopback {
			return false
		}
		if path == "" {
			return true
		}
	case port != u.Port:
		return false
	}
	return matchSegments(path, u.Rest)
}

// labels reports that host is labels with single dots between them; parseRedirect has looked at their characters.
func labels(host string) bool {
	return !strings.HasPrefix(host, "[") && !slices.Contains(strings.Split(host, "."), "")
}

// matchSegments compares paths segment by segment; a query must be equal.
func matchSegments(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if !matchSegment(want[i], got[i]) {
			return false
		}
	}
	return true
}

// matchSegment matches at most one * in pattern against a run of at least one character.
func matchSegment(pattern, s string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	if strings.Contains(after, "*") || len(s) <= len(before)+len(after) ||
		!strings.HasPrefix(s, before) || !strings.HasSuffix(s, after) {
		return false
	}
	// An escape could hide what * must not cross.
	return !strings.ContainsAny(s[len(before):len(s)-len(after)], "/.:@?#%;")
}
