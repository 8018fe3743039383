package mcp

import "bytes"

// check counts depth, tokens and members before anything is parsed, so that a text made to be expensive costs one pass
// over its bytes (Vault CVE-2025-6203). Text that is not JSON may be counted wrongly; it is refused afterwards anyway.
func (b bounds) check(text []byte) error {
	depth, tokens, members := 0, 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = endOfString(text, i)
			continue
		case '{', '[':
			if depth++; depth > b.depth {
				return errTooComplex
			}
		case '}', ']':
			depth--
		case ':':
			if members++; members > b.members {
				return errTooComplex
			}
		case ',':
		default:
			continue
		}
		if tokens++; tokens > b.tokens {
			return errTooComplex
		}
	}
	return nil
}

// endOfString is the index of the quote that closes the string opened at i, or the length of text.
func endOfString(text []byte, i int) int {
	for {
		n := bytes.IndexByte(text[i+1:], '"')
		if n < 0 {
			return len(text)
		}
		i += n + 1
		slashes := 0
		for j := i - 1; text[j] == '\\'; j-- { // stops at the opening quote at the latest
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
	}
}

// objectNames are the decoded member names of an object, at most max; nil when raw is no object. raw must have been
// read strictly before: here only its outermost level is looked at, and long strings are jumped over.
func objectNames(raw []byte, max int) (names []string) {
	if kindOf(raw) != '{' {
		return nil
	}
	depth, name := 0, true
	for i := 0; i < len(raw) && len(names) < max; i++ {
		switch raw[i] {
		case '"':
			end := endOfString(raw, i)
			if depth == 1 && name {
				s, _ := unquote(raw[i:min(end+1, len(raw))])
				names, name = append(names, s), false
			}
			i = end
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			name = name || depth == 1
		}
	}
	return names
}
