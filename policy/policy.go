package policy

import (
	"maps"
	"slices"
	"strings"

	"gatehouse/config"
)

// Policy is a configuration made ready for decisions. It is immutable; all methods may be called at once.
type Policy struct {
	cfg     *config.Config
	dir     directory
	people  []person
	proxies map[string]*compiledProxy
}

// person is a compiled entry of users.
type person struct {
	entry    entry
	path     string // users.eve@example.com
	disabled bool
	tools    map[string][]override // by proxy
}

// override is one line of users.U.tools.PROXY.
type override struct{ pattern, id, state string }

// compiledProxy is what decides about one proxy. The decisions of Enter are made in advance.
type compiledProxy struct {
	name     string
	path     string
	off      Decision // Reason "" when the proxy is enabled and open
	open     bool     // nobody has to sign in
	everyone bool     // no allowed_groups
	allowed  []string
	set      bits
	tools    *ruleSet
	res      *ruleSet
	prompts  *ruleSet
	methods  *ruleSet

	admit, anonymous, absent, blocked Decision
}

// compiler collects faults on the way to a Policy.
type compiler struct {
	*Policy
	faults config.Faults
	users  map[string]entry
}

func (c *compiler) fault(path, hint, format string, args ...any) {
	c.faults = append(c.faults, c.cfg.Fault(path, hint, format, args...))
}

// Compile prepares c, which Parse has validated, and reports what only compiling can find: expressions and patterns
// that cannot match, names that name nobody, groups that nobody declared. A Policy comes back in any case; with faults it
// refuses what it could not understand.
func Compile(cfg *config.Config) (*Policy, config.Faults) {
	c := &compiler{Policy: &Policy{cfg: cfg, proxies: map[string]*compiledProxy{}}, users: map[string]entry{}}
	c.compileGroups()
	c.compilePeople()
	for _, name := range slices.Sorted(maps.Keys(cfg.Proxies)) {
		if px := cfg.Proxies[name]; px != nil {
			c.proxies[name] = c.compileProxy(name, px)
		}
	}
	return c.Policy, c.faults
}

func (c *compiler) compileProxy(name string, px *config.Proxy) *compiledProxy {
	path := "proxies." + name
	cp := &compiledProxy{
		name: name, path: path, open: !px.OAuth.Enabled, everyone: px.AllowedGroups == nil, allowed: px.AllowedGroups,
		admit:     Decision{Allow: true, Rule: path + ".allowed_groups"},
		absent:    Decision{Rule: path + ".allowed_groups", Reason: ReasonNotInGroup},
		anonymous: Decision{Rule: path + ".not_signed_in", Reason: ReasonNotSignedIn},
		blocked:   Decision{Rule: "blocked", Reason: ReasonUserBlocked},
	}
	switch {
	case !px.Enabled:
		cp.off = Decision{Rule: path + ".enabled", Reason: ReasonProxyDisabled}
	case px.Closed != "":
		cp.off = Decision{Rule: px.Closed, Reason: ReasonProxyClosed}
		if !strings.HasPrefix(px.Closed, path+".") {
			cp.off.Rule = path + "." + px.Closed
		}
	}
	cp.set = c.groupSet(path+".allowed_groups", px.AllowedGroups)
	cp.tools = c.compileRules(path+".tools", KindTool, px.Tools.Default, px.Tools.Rules)
	cp.res = c.compileRules(path+".resources", KindResource, px.Resources.Default, px.Resources.Rules)
	cp.prompts = c.compileRules(path+".prompts", KindPrompt, px.Prompts.Default, px.Prompts.Rules)
	cp.methods = c.compileRules(path+".methods", KindMethod, px.Methods.Default, px.Methods.Rules)
	return cp
}

// rules is the ruleSet of a kind, nil for a kind that does not exist.
func (cp *compiledProxy) rules(kind string) *ruleSet {
	switch kind {
	case KindTool:
		return cp.tools
	case KindResource:
		return cp.res
	case KindPrompt:
		return cp.prompts
	case KindMethod:
		return cp.methods
	}
	return nil
}

// userEntry parses a key of users once, so that its fault is reported once.
func (c *compiler) userEntry(name string) entry {
	e, ok := c.users[name]
	if !ok {
		e = c.parseEntry("users."+name, name)
		c.users[name] = e
	}
	return e
}

func (c *compiler) compilePeople() {
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Users)) {
		u := c.cfg.Users[name]
		if u == nil {
			continue
		}
		p := person{entry: c.userEntry(name), path: "users." + name, disabled: u.Disabled, tools: map[string][]override{}}
		for _, proxy := range slices.Sorted(maps.Keys(u.Tools)) {
			at, key := p.path+".tools."+proxy, proxy
			if px, ok := c.cfg.ProxyByID(proxy); !ok || px == nil {
				c.fault(at, "", "no proxy %q", proxy)
			} else if px.Name != "" {
				key = px.Name // it was written as a number
			}
			for _, tool := range slices.Sorted(maps.Keys(u.Tools[proxy])) {
				id, state := at+"."+tool, u.Tools[proxy][tool]
				if f := patternFault(KindTool, tool); f != "" {
					c.fault(id, "names are compared byte for byte; * stands for any run of characters", "%s", f)
				}
				if state != stateEnabled && state != stateDisabled {
					c.fault(id, "enabled or disabled", "%q is neither enabled nor disabled", state)
				}
				p.tools[key] = append(p.tools[key], override{tool, id, state})
			}
		}
		c.people = append(c.people, p)
	}
}

// Subject resolves id's groups. blocked says that an operator blocked this person.
func (p *Policy) Subject(id Identity, blocked bool) *Subject {
	s := &Subject{Identity: id, Blocked: blocked, Disabled: p.Disabled(id), of: p}
	p.resolve(s)
	p.override(s)
	return s
}

// Disabled is the rule that disables id, or "". It matches any of his addresses, verified or not.
func (p *Policy) Disabled(id Identity) string {
	for i := range p.people {
		if u := &p.people[i]; u.disabled && u.entry.takes(id, p.emailClaim(id)) {
			return u.path
		}
	}
	return ""
}

// Keeps reports whether subject names id to those who take rights away: our own id of the person, provider:subject,
// provider:address, or any address of his, verified or not, as Disabled does it for the file. Subjects compare exactly,
// addresses in lower case.
func (p *Policy) Keeps(subject string, id Identity) bool {
	if subject == "" {
		return false
	}
	e := entry{who: subject}
	if who, ok := strings.CutPrefix(subject, id.Provider+":"); ok && id.Provider != "" {
		e = entry{provider: id.Provider, who: who}
	}
	return subject == id.Sub || e.takes(id, p.emailClaim(id))
}

func (p *Policy) emailClaim(id Identity) string {
	if pv := p.cfg.Providers[id.Provider]; pv != nil {
		return pv.EmailClaim
	}
	return ""
}

// override collects the lines of users.U.tools that concern s. A line that refuses concerns whoever may be meant, one
// that allows only who is; where two entries mean the same person, the one that refuses wins.
func (p *Policy) override(s *Subject) {
	for i := range p.people {
		u := &p.people[i]
		if len(u.tools) == 0 {
			continue
		}
		gives, takes := u.entry.gives(s.Identity), u.entry.takes(s.Identity, p.emailClaim(s.Identity))
		if !gives && !takes {
			continue
		}
		for proxy, lines := range u.tools {
			for _, o := range lines {
				if o.state != stateEnabled || gives {
					s.addOverride(proxy, o)
				}
			}
		}
	}
	for _, rs := range s.overrides {
		rs.sort()
	}
}

// addOverride adds one line; the stricter of two lines for the same name stays.
func (s *Subject) addOverride(proxy string, o override) {
	rs := s.overrides[proxy]
	if rs == nil {
		rs = &ruleSet{exact: map[string]*rule{}}
		if s.overrides == nil {
			s.overrides = map[string]*ruleSet{}
		}
		s.overrides[proxy] = rs
	}
	if old := rs.exact[o.pattern]; old != nil && old.state != stateEnabled {
		return
	}
	rs.add(o.pattern, newRule(o.id, o.pattern, o.state, ReasonToolDisabled))
}
