package oauth

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/config"
	"gatehouse/web"
)

const endpointPrefix = "/api/v1/oauth-proxy/"

// ServeMain answers what belongs to sign-in on the main listener: every proxy's endpoints, their aliases, the metadata of
// path proxies, the provider's callback and the pages. false means the request is somebody else's.
func (g *Gate) ServeMain(w http.ResponseWriter, r *http.Request) bool {
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, endpointPrefix); ok {
		g.endpoint(w, r, rest)
		return true
	}
	switch path {
	case "/api/v1/oauth/callback":
		g.page(g.paced(only(http.MethodGet, g.callback)))(w, r)
	case "/api/v1/oauth/consent":
		g.page(g.paced(g.consent))(w, r)
	case "/api/v1/oauth/finish":
		g.page(g.paced(only(http.MethodGet, g.finishPage)))(w, r)
	case "/api/v1/oauth/forget":
		g.page(g.paced(only(http.MethodGet, g.forget)))(w, r)
	case web.StylePath:
		g.pages.ServeCSS(w, r)
	default:
		return g.mainAlias(w, r) || g.mainWellKnown(w, r)
	}
	return true
}

// ServeProxy answers what belongs to sign-in on p's own listener: its metadata and the aliases of its endpoints.
func (g *Gate) ServeProxy(w http.ResponseWriter, r *http.Request, p *config.Proxy) bool {
	if name, ok := aliases[r.URL.Path]; ok {
		g.ownAlias(w, r, p, name)
		return true
	}
	return g.ownWellKnown(w, r, p)
}

// endpoint answers {proxy}/{endpoint}.
func (g *Gate) endpoint(w http.ResponseWriter, r *http.Request, rest string) {
	id, name, _ := strings.Cut(rest, "/")
	p, err := g.serving(id)
	fail := func(http.ResponseWriter, *http.Request) error { return err }
	switch {
	case err != nil && name == "authorize":
		g.page(fail)(w, r)
	case err != nil:
		cors(g.api(fail))(w, r)
	case name == "authorize":
		g.page(g.authorize(func(*http.Request, url.Values) (*config.Proxy, error) { return p, nil }))(w, r)
	case name == "token":
		cors(g.api(g.token(always(p))))(w, r)
	case name == "register":
		cors(g.api(g.register(p)))(w, r)
	case name == "revoke":
		cors(g.api(g.revoke(always(p))))(w, r)
	case name == "jwks.json":
		cors(g.api(func(w http.ResponseWriter, r *http.Request) error { return g.document(w, r, p, docKeys) }))(w, r)
	default:
		err = &wireError{Status: http.StatusNotFound, Code: "not_found", Description: "there is no such endpoint"}
		cors(g.api(fail))(w, r)
	}
}

// consent is the page and the form's target.
func (g *Gate) consent(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodPost {
		return g.decision(w, r)
	}
	return only(http.MethodGet, g.consentPage)(w, r)
}

// paced bounds what one address can make a page write: each step of a login costs the store and the audit log something.
func (g *Gate) paced(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := g.limited(r, nil, "page|"+g.addressKey(r), config.Rate{Count: addressCap, Per: time.Minute}); err != nil {
			return err
		}
		return h(w, r)
	}
}

func only(method string, h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := allow(w, r, method); err != nil {
			return err
		}
		return h(w, r)
	}
}

func always(p *config.Proxy) resolver {
	return func(*http.Request, form) (*config.Proxy, error) { return p, nil }
}
