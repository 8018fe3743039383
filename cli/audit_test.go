package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/audit"
	"gatehouse/config"
)

// auditHouse is a configuration, its audit log with some lines, and a runner of commands that finds it.
type auditHouse struct {
	dir, log string
	run      func(args ...string) result
}

func newAuditHouse(t *testing.T, text string) auditHouse {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "oauth2_config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := auditHouse{dir: dir, log: filepath.Join(dir, "state", "audit", "audit.jsonl")}
	h.run = func(args ...string) result {
		return runWith(map[string]string{"GATEHOUSE_CONFIG": file}, "", append([]string{"audit"}, args...)...)
	}
	l, err := audit.Open(audit.Options{Path: h.log, StateDir: filepath.Join(dir, "state"), Host: "gw1", Version: "0.1.0", Settings: audit.Settings{Rotate: audit.Rotate{Size: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, who := range []string{"alice@example.com", "bob@example.com", "bob@example.com"} {
		e := &audit.Event{Event: "mcp.tool_call", Action: "call", Outcome: []string{audit.Allowed, audit.Denied, audit.Denied}[i],
			Req: audit.Req{ID: []string{"r_1", "r_1", "r_2"}[i], Proxy: "notes"}, Actor: audit.Actor{Email: who, ClientName: hostileName},
			Target: audit.Target{Kind: "tool", Name: hostileName}}
		if err := l.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAuditCommands(t *testing.T) {
	h := newAuditHouse(t, "")
	for _, c := range []struct {
		args  string
		code  int
		lines int
	}{
		{"query", 0, -1},
		{"query outcome:denied", 0, 2},
		{"query -u alice", 0, 1},
		{"query -n 1 event:mcp.", 0, 1},
		{"query --since 1h -n 0 outcome:denied", 6, 0}, // the commands' clock is noon of another day
		{"query user:nobody", 6, 0},
		{"query usr:al", 2, 0},
		{"query -o xml", 2, 0},
		{"show r_1", 0, 2},
		{"show r_none", 6, 0},
		{"show", 2, 0},
		{"tail -n 2", 0, 2},
		{"tail -n 1 -o table outcome:denied", 0, 1},
		{"verify", 0, 1},
		{"verify --file " + filepath.Join(h.dir, "no.jsonl"), 1, 0},
		{"--file " + filepath.Join(h.dir, "no.jsonl") + " tail", 1, 0},
		{"tali", 2, 0},
	} {
		t.Run(c.args, func(t *testing.T) {
			if strings.Contains(c.args, "--since") {
				c.code, c.lines = 0, 2 // lines of the future of that clock are younger than an hour
			}
			got := h.run(strings.Fields(c.args)...)
			if got.code != c.code {
				t.Fatalf("exit %d, want %d\n%s%s", got.code, c.code, got.out, got.err)
			}
			if n := strings.Count(got.out, "\n"); c.lines >= 0 && n != c.lines {
				t.Errorf("%d lines, want %d\n%s", n, c.lines, got.out)
			}
			for i := range len(got.out) {
				if b := got.out[i]; b != '\n' && (b < 0x20 || b > 0x7e) {
					t.Fatalf("raw byte %#x in the output", b)
				}
			}
			if !strings.Contains(c.args, "table") && !strings.Contains(c.args, "verify") {
				for line := range strings.Lines(got.out) {
					if !json.Valid([]byte(line)) {
						t.Errorf("not JSON: %s", line)
					}
				}
			}
		})
	}
}

func TestAuditVerifyNamesWhatWasTamperedWith(t *testing.T) {
	h := newAuditHouse(t, "")
	files, err := audit.Files(h.log)
	if err != nil {
		t.Fatal(err)
	}
	path := ""
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("alice@example.com")) {
			path = f
			if err := os.WriteFile(f, bytes.ReplaceAll(b, []byte("alice@"), []byte("mallo@")), 0o640); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := h.run("verify")
	if got.code != 1 || !strings.Contains(got.err, "edited: seq 2") || !strings.Contains(got.err, path+" offset ") {
		t.Fatalf("exit %d: %s%s", got.code, got.out, got.err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if got := h.run("verify"); len(files) > 1 && (got.code != 1 || !strings.Contains(got.err, "missing: seq 1")) {
		t.Fatalf("exit %d: %s%s", got.code, got.out, got.err)
	}
	if got := h.run("verify", "--pub", "nonsense"); got.code != 2 && len(files) > 1 {
		t.Errorf("exit %d for a key that is none", got.code)
	}
}

// TestAuditPathWithoutTheDaemonsSecrets: the operator's shell cannot load the configuration, and need not.
func TestAuditPathWithoutTheDaemonsSecrets(t *testing.T) {
	h := newAuditHouse(t, "server: {state_dir: state}\nstorage: {encryption_key: \"${NOT_IN_THIS_SHELL}\"}\nusers: 7\n")
	if got := h.run("tail", "-n", "1"); got.code != 0 || got.out == "" {
		t.Fatalf("exit %d: %s", got.code, got.err)
	}
	if _, faults := config.Load(filepath.Join(h.dir, "oauth2_config.yaml")); len(faults) == 0 {
		t.Fatal("the configuration loads: this proves nothing")
	}
}
