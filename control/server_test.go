package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestGolden(t *testing.T) {
	f := newServer(t).start(t)
	for _, tc := range []struct{ path, golden string }{
		{"/v1/sessions", "sessions.json"},
		{"/v1/status", "status.json"},
		{"/v1/sessions/none", "not_found.json"},
		{"/v1/users", "empty.json"},
		{"/v1/users/okta:00u%2F1", "user.json"},
	} {
		t.Run(tc.golden, func(t *testing.T) {
			resp, err := f.raw(t, ViewSocket).Get("http://any" + tc.path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", tc.golden)
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("%s\n got %s\nwant %s", tc.path, got, want)
			}
		})
	}
}

func TestRefusalsHaveTheErrorShape(t *testing.T) {
	f := newServer(t).start(t)
	for _, tc := range []struct {
		name, socket, method, path, body string
		status                           int
		code                             string
	}{
		{"endpoint of a later version", ControlSocket, "GET", "/v1/upstreams", "", 404, CodeNotFound},
		{"unknown path", ViewSocket, "GET", "/", "", 404, CodeNotFound},
		{"wrong method", ControlSocket, "DELETE", "/v1/sessions", "", 405, CodeMethod},
		{"POST to a GET", ControlSocket, "POST", "/v1/status", "", 405, CodeMethod},
		{"GET of a POST", ControlSocket, "GET", "/v1/reload", "", 405, CodeMethod},
		{"HEAD", ControlSocket, "HEAD", "/v1/status", "", 405, ""},
		{"GET with a body", ControlSocket, "GET", "/v1/status", "{}", 400, CodeBadRequest},
		{"internal errors stay inside", ControlSocket, "GET", "/v1/clients/x", "", 500, CodeInternal},
		{"no reason", ControlSocket, "POST", "/v1/sessions/revoke", `{"ids":["s_1"]}`, 400, CodeBadRequest},
		{"blank reason", ControlSocket, "POST", "/v1/sessions/revoke", `{"ids":["s_1"],"reason":" "}`, 400, CodeBadRequest},
		{"no target", ControlSocket, "POST", "/v1/sessions/revoke", `{"reason":"x"}`, 400, CodeBadRequest},
		{"two targets", ControlSocket, "POST", "/v1/sessions/revoke", `{"ids":["s_1"],"all":true,"reason":"x"}`, 400, CodeBadRequest},
		{"mistyped dry_run does not act", ControlSocket, "POST", "/v1/sessions/revoke", `{"all":true,"reason":"x","dry-run":true}`, 400, CodeBadRequest},
		{"two values", ControlSocket, "POST", "/v1/sessions/revoke", `{"all":true,"reason":"x"}{}`, 400, CodeBadRequest},
		{"negative block", ControlSocket, "POST", "/v1/sessions/revoke", `{"all":true,"reason":"x","block":"-1h"}`, 400, CodeBadRequest},
		{"block without an end", ControlSocket, "POST", "/v1/users/a/block", `{"reason":"x"}`, 400, CodeBadRequest},
		{"too large", ControlSocket, "POST", "/v1/reload", strings.Repeat(" ", 65<<10), 413, CodeTooLarge},
		{"bad since", ViewSocket, "GET", "/v1/events?since=x", "", 400, CodeBadRequest},
		{"gone", ViewSocket, "GET", "/v1/events?since=1", "", 410, CodeGone},
		{"two questions", ViewSocket, "GET", "/v1/explain?user=a&proxy=b&tool=c&prompt=d", "", 400, CodeBadRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req, err := http.NewRequest(tc.method, "http://any"+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := f.raw(t, tc.socket).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != tc.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tc.status)
			}
			if resp.Header.Get("X-Request-Id") != "r_test" {
				t.Errorf("X-Request-Id = %q", resp.Header.Get("X-Request-Id"))
			}
			if tc.code == "" {
				return
			}
			var body errorBody
			if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
				t.Fatal(err)
			}
			if body.Error.Code != tc.code || body.Error.Message == "" || body.Error.RequestID != "r_test" {
				t.Errorf("error = %+v, want code %q", body.Error, tc.code)
			}
			if strings.Contains(body.Error.Message, "closed") {
				t.Errorf("message %q shows an internal cause", body.Error.Message)
			}
		})
	}
	if n := len(f.backend.revokes) + len(f.backend.blocks); n != 0 {
		t.Errorf("%d refused requests reached the backend", n)
	}
}

func TestViewSocketNeverActs(t *testing.T) {
	f := newServer(t).start(t)
	for _, rt := range f.table() {
		if rt.method == http.MethodGet {
			continue
		}
		path := strings.NewReplacer("{name}", "x", "{id}", "x").Replace(rt.pattern)
		resp, err := f.raw(t, ViewSocket).Post("http://any"+path, "application/json", strings.NewReader(`{"all":true,"reason":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s on view.sock: %d, want 403", path, resp.StatusCode)
		}
	}
	if len(f.backend.revokes)+len(f.backend.blocks)+len(f.backend.bys) != 0 {
		t.Error("view.sock acted")
	}
}

func TestActCarriesTheKernelsWord(t *testing.T) {
	f := newServer(t).start(t)
	c := f.conn()
	c.SudoUser, c.SSH = "alice\x1b[2J\n", strings.Repeat("1", 500)
	res, err := c.RevokeSessions(t.Context(), RevokeRequest{IDs: []string{"s_1"}, Reason: "lost laptop", Block: Duration(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if res.Streams != 2 || res.AuditSeq != 7 || len(res.IDs) != 1 {
		t.Errorf("result %+v", res)
	}
	got := f.backend.revokes[0]
	if got.By.UID != os.Getuid() || got.By.PID != os.Getpid() || got.By.Login == "" {
		t.Errorf("by %+v, want uid %d pid %d", got.By, os.Getuid(), os.Getpid())
	}
	if got.By.SudoUser != "alice[2J" || len(got.By.SSH) != 128 {
		t.Errorf("hints %q %q are not clean and bounded", got.By.SudoUser, got.By.SSH)
	}
	if got.Block != Duration(time.Hour) || got.Reason != "lost laptop" {
		t.Errorf("request %+v", got)
	}
}

func TestTooManyConnectionsOfOneUser(t *testing.T) {
	f := newServer(t)
	f.bounds.perUser = 3
	f.start(t)
	for range 3 {
		c, err := net.Dial("unix", filepath.Join(f.Dir, ViewSocket))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	// The three are counted when they are accepted, which a fourth accepted after them proves.
	_, err := (&Conn{Sockets: []string{filepath.Join(f.Dir, ViewSocket)}}).Status(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeBusy {
		t.Fatalf("fourth connection: %v, want busy", err)
	}
	if _, err := f.conn().Status(t.Context()); err != nil {
		t.Errorf("the other socket: %v", err)
	}
}

func TestShutdownEndsStreamsAndRemovesSockets(t *testing.T) {
	f := newServer(t)
	f.backend.events = func(ctx context.Context, _ uint64) (<-chan Event, error) {
		ch := make(chan Event, 1)
		ch <- Event{Seq: 9, Type: "session.opened", Time: day, Data: json.RawMessage(`{"id":"s_1"}`)}
		return ch, nil
	}
	f.start(t)
	seen := make(chan Event, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- f.conn().Events(context.Background(), 0, func(e Event) error { seen <- e; return nil })
	}()
	if e := <-seen; e.Seq != 9 || string(e.Data) != `{"id":"s_1"}` {
		t.Errorf("event %+v", e)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := f.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, ErrUnreachable) {
		t.Errorf("stream ended with %v, want unreachable", err)
	}
	for _, path := range both(f.Dir) {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there (%v)", path, err)
		}
	}
}

// CT-10.
func TestClientThatNeverReadsIsDropped(t *testing.T) {
	f := newServer(t)
	f.bounds.write = 100 * time.Millisecond
	dropped := make(chan struct{})
	f.backend.events = func(ctx context.Context, _ uint64) (<-chan Event, error) {
		ch := make(chan Event)
		go func() { // ends with the subscription
			defer close(dropped)
			data, _ := json.Marshal(strings.Repeat("x", 64<<10))
			for {
				select {
				case ch <- Event{Seq: 1, Data: data}:
				case <-ctx.Done():
					return
				}
			}
		}()
		return ch, nil
	}
	f.start(t)
	c, err := net.Dial("unix", filepath.Join(f.Dir, ViewSocket))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case <-dropped:
	case <-time.After(10 * time.Second):
		t.Fatal("a client that never reads still has its subscription")
	}
}

func TestClientThatNeverSendsItsBodyIsDropped(t *testing.T) {
	f := newServer(t)
	f.bounds.read = 100 * time.Millisecond
	f.start(t)
	c, err := net.Dial("unix", filepath.Join(f.Dir, ControlSocket))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Fatalf("connection was not closed: %v", err)
	}
	if len(f.backend.bys) != 0 {
		t.Error("half a request acted")
	}
}

func TestPingsKeepTheStreamAlive(t *testing.T) {
	f := newServer(t)
	f.bounds.beat = 5 * time.Millisecond
	f.backend.events = func(context.Context, uint64) (<-chan Event, error) { return make(chan Event), nil }
	f.start(t)
	stop := errors.New("enough")
	err := f.conn().Events(t.Context(), 5, func(e Event) error {
		if e.Type != ping || e.Seq != 5 {
			t.Errorf("event %+v, want a ping that repeats the sequence", e)
		}
		return stop
	})
	if err != stop {
		t.Fatal(err)
	}
}
