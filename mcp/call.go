package mcp

import (
	"bytes"
	"strings"
)

// shape says where a method names what it asks for.
type shape struct {
	kind  string
	field string // member of params
	list  List
}

var shapes = map[string]shape{
	"tools/call":               {kind: KindTool, field: "name"},
	"resources/read":           {kind: KindResource, field: "uri"},
	"resources/subscribe":      {kind: KindResource, field: "uri"},
	"resources/unsubscribe":    {kind: KindResource, field: "uri"},
	"prompts/get":              {kind: KindPrompt, field: "name"},
	"completion/complete":      {kind: KindPrompt, field: "ref"}, // or resource, as its ref says
	"tools/list":               {kind: KindMethod, list: ListTools},
	"resources/list":           {kind: KindMethod, list: ListResources},
	"resources/templates/list": {kind: KindMethod, list: ListTemplates},
	"prompts/list":             {kind: KindMethod, list: ListPrompts},
}

// call reads params as far as it says what is asked for. It returns the protocol version that _meta names.
func (e *envelope) call(m *Message) (version string, werr *WireError) {
	if m.Type == Response {
		return "", nil
	}
	c := &m.Call
	s, known := shapes[c.Method]
	switch {
	case known:
		c.Kind, c.List = s.kind, s.list
	case methodTwin(c.Method):
		return "", badRequest(CodeInvalidRequest, ReasonInvalid, "method differs from a known one only in case or white space")
	}
	c.Standing = c.Method == "subscriptions/listen"
	if c.Kind != KindMethod {
		if e.twin {
			return "", parseError(errTwin)
		}
		c.Args = e.args
		if werr := c.name(s.field, e); werr != nil {
			return "", werr
		}
	}
	return metaVersionOf(e.meta)
}

// methodTwin reports a method that a careless server takes for one whose params are judged, while its exact text names
// nothing here: it would pass under methods.default.
func methodTwin(method string) bool {
	plain := strings.Trim(method, " \t\r\n\v\f\x00/.")
	for known := range shapes {
		if strings.EqualFold(plain, known) {
			return true
		}
	}
	return false
}

func (c *Call) name(field string, e *envelope) *WireError {
	raw := e.name
	switch field {
	case "ref":
		return c.ref(e.ref)
	case "uri":
		raw = e.uri
	}
	name, ok := unquote(raw)
	if !ok {
		return badRequest(CodeInvalidParams, ReasonInvalid, "params."+field+" must be a string")
	}
	c.Name = name
	return nil
}

// ref reads completion/complete's params.ref: a completion shows what a prompt or resource template holds, so it is
// judged like them.
func (c *Call) ref(raw []byte) *WireError {
	var typ, name, uri []byte
	err := errNotObject
	if raw != nil {
		err = walkObject(raw, func(rawName, value []byte) error {
			member, _, err := memberOf(rawName, refNames)
			switch member {
			case "type":
				typ = value
			case "name":
				name = value
			case "uri":
				uri = value
			}
			return err
		})
	}
	if err != nil {
		return badRequest(CodeInvalidParams, ReasonInvalid, "params.ref must be an object with type and name or uri")
	}
	ok := false
	switch {
	case bytes.Equal(typ, []byte(`"ref/prompt"`)):
		c.Kind = KindPrompt
		c.Name, ok = unquote(name)
	case bytes.Equal(typ, []byte(`"ref/resource"`)):
		c.Kind = KindResource
		c.Name, ok = unquote(uri)
	}
	if !ok {
		return badRequest(CodeInvalidParams, ReasonInvalid, "params.ref must be a ref/prompt with name or a ref/resource with uri")
	}
	return nil
}

func metaVersionOf(meta []byte) (string, *WireError) {
	if kindOf(meta) != '{' {
		return "", nil // the upstream's to judge
	}
	version := ""
	err := walkObject(meta, func(raw, value []byte) error {
		name, known, err := memberOf(raw, metaNames)
		if err != nil {
			return err
		}
		if known && name == metaVersion {
			v, ok := unquote(value)
			if !ok || v == "" || len(v) > 64 {
				return errNotObject
			}
			version = v
		}
		return nil
	})
	if err != nil {
		return "", badRequest(CodeInvalidRequest, ReasonInvalid, "params._meta is not acceptable")
	}
	return version, nil
}
