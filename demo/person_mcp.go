package demo

// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// protocolVersion is what a Person speaks.
const protocolVersion = "2025-11-25"

// RPCError is a JSON-RPC error, such as the gate's refusal: code 403 with the rule in Data.
type RPCError struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

func (e *RPCError) Error() string { return fmt.Sprintf("rpc error %d: %s", e.Code, e.Message) }

// Refusal is the data of the gate's 403.
type Refusal struct {
	Reason    string `json:"reason"`
	Rule      string `json:"rule"`
	RequestID string `json:"request_id"`
	Proxy     string `json:"proxy"`
}

// Refused reports that err is the gate's refusal of a call, and what it says.
func Refused(err error) (Refusal, bool) {
	var re *RPCError
	if !errors.As(err, &re) || re.Code != http.StatusForbidden {
		return Refusal{}, false
	}
	var r Refusal
	json.Unmarshal(re.Data, &r) // data is optional
	return r, true
}

// Result is the result of a tool call.
type Result struct {
	Content []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"content"`
	Structured json.RawMessage `json:"structuredContent"`
	IsError    bool            `json:"isError"`
}

// Text is all the text of a result.
func (r Result) Text() string {
	var b bytes.Buffer
	for _, c := range r.Content {
		b.WriteString(c.Text)
	}
	return b.String()
}

type message struct {
	ID     json.RawMessage `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *RPCError       `json:"error,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
}

func mcpHeader(session string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}, "Mcp-Protocol-Version": {protocolVersion}}
	if session != "" {
		h["Mcp-Session-Id"] = []string{session}
	}
	return h
}

// Initialize opens an MCP session.
func (p *Person) Initialize(ctx context.Context) error {
	p.setSession("")
	params := map[string]any{
		"protocolVersion": protocolVersion, "capabilities": map[string]any{}, "clientInfo": map[string]string{"name": "demo client", "version": "1"},
	}
	if _, err := p.Request(ctx, "initialize", params); err != nil {
		return err
	}
	resp, body, err := p.post(ctx, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	if err == nil && resp.StatusCode != http.StatusAccepted {
		err = unexpected(resp, body)
	}
	return err
}

// Call calls a tool. A refusal by the gate is an error that Refused understands; a tool's own failure is Result.IsError.
func (p *Person) Call(ctx context.Context, tool string, args any) (Result, error) {
	if args == nil {
		args = struct{}{}
	}
	raw, err := p.Request(ctx, "tools/call", map[string]any{"name": tool, "arguments": args})
	if err != nil {
		return Result{}, err
	}
	var r Result
	err = json.Unmarshal(raw, &r)
	return r, err
}

// List is the names of the tools that this person is shown.
func (p *Person) List(ctx context.Context) ([]string, error) {
	raw, err := p.Request(ctx, "tools/list", struct{}{})
	if err != nil {
		return nil, err
	}
	var list struct {
		Tools []struct {
			Name string `json:"name"`
		} `json:"tools"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	names := make([]string, len(list.Tools))
	for i, t := range list.Tools {
		names[i] = t.Name
	}
	return names, nil
}

// Request makes one JSON-RPC request. On a 401 it refreshes once and repeats; a 404 for the MCP session makes a new one,
// as the specification asks.
func (p *Person) Request(ctx context.Context, method string, params any) (json.RawMessage, error) {
	raw, err := p.request(ctx, method, params)
	var he *HTTPError
	if !errors.As(err, &he) {
		return raw, err
	}
	switch {
	case he.Status == http.StatusUnauthorized && p.Tokens().Refresh != "":
		if _, rerr := p.Refresh(ctx); rerr != nil {
			return nil, errors.Join(err, fmt.Errorf("refresh: %w", rerr))
		}
	case he.Status == http.StatusNotFound && p.MCPSession() != "" && method != "initialize":
		if ierr := p.Initialize(ctx); ierr != nil {
			return nil, errors.Join(err, ierr)
		}
	default:
		return nil, err
	}
	return p.request(ctx, method, params)
}

func (p *Person) request(ctx context.Context, method string, params any) (json.RawMessage, error) {
	id, body, err := p.encode(method, params)
	if err != nil {
		return nil, err
	}
	resp, data, err := p.post(ctx, body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, unexpected(resp, data)
	}
	if s := resp.Header.Get("Mcp-Session-Id"); s != "" && method == "initialize" {
		p.setSession(s)
	}
	m, err := findAnswer(resp.Header.Get("Content-Type"), data, id)
	if err != nil {
		return nil, err
	}
	if m.Error != nil {
		return nil, m.Error
	}
	return m.Result, nil
}

// encode makes the request's bytes under a new id.
func (p *Person) encode(method string, params any) (id, body string, err error) {
	p.mu.Lock()
	p.nextID++
	id = strconv.Itoa(p.nextID)
	p.mu.Unlock()
	b, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": json.Number(id), "method": method, "params": params})
	return id, string(b), err
}

func (p *Person) post(ctx context.Context, body string) (*http.Response, []byte, error) {
	return p.send(ctx, http.MethodPost, p.ProxyURL, p.header(), body)
}

// header is a request's header with the credentials of now.
func (p *Person) header() http.Header {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := mcpHeader(p.session)
	if p.tokens.Access != "" {
		h["Authorization"] = []string{"Bearer " + p.tokens.Access}
	}
	return h
}

func (p *Person) setSession(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.session = s
}

// findAnswer takes the answer with our id out of a JSON body or an event stream.
func findAnswer(contentType string, data []byte, id string) (message, error) {
	if !bytes.HasPrefix([]byte(contentType), []byte("text/event-stream")) {
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			return m, fmt.Errorf("answer: %w", err)
		}
		return m, nil
	}
	s := newEvents(bytes.NewReader(data))
	for {
		m, err := s.next()
		if err != nil {
			return m, fmt.Errorf("stream without an answer: %w", err)
		}
		if string(m.ID) == id && m.Method == "" {
			return m, nil
		}
	}
}
