package policy

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tracer writes down what the evaluator looked at.
type tracer struct {
	p     *Policy
	steps []Step
}

// add notes a question and its answer.
func (t *tracer) add(name string, d Decision, text string) {
	state := StateDeny
	if d.Allow {
		state = StateOK
	}
	t.steps = append(t.steps, t.p.step(name, state, d.Rule, text))
}

// person notes that nothing is held against s.
func (t *tracer) person(s *Subject) {
	text := label(s) + " is neither disabled nor blocked"
	if s.Identity.Kind == Anonymous {
		text = "nobody has to sign in here"
	} else if s.Identity.Email != "" && !s.Identity.EmailVerified {
		text += "\n" + s.Identity.Provider + " does not vouch for this address; it gives no rights"
	}
	t.steps = append(t.steps, t.p.step("person", StateOK, "", text))
}

func (p *Policy) step(name, state, rule, text string) Step {
	s := Step{Name: name, State: state, Text: text, Rule: rule}
	if at := p.cfg.At(rule); rule != "" && at.Line > 0 {
		s.File, s.Line, s.Column = p.cfg.File, at.Line, at.Column
	}
	return s
}

// Explain is Enter and then Decide, with every step written down. With kind and name empty it is Enter alone. A Text
// may have several lines.
func (p *Policy) Explain(proxy string, s *Subject, kind, name string) Trace {
	t := &tracer{p: p}
	s = p.ours(s)
	d := p.enter(proxy, s, t)
	asked := kind != "" || name != ""
	switch {
	case asked && d.Allow:
		d = p.decide(proxy, s, kind, name, t)
	case asked:
		t.steps = append(t.steps, p.step(kind, StateSkip, "", quote(name)+" was not looked at"))
	}
	out := Trace{Allow: d.Allow, Steps: t.steps, Decision: d}
	if !d.Allow {
		out.ToAllow = p.hints(proxy, s, kind, name, d)
	}
	return out
}

func describeOff(cp *compiledProxy) string {
	if cp.off.Reason == ReasonProxyDisabled {
		return cp.name + " is disabled"
	}
	return cp.name + " is closed: it uses " + cp.off.Rule + ", which is not in this version"
}

func describeEntry(cp *compiledProxy, s *Subject) string {
	switch {
	case cp.everyone && cp.open:
		return cp.name + " is open to everyone"
	case cp.everyone:
		return cp.name + " admits everyone who has signed in"
	case len(cp.allowed) == 0:
		return cp.name + " admits nobody: allowed_groups is empty"
	}
	return cp.name + " allows groups " + list(cp.allowed) + "\n" + describeGroups(s)
}

// describeGroups says which groups somebody has, and why.
func describeGroups(s *Subject) string {
	if len(s.Why) == 0 {
		return label(s) + " is in no group"
	}
	ways := make([]string, len(s.Why))
	for i, w := range s.Why {
		ways[i] = w.Group + " (" + w.How + ")"
	}
	return label(s) + " has: " + strings.Join(ways, ", ")
}

func describeRule(r *rule, s *Subject, name string) string {
	what := name + " is " + r.state
	switch r.state {
	case stateAdmitted:
		what = name + " is enabled"
	case stateClosed:
		what = name + " has a condition that this version does not know"
	case stateRestricted:
		what = name + " {groups: " + list(r.groups) + "}\n"
		if s.set.meets(r.set) {
			what += describeGroups(s)
		} else {
			what += label(s) + " is not in " + strings.Join(r.groups, ", ")
			if len(r.groups) == 0 {
				what += "any: the list is empty"
			}
		}
	}
	if strings.HasSuffix(r.id, ".default") {
		what += " by default"
	}
	return what
}

// hints are changes any one of which would turn d into an allowance as far as policy goes.
func (p *Policy) hints(proxy string, s *Subject, kind, name string, d Decision) []string {
	cp := p.proxies[proxy]
	switch d.Reason {
	case ReasonNotSignedIn:
		return []string{"sign in"}
	case ReasonUserDisabled:
		return []string{"remove disabled from " + d.Rule + p.where(d.Rule)}
	case ReasonUserBlocked:
		return []string{"gatehouse users unblock " + label(s)}
	case ReasonProxyClosed:
		return []string{"remove " + d.Rule + p.where(d.Rule)}
	case ReasonBadName:
		return nil
	case ReasonProxyDisabled:
		if cp == nil {
			return nil
		}
		return []string{"set " + d.Rule + " to true" + p.where(d.Rule)}
	case ReasonNotInGroup:
		if d.Rule == cp.absent.Rule {
			return p.groupHints(s, cp.allowed, d.Rule)
		}
		if rs := cp.rules(kind); rs != nil {
			if r := rs.find(name); r != nil && r.id == d.Rule {
				return p.groupHints(s, r.groups, d.Rule+".groups")
			}
		}
		return nil
	}
	quoted := name
	if !plainName(name) {
		quoted = quote(name)
	}
	rules, pattern, _ := strings.Cut(d.Rule, ".rules.")
	switch {
	case strings.HasSuffix(d.Rule, ".default"):
		return []string{"add " + quoted + ": enabled to " + strings.TrimSuffix(d.Rule, "default") + "rules" + p.where(d.Rule)}
	case isGlob(pattern): // what else the glob refuses stays refused
		return []string{"add " + quoted + ": enabled to " + rules + ".rules" + p.where(d.Rule)}
	}
	return []string{"set " + d.Rule + " to enabled" + p.where(d.Rule)}
}

// groupHints are the two ways to satisfy a list of groups: he joins one of them, or one of his joins the list.
func (p *Policy) groupHints(s *Subject, groups []string, listPath string) []string {
	var out []string
	for _, g := range groups {
		if _, declared := p.cfg.Groups[g]; declared {
			path := "groups." + g + ".members"
			out = append(out, "add "+strconv.Quote(member(s.Identity))+" to "+path+p.where(path))
		} else {
			out = append(out, "put him into the group "+g+" there")
		}
	}
	for _, g := range s.Groups {
		if !slices.Contains(groups, g) {
			out = append(out, "add "+g+" to "+listPath+p.where(listPath))
		}
	}
	return out
}

// member is how to write somebody into a list so that it gives him rights.
func member(id Identity) string {
	if mail, ok := vouched(id); ok {
		return mail
	}
	return id.Provider + ":" + id.Subject
}

// where is " (FILE:LINE)", or "" when the path stands nowhere.
func (p *Policy) where(path string) string {
	at := p.cfg.At(path)
	if at.Line == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", filepath.Base(p.cfg.File), at.Line)
}

func list(names []string) string { return "[" + strings.Join(names, ", ") + "]" }

// label is the person's name, harmless in an operator's terminal whatever the provider put into it.
func label(s *Subject) string {
	if name := s.Identity.Label(); cleanText(name) {
		return name
	}
	return quote(s.Identity.Label())
}

// quote makes foreign text harmless in an operator's terminal.
func quote(s string) string {
	if len(s) > maxName {
		s = s[:maxName] + "..."
	}
	return strconv.QuoteToASCII(s)
}
