package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReferences(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"token": "from-file\n", "${X}": "odd", "empty": "\n", "inject": "${SECRET}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Getenv: env("A", "alpha", "SECRET", "s3cret", "NESTED", "${SECRET}", "CREDENTIALS_DIRECTORY", dir, "PORT", "9050")}
	for raw, want := range map[string]string{
		"${A}":                      "alpha",
		"x-${A}-${env:A}-y":         "x-alpha-alpha-y",
		"${NONE, beta gamma}":       "beta gamma",
		"${NONE:beta}":              "beta",
		"${env:NONE, beta}":         "beta",
		"${NONE, }":                 "",
		"${NONE, http://h:1/x}":     "http://h:1/x",
		"${A, beta}":                "alpha",
		"${file:token}":             "from-file",
		"Bearer ${file:token}":      "Bearer from-file",
		"${cred:token}":             "from-file",
		"${file:" + dir + "/token}": "from-file",
		"${NESTED}":                 "${SECRET}", // TestReferenceIsExpandedOnce
		"${file:inject}":            "${SECRET}",
		"$${A}":                     "${A}",
		"cost $5":                   "cost $5",
		"${NONE, -x}":               "-x",
	} {
		text := "providers:\n  okta:\n    issuer: https://id.example.com\n    client_id: x\n    extra_params: {p: '" + raw + "'}\n"
		c, fs := Parse(filepath.Join(dir, "test.yaml"), []byte(text), o)
		if fs != nil {
			t.Errorf("%s: %v", raw, fs)
			continue
		}
		if got := c.Providers["okta"].ExtraParams["p"]; got != want {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	}
	for raw, want := range map[string]string{
		"${NONE}":          "environment variable NONE is not set",
		"${keyring:x}":     "${cred:NAME}",
		"${file:absent}":   "no such file",
		"${file:empty}":    "is empty",
		"${file:.}":        "not a regular file",
		"${cred:../token}": "not the name of a credential",
		"${NONE:-x}":       "the shell's way",
		"${A":              "not closed",
		"${A B}":           "is not a reference",
		"${}":              "is not a reference",
		"${NONE, ${A}}":    "inside a reference",
	} {
		_, fs := Parse(filepath.Join(dir, "test.yaml"), []byte("log:\n  file: '"+raw+"'\n"), o)
		wantFault(t, fs, ":2:9: log.file: ", want)
	}
}

// CF-13: what a reference brings in is a value, never YAML and never another reference.
func TestReferenceCannotInjectYAML(t *testing.T) {
	o := Options{Getenv: env("X", "a\nserver: {allow_insecure: true}\n#", "L", "[admins, data]", "B", "true")}
	c, fs := Parse("test.yaml", []byte(okta+"groups: {a: {description: '${X}'}}\nserver: {allow_insecure: '${B}'}\n"), o)
	if fs != nil {
		t.Fatal(fs)
	}
	if !c.Server.AllowInsecure || !strings.HasPrefix(c.Groups["a"].Description, "a\nserver") {
		t.Errorf("got %+v", c.Groups["a"])
	}
	_, fs = Parse("test.yaml", []byte("groups: {a: {members: ${L}}}"), o)
	wantFault(t, fs, "")
}

func TestSecretsFromReferencesNeverPrint(t *testing.T) {
	const canary = "canary-value-123"
	o := Options{Getenv: env("C", canary, "CREDENTIALS_DIRECTORY", "/c"), ReadFile: func(string) ([]byte, error) { return []byte(canary), nil }}
	for _, src := range []string{
		"providers: {a: {client_secret: '${C}', issuer: '${C}', client_id: x}}",
		"providers: {a: {issuer: '${file:x}', client_id: x}}",
		"proxies: {a: {upstream: '${cred:x}', oauth: {mode: '${cred:x}', access_token_ttl: '${cred:x}'}}}",
		"server: {listen: '${file:x}', external_url: '${file:x}', trusted_proxies: ['${file:x}']}",
		"groups: {a: {members: ['${file:x}'], groups: ['${file:x}']}}",
		"storage: {url: '${C}'}",
		"rate_limits: {token: '${C}'}\nlog: {level: '${C}'}\naudit: {rotate: {size: '${C}'}}\nreload: {hold_if_cuts: '${C}'}",
	} {
		_, fs := Parse("test.yaml", []byte(src), o)
		if len(fs) == 0 {
			t.Errorf("no fault in %s", src)
		}
		if strings.Contains(fs.Error(), canary) {
			t.Errorf("%s:\n%v", src, fs)
		}
	}
}

func TestEnvironmentOverTheFile(t *testing.T) {
	text := []byte(okta + "storage: {encryption_key: from-the-file-1234}\nlog: {level: warn}\n")
	for name, e := range map[string]struct {
		env        func(string) string
		key, level string
	}{
		"file":               {none, "from-the-file-1234", "warn"},
		"first name wins":    {env("AUTH_ENCRYPTION_SECRET", "from-the-environment-1", "ENCRYPTION_KEY", "from-the-environment-2"), "from-the-environment-1", "warn"},
		"second name":        {env("ENCRYPTION_KEY", "from-the-environment-2", "LOG_LEVEL", "DEBUG"), "from-the-environment-2", "debug"},
		"nonsense log level": {env("LOG_LEVEL", "loud"), "from-the-file-1234", "warn"},
	} {
		c, fs := Parse("test.yaml", text, Options{Getenv: e.env})
		if fs != nil {
			t.Fatal(name, fs)
		}
		if got := c.Storage.EncryptionKey.Reveal(); got != e.key || c.Log.Level != e.level {
			t.Errorf("%s: got %q %q", name, got, c.Log.Level)
		}
	}
}

func FuzzReference(f *testing.F) {
	for _, s := range []string{"${A}", "${A, b}", "${A:b}", "$${A}", "x${file:a}y", "${", "${}", "${A${B}}", "$", "${cred:..}", "${env:A,}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := &decoder{c: &Config{Dir: "/nowhere"}, o: Options{Getenv: env("A", "${A}", "CREDENTIALS_DIRECTORY", "/c"),
			ReadFile: func(p string) ([]byte, error) {
				if strings.HasPrefix(p, "/c") && filepath.Dir(p) != "/c" {
					t.Fatalf("%q leaves the credentials directory", p)
				}
				return []byte("${A}"), nil
			}}}
		got, _, err := expand(s, d.reference)
		if err == nil && !strings.Contains(s, "${") && got != s {
			t.Fatalf("%q became %q", s, got)
		}
	})
}
