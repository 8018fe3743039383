package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxBody is the largest max_body: a request is read whole before anything is decided.
const maxBody = 256 << 20

func (v *validator) proxies() {
	ids := map[int]string{}
	for _, name := range names(v.c.Proxies) {
		p := v.c.Proxies[name]
		path := "proxies." + name
		v.name(path, name)
		v.number(path, p.ID, name, ids)
		v.upstream(path, p)
		v.place(path, p)
		for i, o := range p.AllowedOrigins {
			v.origin(fmt.Sprintf("%s.allowed_origins.%d", path, i), o)
		}
		v.signIn(path, p)
		v.groupList(path+".allowed_groups", p.AllowedGroups, true)
		if !p.OAuth.Enabled && len(p.AllowedGroups) > 0 {
			v.warn(path+".allowed_groups", "remove it, or oauth.enabled: false", "nobody signs in on an open proxy, so nobody is in a group")
		}
		v.rules(path+".tools", p.Tools.Rules, true)
		v.rules(path+".resources", p.Resources.Rules, false)
		v.rules(path+".prompts", p.Prompts.Rules, false)
		v.rules(path+".methods", p.Methods.Rules, true)
		v.upstreamAuth(path+".upstream_auth", p.UpstreamAuth)
		v.bounds(path, p)
	}
}

func (v *validator) upstream(path string, p *Proxy) {
	switch {
	case p.Upstream != "":
		if _, why := webURL(p.Upstream); why != "" {
			v.fault(path+".upstream", "such as http://127.0.0.1:3001/mcp", "the URL %s", why) // not repeated: it may hold a password
		}
		if len(p.Upstreams) > 0 {
			v.fault(path+".upstreams", "keep one of them", "upstream and upstreams are both set")
		}
	case len(p.Upstreams) == 0:
		v.missing(path, "upstream", "such as http://127.0.0.1:3001/mcp", "needs an upstream")
	case p.Type != "llm":
		v.fault(path+".upstreams", "write upstream: URL", "only an llm proxy has several upstreams")
	}
	for i, u := range p.Upstreams {
		if _, why := webURL(u.URL); why != "" {
			v.fault(fmt.Sprintf("%s.upstreams.%d.url", path, i), "", "the URL %s", why)
		}
	}
}

// reservedPaths belong to the gate itself on the main listener.
var reservedPaths = []string{"/.well-known", "/api/v1", "/oauth", "/account", "/health", "/authorize", "/token", "/register", "/callback"}

// gatewayPaths are reserved while proxy_oauth is on.
var gatewayPaths = []string{"/login", "/gateway-oauth", "/refresh_token"}

func (v *validator) place(path string, p *Proxy) {
	switch {
	case p.Path != "" && p.Listen != "":
		v.fault(path+".listen", "keep one of them", "path and listen are both set")
	case p.Listen != "":
		v.listener(path+".listen", p.Listen, path+".external_url", p.ExternalURL)
	default:
		if why := pathFault(p.Path); why != "" {
			v.fault(path+".path", "such as /"+p.Name, "%q: %s", p.Path, why)
		}
		reserved := reservedPaths
		if v.c.ProxyOAuth.Enabled {
			reserved = append(slices.Clone(reserved), gatewayPaths...)
		}
		for _, r := range reserved {
			if lower := strings.ToLower(p.Path); lower == r || strings.HasPrefix(lower, r+"/") || strings.HasPrefix(r, lower+"/") && lower != "" && lower != "/" {
				v.fault(path+".path", "choose another path", "%s belongs to gatehouse itself", r)
			}
		}
	}
	if p.ExternalURL != "" {
		v.publicURL(path+".external_url", p.ExternalURL, true)
		if p.Listen == "" && strings.HasSuffix(strings.TrimRight(p.ExternalURL, "/"), MCPPath) {
			return
		}
		if p.Listen != "" && strings.HasSuffix(strings.TrimRight(p.ExternalURL, "/"), MCPPath) {
			v.fault(path+".external_url", "remove "+MCPPath, "is the base URL; the MCP endpoint is %s below it", MCPPath)
		}
	}
}

func (v *validator) origin(path, s string) {
	u, err := url.Parse(s)
	switch {
	case s == "*":
		v.fault(path, "name the origins", "* would let every web page call this proxy with the person's token")
	case err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || s != u.Scheme+"://"+u.Host || strings.Contains(s, "*") || !printable(s):
		v.fault(path, "write SCHEME://HOST or SCHEME://HOST:PORT", "%q is not an origin", s)
	}
}

func (v *validator) signIn(path string, p *Proxy) {
	o, at := p.OAuth, path+".oauth"
	if o.Enabled {
		v.provided(at, o)
	}
	for i, pat := range o.AllowedRedirectURIs {
		if why := RedirectPatternFault(pat); why != "" {
			v.fault(fmt.Sprintf("%s.allowed_redirect_uris.%d", at, i), "", "%q: %s", pat, why)
		}
	}
	for i, s := range o.Scopes {
		if !scopeToken(s) {
			v.fault(fmt.Sprintf("%s.scopes.%d", at, i), "", "%q is not a scope", s)
		}
	}
	for _, d := range []struct {
		key string
		val time.Duration
		max time.Duration
	}{
		{"access_token_ttl", o.AccessTokenTTL, 24 * time.Hour},
		{"session_ttl", o.SessionTTL, 0},
		{"idle_timeout", o.IdleTimeout, 0},
		{"registered_unused_ttl", o.RegisteredUnusedTTL, 0},
		{"recheck_max", o.RecheckMax, 0},
	} {
		switch {
		case d.val < time.Second:
			v.fault(at+"."+d.key, "", "shorter than 1s")
		case d.val < time.Minute:
			v.warn(at+"."+d.key, "", "%s is very short", d.val)
		case d.max > 0 && d.val > d.max:
			v.fault(at+"."+d.key, "sessions live long by refreshing: see session_ttl", "longer than %s", d.max)
		}
	}
	if o.SessionTTL < o.AccessTokenTTL {
		v.fault(at+".session_ttl", "", "shorter than access_token_ttl")
	}
	if o.RefreshGrace > 10*time.Minute {
		v.fault(at+".refresh_grace", "", "longer than 10m: a stolen refresh token would go unnoticed that long")
	}
	if o.Recheck > 0 && o.Recheck < time.Second {
		v.fault(at+".recheck", "0 = never", "shorter than 1s")
	}
	if o.Mode == "upstream" && o.Metadata == "provider" && o.Audience == "" {
		v.missing(at, "audience", "", "mode: upstream with metadata: provider needs an audience")
	}
}

func (v *validator) provided(at string, o ProxySignIn) {
	if len(o.Providers) > 0 {
		for i, id := range o.Providers {
			v.providerRef(fmt.Sprintf("%s.providers.%d", at, i), id)
		}
		if _, both := v.c.positions[at+".provider"]; both {
			v.fault(at+".provider", "keep one of them", "provider and providers are both set")
		}
		return
	}
	switch {
	case o.Provider == "" && len(v.c.Providers) == 0:
		if !v.bad["providers"] && !v.bad[".*"] {
			v.missing(at, "provider", "add one under providers, or set oauth.enabled: false", "nobody can sign in: there is no provider")
		}
	case o.Provider == "":
		v.missing(at, "provider", "one of "+strings.Join(names(v.c.Providers), ", "), "needs a provider, since not exactly one is enabled")
	case v.providerRef(at+".provider", o.Provider) && !v.c.Providers[o.Provider].Enabled:
		v.warn(at+".provider", "", "provider %s is disabled: nobody can sign in here", o.Provider)
	}
}

func (v *validator) bounds(path string, p *Proxy) {
	if b := p.Limits.MaxBody; b < 1<<10 || b > maxBody {
		v.fault(path+".limits.max_body", "", "want 1KiB to %dMiB", maxBody>>20)
	}
	for _, g := range names(p.Limits.PerGroup) {
		v.groupRef(path+".limits.per_group."+g, g, true)
	}
	for key, d := range map[string]time.Duration{"connect": p.Timeouts.Connect, "response_header": p.Timeouts.ResponseHeader, "idle_stream": p.Timeouts.IdleStream} {
		if d < 10*time.Millisecond || d > 24*time.Hour {
			v.fault(path+".timeouts."+key, "", "want 10ms to 24h; without a bound a hung upstream would hold everything")
		}
	}
}

func (v *validator) upstreamAuth(path string, a UpstreamAuth) {
	switch {
	case a.Type == "header" && len(a.Headers) == 0:
		v.missing(path, "headers", "such as headers: {Authorization: \"Bearer ${file:token}\"}", "type: header needs headers")
	case a.Type != "header" && len(a.Headers) > 0:
		v.fault(path+".headers", "write type: header", "headers are sent with type: header only")
	case a.Type == "oauth" && a.OAuth == nil:
		v.missing(path, "oauth", "", "type: oauth needs an oauth block")
	}
	identity := v.c.Server.IdentityHeaders
	seen := map[string]string{}
	for _, name := range names(a.Headers) {
		at := path + ".headers." + name
		if !v.header(at, name) {
			continue
		}
		for _, own := range []string{identity.User, identity.Email, identity.Groups} {
			if strings.EqualFold(name, own) {
				v.fault(at, "choose another name", "%s tells the upstream who calls", name)
			}
		}
		if first := seen[strings.ToLower(name)]; first != "" {
			v.fault(at, "keep one of them", "the same header as %s", first)
		}
		seen[strings.ToLower(name)] = name
		if !headerValue(a.Headers[name].Reveal()) {
			v.fault(at, "", "the value has line breaks or other characters that no header can hold")
		}
	}
	if a.OAuth != nil {
		v.optionalURL(path+".oauth.issuer", a.OAuth.Issuer)
		v.optionalURL(path+".oauth.authorization_url", a.OAuth.AuthorizationURL)
		v.optionalURL(path+".oauth.token_url", a.OAuth.TokenURL)
		v.optionalURL(path+".oauth.redirect_uri", a.OAuth.RedirectURI)
	}
}

func headerValue(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return s == strings.TrimSpace(s) && s != ""
}
