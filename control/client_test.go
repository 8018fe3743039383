package control

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		name string
		p    Places
		want []string
	}{
		{"nothing known", Places{}, both(RunDir)},
		{"configuration", Places{ControlDir: "/x"}, append(both("/x"), both(RunDir)...)},
		{"configuration is the usual place", Places{ControlDir: "/run/gatehouse/"}, both(RunDir)},
		{"environment wins over configuration", Places{Env: "/y.sock", ControlDir: "/x"}, []string{"/y.sock"}},
		{"flag wins over all", Places{Flag: "/z.sock", Env: "/y.sock", ControlDir: "/x"}, []string{"/z.sock"}},
		{"flag is a directory", Places{Flag: dir}, both(dir)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Find(tc.p); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestNoDaemonIsUnreachable(t *testing.T) {
	for _, sockets := range [][]string{nil, both("/nowhere")} {
		_, err := (&Conn{Sockets: sockets}).Status(t.Context())
		if !errors.Is(err, ErrUnreachable) {
			t.Errorf("sockets %q: %v, want unreachable", sockets, err)
		}
	}
}

func TestViewSocketAloneCannotAct(t *testing.T) {
	f := newServer(t).start(t)
	_, err := (&Conn{Sockets: []string{filepath.Join(f.Dir, ViewSocket)}}).Reload(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeReadOnly {
		t.Errorf("reload by view.sock: %v, want read_only", err)
	}
}

func TestEveryMethodReachesItsEndpoint(t *testing.T) {
	f := newServer(t).start(t)
	c, ctx := f.conn(), t.Context()
	calls := map[string]func() error{
		"status":   func() error { _, err := c.Status(ctx); return err },
		"config":   func() error { _, err := c.Config(ctx); return err },
		"reload":   func() error { _, err := c.Reload(ctx); return err },
		"sessions": func() error { _, err := c.Sessions(ctx, SessionFilter{User: "x", IdleFor: time.Hour}); return err },
		"session":  func() error { _, err := c.Session(ctx, "s_90e9e9e3"); return err },
		"revoke":   func() error { _, err := c.RevokeSessions(ctx, RevokeRequest{All: true, Reason: "x"}); return err },
		"users":    func() error { _, err := c.Users(ctx); return err },
		"user":     func() error { _, err := c.User(ctx, "auth0|a/b?c#d"); return err },
		"block":    func() error { _, err := c.BlockUser(ctx, BlockRequest{Name: "a/b", For: 1, Reason: "x"}); return err },
		"unblock":  func() error { return c.UnblockUser(ctx, "a@b") },
		"clients":  func() error { _, err := c.Clients(ctx); return err },
		"blockc":   func() error { _, err := c.BlockClient(ctx, BlockRequest{Name: "c_1", Reason: "x"}); return err },
		"proxies":  func() error { _, err := c.Proxies(ctx); return err },
		"tools":    func() error { _, err := c.Tools(ctx, "notes"); return err },
		"groups":   func() error { _, err := c.Groups(ctx); return err },
		"keys":     func() error { _, err := c.Keys(ctx); return err },
		"rotate":   func() error { _, err := c.RotateKeys(ctx); return err },
	}
	for name, call := range calls {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if u, _ := c.User(ctx, "auth0|a/b?c#d"); u.ID != "auth0|a/b?c#d" {
		t.Errorf("user %q: a name with a slash is one name", u.ID)
	}
	if tr, _ := c.Explain(ctx, ExplainRequest{User: "a", Proxy: "b", Kind: "tool", Name: "c"}); tr.Kind != "tool" || tr.Name != "c" {
		t.Errorf("trace %+v", tr)
	}
	if _, err := c.Session(ctx, "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown session: %v", err)
	}
	if err := c.Events(ctx, 1, nil); !errors.Is(err, ErrGone) {
		t.Errorf("events of long ago: %v", err)
	}
}

func TestSessionFilter(t *testing.T) {
	s := Session{User: "u_1", Email: "Alice@example.com", Provider: "okta", Subject: "00u:1", Proxy: "notes", ClientID: "c_1", ClientName: "Claude", Last: day}
	for _, tc := range []struct {
		f    SessionFilter
		want bool
	}{
		{SessionFilter{}, true},
		{SessionFilter{User: "u_1"}, true},
		{SessionFilter{User: "alice@example.com"}, true},
		{SessionFilter{User: "okta:alice@example.com"}, true},
		{SessionFilter{User: "okta:00u:1"}, true},
		{SessionFilter{User: "github:alice@example.com"}, false},
		{SessionFilter{User: "alice"}, false},
		{SessionFilter{Proxy: "other"}, false},
		{SessionFilter{Client: "Claude"}, true},
		{SessionFilter{Client: "c_2"}, false},
		{SessionFilter{IdleFor: time.Minute}, true},
		{SessionFilter{IdleFor: 2 * time.Hour}, false},
	} {
		if got := tc.f.Match(s, day.Add(time.Hour)); got != tc.want {
			t.Errorf("%+v: %v, want %v", tc.f, got, tc.want)
		}
	}
	if (SessionFilter{User: "okta:"}).Match(Session{Provider: "okta"}, day) {
		t.Error("a session without an address matches provider:")
	}
}

// FuzzRequest: whatever a member of the group sends, the answer is one JSON value and nothing falls over.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "/v1/sessions/revoke", `{"ids":["s_1"],"reason":"x"}`)
	f.Add("GET", "/v1/sessions?idle_for=1h", "")
	f.Add("POST", "/v1/users/%2e%2e/block", `{"for":"1h","reason":"x"}`)
	f.Add("GET", "/v1/explain?user=a&proxy=b&tool=c", "")
	s := &Server{Backend: &fakeBackend{}}
	s.prepare()
	h := s.routes(ControlSocket)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		r, err := http.NewRequest(method, "http://x", nil)
		if err != nil || path == "" || path[0] != '/' {
			return
		}
		if r.URL, err = r.URL.Parse(path); err != nil {
			return
		}
		r.Body = http.NoBody
		w := httptest.NewRecorder()
		if body != "" {
			r.Body = io.NopCloser(strings.NewReader(body))
		}
		h.ServeHTTP(w, r)
		if ct := w.Header().Get("Content-Type"); w.Code >= 400 && ct != "application/json" {
			t.Errorf("%s %q: %d %s", method, path, w.Code, ct)
		}
	})
}
