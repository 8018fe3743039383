package policy

import "gatehouse/config"

// Policy is a configuration made ready for decisions. It is immutable; all methods may be called at once.
type Policy struct{ cfg *config.Config }

type bits []uint64
type ruleSet struct{}

// Compile prepares c, which Parse has validated, and reports what only compiling can find.
func Compile(c *config.Config) (*Policy, config.Faults) { return &Policy{cfg: c}, nil }

// Subject resolves id's groups. blocked says that an operator blocked this person.
func (p *Policy) Subject(id Identity, blocked bool) *Subject {
	return &Subject{Identity: id, Blocked: blocked, of: p}
}

// Disabled is the rule that disables id, or "".
func (p *Policy) Disabled(id Identity) string { return "" }

// Enter decides whether s may use proxy at all.
func (p *Policy) Enter(proxy string, s *Subject) Decision {
	return Decision{Reason: ReasonNotSignedIn}
}

// Decide decides about one tool, resource, prompt or method of proxy for somebody whom Enter admitted.
func (p *Policy) Decide(proxy string, s *Subject, kind, name string) Decision {
	return Decision{Reason: ReasonNotSignedIn}
}

// Missing are the groups one of which would let s into proxy; empty when groups are not what is missing.
func (p *Policy) Missing(proxy string, s *Subject) []string { return nil }

// Explain is Enter and Decide with every step written down. With kind and name empty it is Enter alone.
func (p *Policy) Explain(proxy string, s *Subject, kind, name string) Trace { return Trace{} }
