package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/accept/gate"
	"gatehouse/gatetest"
)

// recorded is a running gate whose every proxy has url as its upstream.
func recorded(t *testing.T, url string) *gate.Gate {
	t.Helper()
	g := unstarted(t)
	text, err := os.ReadFile(g.ConfigPath)
	if err != nil {
		t.Fatal(err)
	}
	changed := regexp.MustCompile(`upstream: \S+`).ReplaceAllLiteralString(string(text), "upstream: "+url)
	if err := g.Write(changed); err != nil {
		t.Fatal(err)
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

const safeCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"safe","arguments":{}}}`

// wire sends one request as it is written and returns the answer; its body is read when it has a length.
func wire(t *testing.T, addr, request string) *http.Response {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%.200q: %v", request, err)
	}
	return res
}

// TestOnlyTheEndpointItselfIsTheEndpoint: no other spelling of an address reaches an upstream through the real binary.
func TestOnlyTheEndpointItselfIsTheEndpoint(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := recorded(t, up.URL)
	alice := g.Person("alice")
	if _, err := alice.Authorize(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, g.Stderr())
	}
	own, main := strings.TrimSuffix(strings.TrimPrefix(g.ProxyURL(), "http://"), "/mcp"), strings.TrimPrefix(g.MainURL(), "http://")
	for _, at := range []struct {
		host, path string
		good, bad  []string
	}{
		{
			own, "/mcp", []string{"/mcp", "/mcp?x=1", "/mcp?", "http://" + own + "/mcp"},
			[]string{
				"/mcp/", "/mcp;x", "/mcp;", "/%6dcp", "/mc%70", "//mcp", "/./mcp", "/x/../mcp", "/mcp%2f", "/mcp%00", "/mcp%20", "/MCP", "/mcp/x", "/mcp\\", "/mcp/.", "/mcp%3fx",
				"http://evil.test/mcp", "http://user@evil.test/mcp", "/.well-known/oauth-protected-resource/mcp", "/health", "/open", "/", "*",
			},
		},
		{
			main, "/open", []string{"/open", "/open/", "/open?x", "http://" + main + "/open"},
			[]string{
				"/open//", "/open/x", "/open;x", "/%6fpen", "//open", "/./open", "/open/.", "/open/%2e%2e/second", "/second/../open", "/second/%2e%2e/open", "/open%2f", "/open%00", "/OPEN",
				"/health/../open", "/.well-known/oauth-protected-resource/open", "/api/v1/../../open", "http://evil.test/open", "/opening", "/ope", "\\open", "",
			},
		},
	} {
		request := func(method, target, head string) string {
			return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n%s",
				method, target, at.host, alice.Tokens().Access, head, len(safeCall), safeCall)
		}
		if at.path == "/open" { // no sign-in there; a token of another proxy would be refused
			inner := request
			request = func(method, target, head string) string {
				return strings.Replace(inner(method, target, head), "Authorization: Bearer "+alice.Tokens().Access+"\r\n", "", 1)
			}
		}
		for _, target := range at.good {
			before := up.Count()
			if res := wire(t, at.host, request("POST", target, "")); res.StatusCode != 200 || up.Count() != before+1 || up.Last(t).Path != "/mcp" {
				t.Errorf("POST %s: %d", target, res.StatusCode)
			}
		}
		before := up.Count()
		for _, target := range at.bad {
			if res := wire(t, at.host, request("POST", target, "")); res.StatusCode < 300 || res.StatusCode >= 500 {
				t.Errorf("POST %s: %d", target, res.StatusCode)
			}
		}
		for _, method := range []string{"PUT", "PATCH", "TRACE", "HEAD", "post", "CONNECT", "QUERY", "OPTIONS\t"} {
			if res := wire(t, at.host, request(method, at.path, "")); res.StatusCode < 400 || res.StatusCode >= 500 {
				t.Errorf("%s: %d", method, res.StatusCode)
			}
		}
		if up.Count() != before {
			t.Errorf("the upstream of %s heard %d requests", at.path, up.Count()-before)
		}
		if res := wire(t, at.host, request("POST", at.path, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n")); res.StatusCode != 200 {
			t.Errorf("h2c: %d", res.StatusCode)
		}
	}
	for _, canary := range []string{alice.Tokens().Access, "h2c", "evil.test", "x=1"} {
		if up.Saw(canary) {
			t.Errorf("%.12s… reached the upstream", canary)
		}
	}
	res := wire(t, own, "PUT /mcp HTTP/1.1\r\nHost: "+own+"\r\nContent-Type: text/plain\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
	if res.StatusCode != 401 || !strings.Contains(res.Header.Get("Www-Authenticate"), "resource_metadata=") {
		t.Errorf("a stranger's PUT: %d %v", res.StatusCode, res.Header)
	}
}

// TestRefusedBodyIsNoSecondRequest: what follows a refused head on its connection is never taken for a request.
func TestRefusedBodyIsNoSecondRequest(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := recorded(t, up.URL)
	host := strings.TrimPrefix(g.MainURL(), "http://")
	inner := fmt.Sprintf("POST /open HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", host, len(safeCall), safeCall)
	for name, head := range map[string]string{
		"type":     "POST /open HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n",
		"encoding": "POST /open HTTP/1.1\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n",
		"method":   "PUT /open HTTP/1.1\r\nContent-Length: %d\r\n",
		"GET":      "GET /open HTTP/1.1\r\nContent-Length: %d\r\n",
		"not here": "POST /nowhere HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n",
		"stranger": "POST /second HTTP/1.1\r\nContent-Length: %d\r\n",
	} {
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, head+"Host: %s\r\nExpect: 100-continue\r\n\r\n%s", len(inner), host, inner)
		if _, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
	if up.Count() != 0 {
		t.Errorf("the upstream heard %d requests", up.Count())
	}
}

// TestUpstreamBytesInTheLogAreEscaped: net/http itself complains about an answer that is longer than it says, quoting it.
func TestUpstreamBytesInTheLogAreEscaped(t *testing.T) {
	url := gatetest.NewRawUpstream(t, func(c *net.TCPConn, _ string) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}\x1b]0;canary\a\u202eX")
		io.Copy(io.Discard, c)
	})
	g := recorded(t, url)
	host := strings.TrimPrefix(g.MainURL(), "http://")
	within(t, patience, "a line about it", func() error {
		res := wire(t, host, fmt.Sprintf("POST /open HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", host, len(safeCall), safeCall))
		if b, _ := io.ReadAll(io.LimitReader(res.Body, 2)); string(b) != "{}" {
			return fmt.Errorf("got %q", b)
		}
		if !strings.Contains(g.Stderr(), "Unsolicited") {
			return fmt.Errorf("log: %s", g.Stderr())
		}
		return nil
	})
	for line := range strings.Lines(g.Stderr()) {
		if strings.ContainsAny(line, "\x1b\a\u202e") || strings.Contains(line, "Unsolicited") && !strings.Contains(line, "level=WARN msg=library") {
			t.Errorf("line %q", line)
		}
	}
}
