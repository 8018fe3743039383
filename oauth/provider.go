package oauth

import (
	"net/http"
	"strings"
	"time"

	"gatehouse/audit"
	"gatehouse/idp"
	"gatehouse/web"
)

// toProvider sends the browser to the identity provider. The state is made here and nowhere earlier: a person who has
// not approved has none (CVE-2026-27124). Coming here twice is being sent with the same state.
func (g *Gate) toProvider(w http.ResponseWriter, r *http.Request, l *login) error {
	prov := g.w.Providers[l.Provider]
	if prov == nil {
		return g.providerAway(r, l, nil)
	}
	l, err := g.withLogin(r, l.ID, func(l *login) error {
		if !l.Consented || l.Identity != nil {
			return &pageError{Status: http.StatusBadRequest, Reason: "login_expired", Page: loginGonePage}
		}
		if l.ProviderState != "" && g.now().Sub(l.AskedAt) < loginLife/2 {
			return errKeep
		}
		l.ProviderState, l.Nonce, l.Verifier, l.AskedAt = randomText(32), randomText(32), randomText(32), g.now()
		return nil
	})
	if err != nil {
		return err
	}
	to, err := prov.AuthURL(r.Context(), g.authRequest(l))
	if err != nil {
		return g.providerAway(r, l, err)
	}
	if err := g.step(r, l, "provider"); err != nil {
		return err
	}
	g.leave(w, r, web.ContinueData{To: l.Provider, URL: to})
	return nil
}

func (g *Gate) authRequest(l *login) idp.AuthRequest {
	a := idp.AuthRequest{State: l.ProviderState, Nonce: l.Nonce, Verifier: l.Verifier, LoginHint: l.LoginHint}
	for _, p := range strings.Fields(l.Prompt) {
		if p == "login" || p == "select_account" {
			a.Prompt = p
		}
	}
	if l.ForceLogin {
		a.Prompt = "login"
	}
	return a
}

func (g *Gate) providerAway(r *http.Request, l *login, err error) error {
	e := g.flow(r, l, "auth.login_failed", "login", audit.Error, "provider_unavailable")
	if err := g.record(e); err != nil {
		return err
	}
	return &pageError{Status: http.StatusServiceUnavailable, Reason: "provider_unavailable", Retry: 5 * time.Second, Err: err, Page: web.ErrorData{
		Title: "The sign-in service does not answer", What: "The gateway could not reach " + l.Provider + ", which signs people in here.",
		Whose: "This is not your fault, and not the app's.", Do: "Try again in a moment.", RetryURL: g.loginURL("consent", l.ID)}}
}
