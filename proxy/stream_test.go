package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/config"
	"gatehouse/gatetest"
	"gatehouse/session"
)

// streamer answers GET and calls of "stream" with a stream of events that lasts until the client goes or stop is closed.
func streamer(stop chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Mcp-Session-Id", "up-session")
		fmt.Fprint(w, "id: ev-1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n")
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-stop:
		}
	}
}

// firstEvent reads up to the first blank line.
func firstEvent(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", b.String(), err)
		}
		b.WriteString(line)
		if line == "\n" {
			return b.String()
		}
	}
}

// TestRevokedStreamEndsAtOnce is SS-05 and RP-14: at both ends, with a reason, and the next request is refused.
func TestRevokedStreamEndsAtOnce(t *testing.T) {
	gone := make(chan struct{}, 2)
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		streamer(nil)(w, r)
		gone <- struct{}{}
	})
	for _, method := range []string{"GET", "POST"} {
		g := newRig(t, up.URL, nil)
		body := ""
		if method == "POST" {
			body = call("stream")
		}
		res := g.do(method, "alice", body)
		if res.Header.Get("X-Accel-Buffering") != "no" {
			t.Error("intermediaries may buffer")
		}
		lines := bufio.NewReader(res.Body)
		if ev := firstEvent(t, lines); strings.Contains(ev, "ev-1") || !strings.Contains(ev, "id: ") {
			t.Errorf("event id is not sealed: %q", ev)
		}
		start := time.Now()
		out, err := g.registry.Revoke(context.Background(), session.RevokeRequest{IDs: []string{"s_alice"}, Reason: "test", By: "test"})
		if err != nil || out.Streams != 1 {
			t.Fatalf("revoke: %+v, %v", out, err)
		}
		rest, err := io.ReadAll(lines)
		if took := time.Since(start); took > time.Second { // promised are 100 ms; the machine of a test is busy
			t.Errorf("%s: the stream lasted %v more", method, took)
		}
		if err != nil || string(rest) != ": closed: session revoked\n\n" {
			t.Errorf("%s: ended with %q, %v", method, rest, err)
		}
		select {
		case <-gone:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the upstream still streams", method)
		}
		if e := g.log.last(t); e.Outcome != "error" || e.Reason != reasonRevoked || e.Event != "mcp.tool_done" {
			t.Errorf("audit %+v", e)
		}
		if res := g.do("POST", "alice", call("safe")); res.StatusCode != 401 {
			t.Errorf("next request: %d", res.StatusCode)
		}
	}
}

// TestRevocationReachesABlockedWrite: a client that reads nothing cannot keep its stream.
func TestRevocationReachesABlockedWrite(t *testing.T) {
	full := make(chan struct{})
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		event := []byte("data: " + strings.Repeat("x", 64<<10) + "\n\n")
		for i := 0; r.Context().Err() == nil; i++ {
			if i == 400 {
				close(full) // 25 MiB were taken at least once the socket buffers are full
			}
			if _, err := w.Write(event); err != nil {
				return
			}
		}
	})
	g := newRig(t, up.URL, nil)
	res := g.do("POST", "alice", call("stream"))
	select {
	case <-full:
	case <-time.After(500 * time.Millisecond): // buffers are full, the write blocks
	}
	start := time.Now()
	if _, err := g.registry.Revoke(context.Background(), session.RevokeRequest{IDs: []string{"s_alice"}}); err != nil {
		t.Fatal(err)
	}
	g.log.last(t)
	if took := time.Since(start); took > time.Second {
		t.Errorf("the handler lasted %v more", took)
	}
	res.Body.Close()
}

// TestRevokedBeforeTheAnswerIs401: the call was under way, its answer had not begun.
func TestRevokedBeforeTheAnswerIs401(t *testing.T) {
	heard := make(chan struct{})
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		close(heard)
		<-r.Context().Done()
	})
	g := newRig(t, up.URL, nil)
	go func() {
		<-heard
		_, _ = g.registry.Revoke(context.Background(), session.RevokeRequest{IDs: []string{"s_alice"}})
	}()
	if res := g.do("POST", "alice", call("safe")); res.StatusCode != 401 || res.Header.Get("Www-Authenticate") == "" {
		t.Errorf("status %d", res.StatusCode)
	}
}

// TestConnectionOutlivesACutStream: the deadline that cut one stream must not end the next request on its connection.
func TestConnectionOutlivesACutStream(t *testing.T) {
	up := gatetest.NewUpstream(t, streamer(nil))
	g := newRig(t, up.URL, nil)
	res := g.do("GET", "alice", "")
	lines := bufio.NewReader(res.Body)
	firstEvent(t, lines)
	g.registry.CutStreams(nil, session.ErrPolicy)
	if rest, err := io.ReadAll(lines); err != nil || !strings.Contains(string(rest), "no longer admitted") {
		t.Fatalf("%q %v", rest, err)
	}
	res = g.do("GET", "alice", "")
	lines = bufio.NewReader(res.Body)
	firstEvent(t, lines)
	time.AfterFunc(3*cutWrites, func() { g.registry.CutStreams(nil, session.ErrShutdown) })
	if rest, err := io.ReadAll(lines); err != nil || !strings.Contains(string(rest), "shutting down") {
		t.Errorf("the second stream ended with %q %v", rest, err)
	}
}

// TestClientThatLeavesIsNoticed: the upstream's side ends, and the record says who left.
func TestClientThatLeavesIsNoticed(t *testing.T) {
	gone := make(chan struct{})
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		streamer(nil)(w, r)
		close(gone)
	})
	g := newRig(t, up.URL, nil)
	res := g.do("GET", "alice", "")
	firstEvent(t, bufio.NewReader(res.Body))
	res.Body.Close()
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Fatal("the upstream still streams")
	}
	if e := g.log.last(t); e.Reason != reasonClientGone {
		t.Errorf("audit %+v", e)
	}
}

// TestSessionIDsBelongToTheirOwner is SS-01 to SS-04 at the gate.
func TestSessionIDsBelongToTheirOwner(t *testing.T) {
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Mcp-Session-Id") == "" {
			w.Header().Set("Mcp-Session-Id", "up-session-1")
		}
		gatetest.DefaultAnswer(w, r)
	})
	g := newRig(t, up.URL, nil)
	g.signIn("alice", "c_2")
	sealed := g.do("POST", "alice", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`).Header.Get("Mcp-Session-Id")
	if sealed == "" || strings.Contains(sealed, "up-session") {
		t.Fatalf("session id %q", sealed)
	}
	if res := g.do("POST", "alice", call("safe"), "Mcp-Session-Id", sealed); res.StatusCode != 200 || up.Last(t).Header.Get("Mcp-Session-Id") != "up-session-1" {
		t.Fatalf("own id: %d, upstream heard %q", res.StatusCode, up.Last(t).Header.Get("Mcp-Session-Id"))
	}
	before := up.Count()
	for who, id := range map[string]string{"bob": sealed, "alice/c_2": sealed, "alice": "up-session-1"} {
		for _, method := range []string{"POST", "GET", "DELETE"} {
			body := ""
			if method == "POST" {
				body = call("safe")
			}
			if res := g.do(method, who, body, "Mcp-Session-Id", id); res.StatusCode != 404 {
				t.Errorf("%s %s: %d", who, method, res.StatusCode)
			}
		}
	}
	if res := g.do("GET", "alice", "", "Last-Event-Id", "1"); res.StatusCode != 404 {
		t.Errorf("foreign event id: %d", res.StatusCode)
	}
	if up.Count() != before {
		t.Error("the upstream heard of foreign ids")
	}
	if res := g.do("DELETE", "alice", "", "Mcp-Session-Id", sealed); res.StatusCode != 202 || up.Last(t).Method != "DELETE" {
		t.Errorf("DELETE: %d", res.StatusCode)
	}
}

func TestEventIDResumesItsOwnStream(t *testing.T) {
	up := gatetest.NewUpstream(t, streamer(nil))
	g := newRig(t, up.URL, nil)
	ev := firstEvent(t, bufio.NewReader(g.do("GET", "alice", "").Body))
	id, _, _ := strings.Cut(strings.TrimPrefix(ev, "id: "), "\n")
	firstEvent(t, bufio.NewReader(g.do("GET", "alice", "", "Last-Event-Id", id).Body))
	if got := up.Last(t).Header.Get("Last-Event-Id"); got != "ev-1" {
		t.Errorf("resumed with %q", got)
	}
	if res := g.do("GET", "bob", "", "Last-Event-Id", id); res.StatusCode != 404 {
		t.Errorf("bob resumes alice: %d", res.StatusCode)
	}
}

// TestModernRequestsHaveNoSessions is SS-07.
func TestModernRequestsHaveNoSessions(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	res := g.do("POST", "alice", call("safe"), "Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "safe",
		"Mcp-Session-Id", "whatever", "Last-Event-Id", "whatever")
	h := up.Last(t).Header
	if res.StatusCode != 200 || h.Get("Mcp-Session-Id") != "" || h.Get("Last-Event-Id") != "" || h.Get("Mcp-Method") != "tools/call" || h.Get("Mcp-Name") != "safe" || h.Get("Mcp-Protocol-Version") != "2026-07-28" {
		t.Errorf("%d, upstream heard %v", res.StatusCode, h)
	}
}

// shim answers with raw bytes in pieces.
func shim(t *testing.T, pieces ...string) string {
	return gatetest.NewRawUpstream(t, func(c *net.TCPConn, _ string) {
		for _, p := range pieces {
			if _, err := io.WriteString(c, p); err != nil {
				return
			}
		}
	})
}

// TestUpstreamThatMisbehaves is RP-10 and DS-08.
func TestUpstreamThatMisbehaves(t *testing.T) {
	const jsonHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	hang := func(t *testing.T, first string) string {
		return gatetest.NewRawUpstream(t, func(c *net.TCPConn, _ string) {
			io.WriteString(c, first)
			io.Copy(io.Discard, c) // until the gate closes
		})
	}
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	tests := []struct {
		name, url string
		status    int  // 0: not looked at
		broken    bool // the body ends with an error
		reason    string
	}{
		{"refuses connections", "http://" + dead.Addr().String() + "/mcp", 502, false, reasonUnreachable},
		{"hangs", hang(t, ""), 504, false, reasonTimeout},
		{"hangs in the head", hang(t, jsonHead), 504, false, reasonTimeout},
		{"hangs in the body", hang(t, jsonHead+"Content-Length: 100\r\n\r\n{"), 200, true, reasonTimeout},
		{"hangs between events", hang(t, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {}\n\n"), 200, false, reasonTimeout},
		{"closes at once", shim(t), 502, false, reasonReset},
		{"resets", gatetest.NewRawUpstream(t, func(c *net.TCPConn, _ string) { c.SetLinger(0) }), 502, false, reasonReset},
		{"resets in the stream", gatetest.NewRawUpstream(t, func(c *net.TCPConn, _ string) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\na\r\ndata: {}\n\n\r\n")
			c.SetLinger(0)
		}), 0, true, reasonReset},
		{"is too short", shim(t, jsonHead+"Content-Length: 100\r\n\r\n{}"), 200, true, reasonReset},
		{"is too long", shim(t, jsonHead+"Content-Length: 2\r\n\r\n{}{}{}{}"), 200, false, ""},
		{"speaks something else", shim(t, "SSH-2.0-OpenSSH_9\r\n"), 502, false, reasonUnreachable},
		{"has an endless head", shim(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)), 502, false, ""},
		{"floods with 1xx", shim(t, strings.Repeat("HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=b\r\n\r\n", 10000)), 502, false, ""},
		{"sends a few 1xx", shim(t, strings.Repeat("HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=b\r\n\r\n", 3), jsonHead+"Content-Length: 2\r\n\r\n{}"), 200, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, tt.url, func(_ *config.Config, p *config.Proxy) {
				p.Timeouts = config.Timeouts{Connect: time.Second, ResponseHeader: 300 * time.Millisecond, IdleStream: 300 * time.Millisecond}
			})
			start := time.Now()
			req, _ := http.NewRequest("POST", g.url, strings.NewReader(call("safe")))
			req.Header.Set("Authorization", "Bearer alice")
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil { // broken off before the head was flushed
				res = &http.Response{StatusCode: tt.status, Body: http.NoBody, Header: http.Header{"X-Request-Id": {"r_1"}}}
			} else {
				_, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if tt.status != 0 && res.StatusCode != tt.status || (err != nil) != tt.broken {
				t.Errorf("status %d, body error %v; want %d, broken %v", res.StatusCode, err, tt.status, tt.broken)
			}
			e := g.log.last(t)
			if tt.reason != "" && (e.Outcome != "error" || e.Reason != tt.reason) || e.Event != "mcp.tool_done" {
				t.Errorf("audit %s %s %q, want reason %q", e.Event, e.Outcome, e.Reason, tt.reason)
			}
			if res.Header.Get("Set-Cookie") != "" || res.Header.Get("X-Request-Id") != "r_1" {
				t.Errorf("headers %v", res.Header)
			}
		})
	}
}

// TestHugeAnswerFlowsThrough: nothing but lists is held.
func TestHugeAnswerFlowsThrough(t *testing.T) {
	const size = 256 << 20
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.CopyN(w, neverending('x'), size)
	})
	g := newRig(t, up.URL, nil)
	res := g.do("POST", "alice", call("safe"))
	if n, err := io.Copy(io.Discard, res.Body); err != nil || n != size {
		t.Errorf("got %d bytes, %v", n, err)
	}
	if e := g.log.last(t); e.Req.BytesOut != size {
		t.Errorf("recorded %d bytes", e.Req.BytesOut)
	}
}

// TestStandingStreamIsKeptAlive drives the beat by hand: a comment goes between events and never into one.
func TestStandingStreamIsKeptAlive(t *testing.T) {
	for written, want := range map[string]bool{
		"": true, "data: x\n\n": true, "data: x\r\n\r\n": true, "data: x\r\r": true, "data: x\n\r\n": true,
		"data: x": false, "data: x\n": false, "data: x\r\n": false, "d": false, ": c\n\ndata": false,
	} {
		rec := &flushRecorder{}
		w := &writer{w: rec}
		w.stream(true)
		w.WriteHeader(200)
		for i := range len(written) { // byte by byte, as the tail must survive
			if _, err := w.Write([]byte{written[i]}); err != nil {
				t.Fatal(err)
			}
		}
		w.beat()
		if got := strings.HasSuffix(rec.body.String(), ": keep-alive\n\n"); got != want {
			t.Errorf("after %q: comment %v", written, got)
		}
		w.stop()
		n := rec.body.Len()
		w.beat()
		if rec.body.Len() != n {
			t.Error("a beat wrote after the handler's end")
		}
	}
}

type flushRecorder struct {
	body strings.Builder
	head http.Header
}

func (f *flushRecorder) Header() http.Header {
	if f.head == nil {
		f.head = http.Header{}
	}
	return f.head
}
func (f *flushRecorder) WriteHeader(int)             {}
func (f *flushRecorder) Write(p []byte) (int, error) { return f.body.Write(p) }
func (f *flushRecorder) FlushError() error           { return nil }
