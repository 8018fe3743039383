package main

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gatehouse/accept/gate"
	"gatehouse/control"
	"gatehouse/demo"
	"gatehouse/store"
)

// signer makes tokens with the gate's own key, which only who holds its state and encryption key can. The gate is stopped
// meanwhile.
func signer(t *testing.T, g *gate.Gate) jose.Signer {
	t.Helper()
	g.Stop()
	key, _, err := store.LoadKey(g.StateDir(), gate.EncryptionKey)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(g.StateDir(), "gatehouse.db"), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := s.Keys(t.Context())
	if err := errors.Join(err, s.Close(), g.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k.State != store.KeyActive {
			continue
		}
		private, err := x509.ParsePKCS8PrivateKey(k.Private)
		if err != nil {
			t.Fatal(err)
		}
		sign, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: k.KID}},
			(&jose.SignerOptions{}).WithType("at+jwt"))
		if err != nil {
			t.Fatal(err)
		}
		return sign
	}
	t.Fatal("no active key")
	return nil
}

// aged is a token with the claims of another one, issued so long ago.
func aged(t *testing.T, sign jose.Signer, token string, ago time.Duration) string {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	claims := map[string]any{}
	if err == nil {
		err = parsed.UnsafeClaimsWithoutVerification(&claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	claims = maps.Clone(claims)
	claims["iat"], claims["exp"] = time.Now().Add(-ago).Unix(), time.Now().Add(time.Hour-ago).Unix()
	out, err := jwt.Signed(sign).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestExpiredTokenIsAnsweredAtOnceAndRefreshes(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	p := signedIn(t, g, "alice")
	fresh := p.Tokens()
	sign := signer(t, g)
	p.SetTokens(demo.Tokens{Access: aged(t, sign, fresh.Access, time.Minute)})
	if err := call(t, p); err != nil {
		t.Fatalf("a token of a minute ago: %v", err)
	}
	old := aged(t, sign, fresh.Access, 2*time.Hour)
	for _, c := range []struct{ method, body string }{
		{"POST", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`},
		{"POST", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`}, {"GET", ""}, {"DELETE", ""},
	} {
		began := time.Now()
		a := ask(t, c.method, g.ProxyURL(), c.body, "Authorization: Bearer "+old, "Accept: application/json, text/event-stream")
		a.want(t, c.method+c.body, 401, "expired")
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s took %v", c.method, took)
		}
		if w := a.Header.Get("WWW-Authenticate"); !strings.Contains(w, `error="invalid_token"`) || !strings.Contains(w, "/.well-known/oauth-protected-resource/mcp") {
			t.Errorf("challenge %q", w)
		}
	}
	fresh.Access = old
	p.SetTokens(fresh)
	if err := call(t, p); err != nil { // as a client does: 401, refresh, again
		t.Errorf("refresh after expiry: %v", err)
	}
}

func TestLifetimesAreConfigured(t *testing.T) {
	t.Parallel()
	g := newGate(t, "  second:\n", "  short:\n    upstream: http://127.0.0.1:9/mcp\n    oauth: {provider: demo, access_token_ttl: 10m}\n  second:\n")
	for path, want := range map[string]int{"/short": 600, "/second": 3600} {
		p := g.Person("alice")
		p.ProxyURL = g.MainURL() + path
		// The provider's own token lives 10 minutes, which shortens nothing.
		tok, err := p.Login(t.Context())
		if err != nil || tok.Seconds != want {
			t.Errorf("%s: a token lives %d s, want %d: %v", path, tok.Seconds, want, err)
		}
	}
}

// Inside the grace the older token of a family gets what the family has; after it, it ends the family.
func TestGraceAndReplayOfRefreshTokens(t *testing.T) {
	t.Parallel()
	g := newGate(t, "  second:\n", "  strict:\n    upstream: http://127.0.0.1:9/mcp\n    oauth: {provider: demo, refresh_grace: 0s}\n  second:\n")
	p := signedIn(t, g, "alice")
	first := p.Tokens()
	second, err := p.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.SetTokens(first)
	again, err := p.Refresh(t.Context())
	if err != nil || again.Refresh != second.Refresh || again.Access == second.Access {
		t.Errorf("in the grace: the family's current token %v, a fresh access token %v, %v", again.Refresh == second.Refresh, again.Access != second.Access, err)
	}

	strict := g.Person("alice")
	strict.ProxyURL = g.MainURL() + "/strict"
	if first, err = strict.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	if second, err = strict.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tok := range []demo.Tokens{first, second} {
		strict.SetTokens(tok)
		var refused *demo.OAuthError
		if _, err := strict.Refresh(t.Context()); !errors.As(err, &refused) || refused.Code != "invalid_grant" {
			t.Errorf("after a replay: %v", err)
		}
	}
	if a := ask(t, "GET", g.MainURL()+"/strict", nil, "Authorization: Bearer "+second.Access, "Accept: text/event-stream"); a.Status != 401 {
		t.Errorf("the family's access token answers %d", a.Status)
	}
	if err := call(t, p); err != nil {
		t.Errorf("the other family: %v", err)
	}
	reuse := 0
	for _, l := range auditOf(t, g) {
		if l.Event == "token.refresh_reuse" && l.Req.Proxy == "strict" {
			reuse++
		}
	}
	if reuse != 1 {
		t.Errorf("%d lines token.refresh_reuse, want 1", reuse)
	}
}

// What was handed out is nowhere in the state, its write-ahead log included, while the gate runs.
func TestNoTokenIsReadableInTheState(t *testing.T) {
	t.Parallel()
	g := newGate(t, "scopes: [openid, profile, email, groups]", "scopes: [openid, profile, email, groups, offline_access]")
	p := signedIn(t, g, "alice")
	all := []demo.Tokens{p.Tokens()}
	next, err := p.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := clientOf(t, g, "notes")
	for _, tok := range append(all, next) {
		for _, s := range []string{tok.Access, tok.Refresh, strings.TrimPrefix(tok.Refresh, "gw_refresh_"), secret, strings.TrimPrefix(secret, "gs_"), gate.IdPSecret, gate.EncryptionKey} {
			if s == "" {
				t.Fatal("nothing to look for")
			}
			if found := inState(t, g.Dir, s); len(found) > 0 && !strings.HasSuffix(strings.Join(found, ""), "oauth2_config.yaml") {
				t.Errorf("a secret is in %v", found)
			}
		}
	}
	if found := inState(t, g.StateDir(), "alice@example.com"); len(found) == 0 {
		t.Error("looked in the wrong place")
	}
}

// Sessions end at their absolute and at their idle limit, also when the gate was restarted in between.
func TestSessionLimitsHoldAfterARestart(t *testing.T) {
	t.Parallel()
	g := newGate(t, "oauth: {provider: demo}\n    allowed_groups", "oauth: {provider: demo, access_token_ttl: 1s, session_ttl: 2s}\n    allowed_groups",
		"  second:\n", "  idle:\n    upstream: http://127.0.0.1:9/mcp\n    oauth: {provider: demo, idle_timeout: 1s}\n  second:\n")
	absolute := signedIn(t, g, "alice")
	idle := g.Person("bob")
	idle.ProxyURL = g.MainURL() + "/idle"
	if _, err := idle.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := g.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := call(t, absolute); err != nil {
		t.Fatalf("right after the restart: %v", err)
	}
	within(t, 10*time.Second, "the limits", func() error {
		list, err := g.Conn().Sessions(t.Context(), control.SessionFilter{})
		if err == nil && len(list) > 0 {
			err = errors.New("sessions are left")
		}
		return err
	})
	for who, p := range map[string]*demo.Person{"absolute": absolute, "idle": idle} {
		var refused *demo.HTTPError
		if err := call(t, p); !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
			t.Errorf("%s: call: %v", who, err)
		}
		if _, err := p.Refresh(t.Context()); err == nil {
			t.Errorf("%s: refreshed", who)
		}
	}
}

// An upstream that says nothing is given up after timeouts.response_header, and the caller gets an answer to his question.
func TestStalledUpstreamIs504WithARPCError(t *testing.T) {
	t.Parallel()
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // or nobody would notice that the gate gave up
		<-r.Context().Done()
	}))
	t.Cleanup(hang.Close)
	g := newGate(t, "  open:\n", "  stalls:\n    upstream: "+hang.URL+"/mcp\n    oauth: {enabled: false}\n    timeouts: {response_header: 300ms}\n  open:\n")
	began := time.Now()
	a := ask(t, "POST", g.MainURL()+"/stalls", `{"jsonrpc":"2.0","id":"q7","method":"tools/list"}`, "Accept: application/json, text/event-stream")
	a.want(t, "stalled", http.StatusGatewayTimeout)
	if took := time.Since(began); took < 300*time.Millisecond || took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	var m struct {
		JSONRPC string `json:"jsonrpc"`
		ID      string `json:"id"`
		Error   struct {
			Code    int            `json:"code"`
			Message string         `json:"message"`
			Data    map[string]any `json:"data"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(a.Body), &m); err != nil || m.JSONRPC != "2.0" || m.ID != "q7" || m.Error.Code == 0 || m.Error.Message == "" {
		t.Errorf("answer %s: %v", a.Body, err)
	}
	// The gate is still well; what stands behind it is not.
	ask(t, "GET", g.MainURL()+"/health", nil).want(t, "health", 200, `"status":"degraded"`, `"upstream":"failing"`)
}
