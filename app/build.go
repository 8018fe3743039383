package app

import (
	"cmp"
	"slices"
	"time"

	"gatehouse/config"
	"gatehouse/idp"
	"gatehouse/oauth"
	"gatehouse/policy"
	"gatehouse/proxy"
	"gatehouse/session"
)

// build makes a world from a valid configuration without touching the one in force: the dry build of a reload. What it
// reuses (connection pools, providers with their caches) is unchanged by it.
func (h *house) build(cfg *config.Config, version int) (*world, config.Faults) {
	rules, faults := policy.Compile(cfg)
	if t := cfg.Server.TLS; t.CertFile != "" {
		if _, err := newCertificate(t.CertFile, t.KeyFile, h.now, func(error) {}); err != nil {
			faults = append(faults, cfg.Fault("server.tls", "", "%v", err))
		}
	}
	if len(faults.Errors()) > 0 {
		return nil, faults
	}
	providers := h.buildProviders(cfg)
	w := &world{cfg: cfg, version: version, policy: rules, proxies: map[string]*mounted{},
		hosts: newHosts(cfg), trusted: parsePrefixes(cfg.Server.TrustedProxies)}
	w.gate = h.oauth.In(&oauth.World{Config: cfg, Policy: rules, Providers: providers})
	transports := map[string]*transport{}
	for name, p := range cfg.Proxies {
		t := h.transportFor(p)
		m := &mounted{proxy: p, base: cfg.BaseURL(p), local: loopbackHost(cfg.BaseURL(p)), handler: h.newHandler(w, p, t)}
		if err := m.handler.Init(); err != nil {
			faults = append(faults, cfg.Fault("proxies."+name, "", "%v", err))
		}
		transports[name], w.proxies[name] = t, m
		if p.Listen == "" {
			w.byPath = append(w.byPath, m)
		}
	}
	if len(faults.Errors()) > 0 {
		return nil, faults
	}
	slices.SortFunc(w.byPath, func(a, b *mounted) int { return cmp.Compare(len(b.proxy.Path), len(a.proxy.Path)) })
	w.adopt = func() {
		w.gate.InForce()
		h.transport, h.providers = retire(h.transport, transports), providers
	}
	return w, faults
}

// buildProviders keeps every provider that did not change, with its discovery and key caches: who is in stays in while
// the provider is down.
func (h *house) buildProviders(cfg *config.Config) map[string]*idp.Provider {
	o := idp.Options{AllowPrivate: cfg.Server.AllowPrivate, Callback: cfg.CallbackURL(), Now: h.now, Logger: h.log.Logger,
		Timeout: time.Duration(envInt(h.getenv, "OAUTH_REQUEST_TIMEOUT", 30)) * time.Second,
		Retries: envInt(h.getenv, "OAUTH_MAX_RETRIES", 3)}
	out := map[string]*idp.Provider{}
	for name, c := range cfg.Providers {
		if had := h.providers[name]; had != nil && had.Same(c, o) {
			out[name] = had
		} else {
			out[name] = idp.New(c, o)
		}
	}
	return out
}

// newHandler wires one proxy's guard.
func (h *house) newHandler(w *world, p *config.Proxy, t *transport) *proxy.Handler {
	return &proxy.Handler{
		Proxy: p, Config: w.cfg, Policy: w.policy, Auth: w.gate, Sessions: h.sessions, Limits: h.limits, Audit: h.audit,
		Catalogue: h.catalogue, Transport: watched{t, h.upstreams.of(p.Name), h.now}, SessionKey: h.sessionKey,
		Now: h.now, Logger: h.log.Logger, RequestID: requestID, ClientIP: clientIP, Metrics: &proxyMetrics{all: h.metrics}, Blocked: h.blocks.under(w.policy),
		Still: func(s *session.Session) bool {
			now := h.world.Load()
			return now == w || now.admits(s, h.blocks.under(now.policy))
		},
	}
}

// transportFor keeps a proxy's connections over a reload that does not concern them.
func (h *house) transportFor(p *config.Proxy) *transport {
	key := proxy.TransportKey(p)
	if had := h.transport[p.Name]; had != nil && had.key == key {
		return had
	}
	return &transport{Transport: proxy.NewTransport(p), key: key}
}

// retire closes the idle connections of pools that are no longer used; requests in flight finish on them.
func retire(old, next map[string]*transport) map[string]*transport {
	for name, t := range old {
		if next[name] != t {
			t.CloseIdleConnections()
		}
	}
	return next
}
