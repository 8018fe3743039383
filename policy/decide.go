package policy

// Enter decides whether s may use proxy at all: the proxy is there, he is signed in, not disabled, not blocked, and in
// one of its groups.
func (p *Policy) Enter(proxy string, s *Subject) Decision { return p.enter(proxy, s, nil) }

// Decide decides about one tool, resource, prompt or method of proxy for somebody whom Enter admitted; it does not ask
// Enter's questions again. It allocates nothing.
func (p *Policy) Decide(proxy string, s *Subject, kind, name string) Decision {
	return p.decide(proxy, s, kind, name, nil)
}

// Missing are the groups one of which would let s into proxy; empty when groups are not what is missing.
func (p *Policy) Missing(proxy string, s *Subject) []string {
	if p.Enter(proxy, s).Reason != ReasonNotInGroup {
		return nil
	}
	return append([]string(nil), p.proxies[proxy].allowed...)
}

// ours gives back s, or s resolved anew when it comes from another configuration: a right must not outlive the file
// that gave it because somebody kept a Subject.
func (p *Policy) ours(s *Subject) *Subject {
	if s == nil || s.of == p {
		return s
	}
	return p.Subject(s.Identity, s.Blocked)
}

// known reports whether s is somebody at all; an identity of a kind that does not exist, or without an id, is nobody.
func known(s *Subject, open bool) bool {
	if s == nil {
		return false
	}
	switch id := &s.Identity; id.Kind {
	case User, Client, Key:
		return id.Sub != "" || id.Subject != ""
	case Anonymous:
		return open
	}
	return false
}

// enter asks its questions in a fixed order; the first that fails is the decision. Every return is preceded by a step,
// which exists only when somebody asked why (t is nil on the data path).
func (p *Policy) enter(proxy string, s *Subject, t *tracer) Decision {
	cp := p.proxies[proxy]
	if cp == nil {
		d := Decision{Rule: "proxies." + proxy, Reason: ReasonProxyDisabled}
		if t != nil {
			t.add("proxy", d, "there is no proxy "+quote(proxy))
		}
		return d
	}
	if cp.off.Reason != "" {
		if t != nil {
			t.add("proxy", cp.off, describeOff(cp))
		}
		return cp.off
	}
	s = p.ours(s)
	if !known(s, cp.open) {
		if t != nil {
			t.add("person", cp.anonymous, "nobody is signed in, and "+cp.name+" wants that")
		}
		return cp.anonymous
	}
	if s.Disabled != "" {
		d := Decision{Rule: s.Disabled, Reason: ReasonUserDisabled}
		if t != nil {
			t.add("person", d, label(s)+" is disabled")
		}
		return d
	}
	if s.Blocked {
		if t != nil {
			t.add("person", cp.blocked, label(s)+" was blocked by an operator")
		}
		return cp.blocked
	}
	if t != nil {
		t.person(s)
	}
	d := cp.absent
	if cp.everyone || s.set.meets(cp.set) {
		d = cp.admit
	}
	if t != nil {
		t.add("proxy", d, describeEntry(cp, s))
	}
	return d
}

// decide finds the rule: the person's own, else exact before glob before default.
func (p *Policy) decide(proxy string, s *Subject, kind, name string, t *tracer) Decision {
	cp := p.proxies[proxy]
	if cp == nil || cp.off.Reason != "" || s == nil {
		return p.enter(proxy, s, t) // nothing can be decided; enter says why, and it always refuses here
	}
	s = p.ours(s)
	rs := cp.rules(kind)
	if rs == nil {
		d := Decision{Rule: cp.path, Reason: ReasonBadName}
		if t != nil {
			t.add(kind, d, quote(kind)+" is neither tool, resource, prompt nor method")
		}
		return d
	}
	if !admitted(kind, name, len(rs.exact)+len(rs.globs) > 0) {
		if t != nil {
			t.add(kind, rs.bad, "the name "+quote(name)+" is not admitted: it could be mistaken for another")
		}
		return rs.bad
	}
	r := rs.find(name)
	var own *ruleSet
	if kind == KindTool {
		if own = s.overrides[proxy]; own != nil {
			if o := own.find(name); o != nil {
				r = o
			}
		}
	}
	// Paths in URIs are case-sensitive, and canonicalURI has judged the rest of them.
	if kind != KindResource && (own == nil || own.exact[name] == nil) && (rs.mistakable(name, s) || own.mistakable(name, s)) {
		if t != nil {
			t.add(kind, rs.bad, "the name "+quote(name)+" is not admitted: it differs only in case from one that is refused")
		}
		return rs.bad
	}
	d := r.decide(s)
	if t != nil {
		t.add(kind, d, describeRule(r, s, name))
	}
	return d
}

// DecideMethod decides by the rule that methods.rules has under this very name. It is asked about methods that name a
// tool, a resource or a prompt, too: who writes completion/complete: disabled means it. ok is false without such a rule;
// globs and the default of methods are for methods that name nothing.
func (p *Policy) DecideMethod(proxy string, s *Subject, method string) (d Decision, ok bool) {
	cp := p.proxies[proxy]
	if cp == nil || s == nil || cp.methods == nil {
		return Decision{}, false
	}
	r := cp.methods.exact[method]
	if r == nil {
		return Decision{}, false
	}
	return r.decide(p.ours(s)), true
}
