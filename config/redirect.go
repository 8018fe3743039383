package config

// https://www.rfc-editor.org/rfc/rfc8252#section-7 and RFC 9700 section 4.1.3

import (
	"net/url"
	"strings"
)

// codeSchemes run code, read files or open other programs when a browser follows them.
var codeSchemes = map[string]bool{
	"javascript": true, "data": true, "vbscript": true, "blob": true, "file": true, "filesystem": true, "mailto": true,
	"view-source": true, "about": true, "ftp": true, "ftps": true, "ws": true, "wss": true, "tel": true, "sms": true,
	"intent": true, "chrome": true, "edge": true, "resource": true, "jar": true, "content": true, "ms-msdt": true,
	"search-ms": true, "ms-officecmd": true, "ldap": true, "ssh": true, "smb": true, "urn": true,
}

// RedirectPatternFault says what is wrong with a pattern of allowed_redirect_uris, or "". A pattern gates registration
// only. A * stands for the port of a loopback URI, for the whole host of a private-use URI, or for characters within one
// path segment; in the scheme, in the host of http and https, or alone it would hand codes to strangers.
func RedirectPatternFault(p string) string {
	if p == "" || len(p) > 512 {
		return "wants 1 to 512 characters"
	}
	if strings.Trim(p, "*") == "" {
		return "a * alone would admit every address"
	}
	if !printable(p) || strings.ContainsAny(p, "\\\"<>^`{|}#@") {
		return "holds a character that no redirect URI has (user information, fragments, backslashes, spaces, quotes)"
	}
	scheme, rest, ok := strings.Cut(p, "://")
	if !ok {
		return "begins with SCHEME://"
	}
	if strings.Contains(scheme, "*") {
		return "a * cannot stand in the scheme"
	}
	if !schemeName(scheme) {
		return "the scheme is not lower-case letters, digits, + . -"
	}
	if codeSchemes[scheme] {
		return "the scheme " + scheme + " can run code or read files"
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if why := patternAuthority(scheme, authority); why != "" {
		return why
	}
	return patternPath(path)
}

func patternAuthority(scheme, authority string) string {
	host, port := authority, ""
	hasPort := false
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port, hasPort = authority[:i], authority[i+1:], true
	}
	local := host == "localhost" || host == "127.0.0.1" || host == "[::1]"
	switch web := scheme == "http" || scheme == "https"; {
	case web && strings.Contains(host, "*"):
		return "a * cannot stand in the host of " + scheme
	case web && host == "", !web && host == "" && hasPort:
		return "names no host"
	case scheme == "http" && !local:
		return "http is for localhost, 127.0.0.1 and [::1] only"
	case hasPort && !web:
		return "a private-use scheme has no port"
	case port == "*" && scheme != "http":
		return "a * can be the port of a loopback http URI only"
	case hasPort && port != "*" && (!allDigits(port) || len(port) > 5):
		return "the port is a number or *"
	case !web && strings.Contains(host, "*") && host != "*":
		return "a * stands for the whole host"
	case host != "" && host != "*" && host != "[::1]" && !hostName(host):
		return "the host is not a name"
	}
	return ""
}

func patternPath(path string) string {
	path, query, _ := strings.Cut(path, "?")
	if strings.Contains(query, "*") {
		return "a * cannot stand in the query"
	}
	for seg := range strings.SplitSeq(path, "/") {
		if strings.Count(seg, "*") > 1 {
			return "at most one * in a path segment"
		}
		if seg == "." || seg == ".." {
			return "has . or .. segments"
		}
	}
	return ""
}

func schemeName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (i == 0 || (c < '0' || c > '9') && strings.IndexByte("+.-", c) < 0) {
			return false
		}
	}
	return s != ""
}

// redirectURIFault is RedirectPatternFault for the exact URI of a client in the file.
func redirectURIFault(s string) string {
	if strings.Contains(s, "*") {
		return "is exact: a * is not allowed"
	}
	if scheme, rest, ok := strings.Cut(s, ":"); ok && !strings.HasPrefix(rest, "//") && strings.HasPrefix(rest, "/") &&
		schemeName(scheme) && strings.Contains(scheme, ".") {
		s = scheme + "://host" + rest // com.example.app:/callback, RFC 8252 section 7.1
	}
	if why := RedirectPatternFault(s); why != "" {
		return why
	}
	if u, err := url.Parse(s); err != nil || u.User != nil {
		return "is not a URI"
	}
	return ""
}
