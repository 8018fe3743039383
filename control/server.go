package control

import (
	"context"
	"errors"
	"log/slog"
)

// Names of the sockets in the control directory.
const (
	ViewSocket    = "view.sock"
	ControlSocket = "control.sock"
)

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
}

// Start opens both sockets and serves them in the background, until Shutdown.
func (s *Server) Start() error { return errors.New("not open") }

// Shutdown ends event streams, lets running requests finish until ctx ends, closes and removes the sockets, and returns
// when no goroutine of the server is left.
func (s *Server) Shutdown(ctx context.Context) error { return nil }
