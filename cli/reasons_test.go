package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// reasonsInCode find the words that code gives as a reason: a constant, a field, a variable, or an argument of the
// functions that refuse.
var reasonsInCode = []*regexp.Regexp{
	regexp.MustCompile(`(?i)\breason\w*\s*(?::|:=|=|==)\s*"([a-z_]+)"`),
	regexp.MustCompile(`audit\.(?:Denied|Error), "([a-z_]+)"`),
	regexp.MustCompile(`\b(?:invalidGrant|forbiddenForm|badRequest)\("([a-z_]+)"`),
	regexp.MustCompile(`\bbadCallback\(r, "([a-z_]+)"`),
	regexp.MustCompile(`\brecheckEnds\(.*"([a-z_]+)", nil\)`),
	regexp.MustCompile(`\brefuse\("[a-z_]+", "([a-z_]+)"`),
	regexp.MustCompile(`\bx\.(?:refuse|tooMany)\(.*"([a-z_]+)"\)`),
	regexp.MustCompile(`\bx\.(?:refused|refusedCheaply)\("[a-z._]*", "([a-z_]+)"`),
}

// notCode are rooms whose reasons never reach an answer or the audit log.
var notCode = []string{"demo", "gatetest", "bench", "accept", "interop", "cli", "control", "doc", "store/storetest"}

func TestEveryReasonInTheCodeIsExplained(t *testing.T) {
	root := ".."
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			for _, room := range notCode {
				if rel == room {
					return filepath.SkipDir
				}
			}
			if strings.HasPrefix(d.Name(), ".git") || d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, re := range reasonsInCode {
			for _, m := range re.FindAllStringSubmatch(string(b), -1) {
				found[m[1]] = rel
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 50 {
		t.Fatalf("only %d reasons found: the search is broken", len(found))
	}
	for word, file := range found {
		if _, ok := reasonOf(word); !ok {
			t.Errorf("%s gives the reason %q, which `gatehouse errors` does not know", file, word)
		}
	}
}

func TestReasonsAreOneSet(t *testing.T) {
	seen := map[string]bool{}
	for _, group := range reasons {
		for _, r := range group.words {
			if seen[r.word] {
				t.Errorf("%q stands twice", r.word)
			}
			seen[r.word] = true
			if r.what == "" || r.fix == "" {
				t.Errorf("%q has no meaning or no fix", r.word)
			}
		}
	}
}
