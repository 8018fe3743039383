package proxy

import (
	"net/http"
	"strings"

	"gatehouse/mcp"
)

// protected knows the request headers that never go from a client to the upstream: credentials, identities, claims about
// the way the request took, and hop-by-hop. Names are compared folded, because servers map X_Gatehouse_User and
// X-Gatehouse-User to one variable (oauth2-proxy CVE-2025-64484, Caddy CVE-2026-52845).
type protected map[string]bool

var protectedNames = []string{
	// credentials (HX-04)
	"authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "cookie2", "proxy-authorization", "x-access-token",
	"x-auth-token", "authentication", "x-amz-security-token",
	// where it came from (HX-05, HX-06)
	"forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip", "client-ip", "via",
	"x-original-url", "x-rewrite-url", "x-original-host", "x-host", "x-http-method-override", "x-method-override", "x-request-id",
	"remote-user", "x-remote-user", "x-user", "x-forwarded",
	// the connection (HX-15)
	"connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "expect",
	"content-length", "host",
	// what we set ourselves, or answer for
	"accept-encoding", "range", "if-range", "origin", "referer", "content-encoding",
	"mcp-session-id", "mcp-method", "mcp-name", "last-event-id", "mcp-protocol-version",
}

// protectedPrefixes are folded too.
var protectedPrefixes = []string{"x-gatehouse-", "x-auth-", "x-forwarded-", "access-control-", "sec-", "proxy-"}

func newProtected(more []string) protected {
	p := protected{}
	for _, name := range protectedNames {
		p[name] = true
	}
	for _, name := range more {
		if name != "" {
			p[fold(name)] = true
		}
	}
	return p
}

// fold is the name as the most careless reader sees it. It allocates only when something changes.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '_' || r == '.':
			return '-'
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

func (p protected) has(name string) bool {
	var buf [64]byte
	if len(name) > len(buf) {
		return p.hasFolded(fold(name))
	}
	n := len(name)
	for i := range n {
		c := name[i]
		switch {
		case c == '_' || c == '.':
			c = '-'
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	if p[string(buf[:n])] { // this conversion does not allocate
		return true
	}
	for _, prefix := range protectedPrefixes {
		if n >= len(prefix) && string(buf[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}

func (p protected) hasFolded(name string) bool {
	if p[name] {
		return true
	}
	for _, prefix := range protectedPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// outbound is what the upstream receives of the client's headers, and ours.
func (x *exchange) outbound() http.Header {
	p := x.h.made.protected
	h := make(http.Header, len(x.r.Header)+8) // built at once at its size: it does not grow
	for name, values := range x.r.Header {
		if !p.has(name) && !x.hop(name) {
			h[name] = values
		}
	}
	for _, line := range x.h.made.fixed {
		h[line.name] = line.value
	}
	for _, line := range x.person.headers {
		h[line.name] = line.value
	}
	one := make([]string, 0, 7) // one allocation for all values
	set := func(name, value string) {
		one = append(one, value)
		h[name] = one[len(one)-1 : len(one) : len(one)]
	}
	set("X-Request-Id", x.id)
	set("X-Forwarded-For", x.ip)
	if len(x.r.Header[mcp.HeaderVersion]) == 1 {
		set(mcp.HeaderVersion, x.version)
	}
	if x.session != "" {
		set(mcp.HeaderSession, x.session)
	}
	if x.event != "" {
		set(mcp.HeaderLastEvent, x.event)
	}
	if x.msg != nil && x.msg.Modern {
		// From the body, which was judged; the client's own were compared with it.
		set(mcp.HeaderMethod, mcp.EncodeHeader(x.msg.Call.Method))
		if x.msg.Call.Kind != mcp.KindMethod {
			set(mcp.HeaderName, mcp.EncodeHeader(x.msg.Call.Name))
		}
	}
	return h
}

// hop reports a header that the client declared to be about its own connection (RFC 9110 section 7.6.1). Our headers are
// set afterwards, so that none of them can be declared away (HX-01).
func (x *exchange) hop(name string) bool {
	for _, list := range x.r.Header["Connection"] {
		if list == "keep-alive" {
			continue
		}
		for token := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(token), name) {
				return true
			}
		}
	}
	return false
}

// inboundNames are response headers of the upstream that say nothing to our client or would speak in our name (HX-19).
var inboundNames = map[string]bool{
	"Set-Cookie": true, "Set-Cookie2": true, "Server": true, "X-Powered-By": true, "Www-Authenticate": true,
	"Proxy-Authenticate": true, "Authentication-Info": true, "Proxy-Authentication-Info": true, "Alt-Svc": true,
	"Strict-Transport-Security": true, "Public-Key-Pins": true, "Clear-Site-Data": true, "Location": true, "Refresh": true,
	"Content-Location": true, "Link": true, "Service-Worker-Allowed": true, "Timing-Allow-Origin": true, "Nel": true,
	"Report-To": true, "Reporting-Endpoints": true, "Connection": true, "Proxy-Connection": true, "Keep-Alive": true,
	"Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Te": true, "X-Request-Id": true, "Vary": true,
	"X-Accel-Buffering": true, "X-Accel-Redirect": true, "X-Sendfile": true, "Allow": false,
}

// inbound takes those away.
func inbound(h http.Header) {
	for name := range h {
		if inboundNames[name] || strings.HasPrefix(name, "Access-Control-") || strings.HasPrefix(name, "X-Gatehouse-") {
			delete(h, name)
		}
	}
}
