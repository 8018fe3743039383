package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

func (v *validator) storage() {
	s := v.c.Storage
	file, isFile := strings.CutPrefix(s.URL, "sqlite:")
	switch {
	case isFile && (file == "" || strings.ContainsAny(file, "?#")):
		v.fault("storage.url", "write sqlite:gatehouse.db", "sqlite: wants the name of a file and nothing else")
	case isFile, strings.HasPrefix(s.URL, "postgres://"), strings.HasPrefix(s.URL, "postgresql://"):
	default: // not repeated: it may hold a password
		v.fault("storage.url", "write sqlite:FILE or postgres://…", "unknown kind of store")
	}
	if n := len(s.EncryptionKey.Reveal()); n > 0 && n < 16 {
		v.fault("storage.encryption_key", "fix: openssl rand -hex 32", "shorter than 16 bytes")
	}
}

// reservedParams are the parameters of an authorization request that are ours alone: the operator's extra_params must
// not take state, nonce or PKCE away.
var reservedParams = []string{"client_id", "client_secret", "redirect_uri", "response_type", "response_mode", "state", "nonce",
	"code_challenge", "code_challenge_method", "scope", "request", "request_uri"}

func (v *validator) providers() {
	ids := map[int]string{}
	for _, name := range names(v.c.Providers) {
		p := v.c.Providers[name]
		path := "providers." + name
		v.name(path, name)
		v.number(path, p.ID, name, ids)
		v.provider(path, p)
		for _, key := range names(p.ExtraParams) {
			if slices.Contains(reservedParams, strings.ToLower(key)) {
				v.fault(path+".extra_params."+key, "remove it", "gatehouse sets %s itself", key)
			}
		}
		for i, s := range p.Scopes {
			if !scopeToken(s) {
				v.fault(fmt.Sprintf("%s.scopes.%d", path, i), "", "%q is not a scope", s)
			}
		}
	}
}

func (v *validator) number(path string, id int, name string, ids map[int]string) {
	if id == 0 {
		return
	}
	if first, twice := ids[id]; twice {
		v.fault(path+".id", "numbers are unique", "%d is the number of %s too", id, first)
	}
	ids[id] = name
}

func (v *validator) provider(path string, p *Provider) {
	switch p.Type {
	case "auth_proxy":
		v.optionalURL(path+".external_auth_service_url", p.ExternalAuthServiceURL)
		return
	case "github", "oauth2":
		v.optionalURL(path+".authorization_url", p.AuthorizationURL)
		v.optionalURL(path+".token_url", p.TokenURL)
		v.optionalURL(path+".userinfo_url", p.UserinfoURL)
	default:
		if p.Issuer == "" {
			v.missing(path, "issuer", "the URL before /.well-known/openid-configuration", "type %s needs an issuer", p.Type)
		} else {
			v.issuer(path+".issuer", p.Issuer)
		}
		if len(p.Scopes) > 0 && !slices.Contains(p.Scopes, "openid") {
			v.fault(path+".scopes", "add openid", "without openid the provider sends no identity")
		}
	}
	if p.ClientID == "" {
		v.missing(path, "client_id", "", "needs a client_id")
	}
	for key, claim := range map[string]string{"user_id_claim": p.UserIDClaim, "email_claim": p.EmailClaim, "groups_claim": p.GroupsClaim} {
		if claim == "" {
			v.fault(path+"."+key, "remove the line", "names no claim")
		}
	}
}

func (v *validator) issuer(path, s string) {
	u, why := webURL(s)
	switch {
	case why != "":
		v.fault(path, "", "%q %s", s, why)
	case u.RawQuery != "":
		v.fault(path, "", "%q must not hold a query", s)
	case strings.Contains(s, "/.well-known/"):
		v.fault(path, "write "+s[:strings.Index(s, "/.well-known/")], "is the address of the discovery document, not the issuer")
	case u.Scheme == "http" && !loopback(u.Hostname()) && !v.c.Server.AllowInsecure:
		v.fault(path, "use https, or set server.allow_insecure: true", "%q is plain http and not loopback", s)
	}
}

func (v *validator) optionalURL(path, s string) {
	if s == "" {
		return
	}
	if _, why := webURL(s); why != "" {
		v.fault(path, "", "%s", "the URL "+why)
	}
}

func (v *validator) groups() {
	for _, name := range names(v.c.Groups) {
		g := v.c.Groups[name]
		path := "groups." + name
		if strings.ContainsAny(name, ":,*") || strings.TrimSpace(name) != name || !printable(strings.ReplaceAll(name, " ", "_")) {
			v.fault(path, "a colon separates a provider from its group, as in okta:eng", "%q is not the name of a group", name)
		}
		for i, m := range g.Members {
			v.person(fmt.Sprintf("%s.members.%d", path, i), m)
		}
		v.groupList(path+".groups", g.Groups, true)
		for i := range g.Rules {
			v.groupRule(fmt.Sprintf("%s.rules.%d", path, i), &g.Rules[i])
		}
	}
	v.cycles()
}

// person checks an entry that names one person: e-mail, provider:e-mail or provider:subject.
func (v *validator) person(path, entry string) {
	if v.full() {
		return
	}
	if entry == "" || strings.TrimSpace(entry) != entry || strings.ContainsAny(entry, "*,\t\n") {
		v.fault(path, "write an e-mail address, provider:e-mail or provider:subject", "%q does not name one person", entry)
		return
	}
	provider, rest, has := strings.Cut(entry, ":")
	if !has {
		if !strings.Contains(entry, "@") {
			v.fault(path, "write an e-mail address, provider:e-mail or provider:subject", "%q does not name one person", entry)
		}
		return
	}
	if _, ok := v.c.ProviderByID(provider); !ok || rest == "" {
		v.fault(path, nearName(provider, v.c.Providers), "provider %q is not defined under providers", provider)
	}
}

// groupRef checks one mention of a group. A bare name must be declared, or a slip of the fingers would make a rule that
// nobody or the wrong people pass.
func (v *validator) groupRef(path, name string, providers bool) {
	if _, ok := v.c.Groups[name]; ok || v.full() {
		return
	}
	provider, rest, has := strings.Cut(name, ":")
	switch {
	case has && !providers:
		v.fault(path, "name a group that is declared under groups", "a provider's own group cannot be given away here")
	case has && rest != "":
		if _, ok := v.c.ProviderByID(provider); !ok {
			v.fault(path, nearName(provider, v.c.Providers), "provider %q is not defined under providers", provider)
		}
	default:
		hint := nearName(name, v.c.Groups)
		if hint == "" {
			hint = "declare it under groups"
		}
		v.fault(path, hint, "group %q is not declared under groups", name)
	}
}

func (v *validator) groupList(path string, list []string, providers bool) {
	for i, g := range list {
		v.groupRef(fmt.Sprintf("%s.%d", path, i), g, providers)
	}
}

func (v *validator) groupRule(path string, r *GroupRule) {
	if r.EmailDomain == "" && r.EmailPattern == "" && r.EmailRegex == "" && r.Provider == "" && len(r.Claim) == 0 && r.OrgDomain == "" && r.When == "" {
		if !v.bad[path+".*"] {
			v.fault(path, "give it email_domain, email_pattern, email_regex, provider or claim", "a rule without a condition would admit everyone")
		}
		return
	}
	if d := strings.TrimPrefix(r.EmailDomain, "@"); r.EmailDomain != "" && !hostName(d) {
		v.fault(path+".email_domain", "for a pattern use email_pattern", "%q is not a domain", r.EmailDomain)
	}
	if r.EmailPattern != "" {
		// Anybody can own example.com.evil.test.
		if _, domain, ok := strings.Cut(r.EmailPattern, "@"); !ok || domain == "" || strings.HasSuffix(domain, "*") {
			v.fault(path+".email_pattern", `write the end of the domain, as in "*@example.com"`, "%q leaves the domain open", r.EmailPattern)
		}
	}
	if r.EmailRegex != "" {
		v.regex(path+".email_regex", r.EmailRegex)
	}
	if r.Provider != "" {
		v.providerRef(path+".provider", r.Provider)
	}
	for _, claim := range names(r.Claim) {
		if r.Claim[claim] == "" {
			v.fault(path+".claim."+claim, "", "wants a value")
		}
	}
}

func (v *validator) regex(path, expr string) {
	if _, err := regexp.Compile(expr); err != nil {
		v.fault(path, "RE2 syntax: https://github.com/google/re2/wiki/Syntax", "%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
}

func (v *validator) providerRef(path, id string) bool {
	if _, ok := v.c.ProviderByID(id); ok {
		return true
	}
	v.fault(path, nearName(id, v.c.Providers), "provider %q is not defined under providers", id)
	return false
}

// cycles refuses groups that contain themselves; each circle is reported once, at its first group.
func (v *validator) cycles() {
	const walking, done = 1, 2
	state := map[string]int{}
	var stack []string
	var walk func(name string)
	walk = func(name string) {
		state[name] = walking
		stack = append(stack, name)
		for i, inner := range v.c.Groups[name].Groups {
			if v.c.Groups[inner] == nil {
				continue
			}
			switch state[inner] {
			case walking:
				circle := append(slices.Clone(stack[slices.Index(stack, inner):]), inner)
				v.fault(fmt.Sprintf("groups.%s.groups.%d", name, i), "remove one of them", "the groups contain each other: %s", strings.Join(circle, " > "))
			case 0:
				walk(inner)
			}
		}
		stack = stack[:len(stack)-1]
		state[name] = done
	}
	for _, name := range names(v.c.Groups) {
		if state[name] == 0 {
			walk(name)
		}
	}
}

func (v *validator) users() {
	folded := map[string]string{}
	for _, name := range names(v.c.Users) {
		u := v.c.Users[name]
		path := "users." + name
		v.person(path, name)
		if first, twice := folded[strings.ToLower(name)]; twice {
			v.fault(path, "keep one of them", "the same person as %s", first)
		}
		folded[strings.ToLower(name)] = name
		v.groupList(path+".groups", u.Groups, true)
		for _, proxy := range names(u.Tools) {
			at := path + ".tools." + proxy
			v.proxyRef(at, proxy)
			for _, tool := range names(u.Tools[proxy]) {
				v.toolName(at+"."+tool, tool)
				if s := u.Tools[proxy][tool]; s != "enabled" && s != "disabled" {
					v.fault(at+"."+tool, enumHint(s, []string{"enabled", "disabled"}), "%q is not one of enabled, disabled", s)
				}
			}
		}
	}
}

func (v *validator) proxyRef(path, id string) {
	if _, ok := v.c.ProxyByID(id); !ok && !v.full() {
		v.fault(path, nearName(id, v.c.Proxies), "proxy %q is not defined under proxies", id)
	}
}

// scopeToken is RFC 6749's alphabet of scopes.
func scopeToken(s string) bool {
	return printable(s) && !strings.ContainsAny(s, `"\`)
}
