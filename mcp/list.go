package mcp

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// Entry is one entry of a list answer, as the upstream described it.
type Entry struct {
	Kind        string // KindTool, KindResource or KindPrompt
	Name        string // tool or prompt name, resource URI or URI template
	Description string
	// Hash is SHA-256 in hex over name, description and schemas.
	Hash string
}

// Filter removes what a caller may not see from list answers. That is courtesy: the decision that counts is made when
// the thing is called.
type Filter struct {
	// Admit says whether an entry stays. Required.
	Admit func(kind, name string) bool
	// Seen is told every list that an answer held, denied entries included. Nil: nobody is told.
	Seen func(entries []Entry)
}

var (
	errListShape = errors.New("list is no array of entries with names")
	errAnswer    = errors.New("answer is not one JSON-RPC message")
)

// listMember says under which member of result a list stands and what names its entries.
var listMembers = map[string]struct{ kind, field string }{
	"tools":             {KindTool, "name"},
	"resources":         {KindResource, "uri"},
	"resourceTemplates": {KindResource, "uriTemplate"},
	"prompts":           {KindPrompt, "name"},
}

var (
	resultNames = []string{"tools", "resources", "resourceTemplates", "prompts", "cacheScope"}
	entryNames  = []string{"name", "uri", "uriTemplate", "description", "inputSchema", "outputSchema"}
)

// MayBeResult is a quick look at a message: false means that it has no member that any reader takes for result, in any
// case, folding or escape, so that it holds no list. Most events of a stream are such.
func MayBeResult(msg []byte) bool {
	const word = "result"
	for i, c := range msg {
		switch {
		case c >= 0x80: // U+017F folds to s
			return true
		case c == '\\' && i+1 < len(msg) && msg[i+1] == 'u':
			return true
		case c|0x20 == 'r' && i > 0 && msg[i-1] == '"' && len(msg)-i >= len(word) && strings.EqualFold(string(msg[i:i+len(word)]), word):
			return true
		}
	}
	return false
}

// Message filters one message of the upstream. Every list in its result is filtered, whatever was asked. changed is false
// when the message may go on as it is. An error means that the message could not be read strictly and must not go on.
func (f *Filter) Message(msg []byte) (out []byte, changed bool, err error) {
	if err := answerBounds.check(msg); err != nil {
		return nil, false, err
	}
	var e envelope
	err = walkObject(msg, func(raw, value []byte) error {
		name, known, err := memberOf(raw, envelopeNames)
		if known {
			e.set(name, value)
		}
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if kindOf(e.result) != '{' {
		return msg, false, nil
	}
	if e.method != nil {
		return nil, false, errAnswer
	}
	result, changed, err := f.result(e.result)
	if err != nil || !changed {
		return msg, false, err
	}
	// Only what was understood goes on: unknown members could hide a second result.
	return (&envelope{id: e.id, result: result}).canonical(), true, nil
}

func (f *Filter) result(raw []byte) (out []byte, changed bool, err error) {
	out = append(make([]byte, 0, len(raw)+8), '{')
	var seen []Entry
	err = walkObject(raw, func(rawName, value []byte) error {
		name, known, err := memberOf(rawName, resultNames)
		if err != nil {
			return err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, rawName...), ':')
		member, isList := listMembers[name]
		switch {
		case known && isList && kindOf(value) == '[':
			before := len(out)
			dropped := false
			out, dropped, err = f.entries(out, value, member.kind, member.field, &seen)
			changed = changed || dropped
			if !dropped {
				out = append(out[:before], value...)
			}
			return err
		case known && isList && string(value) != "null":
			return errListShape // a reader that walks members walks these, too
		case known && name == "cacheScope":
			// A filtered list is one person's; a shared cache would show it to others (2026-07-28, caching).
			if scope, ok := unquote(value); ok && scope != "private" {
				out, changed = append(out, `"private"`...), true
				return nil
			}
		}
		out = append(out, value...)
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	if f.Seen != nil && len(seen) > 0 {
		f.Seen(seen)
	}
	return append(out, '}'), changed, nil
}

func (f *Filter) entries(out, raw []byte, kind, field string, seen *[]Entry) (list []byte, dropped bool, err error) {
	out = append(out, '[')
	first := true
	err = walkArray(raw, func(value []byte) error {
		entry, err := f.entry(value, kind, field)
		if err != nil {
			return err
		}
		if f.Seen != nil {
			*seen = append(*seen, entry)
		}
		if !f.Admit(kind, entry.Name) {
			dropped = true
			return nil
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(out, value...)
		return nil
	})
	return append(out, ']'), dropped, err
}

func (f *Filter) entry(raw []byte, kind, field string) (Entry, error) {
	e := Entry{Kind: kind}
	named := false
	var input, output []byte
	err := walkObject(raw, func(rawName, value []byte) error {
		name, _, err := memberOf(rawName, entryNames)
		switch {
		case err != nil:
			return err
		case name == field:
			e.Name, named = unquote(value)
		case name == "description":
			e.Description, _ = unquote(value)
		case name == "inputSchema":
			input = value
		case name == "outputSchema":
			output = value
		}
		return nil
	})
	if err != nil {
		return e, err
	}
	if !named {
		return e, errListShape
	}
	if f.Seen != nil {
		e.Hash = entryHash(e, input, output)
	}
	return e, nil
}

func entryHash(e Entry, input, output []byte) string {
	h := sha256.New()
	for _, part := range [...][]byte{[]byte(e.Name), []byte(e.Description), canonical(input), canonical(output)} {
		var size [8]byte
		for i, n := 0, len(part); n > 0; i, n = i+1, n>>8 {
			size[i] = byte(n)
		}
		h.Write(size[:]) // lengths keep the parts apart
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}
