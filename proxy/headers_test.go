package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"gatehouse/config"
	"gatehouse/gatetest"
)

// TestClientCredentialsAndIdentitiesStop is HX-01 to HX-05: none of them reaches the upstream in any spelling.
func TestClientCredentialsAndIdentitiesStop(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	for _, open := range []bool{false, true} {
		g := newRig(t, up.URL, func(c *config.Config, p *config.Proxy) {
			p.OAuth.Enabled = !open
			p.UpstreamAuth = config.UpstreamAuth{Type: "header", Headers: map[string]config.Secret{"X-Team-Key": config.NewSecret("team-secret")}}
		})
		token := "alice"
		if open {
			token = ""
		}
		const canary = "CANARY-7f3a"
		head := []string{"Connection", "close, X-Gatehouse-User, X-Team-Key, X-Forwarded-For"}
		for _, name := range []string{
			"X-Gatehouse-User", "X_Gatehouse_User", "x-gatehouse_user", "X.Gatehouse.Groups", "X-GATEHOUSE-ADMIN", "X-Auth-User", "X_Auth_User",
			"X-Forwarded-For", "X-Forwarded-Host", "X_Forwarded_Proto", "Forwarded", "X-Real-IP", "x_real_ip", "Cookie", "Proxy-Authorization",
			"Api-Key", "X-Team-Key", "X_Team_Key", "Remote-User", "X-Request-Id", "Mcp_Name", "Mcp-Name", "X-HTTP-Method-Override", "Last-Event-Id",
		} {
			head = append(head, name, canary)
		}
		before := up.Count()
		res := g.do("POST", token, call("safe"), head...)
		if res.StatusCode != 200 || up.Count() != before+1 {
			t.Fatalf("open %v: status %d", open, res.StatusCode)
		}
		if up.Saw(canary) {
			t.Errorf("open %v: the canary reached the upstream: %v", open, up.Last(t).Header)
		}
		heard := up.Last(t).Header
		if got := heard.Get("X-Team-Key"); got != "team-secret" {
			t.Errorf("our credential arrived as %q", got)
		}
		want := "u_alice"
		if open {
			want = ""
		}
		if got := heard.Get("X-Gatehouse-User"); got != want {
			t.Errorf("open %v: user arrived as %q", open, got)
		}
		if got := heard.Get("X-Forwarded-For"); got != "203.0.113.9" {
			t.Errorf("X-Forwarded-For %q", got)
		}
		if res := g.do("POST", token, call("safe"), "Mcp-Param-Region", "eu", "X-Tenant", "seven"); res.StatusCode != 200 ||
			up.Last(t).Header.Get("Mcp-Param-Region") != "eu" || up.Last(t).Header.Get("X-Tenant") != "seven" {
			t.Error("an honest header was lost")
		}
	}
}

// TestTokenAndTrailersStop looks at the raw bytes: neither the bearer nor a trailer goes on.
func TestTokenAndTrailersStop(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	g.auth.ids["bearer-canary-1"] = "s_alice"
	c, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := call("safe")
	fmt.Fprintf(c, "POST /notes?access_token=query-canary HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer bearer-canary-1\r\nContent-Type: application/json\r\n"+
		"TE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization, X-Api-Key\r\n\r\n%x\r\n%s\r\n0\r\nAuthorization: trailer-canary\r\nX-Api-Key: trailer-canary\r\n\r\n", len(body), body)
	buf := make([]byte, 12)
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "HTTP/1.1 200" {
		t.Fatalf("%q %v", buf, err)
	}
	for _, canary := range []string{"bearer-canary", "trailer-canary", "query-canary"} {
		if up.Saw(canary) {
			t.Errorf("%s reached the upstream", canary)
		}
	}
	if heard := up.Last(t); heard.Body != body || heard.Header.Get("Te") != "" || len(heard.Trailer) > 0 {
		t.Errorf("upstream heard %+v", heard)
	}
}

// TestUpgradeIsNoTunnel is HX-15.
func TestUpgradeIsNoTunnel(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	for _, proto := range []string{"websocket", "h2c"} {
		res := g.do("POST", "alice", call("safe"), "Connection", "Upgrade, HTTP2-Settings", "Upgrade", proto, "Http2-Settings", "AAMAAABk")
		if res.StatusCode != 200 || up.Last(t).Header.Get("Upgrade") != "" || up.Last(t).Header.Get("Connection") != "" || up.Last(t).Header.Get("Http2-Settings") != "" {
			t.Errorf("%s: %d, upstream heard %v", proto, res.StatusCode, up.Last(t).Header)
		}
	}
	raw := gatetest.NewRawUpstream(t, func(c *net.TCPConn, _ string) {
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		rest, _ := io.ReadAll(c)
		if len(rest) > 0 {
			t.Errorf("tunnelled %q", rest)
		}
	})
	g = newRig(t, raw, nil)
	if res := g.do("POST", "alice", call("safe"), "Connection", "Upgrade", "Upgrade", "websocket"); res.StatusCode != 502 {
		t.Errorf("101 became %d", res.StatusCode)
	}
}

// TestUpstreamHeadersDoNotSpeakForUs is HX-19, UO-09 and DESIGN section 7 about the upstream's 401.
func TestUpstreamHeadersDoNotSpeakForUs(t *testing.T) {
	status := 200
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Set-Cookie", "Server", "Www-Authenticate", "Access-Control-Allow-Origin", "Alt-Svc", "Location", "X-Request-Id", "Refresh", "Connection"} {
			w.Header().Set(name, "upstream-canary")
		}
		w.Header().Set("Trailer", "Set-Cookie")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Honest", "yes")
		w.WriteHeader(status)
		io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
		w.(http.Flusher).Flush()
		w.Header().Set("Set-Cookie", "upstream-canary")
		w.Header().Set(http.TrailerPrefix+"X-Late", "upstream-canary")
	})
	g := newRig(t, up.URL, nil)
	for code, want := range map[int]int{200: 200, 401: 502, 407: 502, 302: 502, 307: 502, 400: 400, 404: 404, 405: 405, 500: 500} {
		status = code
		res := g.do("POST", "alice", call("safe"))
		body := text(t, res)
		if res.StatusCode != want {
			t.Errorf("%d became %d, want %d", code, res.StatusCode, want)
		}
		if all := fmt.Sprint(res.Header, res.Trailer); strings.Contains(all, "upstream-canary") {
			t.Errorf("%d: %s", code, all)
		}
		if code == 200 && res.Header.Get("X-Honest") != "yes" || want < 500 && body == "" {
			t.Errorf("%d: answer lost", code)
		}
	}
}

func TestEncodedAnswerIsRefused(t *testing.T) {
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("asked for %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/json")
	})
	g := newRig(t, up.URL, nil)
	if res := g.do("POST", "alice", call("safe"), "Accept-Encoding", "gzip"); res.StatusCode != 502 {
		t.Errorf("status %d", res.StatusCode)
	}
}

// TestGroupNamesCannotMakeGroups: a name with a comma must not arrive as two groups.
func TestGroupNamesCannotMakeGroups(t *testing.T) {
	if got := joinGroups([]string{"eng", "okta:a,admins", "x\r\ny", "ops"}); got != "eng,ops" {
		t.Errorf("got %q", got)
	}
}

func TestFoldedNames(t *testing.T) {
	p := newProtected([]string{"X-Team-Key"})
	for _, name := range []string{"Authorization", "X_team_key", "x.team.key", "X-Gatehouse-Anything", "X_Auth_Whatever", "Sec-Fetch-Site", strings.ToUpper("x-forwarded-" + strings.Repeat("a", 80))} {
		if !p.has(name) {
			t.Errorf("%q passes", name)
		}
	}
	for _, name := range []string{"Accept", "User-Agent", "Mcp-Param-X", "Traceparent", "X-Tenant", strings.Repeat("b", 80)} {
		if p.has(name) {
			t.Errorf("%q is stopped", name)
		}
	}
}
