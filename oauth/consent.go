package oauth

// https://modelcontextprotocol.io/docs/tutorials/security/security_best_practices (confused deputy)

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/policy"
	"gatehouse/store"
	"gatehouse/web"
)

// remembered reports whether who approved this client before and need not be asked again. An answer that goes to this
// computer is always asked for: any program here can pretend to be the client.
func (g *Gate) remembered(ctx context.Context, p *config.Proxy, l *login, who *policy.Identity) (bool, error) {
	u, err := parseRedirect(l.RedirectURI)
	if p.OAuth.RequireConsent || l.ForceLogin || err != nil || u.Kind == redirectLoopback || slices.Contains(strings.Fields(l.Prompt), "consent") {
		return false, nil
	}
	ok, err := g.store.HasConsent(ctx, who.Sub, l.ClientID, p.Name, u.consentHost())
	if err != nil {
		return false, unavailable(err)
	}
	return ok, nil
}

// consentPage shows the page. It approves nothing, however it is asked.
func (g *Gate) consentPage(w http.ResponseWriter, r *http.Request) error {
	who, err := g.signedIn(r)
	if err != nil {
		return err
	}
	l, err := g.withLogin(r, r.URL.Query().Get("login"), func(l *login) error {
		if l.Consented {
			return errKeep
		}
		if l.Identity != nil {
			who = l.Identity // he just came back from the provider
		}
		l.Named = ""
		if who != nil {
			l.Named = who.Sub
		}
		return nil
	})
	if err != nil {
		return err
	}
	p, c, err := g.stillThere(r.Context(), l)
	if err != nil {
		return err
	}
	if l.Consented {
		return g.next(w, r, l)
	}
	d, err := g.consentData(r, p, c, l, who)
	if err != nil {
		return err
	}
	if err := g.record(g.flow(r, l, "consent.shown", "consent", audit.Allowed, "")); err != nil {
		return err
	}
	g.pages.Consent(w, http.StatusOK, d)
	return nil
}

// decision takes the form. Pressing Allow twice is pressing it once; what was denied stays denied.
func (g *Gate) decision(w http.ResponseWriter, r *http.Request) error {
	form, err := g.consentForm(w, r)
	if err != nil {
		return err
	}
	if !web.SameOrigin(r, g.cfg.PublicURL()) {
		return forbiddenForm("cross_site")
	}
	allowed := form.Get(web.FieldDecision) == web.Allow
	if !allowed && form.Get(web.FieldDecision) != web.Deny {
		return invalidRequest("the form is incomplete")
	}
	l, err := g.withLogin(r, form.Get(web.FieldLogin), func(l *login) error {
		if !web.CheckCSRF(l.CSRF, l.Bind, l.formID(), form.Get(web.FieldCSRF)) {
			return forbiddenForm("csrf")
		}
		if l.Consented || !allowed {
			return errKeep
		}
		l.Consented, l.Explicit, l.ConsentedAs = true, true, l.Named
		// First the record, then the fact: what could not be written down did not happen.
		return g.record(g.flow(r, l, "consent.approved", "consent", audit.Allowed, ""))
	})
	if err != nil {
		return err
	}
	if _, _, err := g.stillThere(r.Context(), l); err != nil {
		return err
	}
	if !allowed {
		return g.denied(w, r, l)
	}
	return g.next(w, r, l)
}

func (g *Gate) denied(w http.ResponseWriter, r *http.Request, l *login) error {
	if err := g.record(g.flow(r, l, "consent.denied", "consent", audit.Denied, "access_denied")); err != nil {
		return err
	}
	existed, err := g.store.DeleteLogin(r.Context(), l.ID)
	if err != nil {
		return unavailable(err)
	}
	if !existed {
		return &pageError{Status: http.StatusBadRequest, Reason: "login_expired", Page: loginGonePage}
	}
	g.sendError(w, r, l, "access_denied", "the person refused")
	return nil
}

// formID is what the form's token is bound to: this login, with the person the page named. A page that named somebody
// else cannot be answered for him.
func (l *login) formID() string { return l.ID + "|" + l.Named }

func (g *Gate) consentForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	body, err := g.readBody(w, r, formType, maxForm)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalidRequest("the form is malformed")
	}
	for _, name := range []string{web.FieldLogin, web.FieldCSRF, web.FieldDecision} {
		if len(form[name]) != 1 {
			return nil, invalidRequest("the form is incomplete")
		}
	}
	return form, nil
}

func forbiddenForm(reason string) *pageError {
	return &pageError{Status: http.StatusForbidden, Reason: reason, Page: web.ErrorData{
		Title: "This answer did not come from our page", What: "The form was sent from another site, or its page is out of date.",
		Whose: "Nothing was approved.", Do: "Go back, reload the page and answer again. If another site brought you here, close it."}}
}

// consentData is everything the page says, as far as it is known before the provider is asked.
func (g *Gate) consentData(r *http.Request, p *config.Proxy, c *client, l *login, who *policy.Identity) (web.ConsentData, error) {
	u, err := parseRedirect(l.RedirectURI)
	if err != nil {
		return web.ConsentData{}, invalidRequest("the redirect URI is not acceptable")
	}
	public, _ := url.Parse(g.cfg.PublicURL())
	d := web.ConsentData{App: c.Name, AppID: c.ID, AppKind: c.Kind, RedirectHost: u.display(), RedirectURI: l.RedirectURI,
		Loopback: u.Kind == redirectLoopback, Proxy: p.Name, Gateway: public.Host, Resource: g.addr[p.Name].resource, Scopes: l.Scope,
		Until: g.now().Add(p.OAuth.SessionTTL), Offline: c.may(grantRefresh), Action: g.cfg.PublicURL() + "/api/v1/oauth/consent",
		CSRF: web.CSRF(l.CSRF, l.Bind, l.formID()), LoginID: l.ID, RequestID: g.requestID(r)}
	if c.Name == "" {
		d.App = c.ID
	}
	if c.Kind == clientDCR {
		d.RegisteredAgo = ago(g.now().Sub(c.Created))
	}
	if l.Identity == nil {
		d.Provider = l.Provider
	}
	if who == nil {
		return d, nil // what a server offers is nobody's business who has not signed in
	}
	d.SignedInAs, d.NotYouURL = who.Label(), g.loginURL("forget", l.ID)
	if l.Identity != nil {
		d.NotYouURL = ""
	}
	blocked, err := g.blocked(r.Context(), *who)
	if err != nil {
		return d, unavailable(err)
	}
	subject := g.w.Policy.Subject(*who, blocked)
	for _, tool := range g.tools(p) {
		if dec := g.w.Policy.Decide(p.Name, subject, policy.KindTool, tool); !dec.Allow {
			d.ToolsDenied = append(d.ToolsDenied, web.ToolDenied{Name: tool, Need: g.needs(p, tool)})
			continue
		}
		d.Tools = append(d.Tools, tool)
	}
	d.LookAlike, err = g.lookAlike(r.Context(), p, c, who)
	return d, err
}

func (g *Gate) tools(p *config.Proxy) []string {
	if g.o.Tools == nil {
		return nil
	}
	return g.o.Tools(p.Name)
}

// needs is the group that an exact rule asks for; the page only explains, it decides nothing.
func (g *Gate) needs(p *config.Proxy, tool string) string {
	if rule, ok := p.Tools.Rules[tool]; ok && len(rule.Groups) > 0 {
		return strings.Join(rule.Groups, " or ")
	}
	return ""
}

// lookAlike reports that this person connected another app of the same name.
func (g *Gate) lookAlike(ctx context.Context, p *config.Proxy, c *client, who *policy.Identity) (bool, error) {
	list, err := g.store.Consents(ctx, who.Sub)
	if err != nil {
		return false, unavailable(err)
	}
	known := func(k store.Consent) bool { return k.Proxy == p.Name && k.ClientID == c.ID }
	alike := func(k store.Consent) bool {
		return k.Proxy == p.Name && k.ClientID != c.ID && c.Name != "" && strings.EqualFold(k.Label, c.Name)
	}
	return !slices.ContainsFunc(list, known) && slices.ContainsFunc(list, alike), nil
}

// forget drops the browser's person, for whoever is somebody else, and asks the provider to let choose.
func (g *Gate) forget(w http.ResponseWriter, r *http.Request) error {
	l, err := g.withLogin(r, r.URL.Query().Get("login"), func(l *login) error {
		if l.Identity != nil || l.Consented {
			return errKeep
		}
		l.Named, l.Prompt = "", "select_account"
		return nil
	})
	if err != nil {
		return err
	}
	bind, sess := splitCookie(g.pages.BrowserCookie(r))
	if sess != "" {
		if err := g.store.DeleteBrowser(r.Context(), hashOf(sess)); err != nil {
			return unavailable(err)
		}
		g.pages.SetBrowser(w, bind+".", int(browserLife.Seconds()))
	}
	redirect(w, r, g.loginURL("consent", l.ID))
	return nil
}

// ago is a duration in words.
func ago(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / u.size); n == 1 {
			return "1 " + u.name + " ago"
		} else if n > 1 {
			return fmt.Sprintf("%d %ss ago", n, u.name)
		}
	}
	return "just now"
}
