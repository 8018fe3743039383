package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openPTY is a terminal that never answers, and its other end.
func openPTY(t *testing.T) (terminal, other *os.File) {
	t.Helper()
	other, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pty: %v", err)
	}
	t.Cleanup(func() { other.Close() })
	if err := unix.IoctlSetPointerInt(int(other.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("no pty: %v", err)
	}
	n, err := unix.IoctlGetInt(int(other.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Skipf("no pty: %v", err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pty: %v", err)
	}
	return terminal, other
}

// onTerminal runs a command with standard output on a terminal and returns what was drawn.
func onTerminal(t *testing.T, vars map[string]string, args ...string) (string, int, time.Duration) {
	t.Helper()
	terminal, other := openPTY(t)
	drawn := make(chan string, 1)
	go func() { // ends when the terminal is closed below
		var b bytes.Buffer
		io.Copy(&b, other)
		drawn <- b.String()
	}()
	e := &env{in: terminal, out: terminal, err: terminal, getenv: func(k string) string { return vars[k] }, now: time.Now, version: Version}
	began := time.Now()
	code := e.run(context.Background(), args)
	took := time.Since(began)
	terminal.Close()
	return strings.ReplaceAll(<-drawn, "\r\n", "\n"), code, took
}

func TestCheckShowsCaretsOnATerminalAndAsksItNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("server:\n  listn: 127.0.0.1:8080   # main\x1b[2J\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, code, took := onTerminal(t, map[string]string{"NO_COLOR": "1"}, "check", file)
	if code != exitConfig || !strings.HasPrefix(out, file+":2:33: ") || strings.Contains(out, "\x1b") {
		t.Errorf("exit %d, drew %q", code, out)
	}
	if took > 250*time.Millisecond {
		t.Errorf("took %v, want 50ms on a quiet machine", took)
	}

	if err := os.WriteFile(file, []byte("server:\n  listn: 127.0.0.1:8080   # main\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, _ = onTerminal(t, map[string]string{"NO_COLOR": "1"}, "check", file)
	want := file + ":2:3: server.listn: unknown key\n" +
		"1 | server:\n" +
		"2 |   listn: 127.0.0.1:8080   # main\n" +
		"  |   ^^^^^ did you mean listen?\n" +
		file + ": 1 error\n"
	if out != want {
		t.Errorf("drew\n%s\nwant\n%s", out, want)
	}
}

func TestColourOnlyOnATerminalThatWantsIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("server:\n  listn: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		vars  map[string]string
		flag  string
		color bool
	}{
		{"terminal", nil, "auto", true},
		{"NO_COLOR", map[string]string{"NO_COLOR": "1"}, "auto", false},
		{"dumb", map[string]string{"TERM": "dumb"}, "auto", false},
		{"never", nil, "never", false},
		{"always wins over NO_COLOR", map[string]string{"NO_COLOR": "1"}, "always", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, _, _ := onTerminal(t, tc.vars, "--color", tc.flag, "check", file)
			if got := strings.Contains(out, "\x1b["); got != tc.color {
				t.Errorf("colour %v, want %v: %q", got, tc.color, out)
			}
		})
	}
}

// TestRevokeAsksOnATerminal: the answer is typed into the other end.
func TestRevokeAsksOnATerminal(t *testing.T) {
	for _, tc := range []struct {
		answer string
		code   int
		acts   int
	}{{"y\n", exitOK, 1}, {"\n", exitFailed, 0}, {"no\n", exitFailed, 0}} {
		d := newDaemon(t)
		terminal, other := openPTY(t)
		if _, err := other.WriteString(tc.answer); err != nil {
			t.Fatal(err)
		}
		drained := make(chan struct{})
		go func() { // ends when the terminal is closed below
			defer close(drained)
			io.Copy(io.Discard, other)
		}()
		var out bytes.Buffer
		e := &env{in: terminal, out: &out, err: terminal, getenv: func(k string) string {
			if k == "GATEHOUSE_SOCKET" {
				return d.dir
			}
			return ""
		}, now: time.Now, version: Version}
		code := e.run(context.Background(), []string{"sessions", "revoke", "--all", "--reason", "test"})
		terminal.Close()
		<-drained
		acts := 0
		for _, r := range d.revokes {
			if !r.DryRun {
				acts++
			}
		}
		if code != tc.code || acts != tc.acts {
			t.Errorf("answer %q: exit %d, %d revocations; want %d, %d", tc.answer, code, acts, tc.code, tc.acts)
		}
	}
}
