package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/control"
	"gatehouse/session"
	"gatehouse/systemd"
)

// verdict is what came of the last look at the file; a copy is published for status, health and the sockets.
type verdict struct {
	at           time.Time
	version      int
	hash         string // of the configuration in force
	loaded       time.Time
	onDisk       string // hash of the bytes last seen; differs from hash while they are refused
	faults       config.Faults
	needsRestart []string
	// unrecorded: the file is good, but the audit log could not be written; it is tried again when it can.
	unrecorded bool
}

func (v *verdict) ok() bool { return len(v.faults.Errors()) == 0 }

// edit says who wants a configuration applied. asked is an operator's reload or SIGHUP: it is carried out even when the
// bytes did not change, because a file or variable that they refer to may have.
type edit struct {
	by     audit.Actor
	detail map[string]string
	asked  bool
}

// apply is the third route, an edit: parse, compile, dry build, then swap, then sweep. Whatever fails before the swap
// changes nothing but the verdict. data is nil when the file could not be read (cause).
func (h *house) apply(ctx context.Context, data []byte, cause error, e edit) control.ReloadResult {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	h.tellSystemd(systemd.Reloading())
	defer func() { h.tellSystemd(systemd.Ready("configuration v" + strconv.Itoa(h.world.Load().version))) }()

	before := h.world.Load()
	cfg, faults := h.parse(data, cause)
	var next *world
	if cfg != nil {
		next, faults = h.build(cfg, before.version+1)
	}
	if len(faults.Errors()) > 0 {
		return h.refuse(before, data, faults, e)
	}
	if cfg.Hash == before.cfg.Hash && !e.asked {
		// The watcher comes after a reload that was asked for, or somebody went back to what is in force: a fault may be
		// gone, nothing is to be swapped.
		return h.settle(before, nil, control.ReloadResult{OK: true, Faults: h.wire(cfg.Warnings)})
	}
	event := configEvent("config.loaded", audit.Allowed, cfg.Hash, e)
	if err := h.audit.Record(event); err != nil {
		result := h.refuse(before, data, config.Faults{{File: h.path, Message: "the audit log cannot be written; the file is applied when it can: " + err.Error(), Severity: config.Error}}, e)
		v := *h.verdict.Load()
		v.unrecorded = true
		h.verdict.Store(&v)
		return result
	}
	h.swap(next)
	cut := h.sweep(ctx, before, next)
	h.log.Info("configuration applied", "version", next.version, "hash", cfg.Hash, "sessions_ended", cut.sessions, "streams_cut", cut.streams)
	h.keepHistory(data, next.version)
	h.metrics.reload("applied", h.now())
	return h.settle(next, h.needsRestart(cfg), control.ReloadResult{
		OK: true, Changed: true, Faults: h.wire(cfg.Warnings), SessionsCut: cut.sessions, StreamsCut: cut.streams,
	})
}

// parse turns the bytes, or the reason why there are none, into a configuration or faults.
func (h *house) parse(data []byte, cause error) (*config.Config, config.Faults) {
	if cause != nil {
		var faults config.Faults
		if errors.As(cause, &faults) {
			return nil, faults
		}
		return nil, config.Faults{{File: h.path, Message: cause.Error(), Severity: config.Error,
			Hint: "the last good configuration stays in force"}}
	}
	return config.ParseFile(h.path, data, h.opts.config())
}

func (h *house) refuse(before *world, data []byte, faults config.Faults, e edit) control.ReloadResult {
	last := h.verdict.Load()
	onDisk := config.HashOf(data)
	if last.onDisk != onDisk || last.ok() || !sameFaults(last.faults, faults) { // one event per broken file, however often it is looked at
		for _, f := range faults.Errors() {
			h.log.Error("configuration refused, the last good one stays in force", "fault", f.Error())
		}
		event := configEvent("config.failed", audit.Error, onDisk, e)
		event.Reason = "config_invalid"
		event.Detail = maps.Clone(event.Detail)
		event.Detail["fault"] = faults.Errors()[0].Error()
		if err := h.audit.Record(event); err != nil {
			h.log.Error("audit", "event", event.Event, "err", err)
		}
	}
	h.metrics.reload("refused", h.now())
	v := *last
	v.at, v.onDisk, v.faults, v.unrecorded = h.now(), onDisk, faults, false
	h.verdict.Store(&v)
	h.publish("config", h.configInfo())
	return control.ReloadResult{Faults: h.wire(faults), Version: before.version, Hash: before.cfg.Hash, NeedsRestart: v.needsRestart}
}

// settle publishes a good verdict and completes the answer.
func (h *house) settle(now *world, needs []string, r control.ReloadResult) control.ReloadResult {
	v := *h.verdict.Load()
	if needs != nil {
		v.needsRestart = needs
	}
	if r.Changed {
		v.loaded = h.now()
	} else {
		h.metrics.reload("unchanged", h.now())
	}
	v.at, v.version, v.hash, v.onDisk, v.faults = h.now(), now.version, now.cfg.Hash, now.cfg.Hash, now.cfg.Warnings
	v.unrecorded = false
	h.verdict.Store(&v)
	h.publish("config", h.configInfo())
	r.Version, r.Hash, r.NeedsRestart = now.version, now.cfg.Hash, v.needsRestart
	return r
}

// swap puts a world in force. From here on no step can fail.
func (h *house) swap(next *world) {
	h.world.Store(next)
	next.adopt()
	h.log.level(logLevel(next.cfg, h.getenv))
	h.audit.Reconfigure(auditSettings(next.cfg))
	h.upstreams.keep(func(name string) bool { return next.proxies[name] != nil })
}

// swept counts what a reload ended.
type swept struct{ sessions, streams int }

// sweep judges every live session by the new world. Disabled people and proxies that are gone lose their sessions; who
// merely lost the way into a proxy keeps the session, loses its streams at once and gets 403 until let in again.
func (h *house) sweep(ctx context.Context, before, now *world) swept {
	var done swept
	var end []string
	for _, s := range h.sweepable(ctx, before, now) {
		id := s.Identity()
		m := now.proxies[s.Proxy]
		if m == nil || !m.proxy.Enabled || now.policy.Disabled(id) != "" {
			end = append(end, s.ID)
		}
	}
	if len(end) > 0 {
		result, err := h.sessions.Revoke(ctx, session.RevokeRequest{IDs: end, Reason: "policy", By: "config"})
		if err != nil {
			// Nobody gets in meanwhile: every request is judged by the new world. Only the record of the end is late.
			h.log.Error("end sessions after reload", "count", len(end), "err", err)
		}
		done.sessions, done.streams = len(result.IDs), result.Streams
	}
	blocked := h.blocks.under(now.policy)
	done.streams += h.sessions.CutStreams(func(s *session.Session) bool {
		return !now.admits(s, blocked)
	}, session.ErrPolicy)
	return done
}

// sweepable is whose session a change may end. Reading them all costs a look at the store, so it is done only when a
// proxy went away or a person was disabled; with an unreadable store those in memory are swept, and everybody else meets
// the new rules at the next request.
func (h *house) sweepable(ctx context.Context, before, now *world) []*session.Session {
	gone := func(p *config.Proxy) bool { n := now.cfg.Proxies[p.Name]; return n == nil || !n.Enabled }
	disabled := func(name string, u *config.User) bool {
		had := before.cfg.Users[name]
		return u.Disabled && (had == nil || !had.Disabled)
	}
	ends := false
	for _, p := range before.cfg.Proxies {
		ends = ends || p.Enabled && gone(p)
	}
	for name, u := range now.cfg.Users {
		ends = ends || disabled(name, u)
	}
	if !ends {
		return nil
	}
	all, err := h.sessions.List(ctx)
	if err != nil {
		h.log.Error("read sessions", "err", err)
		return h.sessions.Snapshot()
	}
	return all
}

// needsRestart names the keys whose new value waits for a restart.
func (h *house) needsRestart(c *config.Config) []string {
	needs := []string{}
	differ := func(key, running, wanted string) {
		if running != wanted {
			needs = append(needs, key)
		}
	}
	differ("server.listen", h.listeners.addrOf("main"), c.Server.Listen)
	differ("metrics.listen", h.listeners.addrOf("metrics"), c.Metrics.Listen)
	differ("server.control_dir", h.started.ControlDir(), c.ControlDir())
	differ("server.state_dir", h.started.StateDir(), c.StateDir())
	differ("storage.url", h.started.Storage.URL, c.Storage.URL)
	differ("storage.encryption_key", h.started.Storage.EncryptionKey.Reveal(), c.Storage.EncryptionKey.Reveal())
	differ("audit.path", h.started.AuditPath(), c.AuditPath())
	differ("log.file", h.started.Log.File, c.Log.File)
	differ("log.format", h.started.Log.Format, c.Log.Format)
	differ("server.control_groups", fmt.Sprint(h.started.Server.ControlGroups), fmt.Sprint(c.Server.ControlGroups))
	differ("server.tls", h.started.Server.TLS.CertFile+h.started.Server.TLS.KeyFile, c.Server.TLS.CertFile+c.Server.TLS.KeyFile)
	for name, p := range c.Proxies {
		if p.Listen != "" {
			differ("proxies."+name+".listen", h.listeners.addrOf(name), p.Listen)
		}
	}
	for _, l := range h.listeners.open {
		if p := c.Proxies[l.name]; l.name != "main" && l.name != "metrics" && (p == nil || p.Listen == "") {
			needs = append(needs, "proxies."+l.name+".listen")
		}
	}
	slices.Sort(needs)
	return slices.Compact(needs)
}

// keepHistory keeps the last 20 applied configurations beside the store, for people, without their secrets; failing to is
// only logged.
func (h *house) keepHistory(data []byte, version int) {
	if err := writeHistory(h.started.StateDir(), version, h.now(), config.Masked(data)); err != nil {
		h.log.Warn("keep configuration history", "err", err)
	}
}

func configEvent(event, outcome, hash string, e edit) *audit.Event {
	detail := e.detail
	if detail == nil {
		detail = map[string]string{}
	}
	return &audit.Event{Event: event, Action: "reload", Outcome: outcome, Cfg: hash, Actor: e.by, Target: audit.Target{Kind: "config"}, Detail: detail}
}

// sameFaults reports that the same is wrong. A file that is gone and a directory in its place have equal bytes: none.
func sameFaults(a, b config.Faults) bool {
	return slices.EqualFunc(a.Errors(), b.Errors(), func(x, y config.Fault) bool { return x.Error() == y.Error() })
}
