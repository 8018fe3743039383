package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/config"
	"gatehouse/gatetest"
)

// raw sends bytes as they are and returns the answer's status and the whole answer. %T is alice's token.
func (g *rig) raw(request string) (status int, answer string) {
	g.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		g.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(8 * time.Second)); err != nil {
		g.t.Fatal(err)
	}
	if _, err := io.WriteString(c, strings.ReplaceAll(request, "%T", "alice")); err != nil {
		g.t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for {
		res, err := http.ReadResponse(r, &http.Request{Method: strings.SplitN(request, " ", 2)[0]})
		if err != nil {
			g.t.Fatalf("%q: %v", request, err)
		}
		if res.StatusCode == 100 {
			continue
		}
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, fmt.Sprint(res.Header) + string(body)
	}
}

func post(head, body string) string {
	return fmt.Sprintf("POST /notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %%T\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
}

// TestStrangersAreChallengedWhateverTheySend: 401 with WWW-Authenticate before form, size and encoding are looked at.
func TestStrangersAreChallengedWhateverTheySend(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) { p.Limits.MaxBody = 100 })
	for _, method := range []string{"POST", "GET", "DELETE", "PUT", "PATCH", "HEAD", "TRACE", "post", "PROPFIND"} {
		for _, head := range [][]string{
			nil, {"Content-Type", ""}, {"Content-Type", "text/plain"}, {"Content-Encoding", "gzip"}, {"Upgrade", "websocket", "Connection", "upgrade"},
			{"Mcp-Protocol-Version", "2026-07-28"}, {"Mcp-Session-Id", "x"}, {"Expect", "100-continue"},
		} {
			body := ""
			if method != "HEAD" && method != "TRACE" {
				body = strings.Repeat("x", 200)
			}
			res := g.do(method, "", body, head...)
			if res.StatusCode != 401 || !strings.Contains(res.Header.Get("Www-Authenticate"), "resource_metadata") {
				t.Errorf("%s %v: %d %v", method, head, res.StatusCode, res.Header)
			}
		}
	}
	if res := g.do("PUT", "", "", "Origin", "https://evil.test"); res.StatusCode != 403 {
		t.Errorf("a foreign origin is told where to sign in: %d", res.StatusCode)
	}
	if up.Count() != 0 {
		t.Error("the upstream heard of it")
	}
}

// TestHeaderAliasesOfEverySpellingStop is HX-01 to HX-04 beyond underscore and dot: every character that CGI makes one of,
// headers named in odd ways in the configuration, identities of other gates.
func TestHeaderAliasesOfEverySpellingStop(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, func(c *config.Config, p *config.Proxy) {
		c.Server.IdentityHeaders = config.IdentityHeaders{User: "REMOTE_USER", Email: "x.mail~of", Groups: "Teams"}
		p.UpstreamAuth = config.UpstreamAuth{Type: "header", Headers: map[string]config.Secret{"x_team!key": config.NewSecret("team-secret")}}
	})
	const canary = "CANARY-a77a"
	var head strings.Builder
	for _, name := range []string{
		"Remote-User", "remote.user", "X-Mail-Of", "x_mail_of", "TEAMS", "X-Team-Key", "x~team*key", "X!Gatehouse!User", "X~Auth~User", "X|Forwarded|For",
		"Content_Type", "Content.Length", "Transfer_Encoding", "Mcp_Session_Id", "Last.Event.Id", "mcp~name", "Authorization_", "Cookie_", "coo-kie2",
		"Remote-Groups", "X-Remote-Groups", "Tailscale-User-Login", "Cf-Access-Jwt-Assertion", "X-Ms-Client-Principal-Name", "X-Amzn-Oidc-Identity",
		"X-Goog-Authenticated-User-Email", "X-Webauth-User", "X-Authentik-Username", "Ssl-Client-S-Dn", "X-Email", "X-Groups", "Oidc_claim_sub",
		"Proxy-Connection", "Te", "Trailer", "Via", "Expect_", "X-Method-Override", "X-Original-Url", "Http2-Settings", "Sec-Websocket-Key",
	} {
		if name == "Authorization_" || name == "Cookie_" || name == "coo-kie2" || name == "Expect_" {
			continue // other names than the protected ones, whoever reads them
		}
		fmt.Fprintf(&head, "%s: %s\r\n", name, canary)
	}
	status, answer := g.raw(post(head.String(), call("safe")))
	if status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	heard := up.Last(t).Header
	if up.Saw(canary) {
		t.Errorf("the canary reached the upstream: %v", heard)
	}
	if heard.Get("Remote_user") != "u_alice" || heard.Get("X_team!key") != "team-secret" || heard.Get("Content-Type") != "application/json" {
		t.Errorf("ours did not arrive: %v", heard)
	}
	// A folded line and a space before the colon are no second header.
	if status, _ := g.raw(post("X-Ok: 1\r\n X-Gatehouse-User: "+canary+"\r\n", call("safe"))); status == 200 && up.Last(t).Header.Get("X-Gatehouse-User") != "" {
		t.Error("a folded line became a header")
	}
	if status, _ := g.raw(post("X-Gatehouse-User : "+canary+"\r\n", call("safe"))); status != 400 {
		t.Errorf("space before the colon: %d", status)
	}
}

// TestConnectionCannotDeclareTheMessageAway: what the upstream needs to read the message is set after the client's wishes.
func TestConnectionCannotDeclareTheMessageAway(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	head := "Connection: Content-Type, content-length, X_Tenant\r\nConnection: Mcp-Protocol-Version , X-Request-Id\r\nX-Tenant: seven\r\nMcp-Protocol-Version: 2025-11-25\r\n"
	if status, answer := g.raw(post(head, call("safe"))); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	h := up.Last(t).Header
	if h.Get("Content-Type") != "application/json" || h.Get("X-Tenant") != "" || h.Get("Mcp-Protocol-Version") != "2025-11-25" || h.Get("X-Request-Id") != "r_1" {
		t.Errorf("upstream heard %v", h)
	}
	if got := up.Last(t); got.Body != call("safe") {
		t.Errorf("body %q", got.Body)
	}
}

// TestLongConnectionListCostsLittle: thousands of names against thousands of headers is not a product.
func TestLongConnectionListCostsLittle(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	var head strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&head, "h%d: 1\r\n", i)
	}
	head.WriteString("Connection: " + strings.Repeat("q,", 100_000) + "q\r\n")
	start := time.Now()
	status, _ := g.raw(post(head.String(), call("safe")))
	if took := time.Since(start); status != 200 || took > 2*time.Second {
		t.Errorf("%d after %v", status, took)
	}
}

// TestFramingOddities: what two servers could cut differently never arrives as two.
func TestFramingOddities(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	body := call("safe")
	line := "POST /notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %T\r\nContent-Type: application/json\r\n"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	for name, tt := range map[string]struct {
		request string
		ok      bool // else refused and unheard
	}{
		"plain":              {line + length + "\r\n" + body, true},
		"expect":             {line + "Expect: 100-continue\r\n" + length + "\r\n" + body, true},
		"chunked":            {line + "Transfer-Encoding: chunked\r\n\r\n" + chunked, true},
		"length and chunked": {line + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked, true}, // RFC 9112: chunked counts; one message goes on
		"chunked twice":      {line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked, false},
		"gzip, chunked":      {line + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked, false},
		"odd chunked":        {line + "Transfer-Encoding: xchunked\r\n\r\n" + chunked, false},
		"two lengths":        {line + length + "Content-Length: 3\r\n\r\n" + body, false},
		"signed length":      {line + "Content-Length: +3\r\n\r\n" + body, false},
		"odd expectation":    {line + "Expect: the-unexpected\r\n" + length + "\r\n" + body, false},
		"two types":          {line + "Content-Type: text/plain\r\n" + length + "\r\n" + body, false},
		"list of types":      {strings.Replace(line, "application/json", "application/json, text/plain", 1) + length + "\r\n" + body, false},
		"identity and gzip":  {line + "Content-Encoding: identity, gzip\r\n" + length + "\r\n" + body, false},
		"twice encoded":      {line + "Content-Encoding: identity\r\nContent-Encoding: br\r\n" + length + "\r\n" + body, false},
		"lower case method":  {strings.Replace(line, "POST", "post", 1) + length + "\r\n" + body, false},
		"body of a GET":      {strings.Replace(line, "POST", "GET", 1) + length + "\r\n" + body, false},
		"chunks of a GET":    {strings.Replace(line, "POST", "GET", 1) + "Transfer-Encoding: chunked\r\n\r\n" + chunked, false},
		"body of a DELETE":   {strings.Replace(line, "POST", "DELETE", 1) + length + "\r\n" + body, false},
		"no body of a GET":   {strings.Replace(line, "POST", "DELETE", 1) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true},
		"modern GET":         {strings.Replace(line, "POST", "GET", 1) + "Mcp-Protocol-Version: 2026-07-28\r\n\r\n", false},
		"modern DELETE":      {strings.Replace(line, "POST", "DELETE", 1) + "Mcp-Protocol-Version: 2026-07-28\r\n\r\n", false},
		"HTTP/1.0":           {strings.Replace(line, "HTTP/1.1", "HTTP/1.0", 1) + length + "\r\n" + body, true},
	} {
		before := up.Count()
		status, answer := g.raw(tt.request)
		if heard := up.Count() - before; tt.ok != (status < 300) || tt.ok != (heard == 1) || heard > 1 {
			t.Errorf("%s: %d, upstream heard %d: %.200s", name, status, heard, answer)
		}
	}
}

// TestBodyBoundIsExact is DS-03: limits.max_body bytes pass, one more does not, announced or chunked.
func TestBodyBoundIsExact(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	body := call("safe")
	for more, want := range map[int]int{0: 200, -1: 413} {
		g := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) { p.Limits.MaxBody = config.Bytes(len(body) + more) })
		if status, _ := g.raw(post("", body)); status != want {
			t.Errorf("bound %+d: %d", more, status)
		}
		chunked := strings.Replace(post("Transfer-Encoding: chunked\r\n", ""), "Content-Length: 0\r\n", "", 1)
		if status, _ := g.raw(chunked + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)); status != want {
			t.Errorf("chunked, bound %+d: %d", more, status)
		}
	}
}

// TestMethodRuleHoldsForMethodsThatNameSomething is TP-12: a rule for completion/complete is not silently without effect.
func TestMethodRuleHoldsForMethodsThatNameSomething(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) {
		p.Methods.Rules = map[string]config.Rule{
			"completion/complete": {State: "disabled"}, "resources/subscribe": {State: "restricted", Groups: []string{"eng"}}, "tools/*": {State: "disabled"},
		}
	})
	subscribe := `{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"file:///a"}}`
	for _, tt := range []struct {
		who, body string
		heard     int
	}{
		{"alice", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"ok"}}}`, 0},
		{"bob", subscribe, 0}, {"alice", subscribe, 1}, {"alice", call("safe"), 1}, {"alice", listTools, 0},
	} {
		before := up.Count()
		res := g.do("POST", tt.who, tt.body)
		if got := text(t, res); up.Count()-before != tt.heard || (tt.heard == 0) != strings.Contains(got, `"code":403`) {
			t.Errorf("%s %s: %s", tt.who, tt.body, got)
		}
	}
}

// TestSpellingsOfRefusedCallsStayRefused: other ways to say the same to a careless upstream.
func TestSpellingsOfRefusedCallsStayRefused(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	rpc := func(method, params string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`
	}
	name := `{"name":"danger"}`
	for _, body := range []string{
		rpc(`tools\/call`, name), rpc(`tools\u002fcall`, name), rpc("tools/call", `{"name":"d\u0061nger"}`), rpc("tools/call", `{"n\u0061me":"danger"}`),
		rpc("TOOLS/CALL", name), rpc("Tools/call", name), rpc(" tools/call", name), rpc(`tools/call\u0000`, name), rpc(`tools/call\n`, name), rpc("tools/call/", name),
		rpc("tool\u017f/call", name), rpc("tools/ca\u2113l", name), rpc("tools\\u2215call", name), rpc("tools/call", `{"name":"danger\u0000"}`), rpc("tools/call", `{"name":"DANGER "}`),
		rpc("tools/call", `{"name":"safe","NAME":"danger"}`), rpc("tools/call", `{"name":"safe","_META":{}}`), rpc("tools/call", `{"name":"safe","_meta":{"io.modelcontextprotocol/ProtocolVersion":"2026-07-28"}}`),
		rpc("resources/read", `{"uri":"file:///%65tc/passwd"}`), rpc("resources/read", `{"uri":"FILE:///etc/passwd"}`), rpc("resources/read", `{"uri":"file:///srv/../etc/passwd"}`),
		rpc("resources/read", `{"uri":"file:////etc/passwd"}`), rpc("resources/unsubscribe", `{"uri":"file:///etc/x"}`),
		rpc("completion/complete", `{"ref":{"type":"ref/resource","uri":"file:///etc/passwd"}}`), rpc("completion/complete", `{"ref":{"type":"ref/prompt","name":"ok","Name":"secret"}}`),
		rpc("completion/complete", `{"ref":{"type":"ref/prompt","name":"ok"},"REF":{}}`), rpc("tasks/result", `{}`), rpc("Tasks/Result", `{}`),
	} {
		res := g.do("POST", "alice", body)
		if got := text(t, res); !strings.Contains(got, `"error":{"code":`) || up.Count() != 0 {
			t.Errorf("%s: %d %s", body, res.StatusCode, got)
			return
		}
	}
}
