package policy

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"gatehouse/config"
)

// directory is the compiled half of the configuration that says who is in which group.
type directory struct {
	names   []string       // of groups; the index is the group's number
	number  map[string]int // declared groups and mentioned provider groups (okta:eng)
	members []membership
	nested  []nesting
	rules   []groupRule // in the order of evaluation
}

// membership is one line of groups.G.members or users.U.groups.
type membership struct {
	entry entry
	group int
	how   string
	rule  string
}

// nesting makes the members of one group members of another.
type nesting struct {
	group, inner int
	rule         string
}

// groupRule is one compiled entry of groups.G.rules.
type groupRule struct {
	group    int
	rule     string // its path
	line     int
	index    int
	priority int
	stop     bool
	domain   string
	pattern  *glob
	regex    *regexp.Regexp
	provider string
	claims   map[string]string
	how      string
}

// matches reports whether every condition that is set holds.
func (r *groupRule) matches(id Identity, pv *config.Provider) bool {
	mail, ok := vouched(id)
	if r.domain != "" {
		_, domain, _ := strings.Cut(mail, "@")
		if !ok || domain != r.domain {
			return false
		}
	}
	if r.pattern != nil && (!ok || !r.pattern.match(mail)) {
		return false
	}
	if r.regex != nil && (!ok || !r.regex.MatchString(mail)) {
		return false
	}
	if r.provider != "" && r.provider != id.Provider {
		return false
	}
	for name, want := range r.claims {
		if !hasClaim(id, pv, name, want) {
			return false
		}
	}
	return true
}

// hasClaim looks where idp puts a claim: groups, subject, e-mail and name have their own fields, the rest is in Claims.
func hasClaim(id Identity, pv *config.Provider, name, want string) bool {
	groups, email, subject := "groups", "email", "sub"
	if pv != nil {
		groups, email, subject = cmp.Or(pv.GroupsClaim, groups), cmp.Or(pv.EmailClaim, email), cmp.Or(pv.UserIDClaim, subject)
	}
	switch name {
	case "email", email:
		mail, ok := vouched(id) // an unverified address gives no rights, by no way in
		return ok && mail == lower(want)
	case "groups", groups:
		if slices.Contains(id.ProviderGroups, want) {
			return true
		}
	case "name":
		if id.Name == want {
			return true
		}
	case subject:
		return id.Subject == want
	}
	return claimHolds(id.Claims[name], want, exactly)
}

// resolve finds every group of id and every way into it.
func (p *Policy) resolve(s *Subject) {
	d, id := &p.dir, s.Identity
	s.set = newBits(len(d.names))
	in := func(group int, how, rule string) {
		s.set.add(group)
		s.Why = append(s.Why, Membership{Group: d.names[group], How: how, Rule: rule})
	}
	switch id.Kind {
	case User:
		pv := p.cfg.Providers[id.Provider]
		for _, m := range d.members {
			if m.entry.gives(id) {
				in(m.group, m.how, m.rule)
			}
		}
		for i := range d.rules {
			if r := &d.rules[i]; r.matches(id, pv) {
				in(r.group, r.how, r.rule)
				if r.stop {
					break
				}
			}
		}
		for _, g := range id.ProviderGroups {
			if n, ok := d.number[id.Provider+":"+g]; ok && !s.set.has(n) {
				in(n, "group "+g+" at "+id.Provider, "providers."+id.Provider+".groups_claim")
			}
		}
	case Client, Key:
		for _, g := range p.own(id) {
			if n, ok := d.number[g]; ok && !strings.Contains(g, ":") && !s.set.has(n) {
				in(n, "its own group", "clients."+id.Subject+".groups")
			}
		}
	}
	// A group in a circle is harmless: each pass only adds, and there are at most as many passes as groups.
	for grown := true; grown; {
		grown = false
		for _, n := range d.nested {
			if s.set.has(n.inner) && !s.set.has(n.group) {
				in(n.group, "through group "+d.names[n.inner], n.rule)
				grown = true
			}
		}
	}
	slices.SortStableFunc(s.Why, func(a, b Membership) int { return cmp.Compare(a.Group, b.Group) })
	for _, w := range s.Why {
		if n := len(s.Groups); n == 0 || s.Groups[n-1] != w.Group {
			s.Groups = append(s.Groups, w.Group)
		}
	}
}

// own are the groups of a client or key: what it was given when it came in, less what the file has taken away since.
func (p *Policy) own(id Identity) []string {
	if id.Kind != Client {
		return id.Groups
	}
	c, ok := p.cfg.Clients[id.Subject]
	if !ok || c == nil {
		return id.Groups
	}
	var out []string
	for _, g := range id.Groups {
		if slices.Contains(c.Groups, g) {
			out = append(out, g)
		}
	}
	return out
}
