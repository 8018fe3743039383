package policy

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/config"
)

var update = flag.Bool("update", false, "rewrite the golden explanations")

const explained = `server: {listen: 127.0.0.1:8080}
providers:
  okta:
    issuer: https://example.okta.com
    client_id: gatehouse
groups:
  admins:
    members: [root@example.com]
  data:
    rules:
      - provider: okta
        claim: {groups: DataScience}
users:
  eve@example.com: {disabled: true}
proxies:
  db-readonly:
    upstream: http://127.0.0.1:3001/mcp
    allowed_groups: [data]
    tools:
      default: disabled
      rules:
        drop_table: {groups: [admins]}
        select: enabled
        "admin_*": disabled
`

// TestExplain holds the whole text of explanations, with the places in the file.
func TestExplain(t *testing.T) {
	c, faults := config.Parse("oauth2_config.yaml", []byte(explained), config.Options{})
	if c == nil {
		t.Fatal(faults)
	}
	p := compiled(t, c)
	bob := somebody("bob@example.com", func(id *Identity) { id.ProviderGroups = []string{"DataScience"} })
	carl := somebody("carl@example.com", unverified)
	var b strings.Builder
	for _, tc := range []struct {
		who     string
		s       *Subject
		proxy   string
		kind    string
		subject string
	}{
		{"bob", p.Subject(bob, false), "db-readonly", KindTool, "drop_table"},
		{"bob", p.Subject(bob, false), "db-readonly", KindTool, "select"},
		{"bob", p.Subject(bob, false), "db-readonly", KindTool, "newcomer"},
		{"bob", p.Subject(bob, false), "db-readonly", KindTool, "admin_reset"},
		{"bob", p.Subject(bob, false), "db-readonly", KindTool, "dr\u043ep_table"},
		{"bob", p.Subject(bob, false), "db-readonly", "", ""},
		{"bob, blocked", p.Subject(bob, true), "db-readonly", KindTool, "select"},
		{"carl", p.Subject(carl, false), "db-readonly", KindTool, "select"},
		{"eve", p.Subject(somebody("eve@example.com"), false), "db-readonly", KindTool, "select"},
		{"nobody", nil, "db-readonly", KindTool, "select"},
		{"bob", p.Subject(bob, false), "nosuch", KindTool, "select"},
	} {
		trace := p.Explain(tc.proxy, tc.s, tc.kind, tc.subject)
		fmt.Fprintf(&b, "%s at %s: %s %q => %v %s\n", tc.who, tc.proxy, tc.kind, tc.subject, trace.Allow, trace.Decision.Reason)
		for i, step := range trace.Steps {
			place := ""
			if step.Line > 0 {
				place = fmt.Sprintf("  [%s:%d:%d]", step.File, step.Line, step.Column)
			}
			fmt.Fprintf(&b, "  %d %-4s %-6s %s%s\n", i+1, step.State, step.Name, strings.ReplaceAll(step.Text, "\n", "\n                "), place)
			if step.Rule != "" {
				fmt.Fprintf(&b, "                rule %s\n", step.Rule)
			}
		}
		for _, hint := range trace.ToAllow {
			fmt.Fprintf(&b, "  to allow: %s\n", hint)
		}
	}
	file := filepath.Join("testdata", "explain.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("explanations differ (go test ./policy -update rewrites %s):\n%s", file, &b)
	}
}
