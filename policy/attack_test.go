package policy

import (
	"strings"
	"testing"

	"gatehouse/config"
)

func TestToolNameLookAlikesAreRefused(t *testing.T) {
	c := sample()
	c.Proxies["notes"].Tools.Rules["danger"] = off
	p := compiled(t, c)
	s := p.Subject(somebody("alice@example.com"), false)
	for _, name := range []string{"", "d\u0430nger", "danger\u200b", " danger", "danger ", "danger\n", "\uff44anger", "danger\x00", "d*nger", "danger?",
		strings.Repeat("a", 129), "\xffdanger", "dan\u202eger", "danger%00", "danger\t"} {
		if d := p.Decide("notes", s, KindTool, name); d != (Decision{Rule: "proxies.notes.tools.default", Reason: ReasonBadName}) {
			t.Errorf("tool %q: %+v", name, d)
		}
	}
	// Another case is another name: it falls to the default, and the upstream does not know it either.
	if d := p.Decide("notes", s, KindTool, "DANGER"); d.Rule != "proxies.notes.tools.default" {
		t.Errorf("DANGER: %+v", d)
	}
}

func TestResourceSpellingsCannotWalkAroundARule(t *testing.T) {
	c := sample()
	c.Proxies["notes"].Resources = config.Rules{Default: "enabled", Rules: map[string]config.Rule{"file:///etc/*": off, "https://intra.test/*": off}}
	p := compiled(t, c)
	s := p.Subject(somebody("alice@example.com"), false)
	for _, uri := range []string{
		"file:///srv/../etc/passwd", "file:///./etc/passwd", "file:////etc/passwd", "file:///etc//passwd", "file:///x//etc/passwd",
		"FILE:///etc/passwd", "File:///etc/passwd", "file:///%65tc/passwd", "file:///srv/%2e%2e/etc/passwd", "file:///srv%2f..%2fetc/passwd",
		`file:\\\etc\passwd`, "file:///etc/passwd%00.txt", "https://INTRA.test/x", "https://intra.test/a/..", " file:///etc/passwd",
		"file:///etc\u200b/passwd", "file:///etc/%zz", "file:///etc/%6", "file:///\u0435tc/passwd", "", "noscheme", strings.Repeat("a:", 5000),
		"file:///etc/passwd", "https://intra.test/x",
	} {
		if d := p.Decide("notes", s, KindResource, uri); d.Allow {
			t.Errorf("%q is allowed: %+v", uri, d)
		}
	}
	for _, uri := range []string{"file:///srv/a%20b.txt", "https://other.test/x?u=http://intra.test//..", "demo://resource/static/1", "urn:isbn:1", "notes://Inbox/1", "file:///srv/x/"} {
		if d := p.Decide("notes", s, KindResource, uri); !d.Allow {
			t.Errorf("%q is refused: %+v", uri, d)
		}
	}
}

func TestConditionOfALaterVersionRefuses(t *testing.T) {
	c := sample()
	c.Proxies["everyone"].Tools.Rules = map[string]config.Rule{
		"run_query": {State: "restricted", When: "true"},
		"move":      {State: "enabled", Args: map[string]config.ArgRule{"/a": {Eq: "b"}}},
	}
	c.Groups["later"] = &config.Group{Rules: []config.GroupRule{{When: "true"}, {OrgDomain: "example.com", EmailDomain: "example.com"}}}
	p := compiled(t, c)
	s := p.Subject(somebody("alice@example.com"), false)
	for _, tool := range []string{"run_query", "move"} {
		if d := p.Decide("everyone", s, KindTool, tool); d.Allow {
			t.Errorf("%s: %+v", tool, d)
		}
	}
	if strings.Contains(strings.Join(s.Groups, " "), "later") {
		t.Errorf("a rule that cannot be checked admitted him: %v", s.Groups)
	}
}

func TestStaleSubjectKeepsNoRights(t *testing.T) {
	old := compiled(t, sample())
	s := old.Subject(somebody("alice@example.com"), false)
	c := sample()
	c.Groups["engineering"].Members = nil
	c.Users["alice@example.com"] = &config.User{Disabled: true}
	now := compiled(t, c)
	if d := now.Enter("notes", s); d.Allow || d.Reason != ReasonUserDisabled {
		t.Errorf("Enter with a subject of the old file: %+v", d)
	}
}

func TestRegexCannotEscapeItsAnchors(t *testing.T) {
	if _, err := anchored(`a)|(b`); err == nil {
		t.Error("an expression that only balances between our parentheses compiled")
	}
	re, err := anchored(`(?m)alice@example\.com$|x`)
	if err != nil {
		t.Fatal(err)
	}
	if re.MatchString("alice@example.com\nevil") || re.MatchString("evil x") || !re.MatchString("ALICE@example.com") {
		t.Error("the expression is not anchored")
	}
}

func TestCompileFaults(t *testing.T) {
	for _, tc := range []struct {
		name, path string
		change     func(*config.Config)
	}{
		{"regular expression", "groups.staff.rules.0.email_regex", func(c *config.Config) { c.Groups["staff"].Rules[0].EmailRegex = "(" }},
		{"open domain", "groups.staff.rules.0.email_pattern", func(c *config.Config) { c.Groups["staff"].Rules[0].EmailPattern = "admin@example.*" }},
		{"no domain", "groups.staff.rules.0.email_pattern", func(c *config.Config) { c.Groups["staff"].Rules[0].EmailPattern = "contractor-*" }},
		{"domain with a glob", "groups.staff.rules.0.email_domain", func(c *config.Config) { c.Groups["staff"].Rules[0].EmailDomain = "*.example.com" }},
		{"rule without a condition", "groups.staff.rules.0", func(c *config.Config) { c.Groups["staff"].Rules[0] = config.GroupRule{Priority: 3} }},
		{"undeclared group", "proxies.notes.allowed_groups.2", func(c *config.Config) {
			c.Proxies["notes"].AllowedGroups = append(c.Proxies["notes"].AllowedGroups, "enginering")
		}},
		{"unknown provider of a group", "proxies.notes.tools.rules.x.groups.0", func(c *config.Config) { c.Proxies["notes"].Tools.Rules["x"] = restricted("oktaa:eng") }},
		{"member is nobody", "groups.admins.members.0", func(c *config.Config) { c.Groups["admins"].Members = []string{"root"} }},
		{"user is nobody", "users.oktaa:eve@example.com", func(c *config.Config) { c.Users["oktaa:eve@example.com"] = &config.User{Disabled: true} }},
		{"override of no proxy", "users.dave@example.com.tools.nots", func(c *config.Config) {
			c.Users["dave@example.com"].Tools["nots"] = map[string]string{"x": "disabled"}
		}},
		{"override is no word", "users.dave@example.com.tools.notes.x", func(c *config.Config) { c.Users["dave@example.com"].Tools["notes"]["x"] = "maybe" }},
		{"tool name never matches", "proxies.notes.tools.rules.delete all", func(c *config.Config) { c.Proxies["notes"].Tools.Rules["delete all"] = off }},
		{"resource never matches", "proxies.notes.resources.rules.FILE:///etc/passwd", func(c *config.Config) { c.Proxies["notes"].Resources.Rules["FILE:///etc/passwd"] = off }},
		{"colon in a group name", "groups.okta:eng", func(c *config.Config) { c.Groups["okta:eng"] = &config.Group{} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := sample()
			tc.change(c)
			_, faults := Compile(c)
			if len(faults) != 1 || faults[0].Path != tc.path {
				t.Errorf("faults %v, want one at %s", faults, tc.path)
			}
		})
	}
}

func TestStableSubKeepsProvidersApart(t *testing.T) {
	seen := map[string]bool{}
	for _, x := range [][3]string{{"a", "b", "c"}, {"ab", "", "c"}, {"a", "bc", ""}, {"", "ab", "c"}, {"a", "b", "C"}} {
		sub := StableSub(x[0], x[1], x[2])
		if seen[sub] || len(sub) != 28 || !strings.HasPrefix(sub, "u_") {
			t.Errorf("%v: %q", x, sub)
		}
		seen[sub] = true
	}
}
