package config

import (
	"strings"
	"unicode/utf8"
)

// locate finds where a syntax error really is, and says what helps.
func locate(data []byte, line int, msg string) (Position, string) {
	lines := strings.Split(string(data), "\n")
	if p, ok := tabIndent(lines); ok {
		return p, "indent with spaces, not tabs"
	}
	if strings.Contains(msg, "flow") || strings.Contains(msg, "',' or") || strings.Contains(msg, "unexpected end of stream") || strings.Contains(msg, "end of stream") {
		if p, what, ok := unclosed(lines); ok {
			return p, "this " + what + " is not closed"
		}
	}
	if _, name, ok := strings.Cut(msg, "unknown anchor '"); ok {
		name, _, _ = strings.Cut(name, "'")
		for i, l := range lines {
			if j := strings.Index(l, "*"+name); j >= 0 {
				return Position{i + 1, utf8.RuneCountInString(l[:j]) + 1}, "define it above with &" + name + ", or quote the *"
			}
		}
	}
	if line < 1 || line > len(lines) {
		line = firstContent(lines)
	}
	text := lines[line-1]
	col := len(text) - len(strings.TrimLeft(text, " "))
	hint := ""
	switch {
	case strings.Contains(msg, "mapping values are not allowed"):
		if i := strings.LastIndex(text, ": "); i >= 0 {
			col = i
		} else if strings.HasSuffix(strings.TrimRight(text, " \r"), ":") {
			col = strings.LastIndex(text, ":")
		}
		hint = "quote a value that holds \": \", or check the indentation"
	case strings.Contains(msg, "cannot start any token"):
		if i := strings.IndexAny(text, "@`%\t"); i >= 0 {
			col = i
		}
		hint = "quote the value"
	case strings.Contains(msg, "could not find expected ':'"):
		hint = "write KEY: VALUE"
	case strings.Contains(msg, "did not find expected key"), strings.Contains(msg, "did not find expected '-' indicator"):
		hint = "check the indentation here and of the lines around"
	}
	return Position{line, utf8.RuneCountInString(text[:min(col, len(text))]) + 1}, hint
}

// tabIndent finds a line whose indentation holds a tab.
func tabIndent(lines []string) (Position, bool) {
	for i, l := range lines {
		trimmed := strings.TrimLeft(l, " \t")
		if trimmed == "" || trimmed[0] == '#' || trimmed == "\r" {
			continue
		}
		if t := strings.IndexByte(l[:len(l)-len(trimmed)], '\t'); t >= 0 {
			return Position{i + 1, t + 1}, true
		}
	}
	return Position{}, false
}

// unclosed finds the last bracket or quote that was opened and never closed.
func unclosed(lines []string) (Position, string, bool) {
	type open struct {
		c byte
		p Position
	}
	var stack []open
	var quote open
	for i, l := range lines {
		for j := 0; j < len(l); j++ {
			c := l[j]
			here := open{c, Position{i + 1, utf8.RuneCountInString(l[:j]) + 1}}
			if quote.c != 0 {
				if c == '\\' && quote.c == '"' {
					j++
				} else if c == quote.c {
					quote.c = 0
				}
				continue
			}
			if c == '#' && (j == 0 || l[j-1] == ' ' || l[j-1] == '\t') {
				break
			}
			starts := j == 0 || strings.IndexByte(" \t[{,:", l[j-1]) >= 0 || len(stack) > 0
			switch {
			case (c == '"' || c == '\'') && (j == 0 || strings.IndexByte(" \t[{,:", l[j-1]) >= 0):
				quote = here
			case (c == '[' || c == '{') && starts && (j == 0 || l[j-1] != '$'):
				stack = append(stack, here)
			case (c == ']' || c == '}') && len(stack) > 0:
				stack = stack[:len(stack)-1]
			}
		}
	}
	if quote.c != 0 {
		return quote.p, "quote", true
	}
	if len(stack) > 0 {
		return stack[len(stack)-1].p, "bracket", true
	}
	return Position{}, "", false
}

func firstContent(lines []string) int {
	for i, l := range lines {
		t := strings.TrimSpace(l)
		if t != "" && t[0] != '#' {
			return i + 1
		}
	}
	return 1
}
