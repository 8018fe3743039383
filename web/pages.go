// Package web is what people see in a browser: the consent page and the last pages of a login, the browser's cookie,
// the form's token, the headers. It decides nothing and keeps nothing. There is no script and no picture from
// elsewhere; every foreign word is cleaned, then escaped.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"net/url"
)

// StylePath is where the style sheet is served on the public URL.
const StylePath = "/api/v1/style.css"

//go:embed templates
var templates embed.FS

//go:embed style.css
var style []byte

// Pages renders the pages of one public URL. It may be used by many requests at once.
type Pages struct {
	// Demo marks every page as a demonstration. It is set before the first page.
	Demo bool

	publicURL string
	host      string
	styleURL  string
	cookie    string
	secure    bool
	pages     map[string]*template.Template
}

// New parses the embedded templates. publicURL is config.Config.PublicURL.
func New(publicURL string) *Pages {
	p := &Pages{publicURL: publicURL, host: publicURL, pages: map[string]*template.Template{}}
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		p.host = u.Host
	}
	p.cookie, p.secure = cookieName(publicURL)
	sum := sha256.Sum256(style)
	p.styleURL = StylePath + "?v=" + hex.EncodeToString(sum[:6])
	for _, name := range []string{"consent", "continue", "signed_in", "refused", "error"} {
		p.pages[name] = template.Must(template.ParseFS(templates, "templates/layout.html", "templates/"+name+".html"))
	}
	return p
}

// ServeCSS answers GET StylePath. The pages ask for it with the hash of its content, so it may be kept for ever.
func (p *Pages) ServeCSS(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Write(style)
}

// frame is what the layout needs around a page.
type frame struct {
	Style, Host, RequestID string
	Demo                   bool
	Data                   any
}

// render writes a page whole or not at all.
func (p *Pages) render(w http.ResponseWriter, name string, status int, requestID string, data any) {
	var b bytes.Buffer
	f := frame{Style: p.styleURL, Host: p.host, RequestID: Clean(requestID, maxName), Demo: p.Demo, Data: data}
	if err := p.pages[name].ExecuteTemplate(&b, "layout", f); err != nil {
		// The templates are tested with every field; this is for the day when one is changed without.
		b.Reset()
		status = http.StatusInternalServerError
		b.WriteString("<!doctype html><html lang=\"en\"><title>Error</title><h1>This page could not be shown</h1>")
	}
	secure(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
