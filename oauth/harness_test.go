package oauth

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/gatetest"
	"gatehouse/idp"
	"gatehouse/limit"
	"gatehouse/policy"
	"gatehouse/session"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

const (
	verifier  = "verifier-verifier-verifier-verifier-verifier"
	challenge = "fD3GLJ_KzCDB0w6uDOSFNNdflrHwtv8Cizh6P5pJkfQ"
	testYAML  = `
server: {listen: %[1]q, external_url: "http://%[1]s"}
providers:
  demo: {type: oidc, issuer: %[2]q, client_id: gatehouse, client_secret: idp-client-secret-canary, scopes: [openid, profile, email, groups]}
groups:
  eng: {members: [alice@example.com]}
users: {USERS}
clients:
  ci: {redirect_uris: ["https://ci.example/cb"], secret_hash: "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b", proxies: [m]}
proxies:
  m: {id: 9, path: /m, upstream: "http://127.0.0.1:1/mcp", oauth: {scopes: [read, write]}}
  n: {path: /n, upstream: "http://127.0.0.1:1/mcp", allowed_groups: [eng], oauth: {dcr: true, require_consent: false, client_type: public}}
  own: {listen: "127.0.0.1:9050", upstream: "http://127.0.0.1:1/mcp"}
  open: {path: /open, upstream: "http://127.0.0.1:1/mcp", oauth: {enabled: false}}
`
)

// recorder is an audit log in memory.
type recorder struct {
	mu        sync.Mutex
	events    []audit.Event
	strangers []audit.Event // those of them that came by RefusedAnonymous
	fail      error
}

func (a *recorder) Record(e *audit.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail != nil {
		return a.fail
	}
	a.events = append(a.events, *e)
	return nil
}

func (a *recorder) RefusedAnonymous(e *audit.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail == nil {
		a.events, a.strangers = append(a.events, *e), append(a.strangers, *e)
	}
}

func (a *recorder) Digest(string) string { return "hmac:x" }

func (a *recorder) count(event, reason string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.events {
		if e.Event == event && (reason == "" || e.Reason == reason) {
			n++
		}
	}
	return n
}

// house is an authorization server on a loopback port with an honest provider.
type house struct {
	t        *testing.T
	clock    *gatetest.Clock
	idp      *gatetest.IdP
	store    *store.Store
	file     string // of the store
	sessions *session.Registry
	audit    *recorder
	log      *syncBuffer
	server   *Server
	gate     atomic.Pointer[Gate]
	url      string
	yaml     string
	ip       atomic.Pointer[string]
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, clock: gatetest.NewClock(), audit: &recorder{}, log: &syncBuffer{}}
	ctx := context.Background()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.gate.Load().ServeMain(w, r) {
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	h.url = srv.URL
	h.idp = gatetest.NewIdP(t, srv.URL+"/api/v1/oauth/callback", h.clock.Now)
	h.file = filepath.Join(t.TempDir(), "gatehouse.db")
	h.store = storetest.OpenAt(t, h.file, h.clock.Now)
	h.sessions = session.NewRegistry(session.Options{Store: h.store, Audit: h.audit, Now: h.clock.Now})
	local := "127.0.0.1"
	h.ip.Store(&local)
	var err error
	h.server, err = New(ctx, Options{Store: h.store, Sessions: h.sessions, Limits: limit.New(1000), Audit: h.audit,
		Logger: slog.New(slog.NewTextHandler(h.log, nil)), Now: h.clock.Now, ClientIP: func(*http.Request) string { return *h.ip.Load() },
		RequestID: func(*http.Request) string { return "r_test" }, Tools: func(string) []string { return []string{"safe", "danger"} }})
	if err != nil {
		t.Fatal(err)
	}
	h.yaml = fmt.Sprintf(testYAML, strings.TrimPrefix(srv.URL, "http://"), h.idp.Issuer)
	h.reload("")
	return h
}

// reload puts a changed configuration in force; pairs are old, new.
func (h *house) reload(users string, pairs ...string) {
	h.t.Helper()
	text := strings.Replace(h.yaml, "USERS", users, 1)
	text = strings.NewReplacer(pairs...).Replace(text)
	cfg, faults := config.Parse("oauth2_config.yaml", []byte(text), config.Options{Getenv: func(string) string { return "" }})
	if cfg == nil {
		h.t.Fatalf("config: %v", faults)
	}
	rules, faults := policy.Compile(cfg)
	if rules == nil || len(faults.Errors()) > 0 {
		h.t.Fatalf("policy: %v", faults)
	}
	prov := idp.New(cfg.Providers["demo"], idp.Options{Callback: cfg.CallbackURL(), Now: h.clock.Now})
	g := h.server.In(&World{Config: cfg, Policy: rules, Providers: map[string]*idp.Provider{"demo": prov}})
	g.InForce()
	h.gate.Store(g)
}
