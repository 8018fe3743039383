package config

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v3"
)

const fullFile = "testdata/full.yaml"

func full(t *testing.T) (*Config, []byte) {
	t.Helper()
	data, err := os.ReadFile(fullFile)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Mode: 0o644, Getenv: func(n string) string {
		return map[string]string{"CREDENTIALS_DIRECTORY": "/creds", "OKTA_CLIENT_SECRET": "in-the-environment"}[n]
	}, ReadFile: func(string) ([]byte, error) { return []byte("0123456789abcdef\n"), nil }}
	o.Mode = 0o600 // the default of OKTA_CLIENT_SECRET is a secret written out
	c, fs := Parse(fullFile, data, o)
	if fs != nil {
		t.Fatal(fs)
	}
	return c, data
}

// TestWhatIsNotInThisVersionIsNamed: the whole vocabulary parses; each key whose feature is missing is named, and closes
// the proxy that uses it.
func TestWhatIsNotInThisVersionIsNamed(t *testing.T) {
	c, _ := full(t)
	var b strings.Builder
	for _, f := range c.Warnings {
		b.WriteString(f.Error() + "\n")
	}
	for _, name := range names(c.Proxies) {
		b.WriteString("closed " + name + ": " + c.Proxies[name].Closed + "\n")
	}
	const golden = "testdata/full.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, _ := os.ReadFile(golden)
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestFullFileShowsEveryKey keeps testdata/full.yaml what it says it is.
func TestFullFileShowsEveryKey(t *testing.T) {
	c, _ := full(t)
	given := map[string]bool{}
	for p := range c.positions {
		for _, part := range strings.Split(p, ".") {
			given[part] = true
		}
	}
	for key := range maps.Keys(homes()) {
		if !given[key] && !slices.Contains([]string{"cert_file", "key_file", "eq", "match", "glob"}, key) {
			t.Errorf("%s is not in %s", key, fullFile)
		}
	}
}

// TestSchemaAgreesWithParse: what Parse takes the schema takes, and a slip that Parse refuses the schema marks as well.
func TestSchemaAgreesWithParse(t *testing.T) {
	var s jsonschema.Schema
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	validate := func(text []byte) error {
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		return r.Validate(v)
	}
	_, text := full(t)
	sample, err := os.ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string][]byte{"full": text, "sample": sample,
		"references": []byte("server: {allow_insecure: '${X}', shutdown_grace: '${X, 20s}'}\nrate_limits: {token: '${X:60/m}'}\nlog: {level: '${env:X}'}\nproxies: {a: {id: '${X}', limits: {max_body: '${X}'}, tools: {rules: {x: '${X}'}}}}"),
		"numbers":    []byte("proxies: {a: {oauth: {refresh_grace: 0, provider: 7}, limits: {max_body: 1048576}}}"),
	} {
		if err := validate(ok); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, broken := range map[string]string{
		"unknown key": "servr: {}",
		"enum":        "log: {level: loud}",
		"rule":        "proxies: {a: {tools: {rules: {x: restricted}}}}",
		"duration":    "server: {shutdown_grace: 20}",
		"rate":        "rate_limits: {token: 60}",
		"null":        "proxies: {a: {allowed_groups: }}",
		"list":        "groups: {a: {members: x}}",
		"nested":      "proxies: {a: {oauth: {require_auht: true}}}",
	} {
		if err := validate([]byte(broken)); err == nil {
			t.Errorf("%s: the schema admits %s", name, broken)
		}
	}
}

func TestEveryFieldHasAReader(t *testing.T) {
	var walk func(typ reflect.Type)
	seen := map[reflect.Type]bool{}
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Map, reflect.Slice:
			walk(typ.Elem())
		case reflect.Struct:
			if seen[typ] {
				return
			}
			seen[typ] = true
			for _, f := range fieldsOf(typ) {
				if f.def != "" {
					setDefault(reflect.New(f.typ).Elem(), f.def) // panics on a default that does not parse
				}
				if f.def != "" && len(f.enum) > 0 && f.typ.Kind() == reflect.String && !slices.Contains(f.enum, f.def) {
					t.Errorf("%s: default %q is not in its enum", f.key, f.def)
				}
				walk(f.typ)
			}
		}
	}
	walk(reflect.TypeFor[Config]())
}
