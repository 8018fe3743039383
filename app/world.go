package app

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/oauth"
	"gatehouse/policy"
	"gatehouse/proxy"
	"gatehouse/session"
)

// world is everything that follows from one valid configuration. It is immutable: a request loads it once and is judged by
// it to the end; a reload builds another one and swaps the pointer.
type world struct {
	cfg     *config.Config
	version int
	policy  *policy.Policy
	gate    *oauth.Gate
	proxies map[string]*mounted
	// byPath holds the path-routed proxies of the main listener, longest path first.
	byPath  []*mounted
	hosts   hosts
	trusted []netip.Prefix
	// adopt makes what this world built the house's own, and closes what it replaced. Called once, by swap.
	adopt func()
}

// mounted is a proxy and where it answers.
type mounted struct {
	proxy   *config.Proxy
	handler *proxy.Handler
	base    string // its public base URL
	local   string // the loopback name in it, if any
}

// newHosts collects the names that a Host header may carry.
func newHosts(c *config.Config) hosts {
	h := hosts{}
	add := func(raw string) {
		if u, err := url.Parse(raw); err == nil && u.Hostname() != "" {
			h[strings.ToLower(u.Hostname())] = true
		}
	}
	add(c.PublicURL())
	for _, p := range c.Proxies {
		add(c.BaseURL(p))
	}
	for _, name := range c.Server.AllowedHosts {
		if n := hostName(name); n != "" {
			h[n] = true
		}
	}
	return h
}

// mountAt is the path-routed proxy that owns a path: the longest configured path that ends on a segment border.
func (w *world) mountAt(path string) *mounted {
	for _, m := range w.byPath {
		at := strings.TrimRight(m.proxy.Path, "/")
		if path == at || strings.HasPrefix(path, at+"/") {
			return m
		}
	}
	return nil
}

// endpoint reports the one path of a path-routed proxy, as it is written or with one slash after it; not decoded, so that
// no second spelling of it passes whatever stands in front of us.
func (m *mounted) endpoint(escaped string) bool {
	at := strings.TrimRight(m.proxy.Path, "/")
	return escaped == at || escaped == at+"/"
}

// admits is what a reload asks about every session that has a stream, and a request about its own once the stream is
// tracked, if there was a reload meanwhile.
func (w *world) admits(s *session.Session, blocked func(policy.Identity) bool) bool {
	m := w.proxies[s.Proxy]
	if m == nil || !w.gate.Honours(m.proxy, s) {
		return false
	}
	id := s.Identity()
	return w.policy.Enter(s.Proxy, w.policy.Subject(id, blocked(id))).Allow
}

// serveOwn is a proxy's own listener: its well-knowns and aliases, its MCP endpoint, nothing else.
func (h *house) serveOwn(name string) http.Handler {
	return h.entrance(func(w http.ResponseWriter, r *http.Request, now *world) {
		m := now.proxies[name]
		switch {
		case m == nil || !m.proxy.Enabled || m.proxy.Listen == "":
			writeError(w, http.StatusNotFound, "not_found", "no proxy is configured here", requestID(r))
		case h.misdirected(w, r, m):
		case now.gate.ServeProxy(w, r, m.proxy):
		case r.URL.EscapedPath() == config.MCPPath:
			m.handler.ServeHTTP(w, r)
		default:
			writeError(w, http.StatusNotFound, "not_found", "the MCP endpoint is "+now.cfg.Resource(m.proxy), requestID(r))
		}
	})
}

// serveMain is the main listener: the authorization server, the pages, then the proxies that live on a path.
func (h *house) serveMain() http.Handler {
	return h.entrance(func(w http.ResponseWriter, r *http.Request, now *world) {
		if now.gate.ServeMain(w, r) {
			return
		}
		m := now.mountAt(r.URL.EscapedPath())
		switch {
		case m == nil || reserved(r.URL.Path):
			h.notFound(w, r, now)
		case !m.proxy.Enabled:
			writeError(w, http.StatusNotFound, "not_found", "this proxy is disabled", requestID(r))
		case h.misdirected(w, r, m):
		case !m.endpoint(r.URL.EscapedPath()):
			// An MCP proxy has exactly one endpoint: a prefix match must not open paths that nobody judged.
			writeError(w, http.StatusNotFound, "not_found", "the MCP endpoint is "+now.cfg.Resource(m.proxy), requestID(r))
		default:
			m.handler.ServeHTTP(w, r)
		}
	})
}

// reservedPrefixes belong to the gate whatever a proxy's path is.
var reservedPrefixes = []string{"/.well-known/", "/api/v1/", "/oauth/", "/account", "/health", "/authorize", "/token", "/register", "/callback"}

func reserved(path string) bool {
	for _, p := range reservedPrefixes {
		if strings.HasSuffix(p, "/") && strings.HasPrefix(path, p) || path == p || strings.HasPrefix(path, p+"/") {
			return true
		}
	}
	return false
}

func (h *house) notFound(w http.ResponseWriter, r *http.Request, now *world) {
	var known []string
	for _, m := range now.proxies {
		if m.proxy.Enabled && m.proxy.Discoverable {
			known = append(known, now.cfg.Resource(m.proxy))
		}
	}
	text := "nothing is here"
	if len(known) > 0 {
		text += "; MCP endpoints: " + strings.Join(sorted(known), ", ")
	}
	writeError(w, http.StatusNotFound, "not_found", text, requestID(r))
}

// entrance is what every request passes first: an id, the caller's address, a Host that is ours, health.
func (h *house) entrance(next func(http.ResponseWriter, *http.Request, *world)) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w := receive(rw, r, bodyTime)
		now := h.world.Load()
		id := newRequestID()
		client := resolveClient(r.RemoteAddr, r.Header["X-Forwarded-For"], now.trusted)
		r.RemoteAddr = client.String()
		one := []string{id}
		r.Header[requestIDHeader], w.Header()[requestIDHeader] = one, one
		defer h.survive(w, r)
		if !now.hosts.admit(hostName(r.Host)) {
			h.refuseHost(w, r)
			return
		}
		if path := r.URL.Path; path == "/health" || path == "/api/v1/health" {
			h.health.ServeHTTP(w, r)
			return
		}
		next(w, r, now)
	})
}

// refuseHost answers a Host that is not ours (DNS rebinding): the page that made the browser ask must learn nothing.
func (h *house) refuseHost(w http.ResponseWriter, r *http.Request) {
	h.audit.RefusedAnonymous(&audit.Event{Event: "mcp.request", Action: "call", Outcome: audit.Denied, Reason: "host_not_allowed",
		Req: audit.Req{ID: requestID(r), Method: r.Method, Status: http.StatusForbidden}, Actor: audit.Actor{Type: "anonymous"},
		Src: audit.Src{IP: clientIP(r)}, Target: audit.Target{Kind: "host", Name: r.Host}})
	writeError(w, http.StatusForbidden, "host_not_allowed", "this host is not configured; see server.allowed_hosts", requestID(r))
}

// misdirected answers 421 (RFC 9110 section 15.5.20) when a loopback proxy is asked under another loopback name.
func (h *house) misdirected(w http.ResponseWriter, r *http.Request, m *mounted) bool {
	if !misnamed(hostName(r.Host), m.local) {
		return false
	}
	writeError(w, http.StatusMisdirectedRequest, "misdirected_request", "use "+m.base, requestID(r))
	return true
}
