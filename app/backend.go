package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/configwatch"
	"gatehouse/control"
	"gatehouse/policy"
	"gatehouse/session"
)

// backend is what the control sockets show and do.
type backend struct{ *house }

var _ control.Backend = backend{}

// Status is the gate in one screen.
func (b backend) Status(ctx context.Context) (control.Status, error) {
	answer, _ := b.health.check(ctx)
	st := b.audit.Status()
	proxies, err := b.Proxies(ctx)
	if err != nil {
		return control.Status{}, err
	}
	var sessions, streams int
	for _, p := range proxies {
		sessions, streams = sessions+p.Sessions, streams+p.Streams
	}
	return control.Status{
		State: answer.Status, Version: b.opts.Version, UptimeS: int64(b.now().Sub(b.since).Seconds()),
		Config: b.configStatus(), Sessions: sessions, Streams: streams,
		Audit:   control.AuditStatus{OK: st.OK, Seq: st.Seq, Dropped: st.Dropped},
		Proxies: proxies, Checks: answer.Checks,
	}, nil
}

func (h *house) configStatus() control.ConfigStatus {
	v := h.verdict.Load()
	s := control.ConfigStatus{Version: v.version, Hash: v.hash, Loaded: v.loaded, OK: v.ok(), NeedsRestart: v.needsRestart}
	if !v.ok() {
		s.Error = v.faults.Errors()[0].Error()
	}
	return s
}

func (h *house) configInfo() control.ConfigInfo {
	v := h.verdict.Load()
	info := control.ConfigInfo{ConfigStatus: h.configStatus(), File: h.path, DiskHash: v.onDisk}
	for _, f := range h.wire(v.faults) {
		if f.Severity == config.Warning {
			info.Warnings = append(info.Warnings, f)
		} else {
			info.Faults = append(info.Faults, f)
		}
	}
	return info
}

// Config is the configuration in force and the last verdict.
func (b backend) Config(context.Context) (control.ConfigInfo, error) { return b.configInfo(), nil }

// wire turns faults into the sockets' shape.
func (h *house) wire(faults config.Faults) control.List[control.Fault] {
	var out control.List[control.Fault]
	for _, f := range faults {
		out = append(out, control.Fault(f))
	}
	return out
}

// Reload reads the file again and answers with the verdict.
func (b backend) Reload(ctx context.Context, by control.By) (control.ReloadResult, error) {
	data, err := configwatch.Read(b.path) // as the watcher reads, so that both come to one verdict
	return b.apply(context.WithoutCancel(ctx), data, err, edit{by: operator(by), detail: hints(by), asked: true}), nil
}

// operator is the audit actor of somebody at the sockets: the kernel's word, with the login as a name.
func operator(by control.By) audit.Actor {
	return audit.Actor{Type: "operator", ID: fmt.Sprintf("uid:%d", by.UID), Name: by.Login, Auth: "peercred"}
}

// hints are what the operator's own process says of itself; they decide nothing.
func hints(by control.By) map[string]string {
	d := map[string]string{}
	if by.SudoUser != "" {
		d["sudo_user"] = by.SudoUser
	}
	if by.SSH != "" {
		d["ssh"] = by.SSH
	}
	return d
}

// Proxies lists the proxies by name.
func (b backend) Proxies(ctx context.Context) (out []control.Proxy, err error) {
	now := b.world.Load()
	sessions, streams := map[string]int{}, map[string]int{}
	all, err := b.sessions.List(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	for _, s := range all {
		if ended, _ := s.Revoked(); ended {
			continue
		}
		sessions[s.Proxy]++
		streams[s.Proxy] += s.Streams()
	}
	for _, m := range now.proxies {
		p := m.proxy
		item := control.Proxy{
			Name: p.Name, ID: p.ID, Type: p.Type, Mode: p.OAuth.Mode, State: control.ProxyUp, URL: now.cfg.Resource(p),
			Upstream: withoutQuery(p.Upstream), AllowedGroups: p.AllowedGroups, Everyone: p.AllowedGroups == nil,
			Sessions: sessions[p.Name], Streams: streams[p.Name], Tools: b.toolCounts(now, p.Name),
		}
		if !p.OAuth.Enabled {
			item.Mode = "open"
		}
		up := b.upstreams.of(p.Name)
		switch since := up.failingSince.Load(); {
		case !p.Enabled:
			item.State = control.ProxyDisabled
		case p.Closed != "":
			item.State, item.Detail = control.ProxyClosed, p.Closed+" is not in this version"
		case since != 0:
			item.State, item.Detail = control.ProxyDown, "upstream failing since "+time.UnixMilli(since).UTC().Format(time.RFC3339)
			if text := up.lastError.Load(); text != nil {
				item.Detail += ": " + *text
			}
		}
		out = append(out, item)
	}
	slices.SortFunc(out, func(a, b control.Proxy) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// Groups lists the declared groups by name.
func (b backend) Groups(context.Context) (out []control.Group, err error) {
	c := b.world.Load().cfg
	for name, g := range c.Groups {
		out = append(out, control.Group{Name: name, Description: g.Description, Members: g.Members, Groups: g.Groups,
			Rules: len(g.Rules), Line: c.At("groups." + name).Line})
	}
	slices.SortFunc(out, func(a, b control.Group) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// Tools lists what is known of a proxy's tools, each with the rule that holds for it.
func (b backend) Tools(_ context.Context, name string) (out []control.Tool, err error) {
	now := b.world.Load()
	p, ok := now.cfg.ProxyByID(name)
	if !ok {
		return nil, control.NotFound("no proxy %q", name)
	}
	tools := b.catalogue.list(p.Name)
	since := firstList(tools)
	for _, t := range tools {
		rule := now.policy.Rule(p.Name, policy.KindTool, t.Name)
		out = append(out, control.Tool{
			Proxy: p.Name, Name: t.Name, Description: t.Description, State: rule.State, Groups: rule.Groups, Rule: rule.ID,
			Line: now.cfg.At(rule.ID).Line, Calls: t.Calls, Denied: t.Denied, FirstSeen: t.FirstSeen, LastSeen: t.LastSeen, Changed: t.Changed,
			New: rule.ID == "proxies."+p.Name+".tools.default" && lately(t, since, b.now()),
		})
	}
	slices.SortFunc(out, func(a, b control.Tool) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

func (h *house) toolCounts(now *world, name string) (n control.ToolCounts) {
	for _, t := range h.catalogue.list(name) {
		switch now.policy.Rule(name, policy.KindTool, t.Name).State {
		case "enabled":
			n.Enabled++
		case "disabled":
			n.Disabled++
		default:
			n.Restricted++
		}
	}
	return n
}

// Keys lists the signing keys.
func (b backend) Keys(ctx context.Context) ([]control.Key, error) {
	keys, err := b.oauth.Keys(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	var out []control.Key
	for _, k := range keys {
		out = append(out, keyInfo(k))
	}
	return out, nil
}

// RotateKeys makes the next key sign and a new one next; the old one verifies until its last token ends.
func (b backend) RotateKeys(ctx context.Context, by control.By) (control.Key, error) {
	k, err := b.oauth.RotateKeys(ctx, operator(by).ID)
	if err != nil {
		return control.Key{}, storeError(err)
	}
	if err := b.audit.Record(b.adminEvent("admin.rotate", "rotate", by, "key", k.KID)); err != nil {
		return control.Key{}, auditError(err)
	}
	b.publish("keys", keyInfo(k))
	return keyInfo(k), nil
}

// Events delivers the session feed and the configuration's verdicts.
func (b backend) Events(ctx context.Context, since uint64) (<-chan control.Event, error) {
	sub, err := b.sessions.Subscribe(since)
	switch {
	case errors.Is(err, session.ErrBusy):
		return nil, &control.Error{Code: control.CodeBusy, Message: "too many are listening to events already"}
	case err != nil:
		return nil, control.ErrGone
	}
	out := make(chan control.Event)
	go func() { // ends with ctx, which the socket's server cancels and waits for
		defer close(out)
		defer sub.Close()
		for {
			select {
			case <-ctx.Done():
				return
			case e, ok := <-sub.C:
				if !ok {
					return
				}
				select {
				case out <- wireEvent(e):
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out, nil
}

// publish puts an event on the feed.
func (h *house) publish(kind string, data any) { h.sessions.Publish(kind, data) }

// counts are the live sessions in memory and the open streams, for the metrics.
func (h *house) counts() (sessions, streams int) {
	for _, s := range h.sessions.Snapshot() {
		if s.State(h.now()) != session.Revoked {
			sessions++
		}
		streams += s.Streams()
	}
	return sessions, streams
}
