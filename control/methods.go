package control

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

// Status asks for the gate in one screen.
func (c *Conn) Status(ctx context.Context) (Status, error) {
	return fetch[Status](ctx, c, "/v1/status", nil)
}

// Config asks for the state of the configuration.
func (c *Conn) Config(ctx context.Context) (ConfigInfo, error) {
	return fetch[ConfigInfo](ctx, c, "/v1/config", nil)
}

// Reload has the file read again and waits for the verdict.
func (c *Conn) Reload(ctx context.Context) (ReloadResult, error) {
	return act[ReloadResult](ctx, c, "/v1/reload", nil)
}

// Sessions lists who is inside.
func (c *Conn) Sessions(ctx context.Context, f SessionFilter) ([]Session, error) {
	q := query("user", f.User, "proxy", f.Proxy, "client", f.Client)
	if f.IdleFor > 0 {
		q.Set("idle_for", f.IdleFor.String())
	}
	return fetch[[]Session](ctx, c, "/v1/sessions", q)
}

// Session asks for one session.
func (c *Conn) Session(ctx context.Context, id string) (Session, error) {
	return fetch[Session](ctx, c, "/v1/sessions/"+url.PathEscape(id), nil)
}

// RevokeSessions ends sessions. When it returns they are over.
func (c *Conn) RevokeSessions(ctx context.Context, r RevokeRequest) (RevokeResult, error) {
	return act[RevokeResult](ctx, c, "/v1/sessions/revoke", r)
}

// Users lists the people known.
func (c *Conn) Users(ctx context.Context) ([]User, error) {
	return fetch[[]User](ctx, c, "/v1/users", nil)
}

// User asks for one person, by e-mail, stable id or provider:subject.
func (c *Conn) User(ctx context.Context, name string) (UserDetail, error) {
	return fetch[UserDetail](ctx, c, "/v1/users/"+url.PathEscape(name), nil)
}

// BlockUser keeps a person out for a time and ends their sessions.
func (c *Conn) BlockUser(ctx context.Context, r BlockRequest) (BlockResult, error) {
	return act[BlockResult](ctx, c, "/v1/users/"+url.PathEscape(r.Name)+"/block", r)
}

// UnblockUser lets a person in again.
func (c *Conn) UnblockUser(ctx context.Context, name string) error {
	_, err := act[struct{}](ctx, c, "/v1/users/"+url.PathEscape(name)+"/unblock", nil)
	return err
}

// Clients lists the OAuth clients.
func (c *Conn) Clients(ctx context.Context) ([]Client, error) {
	return fetch[[]Client](ctx, c, "/v1/clients", nil)
}

// Client asks for one OAuth client.
func (c *Conn) Client(ctx context.Context, id string) (Client, error) {
	return fetch[Client](ctx, c, "/v1/clients/"+url.PathEscape(id), nil)
}

// BlockClient keeps an OAuth client out and ends its sessions.
func (c *Conn) BlockClient(ctx context.Context, r BlockRequest) (BlockResult, error) {
	return act[BlockResult](ctx, c, "/v1/clients/"+url.PathEscape(r.Name)+"/block", r)
}

// Proxies lists what stands behind the gate.
func (c *Conn) Proxies(ctx context.Context) ([]Proxy, error) {
	return fetch[[]Proxy](ctx, c, "/v1/proxies", nil)
}

// Tools lists the tools of a proxy with the rules that hold for them.
func (c *Conn) Tools(ctx context.Context, proxy string) ([]Tool, error) {
	return fetch[[]Tool](ctx, c, "/v1/tools", query("proxy", proxy))
}

// Groups lists the groups of the configuration.
func (c *Conn) Groups(ctx context.Context) ([]Group, error) {
	return fetch[[]Group](ctx, c, "/v1/groups", nil)
}

// Explain asks why somebody may or may not do something.
func (c *Conn) Explain(ctx context.Context, r ExplainRequest) (Trace, error) {
	q := query("user", r.User, "proxy", r.Proxy, "client", r.Client)
	if r.Kind != "" {
		q.Set(r.Kind, r.Name)
	}
	return fetch[Trace](ctx, c, "/v1/explain", q)
}

// Keys lists the signing keys.
func (c *Conn) Keys(ctx context.Context) ([]Key, error) { return fetch[[]Key](ctx, c, "/v1/keys", nil) }

// RotateKeys makes the next key sign; it returns that key.
func (c *Conn) RotateKeys(ctx context.Context) (Key, error) {
	return act[Key](ctx, c, "/v1/keys/rotate", nil)
}

// Events calls fn for every event after since, pings included, until ctx ends (nil), fn or the line fails.
func (c *Conn) Events(ctx context.Context, since uint64, fn func(Event) error) error {
	q := url.Values{}
	if since > 0 {
		q.Set("since", strconv.FormatUint(since, 10))
	}
	resp, done, err := c.send(ctx, http.MethodGet, "/v1/events", q, nil)
	if err != nil {
		return err
	}
	defer done()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	if err := lines.Err(); err != nil {
		return c.broken(err)
	}
	return &Unreachable{Why: "the daemon ended the stream"}
}

func fetch[T any](ctx context.Context, c *Conn, path string, q url.Values) (T, error) {
	var out T
	err := c.do(ctx, http.MethodGet, path, q, nil, &out)
	return out, err
}

func act[T any](ctx context.Context, c *Conn, path string, in any) (T, error) {
	var out T
	err := c.do(ctx, http.MethodPost, path, nil, in, &out)
	return out, err
}

// query makes values of name, value pairs, leaving out empty values.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}
