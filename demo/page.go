package demo

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// page is an HTML document as a person meets it.
type page struct {
	doc *html.Node
	at  *url.URL
}

// form is a form with the fields that a browser would send.
type form struct {
	action, method string
	fields         url.Values
}

// click finds the first form with a button that is wanted.
func (p *page) click(wanted func(*html.Node) bool) (*form, *html.Node) {
	for n := range p.doc.Descendants() {
		if !is(n, "form") {
			continue
		}
		f := &form{action: attr(n, "action"), method: strings.ToUpper(attr(n, "method")), fields: url.Values{}}
		var button *html.Node
		for e := range n.Descendants() {
			switch {
			case is(e, "button") || is(e, "input") && attr(e, "type") == "submit":
				if button == nil && wanted(e) {
					button = e
				}
			case is(e, "input") && attr(e, "name") != "":
				if t := attr(e, "type"); t != "checkbox" && t != "radio" || has(e, "checked") {
					f.fields.Add(attr(e, "name"), attr(e, "value"))
				}
			}
		}
		if button != nil {
			return f, button
		}
	}
	return nil, nil
}

// submit is the request that the click makes.
func (f *form) submit(at *url.URL, button *html.Node) (to *url.URL, method, body string, err error) {
	if to, err = at.Parse(f.action); err != nil {
		return nil, "", "", err
	}
	if name := attr(button, "name"); name != "" {
		f.fields.Add(name, attr(button, "value"))
	}
	if f.method != http.MethodPost {
		return nil, "", "", errors.New("a form that changes something is not a POST")
	}
	if to.Scheme != at.Scheme || to.Host != at.Host {
		return nil, "", "", errors.New("a form goes to another origin than its page")
	}
	return to, http.MethodPost, f.fields.Encode(), nil
}

// link finds a link that fits.
func (p *page) link(fits func(*url.URL) bool) *url.URL {
	for n := range p.doc.Descendants() {
		if is(n, "a") {
			if u, err := p.at.Parse(attr(n, "href")); err == nil && fits(u) {
				return u
			}
		}
	}
	return nil
}

func (p *page) title() string {
	for n := range p.doc.Descendants() {
		if is(n, "h1") {
			return words(n)
		}
	}
	return ""
}

func (p *page) text() string {
	for n := range p.doc.Descendants() {
		if is(n, "main") {
			return words(n)
		}
	}
	return words(p.doc)
}

// words is the text below a node with single spaces.
func words(n *html.Node) string {
	var b strings.Builder
	for e := range n.Descendants() {
		if e.Type == html.TextNode && !is(e.Parent, "style") && !is(e.Parent, "script") {
			b.WriteString(e.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func is(n *html.Node, tag string) bool {
	return n != nil && n.Type == html.ElementNode && n.Data == tag
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
