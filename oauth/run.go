package oauth

import (
	"context"
	"time"

	"gatehouse/audit"
	"gatehouse/policy"
)

// housekeeping is how often what is over is cleared away.
const housekeeping = time.Minute

// Run clears away what is over until ctx ends: logins, codes, unused clients, sealed refresh tokens, retired keys. The
// caller starts it in a goroutine of its own and waits for it.
func (s *Server) Run(ctx context.Context) {
	t := time.NewTicker(housekeeping)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.Housekeep(ctx)
		}
	}
}

// Housekeep is one round of Run. Errors are logged; the next round tries again, and nothing that is over is honoured in
// the meantime, because every reader looks at the time.
func (s *Server) Housekeep(ctx context.Context) {
	now := s.now()
	try := func(what string, err error) {
		if err != nil && ctx.Err() == nil {
			s.log.Warn("oauth-proxy housekeeping", "what", what, "err", err)
		}
	}
	try("store", s.store.Housekeep(ctx, now))
	try("keys", s.removeOldKeys(ctx))
	w := s.world.Load()
	if w == nil {
		return
	}
	grace := time.Duration(0)
	for name, p := range w.Config.Proxies {
		grace = max(grace, p.OAuth.RefreshGrace)
		ids, err := s.store.ExpireUnusedClients(ctx, name, now.Add(-p.OAuth.RegisteredUnusedTTL))
		try("clients", err)
		for _, id := range ids {
			try("audit", s.audit.Record(&audit.Event{Event: "client.expired", Action: "expire", Outcome: audit.Allowed, Cfg: w.Config.Hash,
				Req: audit.Req{Proxy: name}, Actor: audit.Actor{Type: "system", ClientID: id}, Target: audit.Target{Kind: "client", Name: id},
				Reason: policy.ReasonAllowed}))
		}
	}
	try("refresh tokens", s.store.ForgetSealed(ctx, now.Add(-grace)))
}
