package proxy

// MCP demands that a bad Origin is refused with 403, or a page in the browser of somebody on this machine could call
// loopback servers (DNS rebinding): https://modelcontextprotocol.io/specification/2025-11-25/basic/transports

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"gatehouse/config"
)

// origins is who may call from a browser.
type origins struct {
	exact    map[string]bool
	loopback bool // loopback origins too: the listener is on loopback
}

func newOrigins(c *config.Config, p *config.Proxy) origins {
	o := origins{exact: map[string]bool{}}
	for _, raw := range append([]string{c.PublicURL(), c.BaseURL(p)}, p.AllowedOrigins...) {
		if u, err := url.Parse(raw); err == nil && u.Scheme != "" && u.Host != "" {
			o.exact[originOf(u)] = true
		}
	}
	listen := p.Listen
	if listen == "" {
		listen = c.Server.Listen
	}
	host, _, err := net.SplitHostPort(listen)
	o.loopback = err == nil && loopbackName(host)
	return o
}

func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch scheme := strings.ToLower(u.Scheme); scheme {
	case "http":
		return scheme + "://" + strings.TrimSuffix(host, ":80")
	case "https":
		return scheme + "://" + strings.TrimSuffix(host, ":443")
	default:
		return scheme + "://" + host
	}
}

func loopbackName(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func (o origins) admit(origin string) bool {
	u, err := url.Parse(origin)
	// An origin is scheme, host and port and nothing else; "null" has no host.
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	if o.exact[originOf(u)] {
		return true
	}
	return o.loopback && (u.Scheme == "http" || u.Scheme == "https") && loopbackName(u.Hostname())
}

const (
	corsMethods = "POST, GET, DELETE"
	corsHeaders = "Authorization, Content-Type, Accept, X-API-Key, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID, Mcp-Method, Mcp-Name"
	corsExpose  = "Mcp-Session-Id, WWW-Authenticate"
)

// origin refuses pages that may not call, and answers preflights.
func (x *exchange) origin() bool {
	values := x.r.Header["Origin"]
	if len(values) > 0 {
		if len(values) > 1 || !x.h.made.origins.admit(values[0]) {
			x.refusedCheaply("mcp.request", "origin_not_allowed")
			x.answerError(http.StatusForbidden, "origin_not_allowed", "this origin may not call; see allowed_origins")
			return false
		}
		x.out.origin = values[0]
	}
	if x.r.Method != http.MethodOptions {
		return true
	}
	head := x.out.Header()
	head.Set("Allow", "POST, GET, DELETE, OPTIONS")
	if x.out.origin != "" {
		head.Set("Access-Control-Allow-Methods", corsMethods)
		head.Set("Access-Control-Allow-Headers", corsHeaders+paramHeaders(x.r.Header))
		head.Set("Access-Control-Max-Age", "600")
	}
	x.out.WriteHeader(http.StatusNoContent)
	return false
}

// paramHeaders are the Mcp-Param-* names that a preflight asks for; the specification lets clients invent them.
func paramHeaders(h http.Header) string {
	var b strings.Builder
	for name := range strings.SplitSeq(h.Get("Access-Control-Request-Headers"), ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if strings.HasPrefix(name, "mcp-param-") && len(name) <= 128 && b.Len() < 2048 && token(name) {
			b.WriteString(", ")
			b.WriteString(name)
		}
	}
	return b.String()
}

func token(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != ""
}
