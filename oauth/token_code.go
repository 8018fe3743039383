package oauth

// https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3 and https://www.rfc-editor.org/rfc/rfc7636#section-4.6

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/session"
	"gatehouse/store"
)

// codeGrant turns a code into a session with its first tokens.
func (g *Gate) codeGrant(w http.ResponseWriter, r *http.Request, p *config.Proxy, c *client, f form) error {
	if !c.may(grantCode) {
		return badRequest("unauthorized_client", "this client may not use authorization codes")
	}
	row, gr, err := g.findCode(r.Context(), f.Get("code"))
	if err != nil {
		return err
	}
	// Whose code it is comes first: another client's attempt must neither use it up nor learn anything (CVE-2026-28513).
	if gr.Proxy != p.Name || gr.ClientID != c.ID {
		return invalidGrant("code_of_other_client", "the code is not valid")
	}
	if !row.UsedAt.IsZero() {
		return g.codeReplayed(r, p, row)
	}
	if !g.now().Before(row.Expires) {
		return invalidGrant("code_expired", "the code expired")
	}
	if err := g.checkBinding(p, gr, f); err != nil {
		err.Who.Flow = gr.Flow
		return err
	}
	if err := g.mayGoOn(r, p, gr.Identity); err != nil {
		return err
	}
	return g.openSession(w, r, p, c, row.Hash, gr)
}

func (g *Gate) findCode(ctx context.Context, code string) (store.Code, grant, error) {
	if code == "" {
		return store.Code{}, grant{}, invalidRequest("code is missing")
	}
	row, err := g.store.Code(ctx, hashOf(code))
	if ok, err := found(err); err != nil {
		return row, grant{}, err
	} else if !ok {
		return row, grant{}, invalidGrant("code_unknown", "the code is not valid")
	}
	var gr grant
	if err := json.Unmarshal(row.Data, &gr); err != nil {
		return row, gr, unavailable(fmt.Errorf("decode code: %w", err))
	}
	return row, gr, nil
}

// checkBinding holds the request against what the code was given for.
func (g *Gate) checkBinding(p *config.Proxy, gr grant, f form) *wireError {
	if (gr.RedirectGiven || f.Has("redirect_uri")) && f.Get("redirect_uri") != gr.RedirectURI {
		return invalidGrant("redirect_uri_mismatch", "redirect_uri is not the one of the authorization request")
	}
	if !g.resourceOK(p, f.Values["resource"]) {
		return badRequest("invalid_target", "the resource is not this server")
	}
	verifier := f.Get("code_verifier")
	if verifier == "" {
		return invalidRequest("code_verifier is missing")
	}
	if !verifierOK(verifier, gr.Challenge) {
		return invalidGrant("invalid_code_verifier", "Invalid code verifier")
	}
	return nil
}

// verifierOK compares in constant time; a code without a challenge is never redeemable.
func verifierOK(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 || challenge == "" {
		return false
	}
	for i := range len(verifier) {
		if c := verifier[i]; !isAlnum(c) && strings.IndexByte("-._~", c) < 0 {
			return false
		}
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// openSession redeems the code, opens the session and puts its refresh token down in one transaction, then answers.
func (g *Gate) openSession(w http.ResponseWriter, r *http.Request, p *config.Proxy, c *client, codeHash string, gr grant) error {
	ctx, now := r.Context(), g.now()
	identity, err := json.Marshal(gr.Identity)
	if err != nil {
		return unavailable(err)
	}
	life := p.OAuth.SessionTTL
	if p.OAuth.Recheck > 0 && (gr.Tokens == nil || gr.Tokens.Refresh == "") {
		life = min(life, p.OAuth.RecheckMax) // nobody can be asked later whether the person is still there
	}
	s := store.Session{ID: randomID("s_"), Kind: "user", Proxy: p.Name, Sub: gr.Identity.Sub, Identity: identity, ClientID: c.ID, ClientName: gr.ClientName,
		Auth: "oauth", IP: g.clientIP(r), Scope: strings.Join(gr.Scope, " "), Created: now, Expires: now.Add(life), Last: now, Checked: now,
		IdleTTL: p.OAuth.IdleTimeout}
	if s.IdleTTL > 0 {
		s.IdleExpires = now.Add(s.IdleTTL)
	}
	var first store.Refresh
	if c.may(grantRefresh) {
		token := randomSecret("gw_refresh_")
		first = store.Refresh{Hash: hashOf(token), SessionID: s.ID, ClientID: c.ID, Seq: 1, Created: now, Expires: s.Expires, Token: token}
	}
	switch err := g.store.IssueGrant(ctx, codeHash, s, first); {
	case errors.Is(err, store.ErrConflict): // somebody redeemed it between our look and now
		row, err := g.store.Code(ctx, codeHash)
		if err != nil {
			return unavailable(err)
		}
		return g.codeReplayed(r, p, row)
	case errors.Is(err, store.ErrNotFound):
		return invalidGrant("code_expired", "the code expired")
	case err != nil:
		return unavailable(err)
	}
	g.sessions.Adopt(s)
	if err := g.afterIssue(r, p, c, s, gr); err != nil {
		g.endSession(context.WithoutCancel(ctx), s.ID, "not_recorded")
		return err
	}
	return g.answer(w, p, s.ID, s.Sub, c.ID, s.Scope, first.Token, life)
}

// afterIssue keeps what belongs to the new session and writes it down, before the client hears of it.
func (g *Gate) afterIssue(r *http.Request, p *config.Proxy, c *client, s store.Session, gr grant) error {
	ctx := r.Context()
	if t := gr.Tokens; t != nil && t.Refresh != "" {
		err := g.store.PutProviderToken(ctx, store.ProviderToken{SessionID: s.ID, Provider: gr.Identity.Provider, Issuer: gr.Identity.Issuer,
			Access: t.Access, RefreshToken: t.Refresh, Expiry: t.Expiry, Scope: t.Scope})
		if err != nil {
			return unavailable(err)
		}
	}
	if c.Kind == clientDCR {
		if err := g.store.TouchClient(ctx, c.ID, g.now()); err != nil {
			return unavailable(err)
		}
	}
	for _, name := range []string{"session.opened", "token.issued"} {
		e := g.sessionEvent(r, p, name, audit.Allowed, "", s.ID, c)
		e.Actor, e.Flow = actorOf(gr.Identity), gr.Flow
		e.Actor.ClientID, e.Actor.ClientName, e.Actor.Session = c.ID, c.Name, s.ID
		if err := g.record(e); err != nil {
			return err
		}
	}
	return nil
}

// codeReplayed ends what was made from the code: one of its two users stole it (RFC 6749 section 4.1.2).
func (g *Gate) codeReplayed(r *http.Request, p *config.Proxy, row store.Code) error {
	if row.SessionID != "" {
		if err := g.endSession(r.Context(), row.SessionID, "code_replayed"); err != nil {
			return err
		}
	}
	return invalidGrant("code_replayed", "the code was used already")
}

// endSession revokes a session and cuts its streams.
func (g *Gate) endSession(ctx context.Context, sid, reason string) error {
	_, err := g.sessions.Revoke(ctx, session.RevokeRequest{IDs: []string{sid}, Reason: reason, By: "gatehouse"})
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// sessionEvent is an event about a session's tokens.
func (g *Gate) sessionEvent(r *http.Request, p *config.Proxy, name, outcome, reason, sid string, c *client) *audit.Event {
	e := g.event(r, p, name, "token", outcome, reason)
	e.Target = audit.Target{Kind: "session", Name: sid}
	e.Actor = audit.Actor{Type: "client", ClientID: c.ID, ClientName: c.Name, Session: sid, Auth: "oauth"}
	return e
}

// remaining is how long a session may still live.
func remaining(s *session.Session, now time.Time) time.Duration { return s.Expires.Sub(now) }
