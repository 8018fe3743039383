package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/accept/gate"
	"gatehouse/control"
	"gatehouse/demo"
	"gatehouse/store/storetest"
)

// newGate is an installation of the real binary that ends with the test. edits are pairs of old and new text of its file.
func newGate(t *testing.T, edits ...string) *gate.Gate {
	t.Helper()
	g := unstarted(t, edits...)
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

func unstarted(t *testing.T, edits ...string) *gate.Gate {
	t.Helper()
	bin, err := exec.LookPath("gatehouse")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "gate") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	g, err := gate.New(bin, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	for i := 0; i < len(edits); i += 2 {
		if err := g.Replace(edits[i], edits[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func signedIn(t *testing.T, g *gate.Gate, name string) *demo.Person {
	t.Helper()
	p := g.Person(name)
	if _, err := p.SignIn(t.Context()); err != nil {
		t.Fatalf("sign in: %v\n%s", err, g.Stderr())
	}
	return p
}

// within repeats f until it is nil, for at most d.
func within(t *testing.T, d time.Duration, what string, f func() error) {
	t.Helper()
	for deadline := time.Now().Add(d); ; time.Sleep(20 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: after %v still %v", what, d, err)
		}
	}
}

func call(t *testing.T, p *demo.Person) error {
	_, err := p.Call(t.Context(), "list_notes", nil)
	return err
}

// wantUnavailable wants 503 temporarily_unavailable, as a program sees it.
func wantUnavailable(t *testing.T, what string, err error) {
	t.Helper()
	var oauth *demo.OAuthError
	var answer *demo.HTTPError
	var control *control.Error
	var page *demo.PageError
	switch {
	case errors.As(err, &oauth) && oauth.Code == "temporarily_unavailable":
	case errors.As(err, &answer) && answer.Status == http.StatusServiceUnavailable:
	case errors.As(err, &control) && control.Code == "unavailable":
	case errors.As(err, &page) && strings.Contains(err.Error(), "(503)"):
	default:
		t.Errorf("%s: %v (%T), want 503 temporarily_unavailable", what, err, err)
	}
}

func revoke(t *testing.T, g *gate.Gate, user string) error {
	_, err := g.Conn().RevokeSessions(t.Context(), control.RevokeRequest{User: user, Reason: "test"})
	return err
}

// ST-06, RP-7: while the store cannot be written, who is in stays in, nobody new gets in, and no revocation is claimed.
// Somebody else holds the database's lock; the disk itself is fine.
func TestStoreHeldByAnother(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	bob := signedIn(t, g, "bob")
	release := storetest.HoldWrites(t, filepath.Join(g.StateDir(), "gatehouse.db"))
	failed := make(chan error, 1)
	go func() { failed <- revoke(t, g, "bob@example.com") }()
	for range 3 {
		if err := call(t, bob); err != nil {
			t.Errorf("an existing token: %v", err)
		}
	}
	wantUnavailable(t, "a revocation", <-failed)
	if err := call(t, bob); err != nil {
		t.Errorf("not revoked, and not served: %v", err)
	}
	release()
	within(t, 5*time.Second, "revoke", func() error { return revoke(t, g, "bob@example.com") })
	if err := call(t, bob); err == nil {
		t.Error("revoked, and still served")
	}
}

// ST-06 with a real full disk under the store, while the audit log is elsewhere.
func TestFullStore(t *testing.T) {
	t.Parallel()
	logs := t.TempDir()
	g, ballast := onSmallDisk(t, "users: {}", "users: {}\naudit: {path: "+filepath.Join(logs, "audit", "audit.jsonl")+"}")
	alice, bob := signedIn(t, g, "alice"), signedIn(t, g, "bob")
	fill(t, ballast)
	within(t, 5*time.Second, "a full disk", func() error { // the log of the database may still have room
		if _, err := alice.Refresh(t.Context()); err != nil {
			wantUnavailable(t, "a refresh", err)
			return nil
		}
		return errors.New("refreshes go on")
	})
	_, err := g.Person("alice").SignIn(t.Context())
	wantUnavailable(t, "a sign-in", err)
	wantUnavailable(t, "a registration", register(t.Context(), g))
	wantUnavailable(t, "a revocation", revoke(t, g, "bob@example.com"))
	wantUnavailable(t, "a client's revocation", bob.Revoke(t.Context(), bob.Tokens().Refresh))
	_, err = g.Conn().RotateKeys(t.Context())
	wantUnavailable(t, "a rotation", err)
	if err := call(t, bob); err != nil {
		t.Errorf("an existing token: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	within(t, 5*time.Second, "refresh", func() error { _, err := alice.Refresh(t.Context()); return err })
	within(t, 5*time.Second, "revoke", func() error { return revoke(t, g, "bob@example.com") })
	if err := call(t, bob); err == nil {
		t.Error("revoked, and still served")
	}
}

// onSmallDisk is an installation whose state is on a file system of its own; ballast is a file to fill it with.
func onSmallDisk(t *testing.T, edits ...string) (g *gate.Gate, ballast string) {
	t.Helper()
	g = unstarted(t, edits...)
	if err := os.Mkdir(g.StateDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", g.StateDir(), "tmpfs", 0, "size=4m,mode=0700"); err != nil {
		t.Skipf("mounting a small disk needs root: %v", err)
	}
	t.Cleanup(func() {
		g.Kill()
		if err := syscall.Unmount(g.StateDir(), syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g, filepath.Join(g.StateDir(), "ballast")
}

func register(ctx context.Context, g *gate.Gate) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.MainURL()+"/api/v1/oauth-proxy/notes/register",
		strings.NewReader(`{"redirect_uris":["http://127.0.0.1:9/cb"],"client_name":"x","token_endpoint_auth_method":"none"}`))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 400 {
		err = &demo.HTTPError{Status: resp.StatusCode, Body: string(body)}
	}
	return err
}

// AU-05, RP-8: with audit.on_failure deny nothing happens that cannot be written down.
func TestAuditThatCannotBeWrittenDenies(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	alice := signedIn(t, g, "alice")
	back := takeAway(t, filepath.Dir(g.AuditPath()))
	within(t, 5*time.Second, "health", func() error { return health(g, "503", `"audit":"failing"`) })
	_, err := alice.Call(t.Context(), "add_note", map[string]any{"title": "smuggled", "text": "smuggled"})
	wantUnavailable(t, "a call", err)
	_, err = alice.Refresh(t.Context())
	wantUnavailable(t, "a refresh", err)
	wantUnavailable(t, "a revocation without a line", revoke(t, g, "alice@example.com"))
	if err := g.Replace("users: {}", "users: {bob@example.com: {disabled: true}}"); err != nil {
		t.Fatal(err)
	}
	back()
	within(t, 5*time.Second, "health", func() error { return health(g, "200", `"audit":"ok"`) })
	bob := g.Person("bob")
	within(t, 5*time.Second, "the edit made meanwhile", func() error {
		st, err := g.Conn().Status(t.Context())
		if err == nil && (!st.Config.OK || st.Config.Version != 2) {
			err = fmt.Errorf("%+v", st.Config)
		}
		return err
	})
	if _, err := bob.SignIn(t.Context()); err == nil && call(t, bob) == nil {
		t.Error("bob was disabled while the log was away, and is served")
	}
	alice = signedIn(t, g, "alice")
	r, err := alice.Call(t.Context(), "list_notes", nil)
	if err != nil || strings.Contains(r.Text(), "smuggled") {
		t.Errorf("notes after recovery: %q, %v", r.Text(), err)
	}
	if out, code, _ := g.CLI("audit", "verify"); code != 0 {
		ls, _ := exec.Command("ls", "-laR", g.StateDir()).CombinedOutput()
		t.Errorf("audit verify: %d %s\n%s\n%s", code, out, ls, g.Stderr())
	}
}

// RP-8, allow: calls are served, and each line that is missing is counted and owned up to.
func TestAuditThatCannotBeWrittenAllowsAndCounts(t *testing.T) {
	t.Parallel()
	metrics, err := gate.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(t, "users: {}", "users: {}\naudit: {on_failure: allow}\nmetrics: {listen: \""+metrics+"\"}")
	alice := signedIn(t, g, "alice")
	back := takeAway(t, filepath.Dir(g.AuditPath()))
	within(t, 5*time.Second, "health", func() error { return health(g, "200", `"audit":"failing"`) })
	const calls = 7
	for range calls {
		if err := call(t, alice); err != nil {
			t.Fatalf("on_failure allow: %v", err)
		}
	}
	_, err = alice.Refresh(t.Context())
	wantUnavailable(t, "a refresh, which is always denied,", err)
	if body, err := get("http://" + metrics + "/metrics"); err != nil || !strings.Contains(body, fmt.Sprintf("gatehouse_audit_dropped_total %d\n", calls)) {
		i := max(strings.Index(body, "\ngatehouse_audit_dropped"), 0)
		t.Errorf("metrics: %v %.60q, want %d dropped", err, body[i:], calls)
	}
	back()
	within(t, 5*time.Second, "health", func() error { return health(g, "200", `"audit":"ok"`) })
	if err := call(t, alice); err != nil {
		t.Error(err)
	}
	if out, code, _ := g.CLI("audit", "query", "event:audit.gap", "-o", "json"); code != 0 || !strings.Contains(out, `"audit.gap"`) {
		t.Errorf("no gap on record: %d %s", code, out)
	}
	if out, code, _ := g.CLI("audit", "verify"); code != 0 {
		t.Errorf("audit verify: %d %s", code, out)
	}
}

// takeAway moves a directory and puts a file in its place, so that nothing in it can be made, whoever tries.
func takeAway(t *testing.T, dir string) (back func()) {
	t.Helper()
	if err := errors.Join(os.Rename(dir, dir+".away"), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
			t.Fatal(err)
		}
	}
}

func health(g *gate.Gate, status, text string) error {
	resp, err := http.Get(g.MainURL() + "/health")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if !strings.HasPrefix(resp.Status, status) || !strings.Contains(string(body), text) {
		return fmt.Errorf("%s %s", resp.Status, body)
	}
	return nil
}

func get(url string) (string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// ST-06, AU-05 with a real full disk: everything on one small file system that is filled to the last byte and freed.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	g, ballast := onSmallDisk(t)
	alice := signedIn(t, g, "alice")
	fill(t, ballast)
	// The last page of the log and of the store may still have room.
	within(t, 5*time.Second, "a full disk", func() error {
		for range 20 {
			if err := call(t, alice); err != nil {
				wantUnavailable(t, "a call without a line", err)
				return nil
			}
		}
		return errors.New("calls go on")
	})
	_, err := alice.Refresh(t.Context())
	wantUnavailable(t, "a refresh", err)
	wantUnavailable(t, "a revocation", revoke(t, g, "alice@example.com"))
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	within(t, 5*time.Second, "health", func() error { return health(g, "200", `"status":"ok"`) })
	fresh := signedIn(t, g, "bob")
	if err := call(t, fresh); err != nil {
		t.Error(err)
	}
	if code := g.Stop(); code != 0 {
		t.Errorf("exit %d\n%s", code, g.Stderr())
	}
	if out, code, _ := g.CLI("audit", "verify"); code != 0 {
		t.Errorf("audit verify: %d %s", code, out)
	}
}

func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}
