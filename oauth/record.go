package oauth

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/limit"
	"gatehouse/policy"
)

// event begins an audit event about a request to proxy p, which may be nil.
func (g *Gate) event(r *http.Request, p *config.Proxy, name, action, outcome, reason string) *audit.Event {
	e := &audit.Event{Event: name, Action: action, Outcome: outcome, Reason: reason, Cfg: g.cfg.Hash,
		Req: audit.Req{ID: g.requestID(r), Method: r.Method},
		Src: audit.Src{IP: g.clientIP(r), UA: r.UserAgent()}}
	if p != nil {
		e.Req.Proxy = p.Name
	}
	return e
}

// flow is the event of one step of a sign-in.
func (g *Gate) flow(r *http.Request, l *login, name, action, outcome, reason string) *audit.Event {
	e := g.event(r, nil, name, action, outcome, reason)
	e.Req.Proxy, e.Flow = l.Proxy, l.Flow
	e.Actor = audit.Actor{Type: policy.Anonymous}
	if l.Identity != nil {
		e.Actor = actorOf(*l.Identity)
	}
	e.Actor.ClientID, e.Actor.ClientName = l.ClientID, l.ClientName
	return e
}

// step records a flow.step called name.
func (g *Gate) step(r *http.Request, l *login, name string) error {
	e := g.flow(r, l, "flow.step", name, audit.Allowed, "")
	e.Detail = map[string]string{"step": name, "redirect_host": l.redirectHost()}
	return g.record(e)
}

// record writes e; an event that cannot be recorded refuses what it is about.
func (g *Gate) record(e *audit.Event) error {
	if err := g.audit.Record(e); err != nil {
		return unavailable(err)
	}
	return nil
}

func actorOf(id policy.Identity) audit.Actor {
	a := audit.Actor{Type: id.Kind, ID: id.Sub, Name: id.Name, Email: id.Email, Auth: "oauth"}
	if id.Provider != "" {
		a.ID = id.Provider + "|" + id.Issuer + "|" + id.Subject
	}
	return a
}

// logRefusal writes the one line that tells the operator why something was refused; the cause stays here.
func (g *Gate) logRefusal(r *http.Request, level slog.Level, status int, reason string, by who, err error) {
	attrs := []any{"path", r.URL.Path, "status", status, "reason", reason}
	for _, a := range [][2]string{{"client_id", by.ClientID}, {"client_name", by.ClientName}, {"flow", by.Flow}, {"session", by.Session}} {
		if a[1] != "" {
			attrs = append(attrs, a[0], a[1])
		}
	}
	attrs = append(attrs, "ip", g.clientIP(r), "request_id", g.requestID(r), "err", err)
	g.log.Log(r.Context(), level, "oauth-proxy refused", attrs...)
}

func (g *Gate) clientIP(r *http.Request) string {
	if g.o.ClientIP != nil {
		return g.o.ClientIP(r)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// addressKey is what rate limits count by: an IPv4 address or an IPv6 /64.
func (g *Gate) addressKey(r *http.Request) string {
	ip := g.clientIP(r)
	if a, err := netip.ParseAddr(ip); err == nil {
		return limit.AddressKey(a)
	}
	return ip
}

// limited takes one from the bucket of key, or answers 429.
func (g *Gate) limited(r *http.Request, p *config.Proxy, key string, rate config.Rate) error {
	ok, retry := g.o.Limits.Allow(key, rate.Count, rate.Per, g.now())
	if ok {
		return nil
	}
	name := ""
	if p != nil {
		name = p.Name
	}
	e := g.event(r, p, "ratelimit.blocked", "limit", audit.Denied, "rate_limited")
	e.Req.Status, e.Req.Proxy = http.StatusTooManyRequests, name
	e.Actor = audit.Actor{Type: policy.Anonymous}
	g.audit.RefusedAnonymous(e)
	return &wireError{Status: http.StatusTooManyRequests, Code: "temporarily_unavailable", Reason: "rate_limited",
		Description: "too many requests; wait before the next one", Retry: max(retry, 1)}
}

func containsColon(s string) bool {
	for i := range len(s) {
		if s[i] == ':' {
			return true
		}
	}
	return false
}
