package oauth

// https://openid.net/specs/openid-connect-core-1_0.html#AuthResponse

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"

	"gatehouse/audit"
	"gatehouse/idp"
	"gatehouse/policy"
	"gatehouse/store"
	"gatehouse/web"
)

// callback is where every provider sends people back to. The state is used once, whatever comes of it.
func (g *Gate) callback(w http.ResponseWriter, r *http.Request) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(r.URL.RawQuery) > maxQuery {
		return g.badCallback(r, "invalid_request", badCallbackPage, err)
	}
	for _, values := range q {
		if len(values) > 1 {
			return g.badCallback(r, "invalid_request", badCallbackPage, nil)
		}
	}
	state := q.Get("state")
	if state == "" {
		return g.badCallback(r, "state_missing", badCallbackPage, nil)
	}
	row, err := g.store.LoginByState(r.Context(), hashOf(state))
	if errors.Is(err, store.ErrNotFound) {
		return g.badCallback(r, "state_unknown", badCallbackPage, nil)
	}
	if err != nil {
		return unavailable(err)
	}
	asked, err := g.takeState(r, row.ID, state)
	if err != nil {
		var pe *pageError
		if errors.As(err, &pe) && pe.Status < 500 {
			return g.badCallback(r, pe.Reason, pe.Page, err)
		}
		return err
	}
	if _, _, err := g.stillThere(r.Context(), asked); err != nil {
		return err
	}
	prov := g.w.Providers[asked.Provider]
	if prov == nil {
		return g.providerAway(r, asked, nil)
	}
	id, tokens, err := prov.Exchange(r.Context(), idp.Callback{Code: q.Get("code"), Iss: q.Get("iss"), Err: q.Get("error"),
		ErrDescription: q.Get("error_description"), Nonce: asked.Nonce, Verifier: asked.Verifier})
	if err != nil {
		return g.signInFailed(w, r, asked, err)
	}
	return g.cameBack(w, r, asked, id, tokens)
}

// takeState consumes the state for the browser it was given to, and gives back the login as it was then.
func (g *Gate) takeState(r *http.Request, id, state string) (*login, error) {
	var was login
	_, err := g.withLogin(r, id, func(l *login) error {
		if l.ProviderState == "" || subtle.ConstantTimeCompare([]byte(l.ProviderState), []byte(state)) != 1 ||
			g.now().Sub(l.AskedAt) >= loginLife {
			return &pageError{Status: http.StatusBadRequest, Reason: "state_unknown", Page: badCallbackPage}
		}
		was = *l
		l.ProviderState, l.Nonce, l.Verifier = "", "", ""
		return nil
	})
	return &was, err
}

// cameBack writes down who came back and lets the dispatcher go on. If the page named somebody else, or an operator's
// revocation is waiting for this person, the login goes back to an earlier step instead of forward.
func (g *Gate) cameBack(w http.ResponseWriter, r *http.Request, l *login, id policy.Identity, t idp.Tokens) error {
	force, err := g.forced(r.Context(), id.Sub, l.Proxy)
	if err != nil {
		return err
	}
	l, err = g.withLogin(r, l.ID, func(l *login) error {
		if force && !l.ForceLogin {
			l.ForceLogin = true
			l.Consented = l.Explicit && (l.ConsentedAs == "" || l.ConsentedAs == id.Sub)
			return nil
		}
		l.Identity = &id
		l.Tokens = &providerTokens{Access: t.Access, Refresh: t.Refresh, Expiry: t.Expiry, Scope: t.Scope}
		// The remembered or given word was another person's: this one has not been asked (GHSA-c2jp-c369-7pvx).
		if l.ConsentedAs != "" && l.ConsentedAs != id.Sub {
			l.Consented, l.Explicit, l.ConsentedAs = false, false, ""
		}
		return g.record(g.flow(r, l, "auth.login", "login", audit.Allowed, ""))
	})
	if err != nil {
		return err
	}
	if l.Identity != nil {
		if err := g.signIn(w, r, id); err != nil {
			return err
		}
	}
	return g.next(w, r, l)
}

// signInFailed tells the person, or where he refused himself the client, why nobody came back.
func (g *Gate) signInFailed(w http.ResponseWriter, r *http.Request, l *login, err error) error {
	var ie *idp.Error
	if !errors.As(err, &ie) {
		ie = &idp.Error{Kind: idp.Unavailable, Err: err}
	}
	if ie.Kind == idp.Unavailable {
		return g.providerAway(r, l, err)
	}
	if rec := g.record(g.flow(r, l, "auth.login_failed", "login", audit.Denied, ie.Kind)); rec != nil {
		return rec
	}
	g.log.Warn("oauth-proxy sign-in failed", "provider", l.Provider, "flow", l.Flow, "request_id", g.requestID(r), "err", err)
	if ie.Kind == idp.Denied {
		if _, err := g.store.DeleteLogin(r.Context(), l.ID); err != nil {
			return unavailable(err)
		}
		g.sendError(w, r, l, "access_denied", "the sign-in was refused")
		return nil
	}
	status := http.StatusForbidden
	if ie.Kind == idp.InvalidGrant {
		status = http.StatusBadRequest
	}
	return &pageError{Status: status, Reason: ie.Kind, Err: err, Page: web.ErrorData{
		Title: "The sign-in did not work", What: ie.Safe, Whose: "The sign-in service's answer could not be accepted.",
		Do: "Try once more. If it happens again, give the administrator the request id.", RetryURL: g.loginURL("consent", l.ID)}}
}

func (g *Gate) badCallback(r *http.Request, reason string, page web.ErrorData, err error) error {
	e := g.event(r, nil, "auth.callback_rejected", "callback", audit.Denied, reason)
	e.Actor = audit.Actor{Type: policy.Anonymous}
	g.audit.RefusedAnonymous(e)
	return &pageError{Status: http.StatusBadRequest, Reason: reason, Page: page, Err: err}
}

var badCallbackPage = web.ErrorData{Title: "This sign-in cannot go on", What: "The answer of the sign-in service belongs to no sign-in that is waiting: it was used already, is too old, or was made up.",
	Whose: "Often a page that was reloaded, or an old tab.", Do: "Start again from the app."}
