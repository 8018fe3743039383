package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/config"
	"gatehouse/gatetest"
)

// answered is an upstream that answers with this head and body whatever is asked.
func answered(t *testing.T, head, body string) string {
	return gatetest.NewRawUpstream(t, func(c *net.TCPConn, _ string) {
		fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
	})
}

// TestListIsFilteredInEveryDisguise is TP-18 against an upstream that lies about what it sends.
func TestListIsFilteredInEveryDisguise(t *testing.T) {
	const list = `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"safe"},{"name":"danger"}]}}`
	event := func(s string) string { return "data: " + s + "\n\n" }
	for name, tt := range map[string]struct{ head, body string }{
		"odd parameter":          {"200 OK\r\nContent-Type: application/json; x", list},
		"upper case":             {"200 OK\r\nContent-Type: Application/JSON", list},
		"stream, odd parameter":  {"200 OK\r\nContent-Type: text/event-stream; charset", event(list)},
		"stream named in a list": {"200 OK\r\nContent-Type: application/json, text/event-stream", event(list)},
		"stream as a parameter":  {"200 OK\r\nContent-Type: text/plain; x=text/Event-Stream", event(list)},
		"two types":              {"200 OK\r\nContent-Type: application/json\r\nContent-Type: text/event-stream", event(list)},
		"events called JSON":     {"200 OK\r\nContent-Type: application/json", event(list)},
		"gzip":                   {"200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip", list},
		"identity and gzip":      {"200 OK\r\nContent-Type: application/json\r\nContent-Encoding: identity\r\nContent-Encoding: x", list},
		"created":                {"201 Created\r\nContent-Type: application/json", list},
		"not found":              {"404 Not Found\r\nContent-Type: application/json", list},
		"byte order mark":        {"200 OK\r\nContent-Type: application/json", "\xef\xbb\xbf" + list},
		"UTF-16":                 {"200 OK\r\nContent-Type: application/json; charset=utf-16", "\xfe\xff\x00{\x00}" + list},
		"two messages":           {"200 OK\r\nContent-Type: application/json", list + "\n" + list},
		"another id":             {"200 OK\r\nContent-Type: application/json", strings.Replace(list, `"id":7`, `"id":8`, 1)},
		"a request, too":         {"200 OK\r\nContent-Type: application/json", strings.Replace(list, `"id"`, `"method":"x","id"`, 1)},
		"an object of tools":     {"200 OK\r\nContent-Type: application/json", `{"jsonrpc":"2.0","id":7,"result":{"tools":{"0":{"name":"danger"}}}}`},
		"a tool without a name":  {"200 OK\r\nContent-Type: application/json", `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"title":"danger"}]}}`},
		"the name twice":         {"200 OK\r\nContent-Type: application/json", `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"safe","name":"danger"}]}}`},
		"the name in two cases":  {"200 OK\r\nContent-Type: application/json", `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"safe","Name":"danger"}]}}`},
		"the list twice":         {"200 OK\r\nContent-Type: application/json", `{"jsonrpc":"2.0","id":7,"result":{"tools":[]},"result":{"tools":[{"name":"danger"}]}}`},
		"an escaped name":        {"200 OK\r\nContent-Type: application/json", `{"jsonrpc":"2.0","id":7,"res\u0075lt":{"t\u006fols":[{"n\u0061me":"dange\u0072"}]}}`},
		"danger many times":      {"200 OK\r\nContent-Type: application/json", `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"danger"},{"name":"safe"},{"name":"danger"}]}}`},
		"data lines and comment": {"200 OK\r\nContent-Type: text/event-stream", ": x\nretry: 1\nevent: message\ndata: " + list[:20] + "\n:y\ndata:" + list[20:40] + "\ndata:" + list[40:] + "\n\n"},
		"CR only":                {"200 OK\r\nContent-Type: text/event-stream", "id: 1\rdata: " + list + "\r\r"},
		"no blank line":          {"200 OK\r\nContent-Type: text/event-stream", "data: " + list},
		"second event":           {"200 OK\r\nContent-Type: text/event-stream", event(`{"jsonrpc":"2.0","method":"notifications/progress"}`) + event(list)},
		"byte order mark, event": {"200 OK\r\nContent-Type: text/event-stream", "\xef\xbb\xbf" + event(list)},
		"array in an event":      {"200 OK\r\nContent-Type: text/event-stream", event("[" + list + "]")},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, answered(t, tt.head, tt.body), nil)
			res := g.do("POST", "alice", listTools)
			b, _ := io.ReadAll(res.Body)
			if got := string(b); strings.Contains(got, "danger") || strings.Contains(got, `dange\u0072`) {
				t.Errorf("%d %v %s", res.StatusCode, res.Header, got)
			}
		})
	}
}

// TestServersOwnRequestsPassUntouched: sampling, elicitation, list_changed and progress are the client's business.
func TestServersOwnRequestsPassUntouched(t *testing.T) {
	events := "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"s1\",\"method\":\"sampling/createMessage\",\"params\":{\"messages\":[],\"Tools\":1}}\n\n" +
		"data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n: comment\n\nretry: 3000\n\n" +
		"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"the result of danger\"}]}}\n\n"
	for method, body := range map[string]string{"GET": "", "POST": call("safe")} {
		g := newRig(t, answered(t, "200 OK\r\nContent-Type: text/event-stream", events), nil)
		if got := text(t, g.do(method, "alice", body)); got != events {
			t.Errorf("%s: %q", method, got)
		}
	}
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) })
	g := newRig(t, up.URL, nil)
	answer := `{"jsonrpc":"2.0","id":"s1","result":{"role":"assistant","content":{"type":"text","text":"x"}}}`
	if res := g.do("POST", "alice", answer); res.StatusCode != 202 || up.Last(t).Body != answer {
		t.Errorf("the client's answer: %d %q", res.StatusCode, up.Last(t).Body)
	}
}

// TestUpstreamsPageCannotRunOnOurOrigin: an open proxy is reached by typing its address, and what it answers must not be a
// page that acts as us.
func TestUpstreamsPageCannotRunOnOurOrigin(t *testing.T) {
	head := "404 Not Found\r\nContent-Type: text/html\r\nContent-Security-Policy: default-src *\r\nX-Content-Type-Options: x\r\nService-Worker-Allowed: /\r\n" +
		"Content-Disposition: inline\r\nClear-Site-Data: \"*\"\r\nX-Accel-Redirect: /secret\r\nSourceMap: /x"
	g := newRig(t, answered(t, head, "<script>alert(1)</script>"), func(_ *config.Config, p *config.Proxy) { p.OAuth.Enabled = false })
	h := g.do("GET", "", "").Header
	if !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || len(h.Values("Content-Security-Policy")) != 1 || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", h)
	}
	for _, name := range []string{"Service-Worker-Allowed", "Clear-Site-Data", "X-Accel-Redirect", "Sourcemap", "Content-Disposition"} {
		if h.Get(name) != "" {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
}

// TestFailureIsAnAnswerToTheQuestion: 502 and 504 carry a JSON-RPC error under the question's id.
func TestFailureIsAnAnswerToTheQuestion(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	g := newRig(t, "http://"+dead.Addr().String(), nil)
	res := g.do("POST", "alice", strings.Replace(call("safe"), `"id":1`, `"id":"q-9"`, 1))
	if got := text(t, res); res.StatusCode != 502 || !strings.Contains(got, `"id":"q-9","error":{"code":-32603,`) || !strings.Contains(got, `"reason":"upstream_unreachable"`) || !strings.Contains(got, `"request_id":"r_1"`) {
		t.Errorf("%d %s", res.StatusCode, got)
	}
	for _, body := range []string{"", `{"jsonrpc":"2.0","method":"notifications/initialized"}`} {
		method := "POST"
		if body == "" {
			method = "GET"
		}
		if got := text(t, g.do(method, "alice", body)); !strings.Contains(got, `"error":"bad_gateway"`) {
			t.Errorf("%s %q: %s", method, body, got)
		}
	}
}

// TestCallIsNeverMadeTwice: a kept connection that breaks after the call was written is a 502, also for a client that
// sends a header by which net/http would repeat it; one that was closed before is replaced.
func TestCallIsNeverMadeTwice(t *testing.T) {
	var calls atomic.Int64
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{}, 8)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			for req, err := http.ReadRequest(r); err == nil; req, err = http.ReadRequest(r) {
				body, _ := io.ReadAll(req.Body)
				if calls.Add(1); strings.Contains(string(body), "break") {
					break
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
				if strings.Contains(string(body), "leave") {
					break
				}
			}
			c.Close()
			closed <- struct{}{}
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	g := newRig(t, "http://"+l.Addr().String(), nil)
	for _, head := range [][]string{nil, {"Idempotency-Key", "k"}, {"X-Idempotency-Key", "k"}} {
		calls.Store(0)
		if res := g.do("POST", "alice", call("safe")); res.StatusCode != 200 {
			t.Fatalf("first: %d", res.StatusCode)
		}
		if res := g.do("POST", "alice", call("break"), head...); res.StatusCode != 502 || calls.Load() != 2 {
			t.Errorf("%v: %d, the upstream heard %d calls", head, res.StatusCode, calls.Load())
		}
		<-closed
	}
	// One that the upstream closes while it is idle: unnoticed it is a 502 and no call, noticed it is replaced.
	calls.Store(0)
	if res := g.do("POST", "alice", call("leave")); res.StatusCode != 200 {
		t.Fatalf("leave: %d", res.StatusCode)
	}
	<-closed
	res := g.do("POST", "alice", call("safe"))
	if n := calls.Load(); res.StatusCode != 200 && res.StatusCode != 502 || res.StatusCode == 200 && n != 2 || res.StatusCode == 502 && n != 1 {
		t.Errorf("%d, the upstream heard %d calls", res.StatusCode, n)
	}
}

// TestUpstreamThatDoesNotReadIsLeft is DS-08: the wait for an answer includes the time that a large call takes to be sent.
func TestUpstreamThatDoesNotReadIsLeft(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepted by the kernel alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	g := newRig(t, "http://"+l.Addr().String(), func(_ *config.Config, p *config.Proxy) {
		p.Timeouts.ResponseHeader, p.Limits.MaxBody = 300*time.Millisecond, 64<<20
	})
	start := time.Now()
	res := g.do("POST", "alice", strings.Replace(call("safe"), `"q":1`, `"q":"`+strings.Repeat("x", 32<<20)+`"`, 1))
	if took := time.Since(start); res.StatusCode != 504 || took > 5*time.Second {
		t.Errorf("%d after %v", res.StatusCode, took)
	}
	if e := g.log.last(t); e.Reason != reasonTimeout {
		t.Errorf("audit %s", e.Reason)
	}
}

// TestHungUpstreamCostsOthersNothing is DS-08 and RP-10: while one proxy's upstream hangs, another proxy answers as ever.
func TestHungUpstreamCostsOthersNothing(t *testing.T) {
	hung := newRig(t, gatetest.NewRawUpstream(t, func(c *net.TCPConn, _ string) { io.Copy(io.Discard, c) }), func(_ *config.Config, p *config.Proxy) {
		p.Timeouts.ResponseHeader = 700 * time.Millisecond
	})
	up := gatetest.NewUpstream(t, nil)
	other := newRig(t, up.URL, nil)
	codes := make(chan int, 32)
	for range cap(codes) {
		go func() {
			req, _ := http.NewRequest("POST", hung.url, strings.NewReader(call("safe")))
			req.Header.Set("Authorization", "Bearer alice")
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				codes <- 0
				return
			}
			res.Body.Close()
			codes <- res.StatusCode
		}()
	}
	slowest := time.Duration(0)
	for range 100 {
		start := time.Now()
		if res := other.do("POST", "bob", call("safe")); res.StatusCode != 200 {
			t.Fatalf("other proxy: %d", res.StatusCode)
		}
		slowest = max(slowest, time.Since(start))
	}
	if slowest > 500*time.Millisecond {
		t.Errorf("the other proxy took %v", slowest)
	}
	for range cap(codes) {
		if code := <-codes; code != 504 {
			t.Errorf("hung: %d", code)
		}
	}
}
