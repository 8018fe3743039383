package demo_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/app"
	"gatehouse/demo"
)

const runSample = `
server: {listen: 127.0.0.1:38080, state_dir: state, control_dir: run}
providers:
  demo: {type: oidc, issuer: http://127.0.0.1:39060, client_id: gatehouse, client_secret: demo, scopes: [openid, profile, email, groups]}
groups:
  engineering: {rules: [{claim: {groups: eng}}]}
  data: {rules: [{claim: {groups: data}}]}
  admins: {rules: [{claim: {groups: admins}}]}
proxies:
  notes:
    listen: 127.0.0.1:39050
    upstream: http://127.0.0.1:39061/mcp
    oauth: {provider: demo}
    allowed_groups: [engineering, data]
    tools: {rules: {delete_all: {groups: [admins]}}}
`

// buffer tells when it contains what somebody waits for.
type buffer struct {
	mu   sync.Mutex
	b    bytes.Buffer
	news chan struct{}
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.news <- struct{}{}:
	default:
	}
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestDemo(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out := &buffer{news: make(chan struct{}, 1)}
	var log bytes.Buffer
	var dir string
	done := make(chan error, 1)
	var wait sync.WaitGroup
	defer wait.Wait() // also after a failure: the state must go
	defer cancel()
	start := time.Now()
	wait.Go(func() {
		done <- demo.Run(ctx, demo.Options{Sample: []byte(runSample), Stdout: out, Tick: 50 * time.Millisecond, Serve: func(ctx context.Context, path string, ready func()) error {
			dir = filepath.Dir(path)
			if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
				t.Errorf("state directory: %v, %v", fi.Mode(), err)
			}
			return app.Run(ctx, app.Options{ConfigPath: path, Stderr: &log, Ready: ready, Demo: true})
		}})
	})
	for _, want := range []string{
		"alice  signed in", "bob    signed in", "add_note: done", "bob    delete_all: refused (not_in_group), rule proxies.notes.tools.rules.delete_all",
		"eve    signed in, but not admitted",
	} {
		for !strings.Contains(out.String(), want) {
			select {
			case <-out.news:
			case err := <-done:
				t.Fatalf("ended: %v\n%s", err, out)
			case <-ctx.Done():
				t.Fatalf("no %q\n%s", want, out)
			}
		}
	}
	t.Logf("everything seen after %v:\n%s", time.Since(start).Round(time.Millisecond), out)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("end: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state is still there: %v", err)
	}
	if s := out.String() + log.String(); strings.Contains(s, "eyJ") || strings.Contains(s, "refresh_token") {
		t.Error("a token was printed")
	}
}

func TestGateThatCannotStartEndsTheDemo(t *testing.T) {
	broken := errors.New("no")
	err := demo.Run(t.Context(), demo.Options{Sample: []byte(runSample), Stdout: &buffer{}, Serve: func(context.Context, string, func()) error { return broken }})
	if !errors.Is(err, broken) {
		t.Errorf("err = %v", err)
	}
}
