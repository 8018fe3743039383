package config

import (
	"maps"
	"slices"
	"strings"
)

// validator does nothing but check. It reports every fault, each with its path, and none for what the decoder has
// reported already.
type validator struct {
	c      *Config
	o      Options
	bad    map[string]bool
	faults Faults
}

func (v *validator) all() {
	v.server()
	v.storage()
	v.providers()
	v.groups()
	v.users()
	v.clients()
	v.keys()
	v.proxies()
	v.addresses()
	v.rest()
}

// fault reports an error at a path.
func (v *validator) fault(path, hint, format string, args ...any) {
	if v.known(path) || v.full() {
		return
	}
	v.faults = append(v.faults, v.c.Fault(path, hint, format, args...))
}

// full reports that enough has been said. Hints compare with every name there is and are not looked for after that.
func (v *validator) full() bool { return len(v.faults) >= maxFaults }

func (v *validator) warn(path, hint, format string, args ...any) {
	if v.known(path) || v.full() {
		return
	}
	f := v.c.Fault(path, hint, format, args...)
	f.Severity = Warning
	v.faults = append(v.faults, f)
}

// missing reports a key that is not there, unless a key beside it was not understood and may be the one meant.
func (v *validator) missing(container, key, hint, format string, args ...any) {
	if v.bad[container+".*"] {
		return
	}
	v.fault(join(container, key), hint, format, args...)
}

// known reports that the decoder has complained about a path or something it is part of.
func (v *validator) known(path string) bool {
	for {
		if v.bad[path] {
			return true
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return v.bad[""]
		}
		path = path[:i]
	}
}

func names[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// plainName is the alphabet of the names that end up in URLs, headers, audit lines and rule ids.
func plainName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case (c == '_' || c == '.' || c == '-') && i > 0:
		default:
			return false
		}
	}
	return true
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// name checks a name that also works as part of a URL, beside a number.
func (v *validator) name(path, name string) {
	switch {
	case !plainName(name):
		v.fault(path, "", "a name has at most 64 letters, digits, dots, dashes and underscores and begins with a letter or digit")
	case allDigits(name):
		v.fault(path, "write id: "+name+" and a name with letters", "a name of digits only would be taken for a number")
	}
}

// printable refuses what could forge a line in a log or a header.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x21 || s[i] > 0x7e {
			return false
		}
	}
	return s != ""
}
