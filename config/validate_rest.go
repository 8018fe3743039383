package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// addresses finds what two parts of the file claim at once: a path, a listener, a public URL.
func (v *validator) addresses() {
	paths, bases := map[string]string{}, map[string]string{}
	taken := []listening{{"server.listen", v.c.Server.Listen}}
	if l := v.c.Metrics.Listen; l != "" {
		taken = v.claim(taken, listening{"metrics.listen", l})
	}
	for _, name := range names(v.c.Proxies) {
		p := v.c.Proxies[name]
		at := "proxies." + name
		if p.Listen != "" {
			taken = v.claim(taken, listening{at + ".listen", p.Listen})
		} else {
			// Not case-sensitive: no proxy shall be told from another by the case of a path.
			if first := paths[strings.ToLower(p.Path)]; first != "" {
				v.fault(at+".path", "choose another path", "%s is the path of proxies.%s too", p.Path, first)
			}
			paths[strings.ToLower(p.Path)] = name
		}
		base := v.c.BaseURL(p)
		first := bases[base]
		if base == v.c.PublicURL() && (p.Listen != "" || p.ExternalURL != "" && p.Path != "/") {
			first = "server"
		}
		if first != "" && (p.Listen != "" || p.ExternalURL != "") {
			// Two proxies with one issuer would accept each other's tokens.
			key := ".listen"
			if p.ExternalURL != "" {
				key = ".external_url"
			}
			v.fault(at+key, "every proxy has its own", "%s is the public URL of %s too", base, first)
		}
		bases[base] = at
	}
}

type listening struct{ path, addr string }

func (v *validator) claim(taken []listening, l listening) []listening {
	for _, t := range taken {
		if sameListener(t.addr, l.addr) {
			v.fault(l.path, "choose another port", "%s is taken by %s (%s)", l.addr, t.path, t.addr)
			break
		}
	}
	return append(taken, l)
}

// sameListener reports that two addresses cannot both be listened on.
func sameListener(a, b string) bool {
	hostA, portA, okA := listenAddr(a)
	hostB, portB, okB := listenAddr(b)
	if !okA || !okB || portA != portB || portA == 0 {
		return false
	}
	norm := func(h string) string {
		if h == "localhost" {
			return "127.0.0.1"
		}
		if ip, err := netip.ParseAddr(h); err == nil {
			if ip.IsUnspecified() {
				return ""
			}
			return ip.Unmap().String()
		}
		return strings.ToLower(h)
	}
	hostA, hostB = norm(hostA), norm(hostB)
	return hostA == hostB || hostA == "" || hostB == ""
}

// rest checks the blocks that hang together with nothing else.
func (v *validator) rest() {
	for i, p := range v.c.ProxyOAuth.AllowedRedirectURIs {
		at := fmt.Sprintf("proxy_oauth.allowed_redirect_uris.%d", i)
		if why := RedirectPatternFault(p); why != "" {
			v.fault(at, "", "%q: %s", p, why)
		} else if v.c.ProxyOAuth.StrictURIValidation && strings.Contains(p, "*") {
			v.fault(at, "write the URI out, or strict_uri_validation: false", "%q is a pattern, which strict_uri_validation excludes", p)
		}
	}
	if t := v.c.ProxyOAuth.GatewayCodeTTLSeconds; t < 1 || t > 3600 {
		v.fault("proxy_oauth.gateway_code_ttl_seconds", "", "want 1 to 3600")
	}
	v.audit()
	if l := v.c.Metrics.Listen; l != "" {
		if host, _, ok := listenAddr(l); !ok {
			v.fault("metrics.listen", "such as 127.0.0.1:9464", "%q is not an address to listen on", l)
		} else if !loopback(host) {
			v.warn("metrics.listen", "listen on 127.0.0.1", "metrics have no sign-in and %s can be reached from the network", l)
		}
	}
	if p := v.c.BuiltinMCP.Provider; p != "" {
		v.providerRef("builtin_mcp.provider", p)
	}
}

func (v *validator) audit() {
	a := v.c.Audit
	if a.Rotate.Size < 64<<10 {
		v.fault("audit.rotate.size", "such as 64MiB", "smaller than 64KiB")
	}
	if a.Rotate.Every < time.Minute {
		v.fault("audit.rotate.every", "such as 24h", "shorter than 1m")
	}
	if a.Rotate.Keep < a.Rotate.Every {
		v.fault("audit.rotate.keep", "such as 90d", "shorter than rotate.every: lines would be deleted at once")
	}
	for i, s := range a.Sinks {
		at := fmt.Sprintf("audit.sinks.%d", i)
		if s.Type == "" {
			v.missing(at, "type", "splunk_hec, elastic, http or syslog", "needs a type")
		}
		if s.URL == "" {
			v.missing(at, "url", "", "needs a url")
		}
	}
}
