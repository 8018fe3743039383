package mcp

// JSON-RPC 2.0 as MCP narrows it: https://modelcontextprotocol.io/specification/2025-11-25/basic

import (
	"bytes"
	"errors"
	"net/http"
)

// maxID bounds a string id, maxMethod a method name, in bytes.
const (
	maxID     = 256
	maxMethod = 256
)

// Parse reads a whole POST body and the headers that repeat parts of it. On error nothing of the body may be used.
func Parse(h http.Header, body []byte) (*Message, *WireError) {
	body = bytes.Trim(body, " \t\r\n")
	if err := requestBounds.check(body); err != nil {
		return nil, badRequest(CodeInvalidRequest, ReasonLimits, err.Error())
	}
	if len(body) > 0 && body[0] == '[' {
		return nil, badRequest(CodeInvalidRequest, ReasonBatch, "batches are not accepted; send one message")
	}
	var e envelope
	if err := e.read(body); err != nil {
		return nil, parseError(err)
	}
	m := &Message{Canonical: body}
	werr := e.fill(m)
	var named string
	if werr == nil {
		named, werr = e.call(m)
	}
	if werr == nil {
		werr = m.judgeHeaders(h, named)
	}
	if werr != nil {
		if werr.ID == nil && validID(e.id) {
			werr.ID = bytes.Clone(e.id)
		}
		return nil, werr
	}
	if !e.exact {
		m.Canonical = e.canonical()
	}
	return m, nil
}

func parseError(err error) *WireError {
	switch {
	case errors.Is(err, errNotObject), errors.Is(err, errTwin), errors.Is(err, errNUL):
		return badRequest(CodeInvalidRequest, ReasonInvalid, err.Error())
	case errors.Is(err, errTrailing):
		return badRequest(CodeParse, ReasonParse, err.Error())
	}
	// The library's text quotes the input; a fixed one cannot carry anything out.
	return badRequest(CodeParse, ReasonParse, "body is not one strict JSON value")
}

// envelope holds the raw members of a message.
type envelope struct {
	jsonrpc, id, method, params, result, err []byte
	// exact: the text has these members under their plain names and no others.
	exact bool
	// Members of params that calls are made of. twin: params has a member that some readers would take for one of them.
	name, uri, ref, args, meta []byte
	twin                       bool
}

func (e *envelope) read(body []byte) error {
	e.exact = true
	if nulName(body) {
		return errNUL
	}
	r := newReader(body)
	defer r.release()
	err := r.members(func(raw []byte) error {
		name, known, err := memberOf(raw, envelopeNames)
		if err != nil {
			return err
		}
		e.exact = e.exact && known && plain(raw)
		var value []byte
		if name == "params" {
			value, err = r.nested(body, e.param)
		} else {
			value, err = r.dec.ReadValue()
		}
		if err == nil && known {
			e.set(name, value)
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.end()
}

func (e *envelope) set(name string, value []byte) {
	switch name {
	case "jsonrpc":
		e.jsonrpc = value
	case "id":
		e.id = value
	case "method":
		e.method = value
	case "params":
		e.params = value
	case "result":
		e.result = value
	case "error":
		e.err = value
	}
}

// param takes one member of params. Which of them matter is known when the method is, which may stand later.
func (e *envelope) param(raw, value []byte) error {
	name, known, err := memberOf(raw, callNames)
	if err == errTwin {
		if _, _, err := memberOf(raw, paramNames); err != nil {
			return err
		}
		e.twin = true
		return nil
	}
	if err != nil || !known {
		return err
	}
	switch name {
	case "name":
		e.name = value
	case "uri":
		e.uri = value
	case "ref":
		e.ref = value
	case "arguments":
		e.args = value
	case "_meta":
		e.meta = value
	}
	return nil
}

// fill decides what the message is.
func (e *envelope) fill(m *Message) *WireError {
	invalid := func(s string) *WireError { return badRequest(CodeInvalidRequest, ReasonInvalid, s) }
	if v, ok := unquote(e.jsonrpc); !ok || v != "2.0" {
		return invalid(`jsonrpc must be "2.0"`)
	}
	if e.id != nil && !validID(e.id) {
		return invalid("id must be a string of at most 256 bytes or an integer of at most 2^53")
	}
	m.ID = e.id
	switch {
	case e.method != nil:
		if e.result != nil || e.err != nil {
			return invalid("a message cannot be request and response")
		}
		m.Type = Request
		if e.id == nil {
			m.Type = Notification
		}
		method, ok := unquote(e.method)
		if !ok || method == "" || len(method) > maxMethod {
			return invalid("method must be a string of 1 to 256 bytes")
		}
		m.Call = Call{Method: method, Kind: KindMethod, Name: method}
	case (e.result != nil) != (e.err != nil):
		if e.id == nil || e.params != nil {
			return invalid("a response needs an id and has no params")
		}
		m.Type = Response
	default:
		return invalid("message has neither method nor one of result and error")
	}
	switch kindOf(e.params) {
	case '{', ' ':
	case 'n': // params: null says the same as no params, and not every server knows that
		e.params, e.exact = nil, false
	default:
		return invalid("params must be an object")
	}
	return nil
}

// canonical writes the known members again, their values byte for byte.
func (e *envelope) canonical() []byte {
	n := len(e.id) + len(e.method) + len(e.params) + len(e.result) + len(e.err)
	b := append(make([]byte, 0, n+80), `{"jsonrpc":"2.0"`...)
	for _, m := range [...]struct {
		name  string
		value []byte
	}{{`,"id":`, e.id}, {`,"method":`, e.method}, {`,"params":`, e.params}, {`,"result":`, e.result}, {`,"error":`, e.err}} {
		if m.value != nil {
			b = append(append(b, m.name...), m.value...)
		}
	}
	return append(b, '}')
}

// validID admits a string of at most 256 bytes and an integer of at most 2^53 in its plain form. Everything else is
// read differently by different languages, so an answer could reach the wrong question.
func validID(raw []byte) bool {
	if len(raw) == 0 {
		return false
	}
	if raw[0] == '"' {
		return len(raw) <= maxID+2
	}
	digits := raw
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 16 || (digits[0] == '0' && len(raw) > 1) {
		return false
	}
	n := uint64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + uint64(c-'0')
	}
	return n <= 1<<53
}
