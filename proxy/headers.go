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
	"x-forwarded",
	// who calls, as other gates say it to servers that trust them
	"x-user", "x-username", "x-userid", "x-user-id", "x-user-email", "x-user-name", "x-userinfo", "x-email", "x-groups", "x-roles",
	"x-user-groups", "x-user-roles", "x-id-token", "x-jwt-assertion", "x-client-cert", "x-client-dn", "x-client-verify", "client-cert",
	"client-cert-chain", "id-token", "access-token",
	// the connection (HX-15)
	"connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "expect",
	"content-length", "host",
	// what we set ourselves, or answer for
	"accept-encoding", "range", "if-range", "origin", "referer", "content-encoding", "content-type",
	"mcp-session-id", "mcp-method", "mcp-name", "last-event-id", "mcp-protocol-version",
}

// protectedPrefixes are folded too. They are looked for by the first letter, because every header of every call is.
var protectedPrefixes = func() (by [256][]string) {
	for _, p := range []string{
		"x-gatehouse-", "x-auth-", "x-forwarded-", "access-control-", "sec-", "proxy-",
		"remote-", "x-remote-", "x-authenticated-", "x-authentik-", "x-oidc-", "x-amzn-oidc-", "x-goog-authenticated-user-",
		"x-goog-iap-", "x-ms-client-principal", "x-ms-token-", "x-pomerium-", "x-vouch-", "x-webauth-", "x-consumer-", "x-credential-",
		"x-ssl-client-", "ssl-client-", "x-tls-client-", "cf-access-", "tailscale-", "x-envoy-external-", "x-envoy-internal",
		"oidc-claim-", "x-shib-", "shib-",
	} {
		by[p[0]] = append(by[p[0]], p)
	}
	return by
}()

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

// fold is the name as the most careless reader sees it: environments of CGI's kind make one character of all that are
// neither letter nor digit.
func fold(name string) string { return string(appendFolded(nil, name)) }

func appendFolded(dst []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case (c < 'a' || c > 'z') && (c < '0' || c > '9'):
			c = '-'
		}
		dst = append(dst, c)
	}
	return dst
}

func (p protected) has(name string) bool {
	var buf [64]byte // longer names allocate
	folded := appendFolded(buf[:0], name)
	if len(folded) == 0 || p[string(folded)] { // this conversion does not allocate
		return true
	}
	for _, prefix := range protectedPrefixes[folded[0]] {
		if len(folded) >= len(prefix) && string(folded[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}

// usualHeaders is the most that a map of 16 places takes: enough for ours and the handful that a client's library sets.
// Room for all of the client's, of which a good part never goes on, would cost every call twice the memory.
const usualHeaders = 14

// outbound is what the upstream receives of the client's headers, and ours.
func (x *exchange) outbound() http.Header {
	p, hops := x.h.made.protected, hopNames(x.r.Header["Connection"])
	h := make(http.Header, usualHeaders)
	for name, values := range x.r.Header {
		if !p.has(name) && (hops == nil || !hops[fold(name)]) {
			h[wireName(name)] = values
		}
	}
	if x.msg != nil {
		h["Content-Type"] = jsonType
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

// hopNames are the headers that the client declared to be about its own connection (RFC 9110 section 7.6.1), folded. Our
// headers are set afterwards, so that none of them can be declared away (HX-01).
func hopNames(connection []string) map[string]bool {
	var names map[string]bool
	for _, list := range connection {
		if list == "keep-alive" || list == "close" {
			continue
		}
		for token := range strings.SplitSeq(list, ",") {
			if names == nil {
				names = map[string]bool{}
			}
			names[fold(strings.TrimSpace(token))] = true
		}
	}
	return names
}

// wireName keeps net/http from sending a call twice: it repeats a POST with one of these headers when a connection breaks,
// and looks for them in this spelling only. Whether to repeat is for the client to decide, who sees the 502.
func wireName(name string) string {
	switch name {
	case "Idempotency-Key":
		return "idempotency-key"
	case "X-Idempotency-Key":
		return "x-idempotency-key"
	}
	return name
}

// inboundNames are response headers of the upstream that say nothing to our client or would speak in our name (HX-19).
var inboundNames = map[string]bool{
	"Set-Cookie": true, "Set-Cookie2": true, "Server": true, "X-Powered-By": true, "Www-Authenticate": true,
	"Proxy-Authenticate": true, "Authentication-Info": true, "Proxy-Authentication-Info": true, "Alt-Svc": true,
	"Strict-Transport-Security": true, "Public-Key-Pins": true, "Clear-Site-Data": true, "Location": true, "Refresh": true,
	"Content-Location": true, "Link": true, "Service-Worker-Allowed": true, "Timing-Allow-Origin": true, "Nel": true,
	"Report-To": true, "Reporting-Endpoints": true, "Connection": true, "Proxy-Connection": true, "Keep-Alive": true,
	"Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Te": true, "X-Request-Id": true, "Vary": true,
	"X-Accel-Buffering": true, "X-Accel-Redirect": true, "X-Sendfile": true, "X-Lighttpd-Send-File": true, "X-Reproxy-Url": true,
	// what a page of the upstream could do on our origin
	"Content-Security-Policy": true, "Content-Security-Policy-Report-Only": true, "X-Content-Type-Options": true, "X-Frame-Options": true,
	"Permissions-Policy": true, "Document-Policy": true, "Origin-Agent-Cluster": true, "Cross-Origin-Opener-Policy": true,
	"Cross-Origin-Embedder-Policy": true, "Cross-Origin-Resource-Policy": true, "Speculation-Rules": true, "Sourcemap": true,
	"X-Sourcemap": true, "Accept-Ch": true, "Critical-Ch": true, "Set-Login": true, "Use-As-Dictionary": true, "Early-Data": true,
	"Via": true, "Forwarded": true, "Content-Disposition": true, "Referrer-Policy": true, "Activate-Storage-Access": true,
	"Expect-Ct": true, "Public-Key-Pins-Report-Only": true, "No-Vary-Search": true, "Integrity-Policy": true,
}

// inbound takes those away.
func inbound(h http.Header) {
	for name := range h {
		if inboundNames[name] || strings.HasPrefix(name, "Access-Control-") || strings.HasPrefix(name, "X-Gatehouse-") ||
			strings.HasPrefix(name, "X-Accel-") {
			delete(h, name)
		}
	}
}
