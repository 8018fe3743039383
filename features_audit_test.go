package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/demo"
)

// A call that passes is two lines joined by the request id, a refused one is one; the id is in the answer's header, in
// the log and in what `audit show` finds, and the person's address is on every line about a request through a proxy.
func TestEveryProxiedRequestIsOnRecordWithThePerson(t *testing.T) {
	t.Parallel()
	g := unstarted(t)
	g.Env = []string{"LOG_LEVEL=debug"} // over the file
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := signedIn(t, g, "bob")
	headers := []string{"Authorization: Bearer " + p.Tokens().Access, "Accept: application/json, text/event-stream", "Mcp-Session-Id: " + p.MCPSession(),
		"MCP-Protocol-Version: 2025-11-25"}
	post := func(body string) string {
		return ask(t, "POST", g.ProxyURL(), body, headers...).want(t, body, 200).Header.Get("X-Request-Id")
	}
	passed := post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_notes","arguments":{}}}`)
	denied := post(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"delete_all","arguments":{}}}`)
	ask(t, "POST", g.ProxyURL(), `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"delete_all","arguments":{}}}`, headers...).want(t, "a notification", 202)
	listed := post(`{"jsonrpc":"2.0","id":3,"method":"tools/list"}`)
	logged(t, g, "level=DEBUG", passed)

	within(t, patience, "audit show", func() error {
		out, code, err := g.CLI("audit", "show", passed, "-o", "json")
		if code != 0 || strings.Count(out, passed) < 2 || !strings.Contains(out, "mcp.tool_call") || !strings.Contains(out, "mcp.tool_done") {
			return errors.Join(err, errors.New(out))
		}
		return nil
	})
	events := map[string][]auditLine{}
	flows := map[string][]string{}
	for _, l := range auditOf(t, g) {
		events[l.Req.ID] = append(events[l.Req.ID], l)
		if l.Flow != "" {
			flows[l.Flow] = append(flows[l.Flow], l.Event)
		}
		if l.Req.Proxy == "notes" && strings.HasPrefix(l.Event, "mcp.") && l.Actor.Email != "bob@example.com" && l.Reason != "not_signed_in" {
			t.Errorf("a line without the person: %+v", l)
		}
	}
	if e := events[passed]; len(e) != 2 || e[0].Event != "mcp.tool_call" || e[1].Event != "mcp.tool_done" || e[0].Outcome != "allowed" ||
		e[0].Target.Name != "list_notes" || e[1].Req.Status != 200 {
		t.Errorf("a call that passed: %+v", e)
	}
	if e := events[denied]; len(e) != 1 || e[0].Event != "mcp.tool_call" || e[0].Outcome != "denied" || e[0].Rule != "proxies.notes.tools.rules.delete_all" {
		t.Errorf("a refused call: %+v", e)
	}
	if e := events[listed]; len(e) == 0 {
		t.Error("a list is not on record")
	}
	refused := 0
	for _, lines := range events {
		for _, l := range lines {
			if l.Outcome == "denied" && l.Target.Name == "delete_all" {
				refused++
			}
		}
	}
	if refused != 2 {
		t.Errorf("%d refusals of delete_all, want the request and the notification", refused)
	}
	// The sign-in is one flow from the authorization request to the token, in the log as in the audit.
	if len(flows) != 1 {
		t.Errorf("flows: %v", flows)
	}
	for flow, names := range flows {
		if all := strings.Join(names, " "); !strings.Contains(all, "flow.step") || !strings.Contains(all, "auth.login") || !strings.Contains(all, "token.issued") {
			t.Errorf("flow %s is %v", flow, names)
		}
		logged(t, g, "oauth-proxy authorize", "flow="+flow)
	}
}

// A refused call says why in a form that programs read, and the upstream does not hear of it.
func TestRefusalNamesReasonRuleRequestAndProxy(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	p := signedIn(t, g, "bob")
	_, err := p.Call(t.Context(), "export_notes", nil)
	r, ok := demo.Refused(err)
	if !ok || r.Reason != "tool_disabled" || r.Rule != "proxies.notes.tools.rules.export_*" || r.RequestID == "" || r.Proxy != "notes" {
		t.Errorf("%v: %+v", err, r)
	}
}

// Signed in but in none of the groups: the login completes and its page says what is missing; requests are 403 with the
// request id; being added lets the same session in.
func TestAddedToAGroupWithoutANewSignIn(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	eve := g.Person("eve")
	if _, err := eve.Login(t.Context()); err != nil {
		t.Fatalf("the login does not complete: %v", err)
	}
	var refused *demo.HTTPError
	if err := call(t, eve); !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		t.Fatalf("outside the groups: %v", err)
	}
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		RequestID   string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(refused.Body), &body); err != nil || body.Error != "access_denied" || body.Description == "" || body.RequestID == "" ||
		strings.Contains(refused.Header.Get("WWW-Authenticate"), "insufficient_scope") {
		t.Errorf("403: %s, challenge %q", refused.Body, refused.Header.Get("WWW-Authenticate"))
	}
	if err := g.Replace("eng: {rules:", "eng: {members: [eve@example.com], rules:"); err != nil {
		t.Fatal(err)
	}
	within(t, 3*time.Second, "added", func() error { return eve.Initialize(t.Context()) })
	if err := call(t, eve); err != nil {
		t.Error(err)
	}
}

// A disabled person is out within a second of the save; on the next sign-in there is no code.
func TestDisabledPersonIsOutWithinASecond(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	p := signedIn(t, g, "alice")
	tok := p.Tokens()
	p.SetTokens(demo.Tokens{Access: tok.Access})
	if err := g.Replace("users: {}", "users: {alice@example.com: {disabled: true}}"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	within(t, patience, "refused", func() error {
		var refused *demo.HTTPError
		if err := call(t, p); !errors.As(err, &refused) || refused.Status != 401 && refused.Status != 403 {
			return errors.New("still in")
		}
		return nil
	})
	if took := time.Since(began); took > 2*time.Second { // a second, and one for a loaded machine
		t.Errorf("it took %v", took)
	}
	p.SetTokens(tok)
	if _, err := p.Refresh(t.Context()); err == nil {
		t.Error("refreshed")
	}
	if _, err := p.Login(t.Context()); err == nil {
		t.Error("signed in")
	}
}
