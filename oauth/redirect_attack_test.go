package oauth

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestRedirectToOurselvesByAnotherName(t *testing.T) { // RG-03
	h := newHouse(t)
	port := h.url[strings.LastIndexByte(h.url, ':'):]
	for _, uri := range []string{
		h.url, h.url + "/api/v1/oauth/callback", "http://localhost" + port + "/cb", "http://[::1]" + port + "/cb", "https://localhost" + port + "/cb",
		"https://127.0.0.2" + port + "/cb", "https://gate.localhost" + port + "/cb", "https://localhost." + port + "/cb", "http://localhost:9050/cb", "http://[::1]:9050/mcp",
		"https://LOCALHOST:9050/cb", "https://[0:0:0:0:0:0:0:1]:9050/cb", "https://[::ffff:127.0.0.1]:9050/cb",
	} {
		a := h.register("m", fmt.Sprintf(`{"redirect_uris":[%q]}`, uri))
		if a.status != 400 || a.str("error") != "invalid_redirect_uri" {
			t.Errorf("%q: got %d %s", uri, a.status, a.body)
		}
	}
	client := h.public("m", "http://localhost/cb") // any port at authorize, but not ours
	for _, p := range []string{port, ":9050"} {
		a := h.browser().get(h.endpoint("m", "authorize") + "?" + authorizeParams(client, "http://localhost"+p+"/cb").Encode())
		if a.status != 400 || a.to() != "" {
			t.Errorf("port %s: %d %s", p, a.status, a.to())
		}
	}
	h.reload("", `external_url: "`+h.url+`"`, `external_url: "https://gw.example"`)
	for _, uri := range []string{"https://gw.example/cb", "https://gw.example:443/cb", "https://GW.example/cb", "https://gw.example./cb"} {
		g := h.gate.Load()
		if u, err := parseRedirect(uri); err != nil || !g.ours(u) {
			t.Errorf("%q is not seen to be ours (%v)", uri, err)
		}
	}
	for _, uri := range []string{"https://gw.example.evil/cb", "https://gw.example:8443/cb", "cursor://gw.example/cb", "https://xgw.example/cb"} {
		if u, err := parseRedirect(uri); err != nil || h.gate.Load().ours(u) {
			t.Errorf("%q is taken for ours (%v)", uri, err)
		}
	}
}

func TestMoreDangerousRedirects(t *testing.T) { // RG-01, RG-02, RG-04: other spellings
	h := newHouse(t)
	for i, uri := range []string{
		"jAvAsCrIpT:alert(1)", "javascript&colon;alert(1)", "java%73cript:alert(1)", "\u00a0javascript:alert(1)", "javascript\u200b:alert(1)", "ⓙavascript:alert(1)",
		"feed:javascript:alert(1)", "view-source:javascript:x", "jar:https://x!/y", "ms-msdt:/id", "DATA:text/html,x", "cursor:javascript:alert(1)", "about:blank",
		"http://127.1/cb", "http://2130706433/cb", "http://0x7f.0.0.1/cb", "http://0177.0.0.1/cb", "http://[::ffff:127.0.0.1]/cb", "http://[::1%25lo]/cb", "http://[::]/cb",
		"http://0.0.0.0/cb", "http://localhost./cb", "http://LOCALHOST.evil/cb", "http://localhost%2eevil.test/cb", "http://localhost%00.evil/cb", "http://localhost\t/cb",
		"http:/localhost/cb", "http:localhost/cb", "http:///localhost/cb", "http://\\localhost/cb", "http://localhost:80:80/cb", "http://localhost:+80/cb", "http://localhost:０/cb",
		"http://ｌocalhost/cb", "http://loc\u212Alhost/cb", "https://ex\u00e4mple/cb", "https://a\u3002b/cb", "https://good.example%40evil/cb", "https://good.example:x@evil/cb",
		"https://x/cb%0d%0aX", "https://x/cb%7f", "https://x/%5c..", "https://x/cb%", "https://x/cb%4", "https://x/<b>", "https://x/{a}", "https://x/`", "https://x/a|b", "https://x/^",
		"https:", "https://", "https://?x", "https://:443/cb", "https://x:0/cb", "https://x:65536/cb", "https://[::1/cb", "https://[]/cb", "https://[g::1]/cb", "https://[::1]x/cb", "\x00https://x/cb", "https://x/cb ",
	} {
		if i%50 == 49 {
			h.clock.Add(60e9)
		}
		a := h.register("m", fmt.Sprintf(`{"redirect_uris":["https://ok.example/cb",%q]}`, uri))
		if a.status != 400 {
			t.Errorf("%q: got %d %s", uri, a.status, a.body)
		}
	}
}

func TestRegisteredURIIsNotNormalised(t *testing.T) { // RU-01 … RU-06
	h := newHouse(t)
	const registered = "https://a.example/x/cb?t=1"
	client := h.public("m", registered)
	for _, asked := range []string{
		"https://a.example/x/cb?t=1&", "https://a.example/x/cb?t=1&t=1", "https://a.example/x/cb?T=1", "https://a.example/x/cb?t=%31", "https://a.example/x/%63b?t=1", "https://a.example/x/cb",
		"https://a.example//x/cb?t=1", "https://a.example/x/./cb?t=1", "https://a.example/y/../x/cb?t=1", "https://a.example/x/cb/?t=1", "https://a.example/x/cb;x?t=1", "https://a.example./x/cb?t=1",
		"https://A.example/x/cb?t=1", "HTTPS://a.example/x/cb?t=1", "https://a.example:443/x/cb?t=1", "https://a.example:8443/x/cb?t=1", "http://a.example/x/cb?t=1", "https://u@a.example/x/cb?t=1",
		"https://a.example/x/cb?t=1#", " " + registered, registered + " ", registered + "\x00", registered + "%00", strings.ToUpper(registered), "//a.example/x/cb?t=1", "/x/cb?t=1", "\\\\a.example/x/cb?t=1",
	} {
		a := h.browser().get(h.endpoint("m", "authorize") + "?" + authorizeParams(client, asked).Encode())
		if a.status != 400 || a.to() != "" {
			t.Errorf("%q: %d %s", asked, a.status, a.to())
		}
	}
	a := h.browser().signIn("m", "alice", authorizeParams(client, registered))
	if !strings.HasPrefix(a.to(), registered+"&code=") {
		t.Errorf("honest: %d %s", a.status, a.to())
	}
}

func TestTwoRegisteredAndNoneNamed(t *testing.T) { // RU-09
	h := newHouse(t)
	two := h.register("m", `{"redirect_uris":["https://a.example/cb","https://b.example/cb"],"token_endpoint_auth_method":"none"}`).str("client_id")
	q := authorizeParams(two, "")
	q.Del("redirect_uri")
	if a := h.browser().get(h.endpoint("m", "authorize") + "?" + q.Encode()); a.status != 400 || a.to() != "" {
		t.Errorf("two: %d %s", a.status, a.to())
	}
	one := h.public("m", "https://a.example/cb")
	q.Set("client_id", one)
	a := h.browser().signIn("m", "alice", q)
	u, _ := url.Parse(a.to())
	if u.Host != "a.example" || u.Query().Get("code") == "" {
		t.Errorf("one: %d %s", a.status, a.to())
	}
}

func TestParameterOrderAndCaseDecideNothing(t *testing.T) { // AZ-01, AZ-05
	h := newHouse(t)
	client := h.public("m", loopback)
	good := authorizeParams(client, loopback).Encode()
	for _, q := range []string{
		"redirect_uri=https%3A%2F%2Fevil.test&" + good, good + "&redirect%5furi=https%3A%2F%2Fevil.test", good + "&client_id=" + client, "client_id=nope&" + good,
		good + ";redirect_uri=https://evil.test", good + "&x=%zz", good + "&x=" + strings.Repeat("a", maxQuery),
		strings.Replace(good, "state=", "state="+strings.Repeat("s", maxState), 1),
	} {
		if a := h.browser().get(h.endpoint("m", "authorize") + "?" + q); a.status != 400 || a.to() != "" {
			t.Errorf("%.80s: %d %s", q, a.status, a.to())
		}
	}
	for _, q := range []string{good + "&state=2", good + "&state=" + strings.Repeat("s", maxState+1), good + "&code_challenge=" + challenge, good + "&code_challenge_method=plain", good + "&response_type=token", good + "&nonce=1&nonce=2", good + "&prompt=login&prompt=none"} {
		a := h.browser().get(h.endpoint("m", "authorize") + "?" + q)
		u, _ := url.Parse(a.to())
		if a.status != 302 || u.Query().Get("error") != "invalid_request" || u.Query().Get("iss") != h.url+"/m" {
			t.Errorf("%.80s: %d %s", q, a.status, a.to())
		}
	}
	// Another case is another parameter, which means nothing.
	a := h.browser().get(h.endpoint("m", "authorize") + "?" + good + "&REDIRECT_URI=https%3A%2F%2Fevil.test&Client_Id=x&CODE_CHALLENGE_METHOD=plain")
	if !strings.Contains(a.to(), "/consent?login=") {
		t.Errorf("other case: %d %s", a.status, a.to())
	}
}
