package systemd

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen is systemd's end of the socket.
func listen(t *testing.T) func() string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		t.Helper()
		buf := make([]byte, 4096)
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

func TestStatesAsSystemdReadsThem(t *testing.T) {
	next := listen(t)
	for _, c := range []struct {
		name string
		call func() error
		want string
	}{
		{"ready", func() error { return Ready("serving 3 proxies") }, "READY=1\nSTATUS=serving 3 proxies"},
		{"ready without a word", func() error { return Ready("") }, "READY=1"},
		{"stopping", Stopping, "STOPPING=1\nSTATUS=stopping"},
		{"status", func() error { return Status("2 sessions") }, "STATUS=2 sessions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.call(); err != nil {
				t.Fatal(err)
			}
			if got := next(); got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestReloadingCarriesTheClock(t *testing.T) {
	next := listen(t)
	if err := Reloading(); err != nil {
		t.Fatal(err)
	}
	got := next()
	_, rest, ok := strings.Cut(got, "MONOTONIC_USEC=")
	usec, _, _ := strings.Cut(rest, "\n")
	if n, err := strconv.ParseInt(usec, 10, 64); !strings.HasPrefix(got, "RELOADING=1\n") || !ok || err != nil || n <= 0 {
		t.Fatalf("got %q", got)
	}
}

func TestStatusCannotSmuggleAssignments(t *testing.T) {
	next := listen(t)
	if err := Status("x\nMAINPID=1\r\x1b[2J"); err != nil {
		t.Fatal(err)
	}
	if got := next(); strings.ContainsAny(got, "\n\r\x1b") {
		t.Fatalf("got %q", got)
	}
}

func TestWatchdogIsSilentWhenNobodyIsServed(t *testing.T) {
	next := listen(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	ctx, stop := context.WithCancel(context.Background())
	var healthy atomic.Bool
	var asked atomic.Int32
	ended := make(chan error)
	go func() {
		ended <- Watchdog(ctx, func() bool { asked.Add(1); return healthy.Load() })
	}()
	for asked.Load() < 5 {
		time.Sleep(time.Millisecond)
	}
	if err := Status("after five refusals"); err != nil {
		t.Fatal(err)
	}
	if got := next(); got != "STATUS=after five refusals" {
		t.Fatalf("an unhealthy daemon said %q", got)
	}
	healthy.Store(true)
	if got := next(); got != "WATCHDOG=1" {
		t.Fatalf("got %q", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestOutsideSystemdNothingHappens(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	for _, err := range []error{Ready("x"), Reloading(), Stopping(), Status("x"), Status(""), Watchdog(context.Background(), func() bool { return true })} {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestTroubleWithSystemdIsReported(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	if Ready("x") == nil {
		t.Error("no error although nobody listens")
	}
	t.Setenv("WATCHDOG_USEC", "soon")
	if Watchdog(context.Background(), func() bool { return true }) == nil {
		t.Error("no error for a watchdog period that is no number")
	}
}
