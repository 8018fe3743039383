package app

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"gatehouse/audit"
	"gatehouse/control"
	"gatehouse/session"
	"gatehouse/store"
)

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
		if ended, _ := s.Revoked(); !ended && s.ClientID == c.ID {
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
	ctx = context.WithoutCancel(ctx)
	if strings.TrimSpace(r.Reason) == "" {
		return control.BlockResult{}, errReason
	}
	if _, isYAML := b.world.Load().cfg.Clients[r.Name]; isYAML {
		return control.BlockResult{}, control.BadRequest("client %q is in the file; remove it there", r.Name)
	}
	all, err := b.sessions.List(ctx)
	if err != nil {
		return control.BlockResult{}, storeError(err)
	}
	if err := b.oauth.SetClientState(ctx, r.Name, store.Blocked, r.Reason); err != nil {
		return control.BlockResult{}, storeError(err)
	}
	var targets []*session.Session
	for _, s := range all {
		if s.ClientID == r.Name {
			targets = append(targets, s)
		}
	}
	ended, err := b.end(ctx, targets, r.Reason)
	event := b.adminEvent("admin.client_block", "block", r.By, "client", r.Name)
	event.Detail["reason"] = r.Reason
	if err != nil {
		event.Outcome, event.Reason = audit.Error, "store_unavailable"
	}
	return control.BlockResult{Subject: r.Name, Sessions: ended.IDs, Streams: ended.Streams},
		errors.Join(err, auditError(b.audit.Record(event)))
}
