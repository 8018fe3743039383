package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/demo"

	"github.com/golang-jwt/jwt/v5"
)

// lab is everything that a run needs.
type lab struct {
	dir      string
	pinned   bool
	self     string // this program
	binary   string // gatehouse, built for the run
	back     *backend
	idp      *http.Server
	issuer   string
	config   string
	gateAddr string
	key      string // naive's public key, PEM
	token    string // naive's token
	gate     string // the person's access token at the gate
	passed   int    // requests that the gate let through
	targets  []*target
}

func newLab(ctx context.Context, binary string) (_ *lab, err error) {
	l := &lab{}
	if l.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if l.dir, err = os.MkdirTemp("", "gatehouse-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.binary = binary; binary == "" {
		if err := l.build(ctx); err != nil {
			return nil, err
		}
	}
	l.pinned = pinSelf(loadCore)
	if l.back, err = newBackend(); err != nil {
		return nil, err
	}
	if err := l.makeNaive(); err != nil {
		return nil, err
	}
	if err := l.makeGate(); err != nil {
		return nil, err
	}
	l.targets = []*target{{name: "direct", addr: l.back.addr, path: "/mcp"}}
	for _, name := range []string{"bare", "pooled", "naive"} {
		t, err := l.startRole(name)
		if err != nil {
			return nil, err
		}
		l.targets = append(l.targets, t)
	}
	t, err := l.startGate(ctx)
	if err != nil {
		return nil, err
	}
	open := *t
	open.name, open.path, open.token = "gatehouse, open", "/open", ""
	l.targets = append(l.targets, t, &open)
	return l, nil
}

// build makes the gate from the module that this program belongs to.
func (l *lab) build(ctx context.Context) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "gatehouse").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	progress("building the gate")
	l.binary = filepath.Join(l.dir, "gatehouse")
	build := exec.CommandContext(ctx, "go", "build", "-o", l.binary, ".")
	build.Dir = strings.TrimSpace(string(root))
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %v: %s", err, out)
	}
	return nil
}

func (l *lab) close() {
	for _, t := range l.targets {
		if t.proc != nil && t.name != "gatehouse, open" {
			_ = t.proc.stop()
		}
	}
	if l.back != nil {
		l.back.close()
	}
	if l.idp != nil {
		_ = l.idp.Close()
	}
	_ = os.RemoveAll(l.dir)
}

func (l *lab) target(name string) *target {
	for _, t := range l.targets {
		if t.name == name {
			return t
		}
	}
	return nil
}

func (l *lab) makeNaive() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	l.key = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	l.token, err = jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": "http://localhost", "sub": "alice", "aud": "http://localhost/mcp", "exp": time.Now().Add(12 * time.Hour).Unix(),
	}).SignedString(key)
	return err
}

func (l *lab) startRole(name string) (*target, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p, err := start(l.pinned, l.dir, []string{
		"BENCH_ROLE=" + name, "BENCH_LISTEN=" + addr, "BENCH_UPSTREAM=http://" + l.back.addr + "/mcp", "BENCH_KEY=" + l.key,
		"BENCH_LOG=" + filepath.Join(l.dir, "naive.log"),
	}, l.self)
	if err != nil {
		return nil, err
	}
	t := &target{name: name, addr: addr, path: "/mcp", proc: p}
	if name == "naive" {
		t.token = l.token
	}
	return t, p.listening(addr)
}

// makeGate writes the gate's configuration and starts the identity provider.
func (l *lab) makeGate() error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	l.gateAddr = addr
	_, port, _ := net.SplitHostPort(addr)
	idp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l.issuer = "http://" + idp.Addr().String()
	callback := "http://localhost:" + port + "/api/v1/oauth/callback"
	l.idp = &http.Server{Handler: demo.NewIdP(l.issuer, "gatehouse", "", []string{callback}, demo.Accounts(), nil), ReadHeaderTimeout: 10 * time.Second}
	go l.idp.Serve(idp) // ends with close
	l.config = filepath.Join(l.dir, "gate.yaml")
	text := fmt.Sprintf(`
server: {listen: "%s", state_dir: state, control_dir: run}
providers:
  demo: {type: oidc, issuer: "%s", client_id: gatehouse}
groups:
  everyone: {rules: [{email_domain: example.com}]}
  admins: {members: [nobody@example.com]}
proxies:
  bench:
    upstream: http://%s/mcp
    path: /bench
    oauth: {provider: demo, access_token_ttl: 12h}
    allowed_groups: [everyone]
    tools: {rules: {search_notes: {groups: [everyone]}, delete_all: disabled, "admin_*": {groups: [admins]}}}
    limits: {max_streams: 20000}
  open:
    upstream: http://%s/mcp
    path: /open
    oauth: {enabled: false}
    limits: {max_streams: 20000}
`, addr, l.issuer, l.back.addr, l.back.addr)
	return os.WriteFile(l.config, []byte(text), 0o600)
}

// startGate runs the real binary and signs a person in on the first start.
func (l *lab) startGate(ctx context.Context) (*target, error) {
	p, err := start(l.pinned, l.dir, nil, l.binary, "serve", "-c", l.config)
	if err != nil {
		return nil, err
	}
	t := &target{name: "gatehouse", addr: l.gateAddr, path: "/bench", proc: p}
	if err := p.listening(l.gateAddr); err != nil {
		return t, err
	}
	if l.gate == "" {
		who := &demo.Person{Name: demo.Accounts()[0].ID, ProxyURL: "http://" + t.host() + "/bench"}
		tokens, err := who.Login(ctx)
		if err != nil {
			_ = p.stop()
			return nil, fmt.Errorf("sign in at the gate: %w: %s", err, p.stderr.String())
		}
		l.gate = tokens.Access
	}
	t.token = l.gate
	return t, nil
}

// auditLines counts the lines against the requests: two for each call that passed, none missing.
func (l *lab) auditLines() error {
	if err := l.target("gatehouse").proc.stop(); err != nil {
		return fmt.Errorf("stop the gate: %w", err)
	}
	calls, done := 0, 0
	err := filepath.WalkDir(filepath.Join(l.dir, "state"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(filepath.Base(path), ".jsonl") && !strings.Contains(path, "audit") {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		s := bufio.NewScanner(f)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			switch {
			case bytes.Contains(s.Bytes(), []byte(`"event":"mcp.tool_call"`)):
				calls++
			case bytes.Contains(s.Bytes(), []byte(`"event":"mcp.tool_done","action":"call"`)):
				done++
			}
		}
		return s.Err()
	})
	if err != nil {
		return err
	}
	if calls != l.passed || done != l.passed {
		return fmt.Errorf("audit holds %d decisions and %d closings for %d calls", calls, done, l.passed)
	}
	progress("audit: two lines for each of %d calls", l.passed)
	for i, t := range l.targets { // they are gone
		if t.name == "gatehouse" {
			l.targets = append(l.targets[:i:i], l.targets[i+2:]...)
			break
		}
	}
	return nil
}
