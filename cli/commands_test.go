package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse/control"
)

func TestGoldenOutput(t *testing.T) {
	d := newDaemon(t)
	d.trace = deniedTrace()
	d.reload = control.ReloadResult{OK: true, Changed: true, Version: 42, Hash: "sha256:9be1077aa", SessionsCut: 1, StreamsCut: 3,
		NeedsRestart: []string{"server.listen"}, Faults: []control.Fault{{File: "c.yaml", Line: 3, Column: 5, Path: "api_keys", Message: "not in this version", Severity: "warning"}}}
	for _, tc := range []struct {
		name string
		args string
		code int
	}{
		{"sessions_list", "sessions list", 0},
		{"sessions_wide", "sessions list -o wide", 0},
		{"sessions_json", "sessions list -o json", 0},
		{"sessions_jsonl", "sessions list -o jsonl --user bob@example.com", 0},
		{"sessions_id", "sessions list -o id --proxy notes", 0},
		{"sessions_columns", "sessions list --columns id,user,streams", 0},
		{"sessions_none", "sessions list --user nobody@example.com", 6},
		{"sessions_show", "sessions show s_90e9e9e3", 0},
		{"sessions_show_unknown", "sessions show s_none", 6},
		{"status", "status", 0},
		{"status_json", "status -o json", 0},
		{"users_list", "users list", 0},
		{"users_show", "users show alice@example.com", 0},
		{"users_block", "users block alice@example.com --for 1h --reason lost", 0},
		{"users_unblock", "users unblock alice@example.com", 0},
		{"clients_list", "clients list", 0},
		{"clients_show", "clients show c_1", 0},
		{"clients_show_json", "clients show c_2 -o json", 0},
		{"clients_block", "clients block c_2 --reason imitation", 0},
		{"proxies_list", "proxies list", 0},
		{"proxies_wide", "proxies list -o wide", 0},
		{"tools_list", "tools list notes", 0},
		{"tools_new", "tools list notes --new -o id", 0},
		{"tools_wide", "tools list notes -o wide", 0},
		{"tools_id", "tools list notes -o id", 0},
		{"tools_unknown", "tools list nope", 6},
		{"keys_list", "keys list", 0},
		{"keys_rotate", "keys rotate", 0},
		{"explain", "explain --user bob@example.com --proxy notes --tool delete_all", 7},
		{"explain_json", "explain --user bob@example.com --proxy notes --tool delete_all -o json", 7},
		{"reload", "reload", 0},
		{"color", "--color always sessions list", 0},
		{"errors_one", "errors not_in_group", 0},
		{"errors_all", "errors", 0},
		{"errors_unknown", "errors nope", 6},
		{"help", "--help", 0},
		{"help_revoke", "sessions revoke --help", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := d.run(strings.Fields(tc.args)...)
			if got.code != tc.code {
				t.Errorf("exit %d, want %d", got.code, tc.code)
			}
			golden(t, tc.name, got.out+section(got.err))
		})
	}
}

func section(stderr string) string {
	if stderr == "" {
		return ""
	}
	return "--- stderr\n" + stderr
}

func deniedTrace() control.Trace {
	return control.Trace{Allow: false, Reason: "not_in_group", Rule: "proxies.notes.tools.rules.delete_all", Groups: []string{"data"},
		Steps: []control.Step{
			{Name: "proxy", State: "ok", Text: "notes allows groups [data]\nbob@example.com has: data", Rule: "proxies.notes.allowed_groups", File: "oauth2_config.yaml", Line: 52, Column: 7},
			{Name: "tool", State: "deny", Text: "delete_all asks for [admins]", Rule: "proxies.notes.tools.rules.delete_all", File: "oauth2_config.yaml", Line: 61, Column: 19},
			{Name: "rate", State: "skip", Text: "not evaluated"},
		},
		ToAllow: []string{`add "bob@example.com" to groups.admins.members`, "add data to proxies.notes.tools.rules.delete_all.groups"}}
}

func TestStatusExitsOneWhenSomethingIsWrong(t *testing.T) {
	d := newDaemon(t)
	d.status.Config.OK, d.status.Config.Error = false, "c.yaml:61:26: unknown tool rule\nand more"
	got := d.run("status")
	if got.code != 1 || !strings.Contains(got.out, "the file on disk is NOT APPLIED: c.yaml:61:26: unknown tool rule\n") {
		t.Errorf("invalid file: exit %d\n%s", got.code, got.out)
	}
	d.status.Config.OK, d.status.State, d.status.Checks["store"] = true, control.Degraded, "failing"
	d.status.Audit.OK, d.status.Audit.Dropped = false, 4
	got = d.run("status")
	for _, want := range []string{"degraded", "store failing", "FAILING, seq 184213, 4 dropped"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%q is missing in\n%s", want, got.out)
		}
	}
	if got.code != 1 {
		t.Errorf("degraded: exit %d", got.code)
	}
	if got = d.run("status", "-o", "json"); got.code != 1 || !json.Valid([]byte(got.out)) {
		t.Errorf("json: exit %d", got.code)
	}
}

func TestRejectedReloadExitsThreeAndShowsTheFaults(t *testing.T) {
	d := newDaemon(t)
	d.reload = control.ReloadResult{Version: 41, Hash: "sha256:a3f9c2d1", Faults: []control.Fault{
		{File: "c.yaml", Line: 61, Column: 26, Path: "proxies.notes", Message: "unknown key", Hint: `did you mean "tools"?`, Severity: "error"}}}
	got := d.run("reload")
	if got.code != exitConfig || got.out != "" {
		t.Errorf("exit %d, out %q", got.code, got.out)
	}
	want := "c.yaml:61:26: proxies.notes: unknown key; did you mean \"tools\"?\nnot applied; v41 a3f9c2d stays in force\n"
	if got.err != want {
		t.Errorf("got %q, want %q", got.err, want)
	}
}

func TestHostileTextIsShownHarmless(t *testing.T) {
	d := newDaemon(t)
	for _, args := range []string{"sessions list -o wide", "sessions list -o json", "clients list", "clients show c_2", "tools list notes", "tools list notes -o id"} {
		got := d.run(strings.Fields(args)...)
		for _, r := range got.out {
			if r != '\n' && hostile(r) {
				t.Errorf("%s prints %U", args, r)
			}
		}
	}
	var sessions []control.Session
	if err := json.Unmarshal([]byte(d.run("sessions", "list", "-o", "json").out), &sessions); err != nil || sessions[1].ClientName != hostileName {
		t.Errorf("JSON does not say the same: %v %q", err, sessions[1].ClientName)
	}
}

func TestUsageErrorsExitTwo(t *testing.T) {
	d := newDaemon(t)
	for _, args := range []string{
		"", "nope", "sessions", "sessions nope", "sessions list extra", "sessions list --nope", "sessions list -o xml", "sessions show",
		"sessions list --columns nope", "sessions list --idle-for soon", "sessions revoke --reason x", "sessions revoke s_1", "sessions revoke s_1 --all --reason x",
		"sessions revoke --all --user u --reason x", "users block a --reason x", "users block a --for 1h", "clients block c_1", "explain --user a",
		"explain --user a --proxy b --tool c --prompt d", "status -o wide", "--color maybe status", "check --format xml", "check a b", "serve --log-format xml", "tools list",
	} {
		got := d.run(strings.Fields(args)...)
		if got.code != exitUsage || got.out != "" || got.err == "" {
			t.Errorf("%q: exit %d, out %q, err %q", args, got.code, got.out, got.err)
		}
	}
	if len(d.revokes)+len(d.blocks) != 0 {
		t.Error("a usage error acted")
	}
	if got := d.run("sesions"); !strings.Contains(got.err, "did you mean sessions?") {
		t.Errorf("no suggestion: %q", got.err)
	}
}

func TestBlockCarriesLengthAndReason(t *testing.T) {
	d := newDaemon(t)
	d.run("users", "block", "okta:00u/1", "--for", "90m", "--reason", "stolen laptop")
	if len(d.blocks) != 1 || d.blocks[0].Name != "okta:00u/1" || time.Duration(d.blocks[0].For) != 90*time.Minute || d.blocks[0].Reason != "stolen laptop" {
		t.Errorf("blocks %+v", d.blocks)
	}
}
