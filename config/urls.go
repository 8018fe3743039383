package config

import (
	"net"
	"strconv"
	"strings"
)

// MCPPath is where the MCP endpoint is on a proxy's own listener.
const MCPPath = "/mcp"

// PublicURL is the public base URL of the main listener, without a trailing slash: every page lives below it.
func (c *Config) PublicURL() string {
	if c.Server.ExternalURL != "" {
		return strings.TrimRight(c.Server.ExternalURL, "/")
	}
	return localURL(c.Server.Listen, c.scheme())
}

// BaseURL is a proxy's public base URL, which is its OAuth issuer: its external_url, else http://localhost:PORT of its
// own listener, else its path below PublicURL. It has no trailing slash.
func (c *Config) BaseURL(p *Proxy) string {
	switch {
	case p.ExternalURL != "":
		return strings.TrimRight(p.ExternalURL, "/")
	case p.Listen != "":
		return localURL(p.Listen, c.scheme())
	default:
		return c.PublicURL() + strings.TrimRight(p.Path, "/")
	}
}

// Issuer is the issuer of a proxy's tokens and metadata (RFC 8414): its base URL, byte for byte.
func (c *Config) Issuer(p *Proxy) string { return c.BaseURL(p) }

// Resource is the RFC 8707 resource of a proxy and the aud of its tokens: its MCP URL.
func (c *Config) Resource(p *Proxy) string {
	if p.Listen != "" && p.Type != "llm" {
		return c.BaseURL(p) + MCPPath
	}
	return c.BaseURL(p)
}

// OAuthURL is the base of a proxy's OAuth endpoints: OAuthURL(p) + "/authorize" and so on.
func (c *Config) OAuthURL(p *Proxy) string {
	return c.PublicURL() + "/api/v1/oauth-proxy/" + p.Name
}

// CallbackURL is the one redirect URI to register at every provider.
func (c *Config) CallbackURL() string { return c.PublicURL() + "/api/v1/oauth/callback" }

// ProxyByID finds a proxy by its name or its number.
func (c *Config) ProxyByID(id string) (*Proxy, bool) {
	if p, ok := c.Proxies[id]; ok {
		return p, true
	}
	for _, p := range c.Proxies {
		if p.ID != 0 && id == strconv.Itoa(p.ID) {
			return p, true
		}
	}
	return nil, false
}

// ProviderByID finds a provider by its name or its number.
func (c *Config) ProviderByID(id string) (*Provider, bool) {
	if p, ok := c.Providers[id]; ok {
		return p, true
	}
	for _, p := range c.Providers {
		if p.ID != 0 && id == strconv.Itoa(p.ID) {
			return p, true
		}
	}
	return nil, false
}

func (c *Config) scheme() string {
	if c.Server.TLS.CertFile != "" {
		return "https"
	}
	return "http"
}

// localURL is the address of a listener as people write it. A listener on a wildcard address has no public name;
// Validate demands an external_url for it.
func localURL(listen, scheme string) string {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return scheme + "://localhost"
	}
	if (scheme == "http" && port == "80") || (scheme == "https" && port == "443") {
		return scheme + "://localhost"
	}
	return scheme + "://localhost:" + port
}
