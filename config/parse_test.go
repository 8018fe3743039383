package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const okta = "providers:\n  okta: {id: 7, issuer: https://id.example.com, client_id: x}\n"

func none(string) string { return "" }

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// mustParse parses a text without an environment.
func mustParse(t *testing.T, s string) *Config {
	t.Helper()
	c, fs := Parse("test.yaml", []byte(s), Options{Getenv: none})
	if fs != nil {
		t.Fatal(fs)
	}
	return c
}

// wantFault demands an error fault that holds every one of parts.
func wantFault(t *testing.T, fs Faults, parts ...string) {
	t.Helper()
	for _, f := range fs.Errors() {
		ok := true
		for _, p := range parts {
			ok = ok && strings.Contains(f.Error(), p)
		}
		if ok {
			return
		}
	}
	t.Errorf("no fault with %q in\n%v", parts, fs)
}

func TestDefaults(t *testing.T) {
	c := mustParse(t, okta+"proxies:\n  notes: {upstream: http://127.0.0.1:1/mcp, allowed_groups: [], oauth: {provider: 7}}\n  chat: {type: llm, upstream: https://api.example.com/v1}\n")
	p, llm := c.Proxies["notes"], c.Proxies["chat"]
	for _, e := range []struct{ name, got, want string }{
		{"path", p.Path, "/notes"},
		{"provider by number", p.OAuth.Provider, "okta"},
		{"only provider", llm.OAuth.Provider, "okta"},
		{"names", p.Name + c.Providers["okta"].Name, "notesokta"},
		{"scopes", strings.Join(c.Providers["okta"].Scopes, " "), "openid profile email"},
		{"enabled in a map", fmt.Sprint(p.Enabled, c.Providers["okta"].Enabled, p.Discoverable), "true true true"},
		{"dcr", fmt.Sprint(*p.OAuth.DCR, *llm.OAuth.DCR, *p.OAuth.CIMD), "true false true"},
		{"max_body", fmt.Sprint(p.Limits.MaxBody, llm.Limits.MaxBody), "4194304 33554432"},
		{"response_header", fmt.Sprint(p.Timeouts.ResponseHeader, llm.Timeouts.ResponseHeader), "5m0s 10m0s"},
		{"session_ttl", p.OAuth.SessionTTL.String(), "720h0m0s"},
		{"keep in days", c.Audit.Rotate.Keep.String(), "2160h0m0s"},
		{"size", fmt.Sprint(int64(c.Audit.Rotate.Size)), "67108864"},
		{"rate", fmt.Sprint(c.RateLimits.Authorize), fmt.Sprint(Rate{120, time.Minute})},
		{"log", c.Log.Level + c.Log.Format, "infotext"},
		{"nobody is not everybody", fmt.Sprint(p.AllowedGroups == nil, llm.AllowedGroups == nil), "false true"},
	} {
		if e.got != e.want {
			t.Errorf("%s: got %q, want %q", e.name, e.got, e.want)
		}
	}
}

func TestPositions(t *testing.T) {
	c := mustParse(t, okta+"groups:\n  eng:\n    members:\n      - a@x.example\nproxies:\n  notes:\n    upstream: http://127.0.0.1:1/mcp\n    tools:\n      rules:\n        \"db.*\": disabled\n        b: {groups: [eng]}\n")
	for path, want := range map[string]Position{
		"providers":                            {1, 1},
		"providers.okta":                       {2, 3},
		"providers.okta.id":                    {2, 14},
		"groups.eng.members.0":                 {6, 9},
		"proxies.notes.upstream":               {9, 15},
		"proxies.notes.tools.rules.db.*":       {12, 17},
		"proxies.notes.tools.rules.b":          {13, 9},
		"proxies.notes.tools.rules.b.groups.0": {13, 22},
		"proxies.notes.oauth.mode":             {8, 3}, // not in the file: its nearest parent that is
		"nowhere":                              {},
	} {
		if got := c.At(path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

func TestRulesAndOpenForms(t *testing.T) {
	c := mustParse(t, okta+`groups: {admins: {}}
proxies:
  notes:
    upstream: http://127.0.0.1:1/mcp
    legacy_sse: false
    oauth: {scopes: "read write", provider_scopes: []}
    tools: {rules: {a: enabled, b: disabled, c: {groups: [admins]}, d: {groups: []}}}
builtin_mcp: {require_auth: true}
`)
	p := c.Proxies["notes"]
	r := p.Tools.Rules
	if r["a"].State != "enabled" || r["b"].State != "disabled" || r["c"].State != "restricted" || r["c"].Groups[0] != "admins" {
		t.Errorf("rules %+v", r)
	}
	if r["d"].Groups == nil || len(r["d"].Groups) != 0 {
		t.Error("groups: [] must stay nobody")
	}
	if p.LegacySSE != "false" || c.BuiltinMCP.RequireAuth != "true" || len(p.OAuth.Scopes) != 2 {
		t.Errorf("got %q %q %q", p.LegacySSE, c.BuiltinMCP.RequireAuth, p.OAuth.Scopes)
	}
}

func TestMergeKeysAndAliasesThatAreHarmless(t *testing.T) {
	c := mustParse(t, okta+"proxies:\n  a: &a\n    upstream: http://127.0.0.1:1/mcp\n    allowed_groups: []\n    path: /x\n  b:\n    <<: *a\n    path: /y\n")
	if b := c.Proxies["b"]; b.Path != "/y" || b.Upstream == "" || b.AllowedGroups == nil {
		t.Errorf("got %+v", b)
	}
}

func TestHugeAndDeepFilesEndQuickly(t *testing.T) {
	bomb := "x0: &x0 [y]\n"
	for i := 1; i < 30; i++ {
		bomb += fmt.Sprintf("x%d: &x%d [%s*x%d]\n", i, i, strings.Repeat(fmt.Sprintf("*x%d, ", i-1), 9), i-1)
	}
	deepTools := "proxies: {a: {upstream_auth: {oauth: &o {tools: {t: *o}}}}}"
	nested := "proxies:\n  a:\n    upstream_auth:\n      oauth:\n        tools:\n"
	doubling := "          t0: &t0 {scopes: [a]}\n"
	for i := 1; i < 40; i++ {
		doubling += fmt.Sprintf("          t%d: &t%d {tools: {a: *t%d, b: *t%d}}\n", i, i, i-1, i-1)
	}
	for name, src := range map[string]string{
		"flow":             strings.Repeat("[", 1_000_000),
		"maps":             strings.Repeat("{a: ", 500_000),
		"block":            strings.Repeat("- ", 1_000_000),
		"too large":        strings.Repeat("#\n", 100<<19),
		"bomb":             bomb + "groups: {e: {members: *x29}}\n",
		"holds itself":     deepTools,
		"doubling aliases": nested + doubling,
		"unknown keys":     strings.Repeat("providerz: {}\n", 100_000),
		"distinct keys":    manyLines("k%d: {}\n", 200_000),
		"groups":           "groups:\n" + manyLines("  g%d: {groups: [h%[1]d]}\n", 60_000),
		"NUL":              "server: {}\x00",
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			c, fs := Parse("test.yaml", []byte(src), Options{Getenv: none})
			if c != nil || len(fs) == 0 {
				t.Error("it parses")
			}
			if len(fs) > 3*maxFaults {
				t.Errorf("%d faults", len(fs))
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func manyLines(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestFollowOnFaultsAreNotTold(t *testing.T) {
	_, fs := ParseString("providers:\n  okta: {isuer: https://id.example.com, client_id: x}\nproxies:\n  a: {upsteam: http://127.0.0.1:1/mcp}\n")
	if len(fs) != 2 {
		t.Errorf("got\n%v", fs)
	}
}

func TestLoadAndMode(t *testing.T) {
	dir := t.TempDir()
	secret := okta + "storage: {encryption_key: 0123456789abcdef0123456789}\n"
	def := okta + "storage: {encryption_key: \"${NOT_SET_ANYWHERE_1, 0123456789abcdef}\"}\n"
	for name, e := range map[string]struct {
		text string
		mode os.FileMode
		want string // "", warning or error
	}{
		"no secret, readable by all":        {okta, 0o644, ""},
		"no secret, writable by all":        {okta, 0o666, Warning},
		"secret, owner only":                {secret, 0o600, ""},
		"secret, group may read":            {secret, 0o640, ""},
		"secret, group may write":           {secret, 0o660, Warning},
		"secret, world-readable":            {secret, 0o644, Error},
		"default of a reference is written": {def, 0o644, Error},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "_"))
			if err := os.WriteFile(path, []byte(e.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, e.mode); err != nil {
				t.Fatal(err)
			}
			c, fs := Load(path)
			got := ""
			switch {
			case c == nil:
				got = Error
			case len(c.Warnings) > 0:
				got, fs = Warning, c.Warnings
			}
			if got != e.want {
				t.Errorf("got %q, want %q: %v", got, e.want, fs)
			}
			if strings.Contains(fs.Error(), "0123456789abcdef") {
				t.Error("the secret is in the message")
			}
		})
	}
	if _, fs := Load(filepath.Join(dir, "absent")); len(fs) != 1 {
		t.Error(fs)
	}
	if _, fs := Load(dir); len(fs) != 1 || !strings.Contains(fs.Error(), "regular") {
		t.Error(fs)
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/broken/*.yaml")
	for _, file := range append(files, sampleFile) {
		if data, err := os.ReadFile(file); err == nil && len(data) < 8<<10 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o := Options{Getenv: goldenEnv, ReadFile: func(string) ([]byte, error) { return nil, os.ErrNotExist }}
		c, fs := Parse("fuzz.yaml", data, o)
		if (c == nil) != (len(fs.Errors()) > 0) {
			t.Fatalf("config %v, faults %v", c != nil, fs)
		}
		lines := strings.Count(string(data), "\n") + 2
		for _, f := range fs {
			if f.Line < 0 || f.Line > lines || f.Message == "" {
				t.Fatalf("fault %+v", f)
			}
			Caret(f, data)
		}
		if c == nil {
			return
		}
		for _, p := range c.Proxies {
			if p.OAuth.DCR == nil || p.OAuth.CIMD == nil || p.Limits.MaxBody == 0 || p.Path == "" && p.Listen == "" {
				t.Fatalf("not filled: %+v", p)
			}
			_ = c.Resource(p)
		}
	})
}
