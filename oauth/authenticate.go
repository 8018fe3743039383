package oauth

// https://www.rfc-editor.org/rfc/rfc6750

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"gatehouse/config"
	"gatehouse/policy"
	"gatehouse/session"
	"gatehouse/store"
)

// Authenticate says who sends r to p, or refuses with a *session.AuthError. A caller without credentials is let in
// anonymously only where p is open; bad credentials never are. Once a token's signature is known and its session in
// memory this does no I/O; what can change (session, revocation, time) is asked on every request.
func (g *Gate) Authenticate(r *http.Request, p *config.Proxy) (session.Caller, error) {
	if len(r.Header["X-Api-Key"]) > 0 {
		return session.Caller{}, refuse("invalid_token", "api_key_not_supported", "API keys are not in this version", nil)
	}
	token, err := bearer(r.Header["Authorization"])
	if err != nil {
		return session.Caller{}, err
	}
	if token == "" {
		if !p.OAuth.Enabled {
			return session.Caller{Session: g.sessions.Anonymous(p.Name, g.clientIP(r))}, nil
		}
		return session.Caller{}, &session.AuthError{Status: http.StatusUnauthorized, Reason: policy.ReasonNotSignedIn, Description: "sign in first"}
	}
	c, err := g.verified(token, p)
	if err != nil {
		return session.Caller{}, refuse("invalid_token", "invalid_token", err.Error(), err)
	}
	s, err := g.liveSession(r.Context(), p, c)
	if err != nil {
		return session.Caller{}, err
	}
	return session.Caller{Session: s, JTI: c.ID, TokenExpires: time.Unix(*c.Expires, 0)}, nil
}

// bearer reads the one Authorization header. The scheme's case does not matter (RFC 9110 section 11.1); anything else
// that is not exactly "Bearer TOKEN" is refused with what is wrong with it, never guessed at.
func bearer(headers []string) (string, error) {
	if len(headers) == 0 {
		return "", nil
	}
	if len(headers) > 1 {
		return "", &session.AuthError{Status: http.StatusBadRequest, Code: "invalid_request", Reason: "invalid_request",
			Description: "more than one Authorization header"}
	}
	scheme, token, found := strings.Cut(headers[0], " ")
	bad := func(why string) (string, error) { return "", refuse("invalid_token", "invalid_token", why, nil) }
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		return bad("the Authorization header must be: Bearer, one space, the token")
	case !found || strings.TrimLeft(token, " ") == "":
		return bad("the Authorization header has no token after Bearer")
	case token[0] == ' ':
		return bad("the Authorization header has more than one space after Bearer")
	case len(token) > maxToken:
		return bad("the token is too long")
	case !tokenBytes(token):
		return bad("the token holds a space or another character that tokens never have")
	}
	return token, nil
}

// tokenBytes reports that s holds printable ASCII without spaces and commas only. It looks at bytes, not at runes: on the
// way of every request this is half the price, and no byte of a longer rune passes either.
func tokenBytes(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == ',' {
			return false
		}
	}
	return true
}

// verified proves token's signature, from the cache where it was proved before, and holds its claims against p and now.
func (g *Gate) verified(token string, p *config.Proxy) (*claims, error) {
	key := verdictKey(p.Name, token)
	c, ok := g.verdicts.get(key)
	if !ok {
		keys := g.keys.Load()
		proved, err := keys.verify(token)
		if err != nil {
			return nil, err
		}
		c = &proved
		g.verdicts.put(key, c)
		if g.keys.Load() != keys { // the keys changed meanwhile; the purge may have come before our put
			g.verdicts.purge()
		}
	}
	a, ok := g.addr[p.Name]
	if !ok {
		return nil, errTokenAudience
	}
	return c, c.check(a.issuer, a.resource, g.now())
}

// liveSession is the session of a verified token, if it still is one.
func (g *Gate) liveSession(ctx context.Context, p *config.Proxy, c *claims) (*session.Session, error) {
	s, err := g.sessions.Get(ctx, c.Session)
	switch {
	case errors.Is(err, session.ErrEnded):
		return nil, refuse("invalid_token", "session_ended", errSessionEnded.Error(), err)
	case errors.Is(err, store.ErrNotFound):
		return nil, refuse("invalid_token", "session_ended", errSessionUnknown.Error(), err)
	case err != nil:
		return nil, &session.AuthError{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Reason: "store_unavailable",
			Description: "the gateway cannot check this session right now", Err: err}
	case s.Proxy != p.Name || s.ClientID != c.ClientID || s.Sub != c.Subject:
		return nil, refuse("invalid_token", "invalid_token", errSessionUnknown.Error(), nil)
	case !g.signsIn(p, s):
		return nil, refuse("invalid_token", "provider_gone", "this server signs people in elsewhere now", nil)
	case !g.knows(p, s.ClientID):
		return nil, refuse("invalid_token", "invalid_client", "the client may not use this server any more", nil)
	case g.sessions.JTIRevoked(c.ID):
		return nil, refuse("invalid_token", "token_revoked", "the token was revoked", nil)
	}
	return s, nil
}

// signsIn reports that the provider which vouched for a session's person still signs people in at p.
func (g *Gate) signsIn(p *config.Proxy, s *session.Session) bool {
	return s.Kind != session.KindUser || g.vouched(p, s.IdentityRef())
}

// Honours reports that a session at p means something under this configuration: its provider still signs people in
// there, its client may still use it. The streams of others are cut when it comes into force.
func (g *Gate) Honours(p *config.Proxy, s *session.Session) bool {
	return s.Kind == session.KindOpen || g.signsIn(p, s) && g.knows(p, s.ClientID)
}

func refuse(code, reason, description string, err error) *session.AuthError {
	return &session.AuthError{Status: http.StatusUnauthorized, Code: code, Reason: reason, Description: description, Err: err}
}

// Challenge is the WWW-Authenticate value of a refusal at p: where the metadata is, what was wrong, which scopes to ask
// for. An open proxy has no metadata to point at.
func (g *Gate) Challenge(p *config.Proxy, e *session.AuthError) string {
	var parts []string
	add := func(name, value string) {
		parts = append(parts, name+`="`+strings.Map(quotable, value)+`"`)
	}
	if e != nil && e.Code != "" {
		add("error", e.Code)
		if e.Description != "" {
			add("error_description", e.Description)
		}
	}
	if p.OAuth.Enabled {
		add("resource_metadata", g.addr[p.Name].metadata)
		if len(p.OAuth.Scopes) > 0 {
			add("scope", strings.Join(p.OAuth.Scopes, " "))
		}
	}
	if len(parts) == 0 {
		return "Bearer"
	}
	return "Bearer " + strings.Join(parts, ", ")
}

// quotable keeps what may stand between the quotes of RFC 6750 section 3.
func quotable(c rune) rune {
	if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
		return -1
	}
	return c
}
