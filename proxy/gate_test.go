package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/config"
	"gatehouse/gatetest"
	"gatehouse/policy"
)

// TestForeignOriginIsRefused is HX-08 and HX-20.
func TestForeignOriginIsRefused(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, func(c *config.Config, p *config.Proxy) { p.AllowedOrigins = []string{"https://app.example.com"} })
	for origin, ok := range map[string]bool{
		"https://app.example.com": true, "https://APP.example.com:443": true, "http://localhost:8080": true, "http://127.0.0.1:6274": true, "http://[::1]:9": true,
		"https://evil.test": false, "null": false, "": true, "https://app.example.com.evil.test": false, "http://app.example.com": false,
		"http://localhost.evil.test": false, "https://app.example.com/": false, "http://user@localhost": false, "file://": false, "ftp://localhost": false,
	} {
		before := up.Count()
		res := g.do("POST", "alice", call("safe"), "Origin", origin)
		acao := res.Header.Get("Access-Control-Allow-Origin")
		if ok != (res.StatusCode == 200) || ok && acao != origin || !ok && (acao != "" || res.StatusCode != 403 || up.Count() != before) {
			t.Errorf("origin %q: status %d, allow %q", origin, res.StatusCode, acao)
		}
		pre := g.do("OPTIONS", "", "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "mcp-param-a, x-evil")
		allowed := pre.Header.Get("Access-Control-Allow-Headers")
		if ok && origin != "" && (pre.StatusCode != 204 || !strings.Contains(allowed, "mcp-param-a") || strings.Contains(allowed, "evil")) || !ok && pre.StatusCode != 403 {
			t.Errorf("preflight of %q: %d %q", origin, pre.StatusCode, allowed)
		}
		if pre.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Error("credentials allowed")
		}
	}
	public := newRig(t, up.URL, func(c *config.Config, p *config.Proxy) {
		c.Server.Listen, c.Server.ExternalURL = "0.0.0.0:443", "https://gate.example.com"
	})
	if res := public.do("POST", "alice", call("safe"), "Origin", "http://localhost:3000"); res.StatusCode != 403 {
		t.Errorf("loopback origin on a public listener: %d", res.StatusCode)
	}
	if res := public.do("POST", "alice", call("safe"), "Origin", "https://gate.example.com"); res.StatusCode != 200 {
		t.Errorf("own origin: %d", res.StatusCode)
	}
}

// TestOddRequestsAreRefused is HX-09, DS-03, DS-06 and the methods.
func TestOddRequestsAreRefused(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) { p.Limits.MaxBody = 1000 })
	long := call(strings.Repeat("x", 1000))
	for name, tt := range map[string]struct {
		method, body string
		head         []string
		want         int
	}{
		"text":              {"POST", call("safe"), []string{"Content-Type", "", "content-type", "text/plain"}, 415},
		"jsonp":             {"POST", call("safe"), []string{"Content-Type", "", "content-type", "application/jsonp"}, 415},
		"no type":           {"POST", call("safe"), []string{"Content-Type", ""}, 415},
		"two types":         {"POST", call("safe"), []string{"Content-Type", "application/json"}, 415},
		"latin":             {"POST", call("safe"), []string{"Content-Type", "", "content-type", "application/json; charset=latin1"}, 415},
		"utf-8":             {"POST", call("safe"), []string{"Content-Type", "", "content-type", "application/json; charset=UTF-8"}, 200},
		"gzip":              {"POST", call("safe"), []string{"Content-Encoding", "gzip"}, 415},
		"identity":          {"POST", call("safe"), []string{"Content-Encoding", "identity"}, 200},
		"put":               {"PUT", call("safe"), nil, 405},
		"head":              {"HEAD", "", nil, 405},
		"trace":             {"TRACE", "", nil, 405},
		"large":             {"POST", long, nil, 413},
		"bad version":       {"GET", "", []string{"Mcp-Protocol-Version", "1999-01-01"}, 400},
		"bad version in it": {"POST", call("safe"), []string{"Mcp-Protocol-Version", "1999-01-01"}, 400},
	} {
		before := up.Count()
		res := g.do(tt.method, "alice", tt.body, tt.head...)
		heard := up.Count() - before
		if res.StatusCode != tt.want || heard != 0 && tt.want != 200 {
			t.Errorf("%s: %d, want %d; upstream heard %d", name, res.StatusCode, tt.want, heard)
		}
		if tt.want == 405 && res.Header.Get("Allow") == "" {
			t.Errorf("%s: no Allow", name)
		}
	}
	// Chunked without end: the bound counts bytes, not a header.
	req, err := http.NewRequest("POST", g.url, io.LimitReader(neverending('x'), 1<<30))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer alice")
	req.Header.Set("Content-Type", "application/json")
	if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
		res.Body.Close()
		if res.StatusCode != 413 {
			t.Errorf("endless body: %d", res.StatusCode)
		}
	}
}

type neverending byte

func (b neverending) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// TestNobodyIsAskedForEveryMethod: 401 with a challenge before anything else is looked at.
func TestNobodyIsAskedForEveryMethod(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	for _, method := range []string{"POST", "GET", "DELETE"} {
		res := g.do(method, "", call("danger"), "User-Agent", "kube-probe/1")
		if res.StatusCode != 401 || !strings.Contains(res.Header.Get("Www-Authenticate"), "resource_metadata") {
			t.Errorf("%s: %d %q", method, res.StatusCode, res.Header.Get("Www-Authenticate"))
		}
		if res = g.do(method, "junk", call("safe")); res.StatusCode != 401 || !strings.Contains(res.Header.Get("Www-Authenticate"), "invalid_token") {
			t.Errorf("%s with junk: %d", method, res.StatusCode)
		}
	}
	if up.Count() != 0 {
		t.Error("the upstream heard of it")
	}
}

func TestOpenProxyStillRules(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) { p.OAuth.Enabled = false })
	if res := g.do("POST", "", call("safe")); res.StatusCode != 200 || up.Count() != 1 {
		t.Errorf("anonymous: %d", res.StatusCode)
	}
	if got := text(t, g.do("POST", "", call("danger"))); !strings.Contains(got, "tool_disabled") || up.Count() != 1 {
		t.Errorf("anonymous danger: %s", got)
	}
	// TP-21: a bad credential is not an anonymous one.
	if res := g.do("POST", "junk", call("safe")); res.StatusCode != 401 || up.Count() != 1 {
		t.Errorf("junk: %d", res.StatusCode)
	}
	if res := g.do("POST", "", call("safe"), "X-Api-Key", "junk"); res.StatusCode != 401 || up.Count() != 1 {
		t.Errorf("junk key: %d", res.StatusCode)
	}
}

func TestWhoMayNotEnterIsTold(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) { p.AllowedGroups = []string{"eng"} })
	res := g.do("POST", "bob", call("safe"))
	if got := text(t, res); res.StatusCode != 403 || !strings.Contains(got, `"error":"access_denied"`) || !strings.Contains(got, `"request_id":"r_1"`) || res.Header.Get("Www-Authenticate") != "" {
		t.Errorf("%d %s", res.StatusCode, got)
	}
	if res := g.do("POST", "alice", call("safe")); res.StatusCode != 200 {
		t.Errorf("alice: %d", res.StatusCode)
	}
	blocked := false
	g2 := newRig(t, up.URL, nil)
	g2.Blocked = func(id policy.Identity) bool { return blocked && id.Email == "alice@example.com" }
	if res := g2.do("POST", "alice", call("safe")); res.StatusCode != 200 {
		t.Errorf("before the block: %d", res.StatusCode)
	}
	blocked = true // the kept groups must not outlive it
	if res := g2.do("POST", "alice", call("safe")); res.StatusCode != 403 {
		t.Errorf("after the block: %d", res.StatusCode)
	}
}

func TestClosedAndDisabledProxies(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	closed := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) { p.Closed = "upstream_auth.oauth" })
	if res := closed.do("POST", "alice", call("safe")); res.StatusCode != 503 || !strings.Contains(text(t, res), "upstream_auth.oauth") {
		t.Errorf("closed: %d", res.StatusCode)
	}
	off := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) { p.Enabled = false })
	if res := off.do("POST", "alice", call("safe")); res.StatusCode != 404 {
		t.Errorf("disabled: %d", res.StatusCode)
	}
	broken := newRig(t, up.URL, nil)
	broken.SessionKey = nil
	if res := broken.do("POST", "alice", call("safe")); res.StatusCode != 503 || up.Count() != 0 {
		t.Errorf("without a key: %d", res.StatusCode)
	}
}

func TestRatesAreKept(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) { p.Limits.PerUser = 2 })
	now := time.Now()
	g.Now = func() time.Time { return now }
	codes := []int{}
	for range 3 {
		codes = append(codes, g.do("POST", "alice", call("safe")).StatusCode)
	}
	res := g.do("POST", "alice", call("safe"))
	if codes[0] != 200 || codes[1] != 200 || codes[2] != 429 || res.Header.Get("Retry-After") == "" || up.Count() != 2 {
		t.Errorf("codes %v, retry %q", codes, res.Header.Get("Retry-After"))
	}
	if res := g.do("POST", "bob", call("safe")); res.StatusCode != 200 {
		t.Errorf("bob pays for alice: %d", res.StatusCode)
	}
	whole := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) { p.Limits.RequestsPerMinute = 1 })
	whole.Now = g.Now
	if a, b := whole.do("POST", "alice", call("safe")).StatusCode, whole.do("POST", "bob", call("safe")).StatusCode; a != 200 || b != 429 {
		t.Errorf("proxy limit: %d %d", a, b)
	}
}

// TestReadBodyBounds: the bound counts what arrived, whatever was announced.
func TestReadBodyBounds(t *testing.T) {
	r, w := net.Pipe()
	defer w.Close()
	go w.Write([]byte("abc"))
	req, _ := http.NewRequest("POST", "http://x", nil)
	req.Body, req.ContentLength = io.NopCloser(r), -1
	if _, err := readBody(nil, req, 2); !errors.Is(err, errTooLarge) {
		t.Errorf("got %v", err)
	}
	r.Close()
}

func TestPanicIsAnsweredAndRecorded(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	g.Blocked = func(policy.Identity) bool { panic("boom") }
	if res := g.do("POST", "alice", call("safe")); res.StatusCode != 500 || up.Count() != 0 {
		t.Errorf("status %d", res.StatusCode)
	}
	if e := g.log.last(t); e.Outcome != "error" || e.Reason != "internal_error" {
		t.Errorf("audit %+v", e)
	}
}

// TestRefusedBodyCannotHoldTheConnection: announcing a body and not sending it gets a 401 and an end, not a wait.
func TestRefusedBodyCannotHoldTheConnection(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	c, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "POST /notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	if err := c.SetReadDeadline(time.Now().Add(8 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 401") {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestRatesOfAnAddressAndTheirRefill: an IPv6 customer is one caller, Retry-After is the whole seconds until the next call.
func TestRatesOfAnAddressAndTheirRefill(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) { p.OAuth.Enabled, p.Limits.PerUser = false, 3 })
	now := time.Now()
	g.Now = func() time.Time { return now }
	address := 0
	g.ClientIP = func(*http.Request) string { address++; return fmt.Sprintf("2001:db8::%x", address) }
	for range 3 {
		if res := g.do("POST", "", call("safe")); res.StatusCode != 200 {
			t.Fatalf("status %d", res.StatusCode)
		}
	}
	res := g.do("POST", "", call("safe"))
	wait, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if res.StatusCode != 429 || err != nil || wait < 1 || wait > 60 {
		t.Fatalf("%d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
	now = now.Add(time.Duration(wait) * time.Second)
	if res := g.do("POST", "", call("safe")); res.StatusCode != 200 {
		t.Errorf("after Retry-After: %d", res.StatusCode)
	}
	g.ClientIP = func(*http.Request) string { return "2001:db8:1::1" }
	if res := g.do("POST", "", call("safe")); res.StatusCode != 200 {
		t.Errorf("another network: %d", res.StatusCode)
	}
}
