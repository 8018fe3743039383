package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/limit"
	"gatehouse/policy"
	"gatehouse/session"
)

// Authenticator says who calls. oauth's Gate is one.
type Authenticator interface {
	// Authenticate answers *session.AuthError for a refusal; any other error refuses with 503.
	Authenticate(*http.Request, *config.Proxy) (session.Caller, error)
	// Challenge is the WWW-Authenticate value that goes with a refusal, "" for none.
	Challenge(*config.Proxy, *session.AuthError) string
}

// Sessions is the part of session.Registry that a request needs.
type Sessions interface {
	Anonymous(proxy, ip string) *session.Session
	Touch(s *session.Session, ip string)
	Track(s *session.Session, st session.Stream, cancel context.CancelCauseFunc) (release func())
	OpenStream(proxy string, standing bool, max int) bool
	CloseStream(proxy string, standing bool)
	StreamsFull(proxy string, max int) bool
}

// Recorder is the part of audit.Log that a request needs. Record and Done do not keep the event.
type Recorder interface {
	Record(*audit.Event) error
	Done(*audit.Event)
	RefusedAnonymous(*audit.Event)
	Arguments(mode string, args []byte) string
}

// Catalogue is told which tools an upstream has and how they are used.
type Catalogue interface {
	Seen(proxy string, tools []Tool)
	// Called is told of every decision about a tool.
	Called(proxy, tool string, allowed bool)
}

// Tool is a tool as its upstream describes it.
type Tool struct {
	Name        string
	Description string
	Hash        string // over name, description and schemas
}

// Observer counts requests. stream: the answer was a stream, whose length in time says nothing.
type Observer interface {
	Observe(proxy, outcome string, took time.Duration, stream bool)
}

var (
	_ Sessions = (*session.Registry)(nil)
	_ Recorder = (*audit.Log)(nil)
)

// Handler guards one proxy under one configuration. The caller has checked Host and path, and has set a read deadline for
// the body, which he takes away when he sees its end. It is used as a struct literal
// and must not be copied after its first request.
type Handler struct {
	Proxy     *config.Proxy
	Config    *config.Config
	Policy    *policy.Policy
	Auth      Authenticator
	Sessions  Sessions
	Limits    *limit.Buckets
	Audit     Recorder
	Catalogue Catalogue         // nil: nobody is told
	Transport http.RoundTripper // from NewTransport, kept over reloads while TransportKey is the same
	// SessionKey is at least 16 random bytes that outlive restarts; session ids of upstreams are sealed with it.
	SessionKey []byte
	Now        func() time.Time           // nil: time.Now
	Logger     *slog.Logger               // nil: silent
	RequestID  func(*http.Request) string // the id that the answer, the log and the audit line carry
	ClientIP   func(*http.Request) string // the address that limits and audit use
	Metrics    Observer                   // nil: not counted
	Blocked    func(policy.Identity) bool // nil: nobody is blocked
	// Still says whether the configuration that is in force now admits the session. It is asked once the stream is tracked:
	// a reload cuts the streams that it finds, and one that was judged before it and tracked after it would be missed.
	// Nil: yes.
	Still func(*session.Session) bool

	once sync.Once
	made made
	err  error
}

// Init prepares the handler and reports what is wrong with its parts. ServeHTTP calls it when nobody else did; a proxy
// whose Init failed answers 503 to everything.
func (h *Handler) Init() error {
	h.once.Do(func() { h.err = h.prepare() })
	return h.err
}

// ServeHTTP is the order of everything that can refuse a request. Each step answers by itself and returns false when it
// refused; none calls another.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := h.begin(w, r)
	defer x.end()
	switch {
	case !x.ready():
	case !x.origin():
	case !x.authenticate(): // before form: who is not signed in gets the challenge, whatever he sent
	case !x.enter():
	case !x.limit():
	case !x.form():
	case !x.read():
	case !x.unseal():
	case !x.decide():
	case !x.place():
	case !x.record():
	default:
		x.forward()
		x.pump()
	}
}
