package policy

import (
	"testing"

	"gatehouse/config"
)

// TestOtherCaseOfARefusedNameIsRefused is TP-09: a careless upstream takes DANGER for danger.
func TestOtherCaseOfARefusedNameIsRefused(t *testing.T) {
	c := &config.Config{
		Users:  map[string]*config.User{"bob@x.test": {Tools: map[string]map[string]string{"p": {"Notes_Read": "disabled", "admin_*": "enabled"}}}},
		Groups: map[string]*config.Group{"eng": {Name: "eng", Members: []string{"alice@x.test"}}},
		Proxies: map[string]*config.Proxy{"p": {
			Name: "p", Type: "mcp", Enabled: true, OAuth: config.ProxySignIn{Enabled: true},
			Tools: config.ToolRules{Default: "enabled", Rules: map[string]config.Rule{
				"danger": {State: "disabled"}, "Export_*": {State: "disabled"}, "export_list": {State: "enabled"}, "admin_*": {State: "restricted", Groups: []string{"eng"}},
				"Search": {State: "enabled"}, "search": {State: "disabled"}, "*": {State: "enabled"},
			}},
			Resources: config.Rules{Default: "enabled", Rules: map[string]config.Rule{"file:///a": {State: "disabled"}}},
			Prompts:   config.Rules{Default: "enabled", Rules: map[string]config.Rule{"secret": {State: "disabled"}}},
			Methods:   config.Rules{Default: "enabled", Rules: map[string]config.Rule{"tasks/result": {State: "disabled"}}},
		}},
	}
	p, faults := Compile(c)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	person := func(name string) *Subject {
		return p.Subject(Identity{Kind: User, Provider: "o", Issuer: "i", Subject: name, Sub: "u_" + name, Email: name + "@x.test", EmailVerified: true}, false)
	}
	alice, bob := person("alice"), person("bob")
	for _, tt := range []struct {
		who        *Subject
		kind, name string
		allow      bool
	}{
		{alice, KindTool, "DANGER", false}, {alice, KindTool, "Danger", false}, {alice, KindTool, "dangerous", true},
		{alice, KindTool, "export_x", false}, {alice, KindTool, "EXPORT_X", false}, {alice, KindTool, "export_list", true}, {alice, KindTool, "Export_List", false},
		{alice, KindTool, "admin_x", true}, {alice, KindTool, "ADMIN_X", true}, {alice, KindTool, "notes_read", true},
		{alice, KindTool, "Search", true}, {alice, KindTool, "search", false}, {alice, KindTool, "SEARCH", false},
		{bob, KindTool, "admin_x", true}, {bob, KindTool, "ADMIN_X", false}, {bob, KindTool, "notes_read", false}, {bob, KindTool, "safe", true},
		{alice, KindPrompt, "SECRET", false}, {alice, KindMethod, "Tasks/Result", false}, {alice, KindMethod, "tasks/list", true},
		{alice, KindResource, "file:///A", true},
	} {
		if d := p.Decide("p", tt.who, tt.kind, tt.name); d.Allow != tt.allow {
			t.Errorf("%s %s for %s: %+v", tt.kind, tt.name, tt.who.Identity.Email, d)
		} else if trace := p.Explain("p", tt.who, tt.kind, tt.name); trace.Allow != tt.allow {
			t.Errorf("explain says otherwise of %s", tt.name)
		}
	}
}
