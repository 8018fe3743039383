package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/gatetest"
	"gatehouse/limit"
	"gatehouse/policy"
	"gatehouse/session"
	"gatehouse/store"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a proxy with everything around it faked but the sessions, the rules and the network.
type rig struct {
	*Handler
	t        testing.TB
	url      string
	registry *session.Registry
	log      *recorder
	auth     *tokens
	people   map[string]*session.Session
}

// recorder keeps events. fail makes Record refuse.
type recorder struct {
	mu     sync.Mutex
	events []audit.Event
	fail   error
	closed chan struct{} // receives once per closing record
}

func (r *recorder) add(e *audit.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, *e)
}

func (r *recorder) Record(e *audit.Event) error {
	if r.fail != nil {
		return r.fail
	}
	r.add(e)
	return nil
}

func (r *recorder) Done(e *audit.Event) {
	r.add(e)
	select {
	case r.closed <- struct{}{}:
	default:
	}
}
func (r *recorder) RefusedAnonymous(e *audit.Event)           { r.add(e) }
func (r *recorder) Arguments(mode string, args []byte) string { return mode }

func (r *recorder) all() []audit.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]audit.Event(nil), r.events...)
}

// last waits for the closing record of the last request and returns it.
func (r *recorder) last(t *testing.T) audit.Event {
	t.Helper()
	select {
	case <-r.closed:
	case <-time.After(5 * time.Second):
		t.Fatal("no closing record")
	}
	all := r.all()
	return all[len(all)-1]
}

// tokens authenticates by a table.
type tokens struct {
	mu  sync.Mutex
	ids map[string]string // token -> session id
	reg *session.Registry
}

func (a *tokens) Authenticate(r *http.Request, _ *config.Proxy) (session.Caller, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return session.Caller{}, &session.AuthError{Status: 401, Reason: "no_token"}
	}
	a.mu.Lock()
	id := a.ids[token]
	a.mu.Unlock()
	s, err := a.reg.Get(context.Background(), id)
	if err != nil {
		return session.Caller{}, &session.AuthError{Status: 401, Code: "invalid_token", Reason: "session_ended", Err: err}
	}
	return session.Caller{Session: s, Token: "hmac:x"}, nil
}

func (a *tokens) Challenge(_ *config.Proxy, e *session.AuthError) string {
	if e.Code != "" {
		return `Bearer error="` + e.Code + `"`
	}
	return `Bearer resource_metadata="http://localhost/x"`
}

// noStore is a store without a disk.
type noStore struct{ session.Store }

func (noStore) RevokeSessions(_ context.Context, ids []string, _ time.Time, _, _ string) ([]string, error) {
	return ids, nil
}
func (noStore) LiveSessions(context.Context, time.Time) ([]store.Session, error) { return nil, nil }
func (noStore) Session(context.Context, string) (store.Session, error) {
	return store.Session{}, store.ErrNotFound
}
func (noStore) RevokedJTIs(context.Context, time.Time) ([]store.JTI, error) { return nil, nil }

type noAudit struct{}

func (noAudit) Record(*audit.Event) error { return nil }

// newRig serves a proxy "notes" with alice (eng), bob (nobody's) and tools danger (off), admin_* (eng only).
func newRig(t testing.TB, upstream string, change func(*config.Config, *config.Proxy)) *rig {
	t.Helper()
	p := &config.Proxy{
		Name: "notes", Type: "mcp", Enabled: true, Upstream: upstream, Path: "/notes",
		OAuth: config.ProxySignIn{Enabled: true},
		Tools: config.ToolRules{Default: "enabled", Rules: map[string]config.Rule{
			"danger": {State: "disabled"}, "admin_*": {State: "restricted", Groups: []string{"eng"}},
		}},
		Resources: config.Rules{Default: "enabled", Rules: map[string]config.Rule{"file:///etc/*": {State: "disabled"}}},
		Prompts:   config.Rules{Default: "enabled", Rules: map[string]config.Rule{"secret": {State: "disabled"}}},
		Methods:   config.Rules{Default: "enabled", Rules: map[string]config.Rule{"tasks/result": {State: "disabled"}}},
		Timeouts:  config.Timeouts{Connect: 2 * time.Second, ResponseHeader: 5 * time.Second, IdleStream: 5 * time.Second},
	}
	c := &config.Config{
		Server: config.Server{
			Listen: "127.0.0.1:8080", IdentityHeaders: config.IdentityHeaders{User: "X-Gatehouse-User", Email: "X-Gatehouse-Email", Groups: "X-Gatehouse-Groups"},
		},
		Groups:  map[string]*config.Group{"eng": {Name: "eng", Members: []string{"alice@example.com"}}},
		Proxies: map[string]*config.Proxy{"notes": p}, Audit: config.Audit{Arguments: "keys"}, Hash: "sha256:0",
	}
	if change != nil {
		change(c, p)
	}
	pol, faults := policy.Compile(c)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	reg := session.NewRegistry(session.Options{Store: noStore{}, Audit: noAudit{}})
	g := &rig{t: t, registry: reg, log: &recorder{closed: make(chan struct{}, 100)}, auth: &tokens{ids: map[string]string{}, reg: reg}, people: map[string]*session.Session{}}
	transport := NewTransport(p)
	g.Handler = &Handler{
		Proxy: p, Config: c, Policy: pol, Auth: g.auth, Sessions: reg, Limits: limit.New(100), Audit: g.log, Transport: transport,
		SessionKey: bytes.Repeat([]byte{7}, 32), RequestID: func(*http.Request) string { return "r_1" },
		ClientIP: func(*http.Request) string { return "203.0.113.9" },
	}
	for _, name := range []string{"alice", "bob"} {
		g.signIn(name, "c_1")
	}
	srv := httptest.NewServer(g.Handler)
	g.url = srv.URL
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		transport.CloseIdleConnections()
		http.DefaultClient.CloseIdleConnections()
	})
	return g
}

// signIn gives name a session; the token is the name, with the client appended for others than c_1.
func (g *rig) signIn(name, client string) {
	id := policy.Identity{
		Kind: policy.User, Provider: "okta", Issuer: "https://okta.test", Subject: name, Sub: "u_" + name,
		Email: name + "@example.com", EmailVerified: true,
	}
	raw, err := json.Marshal(id)
	if err != nil {
		g.t.Fatal(err)
	}
	token := name
	if client != "c_1" {
		token += "/" + client
	}
	row := store.Session{
		ID: "s_" + token, Kind: "user", Proxy: "notes", Sub: id.Sub, Identity: raw, ClientID: client, Auth: "oauth",
		Created: time.Now(), Expires: time.Now().Add(time.Hour), Last: time.Now(),
	}
	g.people[token] = g.registry.Adopt(row)
	g.auth.ids[token] = row.ID
}

// do sends one request. head is name, value, …; Authorization and Content-Type have defaults that "" removes.
func (g *rig) do(method, token, body string, head ...string) *http.Response {
	g.t.Helper()
	req, err := http.NewRequest(method, g.url+"/notes", strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
	}
	for i := 0; i < len(head); i += 2 {
		if head[i+1] == "" {
			req.Header.Del(head[i])
		} else {
			req.Header[head[i]] = append(req.Header[head[i]], head[i+1])
		}
	}
	lower := strings.ToLower("Content-Type") // given as a key that Header.Set would not produce
	if v := req.Header[lower]; v != nil {
		req.Header["Content-Type"] = v
		delete(req.Header, lower)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { res.Body.Close() })
	return res
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func call(tool string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":` + strconv.Quote(tool) + `,"arguments":{"q":1}}}`
}

func TestCallGoesThroughAndIsTwoLines(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	res := g.do("POST", "alice", call("safe"), "Mcp-Method", "tools/list", "Mcp-Name", "x")
	if got := text(t, res); res.StatusCode != 200 || got != `{"jsonrpc":"2.0","id":1,"result":{}}` {
		t.Fatalf("%d %s", res.StatusCode, got)
	}
	if got := res.Header.Values("X-Request-Id"); len(got) != 1 || got[0] != "r_1" {
		t.Errorf("request id %q", got)
	}
	heard := up.Last(t)
	if heard.Body != call("safe") || heard.Path != "/mcp" {
		t.Errorf("upstream heard %q at %q", heard.Body, heard.Path)
	}
	for name, want := range map[string]string{
		"X-Gatehouse-User": "u_alice", "X-Gatehouse-Email": "alice@example.com", "X-Gatehouse-Groups": "eng",
		"X-Request-Id": "r_1", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "localhost:8080",
		"Mcp-Method": "", "Mcp-Name": "", "Authorization": "", "Content-Type": "application/json",
	} {
		if got := heard.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	done := g.log.last(t)
	all := g.log.all()
	if len(all) != 2 || all[0].Event != "mcp.tool_call" || all[0].Outcome != audit.Allowed || all[0].Target.Name != "safe" ||
		all[0].Rule != "proxies.notes.tools.default" || all[0].Actor.Email != "alice@example.com" || all[0].Target.Args != "q" {
		t.Errorf("decision %+v", all[0])
	}
	if done.Event != "mcp.tool_done" || done.Req.Status != 200 || done.Req.UpStatus != 200 || done.Req.ID != "r_1" || done.Req.BytesOut != 36 {
		t.Errorf("closing %+v", done)
	}
}

// TestDeniedToolNeverReachesUpstream is TP-01 with its relatives of TP-09 and TP-12.
func TestDeniedToolNeverReachesUpstream(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	rpc := func(method, params string) string {
		return `{"jsonrpc":"2.0","id":"a","method":"` + method + `","params":` + params + `}`
	}
	for name, tt := range map[string]struct{ who, body, reason string }{
		"disabled":         {"alice", call("danger"), "tool_disabled"},
		"not in the group": {"bob", call("admin_drop"), "not_in_group"},
		"homoglyph":        {"alice", call("dаnger"), "name_not_admitted"},
		"zero width":       {"alice", rpc("tools/call", `{"name":"danger\u200b"}`), "name_not_admitted"},
		"new line":         {"alice", rpc("tools/call", `{"name":"danger\n"}`), "name_not_admitted"},
		"resource":         {"alice", rpc("resources/read", `{"uri":"file:///etc/passwd"}`), "resource_disabled"},
		"subscription":     {"alice", rpc("resources/subscribe", `{"uri":"file:///etc/passwd"}`), "resource_disabled"},
		"prompt":           {"alice", rpc("prompts/get", `{"name":"secret"}`), "prompt_disabled"},
		"completion":       {"alice", rpc("completion/complete", `{"ref":{"type":"ref/prompt","name":"secret"},"argument":{"name":"a","value":""}}`), "prompt_disabled"},
		"method":           {"alice", rpc("tasks/result", `{"taskId":"x"}`), "method_disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(g.log.all())
			res := g.do("POST", tt.who, tt.body)
			var got struct {
				ID    any
				Error struct {
					Code int
					Data map[string]string
				}
			}
			if err := json.NewDecoder(res.Body).Decode(&got); err != nil || res.StatusCode != 200 {
				t.Fatalf("HTTP %d, %v", res.StatusCode, err)
			}
			if got.Error.Code != 403 || got.Error.Data["reason"] != tt.reason || got.Error.Data["proxy"] != "notes" || got.Error.Data["request_id"] != "r_1" || got.Error.Data["rule"] == "" {
				t.Errorf("answer %+v, want reason %s", got, tt.reason)
			}
			all := g.log.all()[before:]
			if len(all) != 1 || all[0].Outcome != audit.Denied || all[0].Reason != tt.reason || all[0].Actor.Email == "" {
				t.Errorf("audit %+v", all)
			}
		})
	}
	if up.Count() != 0 {
		t.Errorf("the upstream heard %d requests", up.Count())
	}
	if res := g.do("POST", "alice", call("admin_drop")); res.StatusCode != 200 || up.Count() != 1 {
		t.Errorf("alice is in the group: %d", res.StatusCode)
	}
}

// TestCallWithoutIDIsDropped is TP-16.
func TestCallWithoutIDIsDropped(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	for _, tool := range []string{"safe", "danger"} {
		res := g.do("POST", "alice", `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"`+tool+`"}}`)
		if body := text(t, res); res.StatusCode != 202 || body != "" {
			t.Errorf("%s: %d %q", tool, res.StatusCode, body)
		}
	}
	if all := g.log.all(); up.Count() != 0 || len(all) != 2 || all[0].Outcome != audit.Denied || all[0].Reason != "call_without_id" {
		t.Errorf("upstream heard %d; audit %+v", up.Count(), all)
	}
}

// TestUnreadableBodyNeverReachesUpstream holds one of each kind that mcp's own tests know.
func TestUnreadableBodyNeverReachesUpstream(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	for name, body := range map[string]string{
		"batch": `[` + call("safe") + `,` + call("danger") + `]`, "twin": `{"jsonrpc":"2.0","id":1,"method":"tools/list","METHOD":"tools/call"}`,
		"duplicate": `{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}`, "two": call("safe") + call("danger"), "empty": "",
	} {
		res := g.do("POST", "alice", body)
		if got := text(t, res); res.StatusCode != 400 || !strings.Contains(got, `"error":{"code":-32`) {
			t.Errorf("%s: %d %s", name, res.StatusCode, got)
		}
	}
	res := g.do("POST", "alice", call("danger"), "Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "safe")
	if got := text(t, res); res.StatusCode != 400 || !strings.Contains(got, "-32020") {
		t.Errorf("header mismatch: %d %s", res.StatusCode, got)
	}
	if up.Count() != 0 {
		t.Error("the upstream heard of it")
	}
}

// TestAuditFirstOrNotAtAll: without the record nothing happens (AU-05, RP-8).
func TestAuditFirstOrNotAtAll(t *testing.T) {
	up := gatetest.NewUpstream(t, nil)
	g := newRig(t, up.URL, nil)
	g.log.fail = io.ErrShortWrite
	for _, body := range []string{call("safe"), call("danger")} {
		if res := g.do("POST", "alice", body); res.StatusCode != 503 {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	if up.Count() != 0 {
		t.Error("the upstream heard of it")
	}
}
