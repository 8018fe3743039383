package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"
)

// maxSocketPath is the longest path of a unix socket that every system accepts.
const maxSocketPath = 100

func (v *validator) server() {
	s := &v.c.Server
	v.listener("server.listen", s.Listen, "server.external_url", s.ExternalURL)
	if s.ExternalURL != "" {
		v.publicURL("server.external_url", s.ExternalURL, false)
	}
	v.tls()
	for i, cidr := range s.TrustedProxies {
		at := fmt.Sprintf("server.trusted_proxies.%d", i)
		p, err := netip.ParsePrefix(cidr)
		if a, aerr := netip.ParseAddr(cidr); aerr == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		switch {
		case err != nil:
			v.fault(at, "such as 10.0.0.0/8", "%q is not a CIDR", cidr)
		case p.Bits() == 0:
			v.warn(at, "name the addresses of the proxies", "%q lets every client choose its own address", cidr)
		}
	}
	for i, h := range s.AllowedHosts {
		v.host(fmt.Sprintf("server.allowed_hosts.%d", i), h)
	}
	for i, h := range s.AllowPrivate {
		v.host(fmt.Sprintf("server.allow_private.%d", i), h)
	}
	v.identityHeaders()
	for key, g := range map[string]string{"view": s.ControlGroups.View, "admin": s.ControlGroups.Admin} {
		if !plainName(strings.TrimPrefix(g, "_")) {
			v.fault("server.control_groups."+key, "", "%q is not the name of a unix group", g)
		}
	}
	if s.ShutdownGrace > time.Hour {
		v.fault("server.shutdown_grace", "", "longer than 1h")
	}
	if p := filepath.Join(v.c.ControlDir(), "control.sock"); len(p) > maxSocketPath {
		v.fault("server.control_dir", "choose a shorter directory", "the socket path %s has %d bytes, at most %d work", p, len(p), maxSocketPath)
	}
}

// listener checks an address, and that a listener the network can reach has a public URL.
func (v *validator) listener(path, addr, urlPath, externalURL string) {
	host, port, ok := listenAddr(addr)
	switch {
	case !ok:
		v.fault(path, "write HOST:PORT, such as 127.0.0.1:8080", "%q is not an address to listen on", addr)
	case externalURL == "" && !loopback(host):
		v.fault(path, "set "+urlPath+", or listen on 127.0.0.1", "%s can be reached from the network and has no %s", addr, urlPath)
	case externalURL == "" && port == 0:
		v.fault(path, "choose a port", "%s has no fixed port and no %s", addr, urlPath)
	}
}

func (v *validator) host(path, h string) {
	name := h
	if host, _, ok := listenAddr(h); ok {
		name = host
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err != nil && !hostName(name) {
		v.fault(path, "write a host name or address, without scheme, path and wildcards", "%q is not a host", h)
	}
}

func (v *validator) tls() {
	t := v.c.Server.TLS
	switch {
	case t.CertFile == "" && t.KeyFile == "":
		return
	case t.KeyFile == "":
		v.missing("server.tls", "key_file", "", "cert_file needs a key_file")
		return
	case t.CertFile == "":
		v.missing("server.tls", "cert_file", "", "key_file needs a cert_file")
		return
	case t.ACME != nil:
		v.fault("server.tls.acme", "keep one of them", "acme and cert_file are both set")
	}
	if strings.HasPrefix(strings.ToLower(v.c.Server.ExternalURL), "http:") {
		v.fault("server.external_url", "write https", "is http although server.tls is set")
	}
	// A certificate that cannot be used is an invalid configuration, never plain http.
	cert, ok := v.read("server.tls.cert_file", t.CertFile)
	key, ok2 := v.read("server.tls.key_file", t.KeyFile)
	if !ok || !ok2 {
		return
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		v.fault("server.tls.cert_file", "", "not a certificate with its key: %s", strings.TrimPrefix(err.Error(), "tls: "))
		return
	}
	if leaf, err := x509.ParseCertificate(pair.Certificate[0]); err == nil && leaf.NotAfter.Before(time.Now()) {
		v.warn("server.tls.cert_file", "renew it", "the certificate expired on %s", leaf.NotAfter.Format(time.DateOnly))
	}
}

func (v *validator) read(path, file string) ([]byte, bool) {
	b, err := v.o.ReadFile(v.c.resolve(file))
	if err != nil {
		v.fault(path, "", "read %q: %v", file, cause(err))
	}
	return b, err == nil
}

func (v *validator) identityHeaders() {
	h := v.c.Server.IdentityHeaders
	seen := map[string]string{}
	for _, e := range []struct{ key, name string }{{"user", h.User}, {"email", h.Email}, {"groups", h.Groups}} {
		path := "server.identity_headers." + e.key
		if !v.header(path, e.name) {
			continue
		}
		lower := strings.ToLower(e.name)
		if lower == "authorization" {
			v.fault(path, "", "%s carries credentials", e.name)
		}
		if first := seen[lower]; first != "" {
			v.fault(path, "", "the same header as %s", first)
		}
		seen[lower] = e.key
	}
}

// header checks the name of a header that the operator makes us send.
func (v *validator) header(path, name string) bool {
	switch {
	case !token(name):
		v.fault(path, "", "%q is not the name of a header", name)
	case protectedHeader(name):
		v.fault(path, "choose another name", "%s belongs to the protocol", name)
	default:
		return true
	}
	return false
}

// protectedHeader names what HTTP and MCP need for themselves, and what tells the upstream who is on the other side.
func protectedHeader(name string) bool {
	name = strings.ToLower(name)
	for _, prefix := range []string{"content-", "mcp-", "sec-", "x-forwarded-", "proxy-", "access-control-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch name {
	case "host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "date", "accept",
		"accept-encoding", "forwarded", "origin", "last-event-id", "x-request-id", "via", "x-real-ip", "x-http-method-override":
		return true
	}
	return false
}

// token is RFC 9110's alphabet of header names.
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= 128
}
