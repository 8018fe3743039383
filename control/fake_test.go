package control

import (
	"context"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeBackend answers with fixed things and remembers what it was asked to do.
type fakeBackend struct {
	mu      sync.Mutex // guards revokes, blocks, bys
	revokes []RevokeRequest
	blocks  []BlockRequest
	bys     []By
	events  func(ctx context.Context, since uint64) (<-chan Event, error)
}

var day = time.Date(2026, 11, 20, 12, 4, 7, 0, time.UTC)

func (*fakeBackend) Status(context.Context) (Status, error) {
	return Status{State: OK, Version: "0.1.0", UptimeS: 3600,
		Config:   ConfigStatus{Version: 41, Hash: "sha256:a3f9c2d", Loaded: day, OK: true},
		Sessions: 312, Streams: 41, Audit: AuditStatus{OK: true, Seq: 184213},
		Proxies: []Proxy{{Name: "notes", Type: "mcp", Mode: "gateway", State: ProxyUp, URL: "http://localhost:9050/mcp",
			Upstream: "http://127.0.0.1:3001/mcp", AllowedGroups: []string{"engineering"}, Sessions: 312, Streams: 41,
			Tools: ToolCounts{Enabled: 3, Restricted: 1}}}}, nil
}

func (*fakeBackend) Config(context.Context) (ConfigInfo, error) {
	return ConfigInfo{File: "x.yaml"}, nil
}

func (f *fakeBackend) Reload(_ context.Context, by By) (ReloadResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bys = append(f.bys, by)
	return ReloadResult{OK: true, Changed: true, Version: 42}, nil
}

func (*fakeBackend) Sessions(_ context.Context, f SessionFilter) ([]Session, error) {
	all := []Session{
		{ID: "s_90e9e9e3", User: "u_alice", Email: "alice@example.com", Provider: "okta", Proxy: "notes", ClientID: "c_1",
			ClientName: "Claude", Groups: []string{"engineering"}, Auth: "oauth", Created: day.Add(-time.Hour), Last: day.Add(-2 * time.Second),
			Expires: day.Add(720 * time.Hour), IdleExpires: day.Add(168 * time.Hour), Requests: 4998, Streams: 2, State: Active, IP: "10.1.4.22"},
		{ID: "s_5659aaaa", User: "anonymous", Proxy: "open", Auth: "none", Created: day, Last: day, State: Active, IP: "10.1.4.23"},
	}
	var out []Session
	for _, s := range all {
		if f.Match(s, day) {
			out = append(out, s)
		}
	}
	return out, nil
}

func (f *fakeBackend) Session(ctx context.Context, id string) (Session, error) {
	all, _ := f.Sessions(ctx, SessionFilter{})
	for _, s := range all {
		if s.ID == id {
			return s, nil
		}
	}
	return Session{}, NotFound("no session %q", id)
}

func (f *fakeBackend) RevokeSessions(_ context.Context, r RevokeRequest) (RevokeResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revokes = append(f.revokes, r)
	return RevokeResult{IDs: r.IDs, Streams: 2, DryRun: r.DryRun, AuditSeq: 7}, nil
}

func (*fakeBackend) Users(context.Context) ([]User, error) { return nil, nil }

func (*fakeBackend) User(_ context.Context, name string) (UserDetail, error) {
	return UserDetail{User: User{ID: name, State: UserOK}}, nil
}

func (f *fakeBackend) BlockUser(_ context.Context, r BlockRequest) (BlockResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blocks = append(f.blocks, r)
	return BlockResult{Subject: r.Name}, nil
}

func (f *fakeBackend) UnblockUser(_ context.Context, _ string, by By) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bys = append(f.bys, by)
	return nil
}

func (*fakeBackend) Clients(context.Context) ([]Client, error) { return nil, nil }
func (*fakeBackend) Client(context.Context, string) (Client, error) {
	return Client{}, os.ErrClosed // any error that is no *Error
}
func (f *fakeBackend) BlockClient(ctx context.Context, r BlockRequest) (BlockResult, error) {
	return f.BlockUser(ctx, r)
}
func (*fakeBackend) Proxies(context.Context) ([]Proxy, error)      { return nil, nil }
func (*fakeBackend) Tools(context.Context, string) ([]Tool, error) { return nil, nil }
func (*fakeBackend) Groups(context.Context) ([]Group, error)       { return nil, nil }
func (*fakeBackend) Keys(context.Context) ([]Key, error)           { return nil, nil }
func (*fakeBackend) RotateKeys(context.Context, By) (Key, error)   { return Key{KID: "k2"}, nil }
func (*fakeBackend) Explain(_ context.Context, r ExplainRequest) (Trace, error) {
	return Trace{User: r.User, Proxy: r.Proxy, Kind: r.Kind, Name: r.Name}, nil
}

func (f *fakeBackend) Events(ctx context.Context, since uint64) (<-chan Event, error) {
	if f.events == nil {
		return nil, &Error{Code: CodeGone, Message: "too long ago"}
	}
	return f.events(ctx, since)
}

// fixture is a running server and what it logged.
type fixture struct {
	*Server
	backend *fakeBackend
	log     *logBuffer
}

type logBuffer struct {
	mu sync.Mutex // guards b
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// shortDir is a directory whose path leaves room for a socket's name; t.TempDir grows with the test's name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// newServer is a server that is not started. Its groups do not exist.
func newServer(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{backend: &fakeBackend{}, log: &logBuffer{}}
	f.Server = &Server{Backend: f.backend, Dir: filepath.Join(shortDir(t), "run"), ViewGroup: "no-such-view", AdminGroup: "no-such-admin",
		Logger: slog.New(slog.NewTextHandler(f.log, nil)), RequestID: func() string { return "r_test" }, bounds: defaultBounds()}
	return f
}

func (f *fixture) start(t *testing.T) *fixture {
	t.Helper()
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := f.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return f
}

func (f *fixture) conn() *Conn { return &Conn{Sockets: both(f.Dir)} }

// raw is an HTTP client on one socket.
func (f *fixture) raw(t *testing.T, socket string) *http.Client {
	t.Helper()
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(f.Dir, socket))
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}
