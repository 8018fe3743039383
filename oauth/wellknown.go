package oauth

import (
	"net/http"
	"net/url"
	"strings"

	"gatehouse/config"
)

const wellKnownPrefix = "/.well-known/"

// splitWellKnown reads /.well-known/DOC[/suffix] and suffix/.well-known/DOC. The suffix begins with a slash or is "".
func splitWellKnown(path string) (doc, suffix string, ok bool) {
	i := strings.Index(path, wellKnownPrefix)
	if i < 0 {
		return "", "", false
	}
	doc, after, _ := strings.Cut(path[i+len(wellKnownPrefix):], "/")
	if after != "" {
		after = "/" + after
	}
	switch doc {
	case docResource, docServer, docOpenID, docKeys:
	default:
		return doc, path[:i] + after, i == 0
	}
	if i > 0 && after != "" {
		return "", "", false
	}
	return doc, strings.TrimRight(path[:i]+after, "/"), true
}

func knownDoc(doc string) bool {
	return doc == docResource || doc == docServer || doc == docOpenID || doc == docKeys
}

// mainWellKnown answers well-known requests on the main listener: those of path proxies by their path, the root ones by
// the proxy at /.
func (g *Gate) mainWellKnown(w http.ResponseWriter, r *http.Request) bool {
	doc, suffix, ok := splitWellKnown(r.URL.Path)
	if !ok {
		return false
	}
	cors(g.api(func(w http.ResponseWriter, r *http.Request) error {
		if p := g.proxyAt(suffix); p != nil && knownDoc(doc) {
			return g.proxyDocument(w, r, p, doc)
		}
		writeJSON(w, http.StatusNotFound, map[string]any{"error": "not_found",
			"error_description": "no proxy is at this place; these have their own metadata", "proxies": g.choices(), "request_id": g.requestID(r)})
		return nil
	}))(w, r)
	return true
}

// proxyAt is the proxy on the main listener whose path is suffix, else the one whose public path it is: what stands in
// front may have kept that. A proxy that nobody can sign in to is nowhere.
func (g *Gate) proxyAt(suffix string) *config.Proxy {
	var public *config.Proxy
	for _, p := range g.cfg.Proxies {
		switch {
		case p.Listen != "" || !p.Enabled || !p.OAuth.Enabled:
		case strings.TrimRight(p.Path, "/") == suffix:
			return p
		case suffix != "" && urlPath(g.addr[p.Name].resource) == suffix && (public == nil || p.Name < public.Name):
			public = p
		}
	}
	return public
}

// ownWellKnown answers them on p's own listener, at the root and with the path of its MCP endpoint, its issuer or its
// resource, before or behind.
func (g *Gate) ownWellKnown(w http.ResponseWriter, r *http.Request, p *config.Proxy) bool {
	doc, suffix, ok := splitWellKnown(r.URL.Path)
	if !ok {
		return false
	}
	cors(g.api(func(w http.ResponseWriter, r *http.Request) error {
		a := g.addr[p.Name]
		if knownDoc(doc) && (suffix == "" || suffix == config.MCPPath || suffix == urlPath(a.issuer) || suffix == urlPath(a.resource)) {
			return g.proxyDocument(w, r, p, doc)
		}
		return &wireError{Status: http.StatusNotFound, Code: "not_found", Description: "there is no such document"}
	}))(w, r)
	return true
}

func (g *Gate) proxyDocument(w http.ResponseWriter, r *http.Request, p *config.Proxy, doc string) error {
	p, err := g.serving(p.Name)
	if err != nil {
		return err
	}
	return g.document(w, r, p, doc)
}

func urlPath(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.EscapedPath(), "/")
}
