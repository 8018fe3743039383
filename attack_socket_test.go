package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatehouse/accept/gate"
)

// CT-01, CT-09: another user of the machine gets nothing from the sockets, even when somebody has opened them to all, and
// the try is on record; what an operator does carries the kernel's word and where they came from.
func TestStrangerAtTheSockets(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("being somebody else needs root")
	}
	g := newGate(t)
	for _, open := range []struct {
		path string
		mode os.FileMode
	}{
		{g.Dir, 0o755}, {g.ControlDir(), 0o755},
		{filepath.Join(g.ControlDir(), "control.sock"), 0o666}, {filepath.Join(g.ControlDir(), "view.sock"), 0o666},
	} {
		if err := os.Chmod(open.path, open.mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"http://x/v1/status", "http://x/v1/sessions", "http://x/v1/config"} {
		for _, socket := range []string{"control.sock", "view.sock"} {
			if text := asStranger(t, g, socket, path); text != "" && !strings.Contains(text, `"code":"permission`) {
				t.Errorf("%s of %s: %s", path, socket, text)
			}
		}
	}
	cmd := exec.Command(g.Bin, "reload", "-c", g.ConfigPath)
	cmd.Env = append(os.Environ(), "SUDO_USER=carol", "SSH_CONNECTION=203.0.113.9 1 10.0.0.1 22")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	g.Stop()
	lines, err := os.ReadFile(g.AuditPath())
	if err != nil {
		t.Fatal(err)
	}
	refused, loaded := false, false
	for line := range strings.Lines(string(lines)) {
		refused = refused || strings.Contains(line, `"event":"admin.refused"`) && strings.Contains(line, `"id":"uid:65534"`)
		loaded = loaded || strings.Contains(line, `"event":"config.loaded"`) && strings.Contains(line, `"id":"uid:0"`) &&
			strings.Contains(line, `"sudo_user":"carol"`) && strings.Contains(line, "203.0.113.9")
	}
	if !refused || !loaded {
		t.Errorf("refusal on record %v, reload with its author %v\n%s", refused, loaded, lines)
	}
}

// asStranger asks as the user nobody, with the tool that everybody has.
func asStranger(t *testing.T, g *gate.Gate, socket, url string) string {
	t.Helper()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl")
	}
	cmd := exec.Command(curl, "-s", "--max-time", "5", "--unix-socket", filepath.Join(g.ControlDir(), socket), url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: false}}
	cmd.Dir = "/"
	out, _ := cmd.Output()
	return string(out)
}
