package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"gatehouse/policy"
	"gatehouse/store"
)

const (
	browserLife = 12 * time.Hour // of a signed-in browser, whatever it does
	browserIdle = time.Hour      // without a sign-in or a consent page
)

// The browser's cookie has two halves, BIND.SESSION. BIND is random, made at the first visit, and ties the steps of a
// login to one browser; several logins may run in several tabs. SESSION is new after every sign-in, so that whoever
// knew the cookie before knows nothing after (session fixation, CVE-2024-28197), and only it names a person.
func splitCookie(v string) (bind, sess string) {
	bind, sess, _ = strings.Cut(v, ".")
	if len(bind) < 22 {
		return "", ""
	}
	return bind, sess
}

// bind gives the browser a binding unless it has one, and returns its hash.
func (g *Gate) bind(w http.ResponseWriter, r *http.Request) string {
	bind, _ := splitCookie(g.pages.BrowserCookie(r))
	if bind == "" {
		bind = randomText(16)
		g.pages.SetBrowser(w, bind+".", int(browserLife.Seconds()))
	}
	return hashOf(bind)
}

// signedIn is the person of this browser, nil when unknown. It personalises pages and remembers consent; it lets nobody in.
func (g *Gate) signedIn(r *http.Request) (*policy.Identity, error) {
	_, sess := splitCookie(g.pages.BrowserCookie(r))
	if sess == "" {
		return nil, nil
	}
	b, err := g.store.Browser(r.Context(), hashOf(sess))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(err)
	}
	now := g.now()
	if !now.Before(b.Expires) || now.Sub(b.Last) >= browserIdle {
		return nil, nil
	}
	var id policy.Identity
	if err := json.Unmarshal(b.Identity, &id); err != nil {
		return nil, unavailable(err)
	}
	if err := g.store.TouchBrowser(r.Context(), b.Hash, now, b.Expires); err != nil {
		return nil, unavailable(err)
	}
	return &id, nil
}

// signIn makes a new browser session for id and forgets the old one.
func (g *Gate) signIn(w http.ResponseWriter, r *http.Request, id policy.Identity) error {
	bind, old := splitCookie(g.pages.BrowserCookie(r))
	raw, err := json.Marshal(id)
	if err != nil {
		return unavailable(err)
	}
	now, sess := g.now(), randomText(32)
	err = g.store.PutBrowser(r.Context(), store.Browser{Hash: hashOf(sess), Sub: id.Sub, Identity: raw, Created: now, Last: now, Expires: now.Add(browserLife)})
	if err != nil {
		return unavailable(err)
	}
	if old != "" {
		if err := g.store.DeleteBrowser(r.Context(), hashOf(old)); err != nil && !errors.Is(err, store.ErrNotFound) {
			return unavailable(err)
		}
	}
	g.pages.SetBrowser(w, bind+"."+sess, int(browserLife.Seconds()))
	return nil
}

// blocked reports whether an operator blocked id, by any of the names a block can have. What takes rights away needs no
// verified address.
func (g *Gate) blocked(ctx context.Context, id policy.Identity) (bool, error) {
	blocks, err := g.store.Blocks(ctx)
	if err != nil {
		return false, err
	}
	now := g.now()
	for _, b := range blocks {
		if (b.Until.IsZero() || now.Before(b.Until)) && g.w.Policy.Keeps(b.Subject, id) {
			return true, nil
		}
	}
	return false, nil
}

// forced reports whether an operator's revocation asks that this person signs in to proxy anew.
func (s *Server) forced(ctx context.Context, sub, proxy string) (bool, error) {
	list, err := s.store.ForceLogins(ctx)
	if err != nil {
		return false, unavailable(err)
	}
	for _, f := range list {
		if f.Sub == sub && f.Proxy == proxy {
			return true, nil
		}
	}
	return false, nil
}
