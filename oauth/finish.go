package oauth

// https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1#section-4.1.2

import (
	"encoding/json"
	"net/http"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/policy"
	"gatehouse/store"
	"gatehouse/web"
)

// tellSeconds is how long the page that names the missing group stays before the app gets its answer: time to read it,
// less than the patience of an app that waits.
const tellSeconds = 30

// grant is what a code stands for: everything it is bound to.
type grant struct {
	Flow          string          `json:"flow"`
	Proxy         string          `json:"proxy"`
	ClientID      string          `json:"client_id"`
	ClientName    string          `json:"client_name"`
	RedirectURI   string          `json:"redirect_uri"`
	RedirectGiven bool            `json:"redirect_given"`
	Challenge     string          `json:"challenge"`
	Scope         []string        `json:"scope"`
	ScopeAsked    bool            `json:"scope_asked"`
	Identity      policy.Identity `json:"identity"`
	Tokens        *providerTokens `json:"tokens,omitempty"`
}

// finish ends the login with a code, exactly once: the login is taken away first.
func (g *Gate) finish(w http.ResponseWriter, r *http.Request, l *login) error {
	ctx := r.Context()
	p, c, err := g.stillThere(ctx, l)
	if err != nil {
		return err
	}
	existed, err := g.store.DeleteLogin(ctx, l.ID)
	if err != nil {
		return unavailable(err)
	}
	if !existed {
		return &pageError{Status: http.StatusBadRequest, Reason: "login_expired", Page: loginGonePage}
	}
	u, err := parseRedirect(l.RedirectURI)
	if err != nil {
		return &pageError{Status: http.StatusBadRequest, Reason: "invalid_redirect_uri", Page: badRedirectPage, Err: err}
	}
	if l.Explicit {
		if err := g.store.PutConsent(ctx, store.Consent{Sub: l.Identity.Sub, ClientID: c.ID, Proxy: p.Name, RedirectHost: u.consentHost(),
			Label: c.Name, Scopes: l.Scope, Created: g.now()}); err != nil {
			return unavailable(err)
		}
	}
	if l.ForceLogin {
		if _, err := g.store.TakeForceLogin(ctx, l.Identity.Sub, p.Name); err != nil {
			return unavailable(err)
		}
	}
	code, err := g.putCode(r, l)
	if err != nil {
		return err
	}
	g.handBack(w, r, l, u, code)
	return nil
}

func (g *Gate) putCode(r *http.Request, l *login) (string, error) {
	data, err := json.Marshal(grant{Flow: l.Flow, Proxy: l.Proxy, ClientID: l.ClientID, ClientName: l.ClientName, RedirectURI: l.RedirectURI,
		RedirectGiven: l.RedirectGiven, Challenge: l.Challenge, Scope: l.Scope, ScopeAsked: l.ScopeAsked, Identity: *l.Identity, Tokens: l.Tokens})
	if err != nil {
		return "", unavailable(err)
	}
	code := randomSecret("gc_")
	if err := g.store.PutCode(r.Context(), store.Code{Hash: hashOf(code), Expires: g.now().Add(codeLife), Data: data}); err != nil {
		return "", unavailable(err)
	}
	return code, g.step(r, l, "code")
}

// handBack gives the code to the client. A web page and a program's own listener are redirected to; a private-use scheme
// would leave an empty tab behind, so the page that says "signed in" stays and hands over.
func (g *Gate) handBack(w http.ResponseWriter, r *http.Request, l *login, u redirectURI, code string) {
	to := g.backURL(l, "code", code)
	if u.Kind != redirectPrivate {
		g.leave(w, r, web.ContinueData{To: appName(l), Back: true, URL: to})
		return
	}
	g.pages.SignedIn(w, web.SignedInData{App: appName(l), Proxy: l.Proxy, User: l.Identity.Label(), ReturnURL: to, RequestID: g.requestID(r)})
}

// tell says that this person is signed in and not admitted. The login is good all the same: being added to the group
// works without a new one.
func (g *Gate) tell(w http.ResponseWriter, r *http.Request, l *login) error {
	p, _, err := g.stillThere(r.Context(), l)
	if err != nil {
		return err
	}
	d, err := g.refusal(r, p, l)
	if err != nil {
		return err
	}
	e := g.flow(r, l, "flow.step", "not_admitted", audit.Denied, d.Reason)
	e.Detail = map[string]string{"step": "not_admitted"}
	if err := g.record(e); err != nil {
		return err
	}
	d.ReturnURL, d.Seconds = g.loginURL("finish", l.ID), tellSeconds
	g.pages.Refused(w, d)
	return nil
}

func (g *Gate) refusal(r *http.Request, p *config.Proxy, l *login) (web.RefusedData, error) {
	blocked, err := g.blocked(r.Context(), *l.Identity)
	if err != nil {
		return web.RefusedData{}, unavailable(err)
	}
	subject := g.w.Policy.Subject(*l.Identity, blocked)
	return web.RefusedData{App: appName(l), Proxy: p.Name, User: l.Identity.Label(), Reason: g.w.Policy.Enter(p.Name, subject).Reason,
		Missing: g.w.Policy.Missing(p.Name, subject), RequestID: g.requestID(r)}, nil
}

// finishPage goes on after tell. It approves nothing: that was done before.
func (g *Gate) finishPage(w http.ResponseWriter, r *http.Request) error {
	l, err := g.withLogin(r, r.URL.Query().Get("login"), func(l *login) error {
		if l.Told = l.Identity != nil; !l.Told {
			return errKeep
		}
		return nil
	})
	if err != nil {
		return err
	}
	return g.next(w, r, l)
}

// refuseDisabled ends the login of a person whom the configuration disables; the app is told behind the link.
func (g *Gate) refuseDisabled(w http.ResponseWriter, r *http.Request, l *login) error {
	e := g.flow(r, l, "auth.login_failed", "login", audit.Denied, policy.ReasonUserDisabled)
	e.Rule = g.w.Policy.Disabled(*l.Identity)
	if err := g.record(e); err != nil {
		return err
	}
	if _, err := g.store.DeleteLogin(r.Context(), l.ID); err != nil {
		return unavailable(err)
	}
	g.pages.Refused(w, web.RefusedData{App: appName(l), Proxy: l.Proxy, User: l.Identity.Label(), Reason: policy.ReasonUserDisabled,
		ReturnURL: g.backURL(l, "error", "access_denied", "error_description", "an administrator disabled this account"), RequestID: g.requestID(r)})
	return nil
}

func appName(l *login) string {
	if l.ClientName != "" {
		return l.ClientName
	}
	return l.ClientID
}
