//go:build interop

package interop

import (
	"slices"
	"strings"
	"testing"
)

// tsResult is what client.mjs prints.
type tsResult struct {
	Error     string
	Status    any
	Authorize string
	Returned  map[string]string
	Pages     []struct {
		URL    string
		Status int
		Title  string
		CSP    string
	}
	Tools []string
	Calls []struct {
		Name, Text, Message string
		Code                int
		Data                map[string]any
	}
	AfterRefresh int
	Rotated      bool
}

func call(name string, args map[string]any) map[string]any {
	return map[string]any{"name": name, "arguments": args}
}

func TestTypeScriptClientAgainstServerEverything(t *testing.T) {
	h := open(t)
	var got tsResult
	h.script(t, "client.mjs", map[string]any{"url": h.everything, "who": "bob", "call": []any{
		call("echo", map[string]any{"message": "hello"}), call("get-env", map[string]any{}), call("get-sum", map[string]any{"a": 1, "b": 2}),
	}}, &got)
	if got.Error != "" {
		t.Fatalf("%+v", got)
	}
	if got.Returned["iss"] != h.everything || got.Returned["state"] != "state-of-the-client" || got.Returned["code"] == "" {
		t.Errorf("the authorization response: %v", got.Returned)
	}
	if !slices.Contains(got.Tools, "echo") || slices.Contains(got.Tools, "get-env") || slices.Contains(got.Tools, "get-sum") {
		t.Errorf("tools %v", got.Tools)
	}
	if len(got.Calls) != 3 {
		t.Fatalf("calls %+v", got.Calls)
	}
	if !strings.Contains(got.Calls[0].Text, "hello") {
		t.Errorf("echo: %+v", got.Calls[0])
	}
	for i, want := range []struct{ reason, rule string }{{"tool_disabled", "proxies.everything.tools.rules.get-env"}, {"not_in_group", "proxies.everything.tools.rules.get-s*"}} {
		c := got.Calls[i+1]
		if c.Code != 403 || c.Data["reason"] != want.reason || c.Data["rule"] != want.rule || c.Data["proxy"] != "everything" || c.Data["request_id"] == "" {
			t.Errorf("%s: %+v", c.Name, c)
		}
	}
	if got.AfterRefresh == 0 || !got.Rotated {
		t.Errorf("after the refresh %d tools, rotated %v", got.AfterRefresh, got.Rotated)
	}
}

func TestTypeScriptClientAgainstTheGoServer(t *testing.T) {
	h := open(t)
	before := h.calls.of("delete_all")
	var got tsResult
	h.script(t, "client.mjs", map[string]any{"url": h.notes, "who": "alice", "call": []any{
		call("admin_reset", map[string]any{}), call("delete_all", map[string]any{}),
	}}, &got)
	if got.Error != "" || !slices.Equal(got.Tools, []string{"admin_reset", "search_notes"}) || len(got.Calls) != 2 {
		t.Fatalf("%+v", got)
	}
	if got.Calls[0].Text != "ran admin_reset" || got.Calls[1].Code != 403 {
		t.Errorf("calls %+v", got.Calls)
	}
	if h.calls.of("delete_all") != before {
		t.Error("the upstream heard of the refused call")
	}
}

// refused is a person outside the groups: the login completes and says so, and no request passes.
func TestTypeScriptClientOutsideTheGroupsIsRefused(t *testing.T) {
	h := open(t)
	for _, who := range []string{"mallory", "eve"} { // eve gives Alice's address, unverified
		var got tsResult
		h.script(t, "client.mjs", map[string]any{"url": h.notes, "who": who}, &got)
		if len(got.Tools) > 0 || got.AfterRefresh > 0 {
			t.Errorf("%s sees tools: %+v", who, got)
		}
		last := got.Pages[len(got.Pages)-1]
		if last.Status != 403 || !strings.Contains(last.Title, "not admitted") {
			t.Errorf("%s ends at %+v", who, last)
		}
		if got.Returned["code"] != "" && !strings.Contains(got.Error, "403") && !strings.Contains(got.Error, "access_denied") {
			t.Errorf("%s gets %q", who, got.Error)
		}
	}
}

func TestTypeScriptClientHearsOfTheRefusedConsent(t *testing.T) {
	h := open(t)
	var got tsResult
	h.script(t, "client.mjs", map[string]any{"url": h.notes, "who": "bob", "decision": "deny"}, &got)
	if got.Returned["error"] != "access_denied" || got.Returned["state"] != "state-of-the-client" || got.Returned["iss"] == "" || got.Returned["code"] != "" {
		t.Errorf("%+v", got.Returned)
	}
	for _, p := range got.Pages {
		if strings.Contains(p.URL, "/login/") {
			t.Errorf("the provider was asked although consent was refused: %v", p)
		}
	}
}
