package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// loopback reports whether a host name or address never leaves the machine. host.docker.internal does.
func loopback(host string) bool {
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// listenAddr takes HOST:PORT apart.
func listenAddr(s string) (host string, port int, ok bool) {
	host, p, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, false
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, false
	}
	if host == "" || host == "localhost" {
		return host, port, true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host, port, true
	}
	return host, port, hostName(host)
}

func hostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// webURL parses an absolute http or https URL without user information and fragment. why is "" or what is wrong.
func webURL(s string) (u *url.URL, why string) {
	for i := range len(s) {
		if s[i] <= 0x20 || s[i] >= 0x7f || s[i] == '\\' {
			return nil, "is not a URL of printable ASCII characters"
		}
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, "is not a URL"
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "is not an absolute http or https URL"
	case u.Opaque != "" || u.Hostname() == "":
		return nil, "is not an absolute http or https URL"
	case u.User != nil:
		return nil, "must not hold a user name or password"
	case u.Fragment != "" || strings.Contains(s, "#"):
		return nil, "must not hold a fragment"
	case strings.HasSuffix(u.Host, ":"):
		return nil, "has an empty port"
	}
	if !hostName(u.Hostname()) {
		if _, err := netip.ParseAddr(u.Hostname()); err != nil {
			return nil, "has no valid host name"
		}
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return nil, "has no valid port"
		}
	}
	return u, ""
}

// canonicalBase is a base URL as it is compared byte for byte everywhere (RFC 3986 6.2.2, 6.2.3): lower-case scheme and
// host, no default port, no trailing slash.
func canonicalBase(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return strings.TrimRight(s, "/")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	u.Host = strings.ToLower(u.Host)
	if p := u.Port(); p == "80" && u.Scheme == "http" || p == "443" && u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":"+p)
	}
	return strings.TrimRight(u.String(), "/")
}

// canonical rewrites a base URL once, so that an issuer is the same text wherever it is built (PROTOCOL AS3, RS5).
func canonical(s *string) {
	if _, why := webURL(*s); *s != "" && why == "" {
		*s = canonicalBase(*s)
	}
}

// publicURL checks a base URL that clients will see.
func (v *validator) publicURL(path, s string, mayHavePath bool) {
	u, why := webURL(s)
	switch {
	case why != "":
		v.fault(path, "such as https://gate.example.com", "%q %s", s, why)
	case u.RawQuery != "" || u.ForceQuery:
		v.fault(path, "", "%q must not hold a query", s)
	case !mayHavePath && strings.Trim(u.Path, "/") != "":
		v.fault(path, "write "+u.Scheme+"://"+u.Host, "%q must not hold a path", s)
	case u.Path != "" && u.Path != "/" && pathFault(strings.TrimRight(u.EscapedPath(), "/")) != "":
		v.fault(path, "", "%q: %s", s, pathFault(strings.TrimRight(u.EscapedPath(), "/")))
	case u.Scheme == "http" && !loopback(u.Hostname()) && !v.c.Server.AllowInsecure:
		v.fault(path, "use https, or set server.allow_insecure: true", "%q is plain http and not loopback", s)
	}
}

// pathFault says what is wrong with the path of a URL that we compare segment by segment.
func pathFault(p string) string {
	if p == "/" {
		return ""
	}
	if !strings.HasPrefix(p, "/") {
		return "a path begins with /"
	}
	if strings.HasSuffix(p, "/") {
		return "a path does not end with /"
	}
	for seg := range strings.SplitSeq(p[1:], "/") {
		if seg == "" || seg == "." || seg == ".." {
			return "a path has no empty, . or .. segments"
		}
		for i := range len(seg) {
			c := seg[i]
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("-._~", c) < 0 {
				return "a path has only letters, digits, - . _ ~ and /"
			}
		}
	}
	return ""
}
