package policy

import "strings"

// twins finds the rule that would decide if names were compared without regard to case. An upstream that is careless
// about case takes DANGER for danger, which no rule names and the default may let through.
type twins struct {
	exact map[string]*rule // by name in lower case
	globs []twinGlob       // in the order of the set's
}

type twinGlob struct {
	lower glob
	rule  *rule
}

// fold makes the twins of a set whose globs are sorted.
func (rs *ruleSet) fold() {
	rs.twins = twins{exact: make(map[string]*rule, len(rs.exact))}
	for name, r := range rs.exact {
		lower := strings.ToLower(name)
		if had := rs.twins.exact[lower]; had == nil || had.state == stateEnabled {
			rs.twins.exact[lower] = r // of names that differ in case only, one that may refuse
		}
	}
	for _, r := range rs.globs {
		rs.twins.globs = append(rs.twins.globs, twinGlob{newGlob(strings.ToLower(r.glob.pattern)), r})
	}
}

// mistakable reports that no rule names name, and that a rule which matches it in another case only refuses s. It
// allocates only for names with upper-case letters.
func (rs *ruleSet) mistakable(name string, s *Subject) bool {
	if rs == nil || len(rs.exact)+len(rs.globs) == 0 || rs.exact[name] != nil {
		return false
	}
	twin := rs.twin(strings.ToLower(name))
	return twin != nil && twin != rs.find(name) && !twin.decide(s).Allow
}

func (rs *ruleSet) twin(lower string) *rule {
	if r, ok := rs.twins.exact[lower]; ok {
		return r
	}
	for _, g := range rs.twins.globs {
		if g.lower.match(lower) {
			return g.rule
		}
	}
	return nil
}
