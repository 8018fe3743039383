package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// attackCommands do what an attacker, a full disk or a careless operator does.
//
//	slowupstream                   a proxy whose upstream takes its time; before start
//	shutdown                       SIGTERM under load; see script_shutdown_test.go
//	raw URL LINE... ; PATTERN      these very lines to the URL's address; HUGE:N and MANY:N are N bytes of headers
//	occupy URL | vacate            listen where a proxy wants to
//	refuses CODE PATTERN CMD...    the command ends with the code within two seconds and has the pattern on standard error
//	notified | notifies PATTERN    a socket as systemd's, before start; wait for a message on it
var attackCommands = map[string]func(*testscript.TestScript, bool, []string){
	"slowupstream": slowUpstream, "shutdown": shutdown, "raw": raw, "occupy": occupy, "vacate": vacate, "refuses": refuses,
	"notified": notified, "notifies": notifies,
}

func raw(ts *testscript.TestScript, neg bool, args []string) {
	i := slices.Index(args, ";")
	if neg || i < 2 || len(args) != i+2 {
		ts.Fatalf("usage: raw URL LINE... ; PATTERN")
	}
	u, err := url.Parse(args[0])
	ts.Check(err)
	c, err := net.Dial("tcp", u.Host)
	ts.Check(err)
	defer c.Close()
	ts.Check(c.SetDeadline(time.Now().Add(patience)))
	var request strings.Builder
	for _, line := range args[1:i] {
		if n, ok := strings.CutPrefix(line, "HUGE:"); ok {
			size, err := strconv.Atoi(n)
			ts.Check(err)
			line = "X-Huge: " + strings.Repeat("x", size)
		} else if n, ok := strings.CutPrefix(line, "MANY:"); ok {
			size, err := strconv.Atoi(n)
			ts.Check(err)
			line = strings.TrimSuffix(strings.Repeat("X-Many: x\r\n", size/11), "\r\n")
		}
		request.WriteString(line + "\r\n")
	}
	request.WriteString("Connection: close\r\n\r\n")
	_, err = io.WriteString(c, request.String())
	if err != nil {
		ts.Logf("write: %v", err) // refused before the end
	}
	answer, err := io.ReadAll(io.LimitReader(c, 1<<16))
	if len(answer) == 0 {
		ts.Check(err)
	}
	fmt.Fprintf(ts.Stdout(), "%s\n", answer)
	if !regexp.MustCompile(args[i+1]).Match(answer) {
		ts.Fatalf("answered %q, want %q", answer, args[i+1])
	}
}

func occupy(ts *testscript.TestScript, neg bool, args []string) {
	u, err := url.Parse(args[0])
	ts.Check(err)
	l, err := net.Listen("tcp", "127.0.0.1:"+u.Port())
	ts.Check(err)
	storyOf(ts).occupied = l
}

func vacate(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(storyOf(ts).occupied.Close())
}

func refuses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: refuses CODE PATTERN COMMAND ARGS...")
	}
	began := time.Now()
	err := ts.Exec(args[2], args[3:]...)
	took := time.Since(began)
	var ended *exec.ExitError
	if !errors.As(err, &ended) || strconv.Itoa(ended.ExitCode()) != args[0] {
		ts.Fatalf("%v, want exit code %s", err, args[0])
	}
	text := ts.ReadFile("stderr")
	if !regexp.MustCompile(args[1]).MatchString(text) {
		ts.Fatalf("no %q in %q", args[1], text)
	}
	if !strings.Contains(text, "error: ") || strings.Contains(text, "goroutine ") {
		ts.Fatalf("not an operator's error: %q", text)
	}
	if took > 2*time.Second {
		ts.Fatalf("it took %v", took)
	}
}
