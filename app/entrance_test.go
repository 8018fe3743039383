package app

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/audit"
	"gatehouse/limit"
)

// doorway is a house of which only the entrance is furnished.
func doorway(t *testing.T) (h *house, auditPath string, log *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	auditPath = filepath.Join(dir, "audit", "audit.jsonl")
	log = &bytes.Buffer{}
	a, err := audit.Open(audit.Options{Path: auditPath, StateDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	h = &house{now: time.Now, audit: a, limits: limit.New(100), log: &logger{Logger: slog.New(slog.NewTextHandler(log, nil))}}
	h.world.Store(&world{hosts: hosts{}})
	return h, auditPath, log
}

// DS-12.
func TestPanicCostsOneAnswerAndIsOnRecord(t *testing.T) {
	h, auditPath, log := doorway(t)
	srv := httptest.NewServer(h.entrance(func(w http.ResponseWriter, r *http.Request, _ *world) {
		switch r.URL.Path {
		case "/late":
			io.WriteString(w, "half an ans")
			http.NewResponseController(w).Flush()
			panic("late")
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/nil":
			var none []string
			_ = none[len(r.URL.Path)]
		}
		w.Header().Set("Set-Cookie", "half=made")
		if r.URL.Path == "/early" {
			panic(errors.New("canary-of-the-cause"))
		}
	}))
	defer srv.Close()
	for _, path := range []string{"/early", "/nil"} {
		resp, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		id := resp.Header.Get("X-Request-Id")
		if resp.StatusCode != 500 || id == "" || !strings.Contains(string(body), id) || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %s %v %s", path, resp.Status, resp.Header, body)
		}
		if strings.Contains(string(body), "canary") || strings.Contains(string(body), "goroutine") {
			t.Errorf("%s: the caller learns the cause: %s", path, body)
		}
		if !strings.Contains(log.String(), id) {
			t.Errorf("%s: nothing in the log", path)
		}
	}
	for _, path := range []string{"/late", "/abort"} {
		resp, err := http.Get(srv.URL + path)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: half an answer looks whole", path)
		}
	}
	if resp, err := http.Get(srv.URL + "/fine"); err != nil || resp.StatusCode != 200 {
		t.Errorf("afterwards: %v", err)
	} else {
		resp.Body.Close()
	}
	h.audit.Close()
	lines, err := os.ReadFile(auditPath)
	if err != nil || strings.Count(string(lines), `"reason":"internal_error"`) == 0 || strings.Contains(string(lines), "canary") {
		t.Errorf("audit: %v %s", err, lines)
	}
}

// DS-02: a body that nobody waits for holds its connection no longer than one that somebody reads.
func TestSlowBodyEndsWhoeverReadsIt(t *testing.T) {
	for _, name := range []string{"unread", "read"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				v := receive(w, r, 100*time.Millisecond)
				if name == "read" {
					if _, err := io.ReadAll(r.Body); !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("read: %v", err)
					}
				}
				http.NotFound(v, r)
			}))
			defer srv.Close()
			c, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx")
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.ReadAll(c); err != nil {
				t.Errorf("the connection is still open: %v", err)
			}
		})
	}
}

func TestBodyDeadlineDoesNotOutliveTheBody(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := receive(w, r, 50*time.Millisecond)
		io.ReadAll(r.Body)
		select {
		case <-r.Context().Done():
			t.Error("a whole body's deadline ended its answer")
		case <-time.After(200 * time.Millisecond):
		}
		io.WriteString(v, "done")
	}))
	defer srv.Close()
	resp, err := http.Post(srv.URL, "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "done" {
		t.Errorf("got %q", body)
	}
}

// DS-13, and a stop while every place is taken.
func TestFullGateLetsNobodyInAndCanStop(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &limitedListener{Listener: inner, slots: make(chan struct{}, 1), closed: make(chan struct{})}
	served := make(chan error, 1)
	srv := &http.Server{Handler: http.NotFoundHandler()}
	go func() { served <- srv.Serve(l) }()
	first, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if line := firstLine(t, first); !strings.Contains(line, "404") {
		t.Fatalf("first: %q", line)
	}
	second, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	fmt.Fprint(second, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	second.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := second.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the second was served: %v", err)
	}
	if !l.full() {
		t.Error("not full")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	select {
	case <-served:
	case <-ctx.Done():
		t.Error("Serve does not end while the gate is full")
	}
}

func firstLine(t *testing.T, c net.Conn) string {
	t.Helper()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestConnectionsLeaveFilesForOurselves(t *testing.T) {
	if n := connectionBound(); n < 16 || n > maxConnections {
		t.Errorf("bound %d", n)
	}
}

// Whoever hangs up while health asks the store must not make it look broken to the next who asks.
func TestHangingUpDoesNotMakeTheStoreLookBroken(t *testing.T) {
	now := time.Now()
	h := &health{
		config: func() bool { return true }, audit: func() bool { return true }, auditFatal: func() bool { return true },
		ping: func(ctx context.Context) error { return ctx.Err() }, upstreams: &upstreams{}, now: func() time.Time { return now },
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if answer, fatal := h.check(gone); answer.Status != checkOK || fatal {
		t.Errorf("got %+v", answer)
	}
}

// A dead upstream degrades, it does not take the gate out of a load balancer; a log that denies everything does.
func TestHealthIsFatalOnlyWhenEveryCallFails(t *testing.T) {
	up := &upstreams{}
	for _, c := range []struct {
		audit, deny, store, upstream, config bool
		status                               string
		fatal                                bool
	}{
		{true, true, true, true, true, "ok", false},
		{true, true, true, false, true, "degraded", false},
		{true, true, true, true, false, "degraded", false},
		{true, true, false, true, true, "degraded", false},
		{false, false, true, true, true, "degraded", false},
		{false, true, true, true, true, "degraded", true},
	} {
		up.of("m").failingSince.Store(0)
		if !c.upstream {
			up.of("m").failingSince.Store(1)
		}
		h := &health{config: func() bool { return c.config }, audit: func() bool { return c.audit }, auditFatal: func() bool { return c.deny },
			ping: func(context.Context) error {
				if !c.store {
					return errors.New("full")
				}
				return nil
			}, upstreams: up, now: time.Now}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/health", nil))
		if !strings.Contains(w.Body.String(), `"status":"`+c.status+`"`) || (w.Code == 503) != c.fatal {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
}

// DS-14.
func TestStrangersCannotFillTheLog(t *testing.T) {
	var out bytes.Buffer
	now := time.Now()
	log := slog.New(newQuiet(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: shorten}), func() time.Time { return now }))
	path := strings.Repeat("x", 32<<10)
	for range 100_000 {
		log.Info("refused", "path", path, "err", errors.New(path))
	}
	log.With("a", 1).Error("something else")
	if n := strings.Count(out.String(), "\n"); n != quietLines+1 || !strings.Contains(out.String(), "something else") {
		t.Errorf("%d lines", n)
	}
	if limit := quietLines * 3 * quietValue; out.Len() > limit {
		t.Errorf("%d bytes in a window, want at most %d", out.Len(), limit)
	}
	out.Reset()
	now = now.Add(quietWindow)
	log.Info("refused")
	if want := fmt.Sprintf("left_out=%d", 100_000-quietLines); !strings.Contains(out.String(), want) {
		t.Errorf("the next window says %q, want %s", out.String(), want)
	}
	now = now.Add(quietWindow)
	for i := range 10_000 {
		log.Info(fmt.Sprint("message ", i))
	}
	if h := log.Handler().(quiet); len(h.counts) > quietKinds {
		t.Errorf("%d messages are counted", len(h.counts))
	}
}

// HX-07 at the metrics.
func TestMetricsAnswerNoRebindingPage(t *testing.T) {
	zero := func() float64 { return 0 }
	m := newMetrics(readings{zero, zero, zero, zero})
	for _, c := range []struct {
		listen, host string
		want         int
	}{
		{"127.0.0.1:9464", "localhost:9464", 200}, {"127.0.0.1:9464", "rebind.test", 403}, {"[::1]:9464", "rebind.test:9464", 403},
		{"0.0.0.0:9464", "gate.example.com:9464", 200}, {":9464", "10.0.0.7:9464", 200},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Host = c.host
		m.handler(c.listen).ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s asked as %s: %d, want %d", c.listen, c.host, w.Code, c.want)
		}
	}
}

func TestMappedPrefixIsTheSameNetwork(t *testing.T) {
	trusted := parsePrefixes([]string{"::ffff:10.0.0.0/104"})
	if got := resolveClient("10.9.9.9:1", []string{"203.0.113.7"}, trusted); got.Addr().String() != "203.0.113.7" {
		t.Errorf("got %v", got)
	}
	if got := resolveClient("11.9.9.9:1", []string{"203.0.113.7"}, trusted); got.Addr().String() != "11.9.9.9" {
		t.Errorf("got %v", got)
	}
}

func TestFixIsNeverEmpty(t *testing.T) {
	for _, err := range []error{errors.New("anything"), &ListenError{Name: "main", Err: errors.New("x")}, &os.PathError{Op: "open", Path: "/x", Err: os.ErrPermission}} {
		if Fix(err) == "" {
			t.Errorf("%v has no fix", err)
		}
	}
}
