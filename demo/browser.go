package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// browser goes through the pages of a sign-in as a person would: it follows redirects, keeps cookies, and clicks the
// button with its person's name, or the one that approves.
type browser struct {
	http     *http.Client
	jar      http.CookieJar
	name     string // the button at the provider
	consent  string // the button on the consent page
	redirect string // where the client waits
}

// maxHops bounds pages and redirects of one sign-in.
const maxHops = 30

// open starts at raw and returns the URL at which the client would receive its answer.
func (b *browser) open(ctx context.Context, raw string) (*url.URL, error) {
	method, body := http.MethodGet, ""
	at, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	for range maxHops {
		if b.isAnswer(at) {
			return at, nil
		}
		resp, data, err := b.load(ctx, method, at, body)
		if err != nil {
			return nil, err
		}
		if next := resp.Header.Get("Location"); resp.StatusCode >= 300 && resp.StatusCode < 400 && next != "" {
			if method == http.MethodPost && resp.StatusCode != http.StatusSeeOther && resp.StatusCode != http.StatusFound {
				return nil, fmt.Errorf("%s answers a form with %d, which would send it on", at.Redacted(), resp.StatusCode)
			}
			if at, err = at.Parse(next); err != nil {
				return nil, err
			}
			method, body = http.MethodGet, ""
			continue
		}
		doc, err := html.Parse(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		page := &page{doc: doc, at: at}
		if link := page.link(b.isAnswer); link != nil {
			return link, nil
		}
		f, button := page.click(b.wants)
		if next := refresh(at, resp.Header.Get("Refresh")); f == nil && next != nil {
			at, method, body = next, http.MethodGet, "" // the page has been read; the browser goes on by itself
			continue
		}
		if f == nil {
			return nil, &PageError{URL: at.Redacted(), Status: resp.StatusCode, Title: page.title(), Text: page.text()}
		}
		if at, method, body, err = f.submit(at, button); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the sign-in goes round in circles")
}

// refresh is where a page's Refresh header leads, as far as a browser without apps can go; nil when it leads nowhere.
func refresh(at *url.URL, header string) *url.URL {
	_, to, ok := strings.Cut(header, "url=")
	if !ok {
		return nil
	}
	u, err := at.Parse(to)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil
	}
	return u
}

// isAnswer reports that u is where the client waits.
func (b *browser) isAnswer(u *url.URL) bool {
	if u == nil {
		return false
	}
	bare := *u
	bare.RawQuery, bare.Fragment = "", ""
	return bare.String() == b.redirect
}

// wants tells how good a button is: the person's own name, then the approval. Nothing else is ever clicked.
func (b *browser) wants(n *html.Node) bool {
	approve := b.consent
	if approve == "" {
		approve = "allow"
	}
	return slices.Contains([]string{b.name, approve}, strings.ToLower(attr(n, "value")))
}

func (b *browser) load(ctx context.Context, method string, u *url.URL, body string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", u.Scheme+"://"+u.Host) // every form of ours goes to its own page's origin
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, c := range b.jar.Cookies(u) {
		req.AddCookie(c)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b.jar.SetCookies(u, resp.Cookies())
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp, data, err
}
