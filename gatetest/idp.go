// Package gatetest holds the fakes that the tests of several rooms share. Only tests import it.
package gatetest

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/config"
	"gatehouse/demo"
)

// Faults of an IdP endpoint.
const (
	Healthy  = ""
	Error500 = "500"      // answers 500
	Hang     = "hang"     // answers when the test ends, or the client goes away
	Reset    = "reset"    // breaks the connection
	HTML     = "html"     // answers 200 with a login page
	Redirect = "redirect" // answers 307 to RedirectTo
)

// IdP is the demo provider on a loopback listener, with faults on demand. Its zero faults are an honest provider.
type IdP struct {
	*demo.IdP
	// RedirectTo is where a Redirect goes.
	RedirectTo string

	server *httptest.Server
	done   chan struct{}

	mu     sync.Mutex // guards what follows
	faults map[string]string
	hits   map[string]int
	claims func(map[string]any)
	token  func(map[string]any)
}

// ClientID and ClientSecret are ours at the fake provider.
const (
	ClientID     = "gatehouse"
	ClientSecret = "idp-client-secret-canary"
)

// NewIdP starts a provider that ends with the test. callback is the redirect URI of the gate there, now may be nil.
func NewIdP(t testing.TB, callback string, now func() time.Time) *IdP {
	t.Helper()
	p := &IdP{done: make(chan struct{}), faults: map[string]string{}, hits: map[string]int{}}
	p.server = httptest.NewUnstartedServer(p)
	issuer := "http://" + p.server.Listener.Addr().String()
	p.IdP = demo.NewIdP(issuer, ClientID, ClientSecret, []string{callback}, demo.Accounts(), now)
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	p.server.Start()
	t.Cleanup(func() {
		close(p.done)
		p.server.Close()
	})
	return p
}

// Config is the provider as the YAML would describe it, under the name demo.
func (p *IdP) Config() *config.Provider {
	return &config.Provider{
		Name: "demo", Type: "oidc", Enabled: true, Issuer: p.Issuer, ClientID: ClientID, ClientSecret: config.NewSecret(ClientSecret),
		Scopes: config.Strings{"openid", "profile", "email", "groups"}, GroupsClaim: "groups", UserIDClaim: "sub", EmailClaim: "email",
	}
}

// Fault makes an endpoint fail from now on; path "" is every endpoint, Healthy ends it. Paths are
// /.well-known/openid-configuration, /jwks.json, /authorize, /token and /userinfo.
func (p *IdP) Fault(path, fault string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if path == "" {
		p.faults = map[string]string{}
	}
	p.faults[path] = fault
}

// Hits is how often an endpoint was asked.
func (p *IdP) Hits(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits[path]
}

// Claims changes the claims of every ID token before it is signed; nil is honest. A wrong nonce, issuer, audience or
// expiry is made here.
func (p *IdP) Claims(edit func(map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = edit
}

// TokenAnswer changes the answer of the token endpoint after the ID token was signed: delete refresh_token or expires_in,
// replace id_token by a forgery.
func (p *IdP) TokenAnswer(edit func(map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.token = edit
}

// Approve is a person's click at an authorization URL; it returns the redirect to the gate's callback.
func (p *IdP) Approve(t testing.TB, authURL, person string) *url.URL {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(authURL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		page, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(page), `name="request" value="`)
		id, _, _ := strings.Cut(rest, `"`)
		if resp, err = client.PostForm(p.Issuer+"/authorize", url.Values{"request": {id}, "person": {person}}); err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
	}
	u, err := resp.Location()
	if err != nil {
		t.Fatalf("provider did not redirect: %s", resp.Status)
	}
	return u
}

func (p *IdP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.hits[r.URL.Path]++
	fault, ok := p.faults[r.URL.Path]
	if !ok {
		fault = p.faults[""]
	}
	claims, token := p.claims, p.token
	p.mu.Unlock()
	switch fault {
	case Error500:
		http.Error(w, "oops", http.StatusInternalServerError)
	case Hang:
		select {
		case <-p.done:
		case <-r.Context().Done():
		}
	case Reset:
		panic(http.ErrAbortHandler)
	case HTML:
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<html>please sign in</html>"))
	case Redirect:
		http.Redirect(w, r, p.RedirectTo, http.StatusTemporaryRedirect)
	default:
		if r.URL.Path == "/token" && (claims != nil || token != nil) {
			p.lie(w, r, claims, token)
			return
		}
		p.IdP.ServeHTTP(w, r)
	}
}

// lie lets the honest provider answer and rewrites what it said.
func (p *IdP) lie(w http.ResponseWriter, r *http.Request, claims, token func(map[string]any)) {
	rec := httptest.NewRecorder()
	p.IdP.ServeHTTP(rec, r)
	var answer map[string]any
	if rec.Code == http.StatusOK && json.Unmarshal(rec.Body.Bytes(), &answer) == nil {
		if raw, ok := answer["id_token"].(string); ok && claims != nil {
			c := Payload(raw)
			claims(c)
			answer["id_token"], _ = p.Sign(c)
		}
		if token != nil {
			token(answer)
		}
		rec.Body.Reset()
		json.NewEncoder(rec.Body).Encode(answer)
	}
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes())
}

// Payload is the claims of a JWT, unverified; nil when it is none. Whole numbers are int64, so that times survive.
func Payload(raw string) map[string]any {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var c map[string]any
	if d.Decode(&c) != nil {
		return nil
	}
	for k, v := range c {
		if n, ok := v.(json.Number); ok {
			c[k], _ = n.Int64()
		}
	}
	return c
}
