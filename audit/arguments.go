package audit

import (
	"bytes"
	"encoding/json"
	"regexp"
	"sort"
	"strings"
)

const (
	mostArgs     = 2048 // bytes of arguments in a line under "full"
	mostArgNames = 32
)

// Arguments is what a line may hold of a call's arguments under audit.arguments: nothing ("off" and any word unknown),
// the sorted names of the top level ("keys"), a digest of the value ("hash"), or the value cut at 2 KiB with what looks
// like a credential masked ("full"). args is a JSON value.
func (l *Log) Arguments(mode string, args []byte) string {
	if len(args) == 0 {
		return ""
	}
	switch mode {
	case "keys":
		return strings.Join(topNames(args), ",")
	case "hash":
		return l.Digest(string(args))
	case "full":
		// Masked before it is cut: the end of a secret must not be what makes it unrecognisable.
		s := mask(string(args[:min(len(args), 4*mostArgs)]))
		return s[:min(len(s), mostArgs)]
	}
	return ""
}

// topNames reads the member names of an object without keeping its values.
func topNames(args []byte) []string {
	d := json.NewDecoder(bytes.NewReader(args))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var names []string
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			break
		}
		if len(names) == mostArgNames {
			names = append(names, "…")
			break
		}
		var skip json.RawMessage
		if d.Decode(&skip) != nil {
			break
		}
		names = append(names, mask(name[:min(len(name), 64)]))
	}
	sort.Strings(names)
	return names
}

const masked = "<masked>"

// members are JSON members whose name says that the value is a secret; shapes are values that look like one whatever they
// are called. RE2: an argument of any size costs linear time (DS-11).
var (
	members = regexp.MustCompile(`(?i)("[^"\\]*(?:passw|passphrase|secret|token|api[_-]?key|apikey|authorization|cookie|credential|private[_-]?key|access[_-]?key|session[_-]?id|\bpin\b|\botp\b)[^"\\]*"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}\]"]+)`)
	shapes  = regexp.MustCompile(strings.Join([]string{
		`eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){0,4}`,                      // JWT, JWE
		`(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}`,                    // Authorization
		`\b(?:sk|pk|rk|uag|ghp|gho|ghu|ghs|ghr|glpat|xox[a-z])[-_][\w-]{8,}`, // keys of known issuers
		`\bgithub_pat_\w{8,}`,
		`\b(?:AKIA|ASIA)[A-Z0-9]{12,}`,
		`\bAIza[\w-]{20,}`,
		`-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?`,
		`://[^/\s:@"]+:[^/\s@"]+@`,     // credentials in a URL
		`\b[A-Za-z0-9_+/-]{40,}={0,2}`, // anything long and random
	}, "|"))
)

func mask(s string) string {
	s = members.ReplaceAllString(s, `${1}"`+masked+`"`)
	return shapes.ReplaceAllString(s, masked)
}
