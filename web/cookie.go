package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
)

// cookieName carries a hash of the public URL, so that several gatehouses on one host (cookies know no ports) do not
// overwrite each other's. __Host- keeps sibling domains from planting one (CB-06); browsers refuse that prefix on plain
// http, where another name says so.
func cookieName(publicURL string) (name string, secure bool) {
	sum := sha256.Sum256([]byte(publicURL))
	hash := hex.EncodeToString(sum[:4])
	if u, err := url.Parse(publicURL); err == nil && u.Scheme == "https" {
		return "__Host-gatehouse-" + hash, true
	}
	return "gatehouse-" + hash + "-dev", false
}

// BrowserCookie is the value of the browser session's cookie, "" when there is none. Two of the same name are none:
// one of them was planted.
func (p *Pages) BrowserCookie(r *http.Request) string {
	found := r.CookiesNamed(p.cookie)
	if len(found) != 1 || !token(found[0].Value) {
		return ""
	}
	return found[0].Value
}

// token admits what SetBrowser is given: 16 to 256 characters of base64url and the like.
func token(s string) bool {
	if len(s) < 16 || len(s) > 256 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~') {
			return false
		}
	}
	return true
}

// SetBrowser sets the cookie; maxAge is in seconds, 0 for as long as the browser runs. value has 16 to 256 characters
// out of A-Z a-z 0-9 - _ . ~.
func (p *Pages) SetBrowser(w http.ResponseWriter, value string, maxAge int) {
	p.setCookie(w, value, maxAge)
}

func (p *Pages) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: p.cookie, Value: value, Path: "/", MaxAge: maxAge, Secure: p.secure, HttpOnly: true,
		SameSite: http.SameSiteLaxMode})
}
