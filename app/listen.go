package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Bounds of every listener (slow headers, header floods, idle connections, HTTP/2 resets). There is no write timeout:
// answers may be streams; proxy bounds them by timeouts.idle_stream.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32<<10 - 4<<10 // net/http admits 4 KiB more than it is told: 32 KiB
	maxConnections    = 20_000
	spareFiles        = 256 // what the store, the logs, the sockets and the provider's connections need
)

// listener is one open address and the server on it.
type listener struct {
	name string // "main", "metrics" or the proxy's name
	addr string // as configured
	srv  *http.Server
	ln   *limitedListener
}

// listeners are opened once at start and closed once at the end; a reload never touches them.
type listeners struct {
	logger *slog.Logger
	// slots are the connections that all listeners together may have; made by the first add.
	slots chan struct{}
	open  []*listener
	wg    sync.WaitGroup // one per server; closed by shutdown
}

// add opens an address. On a loopback name it opens IPv4 and IPv6 alike, so that localhost works whichever of the two
// the client's resolver prefers.
func (ls *listeners) add(name, addr string, h http.Handler, tc *tls.Config) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return &ListenError{Name: name, Addr: addr, Err: err}
	}
	ls.start(name, addr, ln, h, tc)
	host, port, _ := net.SplitHostPort(ln.Addr().String())
	if host == "127.0.0.1" {
		if six, err := net.Listen("tcp", net.JoinHostPort("::1", port)); err == nil {
			ls.start(name, addr, six, h, tc)
		}
	}
	return nil
}

func (ls *listeners) start(name, addr string, ln net.Listener, h http.Handler, tc *tls.Config) {
	if tc != nil {
		tc = tc.Clone() // net/http adds to its server's configuration while others already shake hands by theirs
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(tc != nil) // never h2c: its upgrade would tunnel past the policy
	srv := &http.Server{
		Handler: h, TLSConfig: tc, Protocols: &protocols,
		ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 100},
		// "OPTIONS *" passes the entrance like everything else: its Host is judged, its answer has an id.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(&serverErrors{logger: ls.logger, listener: name}, "", 0),
	}
	if ls.slots == nil {
		ls.slots = make(chan struct{}, connectionBound())
	}
	l := &listener{name: name, addr: addr, srv: srv, ln: &limitedListener{Listener: ln, slots: ls.slots, closed: make(chan struct{})}}
	ls.open = append(ls.open, l)
	ls.wg.Go(func() {
		serve := srv.Serve
		if tc != nil {
			serve = func(ln net.Listener) error { return srv.ServeTLS(ln, "", "") }
		}
		if err := serve(l.ln); !errors.Is(err, http.ErrServerClosed) {
			ls.logger.Error("listener ended", "listener", name, "addr", addr, "err", err)
		}
	})
}

// full reports that no more connections are taken for now.
func (ls *listeners) full() bool { return len(ls.slots) == cap(ls.slots) }

// addrOf is the configured address of a listener by name, "" when there is none.
func (ls *listeners) addrOf(name string) string {
	for _, l := range ls.open {
		if l.name == name {
			return l.addr
		}
	}
	return ""
}

// shutdown closes every listener at once and waits for running requests until ctx ends; what is left then is cut.
func (ls *listeners) shutdown(ctx context.Context) {
	var wg sync.WaitGroup
	for _, l := range ls.open {
		wg.Go(func() {
			if err := l.srv.Shutdown(ctx); err != nil {
				l.srv.Close()
			}
		})
	}
	wg.Wait()
	ls.wg.Wait()
}

// ListenError says which address could not be opened, with the key to change.
type ListenError struct {
	Name, Addr string
	Err        error
}

func (e *ListenError) Error() string { return fmt.Sprintf("%s %q: %v", e.key(), e.Addr, e.Err) }

func (e *ListenError) key() string {
	switch e.Name {
	case "main":
		return "server.listen"
	case "metrics":
		return "metrics.listen"
	}
	return "proxies." + e.Name + ".listen"
}

func (e *ListenError) Unwrap() error { return e.Err }

// connectionBound leaves a file for the upstream's side of every connection, and some for ourselves: who opens connections
// until no file is left would else keep the store and the audit log from being opened (AU-05).
func connectionBound() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur > 2*maxConnections+spareFiles {
		return maxConnections
	}
	return max((int(files.Cur)-spareFiles)/2, 16)
}

// limitedListener accepts while there are slots; who comes then waits in the kernel's queue.
type limitedListener struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: c, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close ends an Accept that waits for a slot, too: a full gate must be able to stop.
func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// full reports that nobody else gets in.
func (l *limitedListener) full() bool { return len(l.slots) == cap(l.slots) }

type limitedConn struct {
	net.Conn
	release func()
}

func (c *limitedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

// serverErrors turns net/http's own complaints into log lines, at most ten a second, with foreign bytes escaped.
type serverErrors struct {
	logger   *slog.Logger
	listener string

	mu     sync.Mutex // guards the window
	window time.Time
	count  int
}

func (s *serverErrors) Write(p []byte) (int, error) {
	s.mu.Lock()
	now := time.Now()
	if now.Sub(s.window) > time.Second {
		s.window, s.count = now, 0
	}
	s.count++
	quiet := s.count > 10
	s.mu.Unlock()
	if !quiet {
		s.logger.Debug("http server", "listener", s.listener, "err", strings.TrimSpace(fmt.Sprintf("%.500q", p)))
	}
	return len(p), nil
}
