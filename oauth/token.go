package oauth

// https://www.rfc-editor.org/rfc/rfc6749#section-3.2

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/policy"
	"gatehouse/store"
	"gatehouse/web"
)

const (
	formType   = "application/x-www-form-urlencoded"
	maxForm    = 16 << 10 // bytes of a form
	addressCap = 600      // requests of one address a minute to each of token, register and the pages, whoever is behind it
)

// form is a parsed form: every parameter once, but resource.
type form struct {
	url.Values
}

// secretParams must never stand in a URL, where logs and histories keep them (RFC 9700 section 4.3.2).
var secretParams = map[string]bool{"code": true, "client_secret": true, "client_id": true, "refresh_token": true, "code_verifier": true,
	"token": true, "grant_type": true, "redirect_uri": true, "access_token": true, "id_token": true, "client_assertion": true,
	"assertion": true, "subject_token": true, "actor_token": true, "password": true, "username": true}

// resolver finds the proxy that a form belongs to; on a proxy's own endpoint it always is that proxy.
type resolver func(r *http.Request, f form) (*config.Proxy, error)

// token is the token endpoint.
func (g *Gate) token(which resolver) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := g.limited(r, nil, "token|"+g.addressKey(r), config.Rate{Count: addressCap, Per: time.Minute}); err != nil {
			return err
		}
		f, err := g.readForm(w, r)
		if err != nil {
			return g.tokenDenied(r, nil, "", err)
		}
		id := clientIDOf(r, f)
		return from(id, g.tokenRequest(w, r, which, f, id))
	}
}

func (g *Gate) tokenRequest(w http.ResponseWriter, r *http.Request, which resolver, f form, id string) error {
	if err := g.limited(r, nil, "token|"+g.addressKey(r)+"|"+hashOf(id), g.cfg.RateLimits.Token); err != nil {
		return err
	}
	p, err := which(r, f)
	if err != nil {
		return g.tokenDenied(r, nil, id, err)
	}
	c, err := g.authenticateClient(r, p, f)
	if err != nil {
		return g.tokenDenied(r, p, id, err)
	}
	switch f.Get("grant_type") {
	case grantCode:
		err = g.codeGrant(w, r, p, c, f)
	case grantRefresh:
		err = g.refreshGrant(w, r, p, c, f)
	case "":
		err = invalidRequest("grant_type is missing")
	default:
		err = badRequest("unsupported_grant_type", "only authorization_code and refresh_token are supported")
	}
	if err != nil {
		return g.tokenDenied(r, p, c.ID, err)
	}
	return nil
}

// from notes in a refusal which client the request said it came from.
func from(clientID string, err error) error {
	if we := (*wireError)(nil); errors.As(err, &we) {
		we.Who.ClientID = web.Clean(clientID, 128)
	}
	return err
}

// readForm reads a form from the body and from nowhere else.
func (g *Gate) readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	if err := allow(w, r, http.MethodPost); err != nil {
		return form{}, err
	}
	if r.URL.RawQuery != "" {
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return form{}, invalidRequest("the query is malformed")
		}
		for name := range q {
			if name = strings.ToLower(name); secretParams[name] {
				return form{}, invalidRequest("%s belongs in the body, never in the URL", name)
			}
		}
	}
	body, err := g.readBody(w, r, formType, maxForm)
	if err != nil {
		return form{}, err
	}
	return parseForm(string(body))
}

// parseForm refuses a parameter that is there twice, and one that is not text.
func parseForm(body string) (form, error) {
	v, err := url.ParseQuery(body)
	if err != nil {
		return form{}, invalidRequest("the body is malformed")
	}
	for name, values := range v {
		if len(values) > 1 && name != "resource" {
			return form{}, invalidRequest("a parameter is there twice")
		}
		for _, value := range values {
			if strings.ContainsFunc(value, func(c rune) bool { return c < 0x20 || c == 0x7f || c == 0xfffd }) {
				return form{}, invalidRequest("a parameter holds control characters")
			}
		}
	}
	return form{v}, nil
}

// clientIDOf is whom a request says it comes from, before that is proved; for rate limits and the log.
func clientIDOf(r *http.Request, f form) string {
	id, _, _, err := presented(r, f)
	if err != nil {
		return f.Get("client_id")
	}
	return id
}

// authenticateClient proves the client by exactly one method, the registered one (OAuth 2.1 section 2.4).
func (g *Gate) authenticateClient(r *http.Request, p *config.Proxy, f form) (*client, error) {
	id, secret, method, err := presented(r, f)
	if err != nil {
		return nil, err
	}
	refuse := func(why string) error {
		return &wireError{Status: http.StatusUnauthorized, Code: "invalid_client", Description: why, Basic: method == methodBasic}
	}
	c, err := g.client(r.Context(), p, id)
	switch {
	case errors.Is(err, errNoClient):
		return nil, refuse("the client is not known here; register again")
	case err != nil:
		return nil, err
	case c.Blocked:
		return nil, refuse("the client was blocked by an administrator")
	case c.public() && method != methodNone:
		return nil, refuse("this client has no secret and must not send one")
	case !c.public() && method == methodNone:
		return nil, refuse("this client must send its secret")
	case c.public():
		return c, nil
	case c.Method != methodAny && c.Method != method:
		return nil, refuse("this client registered another way to send its secret")
	case !c.secretOK(secret):
		return nil, refuse("the client's secret is wrong")
	}
	return c, nil
}

// presented reads the one method by which a request authenticates its client.
func presented(r *http.Request, f form) (id, secret, method string, err error) {
	switch headers := r.Header.Values("Authorization"); {
	case len(headers) > 1:
		return "", "", "", invalidRequest("more than one Authorization header")
	case len(headers) == 1:
		scheme, encoded, _ := strings.Cut(headers[0], " ")
		raw, decErr := base64.StdEncoding.DecodeString(encoded)
		user, pass, found := strings.Cut(string(raw), ":")
		id, err1 := url.QueryUnescape(user)
		secret, err2 := url.QueryUnescape(pass)
		if !strings.EqualFold(scheme, "Basic") || decErr != nil || !found || err1 != nil || err2 != nil {
			return "", "", "", &wireError{Status: http.StatusUnauthorized, Code: "invalid_client", Description: "the Authorization header is not Basic", Basic: true}
		}
		if f.Has("client_secret") || (f.Has("client_id") && f.Get("client_id") != id) {
			return "", "", "", invalidRequest("the client authenticates in two ways")
		}
		return id, secret, methodBasic, nil
	case f.Has("client_assertion"), f.Has("client_assertion_type"):
		return "", "", "", &wireError{Status: http.StatusUnauthorized, Code: "invalid_client", Description: "client assertions are not supported"}
	case f.Has("client_secret"):
		return f.Get("client_id"), f.Get("client_secret"), methodPost, nil
	case f.Get("client_id") == "":
		return "", "", "", &wireError{Status: http.StatusUnauthorized, Code: "invalid_client", Description: "client_id is missing"}
	}
	return f.Get("client_id"), "", methodNone, nil
}

// tokenDenied writes a refused token request down and gives the refusal back.
func (g *Gate) tokenDenied(r *http.Request, p *config.Proxy, clientID string, err error) error {
	var we *wireError
	if !errors.As(err, &we) || we.Status >= 500 {
		return err
	}
	e := g.event(r, p, "token.denied", "token", audit.Denied, we.reason())
	e.Req.Status, e.Flow = we.Status, we.Who.Flow
	e.Actor = audit.Actor{Type: policy.Anonymous, ClientID: web.Clean(clientID, 128)}
	g.audit.RefusedAnonymous(e)
	return err
}

// tokenAnswer is RFC 6749 section 5.1.
type tokenAnswer struct {
	Access  string  `json:"access_token"`
	Type    string  `json:"token_type"`
	Expires int64   `json:"expires_in"`
	Refresh string  `json:"refresh_token,omitempty"`
	Scope   *string `json:"scope,omitempty"`
}

// answer mints an access token for a session and writes the answer. refresh may be "".
func (g *Gate) answer(w http.ResponseWriter, p *config.Proxy, sid, sub, clientID, scope, refresh string, life time.Duration) error {
	a := g.addr[p.Name]
	life = min(life, p.OAuth.AccessTokenTTL).Truncate(time.Second)
	if life <= 0 {
		return invalidGrant("session_expired", "the session is over; sign in again")
	}
	token, _, err := g.mint(claims{Issuer: a.issuer, Audience: a.resource, Subject: sub, ClientID: clientID, Session: sid, Scope: scope}, life)
	if err != nil {
		return unavailable(err)
	}
	out := tokenAnswer{Access: token, Type: "Bearer", Expires: int64(life / time.Second), Refresh: refresh}
	if scope != "" || len(p.OAuth.Scopes) > 0 {
		out.Scope = &scope
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// invalidGrant is the answer to a code or refresh token that cannot be used: the reason is for the log, the description
// for the client's developer.
func invalidGrant(reason, description string) *wireError {
	return &wireError{Status: http.StatusBadRequest, Code: "invalid_grant", Description: description, Reason: reason}
}

// mayGoOn asks again what was true at sign-in: nobody keeps by a code or refresh token what the configuration or an
// operator took away (CVE-2026-43983).
func (g *Gate) mayGoOn(r *http.Request, p *config.Proxy, id policy.Identity) error {
	if !g.vouched(p, &id) {
		return invalidGrant("provider_gone", "this server signs people in elsewhere now; sign in again")
	}
	if rule := g.w.Policy.Disabled(id); rule != "" {
		return invalidGrant(policy.ReasonUserDisabled, "an administrator disabled this account")
	}
	blocked, err := g.blocked(r.Context(), id)
	if err != nil {
		return unavailable(err)
	}
	if blocked {
		return invalidGrant(policy.ReasonUserBlocked, "an administrator blocked this account")
	}
	return nil
}

func found(err error) (bool, error) {
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unavailable(err)
	}
	return true, nil
}
