package policy

import "strings"

// glob is a pattern in which * stands for any run of bytes, the empty one included. No other byte is special: a ? in a
// resource URI is a question mark. Matching takes linear time and allocates nothing.
type glob struct {
	pattern string
	parts   []string // the literals between the stars; at least two
}

// isGlob reports whether s is a pattern rather than a name.
func isGlob(s string) bool { return strings.IndexByte(s, '*') >= 0 }

func newGlob(pattern string) glob {
	return glob{pattern: pattern, parts: strings.Split(pattern, "*")}
}

// match compares byte for byte. The literals in the middle are found leftmost, which is enough because what lies
// between them is free.
func (g glob) match(s string) bool {
	last := len(g.parts) - 1
	if last < 1 {
		return g.pattern == s && last == 0
	}
	if !strings.HasPrefix(s, g.parts[0]) {
		return false
	}
	s = s[len(g.parts[0]):]
	for _, part := range g.parts[1:last] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, g.parts[last])
}
