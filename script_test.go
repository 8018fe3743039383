package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the gatehouse command as well, so that scripts run what users run.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gatehouse": main})
}

// TestScripts runs testdata/script/*.txtar: each is a story of the real binary. Beside testscript's own commands there are
//
//	port NAME...              a free loopback port into each variable
//	envsubst FILE...          $NAME in the files becomes the variable
//	exits CODE gatehouse …    the command ends with exactly this code
//	waitfor URL [TEXT]        until the URL answers below 500 (and with TEXT)
//	waitfor FILE [TEXT]       until the file is there (and has TEXT)
//	shows TEXT gatehouse …    until the command succeeds and prints TEXT
//	lines FILE N TEXT         exactly N lines of the file have TEXT
//
// A daemon is "gatehouse serve &gate&", ended by "kill -INT gate" and "wait gate"; one that will be killed hard begins
// with "! gatehouse". Everything that waits gives up after patience.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: false,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup:               setup,
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: commands(),
	})
}

func commands() map[string]func(*testscript.TestScript, bool, []string) {
	cmds := map[string]func(*testscript.TestScript, bool, []string){
		"port": port, "envsubst": envsubst, "exits": exits, "waitfor": waitfor, "shows": shows, "lines": lines,
	}
	maps.Copy(cmds, gateCommands)
	maps.Copy(cmds, attackCommands)
	for _, name := range builtins {
		if cmds[name] != nil {
			panic(name + " is testscript's own command and would be run instead of ours")
		}
	}
	return cmds
}

// builtins are testscript's own commands. They win over ours without a word; "stop" would pass the script where it stands.
var builtins = []string{"cd", "chmod", "cmp", "cmpenv", "cp", "env", "exec", "exists", "grep", "kill", "mkdir", "mv", "rm", "skip",
	"stderr", "stdin", "stdout", "stop", "symlink", "ttyin", "ttyout", "unix2dos", "unquote", "wait"}

const patience = 20 * time.Second

// setup gives a script a home of its own and nothing of ours from the environment of the person who runs the tests.
func setup(e *testscript.Env) error {
	home := filepath.Join(e.WorkDir, "home")
	e.Setenv("HOME", home)
	e.Setenv("TZ", "UTC")
	e.Setenv("NO_COLOR", "1")
	e.Setenv("ROOT", rootDir())
	e.Values[storyKey] = &story{}
	return os.MkdirAll(home, 0o700)
}

// rootDir is the repository.
func rootDir() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir
}

// given are the ports handed out, for no two scripts that run at once may have the same.
var given struct {
	sync.Mutex
	ports map[int]bool
}

func port(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: port NAME...")
	}
	for _, name := range args {
		n, err := freePort()
		ts.Check(err)
		ts.Setenv(name, strconv.Itoa(n))
	}
}

func freePort() (int, error) {
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = map[int]bool{}
	}
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		n := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if !given.ports[n] {
			given.ports[n] = true
			return n, nil
		}
	}
	return 0, errors.New("no free port")
}

// envsubst writes variables into files, which txtar itself never does.
func envsubst(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: envsubst FILE...")
	}
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), func(key string) string {
			if v := ts.Getenv(key); v != "" {
				return v
			}
			return "${" + key + "}" // a reference for gatehouse itself
		})
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = ended.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// until polls for at most patience and fails with the last reason.
func until(ts *testscript.TestScript, what string, done func() error) {
	deadline := time.Now().Add(patience)
	for {
		err := done()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("waited %v for %s: %v", patience, what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func waitfor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: waitfor URL|FILE [TEXT]")
	}
	text := ""
	if len(args) == 2 {
		text = args[1]
	}
	if strings.HasPrefix(args[0], "http://") {
		client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		until(ts, args[0], func() error { return answers(client, args[0], text) })
		return
	}
	file := ts.MkAbs(args[0])
	until(ts, args[0], func() error {
		b, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(b), text) {
			return nil
		}
		if info, serr := os.Stat(file); serr == nil && info.Mode().Type() != 0 && text == "" {
			return nil // a socket or directory is there, but cannot be read
		}
		if err == nil {
			err = fmt.Errorf("no %q in %d bytes", text, len(b))
		}
		return err
	})
}

func answers(client *http.Client, url, text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		return err
	case resp.StatusCode >= 500:
		return fmt.Errorf("%s", resp.Status)
	case !strings.Contains(string(body), text):
		return fmt.Errorf("%s without %q", resp.Status, text)
	}
	return nil
}

// shows repeats a command until it succeeds and its standard output has the text.
func shows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: shows TEXT COMMAND ARGS...")
	}
	until(ts, args[0], func() error {
		if err := ts.Exec(args[1], args[2:]...); err != nil {
			return err
		}
		if out := ts.ReadFile("stdout"); !strings.Contains(out, args[0]) {
			return fmt.Errorf("printed %q", out)
		}
		return nil
	})
}

func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: lines FILE N TEXT")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	got := 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if strings.Contains(line, args[2]) {
			got++
		}
	}
	if got != want {
		ts.Fatalf("%d lines of %s have %q, want %d", got, args[0], args[2], want)
	}
}
