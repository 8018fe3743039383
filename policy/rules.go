package policy

import (
	"cmp"
	"slices"

	"gatehouse/config"
)

// rule is one compiled entry of a ruleSet. The three decisions are made in advance so that deciding allocates nothing.
type rule struct {
	id     string
	glob   glob // zero for exact names and the default
	state  string
	groups []string // of a restricted rule, as written
	set    bits
	allow  Decision
	deny   Decision // disabled
	absent Decision // restricted, and the caller is in none of the groups
}

// States of a rule. Anything else refuses.
const (
	stateEnabled    = "enabled"
	stateDisabled   = "disabled"
	stateRestricted = "restricted" // by groups
	stateAdmitted   = "admitted"   // the mapping form without groups: everyone whom the proxy admits
	stateClosed     = "closed"     // asks for a feature that is not there; refuses everyone
)

// ruleSet decides by name: exact before glob, the longer glob before the shorter, then the default.
type ruleSet struct {
	exact map[string]*rule
	globs []*rule // in the order in which they are tried
	def   *rule   // nil in a person's overrides: no entry, no opinion
	bad   Decision
	twins twins
}

// find is the rule that decides about name, nil only without a default.
func (rs *ruleSet) find(name string) *rule {
	if r, ok := rs.exact[name]; ok {
		return r
	}
	for _, r := range rs.globs {
		if r.glob.match(name) {
			return r
		}
	}
	return rs.def
}

// decide applies a rule to somebody.
func (r *rule) decide(s *Subject) Decision {
	switch r.state {
	case stateEnabled, stateAdmitted:
		return r.allow
	case stateRestricted:
		if s.set.meets(r.set) {
			return r.allow
		}
		return r.absent
	}
	return r.deny
}

func newRule(id, pattern, state, offReason string) *rule {
	r := &rule{
		id: id, state: state,
		allow:  Decision{Allow: true, Rule: id},
		deny:   Decision{Rule: id, Reason: offReason},
		absent: Decision{Rule: id, Reason: ReasonNotInGroup},
	}
	if isGlob(pattern) {
		r.glob = newGlob(pattern)
	}
	return r
}

func (rs *ruleSet) add(pattern string, r *rule) {
	if isGlob(pattern) {
		rs.globs = append(rs.globs, r)
		return
	}
	rs.exact[pattern] = r
}

// sort brings the globs into their order: longer before shorter; of equal length the stricter, then the alphabet, so
// that the outcome never depends on the order of a map.
func (rs *ruleSet) sort() {
	strictness := func(r *rule) int {
		switch r.state {
		case stateEnabled, stateAdmitted:
			return 2
		case stateRestricted:
			return 1
		}
		return 0
	}
	slices.SortFunc(rs.globs, func(a, b *rule) int {
		return cmp.Or(
			cmp.Compare(len(b.glob.pattern), len(a.glob.pattern)),
			cmp.Compare(strictness(a), strictness(b)),
			cmp.Compare(a.glob.pattern, b.glob.pattern))
	})
	rs.fold()
}

// compileRules makes the ruleSet of proxies.NAME.tools (or resources, prompts, methods) from its default and rules.
func (c *compiler) compileRules(path, kind, def string, rules map[string]config.Rule) *ruleSet {
	off := offReason(kind)
	rs := &ruleSet{exact: map[string]*rule{}, bad: Decision{Rule: path + ".default", Reason: ReasonBadName}}
	if def == "" {
		def = stateEnabled // what an absent key is worth (config's default tag); Parse fills it
	}
	rs.def = newRule(path+".default", "", def, off)
	for pattern, entry := range rules {
		id := path + ".rules." + pattern
		if f := patternFault(kind, pattern); f != "" {
			c.fault(id, "names are compared byte for byte; * stands for any run of characters", "%s", f)
		}
		r := newRule(id, pattern, entry.State, off)
		switch {
		case len(entry.Args) > 0 || entry.When != "":
			r.state = stateClosed // the condition cannot be checked, so it does not hold
		case entry.State == stateRestricted && entry.Groups == nil:
			r.state = stateAdmitted
		case entry.State == stateRestricted:
			r.groups = entry.Groups
			r.set = c.groupSet(id+".groups", entry.Groups)
		}
		rs.add(pattern, r)
	}
	rs.sort()
	return rs
}

// offReason is why a disabled thing of a kind is refused.
func offReason(kind string) string {
	switch kind {
	case KindTool:
		return ReasonToolDisabled
	case KindResource:
		return ReasonResDisabled
	case KindPrompt:
		return ReasonPromptOff
	}
	return ReasonMethodOff
}
