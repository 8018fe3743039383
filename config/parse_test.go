package config

import "testing"

func TestParseSmallest(t *testing.T) {
	c, fs := ParseString("providers:\n  okta: {issuer: https://a.example, client_id: x}\nproxies:\n  notes: {upstream: http://127.0.0.1:1/mcp, allowed_groups: []}\n")
	if fs != nil {
		t.Fatal(fs)
	}
	p := c.Proxies["notes"]
	if p.Path != "/notes" || p.OAuth.Provider != "okta" || !p.Enabled || p.AllowedGroups == nil || !*p.OAuth.DCR {
		t.Errorf("got %+v", p)
	}
	if got := c.At("proxies.notes.upstream"); got != (Position{4, 21}) {
		t.Errorf("position %v", got)
	}
}
