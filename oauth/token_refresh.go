package oauth

// https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1#section-4.3.1 and https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/session"
	"gatehouse/store"
)

// refreshGrant rotates a refresh token. Several processes of one client share one token and refresh at once, so a token
// that was rotated less than refresh_grace ago gets what the family has now; a later one is a thief's or its victim's, and
// the family ends.
func (g *Gate) refreshGrant(w http.ResponseWriter, r *http.Request, p *config.Proxy, c *client, f form) error {
	if !c.may(grantRefresh) {
		return badRequest("unauthorized_client", "this client may not use refresh tokens")
	}
	if !g.resourceOK(p, f.Values["resource"]) {
		return badRequest("invalid_target", "the resource is not this server")
	}
	row, s, err := g.family(r.Context(), p, c, f.Get("refresh_token"))
	if err != nil {
		return err
	}
	scope := narrowed(s.Scope, f)
	if !row.RotatedAt.IsZero() && !g.inGrace(p, row) {
		return g.refreshReused(r, p, c, row)
	}
	if err := g.mayGoOn(r, p, s.Identity()); err != nil {
		return err
	}
	if err := g.recheck(r, p, s); err != nil {
		return err
	}
	current, err := g.rotate(r, p, c, row)
	if err != nil {
		return err
	}
	// Read again: the recheck may have changed who this is.
	e := g.sessionEvent(r, p, "token.refreshed", audit.Allowed, "", s.ID, c)
	e.Actor = actorOf(s.Identity())
	e.Actor.ClientID, e.Actor.ClientName, e.Actor.Session = c.ID, c.Name, s.ID
	if err := g.record(e); err != nil {
		return err
	}
	g.sessions.Touch(s, g.clientIP(r))
	return g.answer(w, p, s.ID, s.Sub, c.ID, scope, current, remaining(s, g.now()))
}

// family finds the session of a refresh token, for the client and the proxy that it was given to.
func (g *Gate) family(ctx context.Context, p *config.Proxy, c *client, token string) (store.Refresh, *session.Session, error) {
	if token == "" {
		return store.Refresh{}, nil, invalidRequest("refresh_token is missing")
	}
	row, err := g.store.Refresh(ctx, hashOf(token))
	if ok, err := found(err); err != nil {
		return row, nil, err
	} else if !ok {
		return row, nil, invalidGrant("refresh_unknown", "the refresh token is not valid")
	}
	if row.ClientID != c.ID {
		return row, nil, invalidGrant("refresh_of_other_client", "the refresh token is not valid")
	}
	s, err := g.sessions.Get(ctx, row.SessionID)
	switch {
	case errors.Is(err, session.ErrEnded), errors.Is(err, store.ErrNotFound):
		return row, nil, invalidGrant("session_ended", "the session was ended; sign in again")
	case err != nil:
		return row, nil, unavailable(err)
	case s.Proxy != p.Name || s.ClientID != c.ID:
		return row, nil, invalidGrant("refresh_of_other_client", "the refresh token is not valid")
	case !g.now().Before(row.Expires):
		return row, nil, invalidGrant("refresh_expired", "the refresh token expired; sign in again")
	}
	return row, s, nil
}

// rotate makes the next refresh token, or finds the one that somebody else made just now. Exactly one wins.
func (g *Gate) rotate(r *http.Request, p *config.Proxy, c *client, row store.Refresh) (string, error) {
	ctx, now := r.Context(), g.now()
	if row.RotatedAt.IsZero() {
		token := randomSecret("gw_refresh_")
		next := store.Refresh{Hash: hashOf(token), SessionID: row.SessionID, ClientID: row.ClientID, Seq: row.Seq + 1, Created: now,
			Expires: row.Expires, Token: token}
		ok, err := g.store.RotateRefresh(ctx, row.Hash, next, now)
		if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
			return "", unavailable(err)
		}
		if ok && err == nil {
			return token, nil
		}
		// Lost the race, or the session ended in between: look again.
		again, err := g.store.Refresh(ctx, row.Hash)
		if ok, err := found(err); err != nil {
			return "", err
		} else if !ok || again.RotatedAt.IsZero() {
			return "", invalidGrant("session_ended", "the session was ended; sign in again")
		}
		row = again
	}
	if !g.inGrace(p, row) {
		return "", g.refreshReused(r, p, c, row)
	}
	_, token, err := g.store.CurrentRefresh(ctx, row.SessionID)
	if ok, err := found(err); err != nil {
		return "", err
	} else if !ok || token == "" {
		return "", invalidGrant("refresh_rotated", "the refresh token was replaced; use the newer one")
	}
	return token, nil
}

func (g *Gate) inGrace(p *config.Proxy, row store.Refresh) bool {
	return g.now().Sub(row.RotatedAt) < p.OAuth.RefreshGrace
}

// refreshReused ends the family: of the two who hold this token one must not.
func (g *Gate) refreshReused(r *http.Request, p *config.Proxy, c *client, row store.Refresh) error {
	if err := g.endSession(r.Context(), row.SessionID, "refresh_reuse"); err != nil {
		return err
	}
	if err := g.record(g.sessionEvent(r, p, "token.refresh_reuse", audit.Denied, "refresh_reuse", row.SessionID, c)); err != nil {
		return err
	}
	err := invalidGrant("refresh_reuse", "the refresh token was used before; sign in again")
	err.Who.Session = row.SessionID
	return err
}

// narrowed is the scope of the new access token: the session's, or fewer of them if the client asks for fewer.
func narrowed(scope string, f form) string {
	asked := strings.Fields(f.Get("scope"))
	if len(asked) == 0 {
		return scope
	}
	var out []string
	for _, s := range strings.Fields(scope) {
		if slices.Contains(asked, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}
