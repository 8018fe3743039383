//go:build interop

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// house is everything that runs for these tests: the provider, both upstreams and the built binary. It starts once.
type house struct {
	everything, notes string // MCP URLs of the two proxies
	node              string
	calls             *callCount
	audit             string
	log               *output
}

// callCount counts the tools that really ran at the Go upstream.
type callCount struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *callCount) add(name string) { c.mu.Lock(); c.n[name]++; c.mu.Unlock() }

func (c *callCount) of(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}

// output is what a process says; shown when a test fails.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

var (
	once    sync.Once
	shared  *house
	missing string   // why the tests are skipped
	broken  error    // why the house does not stand
	stops   []func() // in the order of starting
)

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(stops) - 1; i >= 0; i-- {
		stops[i]()
	}
	os.Exit(code)
}

// open is the running house, or the test is skipped with a reason.
func open(t *testing.T) *house {
	t.Helper()
	once.Do(func() { shared, missing, broken = build() })
	if missing != "" {
		t.Skip(missing)
	}
	if broken != nil {
		t.Fatal(broken)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("gatehouse said:\n%s", shared.log)
		}
	})
	return shared
}

const settings = `
server: {listen: "127.0.0.1:%[1]d", state_dir: %[2]q, control_dir: %[2]q}
providers:
  people:
    type: oidc
    issuer: http://127.0.0.1:%[3]d
    client_id: gatehouse
    client_secret: "a secret of thirty-two bytes, or more"
    scopes: [openid, profile, email, groups, offline_access]
groups:
  engineering: {rules: [{provider: people, claim: {groups: eng}}]}
  admins: {members: [alice@example.com]}
proxies:
  everything:
    upstream: http://127.0.0.1:%[4]d/mcp
    allowed_groups: [engineering]
    tools:
      rules:
        get-env: disabled
        "get-s*": {groups: [admins]}
  notes:
    listen: 127.0.0.1:%[5]d
    upstream: %[6]s
    allowed_groups: [engineering]
    tools:
      rules:
        delete_all: disabled
        "admin_*": {groups: [admins]}
`

func build() (h *house, missing string, err error) {
	h = &house{calls: &callCount{n: map[string]int{}}, log: &output{}}
	h.node, _ = filepath.Abs("node_modules/.bin/node")
	if _, err := os.Stat(h.node); err != nil {
		if h.node, err = exec.LookPath("node"); err != nil {
			return nil, "node is not installed", nil
		}
	}
	if _, err := os.Stat("node_modules/oidc-provider"); err != nil {
		return nil, "the npm packages are not installed: interop/run does that", nil
	}
	dir, err := os.MkdirTemp("", "gh") // short: a socket's path has at most 100 bytes
	if err != nil {
		return nil, "", err
	}
	stops = append(stops, func() { os.RemoveAll(dir) })
	binary := os.Getenv("GATEHOUSE_BINARY") // one that is built already
	if binary == "" {
		binary = filepath.Join(dir, "gatehouse")
		if out, err := exec.Command("go", "build", "-o", binary, "..").CombinedOutput(); err != nil {
			return nil, "", fmt.Errorf("build: %v\n%s", err, out)
		}
	}
	port, err := freePorts(4)
	if err != nil {
		return nil, "", err
	}
	gate, idp, everything, own := port[0], port[1], port[2], port[3]
	callback := fmt.Sprintf("http://localhost:%d/api/v1/oauth/callback", gate)
	if err := h.start("http://127.0.0.1:"+fmt.Sprint(idp)+"/.well-known/openid-configuration", nil, h.node, "provider.mjs", fmt.Sprint(idp), callback); err != nil {
		return nil, "", err
	}
	if err := h.start(fmt.Sprintf("http://127.0.0.1:%d/mcp", everything), []string{fmt.Sprintf("PORT=%d", everything)}, h.node, "--import", "./loopback.mjs",
		"node_modules/@modelcontextprotocol/server-everything/dist/index.js", "streamableHttp"); err != nil {
		return nil, "", err
	}
	upstream, err := h.goServer()
	if err != nil {
		return nil, "", err
	}
	file := filepath.Join(dir, "oauth2_config.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, settings, gate, dir, idp, everything, own, upstream), 0o600); err != nil {
		return nil, "", err
	}
	h.audit = filepath.Join(dir, "audit", "audit.jsonl")
	h.everything = fmt.Sprintf("http://localhost:%d/everything", gate)
	h.notes = fmt.Sprintf("http://localhost:%d/mcp", own)
	return h, "", h.start(fmt.Sprintf("http://localhost:%d/health", gate), nil, binary, "serve", "-c", file)
}

// start runs a program until the tests end and waits until url answers.
func (h *house) start(url string, env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = h.log, h.log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stops = append(stops, func() {
		cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			cmd.Process.Kill()
		}
	})
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(30 * time.Second); ; {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("%s ended: %v\n%s", name, err, h.log)
		case <-deadline:
			return fmt.Errorf("%s does not answer at %s\n%s", name, url, h.log)
		case <-tick.C:
			if res, err := http.Get(url); err == nil {
				res.Body.Close()
				return nil
			}
		}
	}
}

// goServer is the Go SDK's server as an upstream.
func (h *house) goServer() (string, error) {
	server := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: "1"}, nil)
	for _, name := range []string{"search_notes", "delete_all", "admin_reset"} {
		mcp.AddTool(server, &mcp.Tool{Name: name, Description: "A tool."}, func(context.Context, *mcp.CallToolRequest, map[string]any) (*mcp.CallToolResult, any, error) {
			h.calls.add(name)
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "ran " + name}}}, nil, nil
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil), ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() { s.Serve(l); close(done) }()
	stops = append(stops, func() { s.Close(); <-done })
	return "http://" + l.Addr().String() + "/mcp", nil
}

func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at once, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// script runs one of the .mjs files with a task and decodes the JSON object it prints.
func (h *house) script(t *testing.T, file string, task map[string]any, out any) {
	t.Helper()
	arg, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.node, file, string(arg))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", file, err, b, &stderr)
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatalf("%s printed %s: %v\n%s", file, b, err, &stderr)
	}
}
