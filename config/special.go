package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// rule decodes one entry of a rules mapping: a word, or a mapping of conditions.
func (d *decoder) rule(n *yaml.Node, path string, p *Rule) {
	switch n.Kind {
	case yaml.MappingNode:
		p.State = "restricted"
		d.structure(n, path, reflect.ValueOf(p).Elem())
		return
	case yaml.SequenceNode:
		d.fault(n, path, "fix: {groups: […]}", "a rule is enabled, disabled or {groups: […]}, not a list")
		return
	}
	s, ok := d.text(n, path)
	switch {
	case !ok:
	case s == "enabled" || s == "disabled":
		p.State = s
	default:
		d.fault(n, path, d.ruleHint(path, s), "unknown rule %q, want enabled, disabled or {groups: […]}", shown(n))
	}
}

// ruleHint is the line as it should be.
func (d *decoder) ruleHint(path, word string) string {
	name := path[strings.LastIndex(path, ".rules.")+len(".rules."):]
	if strings.ContainsAny(name, "*?[]{}:#&!|>'\"%@` ,") {
		name = fmt.Sprintf("%q", name)
	}
	switch strings.ToLower(word) {
	case "no", "off", "false", "n", "deny", "denied", "none", "never", "block", "blocked":
		return "fix: " + name + ": disabled"
	case "yes", "on", "true", "y", "allow", "allowed", "all", "any":
		return "fix: " + name + ": enabled"
	}
	if s := nearest(word, []string{"enabled", "disabled"}); s != "" {
		return "fix: " + name + ": " + s
	}
	group := "admins"
	if slices.Contains(d.groups, word) {
		group = word
	} else if !slices.Contains(d.groups, group) && len(d.groups) > 0 {
		group = d.groups[0]
	}
	return "fix: " + name + ": {groups: [" + group + "]}"
}

// strings decodes a list, or one string with spaces between the items.
func (d *decoder) strings(n *yaml.Node, path string, p *Strings) {
	if n.Kind == yaml.SequenceNode {
		var out []string
		d.list(n, path, reflect.ValueOf(&out).Elem(), nil)
		*p = out
		return
	}
	if s, ok := d.text(n, path); ok {
		*p = strings.Fields(s)
	}
}

// scopeMap decodes a list of scopes for every provider, or one list per provider.
func (d *decoder) scopeMap(n *yaml.Node, path string, p *ScopeMap) {
	if n.Kind != yaml.MappingNode {
		var all Strings
		d.strings(n, path, &all)
		*p = ScopeMap{}
		if len(all) > 0 {
			(*p)[""] = all
		}
		return
	}
	var per map[string]Strings
	d.mapping(n, path, reflect.ValueOf(&per).Elem(), nil)
	*p = ScopeMap{}
	for k, v := range per {
		(*p)[k] = v
	}
}
