package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Caret shows a fault in its source: the line before, the line, and ^^^^ under what is wrong with the hint beside it.
// Secrets in these lines are masked. It is empty when the fault has no position in source.
func Caret(f Fault, source []byte) string {
	lines := strings.Split(string(source), "\n")
	if f.Line < 1 || f.Line > len(lines) {
		return ""
	}
	var b strings.Builder
	width := len(fmt.Sprint(f.Line))
	for n := max(1, f.Line-1); n <= f.Line; n++ {
		text, _ := mask(lines, n-1)
		if n < f.Line && strings.TrimSpace(text) == "" {
			continue
		}
		fmt.Fprintf(&b, "%*d | %s\n", width, n, printableLine(text))
	}
	text, masked := mask(lines, f.Line-1)
	col := min(max(f.Column, 1)-1, utf8.RuneCountInString(text))
	if masked >= 0 {
		col = min(col, masked)
	}
	runes := []rune(printableLine(text))
	carets := strings.Repeat("^", extent(string(runes[min(col, len(runes)):])))
	fmt.Fprintf(&b, "%*s | %s%s", width, "", strings.Repeat(" ", col), carets)
	if f.Hint != "" {
		b.WriteString(" " + f.Hint)
	}
	b.WriteByte('\n')
	return b.String()
}

// printableLine keeps columns: a tab and everything a terminal would act upon is one space.
func printableLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == utf8.RuneError {
			return ' '
		}
		return r
	}, strings.TrimRight(s, "\r"))
}

// extent is the length in runes of the key or value that text begins with.
func extent(text string) int {
	if text == "" || text[0] == ' ' {
		return 1
	}
	if q := text[0]; q == '"' || q == '\'' {
		if i := strings.IndexByte(text[1:], q); i >= 0 {
			return utf8.RuneCountInString(text[:i+2])
		}
	}
	if strings.IndexByte("[{", text[0]) >= 0 {
		return 1
	}
	end := len(text)
	for _, stop := range []string{": ", " #", ", ", "}", "]"} {
		if i := strings.Index(text, stop); i > 0 && i < end && !(stop == "}" && strings.Contains(text[:i], "${")) {
			end = i
		}
	}
	return max(1, utf8.RuneCountInString(strings.TrimRight(strings.TrimSuffix(strings.TrimRight(text[:end], " "), ":"), " ")))
}
