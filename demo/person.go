package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"time"
)

// Person is somebody with an MCP client and a browser, both played with plain net/http: discovery, registration, PKCE,
// the gate's consent page and the provider's page, whose HTML is read as a browser reads it, then MCP calls.
// `gatehouse demo` and the end-to-end tests use the same Person, so that neither can drift from the real pages.
//
// Fill the exported fields, then SignIn. The methods are safe for concurrent use after SignIn.
type Person struct {
	// Name is the button that this person clicks at the demo provider, such as alice.
	Name string
	// ProxyURL is the MCP URL that somebody would paste into a client.
	ProxyURL string
	// HTTPClient is used for everything, without its redirects and cookies; nil is a client with a 30 s timeout for
	// everything but streams.
	HTTPClient *http.Client
	// ClientName is the name registered for the client; empty is "demo client".
	ClientName string
	// RedirectURI is where the client receives its code; empty is a loopback address where nobody needs to listen.
	RedirectURI string
	// Scope is what the client asks for.
	Scope string
	// Consent is the button on the consent page, by its value; empty is allow.
	Consent string
	// Step, when set, hears what is happening, one line at a time, without secrets.
	Step func(string)

	once sync.Once
	http *http.Client

	mu       sync.Mutex // guards what follows
	meta     authServer
	resource string
	clientID string
	tokens   Tokens
	session  string // Mcp-Session-Id
	nextID   int

	refreshing sync.Mutex // one refresh at a time
}

// Tokens are what the gate's token endpoint answered.
type Tokens struct {
	Access  string    `json:"access_token"`
	Refresh string    `json:"refresh_token"`
	Type    string    `json:"token_type"`
	Scope   string    `json:"scope"`
	Expires time.Time `json:"-"`
	Seconds int       `json:"expires_in"`
}

// HTTPError is an answer with a status that was not expected.
type HTTPError struct {
	URL    string
	Status int
	Header http.Header
	// Body is at most 4 KiB of the answer.
	Body string
}

func (e *HTTPError) Error() string {
	body := e.Body
	if len(body) > 300 {
		body = body[:300] + "…"
	}
	return fmt.Sprintf("%s answered %d: %s", e.URL, e.Status, strings.TrimSpace(body))
}

// OAuthError is an error in the OAuth sense, from the token endpoint or in the redirect.
type OAuthError struct {
	Status      int    `json:"-"` // 0 in a redirect
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *OAuthError) Error() string { return "oauth: " + e.Code + ": " + e.Description }

// PageError is a page on which there was nothing to click for this person.
type PageError struct {
	URL    string
	Status int
	// Title is the h1, Text everything a person can read.
	Title, Text string
}

func (e *PageError) Error() string { return fmt.Sprintf("page %q (%d): %s", e.Title, e.Status, e.Text) }

const maxAnswer = 1 << 20

func (p *Person) client() *http.Client {
	p.once.Do(func() {
		c := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
		if p.HTTPClient != nil {
			c = *p.HTTPClient
		}
		// The timeout is put on each request: a stream has none.
		c.Timeout = 0
		c.Jar = nil
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		p.http = &c
	})
	return p.http
}

func (p *Person) step(format string, args ...any) {
	if p.Step != nil {
		p.Step(fmt.Sprintf(format, args...))
	}
}

// SignIn does everything that a client and a person do until the first tool can be called, and returns the tokens.
func (p *Person) SignIn(ctx context.Context) (Tokens, error) {
	if err := p.discover(ctx); err != nil {
		return Tokens{}, fmt.Errorf("discovery: %w", err)
	}
	if err := p.register(ctx); err != nil {
		return Tokens{}, fmt.Errorf("registration: %w", err)
	}
	return p.Authorize(ctx)
}

// Authorize is the part of SignIn that a registered client repeats: browser, token, initialize.
func (p *Person) Authorize(ctx context.Context) (Tokens, error) {
	t, err := p.Login(ctx)
	if err != nil {
		return Tokens{}, err
	}
	if err := p.Initialize(ctx); err != nil {
		return t, fmt.Errorf("initialize: %w", err)
	}
	return t, nil
}

// Login is the browser's part and the code exchange, without MCP. It registers first where that was not done.
func (p *Person) Login(ctx context.Context) (Tokens, error) {
	p.mu.Lock()
	registered := p.clientID != ""
	p.mu.Unlock()
	if !registered {
		if err := p.discover(ctx); err != nil {
			return Tokens{}, fmt.Errorf("discovery: %w", err)
		}
		if err := p.register(ctx); err != nil {
			return Tokens{}, fmt.Errorf("registration: %w", err)
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return Tokens{}, err
	}
	b := &browser{http: p.client(), jar: jar, consent: p.Consent, name: p.Name, redirect: p.redirectURI()}
	verifier, state := rand.Text()+rand.Text(), rand.Text()
	answer, err := b.open(ctx, p.authorizeURL(verifier, state))
	if err != nil {
		return Tokens{}, fmt.Errorf("sign-in: %w", err)
	}
	p.step("%s approved the client and chose a name at the provider", p.Name)
	code, err := p.checkAnswer(answer, state)
	if err != nil {
		return Tokens{}, err
	}
	return p.redeem(ctx, code, verifier)
}

// Tokens returns the newest tokens.
func (p *Person) Tokens() Tokens {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tokens
}

// SetTokens replaces the tokens, for tests that replay old ones.
func (p *Person) SetTokens(t Tokens) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens = t
}

// ClientID is what registration handed out.
func (p *Person) ClientID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clientID
}

// MCPSession is the Mcp-Session-Id in use.
func (p *Person) MCPSession() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session
}

func (p *Person) redirectURI() string {
	if p.RedirectURI != "" {
		return p.RedirectURI
	}
	return "http://127.0.0.1:41999/callback"
}

// send makes one request with a bounded answer.
func (p *Person) send(ctx context.Context, method, url string, header http.Header, body string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := p.client().Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(data) > maxAnswer {
		err = errors.New("answer too large")
	}
	return resp, data, err
}

func unexpected(resp *http.Response, body []byte) error {
	if len(body) > 4096 {
		body = body[:4096]
	}
	return &HTTPError{URL: resp.Request.URL.Redacted(), Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
}
