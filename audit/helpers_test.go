package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a wall clock that stands still until moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 20, 22, 59, 1, 123456000, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
	return c.t
}

func testOptions(t testing.TB) Options {
	dir := t.TempDir()
	return Options{Path: filepath.Join(dir, "audit", "audit.jsonl"), StateDir: filepath.Join(dir, "state"), Host: "gw1", Version: "0.1.0", Now: newClock().now, fs: &faultyDisk{lazy: true}}
}

func mustOpen(t testing.TB, o Options) *Log {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func mustRecord(t testing.TB, l *Log, e *Event) {
	t.Helper()
	if err := l.Record(e); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func allowedCall() *Event {
	return &Event{
		Event: "mcp.tool_call", Action: "call", Outcome: Allowed, Rule: "proxies.notes.tools.default",
		File: "oauth2_config.yaml", Line: 31, Cfg: "sha256:1f2a3b4c5d6e7f80",
		Req:    Req{ID: "r_01JABCDEF", Trace: "4bf92f3577b34da6a3ce929d0e0e4736", Method: "POST", Proxy: "notes", Proto: "2025-11-25", Transport: "http", BytesIn: 298},
		Actor:  Actor{Type: "user", ID: "okta|https://example.okta.com|1098", Name: "alice", Email: "alice@example.com", Groups: []string{"engineering", "data"}, Auth: "oauth", ClientID: "c_01", ClientName: "Cursor", Session: "s_01", Token: "hmac:Zk3aaaaaaaaaaaaaaaaaaa"},
		Src:    Src{IP: "203.0.113.7", Port: 51123, UA: "Cursor/1.9"},
		Target: Target{Kind: "tool", Upstream: "notes", Name: "search_notes", RPCID: "17", Args: "query", ArgsBytes: 28},
	}
}

func deniedCall() *Event {
	e := allowedCall()
	e.Outcome, e.Reason, e.Rule, e.Target.Name = Denied, "tool_disabled", "proxies.notes.tools.rules.delete_all", "delete_all"
	return e
}

// wholeLog is every line of a log in the order of the chain.
func wholeLog(t testing.TB, path string) []Record {
	t.Helper()
	files, err := Files(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []Record
	if err := Scan(files, Filter{}, 0, func(r Record) bool { all = append(all, r); return true }); err != nil {
		t.Fatal(err)
	}
	return all
}

func count(all []Record, event string) int {
	n := 0
	for _, r := range all {
		if r.Event == event {
			n++
		}
	}
	return n
}

// wantWhole fails unless the log verifies with its last line sealed.
func wantWhole(t testing.TB, path string, l *Log) Report {
	t.Helper()
	r := verifyAll(t, path, l)
	if r.Problem != nil {
		t.Fatalf("verify: %v", r.Problem)
	}
	return r
}

func verifyAll(t testing.TB, path string, l *Log) Report {
	t.Helper()
	files, err := Files(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Verify(files, l.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	if r.Problem == nil {
		r.Problem = r.Beginning()
	}
	return r
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o640); err != nil {
		t.Fatal(err)
	}
}

// splitLines keeps each line's newline.
func splitLines(b []byte) [][]byte {
	lines := bytes.SplitAfter(b, []byte("\n"))
	if n := len(lines); len(lines[n-1]) == 0 {
		lines = lines[:n-1]
	}
	return lines
}
