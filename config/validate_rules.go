package config

import (
	"strings"
	"unicode"
)

// rules checks the entries of one rules mapping. plain: the names are those of tools and methods.
func (v *validator) rules(path string, rules map[string]Rule, plain bool) {
	for _, pattern := range names(rules) {
		at := path + ".rules." + pattern
		if plain {
			v.toolName(at, pattern)
		} else if strings.TrimSpace(pattern) != pattern || strings.ContainsFunc(pattern, unicode.IsControl) || len(pattern) > 8192 {
			v.fault(at, "", "a name has no control characters and no spaces around it")
		}
		r := rules[pattern]
		if r.State != "restricted" {
			continue
		}
		if r.Groups == nil && r.When == "" && len(r.Args) == 0 && r.Enforce == "" && !v.bad[at+".*"] {
			v.fault(at, "write enabled, disabled or {groups: […]}", "a rule without a condition")
		}
		v.groupList(at+".groups", r.Groups, true)
		for _, pointer := range names(r.Args) {
			v.argument(at+".args."+pointer, pointer, r.Args[pointer])
		}
	}
}

// toolName admits what an upstream may call a tool, and * for globs. A look-alike letter in a rule would guard nothing.
func (v *validator) toolName(path, name string) {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_./-*", r) {
			v.fault(path, "a * stands for any characters", "%q has a character that no tool name has (%q); letters, digits, _ . / - only", name, r)
			return
		}
	}
	if len(name) > 128 {
		v.fault(path, "", "longer than 128 characters")
	}
}

func (v *validator) argument(path, pointer string, a ArgRule) {
	if !strings.HasPrefix(pointer, "/") {
		v.fault(path, "write /"+pointer, "%q is not a JSON pointer", pointer)
	}
	n := 0
	for _, set := range []bool{a.Eq != "", a.In != nil, a.Match != "", a.Glob != ""} {
		if set {
			n++
		}
	}
	if n == 0 && !v.bad[path+".*"] && !v.given(path+".eq") {
		v.fault(path, "one of eq, in, match, glob", "a condition that says nothing")
	}
	if n > 1 {
		v.fault(path, "keep one of eq, in, match, glob", "several conditions for one argument")
	}
	if a.Match != "" {
		v.regex(path+".match", a.Match)
	}
}

func (v *validator) given(path string) bool {
	_, ok := v.c.positions[path]
	return ok
}
