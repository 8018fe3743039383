package config

import (
	"fmt"
	"strings"
)

// Severity of a Fault.
const (
	Error   = "error"
	Warning = "warning"
)

// Position is a place in the file; both count from 1, zero is unknown.
type Position struct{ Line, Column int }

// Fault is one thing wrong with the file. It prints as file:line:column: path: message; hint.
type Fault struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Path     string `json:"path"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
	Severity string `json:"severity"`
}

// Error is the fault in one line, as `gatehouse check` prints it.
func (f Fault) Error() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", f.Line, max(f.Column, 1))
		}
		b.WriteString(": ")
	}
	if f.Path != "" && !strings.HasSuffix(f.Message, f.Path) { // "not in this version: PATH" says it already
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Message)
	if f.Hint != "" {
		b.WriteString("; " + f.Hint)
	}
	return b.String()
}

// Faults is every fault of one file. As an error it prints one fault a line.
type Faults []Fault

// Error joins the faults with newlines.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Errors are the faults that make a file unusable.
func (fs Faults) Errors() Faults {
	var out Faults
	for _, f := range fs {
		if f.Severity != Warning {
			out = append(out, f)
		}
	}
	return out
}

// At is the position of a dotted path such as proxies.notes.tools.rules.delete_all; a path that is not in the file has
// the position of its nearest parent that is.
func (c *Config) At(path string) Position {
	for {
		if p, ok := c.positions[path]; ok {
			return p
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return Position{}
		}
		path = path[:i]
	}
}

// Fault makes an error of severity Error at a path.
func (c *Config) Fault(path, hint, format string, args ...any) Fault {
	p := c.At(path)
	return Fault{File: c.File, Line: p.Line, Column: p.Column, Path: path, Message: fmt.Sprintf(format, args...), Hint: hint, Severity: Error}
}
