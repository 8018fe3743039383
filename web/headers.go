package web

import (
	"net/http"
	"net/url"
	"strings"
)

// secure sets what every page has: no scripts, no frames, no copies, no traces (CB-04). formActions are the places
// beyond ourselves that a form's answer may lead to. Chromium applies form-action to the whole chain of redirects after
// the POST, so 'self' alone would stop the hand-back to the app.
func secure(h http.Header, formActions []string) {
	action := "form-action 'self'"
	seen := map[string]bool{}
	for _, a := range formActions {
		if a = source(a); a != "" && !seen[a] {
			seen[a] = true
			action += " " + a
		}
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "+action)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// source is a URL's place in the grammar of a CSP source list: scheme://host[:port] for http and https, scheme: for
// private-use schemes; "" for what has no place there. Nothing of it is copied unread: a ; would begin a directive.
func source(raw string) string {
	if raw == "http:" || raw == "https:" {
		return raw // the caller knows that it has no other place, such as an IPv6 address
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || u.User != nil {
		return ""
	}
	scheme := strings.ToLower(u.Scheme)
	if scheme != "http" && scheme != "https" {
		if !privateUse(scheme) {
			return ""
		}
		return scheme + ":"
	}
	host := strings.ToLower(u.Host)
	if strings.HasPrefix(host, "[") {
		return scheme + ":" // the grammar has no IPv6 addresses (CSP3 section 2.3.1)
	}
	for _, c := range host {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == ':') {
			return ""
		}
	}
	if host == "" || strings.HasPrefix(host, ":") {
		return ""
	}
	return scheme + "://" + host
}

// privateUse reports whether a scheme may belong to an app (RFC 8252 section 7.1): not one that browsers act upon.
func privateUse(scheme string) bool {
	switch scheme {
	case "", "http", "https", "javascript", "data", "vbscript", "file", "filesystem", "blob", "about", "view-source", "ftp", "ws", "wss",
		"chrome", "edge", "moz-extension", "chrome-extension", "resource", "jar", "mailto", "tel", "sms", "intent", "content":
		return false
	}
	for i := range len(scheme) {
		c := scheme[i]
		if !('a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return false
		}
	}
	return true
}
