package control

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// route is one endpoint. do returns the answer, or an error; a nil answer with a nil error has written for itself.
type route struct {
	method, pattern string
	do              func(ctx context.Context, c *call) (any, error)
}

// table is the whole API, in the order of DESIGN section 6.
func (s *Server) table() []route {
	b := s.Backend
	get := func(pattern string, do func(context.Context, *call) (any, error)) route {
		return route{http.MethodGet, pattern, do}
	}
	post := func(pattern string, do func(context.Context, *call) (any, error)) route {
		return route{http.MethodPost, pattern, do}
	}
	return []route{
		get("/v1/status", func(ctx context.Context, _ *call) (any, error) { return b.Status(ctx) }),
		get("/v1/sessions", func(ctx context.Context, c *call) (any, error) {
			f, err := c.sessionFilter()
			if err != nil {
				return nil, err
			}
			return list(b.Sessions(ctx, f))
		}),
		get("/v1/sessions/{id}", func(ctx context.Context, c *call) (any, error) { return b.Session(ctx, c.r.PathValue("id")) }),
		get("/v1/users", func(ctx context.Context, _ *call) (any, error) { return list(b.Users(ctx)) }),
		get("/v1/users/{name}", func(ctx context.Context, c *call) (any, error) { return b.User(ctx, c.r.PathValue("name")) }),
		get("/v1/clients", func(ctx context.Context, _ *call) (any, error) { return list(b.Clients(ctx)) }),
		get("/v1/clients/{name}", func(ctx context.Context, c *call) (any, error) { return b.Client(ctx, c.r.PathValue("name")) }),
		get("/v1/proxies", func(ctx context.Context, _ *call) (any, error) { return list(b.Proxies(ctx)) }),
		get("/v1/tools", func(ctx context.Context, c *call) (any, error) { return list(b.Tools(ctx, c.r.FormValue("proxy"))) }),
		get("/v1/groups", func(ctx context.Context, _ *call) (any, error) { return list(b.Groups(ctx)) }),
		get("/v1/keys", func(ctx context.Context, _ *call) (any, error) { return list(b.Keys(ctx)) }),
		get("/v1/config", func(ctx context.Context, _ *call) (any, error) { return b.Config(ctx) }),
		get("/v1/explain", s.explain),
		get("/v1/events", s.events),
		post("/v1/sessions/revoke", s.revoke),
		post("/v1/users/{name}/block", s.blockUser),
		post("/v1/users/{name}/unblock", func(ctx context.Context, c *call) (any, error) {
			if err := c.decode(&struct{}{}); err != nil {
				return nil, err
			}
			return struct{}{}, b.UnblockUser(ctx, c.r.PathValue("name"), c.by)
		}),
		post("/v1/clients/{name}/block", s.blockClient),
		post("/v1/reload", func(ctx context.Context, c *call) (any, error) {
			if err := c.decode(&struct{}{}); err != nil {
				return nil, err
			}
			return b.Reload(ctx, c.by)
		}),
		post("/v1/keys/rotate", func(ctx context.Context, c *call) (any, error) {
			if err := c.decode(&struct{}{}); err != nil {
				return nil, err
			}
			return b.RotateKeys(ctx, c.by)
		}),
	}
}

// routes is the handler of one socket. Methods are checked here and not by ServeMux, whose refusals are not JSON.
func (s *Server) routes(socket string) http.Handler {
	byPattern := map[string]map[string]route{}
	for _, rt := range s.table() {
		if byPattern[rt.pattern] == nil {
			byPattern[rt.pattern] = map[string]route{}
		}
		byPattern[rt.pattern][rt.method] = rt
	}
	mux := http.NewServeMux()
	for pattern, methods := range byPattern {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.dispatch(w, r, socket, methods) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, NotFound("no %s in this version", r.URL.Path))
	})
	return mux
}

func (s *Server) dispatch(w http.ResponseWriter, r *http.Request, socket string, methods map[string]route) {
	rt, ok := methods[r.Method]
	if socket == ViewSocket && r.Method != http.MethodGet {
		if ok {
			s.fail(w, &Error{Code: CodeReadOnly, Message: "this socket only reads", Where: ViewSocket, Fix: "use " + ControlSocket + " (group of the administrators)"})
			return
		}
		ok = false
	}
	if !ok {
		for m := range methods {
			w.Header().Add("Allow", m)
		}
		s.fail(w, &Error{Code: CodeMethod, Message: r.Method + " " + r.URL.Path + " is not possible"})
		return
	}
	ctx := r.Context()
	if rt.pattern != "/v1/events" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.bounds.work)
		defer cancel()
	}
	by, _ := ctx.Value(byKey{}).(By)
	v, err := rt.do(ctx, &call{w: w, r: r, by: by, s: s})
	switch {
	case err != nil:
		s.fail(w, err)
	case v != nil:
		s.answer(w, http.StatusOK, v)
	}
}

// list keeps a nil slice from becoming null.
func list[T any](items []T, err error) (any, error) { return List[T](items), err }

func (c *call) sessionFilter() (SessionFilter, error) {
	f := SessionFilter{User: c.r.FormValue("user"), Proxy: c.r.FormValue("proxy"), Client: c.r.FormValue("client")}
	var idle Duration
	if err := idle.UnmarshalText([]byte(c.r.FormValue("idle_for"))); err != nil {
		return f, BadRequest("idle_for: %v", err)
	}
	f.IdleFor = time.Duration(idle)
	return f, nil
}

func (s *Server) explain(ctx context.Context, c *call) (any, error) {
	q := ExplainRequest{User: c.r.FormValue("user"), Proxy: c.r.FormValue("proxy"), Client: c.r.FormValue("client")}
	for _, kind := range []string{"tool", "resource", "prompt", "method"} {
		name := c.r.FormValue(kind)
		switch {
		case name == "":
		case q.Kind != "":
			return nil, BadRequest("explain answers one question: %s or %s", q.Kind, kind)
		default:
			q.Kind, q.Name = kind, name
		}
	}
	if q.User == "" || q.Proxy == "" {
		return nil, BadRequest("explain needs user and proxy")
	}
	return s.Backend.Explain(ctx, q)
}

func (s *Server) revoke(ctx context.Context, c *call) (any, error) {
	var q RevokeRequest
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	byName := q.User != "" || q.Client != "" || q.Proxy != ""
	switch {
	case len(q.IDs) == 0 && !byName && !q.All:
		return nil, BadRequest("revoke what? give ids, user, client, proxy or all")
	case len(q.IDs) > 0 && (byName || q.All), q.All && byName:
		return nil, BadRequest("revoke by ids, by user, client and proxy, or all; not by several of them")
	case q.Block < 0 || time.Duration(q.Block) > maxBlock:
		return nil, BadRequest("block is not between 0 and 10 years")
	}
	if err := checkReason(q.Reason); err != nil && !q.DryRun {
		return nil, err
	}
	q.By = c.by
	return s.Backend.RevokeSessions(ctx, q)
}

// maxBlock is the longest block; longer is a mistake, or disabled: true in the file.
const maxBlock = 10 * 365 * 24 * time.Hour

func (s *Server) blockUser(ctx context.Context, c *call) (any, error) {
	q := BlockRequest{Name: c.r.PathValue("name"), By: c.by}
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	if q.For <= 0 || time.Duration(q.For) > maxBlock {
		return nil, BadRequest("for is needed, more than 0 and at most 10 years")
	}
	if err := checkReason(q.Reason); err != nil {
		return nil, err
	}
	return s.Backend.BlockUser(ctx, q)
}

func (s *Server) blockClient(ctx context.Context, c *call) (any, error) {
	q := BlockRequest{Name: c.r.PathValue("name"), By: c.by}
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	if q.For != 0 {
		return nil, BadRequest("a client is blocked until it is approved again; for is not possible")
	}
	if err := checkReason(q.Reason); err != nil {
		return nil, err
	}
	return s.Backend.BlockClient(ctx, q)
}

// checkReason: every act against somebody says why, for the audit log and for them.
func checkReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return BadRequest("reason is required")
	}
	if len(reason) > 512 {
		return BadRequest("reason is longer than 512 bytes")
	}
	return nil
}
