package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// Event is one message of a stream.
type Event struct {
	Method string // such as notifications/progress; empty for the final answer
	Params json.RawMessage
	Result json.RawMessage
	Error  *RPCError
}

// Stream is an open answer of the gate.
type Stream struct {
	body   io.ReadCloser
	events *events
	cancel context.CancelFunc
}

// OpenStream calls a tool and leaves the answer open, with a progress token; with an empty tool it opens the standing GET
// stream. The stream lives until Close, until ctx ends, or until somebody cuts it.
func (p *Person) OpenStream(ctx context.Context, tool string, args any) (*Stream, error) {
	if args == nil {
		args = struct{}{}
	}
	method, body := http.MethodGet, ""
	if tool != "" {
		_, b, err := p.encode("tools/call", map[string]any{"name": tool, "arguments": args, "_meta": map[string]any{"progressToken": "watch"}})
		if err != nil {
			return nil, err
		}
		method, body = http.MethodPost, b
	}
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, method, p.ProxyURL, strings.NewReader(body))
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header = p.header()
	if tool == "" {
		req.Header.Set("Accept", "text/event-stream")
		req.Header.Del("Content-Type")
	}
	resp, err := p.client().Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		defer cancel()
		defer resp.Body.Close()
		data, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		var m message
		if resp.StatusCode == http.StatusOK && json.Unmarshal(data, &m) == nil && m.Error != nil {
			return nil, m.Error
		}
		return nil, unexpected(resp, data)
	}
	return &Stream{body: resp.Body, events: newEvents(resp.Body), cancel: cancel}, nil
}

// Next waits for the next message. A stream that was cut ends with an error; io.EOF is an orderly end.
func (s *Stream) Next() (Event, error) {
	m, err := s.events.next()
	return Event{Method: m.Method, Params: m.Params, Result: m.Result, Error: m.Error}, err
}

// Close ends the stream from the client's side.
func (s *Stream) Close() error {
	s.cancel()
	return s.body.Close()
}

// events reads server-sent events whose data is JSON-RPC.
type events struct{ r *bufio.Reader }

func newEvents(r io.Reader) *events { return &events{r: bufio.NewReader(r)} }

// next returns the next event with data; comments and events without it are skipped. A line has at most maxAnswer bytes.
func (e *events) next() (message, error) {
	var data []byte
	for {
		line, err := e.line()
		if err != nil {
			return message{}, err
		}
		switch {
		case len(line) == 0 && len(data) > 0:
			var m message
			if err := json.Unmarshal(data, &m); err != nil {
				return m, err
			}
			return m, nil
		case bytes.HasPrefix(line, []byte("data:")):
			data = append(data, bytes.TrimPrefix(line[5:], []byte(" "))...)
			if len(data) > maxAnswer {
				return message{}, errors.New("event too large")
			}
		}
	}
}

func (e *events) line() ([]byte, error) {
	var line []byte
	for {
		part, err := e.r.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			return bytes.TrimRight(line, "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if len(line) > maxAnswer {
			return nil, errors.New("event too large")
		}
	}
}
