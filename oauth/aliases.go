package oauth

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/config"
	"gatehouse/store"
)

// aliases are the other paths of the endpoints: those of the seeds, and the fixed ones of MCP 2025-03-26.
var aliases = map[string]string{
	"/oauth/authorize": "authorize", "/oauth/token": "token", "/oauth/register": "register", "/oauth/dcr": "register", "/oauth/revoke": "revoke",
	"/authorize": "authorize", "/token": "token", "/register": "register",
}

// ownAlias answers an alias on p's own listener. Pages and their cookie live on one origin only: an authorization request
// that came elsewhere is sent there as it is, and nothing is set.
func (g *Gate) ownAlias(w http.ResponseWriter, r *http.Request, p *config.Proxy, name string) {
	if _, err := g.serving(p.Name); err != nil {
		cors(g.api(func(http.ResponseWriter, *http.Request) error { return err }))(w, r)
		return
	}
	switch name {
	case "authorize":
		g.page(func(w http.ResponseWriter, r *http.Request) error {
			if err := allow(w, r, http.MethodGet); err != nil {
				return err
			}
			to := g.addr[p.Name].endpoints + "/authorize"
			if r.URL.RawQuery != "" {
				to += "?" + r.URL.RawQuery
			}
			redirect(w, r, to)
			return nil
		})(w, r)
	case "token":
		cors(g.api(g.token(always(p))))(w, r)
	case "register":
		cors(g.api(g.register(p)))(w, r)
	case "revoke":
		cors(g.api(g.revoke(always(p))))(w, r)
	}
}

// mainAlias answers an alias on the main listener, where the proxy has to be found first.
func (g *Gate) mainAlias(w http.ResponseWriter, r *http.Request) bool {
	name, ok := aliases[r.URL.Path]
	if r.URL.Path == "/api/v1/oauth/register" {
		name, ok = "register", true
	}
	if !ok {
		return false
	}
	switch name {
	case "authorize":
		g.page(g.authorize(g.resolve))(w, r)
	case "token":
		cors(g.api(g.token(g.resolveForm)))(w, r)
	case "register":
		cors(g.api(func(w http.ResponseWriter, r *http.Request) error {
			p, err := g.resolve(r, url.Values{"resource": r.URL.Query()["resource"]})
			if err != nil {
				return err
			}
			return g.register(p)(w, r)
		}))(w, r)
	case "revoke":
		cors(g.api(g.revoke(g.resolveForm)))(w, r)
	}
	return true
}

// resolveForm finds the proxy of a token or revoke request: by the code or token it carries, else as resolve does.
func (g *Gate) resolveForm(r *http.Request, f form) (*config.Proxy, error) {
	ctx := r.Context()
	sid := ""
	for _, name := range []string{"refresh_token", "token"} {
		if v := f.Get(name); v != "" && sid == "" {
			row, err := g.store.Refresh(ctx, hashOf(v))
			if ok, err := found(err); err != nil {
				return nil, err
			} else if ok {
				sid = row.SessionID
			} else if c, err := g.keys.Load().verify(v); err == nil {
				sid = c.Session
			}
		}
	}
	if sid != "" {
		s, err := g.store.Session(ctx, sid)
		if ok, err := found(err); err != nil {
			return nil, err
		} else if ok {
			return g.serving(s.Proxy)
		}
	}
	if code := f.Get("code"); code != "" {
		row, err := g.store.Code(ctx, hashOf(code))
		if ok, err := found(err); err != nil {
			return nil, err
		} else if ok {
			var gr grant
			if err := json.Unmarshal(row.Data, &gr); err != nil {
				return nil, unavailable(err)
			}
			return g.serving(gr.Proxy)
		}
	}
	q := url.Values{"resource": f.Values["resource"], "client_id": {clientIDOf(r, f)}}
	return g.resolve(r, q)
}

// resolve finds a proxy by a client_id that belongs to one, else by resource, else it is the one at /.
func (g *Gate) resolve(r *http.Request, q url.Values) (*config.Proxy, error) {
	if id := q.Get("client_id"); id != "" {
		name, err := g.proxyOfClient(r, id)
		if err != nil {
			return nil, err
		}
		if name != "" {
			return g.serving(name)
		}
	}
	if asked := q["resource"]; strings.Join(asked, "") != "" {
		for name, p := range g.cfg.Proxies {
			if p.Enabled && p.OAuth.Enabled && g.resourceOK(p, asked) {
				return g.serving(name)
			}
		}
		return nil, badRequest("invalid_target", "the resource is none of this gateway's servers; %s", g.choicesText())
	}
	for name, p := range g.cfg.Proxies {
		if p.Listen == "" && p.Path == "/" {
			return g.serving(name)
		}
	}
	return nil, invalidRequest("say which server is meant, by resource or by its own endpoint; %s", g.choicesText())
}

// proxyOfClient is the one proxy that a client_id belongs to, "" when it is none or several.
func (g *Gate) proxyOfClient(r *http.Request, id string) (string, error) {
	if y, ok := g.cfg.Clients[id]; ok {
		var names []string
		for name, p := range g.cfg.Proxies {
			if g.reaches(y, p) {
				names = append(names, name)
			}
		}
		if len(names) == 1 {
			return names[0], nil
		}
		return "", nil
	}
	c, err := g.store.Client(r.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", unavailable(err)
	}
	return c.Proxy, nil
}

func (g *Gate) choicesText() string {
	var names []string
	for _, c := range g.choices() {
		names = append(names, c.Resource)
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "there is none"
	}
	return "there are: " + strings.Join(names, ", ")
}
