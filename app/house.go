package app

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/control"
	"gatehouse/idp"
	"gatehouse/limit"
	"gatehouse/oauth"
	"gatehouse/proxy"
	"gatehouse/session"
	"gatehouse/store"
)

// house holds the parts that live as long as the process. They are made once, in open, and never rebuilt by a reload.
type house struct {
	opts   Options
	path   string
	getenv func(string) string
	now    func() time.Time
	since  time.Time
	log    *logger

	started   *config.Config // what the process was started with; directories and listeners follow it until a restart
	unlock    func()
	store     *store.Store
	audit     *audit.Log
	sessions  *session.Registry
	oauth     *oauth.Server
	limits    *limit.Buckets
	blocks    *blocks
	catalogue *catalogue
	upstreams *upstreams
	// sessionKey seals the session and event ids of upstreams; it follows from the encryption key, so they stay readable
	// after a restart.
	sessionKey []byte
	metrics    *metrics
	health     *health
	cert       *certificate
	listeners  *listeners
	control    *control.Server

	world     atomic.Pointer[world]
	verdict   atomic.Pointer[verdict]
	reloading sync.Mutex // one apply at a time; guards the two below
	transport map[string]*transport
	providers map[string]*idp.Provider

	background sync.WaitGroup // run's goroutines; all end with its context
}

// open makes the long-lived parts in the order in which they need each other. On an error everything that was opened is
// closed again.
func open(ctx context.Context, o Options, cfg *config.Config) (h *house, err error) {
	h = &house{opts: o, path: cfg.File, getenv: o.Getenv, now: time.Now, since: time.Now(), started: cfg,
		limits: limit.New(200_000), upstreams: &upstreams{}, transport: map[string]*transport{}, providers: map[string]*idp.Provider{}}
	defer func() {
		if err != nil {
			h.close(ctx)
		}
	}()
	if h.log, err = newLogger(cfg, o); err != nil {
		return h, err
	}
	if err = os.MkdirAll(cfg.StateDir(), 0o700); err != nil {
		return h, fmt.Errorf("state_dir: %w", err)
	}
	if h.unlock, err = store.Lock(cfg.StateDir()); err != nil {
		return h, err
	}
	if err = h.openStore(ctx, cfg); err != nil {
		return h, err
	}
	if h.audit, err = audit.Open(audit.Options{
		Path: cfg.AuditPath(), StateDir: cfg.StateDir(), Settings: auditSettings(cfg), Group: cfg.Server.ControlGroups.View,
		Host: hostname(), Version: o.Version, Now: h.now, Logger: h.log.Logger,
	}); err != nil {
		return h, fmt.Errorf("audit log: %w", err)
	}
	if h.blocks, err = loadBlocks(ctx, h.store, h.now); err != nil {
		return h, err
	}
	if h.catalogue, err = newCatalogue(ctx, h.store, h.audit, h.log.Logger, h.now, sortedKeys(cfg.Proxies)); err != nil {
		return h, err
	}
	h.sessions = session.NewRegistry(session.Options{Store: h.store, Audit: h.audit, Now: h.now, Logger: h.log.Logger})
	h.oauth, err = oauth.New(ctx, oauth.Options{
		Store: h.store, Sessions: h.sessions, Limits: h.limits, Audit: h.audit, Logger: h.log.Logger, Now: h.now,
		Tools: h.catalogue.names, RequestID: requestID, ClientIP: clientIP, Demo: o.Demo,
	})
	if err != nil {
		return h, err
	}
	h.metrics = newMetrics(h.readings())
	h.health = h.newHealth()
	if t := cfg.Server.TLS; t.CertFile != "" {
		h.cert, err = newCertificate(t.CertFile, t.KeyFile, h.now, func(err error) {
			h.log.Error("certificate not reloaded, the last good one stays", "err", err)
		})
	}
	return h, err
}

func (h *house) openStore(ctx context.Context, cfg *config.Config) error {
	if cfg.DatabasePath() == "" {
		return fmt.Errorf("storage.url: only sqlite:FILE is in this version")
	}
	key, made, err := store.LoadKey(cfg.StateDir(), cfg.Storage.EncryptionKey.Reveal())
	if err != nil {
		return fmt.Errorf("encryption key: %w", err)
	}
	if made {
		h.log.Info("encryption key made", "dir", cfg.StateDir())
	}
	if h.sessionKey, err = hkdf.Key(sha256.New, key[:], nil, "gatehouse/session-ids/v1", 32); err != nil {
		return err
	}
	h.store, err = store.Open(ctx, store.Options{URL: "sqlite:" + cfg.DatabasePath(), Key: key, Now: h.now, Logger: h.log.Logger})
	if made && errors.Is(err, store.ErrKey) {
		// The database has another name than the one that LoadKey looks for: the key just made was made in error, and
		// must not stand where the lost one is to be restored.
		err = errors.Join(err, os.Remove(filepath.Join(cfg.StateDir(), "encryption.key")))
	}
	return err
}

// close releases what open made, in reverse; it may be called on a half-open house.
func (h *house) close(ctx context.Context) {
	if h.sessions != nil {
		if err := h.sessions.Flush(ctx); err != nil {
			h.log.Warn("write last session times", "err", err)
		}
	}
	for _, t := range h.transport {
		t.CloseIdleConnections()
	}
	if h.audit != nil {
		if err := h.audit.Close(); err != nil {
			h.log.Error("close audit log", "err", err)
		}
	}
	if h.store != nil {
		if err := h.store.Close(); err != nil {
			h.log.Error("close store", "err", err)
		}
	}
	if h.unlock != nil {
		h.unlock()
	}
	if h.log != nil {
		h.log.close()
	}
}

func (h *house) readings() readings {
	return readings{
		sessions:     func() float64 { n, _ := h.counts(); return float64(n) },
		streams:      func() float64 { _, n := h.counts(); return float64(n) },
		auditDropped: func() float64 { return float64(h.audit.Status().Dropped) },
		auditOK: func() float64 {
			if h.audit.Status().OK {
				return 1
			}
			return 0
		},
	}
}

func (h *house) newHealth() *health {
	return &health{
		config:     func() bool { return h.verdict.Load().ok() },
		audit:      func() bool { return h.audit.Status().OK },
		auditFatal: func() bool { return h.world.Load().cfg.Audit.OnFailure == audit.FailDeny },
		ping:       h.store.Ping, upstreams: h.upstreams, now: h.now,
	}
}

func auditSettings(c *config.Config) audit.Settings {
	a := c.Audit
	return audit.Settings{Durability: a.Durability, OnFailure: a.OnFailure,
		Rotate: audit.Rotate{Size: int64(a.Rotate.Size), Every: a.Rotate.Every, Keep: a.Rotate.Keep}}
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

// transport is the connection pool of one proxy, kept over reloads as long as its key is the same.
type transport struct {
	proxy.Transport
	key string
}
