package app

import (
	"crypto/rand"
	"encoding/base32"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// requestIDHeader carries the request's id on the request itself from the moment it arrives, over whatever the client
// sent there, and on every answer. A header instead of a context value saves one copy of the request per call.
const requestIDHeader = "X-Request-Id"

var base32Lower = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newRequestID is 80 random bits.
func newRequestID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails (crypto/rand since Go 1.24)
	return "r_" + base32Lower.EncodeToString(b[:])
}

// requestID is what newRequestID made for this request.
func requestID(r *http.Request) string { return r.Header.Get(requestIDHeader) }

// clientIP is the address that counts for limits and the audit log. The server has put it into RemoteAddr (see
// resolveClient), so that nobody downstream reads X-Forwarded-For.
func clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// resolveClient finds the caller's address: the peer, unless the peer is a trusted proxy; then the right-most address of
// X-Forwarded-For that is not one. An unreadable entry ends the search at the last address that could be trusted: nobody
// gains an address by sending garbage (X-Forwarded-For spoofing).
func resolveClient(remoteAddr string, forwarded []string, trusted []netip.Prefix) netip.AddrPort {
	peer, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	peer = netip.AddrPortFrom(peer.Addr().Unmap().WithZone(""), peer.Port())
	if len(trusted) == 0 || !contains(trusted, peer.Addr()) {
		return peer
	}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	last := peer
	for i := len(hops) - 1; i >= 0 && i >= len(hops)-maxHops; i-- {
		addr, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		last = netip.AddrPortFrom(addr, 0)
		if !contains(trusted, addr) {
			break
		}
	}
	return last
}

// maxHops bounds the work that a long X-Forwarded-For can cause.
const maxHops = 32

// parseHop reads one X-Forwarded-For entry: an address, perhaps with a port.
func parseHop(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// parsePrefixes reads server.trusted_proxies, which config has validated: CIDRs or single addresses.
func parsePrefixes(cidrs []string) []netip.Prefix {
	var out []netip.Prefix
	for _, c := range cidrs {
		if p, err := netip.ParsePrefix(c); err == nil {
			if p.Addr().Is4In6() && p.Bits() >= 96 {
				p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
			}
			out = append(out, p.Masked())
		} else if a, err := netip.ParseAddr(c); err == nil {
			out = append(out, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		}
	}
	return out
}

// hostName is the name in a Host header, lower case and without its port; "" when it is not a host at all.
func hostName(host string) string {
	if name, ok := plainHost(host); ok {
		return name
	}
	return parsedHost(host)
}

func parsedHost(host string) string {
	u := url.URL{Scheme: "http", Host: host}
	parsed, err := url.Parse(u.String())
	if err != nil || parsed.Host != host || parsed.User != nil || parsed.Path != "" {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(parsed.Hostname()), ".")
}

// plainHost is hostName for what nearly every request says: lower-case letters, digits, dots and dashes, and perhaps a
// port. It only saves time; all that it does not know is read in full.
func plainHost(host string) (name string, ok bool) {
	at := len(host)
	for i := range len(host) {
		switch c := host[i]; {
		case at < i: // in the port
			if c < '0' || c > '9' {
				return "", false
			}
		case c == ':':
			at = i
		case c != '.' && c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9'):
			return "", false
		}
	}
	if at == 0 {
		return "", false
	}
	return strings.TrimSuffix(host[:at], "."), true
}

// loopbackName reports names that lead to this machine only.
func loopbackName(name string) bool {
	if name == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(name)
	return err == nil && a.Unmap().IsLoopback()
}

// hosts is the Host allow-list (DNS rebinding): the names of every configured URL, loopback names, host.docker.internal
// and server.allowed_hosts.
type hosts map[string]bool

func (h hosts) admit(name string) bool {
	return name != "" && (h[name] || name == "host.docker.internal" || loopbackName(name))
}

// loopbackHost is the loopback name in a proxy's base URL, "" when the URL leads elsewhere.
func loopbackHost(baseURL string) string {
	base, err := url.Parse(baseURL)
	if err != nil || !loopbackName(strings.ToLower(base.Hostname())) {
		return ""
	}
	return strings.ToLower(base.Hostname())
}

// misnamed reports that a loopback proxy is asked under another loopback name than its base URL's: its issuer, resource
// and cookies would not match what the client believes it talks to.
func misnamed(name, loopback string) bool {
	return loopback != "" && name != loopback && loopbackName(name)
}
