package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"gatehouse/config"
)

func readDoc(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("doc", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sources calls f with every Go file of the module, and whether it is a test.
func sources(t *testing.T, f func(text string, test bool)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || len(path) > 1 && strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		b, err := os.ReadFile(path)
		if err == nil {
			f(string(b), strings.HasSuffix(path, "_test.go"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSecurityPageNamesTestsThatExist: a defence whose test was renamed or removed must not look held.
func TestSecurityPageNamesTestsThatExist(t *testing.T) {
	known := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	sources(t, func(text string, test bool) {
		for _, m := range declared.FindAllStringSubmatch(text, -1) {
			known[m[1]] = known[m[1]] || test
		}
	})
	page := readDoc(t, "security.md")
	names := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(page, -1)
	if len(names) < 100 {
		t.Fatalf("the page names %d tests", len(names))
	}
	for _, m := range names {
		if !known[m[1]] {
			t.Errorf("there is no %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`(\\w+\\.txtar|accept/\\w+)`").FindAllStringSubmatch(page, -1) {
		path := m[1]
		if strings.HasSuffix(path, ".txtar") {
			path = filepath.Join("testdata", "script", path)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
	}
}

// TestConfigurationPageHasEveryKey compares the tables with the types, defaults included.
func TestConfigurationPageHasEveryKey(t *testing.T) {
	page := readDoc(t, "configuration.md")
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Map || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			f := typ.Field(i)
			key, later := f.Tag.Get("yaml"), f.Tag.Get("later")
			if key == "" || key == "-" {
				continue
			}
			def := ""
			if d := f.Tag.Get("default"); d != "" {
				def = " `" + regexp.QuoteMeta(d) + "`"
			}
			row := "(?m)^\\| `" + key + "` \\| .* \\|" + def + " \\| .*"
			switch {
			case later == "true":
				row += `\*\*Not in this version\.\*\*`
			case later != "":
				row += "\\*\\*Not in this version:\\*\\* `" + strings.ReplaceAll(later, "|", "` `") + "`"
			}
			if !regexp.MustCompile(row + ".*$").MatchString(page) {
				t.Errorf("no row like %s", row)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[config.Config]())
}

// TestAuditPageHasEveryEvent: what is written must be explained, and what is explained written.
func TestAuditPageHasEveryEvent(t *testing.T) {
	prefixes := `(?:mcp|auth|consent|client|flow|token|session|admin|user|key|config|system|audit|tool|ratelimit)`
	quoted := regexp.MustCompile(`"(` + prefixes + `\.[a-z_]+)"`)
	written := map[string]bool{}
	sources(t, func(text string, test bool) {
		if !test {
			for _, m := range quoted.FindAllStringSubmatch(text, -1) {
				written[m[1]] = true
			}
		}
	})
	for _, other := range []string{"audit.salt", "audit.key", "audit.jsonl", "control.sock"} {
		delete(written, other)
	}
	explained := map[string]bool{}
	for line := range strings.Lines(readDoc(t, "audit.md")) {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		for _, m := range regexp.MustCompile("`("+prefixes+"\\.[a-z_]+)`").FindAllStringSubmatch(first, -1) {
			explained[m[1]] = true
		}
	}
	for event := range written {
		if !explained[event] {
			t.Errorf("%s is not on the page", event)
		}
	}
	for event := range explained {
		if !written[event] && !strings.HasPrefix(event, "audit.") { // audit.on_failure and its like are keys
			t.Errorf("%s is on the page and nowhere in the code", event)
		}
	}
}
