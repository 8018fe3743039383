package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const unit = "gatehouse.service"

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func analyze(t *testing.T, args ...string) string {
	t.Helper()
	bin, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	out, err := exec.Command(bin, args...).CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "Unknown") || strings.Contains(string(out), "unrecognized option") {
			t.Skipf("this systemd-analyze is too old: %s", out)
		}
		t.Fatalf("systemd-analyze %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestUnitLeavesLittleExposed is CT-08.
func TestUnitLeavesLittleExposed(t *testing.T) {
	out := analyze(t, "security", "--offline=true", "--no-pager", unit)
	m := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no score in %s", out)
	}
	if score, err := strconv.ParseFloat(m[1], 64); err != nil || score > 2.0 {
		t.Fatalf("exposure %s, want at most 2.0\n%s", m[1], out)
	}
}

// TestUnitVerifies has systemd parse the unit, with an executable that exists in place of ours.
func TestUnitVerifies(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), unit)
	text := strings.ReplaceAll(read(t, unit), "/usr/bin/gatehouse ", self+" ")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out := analyze(t, "verify", "--man=no", path)
	for line := range strings.Lines(out) {
		if strings.Contains(line, unit) {
			t.Error(line)
		}
	}
}

func TestUnitSaysWhatIsPromised(t *testing.T) {
	text := "\n" + read(t, unit)
	for _, line := range []string{
		"Type=notify", "User=gatehouse", "RestartPreventExitStatus=3",
		"ExecStart=/usr/bin/gatehouse serve -c /etc/gatehouse/oauth2_config.yaml",
		"StateDirectory=gatehouse", "RuntimeDirectory=gatehouse", "LogsDirectory=gatehouse",
		"LimitCORE=0", "NoNewPrivileges=yes", "ProtectSystem=strict", "MemoryDenyWriteExecute=yes", "CapabilityBoundingSet=",
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%s lacks %q", unit, line)
		}
	}
	// Each of these would break what the daemon is for: peer credentials, and giving sockets and logs to their groups.
	for _, line := range []string{"PrivateUsers=yes", "DynamicUser=yes"} {
		if strings.Contains(text, "\n"+line) {
			t.Errorf("%s has %q", unit, line)
		}
	}
	if !strings.Contains(text, "\nSystemCallFilter=@chown\n") {
		t.Errorf("%s forbids chown", unit)
	}
}

func TestUsersAndPlacesFitTheUnit(t *testing.T) {
	users := read(t, "gatehouse.sysusers.conf")
	for _, want := range []string{"g gatehouse-view", "g gatehouse-admin", "u gatehouse ", "m gatehouse gatehouse-admin"} {
		if !strings.Contains(users, want) {
			t.Errorf("sysusers lacks %q", want)
		}
	}
	if places := read(t, "gatehouse.tmpfiles.conf"); !strings.Contains(places, "/etc/gatehouse ") {
		t.Errorf("tmpfiles lacks /etc/gatehouse")
	}
}
