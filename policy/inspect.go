package policy

// RuleInfo is the rule that decides about a name for people without an override, for lists that show rules.
type RuleInfo struct {
	ID     string
	State  string   // enabled, disabled or restricted
	Groups []string // of a restricted rule
}

// Rule says which rule holds for a name, without asking for whom. A name that no rule may admit, and an unknown proxy,
// are disabled.
func (p *Policy) Rule(proxy, kind, name string) RuleInfo {
	cp := p.proxies[proxy]
	if cp == nil {
		return RuleInfo{State: stateDisabled}
	}
	r := cp.rules(kind).find(name)
	switch r.state {
	case stateEnabled, stateAdmitted:
		return RuleInfo{ID: r.id, State: stateEnabled}
	case stateRestricted:
		return RuleInfo{ID: r.id, State: stateRestricted, Groups: r.groups}
	}
	return RuleInfo{ID: r.id, State: stateDisabled}
}
