package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// network is a name server and a dialer: every name leads to a server on this machine, whatever address it claims.
type network struct {
	answers [][]string // one list of addresses for each lookup; the last one stays
	lookups atomic.Int32
	dialled []string
	server  string
}

func (n *network) lookup(context.Context, string) ([]netip.Addr, error) {
	i := min(int(n.lookups.Add(1))-1, len(n.answers)-1)
	var out []netip.Addr
	for _, s := range n.answers[i] {
		out = append(out, netip.MustParseAddr(s))
	}
	return out, nil
}

func (n *network) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	n.dialled = append(n.dialled, addr)
	return (&net.Dialer{}).DialContext(ctx, network, n.server)
}

// serve starts a server and gives a client's network in which public names lead to it.
func serve(t *testing.T, h http.HandlerFunc) (*httptest.Server, *network) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s, &network{answers: [][]string{{"93.184.216.34"}}, server: s.Listener.Addr().String()}
}

func get(t *testing.T, c *http.Client, url string) (string, error) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestServerSideRequestForgeryIsBlocked(t *testing.T) {
	var canary atomic.Int32
	_, n := serve(t, func(http.ResponseWriter, *http.Request) { canary.Add(1) })
	n.answers = [][]string{{"10.1.2.3"}}
	for _, url := range []string{
		"https://169.254.169.254/latest/meta-data", "http://169.254.169.254/", "https://2130706433/", "https://0x7f.1/", "https://127.1/",
		"https://0177.0.0.1/", "https://127.0.0.1/", "https://localhost/", "http://localhost/", "http://localhost:8080/", "https://[::ffff:10.0.0.1]/",
		"https://[64:ff9b::a9fe:a9fe]/", "https://[::1]/", "https://[fe80::1%25lo]/", "https://internal.example/", "https://localhost./",
		"http://public.example/", "file:///etc/passwd", "gopher://public.example/", "https://user:pw@public.example/", "https:///x", "https://1.2.3.4.5/",
	} {
		_, err := get(t, Client(Options{lookup: n.lookup, dial: n.dial}), url)
		if err == nil {
			t.Errorf("%s was fetched", url)
		} else if !errors.Is(err, ErrBlocked) && !strings.Contains(err.Error(), "unsupported protocol") && !strings.Contains(err.Error(), "no Host") {
			t.Errorf("%s: %v, want ErrBlocked", url, err)
		}
	}
	if canary.Load() != 0 || len(n.dialled) != 0 {
		t.Errorf("%d requests arrived, dialled %v", canary.Load(), n.dialled)
	}
}

func TestOneBadAddressRefusesTheName(t *testing.T) {
	_, n := serve(t, func(http.ResponseWriter, *http.Request) {})
	n.answers = [][]string{{"93.184.216.34", "127.0.0.1"}}
	if _, err := get(t, Client(Options{lookup: n.lookup, dial: n.dial}), "https://public.example/"); !errors.Is(err, ErrBlocked) {
		t.Errorf("err = %v", err)
	}
	if len(n.dialled) != 0 {
		t.Errorf("dialled %v", n.dialled)
	}
}

// A name server that says a public address when asked first and a private one when asked again gets asked once.
func TestDNSRebindingDialsTheCheckedAddress(t *testing.T) {
	_, n := serve(t, func(http.ResponseWriter, *http.Request) {})
	n.answers = [][]string{{"93.184.216.34"}, {"127.0.0.1"}}
	get(t, Client(Options{lookup: n.lookup, dial: n.dial}), "https://rebind.example/") // the handshake fails, which is not the point
	if got := n.lookups.Load(); got != 1 {
		t.Errorf("%d lookups, want 1", got)
	}
	if len(n.dialled) != 1 || n.dialled[0] != "93.184.216.34:443" {
		t.Errorf("dialled %v, want the address that was checked", n.dialled)
	}
	if _, err := get(t, Client(Options{lookup: n.lookup, dial: n.dial}), "https://rebind.example/"); !errors.Is(err, ErrBlocked) {
		t.Errorf("second connection: err = %v, want ErrBlocked", err)
	}
}

func TestTrustedHostAndPortMayBePrivate(t *testing.T) {
	s, n := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	if body, err := get(t, Client(Options{Trusted: []string{s.URL + "/realm"}}), s.URL+"/other/path"); err != nil || body != "ok" {
		t.Errorf("trusted: %q, %v", body, err)
	}
	n.answers = [][]string{{"10.0.0.7"}}
	_, port, _ := net.SplitHostPort(n.server)
	o := Options{Trusted: []string{"http://idp.internal:" + port}, lookup: n.lookup, dial: n.dial}
	if body, err := get(t, Client(o), "http://IDP.internal.:"+port+"/keys"); err != nil || body != "ok" {
		t.Errorf("trusted private name over http: %q, %v", body, err)
	}
	for _, url := range []string{"http://idp.internal:1/", "https://idp.internal/", "http://idp2.internal:" + port + "/", "http://10.0.0.7:" + port} {
		if _, err := get(t, Client(o), url); !errors.Is(err, ErrBlocked) {
			t.Errorf("%s: err = %v, want ErrBlocked", url, err)
		}
	}
}

func TestHTTPSIsNotDowngraded(t *testing.T) {
	_, n := serve(t, func(http.ResponseWriter, *http.Request) {})
	o := Options{Trusted: []string{"https://idp.internal:8443"}, lookup: n.lookup, dial: n.dial}
	if _, err := get(t, Client(o), "http://idp.internal:8443/"); !errors.Is(err, ErrBlocked) {
		t.Errorf("err = %v, want ErrBlocked", err)
	}
}

func TestAllowPrivateHost(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	defer s.Close()
	n := &network{answers: [][]string{{"192.168.3.4"}}, server: s.Listener.Addr().String()}
	pool := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	o := Options{AllowPrivate: []string{"Example.com"}, RootCAs: pool, lookup: n.lookup, dial: n.dial}
	if body, err := get(t, Client(o), "https://example.com/"); err != nil || body != "ok" {
		t.Errorf("%q, %v", body, err)
	}
	if _, err := get(t, Client(o), "http://example.com/"); !errors.Is(err, ErrBlocked) {
		t.Errorf("plain http: err = %v, want ErrBlocked", err)
	}
	if _, err := get(t, Client(Options{RootCAs: pool, lookup: n.lookup, dial: n.dial}), "https://example.com/"); !errors.Is(err, ErrBlocked) {
		t.Errorf("not allowed: err = %v, want ErrBlocked", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var canary atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { canary.Add(1) }))
	defer trap.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := httptest.NewServer(http.RedirectHandler(trap.URL, status))
		c := Client(Options{Trusted: []string{s.URL, trap.URL}})
		resp, err := c.Post(s.URL+"/token", "application/x-www-form-urlencoded", strings.NewReader("refresh_token=secret"))
		if err != nil {
			t.Errorf("%d: %v", status, err)
		} else if resp.Body.Close(); resp.StatusCode != status {
			t.Errorf("status %d, want %d", resp.StatusCode, status)
		}
		s.Close()
	}
	if canary.Load() != 0 {
		t.Errorf("a redirect was followed %d times", canary.Load())
	}
}

func TestBodyIsCapped(t *testing.T) {
	var size atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/chunked" {
			w.(http.Flusher).Flush()
		}
		for left := size.Load(); left > 0; left-- {
			if _, err := w.Write([]byte{'x'}); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	c := Client(Options{Trusted: []string{s.URL}, MaxBody: 1000})
	for _, tt := range []struct {
		size int64
		ok   bool
	}{{0, true}, {999, true}, {1000, true}, {1001, false}, {100_000, false}} {
		for _, path := range []string{"/", "/chunked"} {
			size.Store(tt.size)
			body, err := get(t, c, s.URL+path)
			if tt.ok && (err != nil || int64(len(body)) != tt.size) {
				t.Errorf("%d bytes at %s: got %d, %v", tt.size, path, len(body), err)
			}
			if !tt.ok && (!errors.Is(err, ErrTooLarge) || len(body) > 1000) {
				t.Errorf("%d bytes at %s: got %d, err = %v, want ErrTooLarge", tt.size, path, len(body), err)
			}
		}
	}
}

func TestGzipBombIsNotUnfolded(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(make([]byte, 10<<20))
	z.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e := r.Header.Get("Accept-Encoding"); e != "" {
			t.Errorf("Accept-Encoding %q was sent", e)
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb.Bytes())
	}))
	defer s.Close()
	if body, err := get(t, Client(Options{Trusted: []string{s.URL}}), s.URL); err == nil {
		t.Errorf("got %d bytes, want an error", len(body))
	}
}

func TestSlowAnswerEnds(t *testing.T) {
	done := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("x"))
		w.(http.Flusher).Flush()
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(done)
	start := time.Now()
	_, err := get(t, Client(Options{Trusted: []string{s.URL}, Timeout: 100 * time.Millisecond}), s.URL)
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("err = %v, want a timeout", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestProxyEnvironmentIsIgnored(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	s, n := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "direct") })
	_, port, _ := net.SplitHostPort(n.server)
	o := Options{Trusted: []string{"http://idp.example:" + port}, lookup: n.lookup, dial: n.dial}
	if body, err := get(t, Client(o), "http://idp.example:"+port); err != nil || body != "direct" {
		t.Errorf("%q, %v (%s)", body, err, s.URL)
	}
}

func TestCookiesAreNotKept(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) > 0 {
			t.Error("a cookie came back")
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
	}))
	defer s.Close()
	c := Client(Options{Trusted: []string{s.URL}})
	get(t, c, s.URL)
	get(t, c, s.URL)
}

func TestRetriesOnlyWhatChangesNothing(t *testing.T) {
	var hits, fail atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if hits.Add(1) <= fail.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	c := Client(Options{Trusted: []string{s.URL}, Retries: 3, backoff: func(int) time.Duration { return 0 }})
	for _, tt := range []struct {
		name       string
		fails      int32
		post       bool
		wantHits   int32
		wantStatus int
	}{
		{"503 twice, then fine", 2, false, 3, 200},
		{"always 503", 99, false, 4, 503},
		{"POST is never repeated", 99, true, 1, 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hits.Store(0)
			fail.Store(tt.fails)
			resp, err := c.Get(s.URL)
			if tt.post {
				hits.Store(0)
				resp.Body.Close()
				resp, err = c.Post(s.URL, "text/plain", strings.NewReader("code"))
			}
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if hits.Load() != tt.wantHits || resp.StatusCode != tt.wantStatus {
				t.Errorf("%d hits and status %d, want %d and %d", hits.Load(), resp.StatusCode, tt.wantHits, tt.wantStatus)
			}
		})
	}
}

func FuzzCheckHost(f *testing.F) {
	for _, s := range []string{"example.com", "2130706433", "0x7f.1", "127.0.0.1", "::1", "fe80::1%lo", "a..b", "1e3", "localhost."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		h := normalHost(host)
		if checkHost(h) != nil {
			return
		}
		last := h[strings.LastIndexByte(h, '.')+1:]
		if _, err := netip.ParseAddr(h); err != nil && strings.Trim(last, "0123456789") == "" {
			t.Errorf("%q is admitted as a name but is a number", host)
		}
	})
}
