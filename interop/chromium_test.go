//go:build interop

package interop

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pagesResult is what pages.mjs prints.
type pagesResult struct {
	Error         string
	CSP           string
	FirstDecision string
	Violations    []string
	Returned      any
	Again         any
	Pages         []struct {
		URL      string
		H1       []string
		Text     string
		Styled   bool
		Ground   string
		Overflow int
		Focused  string
		Small    []string
	}
}

func (h *house) click(t *testing.T, task map[string]any) pagesResult {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("Chromium is not installed")
	}
	task["chromium"] = path
	if dir := os.Getenv("INTEROP_SCREENSHOTS"); dir != "" {
		task["screenshot"] = filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "_")+".png")
	}
	var got pagesResult
	h.script(t, "pages.mjs", task, &got)
	if got.Error != "" || len(got.Pages) == 0 {
		t.Fatalf("%+v", got)
	}
	if len(got.Violations) > 0 {
		t.Errorf("the pages violate their own policy: %q (%s)", got.Violations, got.CSP)
	}
	first := got.Pages[0]
	if len(first.H1) != 1 || !strings.HasPrefix(first.H1[0], "Connect Chromium <b>test</b> to ") {
		t.Errorf("heading %q", first.H1)
	}
	if !first.Styled || first.Overflow > 0 || first.Focused != "" || len(first.Small) > 0 {
		t.Errorf("styled %v, overflow %d px, focus on %q, smaller than 16 px: %v", first.Styled, first.Overflow, first.Focused, first.Small)
	}
	if !strings.Contains(first.Text, "http://127.0.0.1:") && !strings.Contains(first.Text, "http://[::1]:") || !strings.Contains(first.Text, "This app runs on your computer.") {
		t.Errorf("the page does not say where the answer goes: %q", first.Text)
	}
	if got.FirstDecision != "deny" {
		t.Errorf("the keyboard reaches %q first", got.FirstDecision)
	}
	return got
}

func TestChromiumAllowsAndComesBack(t *testing.T) {
	h := open(t)
	for _, tc := range []struct {
		name  string
		width int
		dark  bool
	}{{"wide", 1024, false}, {"narrow and dark", 320, true}} {
		t.Run(tc.name, func(t *testing.T) {
			got := h.click(t, map[string]any{"url": h.notes, "who": "bob", "width": tc.width, "dark": tc.dark, "again": true})
			back, _ := got.Returned.(map[string]any)
			if back["code"] != "present" || back["state"] != "st" || back["iss"] == "" {
				t.Errorf("came back with %v", got.Returned)
			}
			if again, _ := got.Again.(map[string]any); again["code"] != "present" {
				t.Errorf("the second time %v came back", got.Again)
			}
			if second := got.Pages[len(got.Pages)-1]; !strings.Contains(second.Text, "Signed in as bob@example.com") || second.Overflow > 0 {
				t.Errorf("the second page: %q", second.Text)
			}
			if dark := got.Pages[0].Ground == "rgb(18, 20, 22)"; dark != tc.dark {
				t.Errorf("the ground is %s", got.Pages[0].Ground)
			}
		})
	}
}

// TestChromiumComesBackToIPv6 is here because the grammar of form-action has no IPv6 addresses: what follows our form
// must not need one.
func TestChromiumComesBackToIPv6(t *testing.T) {
	h := open(t)
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	l.Close()
	got := h.click(t, map[string]any{"url": h.notes, "who": "bob", "address": "::1", "again": true})
	if again, _ := got.Again.(map[string]any); again["code"] != "present" {
		t.Errorf("the second time %v came back, policy %s", got.Again, got.CSP)
	}
}

func TestChromiumCancels(t *testing.T) {
	h := open(t)
	got := h.click(t, map[string]any{"url": h.everything, "decision": "deny"})
	back, _ := got.Returned.(map[string]any)
	if back["error"] != "access_denied" || back["code"] != nil {
		t.Errorf("came back with %v", got.Returned)
	}
}

func TestChromiumShowsWhoIsNotAdmitted(t *testing.T) {
	h := open(t)
	got := h.click(t, map[string]any{"url": h.notes, "who": "mallory"})
	last := got.Pages[len(got.Pages)-1]
	if !strings.Contains(last.Text, "engineering") || !strings.Contains(last.Text, "mallory@elsewhere.test") {
		t.Errorf("the last page: %q", last.Text)
	}
}
