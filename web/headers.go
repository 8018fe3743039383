package web

import "net/http"

// policyCSP lets a page show itself and send its form to us: no scripts, no frames, nothing from elsewhere (CB-04).
// Chromium applies form-action to the whole chain of redirects behind a form, and nobody can say beforehand where a
// provider that brokers or a client that moved leads on to. So a form of ours is never answered by a redirect to
// somebody else, but by a page that goes on by itself (Continue), and 'self' is enough for everybody.
const policyCSP = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// secure sets what every page has: no scripts, no frames, no copies, no traces.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", policyCSP)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
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
