package config

import (
	"reflect"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// secretKeys finds a key whose value may be a secret: those of the types, and what people write instead of them. It
// works on text, since the file of a syntax fault has no nodes; it hides rather too much than too little.
var secretKeys = sync.OnceValue(func() *regexp.Regexp {
	keys := map[string]bool{"headers": true}
	var walk func(t reflect.Type, depth int)
	walk = func(t reflect.Type, depth int) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Map, reflect.Slice:
			walk(t.Elem(), depth)
		case reflect.Struct:
			for _, f := range fieldsOf(t) {
				if f.typ == reflect.TypeFor[Secret]() {
					keys[f.key] = true
				} else if depth < 8 {
					walk(f.typ, depth+1)
				}
			}
		}
	}
	walk(reflect.TypeFor[Config](), 0)
	for _, k := range []string{"hash", "authorization", "access_token", "refresh_token", `[a-z0-9_-]*(?:secret|passw)[a-z0-9_-]*`} {
		keys[k] = true
	}
	return regexp.MustCompile(`(?i)(?:^|[\s{,"'-])(?:[a-z0-9]+[_-])*(?:` + strings.Join(names(keys), "|") + `)["']?\s*[:=]\s*(\S.*)$`)
})

var (
	// bareSecret is a key without its colon, or a credential in running text.
	bareSecret = regexp.MustCompile(`(?i)\b(?:client_secret|encryption_key|initial_access_token|password|bearer)\s+(\S.*)$`)
	urlSecret  = regexp.MustCompile(`://[^\s/@:]*:([^\s/@]+@.*)$`)
	// harmless values: references without a default, the rates of a key that is called token, an empty mapping.
	harmless = regexp.MustCompile(`^(?:["']?(?:Bearer )?\$\{(?:(?:env|file|cred|keyring):[^{},]*|[^{}:,]*)\}["']?|\d+ *\/ *[smh]|\{\}|\[\])[\s}\]]*(?:#.*)?$`)
	keyOnly  = regexp.MustCompile(`^\s*(?:- )*["']?([^\s"':#]+)["']?\s*:`)
)

var longSecrets = []string{"client_secret", "encryption_key", "initial_access_token", "authorization"}

// Masked is the text of a file with everything hidden that may be a secret, for copies that people look at. What is left
// may not parse.
func Masked(data []byte) []byte {
	lines := strings.Split(string(data), "\n")
	out := make([]string, len(lines))
	for n := range lines {
		out[n], _ = mask(lines, n)
	}
	return []byte(strings.Join(out, "\n"))
}

// mask hides what may be a secret in a line, and tells the column from which on it does; -1 = nothing is hidden.
func mask(lines []string, n int) (string, int) {
	line := lines[n]
	for _, re := range []*regexp.Regexp{secretKeys(), bareSecret, urlSecret} {
		if m := re.FindStringSubmatchIndex(line); m != nil && !harmless.MatchString(line[m[2]:]) {
			return hide(line, m[2])
		}
	}
	// A slip in the key of a secret does not make it less of one.
	if k := keyOnly.FindStringSubmatchIndex(line); k != nil && nearest(line[k[2]:k[3]], longSecrets) != "" && !harmless.MatchString(strings.TrimSpace(line[k[1]:])) {
		return hide(line, min(k[1]+1, len(line)))
	}
	// A line further in than a secret key is part of its value: a block scalar, or one of the headers.
	indent := indentOf(line)
	for i := n - 1; i >= 0 && n-i < 1000 && indent > 0; i-- {
		above := indentOf(lines[i])
		if strings.TrimSpace(lines[i]) == "" || above >= indent {
			continue
		}
		indent = above
		key := keyOnly.FindStringSubmatch(lines[i])
		if key == nil || !secretKeys().MatchString(key[1]+": x") {
			continue
		}
		from := indentOf(line)
		if k := keyOnly.FindStringIndex(line); k != nil && strings.EqualFold(key[1], "headers") {
			from = min(k[1]+1, len(line))
		}
		if harmless.MatchString(line[from:]) {
			return line, -1
		}
		return hide(line, from)
	}
	return line, -1
}

func hide(line string, from int) (string, int) {
	return line[:from] + "<secret>", utf8.RuneCountInString(line[:from])
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
