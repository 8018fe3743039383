package audit

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// safe tells which bytes may stand in a line as they are: printable ASCII but the two that JSON escapes. Everything else
// is written as \uXXXX: a raw ESC, C1 control, bidi mark or U+2028 would act in the terminal of whoever tails the file,
// and a raw newline would forge a line. JSON encoders leave U+009B and U+202E raw.
var safe = func() (t [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendEscaped appends s without quotes as the inside of a JSON string of printable ASCII. At most max bytes of s are
// used, cut at the border of a rune and marked with an ellipsis. Invalid UTF-8 becomes U+FFFD.
func appendEscaped(dst []byte, s string, max int) []byte {
	cut := false
	if len(s) > max {
		for max > 0 && !utf8.RuneStart(s[max]) {
			max--
		}
		s, cut = s[:max], true
	}
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if safe[c] {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
			i++
		case c < utf8.RuneSelf:
			dst = appendUnit(dst, rune(c))
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			dst = appendRune(dst, r)
			i += n
		}
		from = i
	}
	dst = append(dst, s[from:]...)
	if cut {
		dst = appendUnit(dst, '…')
	}
	return dst
}

func appendRune(dst []byte, r rune) []byte {
	if r < 0x10000 {
		return appendUnit(dst, r)
	}
	r -= 0x10000
	dst = appendUnit(dst, 0xd800+r>>10)
	return appendUnit(dst, 0xdc00+r&0x3ff)
}

func appendUnit(dst []byte, u rune) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12&15], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}

// Printable is a line as it may be shown on a terminal: bytes that are not printable ASCII, which no line of ours holds
// but a tampered one may, are escaped.
func Printable(line []byte) []byte {
	for i, c := range line {
		if c < 0x20 || c >= 0x7f {
			return appendVisible(append([]byte(nil), line[:i]...), string(line[i:]))
		}
	}
	return line
}

// appendVisible escapes what is not printable ASCII and nothing else.
func appendVisible(dst []byte, s string) []byte {
	for _, r := range s {
		if r >= 0x20 && r < 0x7f {
			dst = append(dst, byte(r))
		} else {
			dst = appendRune(dst, r)
		}
	}
	return dst
}
