package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"gatehouse/audit"
	"gatehouse/proxy"
	"gatehouse/store"
)

// maxToolsPerProxy bounds what an upstream can make us remember.
const maxToolsPerProxy = 2000

// catalogue remembers the tools that upstreams have shown, in memory for the consent page and the sockets, and in the
// store across restarts. A tool whose description or schema changed is marked and audited: what a person approved by
// name may do something else now.
type catalogue struct {
	store  *store.Store
	audit  *audit.Log
	logger *slog.Logger
	now    func() time.Time

	mu    sync.Mutex // guards the maps
	tools map[string]map[string]*store.Tool
	dirty map[string]bool // proxies to write
}

func newCatalogue(ctx context.Context, s *store.Store, a *audit.Log, l *slog.Logger, now func() time.Time, proxies []string) (*catalogue, error) {
	c := &catalogue{store: s, audit: a, logger: l, now: now, tools: map[string]map[string]*store.Tool{}, dirty: map[string]bool{}}
	for _, p := range proxies {
		known, err := s.Tools(ctx, p)
		if err != nil {
			return nil, err
		}
		c.tools[p] = map[string]*store.Tool{}
		for _, t := range known {
			c.tools[p][t.Name] = &t
		}
	}
	return c, nil
}

// Seen records the tools of one list answer. It is proxy's Catalogue.
func (c *catalogue) Seen(proxyName string, tools []proxy.Tool) {
	now := c.now()
	var events []*audit.Event
	c.mu.Lock()
	known := c.tools[proxyName]
	if known == nil {
		known = map[string]*store.Tool{}
		c.tools[proxyName] = known
	}
	for _, t := range tools {
		had := known[t.Name]
		switch {
		case had == nil && len(known) >= maxToolsPerProxy:
		case had == nil:
			known[t.Name] = &store.Tool{Proxy: proxyName, Name: t.Name, Hash: t.Hash, Description: t.Description, FirstSeen: now, LastSeen: now}
			events = append(events, toolEvent("tool.discovered", proxyName, t.Name))
			c.dirty[proxyName] = true
		case had.Hash != t.Hash:
			had.Hash, had.Description, had.Changed, had.LastSeen = t.Hash, t.Description, true, now
			events = append(events, toolEvent("tool.changed", proxyName, t.Name))
			c.dirty[proxyName] = true
		case now.Sub(had.LastSeen) > time.Hour:
			had.LastSeen = now
			c.dirty[proxyName] = true
		}
	}
	c.mu.Unlock()
	for _, e := range events {
		if err := c.audit.Record(e); err != nil {
			c.logger.Error("audit", "event", e.Event, "err", err)
		}
	}
}

// firstList is when a proxy's tools were first seen; the pages of one list come within a minute.
func firstList(tools []store.Tool) (first time.Time) {
	for _, t := range tools {
		if first.IsZero() || t.FirstSeen.Before(first) {
			first = t.FirstSeen
		}
	}
	return first.Add(time.Minute)
}

// lately reports that a tool appeared after the first list and not more than a week ago.
func lately(t store.Tool, first, now time.Time) bool {
	return t.FirstSeen.After(first) && now.Sub(t.FirstSeen) < 7*24*time.Hour
}

// Called counts the use of a tool that an upstream has shown; names that nobody showed are not remembered, since a caller
// could invent any number of them.
func (c *catalogue) Called(proxyName, tool string, allowed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tools[proxyName][tool]
	if t == nil {
		return
	}
	if allowed {
		t.Calls++
	} else {
		t.Denied++
	}
	c.dirty[proxyName] = true
}

func toolEvent(event, proxyName, tool string) *audit.Event {
	return &audit.Event{
		Event: event, Action: "discover", Outcome: audit.Allowed,
		Req: audit.Req{Proxy: proxyName}, Actor: audit.Actor{Type: "system"}, Target: audit.Target{Kind: "tool", Name: tool},
	}
}

// names are the tools of a proxy, sorted, for the consent page.
func (c *catalogue) names(proxyName string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]string, 0, len(c.tools[proxyName]))
	for name := range c.tools[proxyName] {
		out = append(out, name)
	}
	return sorted(out)
}

// list is a copy of what is known of a proxy's tools.
func (c *catalogue) list(proxyName string) []store.Tool {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]store.Tool, 0, len(c.tools[proxyName]))
	for _, t := range c.tools[proxyName] {
		out = append(out, *t)
	}
	return out
}

// run writes what changed every few seconds until ctx ends, and once more then.
func (c *catalogue) run(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.flush(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			c.flush(ctx)
		}
	}
}

func (c *catalogue) flush(ctx context.Context) {
	c.mu.Lock()
	var work []string
	for p := range c.dirty {
		work = append(work, p)
	}
	clear(c.dirty)
	c.mu.Unlock()
	for _, p := range work {
		if err := c.store.PutTools(ctx, p, c.list(p)); err != nil {
			c.logger.Warn("write discovered tools", "proxy", p, "err", err)
			c.mu.Lock()
			c.dirty[p] = true
			c.mu.Unlock()
		}
	}
}
