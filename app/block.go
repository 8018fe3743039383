package app

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"gatehouse/control"
	"gatehouse/policy"
	"gatehouse/session"
	"gatehouse/store"
)

// BlockUser keeps a person out for a time and ends what they have open. Somebody who was never here can be blocked too.
func (b backend) BlockUser(ctx context.Context, r control.BlockRequest) (control.BlockResult, error) {
	if r.For <= 0 {
		return control.BlockResult{}, control.BadRequest("say for how long, such as 1h")
	}
	if strings.TrimSpace(r.Reason) == "" {
		return control.BlockResult{}, control.BadRequest("a reason is required; it goes into the audit log")
	}
	p, known := b.find(r.Name)
	if !known && !strings.ContainsAny(r.Name, "@:") && !strings.HasPrefix(r.Name, "u_") {
		return control.BlockResult{}, control.NotFound("no person %q is inside; use an address or provider:subject", r.Name)
	}
	subject := blockName(p.id, r.Name)
	until := b.now().Add(time.Duration(r.For)).UTC()
	if err := b.blocks.put(ctx, store.Block{Subject: subject, Reason: r.Reason, By: operator(r.By).ID, Created: b.now(), Until: until}); err != nil {
		return control.BlockResult{}, storeError(err)
	}
	var ended control.RevokeResult
	if len(p.sessions) > 0 {
		if err := b.end(ctx, p.sessions, r.Reason, &ended); err != nil {
			return control.BlockResult{}, err
		}
	}
	event := b.adminEvent("user.blocked", "block", r.By, "user", subject)
	event.Detail["reason"], event.Detail["until"] = r.Reason, until.Format(time.RFC3339)
	err := b.audit.Record(event)
	return control.BlockResult{Subject: subject, Until: until, Sessions: ended.IDs, Streams: ended.Streams}, auditError(err)
}

// blockName is the name that a block is kept under: our own id for somebody known, else what the operator typed.
func blockName(id policy.Identity, typed string) string {
	if id.Sub != "" {
		return id.Sub
	}
	if strings.Contains(typed, "@") {
		return strings.ToLower(typed)
	}
	return typed
}

// UnblockUser lets a person back in.
func (b backend) UnblockUser(ctx context.Context, name string, by control.By) error {
	p, _ := b.find(name)
	var removed bool
	for _, subject := range append(subjectsOf(p.id), name, strings.ToLower(name)) {
		had, err := b.blocks.remove(ctx, subject)
		if err != nil {
			return storeError(err)
		}
		removed = removed || had
	}
	if !removed {
		return control.NotFound("%q is not blocked", name)
	}
	return auditError(b.audit.Record(b.adminEvent("user.unblocked", "unblock", by, "user", name)))
}

// blockPeople blocks the owners of sessions that are about to end.
func (h *house) blockPeople(ctx context.Context, targets []*session.Session, life time.Duration, reason string, by control.By) ([]string, error) {
	var blocked []string
	for _, s := range targets {
		id := s.Identity()
		if id.Kind != policy.User || slices.Contains(blocked, id.Sub) {
			continue
		}
		x := store.Block{Subject: id.Sub, Reason: reason, By: operator(by).ID, Created: h.now(), Until: h.now().Add(life)}
		if err := h.blocks.put(ctx, x); err != nil {
			return nil, storeError(err)
		}
		blocked = append(blocked, id.Sub)
		event := h.adminEvent("user.blocked", "block", by, "user", id.Label())
		event.Detail["reason"], event.Detail["until"] = reason, x.Until.UTC().Format(time.RFC3339)
		if err := h.audit.Record(event); err != nil {
			return nil, auditError(err)
		}
	}
	return blocked, nil
}

// Clients lists the registered clients and those of the file, by name.
func (b backend) Clients(ctx context.Context) ([]control.Client, error) {
	stored, err := b.store.Clients(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	now := b.world.Load()
	var out []control.Client
	for _, c := range stored {
		out = append(out, b.wireClient(c))
	}
	for id, c := range now.cfg.Clients {
		if !slices.ContainsFunc(stored, func(s store.Client) bool { return s.ID == id }) {
			out = append(out, b.wireClient(store.Client{ID: id, Name: id, Kind: "yaml", Proxy: strings.Join(c.Proxies, ","),
				RedirectURIs: c.RedirectURIs, GrantTypes: c.GrantTypes, State: store.Approved, AuthMethod: yamlAuthMethod(c.SecretHash)}))
		}
	}
	slices.SortFunc(out, func(a, b control.Client) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

func yamlAuthMethod(secretHash string) string {
	if secretHash == "" {
		return "none"
	}
	return "client_secret_basic"
}

func (h *house) wireClient(c store.Client) control.Client {
	out := control.Client{ID: c.ID, Name: c.Name, Kind: c.Kind, Proxy: c.Proxy, RedirectURIs: c.RedirectURIs, GrantTypes: c.GrantTypes,
		AuthMethod: c.AuthMethod, Created: c.Created, CreatedIP: c.CreatedIP, Last: c.LastUsed, State: c.State, BlockReason: c.BlockReason}
	for _, uri := range c.RedirectURIs {
		if host := redirectHost(uri); !slices.Contains(out.RedirectHosts, host) {
			out.RedirectHosts = append(out.RedirectHosts, host)
		}
	}
	users := map[string]bool{}
	for _, s := range h.sessions.Snapshot() {
		if s.ClientID == c.ID {
			out.Sessions++
			users[s.Identity().Sub] = true
		}
	}
	out.Users = len(users)
	return out
}

// Client is one client.
func (b backend) Client(ctx context.Context, id string) (control.Client, error) {
	all, err := b.Clients(ctx)
	if err != nil {
		return control.Client{}, err
	}
	for _, c := range all {
		if c.ID == id {
			return c, nil
		}
	}
	return control.Client{}, control.NotFound("no client %q", id)
}

// BlockClient refuses a client from now on and ends its sessions.
func (b backend) BlockClient(ctx context.Context, r control.BlockRequest) (control.BlockResult, error) {
	if strings.TrimSpace(r.Reason) == "" {
		return control.BlockResult{}, control.BadRequest("a reason is required; it goes into the audit log")
	}
	if _, isYAML := b.world.Load().cfg.Clients[r.Name]; isYAML {
		return control.BlockResult{}, control.BadRequest("client %q is in the file; remove it there", r.Name)
	}
	if err := b.store.SetClientState(ctx, r.Name, store.Blocked, r.Reason); err != nil {
		return control.BlockResult{}, storeError(err)
	}
	var targets []*session.Session
	for _, s := range b.sessions.Snapshot() {
		if s.ClientID == r.Name {
			targets = append(targets, s)
		}
	}
	var ended control.RevokeResult
	if len(targets) > 0 {
		if err := b.end(ctx, targets, r.Reason, &ended); err != nil {
			return control.BlockResult{}, err
		}
	}
	event := b.adminEvent("admin.client_block", "block", r.By, "client", r.Name)
	event.Detail["reason"] = r.Reason
	err := b.audit.Record(event)
	return control.BlockResult{Subject: r.Name, Sessions: ended.IDs, Streams: ended.Streams}, auditError(err)
}
