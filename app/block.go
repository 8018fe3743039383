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
	all, err := b.sessions.List(ctx)
	if err != nil {
		return control.BlockResult{}, storeError(err)
	}
	p, known := b.find(all, r.Name)
	if !known && !strings.ContainsAny(r.Name, "@:") && !strings.HasPrefix(r.Name, "u_") {
		return control.BlockResult{}, control.NotFound("no person %q is inside; use an address or provider:subject", r.Name)
	}
	subject := strings.ToLower(r.Name)
	if known {
		subject = p.id.Label()
	}
	until := b.now().Add(time.Duration(r.For)).UTC()
	if err := b.block(ctx, p.id, subject, store.Block{Reason: r.Reason, By: operator(r.By).ID, Created: b.now(), Until: until}); err != nil {
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
	err = b.audit.Record(event)
	return control.BlockResult{Subject: subject, Until: until, Sessions: ended.IDs, Streams: ended.Streams}, auditError(err)
}

// block keeps a person out under every name: the address, so that the operator can find the block again, and the
// provider's own id, so that a changed address changes nothing. All rows of one act share its time, by which unblocking
// finds them.
func (h *house) block(ctx context.Context, id policy.Identity, typed string, x store.Block) error {
	names := []string{typed}
	if id.Sub != "" {
		names = append(names, subjectsOf(id)...)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		x.Subject = name
		if err := h.blocks.put(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// UnblockUser lets a person back in.
func (b backend) UnblockUser(ctx context.Context, name string, by control.By) error {
	subjects := b.blocks.together(name)
	for _, subject := range subjects {
		if _, err := b.blocks.remove(ctx, subject); err != nil {
			return storeError(err)
		}
	}
	if len(subjects) == 0 {
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
		x := store.Block{Reason: reason, By: operator(by).ID, Created: h.now(), Until: h.now().Add(life)}
		if err := h.block(ctx, id, id.Label(), x); err != nil {
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
	all, err := b.sessions.List(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	now := b.world.Load()
	var out []control.Client
	for _, c := range stored {
		out = append(out, wireClient(c, all))
	}
	for id, c := range now.cfg.Clients {
		if !slices.ContainsFunc(stored, func(s store.Client) bool { return s.ID == id }) {
			out = append(out, wireClient(store.Client{ID: id, Name: id, Kind: "yaml", Proxy: strings.Join(c.Proxies, ","),
				RedirectURIs: c.RedirectURIs, GrantTypes: c.GrantTypes, State: store.Approved, AuthMethod: yamlAuthMethod(c.SecretHash)}, all))
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

func wireClient(c store.Client, all []*session.Session) control.Client {
	out := control.Client{ID: c.ID, Name: c.Name, Kind: c.Kind, Proxy: c.Proxy, RedirectURIs: c.RedirectURIs, GrantTypes: c.GrantTypes,
		AuthMethod: c.AuthMethod, Created: c.Created, CreatedIP: c.CreatedIP, Last: c.LastUsed, State: c.State, BlockReason: c.BlockReason}
	for _, uri := range c.RedirectURIs {
		if host := redirectHost(uri); !slices.Contains(out.RedirectHosts, host) {
			out.RedirectHosts = append(out.RedirectHosts, host)
		}
	}
	users := map[string]bool{}
	for _, s := range all {
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
	if err := b.oauth.SetClientState(ctx, r.Name, store.Blocked, r.Reason); err != nil {
		return control.BlockResult{}, storeError(err)
	}
	all, err := b.sessions.List(ctx)
	if err != nil {
		return control.BlockResult{}, storeError(err)
	}
	var targets []*session.Session
	for _, s := range all {
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
	err = b.audit.Record(event)
	return control.BlockResult{Subject: r.Name, Sessions: ended.IDs, Streams: ended.Streams}, auditError(err)
}
