package cli

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/control"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// hostileName is what a client may call itself: a title change, a clear screen, a right-to-left override, a zero-width
// space.
const hostileName = "Cla\x1b]0;pwn\x07\x1b[2Jude\u202e\u200b\u009b"

// fakeBackend answers with fixed things and remembers what it was asked to do.
type fakeBackend struct {
	control.Backend // nil: what is not overridden must not be called
	status          control.Status
	mu              sync.Mutex // guards the rest
	revokes         []control.RevokeRequest
	blocks          []control.BlockRequest
	reload          control.ReloadResult
	trace           control.Trace
}

func newFake() *fakeBackend {
	proxies := []control.Proxy{
		{Name: "notes", Type: "mcp", Mode: "gateway", State: "up", URL: "http://localhost:9050/mcp", Upstream: "http://127.0.0.1:3001/mcp",
			AllowedGroups: []string{"engineering"}, Sessions: 2, Streams: 2, Tools: control.ToolCounts{Enabled: 2, Disabled: 1, Restricted: 1}},
		{Name: "open", Type: "mcp", Mode: "open", State: "down", Detail: "upstream failing", URL: "http://localhost:8080/open"},
	}
	return &fakeBackend{status: control.Status{State: control.OK, Version: "0.1.0", UptimeS: 6*86400 + 4*3600,
		Config:   control.ConfigStatus{Version: 41, Hash: "sha256:a3f9c2d1e0", Loaded: noon.Add(-24 * time.Minute), OK: true},
		Sessions: 3, Streams: 2, Audit: control.AuditStatus{OK: true, Seq: 184213}, Proxies: proxies,
		Checks: map[string]string{"config": "ok", "store": "ok", "audit": "ok", "upstream": "ok"}}}
}

func fakeSessions() []control.Session {
	return []control.Session{
		{ID: "s_90e9e9e3", User: "u_alice", Email: "alice@example.com", Provider: "okta", Proxy: "notes", ClientID: "c_1",
			ClientName: "Claude Desktop", Groups: []string{"engineering", "admins"}, Auth: "oauth", Created: noon.Add(-3 * time.Hour),
			Last: noon.Add(-2 * time.Second), Expires: noon.Add(52 * time.Minute), IdleExpires: noon.Add(time.Hour), Requests: 4998, Streams: 2,
			State: control.Active, IP: "10.1.4.22"},
		{ID: "s_5659aaaa", User: "u_alice", Email: "alice@example.com", Provider: "okta", Proxy: "notes", ClientID: "c_2",
			ClientName: hostileName, Groups: []string{"engineering"}, Auth: "oauth", Created: noon.Add(-time.Hour), Last: noon.Add(-9 * time.Minute),
			Expires: noon.Add(31 * time.Minute), Requests: 210, State: control.Idle, IP: "10.1.4.22"},
		{ID: "s_77ab0100", User: "u_bob", Email: "bob@example.com", Provider: "okta", Proxy: "other", ClientID: "c_1", ClientName: "Claude Desktop",
			Auth: "oauth", Created: noon.Add(-90 * 24 * time.Hour), Last: noon.Add(-88 * 24 * time.Hour), State: control.Expiring, IP: "2001:db8::1"},
	}
}

func (f *fakeBackend) Status(context.Context) (control.Status, error) { return f.status, nil }

func (f *fakeBackend) Sessions(_ context.Context, q control.SessionFilter) (out []control.Session, _ error) {
	for _, s := range fakeSessions() {
		if q.Match(s, noon) {
			out = append(out, s)
		}
	}
	return out, nil
}

func (f *fakeBackend) Session(_ context.Context, id string) (control.Session, error) {
	for _, s := range fakeSessions() {
		if s.ID == id {
			return s, nil
		}
	}
	return control.Session{}, control.NotFound("no session %q", id)
}

func (f *fakeBackend) RevokeSessions(ctx context.Context, r control.RevokeRequest) (control.RevokeResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revokes = append(f.revokes, r)
	res := control.RevokeResult{DryRun: r.DryRun, AuditSeq: 9}
	for _, s := range fakeSessions() {
		byID := false
		for _, id := range r.IDs {
			byID = byID || id == s.ID
		}
		named := r.User != "" || r.Client != "" || r.Proxy != ""
		if byID || r.All || named && (control.SessionFilter{User: r.User, Client: r.Client, Proxy: r.Proxy}).Match(s, noon) {
			res.IDs = append(res.IDs, s.ID)
			res.Sessions = append(res.Sessions, s)
			res.Streams += s.Streams
		}
	}
	if r.Block > 0 && !r.DryRun {
		res.Blocked = []string{"alice@example.com"}
	}
	return res, nil
}

func (f *fakeBackend) Users(context.Context) ([]control.User, error) {
	return []control.User{{ID: "u_alice", Email: "alice@example.com", Name: "Alice", Provider: "okta", Subject: "00u1", Groups: []string{"engineering"},
		Sessions: 2, Requests: 5208, Last: noon.Add(-2 * time.Second), State: control.UserOK}}, nil
}

func (f *fakeBackend) User(ctx context.Context, name string) (control.UserDetail, error) {
	all, _ := f.Users(ctx)
	if name != all[0].Email {
		return control.UserDetail{}, control.NotFound("no user %q", name)
	}
	return control.UserDetail{User: all[0], SessionList: fakeSessions()[:2],
		Memberships: []control.Membership{{Group: "engineering", How: "claim groups=eng", Rule: "groups.engineering.rules.0"}},
		Consents:    []control.Consent{{ClientID: "c_1", ClientName: "Claude Desktop", Proxy: "notes", RedirectHost: "claude.ai", Created: noon}},
		Blocks:      []control.Block{{Subject: "alice@example.com", Reason: "test", By: "root", Created: noon, Until: noon.Add(time.Hour)}}}, nil
}

func (f *fakeBackend) BlockUser(_ context.Context, r control.BlockRequest) (control.BlockResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blocks = append(f.blocks, r)
	return control.BlockResult{Subject: r.Name, Until: noon.Add(time.Duration(r.For)), Sessions: []string{"s_1", "s_2"}, Streams: 1}, nil
}

func (f *fakeBackend) BlockClient(ctx context.Context, r control.BlockRequest) (control.BlockResult, error) {
	return f.BlockUser(ctx, r)
}

func (f *fakeBackend) UnblockUser(context.Context, string, control.By) error { return nil }

func (f *fakeBackend) Clients(context.Context) ([]control.Client, error) {
	return []control.Client{
		{ID: "c_1", Name: "Claude", Kind: "dcr", Proxy: "notes", RedirectURIs: []string{"https://claude.ai/cb"}, RedirectHosts: []string{"claude.ai"},
			GrantTypes: []string{"authorization_code", "refresh_token"}, AuthMethod: "none", Users: 41, Sessions: 60, Created: noon.Add(-time.Hour),
			CreatedIP: "10.1.4.9", Last: noon, State: "approved"},
		{ID: "c_2", Name: hostileName, Kind: "dcr", Proxy: "notes", RedirectHosts: []string{"127.0.0.1"}, State: "blocked", BlockReason: "imitates"},
	}, nil
}

func (f *fakeBackend) Client(ctx context.Context, id string) (control.Client, error) {
	all, _ := f.Clients(ctx)
	for _, c := range all {
		if c.ID == id {
			return c, nil
		}
	}
	return control.Client{}, control.NotFound("no client %q", id)
}

func (f *fakeBackend) Proxies(context.Context) ([]control.Proxy, error) { return f.status.Proxies, nil }

func (f *fakeBackend) Tools(_ context.Context, proxy string) ([]control.Tool, error) {
	if proxy != "notes" {
		return nil, control.NotFound("no proxy %q", proxy)
	}
	return []control.Tool{
		{Proxy: "notes", Name: "add_note", Description: "Adds a note.\nSecond line", State: "enabled", Rule: "proxies.notes.tools.default", Calls: 12, LastSeen: noon},
		{Proxy: "notes", Name: "delete_all", State: "restricted", Groups: []string{"admins"}, Rule: "proxies.notes.tools.rules.delete_all", Line: 88, Denied: 3},
		{Proxy: "notes", Name: "fork_notes", State: "enabled", Rule: "proxies.notes.tools.default", New: true, LastSeen: noon},
		{Proxy: "notes", Name: "evil\x1b[31m", State: "disabled", Rule: "proxies.notes.tools.rules.evil*", Line: 90, Changed: true},
	}, nil
}

func (f *fakeBackend) Keys(context.Context) ([]control.Key, error) {
	return []control.Key{{KID: "k1", Alg: "ES256", State: "active", Created: noon.Add(-12 * 24 * time.Hour), Activated: noon.Add(-10 * time.Minute)},
		{KID: "k0", Alg: "ES256", State: "retired", Created: noon.Add(-40 * 24 * time.Hour), RemoveAfter: noon.Add(time.Hour)}}, nil
}

func (f *fakeBackend) RotateKeys(context.Context, control.By) (control.Key, error) {
	return control.Key{KID: "k2"}, nil
}

func (f *fakeBackend) Explain(_ context.Context, r control.ExplainRequest) (control.Trace, error) {
	t := f.trace
	t.User, t.Proxy, t.Kind, t.Name = r.User, r.Proxy, r.Kind, r.Name
	return t, nil
}

func (f *fakeBackend) Reload(context.Context, control.By) (control.ReloadResult, error) {
	return f.reload, nil
}

// daemon is a fake backend behind real sockets.
type daemon struct {
	*fakeBackend
	dir string
}

func newDaemon(t *testing.T) *daemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &daemon{fakeBackend: newFake(), dir: dir}
	s := &control.Server{Backend: d.fakeBackend, Dir: dir, ViewGroup: "no-such-group", AdminGroup: "no-such-group",
		RequestID: func() string { return "r_test" }}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return d
}

// result is what a command left behind.
type result struct {
	out, err string
	code     int
}

func (d *daemon) run(args ...string) result {
	return runWith(map[string]string{"GATEHOUSE_SOCKET": d.dir}, "", args...)
}

func runWith(vars map[string]string, stdin string, args ...string) result {
	var out, errs bytes.Buffer
	e := &env{in: strings.NewReader(stdin), out: &out, err: &errs, getenv: func(k string) string { return vars[k] },
		now: func() time.Time { return noon }, version: "0.1.0"}
	code := e.run(context.Background(), args)
	return result{out.String(), errs.String(), code}
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs\n--- got\n%s--- want\n%s", file, got, want)
	}
}
