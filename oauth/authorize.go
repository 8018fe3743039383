package oauth

// https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1#section-4.1.1, https://www.rfc-editor.org/rfc/rfc7636#section-4.3,
// https://www.rfc-editor.org/rfc/rfc8707#section-2 and https://www.rfc-editor.org/rfc/rfc9207#section-2

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/policy"
	"gatehouse/web"
)

const (
	maxQuery = 16 << 10 // bytes of an authorization request
	maxState = 2 << 10  // bytes of the client's state
)

// authorize begins a login. Until client and redirect URI are proved, every error is a page of ours; after that the
// client is told by redirect, with its state and our issuer.
func (g *Gate) authorize(which func(*http.Request, url.Values) (*config.Proxy, error)) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := allow(w, r, http.MethodGet); err != nil {
			return err
		}
		if err := g.limited(r, nil, "authorize|"+g.addressKey(r), g.cfg.RateLimits.Authorize); err != nil {
			return err
		}
		q, err := authorizeQuery(r)
		if err != nil {
			return g.refusedAuthorize(r, nil, q, err)
		}
		p, err := which(r, q)
		if err != nil {
			return g.refusedAuthorize(r, nil, q, err)
		}
		c, l, err := g.asked(r, p, q)
		if err != nil {
			return g.refusedAuthorize(r, p, q, err)
		}
		if we := g.readRequest(p, c, q, l); we != nil {
			g.refusedAuthorize(r, p, q, we)
			g.sendError(w, r, l, we.Code, we.Description)
			return nil
		}
		return g.begin(w, r, p, c, l)
	}
}

// authorizeQuery reads the query and refuses what a browser and we could read in two ways (RFC 6749 section 3.1).
func authorizeQuery(r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, invalidRequest("the request is too long")
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalidRequest("the request is malformed")
	}
	for _, name := range []string{"client_id", "redirect_uri"} {
		if len(q[name]) > 1 {
			return q, invalidRequest("the request has %s twice", name)
		}
	}
	if len(q.Get("state")) > maxState {
		return q, invalidRequest("the state is too long")
	}
	return q, nil
}

// asked proves client and redirect URI and begins the login with them.
func (g *Gate) asked(r *http.Request, p *config.Proxy, q url.Values) (*client, *login, error) {
	c, err := g.client(r.Context(), p, q.Get("client_id"))
	if errors.Is(err, errNoClient) || (err == nil && c.Blocked) {
		return nil, nil, &pageError{Status: http.StatusBadRequest, Reason: "invalid_client", Err: err, Page: unknownClientPage}
	}
	if err != nil {
		return nil, nil, err
	}
	uri := q.Get("redirect_uri")
	given := uri != ""
	if !given && len(c.RedirectURIs) == 1 {
		uri = c.RedirectURIs[0]
	}
	u, err := parseRedirect(uri)
	if err != nil || !c.redirectOK(uri) || g.ours(u) {
		return nil, nil, &pageError{Status: http.StatusBadRequest, Reason: "invalid_redirect_uri", Err: err, Page: badRedirectPage}
	}
	l := &login{ID: randomID("l_"), Flow: randomID("f_"), Proxy: p.Name, ClientID: c.ID, ClientName: c.Name,
		RedirectURI: uri, RedirectGiven: given, State: []byte(q.Get("state")), HasState: q.Has("state")}
	return c, l, nil
}

// readRequest checks the rest of the request and writes it into l.
func (g *Gate) readRequest(p *config.Proxy, c *client, q url.Values, l *login) *wireError {
	for name, values := range q {
		if len(values) > 1 && name != "resource" {
			return invalidRequest("a parameter is there twice")
		}
	}
	switch {
	case q.Has("request"):
		return badRequest("request_not_supported", "request objects are not supported")
	case q.Has("request_uri"):
		return badRequest("request_uri_not_supported", "request objects are not supported")
	case q.Get("response_type") == "":
		return invalidRequest("response_type is missing")
	case q.Get("response_type") != "code":
		return badRequest("unsupported_response_type", "only response_type=code is supported")
	case q.Has("response_mode") && q.Get("response_mode") != "query":
		return invalidRequest("only response_mode=query is supported")
	case !c.may(grantCode):
		return badRequest("unauthorized_client", "this client may not use authorization codes")
	// A default of plain, or no challenge at all, would let whoever sees the code redeem it.
	case q.Get("code_challenge_method") != "S256":
		return invalidRequest("code_challenge_method=S256 is required")
	case !validChallenge(q.Get("code_challenge")):
		return invalidRequest("code_challenge is missing or is not a SHA-256 in base64url")
	case !g.resourceOK(p, q["resource"]):
		return badRequest("invalid_target", "the resource is not this server")
	case slices.Contains(strings.Fields(q.Get("prompt")), "none"):
		// Nobody is let in without having been asked.
		return badRequest("login_required", "somebody has to sign in")
	case g.w.Providers[p.OAuth.Provider] == nil:
		return badRequest("server_error", "this server has no sign-in provider")
	}
	l.Challenge = q.Get("code_challenge")
	l.Scope, l.ScopeAsked = granted(p, q.Get("scope")), q.Get("scope") != ""
	l.Prompt = q.Get("prompt")
	if hint := q.Get("login_hint"); len(hint) <= 256 {
		l.LoginHint = hint
	}
	l.Provider = p.OAuth.Provider
	return nil
}

// begin stores the login, unless this person's earlier consent holds shows the consent page, and goes on.
func (g *Gate) begin(w http.ResponseWriter, r *http.Request, p *config.Proxy, c *client, l *login) error {
	who, err := g.signedIn(r)
	if err != nil {
		return err
	}
	if who != nil {
		if l.ForceLogin, err = g.forced(r.Context(), who.Sub, p.Name); err != nil {
			return err
		}
		if l.Consented, err = g.remembered(r.Context(), p, l, who); err != nil {
			return err
		}
		if l.Consented {
			l.ConsentedAs = who.Sub
		}
	}
	l.Bind, l.CSRF = g.bind(w, r), []byte(randomText(32))
	if err := g.putLogin(r.Context(), l); err != nil {
		return err
	}
	g.log.Info("oauth-proxy authorize", "proxy", p.Name, "client_id", c.ID, "client_name", c.Name, "redirect_host", l.redirectHost(),
		"flow", l.Flow, "ip", g.clientIP(r), "request_id", g.requestID(r))
	if err := g.step(r, l, "authorize"); err != nil {
		return err
	}
	return g.next(w, r, l)
}

// refusedAuthorize writes a refused authorization request down and gives the refusal back.
func (g *Gate) refusedAuthorize(r *http.Request, p *config.Proxy, q url.Values, err error) error {
	reason := "invalid_request"
	var we *wireError
	var pe *pageError
	switch {
	case errors.As(err, &pe):
		reason = pe.Reason
	case errors.As(err, &we):
		reason = we.reason()
	}
	e := g.event(r, p, "flow.step", "authorize", audit.Denied, reason)
	e.Actor = audit.Actor{Type: policy.Anonymous, ClientID: web.Clean(q.Get("client_id"), 128)}
	g.audit.RefusedAnonymous(e)
	g.log.Info("oauth-proxy authorize refused", "proxy", e.Req.Proxy, "client_id", web.Clean(q.Get("client_id"), 128), "reason", reason,
		"ip", g.clientIP(r), "request_id", g.requestID(r))
	return err
}

// backURL is the client's redirect URI with params, the client's state and our issuer (RFC 9207). The registered URI is
// kept as it is; parameters are only added.
func (g *Gate) backURL(l *login, params ...string) string {
	var b strings.Builder
	b.WriteString(l.RedirectURI)
	sep := byte('?')
	if strings.Contains(l.RedirectURI, "?") {
		sep = '&'
	}
	add := func(name, value string) {
		b.WriteByte(sep)
		b.WriteString(name + "=" + url.QueryEscape(value))
		sep = '&'
	}
	for i := 0; i+1 < len(params); i += 2 {
		add(params[i], params[i+1])
	}
	if l.HasState {
		add("state", string(l.State))
	}
	add("iss", g.addr[l.Proxy].issuer)
	return b.String()
}

func (g *Gate) sendError(w http.ResponseWriter, r *http.Request, l *login, code, description string) {
	g.leave(w, r, web.ContinueData{To: appName(l), Back: true, Denied: true, URL: g.backURL(l, "error", code, "error_description", description)})
}

// validChallenge admits exactly what S256 makes: 32 bytes in base64url.
func validChallenge(s string) bool {
	return len(s) == 43 && !strings.ContainsFunc(s, func(c rune) bool { return c >= 0x80 || (!isAlnum(byte(c)) && c != '-' && c != '_') })
}

// resourceOK reports that every resource asked for is p's own; none is p by being asked here.
func (g *Gate) resourceOK(p *config.Proxy, asked []string) bool {
	want := canonicalResource(g.addr[p.Name].resource)
	for _, a := range asked {
		if a == "" {
			continue // a parameter without a value counts as left out (RFC 6749 section 3.1)
		}
		if len(a) > 2048 || canonicalResource(a) != want {
			return false
		}
	}
	return true
}

// canonicalResource lowers scheme and host, drops a default port and one trailing slash. "" is no resource.
func canonicalResource(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.Contains(raw, "#") {
		return ""
	}
	scheme := strings.ToLower(u.Scheme)
	s := urlOrigin(scheme+"://"+u.Host) + strings.TrimSuffix(u.EscapedPath(), "/")
	if u.RawQuery != "" || u.ForceQuery {
		s += "?" + u.RawQuery
	}
	return s
}

// granted are the scopes of p among those asked for; what p does not know is dropped, never an error and never a right.
func granted(p *config.Proxy, asked string) []string {
	out := []string{}
	for _, s := range strings.Fields(asked) {
		if slices.Contains(p.OAuth.Scopes, s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// prefetched reports that nobody asked for this page yet: the browser guesses. Nothing may happen.
func prefetched(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") || r.Header.Get("Purpose") == "prefetch"
}

var badRedirectPage = web.ErrorData{Title: "This app cannot be sent an answer",
	What:  "The address the app wants the answer at is not one it registered.",
	Whose: "The app made the request, or somebody who pretends to be the app.", Do: "Close this page. If you trust the app, remove its connection and add it again."}
