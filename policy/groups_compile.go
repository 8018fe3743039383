package policy

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gatehouse/config"
)

// compileGroups fills the directory. The numbers are given in the order of the names, so that they do not depend on
// the order of a map.
func (c *compiler) compileGroups() {
	d := &c.dir
	d.number = map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Groups)) {
		if c.cfg.Groups[name] == nil {
			continue
		}
		if strings.Contains(name, ":") {
			c.fault("groups."+name, "a colon separates a provider from its group, as in okta:eng", "group name %q has a colon", name)
		}
		c.groupNumber(name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Groups)) {
		g := c.cfg.Groups[name]
		if g == nil {
			continue
		}
		path, n := "groups."+name, d.number[name]
		for i, m := range g.Members {
			d.members = append(d.members, membership{c.parseEntry(item(path+".members", i), m), n, "member " + m, item(path+".members", i)})
		}
		for i, inner := range g.Groups {
			at := item(path+".groups", i)
			if in, ok := c.lookup(at, inner); ok && in != n {
				d.nested = append(d.nested, nesting{n, in, at})
			}
		}
		for i := range g.Rules {
			c.compileGroupRule(n, i, item(path+".rules", i), &g.Rules[i])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Users)) {
		u := c.cfg.Users[name]
		if u == nil {
			continue
		}
		for i, g := range u.Groups {
			at := item("users."+name+".groups", i)
			if n, ok := c.lookup(at, g); ok {
				d.members = append(d.members, membership{c.userEntry(name), n, "listed in users." + name + ".groups", at})
			}
		}
	}
	slices.SortStableFunc(d.rules, func(a, b groupRule) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.line, b.line),
			cmp.Compare(a.group, b.group), cmp.Compare(a.index, b.index))
	})
}

// compileGroupRule adds one rule; one that cannot be understood is a fault and admits nobody.
func (c *compiler) compileGroupRule(group, index int, path string, g *config.GroupRule) {
	if g.OrgDomain != "" || g.When != "" {
		return // not in this version (Parse warns): a condition that cannot be checked does not hold
	}
	r := groupRule{group: group, rule: path, index: index, priority: g.Priority, stop: g.Stop, claims: g.Claim, line: c.cfg.At(path).Line}
	var how []string
	if g.EmailDomain != "" {
		r.domain = lower(strings.TrimPrefix(g.EmailDomain, "@"))
		if strings.ContainsAny(r.domain, "@* ") {
			c.fault(path+".email_domain", "for a pattern use email_pattern", "%q is not a domain", g.EmailDomain)
			return
		}
		how = append(how, "e-mail domain "+r.domain)
	}
	if g.EmailPattern != "" {
		pattern := newGlob(lower(g.EmailPattern))
		if _, domain, ok := strings.Cut(g.EmailPattern, "@"); !ok || strings.HasSuffix(domain, "*") {
			// Anybody can own example.com.evil.test.
			c.fault(path+".email_pattern", `write the end of the domain, as in "*@example.com"`, "%q leaves the domain open", g.EmailPattern)
			return
		}
		r.pattern = &pattern
		how = append(how, "e-mail like "+g.EmailPattern)
	}
	if g.EmailRegex != "" {
		re, err := anchored(g.EmailRegex)
		if err != nil {
			c.fault(path+".email_regex", "RE2 syntax: https://github.com/google/re2/wiki/Syntax", "%v", err)
			return
		}
		r.regex = re
		how = append(how, "e-mail like /"+g.EmailRegex+"/")
	}
	for _, name := range slices.Sorted(maps.Keys(g.Claim)) {
		how = append(how, "claim "+name+"="+g.Claim[name])
	}
	if g.Provider != "" {
		p, ok := c.cfg.ProviderByID(g.Provider)
		if !ok {
			c.fault(path+".provider", "", "%q not defined under providers", g.Provider)
			return
		}
		r.provider = cmp.Or(p.Name, g.Provider)
		how = append(how, "via "+r.provider)
	}
	if len(how) == 0 {
		c.fault(path, "give it email_domain, email_pattern, email_regex, provider or claim", "a rule without a condition would admit everyone")
		return
	}
	r.how = strings.Join(how, ", ")
	c.dir.rules = append(c.dir.rules, r)
}

// anchored compiles an expression that has to match the whole address, in any case. It is compiled alone first: "a)|(b"
// is no expression, but would become one between our parentheses and leave its second half unanchored.
func anchored(expr string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(expr); err != nil {
		return nil, err
	}
	return regexp.Compile(`\A(?i:` + expr + `)\z`)
}

// item is the path of a list's element.
func item(path string, i int) string { return fmt.Sprintf("%s.%d", path, i) }

// groupNumber gives a name its number.
func (c *compiler) groupNumber(name string) int {
	n, ok := c.dir.number[name]
	if !ok {
		n = len(c.dir.names)
		c.dir.number[name] = n
		c.dir.names = append(c.dir.names, name)
	}
	return n
}

// lookup finds a group that the file mentions: declared, or a provider's own as provider:group.
func (c *compiler) lookup(path, name string) (int, bool) {
	if n, ok := c.dir.number[name]; ok {
		return n, true
	}
	if prefix, rest, ok := strings.Cut(name, ":"); ok && rest != "" {
		if p, known := c.cfg.ProviderByID(prefix); known {
			return c.groupNumber(cmp.Or(p.Name, prefix) + ":" + rest), true
		}
	}
	c.fault(path, "declare it under groups, or write PROVIDER:GROUP for a provider's own", "group %q is not declared", name)
	return 0, false
}

// groupSet is the set of the groups of a list; its size may grow while compiling, which bits.meets allows for.
func (c *compiler) groupSet(path string, names []string) bits {
	var set bits
	for i, name := range names {
		if n, ok := c.lookup(item(path, i), name); ok {
			for n/64 >= len(set) {
				set = append(set, 0)
			}
			set.add(n)
		}
	}
	return set
}
