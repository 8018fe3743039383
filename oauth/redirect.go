package oauth

// https://www.rfc-editor.org/rfc/rfc8252#section-7 and https://www.rfc-editor.org/rfc/rfc9700#section-4.1

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// maxRedirect is the longest redirect URI that can be registered, in bytes.
const maxRedirect = 512

// Kinds of redirect URI.
const (
	redirectWeb      = "web"      // https
	redirectLoopback = "loopback" // http on localhost, 127.0.0.1 or [::1]
	redirectPrivate  = "private"  // a private-use scheme, such as cursor://
)

// redirectURI is a redirect URI taken apart. Parsing never changes it: what is compared is always Raw.
type redirectURI struct {
	Raw    string
	Kind   string
	Scheme string
	Host   string // as written, without the port; an IPv6 literal keeps its brackets
	Port   string // "" when absent
	Rest   string // path and query as written
}

var (
	errRedirectForm   = errors.New("not an absolute URI of printable characters")
	errRedirectParts  = errors.New("user information, fragments, wildcards, backslashes and control characters are not allowed")
	errRedirectScheme = errors.New("this scheme can run code or read files")
	errRedirectHTTP   = errors.New("http is for localhost, 127.0.0.1 and [::1] only")
	errRedirectHost   = errors.New("not a host name with an optional port")
)

// dangerousSchemes are schemes a browser acts upon by itself. They refuse a whole registration even where a pattern of
// the operator would admit them (CVE-2025-58444).
var dangerousSchemes = map[string]bool{
	"javascript": true, "data": true, "vbscript": true, "blob": true, "file": true, "filesystem": true, "mailto": true,
	"view-source": true, "about": true, "ftp": true, "ftps": true, "ws": true, "wss": true, "tel": true, "sms": true,
	"intent": true, "chrome": true, "edge": true, "resource": true, "jar": true, "content": true, "ms-msdt": true,
	"search-ms": true, "ms-officecmd": true, "ldap": true, "ssh": true, "smb": true, "urn": true,
}

// parseRedirect takes a redirect URI apart by hand and refuses whatever two parsers could read in two ways. It works on
// the bytes as they are: a parser that decodes or cleans would compare something else than the browser follows.
func parseRedirect(raw string) (redirectURI, error) {
	if raw == "" || len(raw) > maxRedirect {
		return redirectURI{}, errRedirectForm
	}
	for i := range len(raw) {
		switch c := raw[i]; {
		case c <= 0x20 || c >= 0x7f:
			return redirectURI{}, errRedirectForm
		case strings.IndexByte("\\#*\"<>^`{|}", c) >= 0:
			return redirectURI{}, errRedirectParts
		case c == '%' && !safeEscape(raw[i:]):
			return redirectURI{}, errRedirectParts
		}
	}
	scheme, rest, ok := strings.Cut(raw, ":")
	if !ok || !validScheme(scheme) {
		return redirectURI{}, errRedirectForm
	}
	if dangerousSchemes[strings.ToLower(scheme)] {
		return redirectURI{}, errRedirectScheme
	}
	if scheme != strings.ToLower(scheme) {
		return redirectURI{}, errRedirectForm
	}
	// What Go cannot parse no browser shall be sent to.
	if u, err := url.Parse(raw); err != nil || u.User != nil || u.Opaque != "" {
		return redirectURI{}, errRedirectParts
	}
	u := redirectURI{Raw: raw, Scheme: scheme}
	if authority, found := strings.CutPrefix(rest, "//"); found {
		end := strings.IndexAny(authority, "/?")
		if end < 0 {
			end = len(authority)
		}
		u.Rest = authority[end:]
		if !u.splitHost(authority[:end]) {
			return redirectURI{}, errRedirectHost
		}
	} else {
		u.Rest = rest
	}
	return u.classified()
}

// classified gives u its kind, or says why it has none.
func (u redirectURI) classified() (redirectURI, error) {
	switch u.Scheme {
	case "https":
		if u.Host == "" {
			return redirectURI{}, errRedirectHost
		}
		u.Kind = redirectWeb
	case "http":
		// The host is compared whole: localhost.evil.test begins with localhost too (CVE-2024-8883).
		if !loopbackName(u.Host) {
			return redirectURI{}, errRedirectHTTP
		}
		u.Kind = redirectLoopback
	default:
		if u.Port != "" || (u.Host == "" && !strings.HasPrefix(u.Rest, "/")) {
			return redirectURI{}, errRedirectHost
		}
		u.Kind = redirectPrivate
	}
	return u, nil
}

// splitHost reads host[:port]; it refuses userinfo, empty ports and anything but host name characters.
func (u *redirectURI) splitHost(authority string) bool {
	host := authority
	if strings.HasPrefix(authority, "[") {
		end := strings.IndexByte(authority, ']')
		if end < 0 {
			return false
		}
		host = authority[:end+1]
		for i := 1; i < end; i++ {
			if !isHex(host[i]) && host[i] != ':' && host[i] != '.' {
				return false
			}
		}
	} else {
		if i := strings.IndexByte(authority, ':'); i >= 0 {
			host = authority[:i]
		}
		for i := range len(host) {
			c := host[i]
			if !isAlnum(c) && c != '.' && c != '-' && c != '_' {
				return false
			}
		}
	}
	if rest := authority[len(host):]; rest != "" {
		if rest[0] != ':' || !validPort(rest[1:]) {
			return false
		}
		u.Port = rest[1:]
	}
	u.Host = host
	return true
}

// ours reports that u leads to one of our own places: the code would come back to us, or go round in circles (RG-03).
func (g *Gate) ours(u redirectURI) bool { return u.Kind != redirectPrivate && g.own[placeOf(u.Raw)] }

// display is what a person is told about where the answer goes: the host with its port, or the scheme.
func (u redirectURI) display() string {
	switch {
	case u.Kind == redirectPrivate:
		return u.Scheme + "://" + u.Host
	case u.Port != "":
		return u.Host + ":" + u.Port
	}
	return u.Host
}

// consentHost is the part of u that a remembered consent holds for. The free port of a loopback URI is no part of it.
func (u redirectURI) consentHost() string {
	if u.Kind == redirectLoopback {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + "://" + strings.ToLower(u.Host) + portSuffix(u.Port)
}

// matchRedirect compares the URI of an authorization request with a registered one: byte for byte, but for the port
// where both are http on the same loopback name (RFC 8252 section 7.3). Path and query are compared as written
// (CVE-2020-15233, CVE-2020-15234).
func matchRedirect(registered, asked string) bool {
	if registered == asked {
		return true
	}
	if !strings.HasPrefix(registered, "http://") || !strings.HasPrefix(asked, "http://") {
		return false
	}
	r, err := parseRedirect(registered)
	if err != nil {
		return false
	}
	a, err := parseRedirect(asked)
	return err == nil && r.Kind == redirectLoopback && a.Kind == redirectLoopback && r.Host == a.Host && r.Rest == a.Rest
}

func loopbackName(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "[::1]"
}

func originOf(scheme, host, port string) string {
	if (scheme == "https" && port == "443") || (scheme == "http" && port == "80") {
		port = ""
	}
	return scheme + "://" + strings.ToLower(host) + portSuffix(port)
}

func portSuffix(port string) string {
	if port == "" {
		return ""
	}
	return ":" + port
}

func validScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isAlnum(c) && (i == 0 || (c != '+' && c != '-' && c != '.')) {
			return false
		}
	}
	return s != "" && !(s[0] >= '0' && s[0] <= '9')
}

func validPort(s string) bool {
	if s == "" || len(s) > 5 || s[0] == '0' || s[0] == '+' {
		return false
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// safeEscape reports that s begins with a percent escape of a character that is not a control character.
func safeEscape(s string) bool {
	if len(s) < 3 || !isHex(s[1]) || !isHex(s[2]) {
		return false
	}
	n, _ := strconv.ParseUint(s[1:3], 16, 8)
	return n >= 0x20 && n != 0x7f && n != '\\'
}

func isHex(c byte) bool {
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')
}

func isAlnum(c byte) bool {
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
}
