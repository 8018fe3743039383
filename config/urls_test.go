package config

import "testing"

func TestProxyURLs(t *testing.T) {
	const head = okta + "proxies:\n  p: {upstream: http://127.0.0.1:1/mcp, "
	for _, e := range []struct{ name, text, public, issuer, resource string }{
		{"path on the default listener", head + "path: /a}\n", "http://localhost:8080", "http://localhost:8080/a", "http://localhost:8080/a"},
		{"root path", head + "path: /}\n", "http://localhost:8080", "http://localhost:8080", "http://localhost:8080"},
		{"default path", head + "enabled: true}\n", "http://localhost:8080", "http://localhost:8080/p", "http://localhost:8080/p"},
		{"own listener", head + "listen: 127.0.0.1:9050}\n", "http://localhost:8080", "http://localhost:9050", "http://localhost:9050/mcp"},
		{"own listener, ipv6", head + "listen: '[::1]:9050'}\n", "http://localhost:8080", "http://localhost:9050", "http://localhost:9050/mcp"},
		{"default port is not written", head + "listen: 127.0.0.1:80}\n", "http://localhost:8080", "http://localhost", "http://localhost/mcp"},
		{"external", head + "listen: 0.0.0.0:9050, external_url: 'HTTPS://MCP.Example.COM:443/'}\n", "http://localhost:8080", "https://mcp.example.com", "https://mcp.example.com/mcp"},
		{"external with a port", head + "listen: 0.0.0.0:9050, external_url: 'https://mcp.company.com:9050'}\n", "http://localhost:8080", "https://mcp.company.com:9050", "https://mcp.company.com:9050/mcp"},
		{"external with a path", head + "external_url: 'https://x.example.com/Team/'}\n", "http://localhost:8080", "https://x.example.com/Team", "https://x.example.com/Team"},
		{"llm on its own listener", head + "type: llm, listen: 127.0.0.1:4000}\n", "http://localhost:8080", "http://localhost:4000", "http://localhost:4000"},
		{"main external", "server: {external_url: 'https://Gate.example.com/'}\n" + head + "path: /a}\n", "https://gate.example.com", "https://gate.example.com/a", "https://gate.example.com/a"},
	} {
		t.Run(e.name, func(t *testing.T) {
			c := mustParse(t, e.text)
			p := c.Proxies["p"]
			if got := c.PublicURL(); got != e.public {
				t.Errorf("public %q, want %q", got, e.public)
			}
			if got := c.Issuer(p); got != e.issuer || got != c.BaseURL(p) {
				t.Errorf("issuer %q, want %q", got, e.issuer)
			}
			if got := c.Resource(p); got != e.resource {
				t.Errorf("resource %q, want %q", got, e.resource)
			}
			if got := c.OAuthURL(p); got != e.public+"/api/v1/oauth-proxy/p" {
				t.Errorf("oauth %q", got)
			}
			if got := c.CallbackURL(); got != e.public+"/api/v1/oauth/callback" {
				t.Errorf("callback %q", got)
			}
		})
	}
}

func TestByNumber(t *testing.T) {
	c := mustParse(t, okta+"proxies:\n  notes: {id: 3, upstream: http://127.0.0.1:1/mcp}\n  zero: {upstream: http://127.0.0.1:1/mcp}\n")
	for id, want := range map[string]string{"notes": "notes", "3": "notes", "zero": "zero", "0": "", "": "", "03": "", "+3": ""} {
		got := ""
		if p, ok := c.ProxyByID(id); ok {
			got = p.Name
		}
		if got != want {
			t.Errorf("proxy %q: got %q, want %q", id, got, want)
		}
	}
	if p, ok := c.ProviderByID("7"); !ok || p.Name != "okta" {
		t.Error("provider by number")
	}
	if _, ok := c.ProviderByID("0"); ok {
		t.Error("0 is nobody's number")
	}
}
