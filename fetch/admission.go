package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// admission decides which addresses may be contacted. It is read-only once made.
type admission struct {
	trusted map[string]bool // host:port as written in the YAML -> it was written with http
	private map[string]bool // hosts of server.allow_private
	lookup  func(ctx context.Context, host string) ([]netip.Addr, error)
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
}

func newAdmission(o Options) *admission {
	a := &admission{trusted: map[string]bool{}, private: map[string]bool{}, lookup: o.lookup, dial: o.dial}
	for _, raw := range o.Trusted {
		u, err := url.Parse(raw)
		if err != nil || u.Hostname() == "" {
			continue // admits nothing
		}
		at := hostPort(u)
		a.trusted[at] = a.trusted[at] || u.Scheme == "http"
	}
	for _, h := range o.AllowPrivate {
		a.private[normalHost(h)] = true
	}
	return a
}

// checkURL refuses what can be refused before a lookup.
func (a *admission) checkURL(u *url.URL) error {
	host := normalHost(u.Hostname())
	if err := checkHost(host); err != nil {
		return err
	}
	if u.User != nil {
		return fmt.Errorf("%w: user name in the URL of %q", ErrBlocked, host)
	}
	switch u.Scheme {
	case "https":
		return nil
	case "http":
		if a.trusted[hostPort(u)] || LoopbackHost(host) {
			return nil
		}
		return fmt.Errorf("%w: %q over plain http", ErrBlocked, host)
	}
	return fmt.Errorf("%w: scheme %q", ErrBlocked, u.Scheme)
}

// dialContext looks the host up once, checks every address, and dials one that was checked. One bad address among good
// ones refuses them all: the name is not to be trusted.
func (a *admission) dialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrBlocked, err)
	}
	host = normalHost(host)
	ips, err := a.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	if _, written := a.trusted[net.JoinHostPort(host, port)]; !written && !a.private[host] {
		if i := slices.IndexFunc(ips, Blocked); i >= 0 {
			return nil, fmt.Errorf("%w: %q is at %v, which is not public; list the host in server.allow_private if it may be contacted",
				ErrBlocked, host, ips[i].Unmap())
		}
	}
	for _, ip := range ips {
		var conn net.Conn
		if conn, err = a.dial(ctx, network, net.JoinHostPort(ip.Unmap().String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// maxAddresses bounds how many addresses of one name are tried.
const maxAddresses = 8

func (a *admission) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if err := checkHost(host); err != nil {
		return nil, err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	ips, err := a.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(ips) == 0 {
		return nil, fmt.Errorf("lookup %q: no addresses", host)
	}
	if len(ips) > maxAddresses {
		ips = ips[:maxAddresses]
	}
	return ips, nil
}

// checkHost refuses hosts that the resolver would read as an address although they are not written as one: 2130706433,
// 0x7f.1 and 127.1 are all 127.0.0.1 to a C library.
func checkHost(host string) error {
	if host == "" || len(host) > 253 || strings.ContainsAny(host, "%/\\@#? \t\r\n") {
		return fmt.Errorf("%w: host %q", ErrBlocked, host)
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" || strings.HasPrefix(last, "0x") || strings.Trim(last, "0123456789") == "" {
		return fmt.Errorf("%w: host %q is a number but not an address", ErrBlocked, host)
	}
	return nil
}

// LoopbackHost reports that a host name or address is this machine's own, by its spelling alone.
func LoopbackHost(host string) bool {
	host = normalHost(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// normalHost is a host as it is compared: lower case, without the dot of the root.
func normalHost(h string) string {
	return strings.TrimSuffix(strings.ToLower(strings.Trim(h, "[]")), ".")
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return net.JoinHostPort(normalHost(u.Hostname()), port)
}
