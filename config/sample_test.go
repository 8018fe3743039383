package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const (
	sampleFile = "../oauth2_config.yaml"
	schemaFile = "../oauth2_config.schema.json"
)

func TestSampleValidates(t *testing.T) {
	data, err := os.ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	c, fs := Parse(sampleFile, data, Options{Mode: 0o644, Getenv: none})
	if fs != nil || len(c.Warnings) > 0 {
		t.Fatal(fs, c)
	}
	if !strings.HasPrefix(string(data), "# yaml-language-server: $schema=./oauth2_config.schema.json\n") {
		t.Error("the first line does not name the schema")
	}
	p := c.Proxies["notes"]
	if c.BaseURL(p) != "http://localhost:9050" || c.Resource(p) != "http://localhost:9050/mcp" || p.OAuth.Provider != "demo" || p.Closed != "" {
		t.Errorf("notes is %+v", p)
	}
}

// TestSampleShowsEveryKey uncomments the comments and looks for the keys of the types.
func TestSampleShowsEveryKey(t *testing.T) {
	data, err := os.ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type, path string)
	walk = func(typ reflect.Type, path string) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Map, reflect.Slice:
			walk(typ.Elem(), path)
		case reflect.Struct:
			if seen[typ] {
				return
			}
			seen[typ] = true
			for _, f := range fieldsOf(typ) {
				if f.doc == "" {
					t.Errorf("%s has no doc tag", join(path, f.key))
				}
				if !regexp.MustCompile(`(?m)[\s#{,"]`+f.key+`:`).Match(data) && typ != reflect.TypeFor[ArgRule]() {
					t.Errorf("the sample does not show %s", join(path, f.key))
				}
				walk(f.typ, join(path, f.key))
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
}

// TestSampleUncommented: what the sample offers is what Parse takes, once a second top-level key and the alternatives
// are resolved by taking each comment block away or in as a whole.
func TestCommentedBlocksOfTheSampleValidate(t *testing.T) {
	data, err := os.ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	base := regexp.MustCompile(`(?m)^ *#.*\n`).ReplaceAllString(string(data), "")
	for _, block := range []string{"storage", "users", "clients", "api_keys", "proxy_oauth", "rate_limits", "reload", "audit", "log", "metrics"} {
		re := regexp.MustCompile(`(?m)^# ` + block + `:.*\n(#  .*\n)*`)
		text := re.FindString(string(data))
		if text == "" {
			t.Errorf("no block %s", block)
			continue
		}
		text = regexp.MustCompile(`(?m)^# `).ReplaceAllString(text, "")
		o := Options{Getenv: func(n string) string {
			return map[string]string{"CREDENTIALS_DIRECTORY": "/creds"}[n]
		}, ReadFile: func(string) ([]byte, error) { return []byte("0123456789abcdef0123"), nil }}
		if _, fs := Parse("sample.yaml", []byte(base+text), o); fs != nil {
			t.Errorf("%s: %v", block, fs)
		}
	}
}

func TestSchemaIsCurrent(t *testing.T) {
	want := Schema()
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil || string(got) != string(want) {
		t.Errorf("%s is not what Schema makes: go test ./config -run TestSchema -update (%v)", schemaFile, err)
	}
}
