// Package session knows who is inside now.
package session

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gatehouse/audit"
	"gatehouse/policy"
	"gatehouse/store"
)

// Causes that end a stream, and ErrEnded, which Get answers for a session that is over.
var (
	ErrEnded    = errors.New("session ended")
	ErrRevoked  = errors.New("session revoked")
	ErrPolicy   = errors.New("no longer admitted by the rules")
	ErrExpired  = errors.New("session expired")
	ErrShutdown = errors.New("gatehouse is shutting down")
)

// Session is live.
type Session struct {
	ID, Kind, Proxy, Sub       string
	ClientID, ClientName, Auth string
	Scope                      string
	Created, Expires           time.Time
}

func (s *Session) Identity() policy.Identity     { return policy.Identity{} }
func (s *Session) IdentityRef() *policy.Identity { return nil }
func (s *Session) Derived() any                  { return nil }
func (s *Session) Derive(v any)                  {}
func (s *Session) Last() time.Time               { return time.Time{} }
func (s *Session) IdleExpires() time.Time        { return time.Time{} }
func (s *Session) Checked() time.Time            { return time.Time{} }
func (s *Session) Requests() int64               { return 0 }
func (s *Session) Streams() int                  { return 0 }
func (s *Session) IP() string                    { return "" }
func (s *Session) Revoked() (bool, string)       { return true, "" }
func (s *Session) State(now time.Time) string    { return "" }
func (s *Session) Info(now time.Time) Info       { return Info{} }

// Info is a session as sockets and feeds show it.
type Info struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind"`
	Sub         string    `json:"sub"`
	User        string    `json:"user"`
	Email       string    `json:"email"`
	Provider    string    `json:"provider"`
	Proxy       string    `json:"proxy"`
	ClientID    string    `json:"client_id"`
	ClientName  string    `json:"client_name"`
	Auth        string    `json:"auth"`
	Scope       string    `json:"scope"`
	IP          string    `json:"ip"`
	Created     time.Time `json:"created"`
	Last        time.Time `json:"last"`
	Expires     time.Time `json:"expires"`
	IdleExpires time.Time `json:"idle_expires"`
	Requests    int64     `json:"requests"`
	Streams     int       `json:"streams"`
	State       string    `json:"state"`
}

// Recorder is the audit log.
type Recorder interface{ Record(*audit.Event) error }

// Store is what a Registry needs of the store.
type Store interface {
	PutSession(ctx context.Context, s store.Session) error
	Session(ctx context.Context, id string) (store.Session, error)
	LiveSessions(ctx context.Context, now time.Time) ([]store.Session, error)
	TouchSessions(ctx context.Context, touches []store.Touch) error
	RevokeSessions(ctx context.Context, ids []string, at time.Time, by, reason string) ([]string, error)
	UpdateIdentity(ctx context.Context, id string, identity []byte, checked time.Time) error
	EndLapsed(ctx context.Context, now time.Time) ([]store.Session, error)
	ExpireSessions(ctx context.Context, now time.Time) error
	RevokeJTI(ctx context.Context, jti string, exp time.Time, sessionID string) error
	RevokedJTIs(ctx context.Context, now time.Time) ([]store.JTI, error)
}

// Options are the parts of a Registry.
type Options struct {
	Store  Store
	Audit  Recorder         // nil = records nothing
	Now    func() time.Time // nil = time.Now
	Logger *slog.Logger     // nil = silent
}

// Registry is the sessions that are live in this process.
type Registry struct{}

func NewRegistry(o Options) *Registry { return nil }

func (r *Registry) Run(ctx context.Context)         {}
func (r *Registry) Flush(ctx context.Context) error { return ErrEnded }
func (r *Registry) Open(ctx context.Context, s store.Session) (*Session, error) {
	return nil, ErrEnded
}
func (r *Registry) Adopt(s store.Session) *Session                        { return nil }
func (r *Registry) Get(ctx context.Context, id string) (*Session, error)  { return nil, ErrEnded }
func (r *Registry) Anonymous(proxy, ip string) *Session                   { return nil }
func (r *Registry) Touch(s *Session, ip string)                           {}
func (r *Registry) List(ctx context.Context) ([]*Session, error)          { return nil, ErrEnded }
func (r *Registry) Snapshot() []*Session                                  { return nil }
func (r *Registry) StreamCount(proxy string) int                          { return 0 }
func (r *Registry) CutStreams(match func(*Session) bool, cause error) int { return 0 }
func (r *Registry) JTIRevoked(jti string) bool                            { return true }
func (r *Registry) Publish(typ string, data any)                          {}
func (r *Registry) Subscribe(since uint64) (*Subscription, error)         { return nil, ErrGone }
func (r *Registry) UpdateIdentity(ctx context.Context, id string, who policy.Identity, checked time.Time) error {
	return ErrEnded
}
func (r *Registry) RevokeJTI(ctx context.Context, jti string, exp time.Time, sid string) error {
	return ErrEnded
}

// Stream is one live answer.
type Stream struct {
	Proxy      string
	Kind       string    // request, standing, …
	JTI        string    // of the access token it came with; RevokeJTI cuts it
	JTIExpires time.Time // of that token
	Standing   bool      // closed 5 min after JTIExpires; others run on
}

// Track registers a stream; cancel is called with the cause when it must end, at once if s already ended.
func (r *Registry) Track(s *Session, st Stream, cancel context.CancelCauseFunc) (release func()) {
	return func() {}
}

// RevokeRequest says whom to end: IDs, and whoever Match picks among all live sessions.
type RevokeRequest struct {
	IDs        []string
	Match      func(*Session) bool
	Reason, By string
	Cause      error // nil = ErrRevoked
	DryRun     bool
}

// RevokeResult is what ended, or would.
type RevokeResult struct {
	IDs      []string
	Streams  int
	Sessions []Info
}

func (r *Registry) Revoke(ctx context.Context, q RevokeRequest) (RevokeResult, error) {
	return RevokeResult{}, ErrEnded
}

// Caller is what an authenticated request carries.
type Caller struct {
	Session      *Session
	JTI          string
	TokenExpires time.Time
	Token        string // digest for audit; may be ""
}

// AuthError refuses a request.
type AuthError struct {
	Status      int
	Code        string // "" (no credentials), invalid_token, invalid_request
	Description string
	Reason      string
	Err         error
}

func (e *AuthError) Error() string { return e.Reason }

// ErrGone: the events asked for are no longer kept.
var ErrGone = errors.New("events are no longer kept")

// Event is something that happened.
type Event struct {
	Seq  uint64    `json:"seq"`
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	Data any       `json:"data"`
}

// Subscription is closed (C too) by Close or when its reader is too slow.
type Subscription struct{ C <-chan Event }

func (s *Subscription) Close() {}
