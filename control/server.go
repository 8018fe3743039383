package control

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Names of the sockets in the control directory.
const (
	ViewSocket    = "view.sock"
	ControlSocket = "control.sock"
)

// bounds of a server; tests shorten them.
type bounds struct {
	conns, perUser int           // open connections per socket
	body           int64         // bytes of a request
	header         time.Duration // for reading a request's head
	read           time.Duration // for reading its body
	work           time.Duration // for the Backend
	write          time.Duration // for a whole answer, or one event: who does not read is dropped
	beat           time.Duration // between events, so that a gone client is noticed
}

func defaultBounds() bounds {
	return bounds{
		conns: 128, perUser: 32, body: 64 << 10,
		header: 5 * time.Second, read: 10 * time.Second, work: 60 * time.Second, write: 10 * time.Second, beat: 25 * time.Second,
	}
}

// Refusal is a peer that was turned away.
type Refusal struct {
	Socket string // ViewSocket or ControlSocket
	By     By
	Why    string
}

// Server serves a Backend on the two sockets of one directory. Start opens them, Shutdown closes and removes them.
type Server struct {
	Backend Backend
	// Dir holds the sockets; made 0750 when absent.
	Dir string
	// ViewGroup and AdminGroup may use view.sock and control.sock. A group that does not exist leaves its socket to
	// the daemon's user (0600), with one warning.
	ViewGroup, AdminGroup string
	// Logger receives warnings and the causes of internal errors. Nil discards them.
	Logger *slog.Logger
	// Refused is told of every connection that was turned away, for the audit log. It must not block for long.
	// Nil is fine.
	Refused func(Refusal)
	// RequestID makes the id of a request; nil makes random ones.
	RequestID func() string

	bounds   bounds
	servers  []*http.Server
	done     chan struct{}  // closed by Shutdown; ends event streams
	stop     sync.Once      // closes done
	serving  sync.WaitGroup // the two Serve goroutines
	handling sync.WaitGroup // requests at work, which http.Server.Close does not wait for
	cancel   context.CancelFunc
}

// Start opens both sockets and serves them in the background, until Shutdown. On an error nothing is left open.
func (s *Server) Start() error {
	s.prepare()
	if err := makeDir(s.Dir); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	gates := make([]*gate, 0, 2)
	roles := make([]role, 0, 2)
	var alone []string // groups that could not be given their socket
	for _, socket := range []struct{ name, group string }{{ViewSocket, s.ViewGroup}, {ControlSocket, s.AdminGroup}} {
		r, known := newRole(socket.name, socket.group)
		l, grouped, err := openSocket(s.Dir, socket.name, r.gid)
		if err != nil {
			for _, g := range gates {
				g.Close()
			}
			cancel()
			return err
		}
		if !grouped {
			r.gid = -1
			why := " does not exist"
			if known {
				why = " cannot be given the socket by this user"
			}
			alone = append(alone, socket.group+why)
		}
		gates = append(gates, &gate{UnixListener: l, counts: counts{byUID: map[int]int{}, max: s.bounds.conns, maxUser: s.bounds.perUser}})
		roles = append(roles, r)
	}
	if len(alone) > 0 {
		s.Logger.Warn("control sockets are for the daemon's user only", "dir", s.Dir, "groups", strings.Join(alone, ", "))
	}
	for i, g := range gates {
		s.serve(ctx, g, roles[i])
	}
	return nil
}

func (s *Server) prepare() {
	s.done = make(chan struct{})
	if s.bounds == (bounds{}) {
		s.bounds = defaultBounds()
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.RequestID == nil {
		s.RequestID = func() string { return "r_" + rand.Text() }
	}
}

// serve runs one socket in a goroutine that Shutdown ends and waits for.
func (s *Server) serve(ctx context.Context, g *gate, r role) {
	srv := &http.Server{
		Handler:           s.guard(r, s.routes(r.socket)),
		ReadHeaderTimeout: s.bounds.header,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	s.servers = append(s.servers, srv)
	s.serving.Go(func() {
		if err := srv.Serve(g); !errors.Is(err, http.ErrServerClosed) {
			s.Logger.Error("control socket ended", "socket", r.socket, "err", err)
		}
	})
}

// Shutdown ends event streams, lets running requests finish until ctx ends, closes and removes the sockets, and returns
// when no goroutine of the server is left.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.cancel == nil {
		return nil // never started
	}
	s.stop.Do(func() { close(s.done) })
	var errs []error
	for _, srv := range s.servers {
		if err := srv.Shutdown(ctx); err != nil {
			errs = append(errs, err)
			s.cancel() // whoever is still at work learns that nobody waits
			srv.Close()
		}
	}
	s.serving.Wait()
	s.cancel()
	s.handling.Wait()
	return errors.Join(errs...)
}

type connKey struct{}
