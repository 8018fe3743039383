package oauth

// https://www.rfc-editor.org/rfc/rfc7009

import (
	"errors"
	"net/http"
	"time"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/session"
	"gatehouse/store"
)

// revoke ends what a token stands for: a refresh token its session, an access token itself. A token that is unknown or
// another client's is answered like one that was revoked, and nothing happens to it. What could not be revoked is never
// said to be (CVE-2020-15223).
func (g *Gate) revoke(which resolver) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := g.readForm(w, r)
		if err != nil {
			return err
		}
		if err := g.limited(r, nil, "token|"+g.addressKey(r), config.Rate{Count: addressCap, Per: time.Minute}); err != nil {
			return err
		}
		p, err := which(r, f)
		if err != nil {
			return err
		}
		c, err := g.authenticateClient(r, p, f)
		if err != nil {
			return from(clientIDOf(r, f), g.tokenDenied(r, p, clientIDOf(r, f), err))
		}
		token := f.Get("token")
		if token == "" {
			return invalidRequest("token is missing")
		}
		done, err := g.revokeRefresh(r, p, c, token)
		if err == nil && !done {
			err = g.revokeAccess(r, p, c, token)
		}
		if err != nil {
			return err
		}
		w.WriteHeader(http.StatusOK)
		return nil
	}
}

// revokeRefresh reports whether token was a refresh token of c's.
func (g *Gate) revokeRefresh(r *http.Request, p *config.Proxy, c *client, token string) (bool, error) {
	row, err := g.store.Refresh(r.Context(), hashOf(token))
	if ok, err := found(err); err != nil || !ok {
		return false, err
	}
	if row.ClientID != c.ID {
		return true, nil
	}
	s, err := g.sessions.Get(r.Context(), row.SessionID)
	switch {
	case errors.Is(err, session.ErrEnded), errors.Is(err, store.ErrNotFound):
		return true, nil
	case err != nil:
		return true, unavailable(err)
	case s.Proxy != p.Name:
		return true, nil
	}
	if err := g.endSession(r.Context(), s.ID, "revoked_by_client"); err != nil {
		return true, err
	}
	return true, g.revoked(r, p, c, s, "refresh_token")
}

func (g *Gate) revokeAccess(r *http.Request, p *config.Proxy, c *client, token string) error {
	cl, err := g.keys.Load().verify(token)
	if err != nil || cl.check(g.addr[p.Name].issuer, g.addr[p.Name].resource, g.now()) != nil || cl.ClientID != c.ID {
		return nil
	}
	s, err := g.sessions.Get(r.Context(), cl.Session)
	switch {
	case errors.Is(err, session.ErrEnded), errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return unavailable(err)
	}
	if err := g.sessions.RevokeJTI(r.Context(), cl.ID, time.Unix(*cl.Expires, 0).Add(2*maxSkew), cl.Session); err != nil {
		return unavailable(err)
	}
	return g.revoked(r, p, c, s, "access_token")
}

func (g *Gate) revoked(r *http.Request, p *config.Proxy, c *client, s *session.Session, what string) error {
	e := g.sessionEvent(r, p, "token.revoked", audit.Allowed, "", s.ID, c)
	e.Actor = actorOf(s.Identity())
	e.Actor.ClientID, e.Actor.ClientName, e.Actor.Session = c.ID, c.Name, s.ID
	e.Detail = map[string]string{"kind": what}
	return g.record(e)
}
