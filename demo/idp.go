package demo

// https://openid.net/specs/openid-connect-core-1_0.html, https://openid.net/specs/openid-connect-discovery-1_0.html

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Account is somebody known to the demo provider.
type Account struct {
	ID     string // the sub claim, and what the button on the page submits
	Name   string
	Email  string
	Groups []string
	// Unverified accounts have email_verified: false.
	Unverified bool
}

// Accounts are the people of `gatehouse demo`.
func Accounts() []Account {
	return []Account{
		{ID: "alice", Name: "Alice", Email: "alice@example.com", Groups: []string{"eng", "admins"}},
		{ID: "bob", Name: "Bob", Email: "bob@example.com", Groups: []string{"data"}},
		{ID: "eve", Name: "Eve", Email: "eve@example.com"},
	}
}

// IdP is an OpenID provider that believes everybody: whoever clicks a name is that person. Apart from that it is strict:
// one client, exact redirect URIs, PKCE, codes that work once for a minute, rotating refresh tokens. It is an
// http.Handler for a loopback listener and nothing else.
type IdP struct {
	Issuer       string // base URL, without a trailing slash
	ClientID     string
	ClientSecret string   // empty for a public client
	Callbacks    []string // redirect URIs of the client
	Now          func() time.Time

	mu       sync.Mutex // guards what follows
	accounts []Account
	keys     []signingKey // the first one signs
	pending  map[string]request
	codes    map[string]grant
	access   map[string]grant
	refresh  map[string]grant
}

type signingKey struct {
	id  string
	key *ecdsa.PrivateKey
}

// request is an authorization request whose page was shown.
type request struct {
	redirect, state, nonce, challenge string
	scopes                            []string
	expires                           time.Time
}

// grant is what a code, an access token or a refresh token stands for.
type grant struct {
	request
	account string
	at      time.Time
}

const (
	codeLife    = time.Minute
	pendingLife = 10 * time.Minute
	accessLife  = 10 * time.Minute
	refreshLife = 24 * time.Hour
	// maxRemembered bounds each of the maps; beyond it the one that expires first is forgotten.
	maxRemembered = 1000
)

// NewIdP makes a provider with a fresh signing key. now may be nil.
func NewIdP(issuer, clientID, clientSecret string, callbacks []string, accounts []Account, now func() time.Time) *IdP {
	if now == nil {
		now = time.Now
	}
	p := &IdP{
		Issuer: issuer, ClientID: clientID, ClientSecret: clientSecret, Callbacks: callbacks, Now: now, accounts: accounts,
		pending: map[string]request{}, codes: map[string]grant{}, access: map[string]grant{}, refresh: map[string]grant{},
	}
	p.RotateKeys()
	return p
}

// RotateKeys makes a new signing key and forgets the old one at once, as no good provider would.
func (p *IdP) RotateKeys() {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = []signingKey{{id: rand.Text(), key: k}}
}

// SetAccount adds somebody or changes who they are.
func (p *IdP) SetAccount(a Account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.IndexFunc(p.accounts, func(b Account) bool { return a.ID == b.ID }); i >= 0 {
		p.accounts = slices.Clone(p.accounts)
		p.accounts[i] = a
		return
	}
	p.accounts = append(slices.Clone(p.accounts), a)
}

// RemoveAccount makes somebody vanish: their tokens stop to work.
func (p *IdP) RemoveAccount(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accounts = slices.DeleteFunc(slices.Clone(p.accounts), func(a Account) bool { return a.ID == id })
}

// Sign makes a JWT of claims with the current key.
func (p *IdP) Sign(claims map[string]any) (string, error) {
	p.mu.Lock()
	k := p.keys[0]
	p.mu.Unlock()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.key, KeyID: k.id}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	return jwt.Signed(s).Claims(claims).Serialize()
}

// PublicKeys is the JWKS.
func (p *IdP) PublicKeys() jose.JSONWebKeySet {
	p.mu.Lock()
	defer p.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, k := range p.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.key.Public(), KeyID: k.id, Algorithm: string(jose.ES256), Use: "sig"})
	}
	return set
}

func (p *IdP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	switch r.Method + " " + r.URL.Path {
	case "GET /.well-known/openid-configuration":
		writeJSON(w, http.StatusOK, p.discovery())
	case "GET /jwks.json":
		writeJSON(w, http.StatusOK, p.PublicKeys())
	case "GET /authorize":
		p.authorize(w, r)
	case "POST /authorize":
		p.choose(w, r)
	case "POST /token":
		p.token(w, r)
	case "GET /userinfo", "POST /userinfo":
		p.userinfo(w, r)
	case "GET /style.css":
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Write(styleCSS)
	default:
		http.NotFound(w, r)
	}
}

func (p *IdP) discovery() map[string]any {
	methods := []string{"client_secret_basic", "client_secret_post"}
	if p.ClientSecret == "" {
		methods = []string{"none"}
	}
	return map[string]any{
		"issuer":                                         p.Issuer,
		"authorization_endpoint":                         p.Issuer + "/authorize",
		"token_endpoint":                                 p.Issuer + "/token",
		"userinfo_endpoint":                              p.Issuer + "/userinfo",
		"jwks_uri":                                       p.Issuer + "/jwks.json",
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"ES256"},
		"scopes_supported":                               []string{"openid", "profile", "email", "groups", "offline_access"},
		"claims_supported":                               []string{"sub", "name", "email", "email_verified", "groups"},
		"token_endpoint_auth_methods_supported":          methods,
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}
}

func (p *IdP) account(id string) (Account, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.accounts {
		if a.ID == id {
			return a, true
		}
	}
	return Account{}, false
}

// remember keeps v under a new random key, bounded.
func remember[V any](p *IdP, m map[string]V, v V, expires func(V) time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(m) >= maxRemembered {
		var oldest string
		for k, o := range m {
			if oldest == "" || expires(o).Before(expires(m[oldest])) {
				oldest = k
			}
		}
		delete(m, oldest)
	}
	k := rand.Text()
	m[k] = v
	return k
}

// take removes what is kept under k: whatever it is, it works once.
func take[V any](p *IdP, m map[string]V, k string) (V, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := m[k]
	delete(m, k)
	return v, ok
}

func requestEnd(r request) time.Time { return r.expires }
func grantEnd(g grant) time.Time     { return g.expires }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func oauthError(w http.ResponseWriter, status int, code, description string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": description})
}

func hasScope(scopes []string, want string) bool { return slices.Contains(scopes, want) }

// bearer is the token of an Authorization header.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
