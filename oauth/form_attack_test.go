package oauth

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/audit"
)

// raw posts a body with exactly these headers; a name may come twice.
func (h *house) raw(path, body string, headers ...string) answerOf {
	h.t.Helper()
	r, err := http.NewRequest("POST", h.url+path, strings.NewReader(body))
	for i := 0; err == nil && i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return h.browser().do(r, err)
}

func TestBodiesThatCanBeReadInTwoWays(t *testing.T) { // TK-13, TK-14, DS-06, on every endpoint with a body
	h := newHouse(t)
	client := h.public("m", loopback)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	fmt.Fprint(z, "grant_type=refresh_token&client_id="+client+"&refresh_token=x&token=x")
	z.Close()
	const form, kind = "grant_type=refresh_token&refresh_token=x&token=x&client_id=", "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		body    string
		headers []string
		status  int
	}{
		"two types":        {form + client, []string{"Content-Type", kind, "Content-Type", "application/json"}, 400},
		"the same twice":   {form + client, []string{"Content-Type", kind, "Content-Type", kind}, 400},
		"no type":          {form + client, nil, 400},
		"json":             {`{"grant_type":"refresh_token"}`, []string{"Content-Type", "application/json"}, 400},
		"multipart":        {form + client, []string{"Content-Type", "multipart/form-data; boundary=x"}, 400},
		"text":             {form + client, []string{"Content-Type", "text/plain"}, 400},
		"list of types":    {form + client, []string{"Content-Type", kind + ", application/json"}, 400},
		"other charset":    {form + client, []string{"Content-Type", kind + "; charset=utf-16"}, 400},
		"gzip":             {zipped.String(), []string{"Content-Type", kind, "Content-Encoding", "gzip"}, 415},
		"claims gzip":      {form + client, []string{"Content-Type", kind, "Content-Encoding", "identity", "Content-Encoding", "gzip"}, 415},
		"NUL":              {form + client + "%00", []string{"Content-Type", kind}, 400},
		"invalid UTF-8":    {form + client + "%ff", []string{"Content-Type", kind}, 400},
		"line break":       {form + client + "%0d%0aX: y", []string{"Content-Type", kind}, 400},
		"semicolon":        {"grant_type=refresh_token;refresh_token=x&token=y&client_id=" + client, []string{"Content-Type", kind}, 400},
		"client_id twice":  {form + client + "&client_id=" + client, []string{"Content-Type", kind}, 400},
		"unknown twice":    {form + client + "&x=1&x=2", []string{"Content-Type", kind}, 400},
		"encoded name":     {form + client + "&client%5fid=other", []string{"Content-Type", kind}, 400},
		"too large":        {form + client + "&x=" + strings.Repeat("a", maxForm), []string{"Content-Type", kind}, 400},
		"broken escape":    {form + client + "&x=%zz", []string{"Content-Type", kind}, 400},
		"other case, once": {form + client + "&CLIENT_ID=x", []string{"Content-Type", kind + "; charset=UTF-8"}, 0},
	} {
		for _, path := range []string{"/api/v1/oauth-proxy/m/token", "/token", "/api/v1/oauth-proxy/m/revoke", "/oauth/revoke"} {
			a := h.raw(path, c.body, c.headers...)
			switch {
			case c.status != 0 && (a.status != c.status || a.str("error") == ""):
				t.Errorf("%s at %s: %d %s", name, path, a.status, a.body)
			case c.status == 0 && a.status != 200 && a.str("error") != "invalid_grant":
				t.Errorf("%s at %s: %d %s", name, path, a.status, a.body)
			}
		}
	}
	for name, headers := range map[string][]string{
		"two types": {"Content-Type", "application/json", "Content-Type", "text/plain"}, "form": {"Content-Type", kind}, "none": nil,
		"jsonp": {"Content-Type", "application/jsonp"}, "gzip": {"Content-Type", "application/json", "Content-Encoding", "gzip"},
	} {
		if a := h.raw("/api/v1/oauth-proxy/m/register", `{"redirect_uris":["https://x.example/cb"]}`, headers...); a.str("error") != "invalid_client_metadata" {
			t.Errorf("register, %s: %d %s", name, a.status, a.body)
		}
	}
}

func TestCredentialsInTheQuery(t *testing.T) { // TK-13
	h := newHouse(t)
	client, a := h.tokens("m", "alice")
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {a.str("refresh_token")}, "token": {"x"}}
	for _, q := range []string{"client_secret=x", "CLIENT_SECRET=x", "refresh%5ftoken=x", "x=1&token=y", "access_token=x", "assertion=x", "id_token=x", "a=b;code=c", "%zz"} {
		for _, path := range []string{"/token", "/oauth/token", "/api/v1/oauth-proxy/m/token", "/oauth/revoke", "/api/v1/oauth-proxy/m/revoke"} {
			wantError(t, h.post(path+"?"+q, form), 400, "invalid_request")
		}
	}
	// A query cannot stand in for the body either.
	wantError(t, h.post("/api/v1/oauth-proxy/m/token?scope=read&resource="+h.url+"/n", url.Values{"client_id": {client}}), 400, "invalid_request")
	r, err := http.NewRequest("POST", "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.RawQuery = "access_token=" + a.str("access_token")
	if _, err := h.gate.Load().Authenticate(r, h.gate.Load().cfg.Proxies["m"]); err == nil {
		t.Error("a token in the query lets in")
	}
}

func TestClientAuthenticationConfusion(t *testing.T) { // TK-15
	h := newHouse(t)
	public := h.public("m", loopback)
	basic := h.register("m", `{"redirect_uris":["https://b.example/cb"],"token_endpoint_auth_method":"client_secret_basic"}`)
	post := h.register("m", `{"redirect_uris":["https://p.example/cb"],"token_endpoint_auth_method":"client_secret_post"}`)
	header := func(id, secret string) []string {
		r, _ := http.NewRequest("GET", "/", nil)
		r.SetBasicAuth(id, secret)
		return []string{"Content-Type", formType, "Authorization", r.Header.Get("Authorization")}
	}
	const grant = "grant_type=refresh_token&refresh_token=x"
	for name, c := range map[string]struct {
		body    string
		headers []string
		status  int
		code    string
	}{
		"basic":                 {grant, header(basic.str("client_id"), basic.str("client_secret")), 400, "invalid_grant"},
		"basic, id in both":     {grant + "&client_id=" + basic.str("client_id"), header(basic.str("client_id"), basic.str("client_secret")), 400, "invalid_grant"},
		"basic by post":         {grant + "&client_id=" + basic.str("client_id") + "&client_secret=" + basic.str("client_secret"), []string{"Content-Type", formType}, 401, "invalid_client"},
		"post by basic":         {grant, header(post.str("client_id"), post.str("client_secret")), 401, "invalid_client"},
		"other id in the body":  {grant + "&client_id=" + public, header(basic.str("client_id"), basic.str("client_secret")), 400, "invalid_request"},
		"empty secret":          {grant + "&client_secret=&client_id=" + post.str("client_id"), []string{"Content-Type", formType}, 401, "invalid_client"},
		"no secret":             {grant + "&client_id=" + basic.str("client_id"), []string{"Content-Type", formType}, 401, "invalid_client"},
		"its hash as secret":    {grant + "&client_id=" + post.str("client_id") + "&client_secret=" + hashSecret(post.str("client_secret")), []string{"Content-Type", formType}, 401, "invalid_client"},
		"public, empty basic":   {grant, header(public, ""), 401, "invalid_client"},
		"public, empty secret":  {grant + "&client_secret=&client_id=" + public, []string{"Content-Type", formType}, 401, "invalid_client"},
		"two headers":           {grant, append(header(basic.str("client_id"), basic.str("client_secret")), "Authorization", "Bearer x"), 400, "invalid_request"},
		"bearer":                {grant + "&client_id=" + public, []string{"Content-Type", formType, "Authorization", "Bearer x"}, 401, "invalid_client"},
		"assertion":             {grant + "&client_assertion=a.b.c&client_assertion_type=urn&client_id=" + public, []string{"Content-Type", formType}, 401, "invalid_client"},
		"operator's, elsewhere": {grant + "&client_id=ci&client_secret=secret", []string{"Content-Type", formType}, 400, "invalid_grant"},
		"no client":             {grant, []string{"Content-Type", formType}, 401, "invalid_client"},
		"id of 10 KiB":          {grant + "&client_id=" + strings.Repeat("c", 10<<10), []string{"Content-Type", formType}, 401, "invalid_client"},
	} {
		if a := h.raw("/api/v1/oauth-proxy/m/token", c.body, c.headers...); a.status != c.status || a.str("error") != c.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := h.raw("/api/v1/oauth-proxy/n/token", grant+"&client_id=ci&client_secret=secret", "Content-Type", formType); a.status != 401 {
		t.Errorf("a client of m at n: %d %s", a.status, a.body)
	}
}

func TestSlowBodyDoesNotHoldTheConnection(t *testing.T) { // slowloris behind the headers
	h := newHouse(t)
	h.server.bodyTime = 200 * time.Millisecond
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 100\r\n\r\na=", formType)
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer := make([]byte, 64)
	n, err := c.Read(answer)
	if err != nil || !strings.Contains(string(answer[:n]), " 400 ") {
		t.Errorf("%q %v", answer[:n], err)
	}
}

func TestStateComesBackByteForByte(t *testing.T) { // AZ-13, through a whole login
	h := newHouse(t)
	client := h.public("m", loopback)
	for _, state := range []string{"\xff\xfe\x80", "a\x00b", "é\u202e", "%41+ &=#", strings.Repeat("\xff", 2048), ""} {
		a := h.browser().signIn("m", "alice", func() url.Values {
			q := authorizeParams(client, loopback)
			q.Set("state", state)
			return q
		}())
		u, err := url.Parse(a.to())
		if err != nil || u.Query().Get("code") == "" || !u.Query().Has("state") || u.Query().Get("state") != state {
			t.Errorf("%q came back as %q (%v)", state, u.Query().Get("state"), err)
		}
	}
}

func TestEmptyResourceIsNone(t *testing.T) { // RFC 6749 section 3.1
	h := newHouse(t)
	client := h.public("m", loopback)
	q := authorizeParams(client, loopback)
	q["resource"] = []string{""}
	a := h.browser().signIn("m", "alice", q)
	u, _ := url.Parse(a.to())
	form := codeForm(client, loopback, u.Query().Get("code"))
	form["resource"] = []string{"", h.url + "/n"}
	wantError(t, h.post("/token", form), 400, "invalid_target")
	form["resource"] = []string{"", h.url + "/m"}
	if a := h.post("/token", form); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestRegisteringAgainCannotFillTheDisk(t *testing.T) { // AU-09, RG-05
	h := newHouse(t)
	first := h.public("m", loopback)
	status := map[int]int{}
	for range addressCap {
		a := h.register("m", fmt.Sprintf(`{"redirect_uris":[%q],"client_name":"Test","token_endpoint_auth_method":"none"}`, loopback))
		if status[a.status]++; a.status == 201 && a.str("client_id") != first {
			t.Fatalf("another client: %s", a.body)
		}
	}
	if status[201] != addressCap-1 || status[429] != 1 {
		t.Errorf("got %v", status)
	}
	h.audit.mu.Lock()
	defer h.audit.mu.Unlock()
	own := 0
	for _, list := range [][]audit.Event{h.audit.events, h.audit.strangers} {
		for _, e := range list {
			if e.Event == "client.registered" && e.Detail["how"] == "again" {
				own++
			}
		}
		own = -own
	}
	if own != 0 {
		t.Errorf("%d repetitions have a line of their own", own)
	}
}
