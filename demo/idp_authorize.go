package demo

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed idp.html
var idpHTML string

//go:embed style.css
var styleCSS []byte

var idpPage = template.Must(template.New("idp").Parse(idpHTML))

type idpView struct {
	Title   string
	Problem string
	Request string
	App     string
	People  []Account
}

// authorize checks the request and shows the people. Until the redirect URI is known to be the client's own, an error is
// a page and never a redirect.
func (p *IdP) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for name, values := range q {
		if len(values) > 1 {
			p.page(w, http.StatusBadRequest, idpView{Title: "Bad request", Problem: "The parameter " + name + " is there twice."})
			return
		}
	}
	redirect := q.Get("redirect_uri")
	if q.Get("client_id") != p.ClientID || !slices.Contains(p.Callbacks, redirect) {
		p.page(w, http.StatusBadRequest, idpView{Title: "Unknown application", Problem: "The application is not registered here with this redirect URI: " + redirect})
		return
	}
	req := request{
		redirect: redirect, state: q.Get("state"), nonce: q.Get("nonce"), challenge: q.Get("code_challenge"),
		scopes: strings.Fields(q.Get("scope")), expires: p.Now().Add(pendingLife),
	}
	switch {
	case q.Get("response_type") != "code":
		p.back(w, r, req, "error", "unsupported_response_type")
	case q.Get("code_challenge_method") != "S256" || len(req.challenge) != 43:
		p.back(w, r, req, "error", "invalid_request", "error_description", "PKCE with S256 is required")
	case !hasScope(req.scopes, "openid"):
		p.back(w, r, req, "error", "invalid_scope", "error_description", "openid is required")
	case q.Get("prompt") == "none":
		p.back(w, r, req, "error", "login_required")
	default:
		p.mu.Lock()
		people := p.accounts
		p.mu.Unlock()
		host := redirect
		if u, err := url.Parse(redirect); err == nil {
			host = u.Host
		}
		p.page(w, http.StatusOK, idpView{Title: "Who are you?", Request: remember(p, p.pending, req, requestEnd), App: host, People: people})
	}
}

// choose is the click on a name.
func (p *IdP) choose(w http.ResponseWriter, r *http.Request) {
	if s := r.Header.Get("Sec-Fetch-Site"); s == "cross-site" {
		p.page(w, http.StatusForbidden, idpView{Title: "Not from here", Problem: "Another site sent this form."})
		return
	}
	req, ok := take(p, p.pending, r.PostFormValue("request"))
	if !ok || p.Now().After(req.expires) {
		p.page(w, http.StatusBadRequest, idpView{Title: "Too late", Problem: "This page was used already or is too old. Start again from the application."})
		return
	}
	a, ok := p.account(r.PostFormValue("person"))
	if !ok {
		p.back(w, r, req, "error", "access_denied")
		return
	}
	g := grant{request: req, account: a.ID, at: p.Now()}
	g.expires = p.Now().Add(codeLife)
	p.back(w, r, req, "code", remember(p, p.codes, g, grantEnd))
}

// back sends the browser to the application, with state and iss (RFC 9207) always.
func (p *IdP) back(w http.ResponseWriter, r *http.Request, req request, pairs ...string) {
	u, err := url.Parse(req.redirect)
	if err != nil {
		p.page(w, http.StatusBadRequest, idpView{Title: "Bad request", Problem: "The redirect URI is not a URL."})
		return
	}
	q := u.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	q.Set("iss", p.Issuer)
	if req.state != "" {
		q.Set("state", req.state)
	}
	u.RawQuery = q.Encode()
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// page writes a page. There is no form-action in the policy: browsers apply it to every redirect after the form, and
// where the application goes on to is not ours to know.
func (p *IdP) page(w http.ResponseWriter, status int, v idpView) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	idpPage.Execute(w, v)
}
