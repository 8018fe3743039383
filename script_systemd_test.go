package main

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// notified gives the binary a notification socket, as systemd does, and a watchdog of half a second.
func notified(ts *testscript.TestScript, neg bool, args []string) {
	path := filepath.Join(ts.MkAbs("."), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	ts.Check(err)
	ts.Defer(func() { c.Close() })
	s := storyOf(ts)
	s.notify = c
	s.gate.Env = append(s.gate.Env, "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=500000")
}

// notifies waits for the next message that matches, and prints it. Watchdog pings between are skipped, others are not:
// notifies PATTERN is about the order, too.
func notifies(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: notifies PATTERN")
	}
	c, want := storyOf(ts).notify, regexp.MustCompile("(?s)"+args[0])
	ts.Check(c.SetReadDeadline(time.Now().Add(patience)))
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		ts.Check(err)
		text := string(buf[:n])
		switch {
		case want.MatchString(text):
			fmt.Fprintln(ts.Stdout(), text)
			return
		case text != "WATCHDOG=1":
			ts.Fatalf("got %q, want %q", text, args[0])
		}
	}
}
