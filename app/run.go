package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/configwatch"
	"gatehouse/control"
	"gatehouse/session"
	"gatehouse/systemd"
)

// Options is what the command line and the environment decide.
type Options struct {
	// ConfigPath is the file, as found by config.Find.
	ConfigPath string
	// Listen overrides server.listen when not empty; flag over YAML.
	Listen string
	// LogFormat overrides log.format when not empty.
	LogFormat string
	// Stderr receives the debugging log when log.file is empty. Nil is io.Discard.
	Stderr io.Writer
	// Getenv reads the environment. Nil is os.Getenv.
	Getenv func(string) string
	// Version is shown by status and written into every audit line.
	Version string
	// Ready is called once when every listener is open and the first configuration is in force. Nil is fine.
	Ready func()
	// Demo marks every page as a demonstration.
	Demo bool
}

// config are the options of every reading of the file, the first and all later ones.
func (o Options) config() config.Options { return config.Options{Getenv: o.Getenv, Listen: o.Listen} }

// Run serves until ctx ends, then drains within server.shutdown_grace. It returns nil after a clean stop, config.Faults
// for an unusable file, and any other error for what kept it from serving.
func Run(ctx context.Context, o Options) error {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	cfg, faults := config.LoadWith(o.ConfigPath, o.config())
	if cfg == nil {
		return faults
	}
	if err := undumpable(); err != nil {
		return err
	}
	room := headroom(o.Getenv)
	defer runtime.KeepAlive(room)
	h, err := open(ctx, o, cfg)
	if err != nil {
		return err
	}
	defer h.close(context.WithoutCancel(ctx))
	defer h.log.adopt()()
	if err := h.start(cfg); err != nil {
		return err
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		stop()
		h.background.Wait()
	}()
	h.watch(work)
	h.maintain(work)
	if err := h.openSockets(); err != nil {
		h.listeners.shutdown(cancelled())
		return err
	}
	h.announce()
	<-ctx.Done()
	h.drain(work)
	return nil
}

// headroom is memory that is never touched and so never resident, but counts as live: the collector runs when some 70 MiB
// are in use instead of 4, which saves a tenth of the CPU of a call. GOGC=400 saves as much, but multiplies what thousands
// of streams hold, and no soft limit against that fits every machine: one that is too small for the streams makes the
// collector run all the time. This adds the same 32 MiB whatever is held (doc/performance.md). An operator who sets GOGC
// or GOMEMLIMIT decides himself: there it is nil, for it would count against his limit.
func headroom(getenv func(string) string) []byte {
	if getenv("GOGC") != "" || getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, 32<<20)
}

// start puts the first configuration in force and opens the listeners.
func (h *house) start(cfg *config.Config) error {
	first, faults := h.build(cfg, 1)
	if first == nil {
		return faults
	}
	h.verdict.Store(&verdict{at: h.now(), loaded: h.now(), version: 1, hash: cfg.Hash, onDisk: cfg.Hash, faults: cfg.Warnings})
	if err := h.audit.Record(&audit.Event{Event: "system.start", Action: "start", Outcome: audit.Allowed, Cfg: cfg.Hash, Actor: audit.Actor{Type: "system"}}); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	h.swap(first)
	h.metrics.reload("applied", h.now())
	if data, err := configwatch.Read(h.path); err == nil && config.HashOf(data) == cfg.Hash {
		h.keepHistory(data, 1)
	}
	for _, w := range cfg.Warnings {
		h.log.Warn("configuration", "fault", w.Error())
	}
	if err := h.openListeners(cfg); err != nil {
		h.listeners.shutdown(cancelled())
		return err
	}
	return nil
}

func (h *house) openListeners(cfg *config.Config) error {
	h.listeners = &listeners{logger: h.log.Logger}
	tlsConfig := h.cert.tlsConfig()
	if err := h.listeners.add("main", cfg.Server.Listen, h.serveMain(), tlsConfig); err != nil {
		return err
	}
	for _, name := range sortedKeys(cfg.Proxies) {
		if p := cfg.Proxies[name]; p.Listen != "" {
			if err := h.listeners.add(name, p.Listen, h.serveOwn(name), tlsConfig); err != nil {
				return err
			}
		}
	}
	if cfg.Metrics.Listen != "" {
		return h.listeners.add("metrics", cfg.Metrics.Listen, h.metrics.handler(cfg.Metrics.Listen), nil)
	}
	return nil
}

// watch applies changes of the file: those that the watcher notices, and SIGHUP, which also follows log rotations.
func (h *house) watch(ctx context.Context) {
	kick := make(chan struct{}, 1)
	var hup atomic.Bool // a SIGHUP waits to be carried out
	w := &configwatch.Watcher{Path: h.path, Log: h.log.Logger, Have: h.started.Hash}
	h.background.Go(func() { // ends with ctx
		err := w.Run(ctx, kick, func(data []byte, err error) {
			h.apply(ctx, data, err, edit{by: audit.Actor{Type: "system", ID: "file"}, asked: hup.Swap(false)})
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			h.log.Error("configuration is not watched; use SIGHUP or gatehouse reload", "err", err)
		}
	})
	again := func() {
		select {
		case kick <- struct{}{}:
		default: // one is waiting already
		}
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1)
	h.background.Go(func() { // ends with ctx
		defer signal.Stop(signals)
		retry := time.NewTicker(time.Second)
		defer retry.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-retry.C:
				if h.verdict.Load().unrecorded && h.audit.Status().OK {
					again() // an edit that waits for the audit log is not forgotten
				}
			case s := <-signals:
				h.reopenLogs()
				if s == syscall.SIGHUP {
					hup.Store(true)
					again()
				}
			}
		}
	})
}

func (h *house) reopenLogs() {
	if err := h.audit.Reopen(); err != nil {
		h.log.Error("reopen audit log", "err", err)
	}
	if err := h.log.out.Reopen(); err != nil {
		h.log.Error("reopen log", "err", err)
	}
}

// maintain runs what happens by the clock: sessions' limits, logins and keys that expire, tools to be written down, the
// watchdog. All of it ends with ctx.
func (h *house) maintain(ctx context.Context) {
	h.background.Go(func() { h.sessions.Run(ctx) })
	h.background.Go(func() { h.oauth.Run(ctx) })
	h.background.Go(func() { h.catalogue.run(ctx) })
	h.background.Go(func() {
		if err := systemd.Watchdog(ctx, h.answers); err != nil {
			h.log.Warn("watchdog", "err", err)
		}
	})
}

func (h *house) openSockets() error {
	groups := h.started.Server.ControlGroups
	h.control = &control.Server{
		Backend: backend{h}, Dir: h.started.ControlDir(), ViewGroup: groups.View, AdminGroup: groups.Admin,
		Logger: h.log.Logger, RequestID: newRequestID, Refused: h.socketRefused,
	}
	return h.control.Start()
}

// socketRefused records somebody whom the sockets turned away.
func (h *house) socketRefused(r control.Refusal) {
	if ok, _ := h.limits.Allow("socket refused", 60, time.Minute, h.now()); !ok {
		return // somebody who knocks all day fills no log
	}
	event := &audit.Event{Event: "admin.refused", Action: "connect", Outcome: audit.Denied, Reason: "socket_permission",
		Actor: operator(r.By), Target: audit.Target{Kind: "socket", Name: r.Socket}, Detail: map[string]string{"why": r.Why}}
	if err := h.audit.Record(event); err != nil {
		h.log.Error("audit", "event", event.Event, "err", err)
	}
}

// announce says where the gate is, to the log, to systemd and to the caller.
func (h *house) announce() {
	now := h.world.Load()
	for _, name := range sortedKeys(now.proxies) {
		m := now.proxies[name]
		h.log.Info("proxy", "name", name, "url", now.cfg.Resource(m.proxy), "enabled", m.proxy.Enabled, "closed", m.proxy.Closed)
	}
	h.log.Info("serving", "url", now.cfg.PublicURL(), "config", h.path, "version", h.opts.Version)
	h.tellSystemd(systemd.Ready(fmt.Sprintf("%d proxies, configuration v%d", len(now.proxies), now.version)))
	if h.opts.Ready != nil {
		h.opts.Ready()
	}
}

func (h *house) tellSystemd(err error) {
	if err != nil {
		h.log.Warn("systemd", "err", err)
	}
}

// lastWords is how long before the end of the grace the running answers are told, so that their comment still gets out.
const lastWords = 500 * time.Millisecond

// drain is the end: no new connections, standing streams close at once with a comment, running answers have
// server.shutdown_grace, then everything is cut.
func (h *house) drain(work context.Context) {
	h.tellSystemd(systemd.Stopping())
	grace := h.world.Load().cfg.Server.ShutdownGrace
	h.log.Info("stopping", "grace", grace)
	ctx, cancel := context.WithTimeout(work, grace)
	defer cancel()
	running, over := context.WithTimeout(ctx, grace-min(grace/4, lastWords))
	defer over()
	h.background.Go(func() { // ends with the grace at the latest
		h.sessions.CutStanding(session.ErrShutdown)
		<-running.Done()
		h.sessions.CutStreams(func(*session.Session) bool { return true }, session.ErrShutdown)
	})
	h.listeners.shutdown(ctx)
	if err := h.control.Shutdown(ctx); err != nil {
		h.log.Warn("close sockets", "err", err)
	}
	event := &audit.Event{Event: "system.stop", Action: "stop", Outcome: audit.Allowed, Cfg: h.world.Load().cfg.Hash, Actor: audit.Actor{Type: "system"}}
	if err := h.audit.Record(event); err != nil {
		h.log.Error("audit", "event", event.Event, "err", err)
	}
}

// cancelled is a context that is over: whoever waits with it does not wait.
func cancelled() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
	cancel()
	return ctx
}
