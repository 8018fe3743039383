package cli

import (
	"strings"
	"testing"
)

func TestRevoke(t *testing.T) {
	for _, tc := range []struct {
		name string
		args string
		code int
		out  string
		err  string // contained
		acts int    // revocations that were not dry runs
	}{
		{"one", "s_90e9e9e3 --reason lost", 0, "1 revoked, 2 streams cut\n", "", 1},
		{"same id twice", "s_90e9e9e3 s_90e9e9e3 --reason lost", 0, "1 revoked, 2 streams cut\n", "", 1},
		{"several without a terminal", "s_90e9e9e3 s_5659aaaa --reason lost", 2, "", "add --yes", 0},
		{"several with --yes", "s_90e9e9e3 s_5659aaaa --reason lost --yes", 0, "2 revoked, 2 streams cut\n", "", 1},
		{"a person with one session", "--user bob@example.com --reason lost", 0, "1 revoked, 0 streams cut\n", "", 1},
		{"a person with two", "--user alice@example.com --reason lost", 2, "", "this would end 2 sessions, 2 open streams", 0},
		{"a person and a block", "--user alice@example.com --reason lost --block 1h --yes", 0, "2 revoked, 2 streams cut, blocked alice@example.com\n", "", 1},
		{"a person at a proxy", "--user alice@example.com --proxy other --reason lost --yes", 6, "0 revoked, 0 streams cut\n", "", 1},
		{"all", "--all --reason incident --yes", 0, "3 revoked, 2 streams cut\n", "", 1},
		{"all unasked", "--all --reason incident", 2, "", "add --yes", 0},
		{"unknown id", "s_none --reason lost", 6, "0 revoked, 0 streams cut\n", "no live session s_none", 1},
		{"one known, one not", "s_none s_77ab0100 --reason lost --yes", 6, "1 revoked, 0 streams cut\n", "no live session s_none", 1},
		{"ids out", "--all --reason x --yes -o id", 0, "s_90e9e9e3\ns_5659aaaa\ns_77ab0100\n", "", 1},
		{"no reason", "--all --yes", 2, "", "--reason is required", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDaemon(t)
			got := d.run(append([]string{"sessions", "revoke"}, strings.Fields(tc.args)...)...)
			if got.code != tc.code || got.out != tc.out || !strings.Contains(got.err, tc.err) {
				t.Errorf("exit %d out %q err %q\nwant %d %q %q", got.code, got.out, got.err, tc.code, tc.out, tc.err)
			}
			acts := 0
			for _, r := range d.revokes {
				if !r.DryRun {
					acts++
				}
			}
			if acts != tc.acts {
				t.Errorf("%d revocations, want %d", acts, tc.acts)
			}
		})
	}
}

func TestDryRunNeedsNoReasonAndEndsNothing(t *testing.T) {
	d := newDaemon(t)
	got := d.run("sessions", "revoke", "--user", "alice@example.com", "--dry-run")
	if got.code != 0 || !strings.HasSuffix(got.out, "would end 2 sessions, 2 open streams\n") || !strings.Contains(got.out, "s_5659aaaa") {
		t.Errorf("exit %d\n%s", got.code, got.out)
	}
	for _, r := range d.revokes {
		if !r.DryRun {
			t.Error("a dry run acted")
		}
	}
}
