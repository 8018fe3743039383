package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of names, in bytes.
const (
	maxName = 128  // tools and methods
	maxText = 8192 // resource URIs and prompt names
)

// admitted reports whether a name may be compared with rules at all. What may not is refused, whatever the rules say:
// a look-alike letter, an invisible character or a second spelling of the same resource would walk around a rule that
// names the thing (tool shadowing, OWASP MCP03).
func admitted(kind, name string, ruled bool) bool {
	switch kind {
	case KindTool, KindMethod:
		return plainName(name)
	case KindResource:
		return cleanText(name) && (!ruled || canonicalURI(name))
	case KindPrompt:
		return cleanText(name) && (!ruled || printableASCII(name))
	}
	return false
}

// plainName is the alphabet of tool and method names.
func plainName(s string) bool {
	if len(s) == 0 || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == '/', c == '-':
		default:
			return false
		}
	}
	return true
}

func cleanText(s string) bool {
	if s == "" || len(s) > maxText || !utf8.ValidString(s) || strings.TrimSpace(s) != s {
		return false
	}
	for _, r := range s {
		if unicode.Is(unicode.C, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return false
		}
	}
	return true
}

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// canonicalURI refuses spellings that an upstream may read as another URI (RFC 3986 section 6.2.2): a path with dot
// segments or empty segments, percent-encoded letters, backslashes, an upper-case scheme or host. Without this
// file:///srv/../etc/passwd passes a rule for file:///srv/* and file:///%65tc/passwd passes one against file:///etc/*.
func canonicalURI(s string) bool {
	if !printableASCII(s) || strings.ContainsAny(s, "\\ ") || !cleanEscapes(s) {
		return false
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || scheme == "" || strings.ToLower(scheme) != scheme {
		return false
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i]
	}
	path := rest
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		host, tail, found := strings.Cut(after, "/")
		switch scheme {
		case "http", "https", "file", "ws", "wss", "ftp":
			if strings.ToLower(host) != host {
				return false
			}
		}
		path = tail
		if !found {
			path = ""
		}
	}
	if strings.HasPrefix(path, "/") && strings.HasPrefix(rest, "//") {
		return false // file:////etc
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return !strings.Contains(path, "//")
}

// cleanEscapes admits %XX only for bytes that need it: an encoded letter, digit, dot, dash, underscore, tilde or slash
// is a second spelling, and %00 ends a name early in some upstreams.
func cleanEscapes(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if i+2 >= len(s) {
			return false
		}
		hi, ok1 := unhex(s[i+1])
		lo, ok2 := unhex(s[i+2])
		if !ok1 || !ok2 {
			return false
		}
		c := hi<<4 | lo
		if c < 0x20 || c == 0x7f || c == '\\' || c == '~' || plainName(string([]byte{c})) {
			return false
		}
		i += 2
	}
	return true
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// patternFault is what is wrong with a rule's name or glob, "" when it can match something. Such a rule would look like
// protection and never apply.
func patternFault(kind, pattern string) string {
	if pattern == "" {
		return "empty name"
	}
	literal := strings.ReplaceAll(pattern, "*", "")
	if literal == "" {
		return ""
	}
	switch kind {
	case KindTool, KindMethod:
		if !plainName(literal) {
			return "never matches: a " + kind + " name has 1 to 128 of the characters A-Z a-z 0-9 _ . / -"
		}
	case KindResource:
		if !printableASCII(pattern) || strings.ContainsAny(pattern, "\\ ") {
			return "never matches: a URI is printable ASCII without spaces and backslashes"
		}
		if !isGlob(pattern) && !canonicalURI(pattern) {
			return "never matches: write the URI in its canonical form (scheme in lower case, no . or .. segments, no needless %XX)"
		}
	case KindPrompt:
		if !printableASCII(pattern) {
			return "never matches: prompt names that have rules are printable ASCII"
		}
	}
	return ""
}
