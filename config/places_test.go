package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFind(t *testing.T) {
	t.Chdir(t.TempDir())
	if got, err := Find("x.yaml", env("GATEHOUSE_CONFIG", "y.yaml")); got != "x.yaml" || err != nil {
		t.Errorf("flag: %q, %v", got, err)
	}
	if got, err := Find("", env("GATEHOUSE_CONFIG", "y.yaml")); got != "y.yaml" || err != nil {
		t.Errorf("environment: %q, %v", got, err)
	}
	if _, err := os.Stat("/etc/gatehouse/" + FileName); err != nil {
		if got, err := Find("", none); err == nil {
			t.Errorf("nothing there: %q", got)
		}
	}
	if err := os.WriteFile(FileName, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Find("", none); got != FileName || err != nil {
		t.Errorf("here: %q, %v", got, err)
	}
}

func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cfg.yaml")
	systemd := env("STATE_DIRECTORY", "/var/lib/gatehouse:/var/lib/other", "RUNTIME_DIRECTORY", "/run/gatehouse", "LOGS_DIRECTORY", "/var/log/gatehouse")
	for _, e := range []struct {
		name, text                      string
		env                             func(string) string
		state, control, audit, database string
	}{
		{"alone", okta, none, dir + "/state", dir + "/run", dir + "/state/audit/audit.jsonl", dir + "/state/gatehouse.db"},
		{"systemd", okta, systemd, "/var/lib/gatehouse", "/run/gatehouse", "/var/log/gatehouse/audit.jsonl", "/var/lib/gatehouse/gatehouse.db"},
		{"the file wins", okta + "server: {state_dir: s, control_dir: /c}\naudit: {path: a.jsonl}\nstorage: {url: sqlite:x.db}\n", systemd,
			dir + "/s", "/c", dir + "/s/a.jsonl", dir + "/s/x.db"},
		{"absolute", okta + "audit: {path: /a/b.jsonl}\nstorage: {url: sqlite:/d/x.db}\n", none, dir + "/state", dir + "/run", "/a/b.jsonl", "/d/x.db"},
		{"postgres", okta + "storage: {url: 'postgres://h/db'}\n", none, dir + "/state", dir + "/run", dir + "/state/audit/audit.jsonl", ""},
	} {
		c, fs := Parse(file, []byte(e.text), Options{Getenv: e.env})
		if fs != nil {
			t.Fatal(e.name, fs)
		}
		for what, pair := range map[string][2]string{"state": {c.StateDir(), e.state}, "control": {c.ControlDir(), e.control}, "audit": {c.AuditPath(), e.audit}, "database": {c.DatabasePath(), e.database}} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %s is %q, want %q", e.name, what, pair[0], pair[1])
			}
		}
	}
}
