package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// readYAML turns bytes into the one document they must hold.
func readYAML(file string, data []byte) (*yaml.Node, Faults) {
	at := func(p Position, hint, format string, args ...any) Faults {
		return Faults{{File: file, Line: p.Line, Column: p.Column, Message: fmt.Sprintf(format, args...), Hint: hint, Severity: Error}}
	}
	if len(data) > MaxFile {
		return nil, at(Position{}, "", "larger than %d MiB", MaxFile>>20)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, at(Position{}, "start from the sample oauth2_config.yaml", "the file is empty")
	}
	if i, what := badByte(data); i >= 0 {
		return nil, at(positionOf(data, i), "", "%s in the file", what)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := safely(func() error { return dec.Decode(&doc) }); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, at(Position{}, "start from the sample oauth2_config.yaml", "the file has only comments")
		}
		return nil, Faults{syntaxFault(file, data, err)}
	}
	var second yaml.Node
	if err := safely(func() error { return dec.Decode(&second) }); err == nil {
		return nil, at(Position{max(second.Line, 1), max(second.Column, 1)}, "remove the line ---", "a second document; only one is read")
	} else if !errors.Is(err, io.EOF) {
		return nil, Faults{syntaxFault(file, data, err)}
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, at(Position{1, 1}, "", "no document")
	}
	root := doc.Content[0]
	if isNull(root) {
		return nil, at(Position{root.Line, root.Column}, "start from the sample oauth2_config.yaml", "the file is empty")
	}
	return root, nil
}

// safely turns a panic of the YAML library into an error (CVE-2022-28948 was one).
func safely(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("yaml: the text cannot be parsed")
		}
	}()
	return f()
}

// badByte finds what no file of ours holds: NUL and other control characters, hidden line breaks, and bytes that are not
// UTF-8.
func badByte(data []byte) (int, string) {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return i, "a byte that is not UTF-8"
		case r == 0:
			return i, "a NUL byte"
		case r == '\r' && (i+1 == len(data) || data[i+1] != '\n'), r == 0x85, r == 0x2028, r == 0x2029:
			// A line break to YAML and not to most editors: what looks like a comment would be a key.
			return i, fmt.Sprintf("a line break that editors do not show (U+%04X)", r)
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			return i, fmt.Sprintf("a control character (U+%04X)", r)
		}
		i += n
	}
	return -1, ""
}

func positionOf(data []byte, offset int) Position {
	before := data[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	start := bytes.LastIndexByte(before, '\n') + 1
	return Position{line, utf8.RuneCount(before[start:]) + 1}
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// namesUnder lists the keys of one top-level mapping, for hints.
func namesUnder(root *yaml.Node, key string) []string {
	var out []string
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
		m := root.Content[i+1]
		if root.Content[i].Value != key || m.Kind != yaml.MappingNode {
			continue
		}
		for j := 0; j+1 < len(m.Content); j += 2 {
			out = append(out, m.Content[j].Value)
		}
	}
	return out
}

// syntaxFault gives a parser's error the best position that can be had: the library names a line, sometimes the wrong
// one, never a column, and for a tab on the first line nothing at all.
func syntaxFault(file string, data []byte, err error) Fault {
	f := Fault{File: file, Severity: Error}
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if _, scanErr := fmt.Sscanf(msg, "line %d: ", &line); scanErr == nil {
		_, msg, _ = strings.Cut(msg, ": ")
	}
	f.Message = "not YAML: " + msg
	p, hint := locate(data, line, msg)
	f.Line, f.Column, f.Hint = p.Line, p.Column, hint
	return f
}
