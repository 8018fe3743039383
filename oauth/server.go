package oauth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/idp"
	"gatehouse/limit"
	"gatehouse/policy"
	"gatehouse/session"
	"gatehouse/store"
	"gatehouse/web"
)

// Recorder is what this package needs of the audit log. An error of Record refuses what was to be recorded.
type Recorder interface {
	Record(*audit.Event) error
	RefusedAnonymous(*audit.Event)
	Digest(secret string) string
}

// Options are the long-lived parts; all are required but Logger, Now, Tools, RequestID and ClientIP.
type Options struct {
	Store    *store.Store
	Sessions *session.Registry
	Limits   *limit.Buckets
	Audit    Recorder
	Logger   *slog.Logger     // nil discards
	Now      func() time.Time // nil = time.Now
	// Tools names the tools that a proxy's upstream was seen to offer, for the consent page; nil = none.
	Tools func(proxy string) []string
	// RequestID and ClientIP read what the listener put into the request; nil = "" and the peer's address.
	RequestID func(*http.Request) string
	ClientIP  func(*http.Request) string
	// Demo marks every page as a demonstration.
	Demo bool
}

// World is one configuration made ready. Nothing in it changes.
type World struct {
	Config    *config.Config
	Policy    *policy.Policy
	Providers map[string]*idp.Provider
	// Closed is why a proxy answers 503, "" when it does not; nil = config.Proxy.Closed.
	Closed func(proxy string) string
}

// Server is the authorization server of every proxy: keys, caches and locks, which outlive the configuration.
type Server struct {
	o           Options
	store       *store.Store
	sessions    *session.Registry
	audit       Recorder
	log         *slog.Logger
	now         func() time.Time
	keyMu       sync.Mutex // one change of the keys at a time
	registering sync.Mutex // one new client at a time, so that the cap on unused ones holds
	keys        atomic.Pointer[keySet]
	verdicts    verdicts
	longestTTL  atomic.Int64 // longest access_token_ttl of any configuration so far; a retired key verifies that long
	logins      [256]sync.Mutex
	rechecks    singleflight.Group
	world       atomic.Pointer[World] // the newest, for housekeeping
	bodyTime    time.Duration         // see bodyTime; tests shorten it
}

// New loads the signing keys, or makes them the first time.
func New(ctx context.Context, o Options) (*Server, error) {
	if o.Store == nil || o.Sessions == nil || o.Limits == nil || o.Audit == nil {
		return nil, errors.New("oauth: Store, Sessions, Limits and Audit are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{o: o, store: o.Store, sessions: o.Sessions, audit: o.Audit, log: o.Logger, now: o.Now, bodyTime: bodyTime}
	s.longestTTL.Store(int64(time.Hour))
	if err := s.loadKeys(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) newPages(w *World) *web.Pages {
	p := web.New(w.Config.PublicURL())
	p.Demo = s.o.Demo
	return p
}

// Gate is the server under one configuration.
type Gate struct {
	*Server
	w     *World
	cfg   *config.Config
	pages *web.Pages
	addr  map[string]address // by proxy
	own   map[string]bool    // places of ours, where no code may be sent
}

// address is a proxy's URLs, derived once.
type address struct {
	issuer, resource, endpoints, metadata string
	idp                                   string // issuer of its provider; "" when it has none now
}

// In makes the gate for one configuration. It is cheap and does no I/O.
func (s *Server) In(w *World) *Gate {
	g := &Gate{Server: s, w: w, cfg: w.Config, pages: s.newPages(w), addr: map[string]address{}, own: map[string]bool{}}
	g.own[placeOf(w.Config.PublicURL())] = true
	for name, p := range w.Config.Proxies {
		a := address{issuer: w.Config.Issuer(p), resource: w.Config.Resource(p), endpoints: w.Config.OAuthURL(p)}
		a.metadata = wellKnownURL(a.resource, docResource)
		if prov := w.Providers[p.OAuth.Provider]; prov != nil {
			a.idp = prov.Issuer()
		}
		g.addr[name] = a
		g.own[placeOf(a.issuer)] = true
	}
	return g
}

// InForce makes the gate's configuration the one that housekeeping follows. Until then a gate may be the dry build of a
// configuration that is refused, which must change nothing.
func (g *Gate) InForce() {
	for _, p := range g.cfg.Proxies {
		if ttl := int64(p.OAuth.AccessTokenTTL); ttl > g.longestTTL.Load() {
			g.longestTTL.Store(ttl)
		}
	}
	g.Server.world.Store(g.w)
}

// closed is why p cannot be used now: "" when it can.
func (g *Gate) closed(p *config.Proxy) string {
	if g.w.Closed != nil {
		return g.w.Closed(p.Name)
	}
	return p.Closed
}

// serving finds the proxy of an endpoint: enabled, not closed, and one that people sign in to.
func (g *Gate) serving(id string) (*config.Proxy, error) {
	p, ok := g.cfg.ProxyByID(id)
	if !ok || !p.Enabled || !p.OAuth.Enabled {
		return nil, &wireError{Status: http.StatusNotFound, Code: "not_found", Description: "there is no such proxy, or it has no sign-in"}
	}
	if why := g.closed(p); why != "" {
		return nil, &wireError{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Reason: policy.ReasonProxyClosed,
			Description: "this proxy is closed: not in this version: " + why}
	}
	return p, nil
}

// vouched reports that id comes from the provider that p has now. What another one said, or the same one at another
// issuer, counts no more once the file says so.
func (g *Gate) vouched(p *config.Proxy, id *policy.Identity) bool {
	idp := g.addr[p.Name].idp
	return idp != "" && id.Provider == p.OAuth.Provider && id.Issuer == idp
}

func (g *Gate) requestID(r *http.Request) string {
	if g.o.RequestID == nil {
		return ""
	}
	return g.o.RequestID(r)
}

// placeOf is where requests for a URL arrive: host and port, whatever the scheme. All names of this computer are one
// place, and so is a name with and without the dot at its end.
func placeOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	host, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		host = "loopback"
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return host + " " + port
}

func urlOrigin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	host := u.Hostname()
	if u.Port() == "" && len(host) > 0 && host[0] != '[' && containsColon(host) {
		host = "[" + host + "]"
	}
	return originOf(u.Scheme, host, u.Port())
}
