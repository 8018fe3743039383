package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/url"
	"strings"
)

// Names and values of the consent form's fields.
const (
	FieldLogin    = "login"
	FieldCSRF     = "csrf"
	FieldDecision = "decision"
	Allow         = "allow"
	Deny          = "deny"
)

// CSRF is the token of one login in one browser: HMAC-SHA256 over both. It is the same for every load of the page, so a
// second tab does not break the first (CB-11), and another login's token is worthless (CB-03).
func CSRF(key []byte, browser, login string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("gatehouse consent form\n"))
	for _, s := range [...]string{browser, login} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		mac.Write([]byte(s))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// CheckCSRF compares in constant time. Without a key, a cookie or a login nothing is right.
func CheckCSRF(key []byte, browser, login, token string) bool {
	if len(key) == 0 || browser == "" || login == "" {
		return false
	}
	return hmac.Equal([]byte(CSRF(key, browser, login)), []byte(token))
}

// SameOrigin reports whether a state-changing request comes from a page of ours, as far as the browser says. Browsers
// send Sec-Fetch-Site to https and loopback addresses, Origin to all; what contradicts us in either is refused. A
// request with neither is no browser's, and the token remains (CheckCSRF).
func SameOrigin(r *http.Request, publicURL string) bool {
	sites, origins := r.Header.Values("Sec-Fetch-Site"), r.Header.Values("Origin")
	if len(sites) > 1 || len(origins) > 1 {
		return false
	}
	trusted := false
	if len(sites) == 1 {
		switch sites[0] {
		case "same-origin":
			trusted = true
		case "none": // typed, or reloaded
		default:
			return false
		}
	}
	if len(origins) == 0 {
		return true
	}
	// A page that hides its referrer sends null; so does a sandboxed frame of a stranger, but never as same-origin.
	if origins[0] == "null" {
		return trusted
	}
	u, err := url.Parse(publicURL)
	return err == nil && origins[0] == strings.ToLower(u.Scheme+"://"+u.Host)
}
