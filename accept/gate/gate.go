// Package gate runs the real binary with everything around it on loopback: an OpenID provider, an MCP server, a
// configuration file, people. The end-to-end tests and the programs of accept drive it; it can be killed and started again
// on the same state.
package gate

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"gatehouse/control"
	"gatehouse/demo"
)

// Secrets that must appear in no output.
const (
	IdPSecret     = "canary-idp-client-secret"
	EncryptionKey = "canary-encryption-key-0123456789"
)

// Gate is one installation. The exported fields are read-only after New, but for Env.
type Gate struct {
	Bin, Dir   string
	ConfigPath string
	Main       string // host:port of the main listener
	Own        string // host:port of the proxy's own listener
	IdP        *demo.IdP
	Notes      *demo.Notes
	Env        []string // more environment for the binary, such as NOTIFY_SOCKET=…; set before Start

	stopFakes func()

	mu     sync.Mutex // guards what follows
	cmd    *exec.Cmd
	exited chan struct{}
	stderr bytes.Buffer
}

// New starts the provider and the MCP server and writes the configuration; Start starts the binary. Close ends all.
func New(bin, dir string) (*Gate, error) {
	g := &Gate{Bin: bin, Dir: dir, ConfigPath: filepath.Join(dir, "oauth2_config.yaml")}
	main, err := FreePort()
	if err != nil {
		return nil, err
	}
	own, err := FreePort()
	if err != nil {
		return nil, err
	}
	g.Main, g.Own = main, own
	_, mainPort, _ := net.SplitHostPort(main)
	g.Notes = &demo.Notes{UserHeader: "X-Gatehouse-Email", Tick: 20 * time.Millisecond}
	notesAddr, stopNotes, err := serve(g.Notes.Handler())
	if err != nil {
		return nil, err
	}
	idp := &lateHandler{}
	idpAddr, stopIdP, err := serve(idp)
	if err != nil {
		return nil, err
	}
	g.IdP = demo.NewIdP("http://"+idpAddr, "gatehouse", IdPSecret,
		[]string{"http://localhost:" + mainPort + "/api/v1/oauth/callback"}, demo.Accounts(), nil)
	idp.Handler = g.IdP
	g.stopFakes = func() { stopNotes(); stopIdP() }
	return g, g.Write(fmt.Sprintf(template, main, EncryptionKey, idpAddr, IdPSecret, notesAddr, own, notesAddr, notesAddr))
}

// template is the file; tests change it by Replace.
const template = `server:
  listen: %s
  shutdown_grace: 5s
storage:
  encryption_key: %s
providers:
  demo:
    type: oidc
    issuer: http://%s
    client_id: gatehouse
    client_secret: %s
    scopes: [openid, profile, email, groups]
groups:
  eng: {rules: [{claim: {groups: eng}}]}
  admins: {rules: [{claim: {groups: admins}}]}
  data: {rules: [{claim: {groups: data}}]}
users: {}
rate_limits: {register: 6000/m, token: 60000/m, authorize: 60000/m}
proxies:
  notes:
    id: 9
    upstream: http://%s/mcp
    listen: %s
    oauth: {provider: demo}
    allowed_groups: [eng, admins, data]
    tools:
      rules:
        delete_all: {groups: [admins]}
        "export_*": disabled
  second:
    upstream: http://%s/mcp
    oauth: {provider: demo}
  open:
    upstream: http://%s/mcp
    oauth: {enabled: false}
`

type lateHandler struct{ http.Handler }

func serve(h http.Handler) (addr string, stop func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() { // ends with stop
		defer close(done)
		srv.Serve(ln)
	}()
	return ln.Addr().String(), func() { srv.Close(); <-done }, nil
}

// FreePort is a loopback address nobody listened on a moment ago.
func FreePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// Write replaces the configuration as vim does: a new file renamed over the old one.
func (g *Gate) Write(text string) error {
	tmp := g.ConfigPath + ".tmp"
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, g.ConfigPath)
}

// Replace changes the configuration; old must be in it.
func (g *Gate) Replace(old, new string) error {
	text, err := os.ReadFile(g.ConfigPath)
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), old) {
		return fmt.Errorf("configuration does not contain %q", old)
	}
	return g.Write(strings.Replace(string(text), old, new, 1))
}

// Start starts the binary and waits until it is healthy.
func (g *Gate) Start(ctx context.Context, args ...string) error {
	cmd := exec.Command(g.Bin, append([]string{"serve", "-c", g.ConfigPath}, args...)...)
	cmd.Stderr = &lockedWriter{g}
	cmd.Env = append(os.Environ(), "GATEHOUSE_CONFIG=", "STATE_DIRECTORY=", "RUNTIME_DIRECTORY=", "LOGS_DIRECTORY=", "NOTIFY_SOCKET=")
	cmd.Env = append(cmd.Env, g.Env...)
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	g.mu.Lock()
	g.cmd, g.exited = cmd, exited
	g.mu.Unlock()
	go func() { // ends with the process; Kill and Stop wait for it
		cmd.Wait()
		close(exited)
	}()
	return g.healthy(ctx, exited)
}

func (g *Gate) healthy(ctx context.Context, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if resp, err := http.Get("http://" + g.Main + "/health"); err == nil {
			resp.Body.Close()
			if _, err := os.Stat(filepath.Join(g.ControlDir(), control.ControlSocket)); resp.StatusCode == http.StatusOK && err == nil && g.ownIsOpen() {
				return nil
			}
		}
		select {
		case <-exited:
			return fmt.Errorf("exited at once: %s", g.Stderr())
		case <-ctx.Done():
			return fmt.Errorf("not healthy: %s", g.Stderr())
		case <-tick.C:
		}
	}
}

// ownIsOpen reports that the proxy's own listener, if there is one, takes connections: after a kill -9 the main listener
// answers first, beside the socket of the last life.
func (g *Gate) ownIsOpen() bool {
	text, err := os.ReadFile(g.ConfigPath)
	if err != nil || !strings.Contains(string(text), "listen: "+g.Own) {
		return err == nil
	}
	c, err := net.Dial("tcp", g.Own)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// Kill is kill -9: no handler runs, nothing is flushed by the process.
func (g *Gate) Kill() { g.signal(syscall.SIGKILL) }

// Stop is SIGTERM; the exit code is the process's.
func (g *Gate) Stop() int { return g.signal(syscall.SIGTERM) }

// Signal sends a signal without waiting.
func (g *Gate) Signal(s os.Signal) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cmd.Process.Signal(s)
}

// PID is the process to measure.
func (g *Gate) PID() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cmd.Process.Pid
}

func (g *Gate) signal(s os.Signal) int {
	g.mu.Lock()
	cmd := g.cmd
	g.mu.Unlock()
	if cmd == nil {
		return 0
	}
	cmd.Process.Signal(s)
	return g.Wait()
}

// Wait waits for the process to end and returns its exit code.
func (g *Gate) Wait() int {
	g.mu.Lock()
	cmd, exited := g.cmd, g.exited
	g.mu.Unlock()
	<-exited
	return cmd.ProcessState.ExitCode()
}

// Close ends the binary and the fakes.
func (g *Gate) Close() {
	g.Kill()
	g.stopFakes()
}

// Stderr is what the binary has logged so far.
func (g *Gate) Stderr() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stderr.String()
}

type lockedWriter struct{ g *Gate }

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	return w.g.stderr.Write(p)
}

// ProxyURL is the MCP URL of the protected proxy, OpenURL that of the open one.
func (g *Gate) ProxyURL() string { return "http://localhost:" + port(g.Own) + "/mcp" }

// OpenURL is the MCP URL of the proxy without sign-in, which is on a path of the main listener.
func (g *Gate) OpenURL() string { return g.MainURL() + "/open" }

// MainURL is the base URL of the main listener.
func (g *Gate) MainURL() string { return "http://localhost:" + port(g.Main) }

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// ControlDir holds the sockets, StateDir everything else.
func (g *Gate) ControlDir() string { return filepath.Join(g.Dir, "run") }

// StateDir holds the store and the audit log.
func (g *Gate) StateDir() string { return filepath.Join(g.Dir, "state") }

// AuditPath is the current audit file.
func (g *Gate) AuditPath() string { return filepath.Join(g.StateDir(), "audit", "audit.jsonl") }

// Person is somebody at the protected proxy who has not signed in yet.
func (g *Gate) Person(name string) *demo.Person {
	return &demo.Person{Name: name, ProxyURL: g.ProxyURL()}
}

// CLI runs a command of the binary against this installation.
func (g *Gate) CLI(args ...string) (out string, code int, err error) {
	cmd := exec.Command(g.Bin, args...)
	cmd.Dir = g.Dir
	cmd.Env = append(os.Environ(), "GATEHOUSE_CONFIG="+g.ConfigPath)
	b, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return string(b), -1, err
	}
	return string(b), cmd.ProcessState.ExitCode(), nil
}
