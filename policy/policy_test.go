package policy

import (
	"strings"
	"testing"

	"gatehouse/config"
)

func restricted(groups ...string) config.Rule {
	if groups == nil {
		groups = []string{}
	}
	return config.Rule{State: "restricted", Groups: groups}
}

var (
	on  = config.Rule{State: "enabled"}
	off = config.Rule{State: "disabled"}
)

// sample is a configuration as Parse leaves it.
func sample() *config.Config {
	proxy := func(p config.Proxy) *config.Proxy {
		p.Enabled = true
		return &p
	}
	signIn := config.ProxySignIn{Enabled: true, Provider: "okta"}
	return &config.Config{
		File: "oauth2_config.yaml",
		Providers: map[string]*config.Provider{
			"okta":   {Name: "okta", ID: 1, GroupsClaim: "groups", EmailClaim: "email", UserIDClaim: "sub"},
			"google": {Name: "google", ID: 2, GroupsClaim: "groups", EmailClaim: "work_mail", UserIDClaim: "sub"},
		},
		Groups: map[string]*config.Group{
			"engineering": {Members: []string{"Alice@Example.com", "okta:00u-carl"}, Groups: []string{"admins"},
				Rules: []config.GroupRule{{Provider: "1", Claim: map[string]string{"groups": "eng"}}}},
			"admins":      {Members: []string{"root@example.com"}},
			"staff":       {Rules: []config.GroupRule{{EmailDomain: "example.com"}}},
			"contractors": {Rules: []config.GroupRule{{EmailPattern: "contractor-*@example.com", Priority: 10, Stop: true}}},
			"research":    {Rules: []config.GroupRule{{EmailRegex: `r[0-9]+@example\.com`}}},
			"data":        {Groups: []string{"okta:data-science"}},
			"bots":        {},
		},
		Users: map[string]*config.User{
			"eve@example.com":   {Disabled: true},
			"okta:00u-mallory":  {Disabled: true},
			"dave@example.com":  {Groups: []string{"data"}, Tools: map[string]map[string]string{"notes": {"admin_reset": "enabled", "search_notes": "disabled"}}},
			"okta:00u-override": {Tools: map[string]map[string]string{"notes": {"*": "disabled", "search_notes": "enabled"}}},
		},
		Clients: map[string]*config.Client{"ci": {ID: "ci", Groups: []string{"bots"}}},
		Proxies: map[string]*config.Proxy{
			"notes": proxy(config.Proxy{Name: "notes", OAuth: signIn, AllowedGroups: []string{"engineering", "okta:visitors"},
				Tools: config.ToolRules{Default: "enabled", Rules: map[string]config.Rule{
					"delete_all": off, "admin_*": restricted("admins"), "admin_list*": on, "nobody_tool": restricted(), "anyone": {State: "restricted"}}},
				Resources: config.Rules{Default: "disabled", Rules: map[string]config.Rule{"file:///srv/*": on, "file:///srv/secret/*": off}},
				Prompts:   config.Rules{Default: "enabled", Rules: map[string]config.Rule{"risky": off}},
				Methods:   config.Rules{Default: "enabled", Rules: map[string]config.Rule{"logging/*": off, "completion/complete": restricted("data")}}}),
			"everyone": proxy(config.Proxy{Name: "everyone", OAuth: signIn, Tools: config.ToolRules{Default: "disabled"}}),
			"nobody":   proxy(config.Proxy{Name: "nobody", OAuth: signIn, AllowedGroups: []string{}}),
			"open":     proxy(config.Proxy{Name: "open", Tools: config.ToolRules{Default: "enabled", Rules: map[string]config.Rule{"delete_all": off}}}),
			"closed":   proxy(config.Proxy{Name: "closed", OAuth: signIn, Closed: "proxies.closed.type"}),
			"off":      {Name: "off", OAuth: signIn},
		},
	}
}

func compiled(t testing.TB, c *config.Config) *Policy {
	t.Helper()
	p, faults := Compile(c)
	if len(faults) > 0 {
		t.Fatalf("faults: %v", faults)
	}
	return p
}

// person is somebody from okta whose address is verified.
func somebody(email string, more ...func(*Identity)) Identity {
	id := Identity{Kind: User, Provider: "okta", Issuer: "https://okta.test", Subject: "00u-" + strings.SplitN(email, "@", 2)[0], Email: email, EmailVerified: true}
	id.Sub = StableSub(id.Provider, id.Issuer, id.Subject)
	for _, m := range more {
		m(&id)
	}
	return id
}

func unverified(id *Identity) { id.EmailVerified = false }

func TestGroupsOfAPerson(t *testing.T) {
	p := compiled(t, sample())
	for _, tc := range []struct {
		name string
		id   Identity
		want string
	}{
		{"member in another case", somebody("alice@example.com"), "engineering staff"},
		{"member of a nested group", somebody("root@example.com"), "admins engineering staff"},
		{"provider:subject", somebody("carl@elsewhere.test"), "engineering"},
		{"subject of another provider", somebody("carl@elsewhere.test", func(id *Identity) { id.Provider = "google" }), ""},
		{"unverified address gives nothing", somebody("alice@example.com", unverified), ""},
		{"unverified address, provider:subject still counts", somebody("carl@example.com", unverified), "engineering"},
		{"claim of the right provider", somebody("x@y.test", func(id *Identity) { id.ProviderGroups = []string{"eng"} }), "engineering"},
		{"claim of another provider", somebody("x@y.test", func(id *Identity) { id.ProviderGroups = []string{"eng"}; id.Provider = "google" }), ""},
		{"stop ends the search", somebody("contractor-7@example.com"), "contractors"},
		{"regular expression", somebody("r12@example.com"), "research staff"},
		{"regular expression is anchored", somebody("xr12@example.com"), "staff"},
		{"domain is compared whole", somebody("x@sub.example.com"), ""},
		{"domain suffix is not the domain", somebody("x@evilexample.com"), ""},
		{"two at signs give nothing", somebody("x@evil.test@example.com"), ""},
		{"provider group inside a declared one", somebody("x@y.test", func(id *Identity) { id.ProviderGroups = []string{"data-science", "unmentioned"} }), "data okta:data-science"},
		{"users.X.groups", somebody("dave@example.com"), "data staff"},
		{"users.X.groups unverified", somebody("dave@example.com", unverified), ""},
		{"groups claim named like a declared group", somebody("x@y.test", func(id *Identity) { id.ProviderGroups = []string{"admins"} }), ""},
		{"a person brings no groups of his own", somebody("x@y.test", func(id *Identity) { id.Groups = []string{"admins"} }), ""},
		{"client", Identity{Kind: Client, Subject: "ci", Sub: "ci", Groups: []string{"bots", "admins"}}, "bots"},
		{"client with a provider group", Identity{Kind: Client, Subject: "other", Sub: "other", Groups: []string{"okta:data-science"}}, ""},
		{"client with a member's address", Identity{Kind: Client, Subject: "x", Sub: "x", Email: "root@example.com", EmailVerified: true}, ""},
		{"anonymous", Anon(), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := p.Subject(tc.id, false)
			if got := strings.Join(s.Groups, " "); got != tc.want {
				t.Errorf("groups %q, want %q; why %v", got, tc.want, s.Why)
			}
			for _, w := range s.Why {
				if w.How == "" || w.Rule == "" {
					t.Errorf("membership without a reason: %+v", w)
				}
			}
		})
	}
}

func TestUnverifiedEmailGivesNoRightsByAClaimRule(t *testing.T) {
	c := sample()
	c.Groups["vip"] = &config.Group{Rules: []config.GroupRule{{Claim: map[string]string{"email": "boss@corp.test"}}, {Provider: "google", Claim: map[string]string{"work_mail": "boss@corp.test"}}}}
	p := compiled(t, c)
	for _, id := range []Identity{
		somebody("boss@corp.test", unverified),
		somebody("x@y.test", unverified, func(id *Identity) { id.Claims = map[string]any{"email": "boss@corp.test"} }),
		somebody("x@y.test", func(id *Identity) {
			id.Provider, id.Claims = "google", map[string]any{"work_mail": "boss@corp.test"}
		}),
	} {
		if s := p.Subject(id, false); len(s.Groups) > 0 {
			t.Errorf("%+v is in %v", id, s.Groups)
		}
	}
	if s := p.Subject(somebody("boss@corp.test"), false); len(s.Groups) != 1 {
		t.Errorf("the boss is in %v", s.Groups)
	}
}

func TestKelvinSignIsNoK(t *testing.T) {
	c := sample()
	c.Groups["admins"].Members = []string{"kim@corp.test"}
	if s := compiled(t, c).Subject(somebody("\u212aim@corp.test"), false); len(s.Groups) > 0 {
		t.Errorf("a look-alike address is in %v", s.Groups)
	}
}

func TestDisabledMatchesAnyAddress(t *testing.T) {
	p := compiled(t, sample())
	for _, tc := range []struct {
		name string
		id   Identity
		want string
	}{
		{"verified", somebody("eve@example.com"), "users.eve@example.com"},
		{"unverified", somebody("eve@example.com", unverified), "users.eve@example.com"},
		{"in another case", somebody("EVE@Example.COM"), "users.eve@example.com"},
		{"from another provider", somebody("eve@example.com", func(id *Identity) { id.Provider = "google" }), "users.eve@example.com"},
		{"in another claim", somebody("e@y.test", func(id *Identity) { id.Claims = map[string]any{"upn": "Eve@example.com"} }), "users.eve@example.com"},
		{"in a list claim", somebody("e@y.test", func(id *Identity) { id.Claims = map[string]any{"emails": []any{"a@b.c", "eve@example.com"}} }), "users.eve@example.com"},
		{"in the provider's own e-mail claim", somebody("e@y.test", func(id *Identity) {
			id.Provider, id.Claims = "google", map[string]any{"work_mail": "eve@example.com"}
		}), "users.eve@example.com"},
		{"somebody's manager is not he", somebody("e@y.test", func(id *Identity) { id.Claims = map[string]any{"manager": "eve@example.com"} }), ""},
		{"provider:subject", somebody("mallory@new-address.test"), "users.okta:00u-mallory"},
		{"same subject at another provider", somebody("mallory@y.test", func(id *Identity) { id.Provider = "google" }), ""},
		{"nobody", somebody("alice@example.com"), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := p.Disabled(tc.id); got != tc.want {
				t.Errorf("Disabled = %q, want %q", got, tc.want)
			}
			d := p.Enter("everyone", p.Subject(tc.id, false))
			if d.Allow != (tc.want == "") || !d.Allow && (d.Reason != ReasonUserDisabled || d.Rule != tc.want) {
				t.Errorf("Enter = %+v", d)
			}
		})
	}
}

func TestEnter(t *testing.T) {
	p := compiled(t, sample())
	alice, bob := somebody("alice@example.com"), somebody("bob@y.test")
	for _, tc := range []struct {
		name, proxy string
		s           *Subject
		want        Decision
	}{
		{"member", "notes", p.Subject(alice, false), Decision{true, "proxies.notes.allowed_groups", ""}},
		{"not a member", "notes", p.Subject(bob, false), Decision{false, "proxies.notes.allowed_groups", ReasonNotInGroup}},
		{"provider group", "notes", p.Subject(somebody("v@y.test", func(id *Identity) { id.ProviderGroups = []string{"visitors"} }), false), Decision{true, "proxies.notes.allowed_groups", ""}},
		{"no allowed_groups", "everyone", p.Subject(bob, false), Decision{true, "proxies.everyone.allowed_groups", ""}},
		{"empty allowed_groups", "nobody", p.Subject(alice, false), Decision{false, "proxies.nobody.allowed_groups", ReasonNotInGroup}},
		{"blocked", "notes", p.Subject(alice, true), Decision{false, "blocked", ReasonUserBlocked}},
		{"anonymous at a guarded proxy", "everyone", p.Subject(Anon(), false), Decision{false, "proxies.everyone.not_signed_in", ReasonNotSignedIn}},
		{"anonymous at an open proxy", "open", p.Subject(Anon(), false), Decision{true, "proxies.open.allowed_groups", ""}},
		{"nil", "everyone", nil, Decision{false, "proxies.everyone.not_signed_in", ReasonNotSignedIn}},
		{"nil at an open proxy", "open", nil, Decision{false, "proxies.open.not_signed_in", ReasonNotSignedIn}},
		{"unknown kind", "everyone", p.Subject(Identity{Kind: "root", Sub: "x"}, false), Decision{false, "proxies.everyone.not_signed_in", ReasonNotSignedIn}},
		{"no id", "everyone", p.Subject(Identity{Kind: User, Email: "alice@example.com", EmailVerified: true}, false), Decision{false, "proxies.everyone.not_signed_in", ReasonNotSignedIn}},
		{"unknown proxy", "nosuch", p.Subject(alice, false), Decision{false, "proxies.nosuch", ReasonProxyDisabled}},
		{"disabled proxy", "off", p.Subject(alice, false), Decision{false, "proxies.off.enabled", ReasonProxyDisabled}},
		{"closed proxy", "closed", p.Subject(alice, false), Decision{false, "proxies.closed.type", ReasonProxyClosed}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := p.Enter(tc.proxy, tc.s); got != tc.want {
				t.Errorf("Enter = %+v, want %+v", got, tc.want)
			}
		})
	}
	if got := strings.Join(p.Missing("notes", p.Subject(bob, false)), " "); got != "engineering okta:visitors" {
		t.Errorf("Missing = %q", got)
	}
	if got := p.Missing("notes", p.Subject(alice, true)); got != nil {
		t.Errorf("somebody blocked misses %q", got)
	}
}

func TestDecide(t *testing.T) {
	p := compiled(t, sample())
	alice, root, dave := somebody("alice@example.com"), somebody("root@example.com"), somebody("dave@example.com")
	const notes = "proxies.notes."
	for _, tc := range []struct {
		name       string
		id         Identity
		kind, what string
		want       Decision
	}{
		{"default", alice, KindTool, "search_notes", Decision{true, notes + "tools.default", ""}},
		{"disabled", alice, KindTool, "delete_all", Decision{false, notes + "tools.rules.delete_all", ReasonToolDisabled}},
		{"restricted", alice, KindTool, "admin_reset", Decision{false, notes + "tools.rules.admin_*", ReasonNotInGroup}},
		{"restricted, member", root, KindTool, "admin_reset", Decision{true, notes + "tools.rules.admin_*", ""}},
		{"longer glob first", alice, KindTool, "admin_list_all", Decision{true, notes + "tools.rules.admin_list*", ""}},
		{"restricted to nobody", root, KindTool, "nobody_tool", Decision{false, notes + "tools.rules.nobody_tool", ReasonNotInGroup}},
		{"mapping without groups", alice, KindTool, "anyone", Decision{true, notes + "tools.rules.anyone", ""}},
		{"override allows", dave, KindTool, "admin_reset", Decision{true, "users.dave@example.com.tools.notes.admin_reset", ""}},
		{"override refuses", dave, KindTool, "search_notes", Decision{false, "users.dave@example.com.tools.notes.search_notes", ReasonToolDisabled}},
		{"unverified override refuses", somebody("dave@example.com", unverified), KindTool, "search_notes", Decision{false, "users.dave@example.com.tools.notes.search_notes", ReasonToolDisabled}},
		{"unverified override allows nothing", somebody("dave@example.com", unverified), KindTool, "admin_reset", Decision{false, notes + "tools.rules.admin_*", ReasonNotInGroup}},
		{"override glob", somebody("override@y.test"), KindTool, "anything", Decision{false, "users.okta:00u-override.tools.notes.*", ReasonToolDisabled}},
		{"override exact before glob", somebody("override@y.test"), KindTool, "search_notes", Decision{true, "users.okta:00u-override.tools.notes.search_notes", ""}},
		{"resource", alice, KindResource, "file:///srv/a.txt", Decision{true, notes + "resources.rules.file:///srv/*", ""}},
		{"resource, longer", alice, KindResource, "file:///srv/secret/a", Decision{false, notes + "resources.rules.file:///srv/secret/*", ReasonResDisabled}},
		{"resource default", alice, KindResource, "file:///etc/passwd", Decision{false, notes + "resources.default", ReasonResDisabled}},
		{"prompt", alice, KindPrompt, "risky", Decision{false, notes + "prompts.rules.risky", ReasonPromptOff}},
		{"prompt default", alice, KindPrompt, "greet me", Decision{true, notes + "prompts.default", ""}},
		{"method", alice, KindMethod, "initialize", Decision{true, notes + "methods.default", ""}},
		{"method glob", alice, KindMethod, "logging/setLevel", Decision{false, notes + "methods.rules.logging/*", ReasonMethodOff}},
		{"method restricted", alice, KindMethod, "completion/complete", Decision{false, notes + "methods.rules.completion/complete", ReasonNotInGroup}},
		{"unknown kind", alice, "sampling", "x", Decision{false, "proxies.notes", ReasonBadName}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := p.Decide("notes", p.Subject(tc.id, false), tc.kind, tc.what); got != tc.want {
				t.Errorf("Decide = %+v, want %+v", got, tc.want)
			}
		})
	}
	c := sample()
	c.Proxies["notes"].ID = 7
	c.Users["alice@example.com"] = &config.User{Tools: map[string]map[string]string{"7": {"search_notes": "disabled"}}}
	numbered := compiled(t, c)
	if d := numbered.Decide("notes", numbered.Subject(alice, false), KindTool, "search_notes"); d.Rule != "users.alice@example.com.tools.7.search_notes" {
		t.Errorf("override by the proxy's number: %+v", d)
	}
	for _, proxy := range []string{"nosuch", "off", "closed"} {
		if d := p.Decide(proxy, p.Subject(alice, false), KindTool, "x"); d.Allow || d.Rule == "" {
			t.Errorf("Decide(%s) = %+v", proxy, d)
		}
	}
	if d := p.Decide("open", nil, KindTool, "x"); d.Allow {
		t.Errorf("nil subject: %+v", d)
	}
}
