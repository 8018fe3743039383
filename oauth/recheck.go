package oauth

// https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokens

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/idp"
	"gatehouse/session"
	"gatehouse/store"
)

// recheckLimit bounds one question to a provider; the client that refreshes is waiting for it.
const recheckLimit = 5 * time.Second

// recheck asks the provider again who a session's person is, once his claims are older than p's recheck. A provider that
// says no ends the session; one that cannot be asked changes nothing.
func (g *Gate) recheck(r *http.Request, p *config.Proxy, s *session.Session) error {
	if p.OAuth.Recheck <= 0 || s.Kind != "user" || g.now().Sub(s.Checked()) < p.OAuth.Recheck {
		return nil
	}
	// Providers rotate their refresh tokens: two questions at once with the same one would look like theft there.
	_, err, _ := g.rechecks.Do(s.ID, func() (any, error) {
		return nil, g.ask(context.WithoutCancel(r.Context()), r, p, s)
	})
	return err
}

func (g *Gate) ask(ctx context.Context, r *http.Request, p *config.Proxy, s *session.Session) error {
	if g.now().Sub(s.Checked()) < p.OAuth.Recheck {
		return nil // somebody asked while we waited
	}
	t, err := g.store.ProviderToken(ctx, s.ID)
	if ok, err := found(err); err != nil {
		return err
	} else if !ok || t.RefreshToken == "" {
		if g.now().Sub(s.Created) < p.OAuth.RecheckMax {
			return nil
		}
		return g.recheckEnds(ctx, r, p, s, "recheck_max", nil)
	}
	prov := g.w.Providers[t.Provider]
	if prov == nil || prov.Issuer() != t.Issuer {
		return g.recheckEnds(ctx, r, p, s, "provider_gone", nil)
	}
	// Only the question is bounded: what a provider answered in the last moment must still be written down.
	asking, cancel := context.WithTimeout(ctx, recheckLimit)
	id, fresh, err := prov.Refresh(asking, t.RefreshToken)
	cancel()
	if err != nil && fresh.Refresh != "" {
		// It changed its refresh token and failed afterwards: with the old one the next question would look like theft.
		t.RefreshToken, t.Access, t.Expiry = fresh.Refresh, fresh.Access, fresh.Expiry
		if err := g.store.PutProviderToken(ctx, t); err != nil {
			return unavailable(err)
		}
	}
	var ie *idp.Error
	switch {
	case errors.Is(err, idp.ErrUnavailable):
		g.log.Warn("oauth-proxy recheck: provider does not answer, nothing changed", "provider", t.Provider, "session", s.ID, "request_id", g.requestID(r), "err", err)
		return nil
	case errors.As(err, &ie):
		return g.recheckEnds(ctx, r, p, s, ie.Kind, err)
	case err != nil:
		return unavailable(err)
	case id.Sub != s.Sub:
		return g.recheckEnds(ctx, r, p, s, "other_person", nil)
	}
	if fresh.Refresh != "" {
		t.RefreshToken = fresh.Refresh
	}
	t.Access, t.Expiry = fresh.Access, fresh.Expiry
	if fresh.Scope != "" {
		t.Scope = fresh.Scope
	}
	if err := g.store.PutProviderToken(ctx, t); err != nil {
		return unavailable(err)
	}
	if err := g.sessions.UpdateIdentity(ctx, s.ID, id, g.now()); err != nil {
		return unavailable(err)
	}
	return g.mayGoOn(r, p, id)
}

// recheckEnds ends a session that its provider no longer stands behind.
func (g *Gate) recheckEnds(ctx context.Context, r *http.Request, p *config.Proxy, s *session.Session, reason string, cause error) error {
	if err := g.endSession(ctx, s.ID, "recheck_"+strings.TrimPrefix(reason, "recheck_")); err != nil {
		return err
	}
	if err := g.store.DeleteProviderToken(ctx, s.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return unavailable(err)
	}
	e := g.event(r, p, "token.denied", "recheck", audit.Denied, reason)
	e.Actor = actorOf(s.Identity())
	e.Actor.ClientID, e.Actor.ClientName, e.Actor.Session = s.ClientID, s.ClientName, s.ID
	if err := g.record(e); err != nil {
		return err
	}
	return &wireError{Status: http.StatusBadRequest, Code: "invalid_grant", Reason: reason, Err: cause,
		Description: "the sign-in provider no longer confirms this person; sign in again"}
}
