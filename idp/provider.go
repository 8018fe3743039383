package idp

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"gatehouse/config"
	"gatehouse/fetch"
	"gatehouse/policy"
)

// googleIssuer is the issuer of type google when the file names none.
const googleIssuer = "https://accounts.google.com"

// Options are what a Provider needs beside its configuration.
type Options struct {
	// Client speaks to the provider; nil is a fetch.Client that trusts the issuer's host and port. Redirects are never
	// followed, whatever the client says.
	Client *http.Client
	// AllowPrivate is server.allow_private. Timeout and Retries are OAUTH_REQUEST_TIMEOUT and OAUTH_MAX_RETRIES. All
	// three are for the nil Client only.
	AllowPrivate []string
	Timeout      time.Duration
	Retries      int
	// Callback is our redirect URI at every provider.
	Callback string
	Now      func() time.Time
	// Logger receives what the operator should know about the provider; nil discards it.
	Logger *slog.Logger
}

// Provider is one configured OpenID Connect provider. It is safe for concurrent use and may outlive a reload of the
// configuration (Same), so that its keys stay known while the provider is away.
type Provider struct {
	c        *config.Provider
	o        Options
	issuer   string
	client   *http.Client
	now      func() time.Time
	log      *slog.Logger
	metadata *cached[*metadata]
	keys     *cached[*keySet]

	mu     sync.Mutex // guards detail and failed
	failed bool
	detail string
}

// Tokens are what the provider handed out. None of them may be logged or shown.
type Tokens struct {
	Access, Refresh, IDToken string
	// Expiry of Access; zero when the provider did not say.
	Expiry time.Time
	// Scope is what was granted, as the provider wrote it; empty when it did not say.
	Scope string
}

// AuthRequest is what is different about every sign-in. State, Nonce and Verifier are random, made by the caller for
// this one, and kept by it.
type AuthRequest struct {
	State, Nonce, Verifier string
	// Scopes are asked for on top of the configured ones.
	Scopes []string
	// Prompt is the OIDC prompt, such as login after a revocation; empty leaves it to the provider.
	Prompt    string
	LoginHint string
}

// Callback is what came back: the query of the provider's redirect, and what was kept for its state.
type Callback struct {
	Code, Iss string
	// Err and ErrDescription are the error parameters of the query.
	Err, ErrDescription string
	Nonce, Verifier     string
}

// New makes a Provider. It does no I/O: a provider that is down never keeps the gate from starting.
func New(c *config.Provider, o Options) *Provider {
	p := &Provider{c: c, o: o, issuer: c.Issuer, now: o.Now, log: o.Logger}
	if p.issuer == "" && c.Type == "google" {
		p.issuer = googleIssuer
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	client := o.Client
	if client == nil {
		client = fetch.Client(fetch.Options{Trusted: []string{p.issuer}, AllowPrivate: o.AllowPrivate, Timeout: o.Timeout, Retries: o.Retries})
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Jar = nil
	p.client = &own
	p.metadata = newCached(p.now, p.discover)
	p.keys = newCached(p.now, p.fetchKeys)
	return p
}

// Name is the provider's name in the configuration.
func (p *Provider) Name() string { return p.c.Name }

// Config is the configuration the provider was made from.
func (p *Provider) Config() *config.Provider { return p.c }

// Issuer is the provider's issuer, the one of every Identity it makes.
func (p *Provider) Issuer() string { return p.issuer }

// Same reports that a Provider made from c and o would be like this one, so that this one, with what it has cached, can
// stay in its place. Client, Now and Logger are not compared.
func (p *Provider) Same(c *config.Provider, o Options) bool {
	return reflect.DeepEqual(*p.c, *c) && p.o.Callback == o.Callback && slices.Equal(p.o.AllowPrivate, o.AllowPrivate) &&
		p.o.Timeout == o.Timeout && p.o.Retries == o.Retries
}

// Status is how the last contact went; ok before the first one.
func (p *Provider) Status() (ok bool, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.failed, p.detail
}

// contact remembers and reports how asking the provider went. Only a change is logged: a dead provider is one line, not
// one for every sign-in.
func (p *Provider) contact(err error) {
	p.mu.Lock()
	was := p.failed
	p.failed, p.detail = err != nil, ""
	if err != nil {
		p.detail = foreign(err.Error())
	}
	detail := p.detail
	p.mu.Unlock()
	switch {
	case err != nil && !was:
		p.log.Warn("identity provider unavailable", "provider", p.c.Name, "err", detail)
	case err == nil && was:
		p.log.Info("identity provider is back", "provider", p.c.Name)
	}
}

// AuthURL is where to send the browser. It waits at most 5 s for the provider's metadata, and an error of kind
// Unavailable says that it could not be had.
func (p *Provider) AuthURL(ctx context.Context, r AuthRequest) (string, error) {
	m, err := p.metadata.get(ctx, nil)
	if err != nil {
		return "", err
	}
	return p.authURL(m, r), nil
}

// Exchange turns a callback into a person. The caller has matched the state before; Exchange checks the rest.
func (p *Provider) Exchange(ctx context.Context, cb Callback) (policy.Identity, Tokens, error) {
	m, err := p.metadata.get(ctx, nil)
	if err != nil {
		return policy.Identity{}, Tokens{}, err
	}
	if err := p.checkCallback(m, cb); err != nil {
		return policy.Identity{}, Tokens{}, err
	}
	t, err := p.redeem(ctx, m, cb)
	if err != nil {
		return policy.Identity{}, Tokens{}, err
	}
	if t.IDToken == "" {
		return policy.Identity{}, Tokens{}, fail(InvalidToken, safeInvalid, errNoIDToken)
	}
	id, err := p.identify(ctx, m, t, &cb.Nonce)
	if err != nil {
		return policy.Identity{}, Tokens{}, err
	}
	return id, t, nil
}

// Refresh asks the provider whether the person is still there and who they are now. The caller compares the Sub with the
// one it knows. Ends(err) tells a session that is over from a provider that could not be asked. Tokens.Refresh is the new
// refresh token, or the old one where the provider keeps it.
func (p *Provider) Refresh(ctx context.Context, refreshToken string) (policy.Identity, Tokens, error) {
	m, err := p.metadata.get(ctx, nil)
	if err != nil {
		return policy.Identity{}, Tokens{}, err
	}
	t, err := p.renew(ctx, m, refreshToken)
	if err != nil {
		return policy.Identity{}, Tokens{}, err
	}
	t.Refresh = cmp.Or(t.Refresh, refreshToken)
	id, err := p.identify(ctx, m, t, nil)
	if err != nil {
		// The provider may have rotated the token: it must not be lost because the question after it failed.
		return policy.Identity{}, t, err
	}
	return id, t, nil
}

// drain lets a connection be used again; the client has capped the body.
func drain(body io.ReadCloser) {
	io.Copy(io.Discard, body)
	body.Close()
}
