package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files and the schema")

// goldenEnv is the world of the files in testdata/broken.
func goldenEnv(name string) string {
	return map[string]string{"CANARY": "s3cret-canary"}[name]
}

// TestBroken holds every message to its wording and its position: operators search for them, and editors jump to them.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, fs := Parse(filepath.ToSlash(file), data, Options{Getenv: goldenEnv})
			if c != nil || len(fs.Errors()) == 0 {
				t.Error("it parses")
			}
			var b strings.Builder
			for _, f := range fs {
				f.File = filepath.Base(f.File)
				b.WriteString(f.Severity + " " + f.Error() + "\n" + Caret(f, data))
			}
			if strings.Contains(b.String(), "canary") {
				t.Errorf("a secret in\n%s", b.String())
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, _ := os.ReadFile(golden)
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}
