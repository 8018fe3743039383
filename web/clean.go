package web

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is how many runes of a foreign name are shown.
const maxName = 64

// blank are letters that print as nothing.
var blank = map[rune]bool{'\u034f': true, '\u115f': true, '\u1160': true, '\u17b4': true, '\u17b5': true, '\u2800': true, '\u3164': true, '\uffa0': true}

// Clean removes what could make a foreign name look like something else or leave its place: control characters,
// bidirectional controls, zero-width and other invisible characters, line breaks, more than two combining marks on one
// letter. White space becomes single spaces. At most limit runes stay; an ellipsis is the last of them when more came.
func Clean(s string, limit int) string {
	var b strings.Builder
	n, marks, space := 0, 0, false
	for _, r := range s {
		switch {
		case r == utf8.RuneError:
			continue
		case unicode.IsSpace(r):
			space = n > 0
			continue
		case unicode.Is(unicode.C, r), unicode.Is(unicode.Variation_Selector, r), blank[r]:
			continue
		case unicode.Is(unicode.M, r):
			if marks++; marks > 2 || n == 0 {
				continue
			}
		default:
			marks = 0
		}
		add := 1
		if space {
			add = 2
		}
		if n+add > limit {
			return ellipsis(b.String(), limit)
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
		n += add
	}
	return b.String()
}

func ellipsis(s string, limit int) string {
	if limit < 1 {
		return ""
	}
	r := []rune(s)
	return strings.TrimSpace(string(r[:min(len(r), limit-1)])) + "…"
}

// cleanHost shows a host or a scheme as it is sent, byte for byte. Letters that are not ASCII could be look-alikes and
// are shown as escapes. A host too long for the page loses its beginning, never its end, which is what decides who owns it.
func cleanHost(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > 0x20 && r < 0x7f {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	if out := b.String(); len(out) <= 300 {
		return out
	}
	return "…" + b.String()[b.Len()-300:]
}

func cleanAll(list []string, limit int) []string {
	var out []string
	for _, s := range list {
		if s = Clean(s, limit); s != "" {
			out = append(out, s)
		}
	}
	return out
}
