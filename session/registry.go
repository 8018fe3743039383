package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"gatehouse/audit"
	"gatehouse/policy"
	"gatehouse/store"
)

// ErrEnded is what Get answers for a session that is over; its text says why.
var ErrEnded = errors.New("session ended")

const (
	touchEvery  = 2 * time.Second
	lapseEvery  = 10 * time.Second
	tidyEvery   = time.Minute
	deleteEvery = time.Hour

	keepUnused  = 10 * time.Minute // in memory
	keepMark    = 2 * time.Minute  // longer than any read of the store takes
	readTimeout = 5 * time.Second
)

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

var _ Store = (*store.Store)(nil)

// Options are the parts of a Registry.
type Options struct {
	Store  Store            // needed
	Audit  Recorder         // nil = session.ended is not recorded
	Now    func() time.Time // nil = time.Now
	Logger *slog.Logger     // nil = silent
}

// Registry is the sessions of this process. It is safe for concurrent use.
type Registry struct {
	store Store
	audit Recorder
	now   func() time.Time
	log   *slog.Logger

	mu    sync.RWMutex // guards live and marks
	live  map[string]*Session
	marks map[string]mark

	flight singleflight.Group
	dirty  atomic.Pointer[Session] // stack of touched sessions
	flushM sync.Mutex              // one Flush at a time

	streamsMu sync.Mutex // guards streaming; taken after Session.mu
	streaming map[*Session]struct{}
	slots     slots

	jtis revokedJTIs
	feed feed
}

// mark is what changed about a session a moment ago, for whoever was reading its row from the store meanwhile: without
// it such a reader would bring a revoked session back to life.
type mark struct {
	over    *ending
	who     *policy.Identity
	checked int64
	at      time.Time
}

// NewRegistry does no I/O. Run is to be called, and waited for.
func NewRegistry(o Options) *Registry {
	r := &Registry{
		store: o.Store, audit: o.Audit, now: o.Now, log: o.Logger,
		live: map[string]*Session{}, marks: map[string]mark{},
		streaming: map[*Session]struct{}{}, slots: slots{open: map[string]opened{}},
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.jtis.init()
	r.feed.init(r.now())
	return r
}

// NewID is a fresh session id.
func NewID() string { return "s_" + rand.Text() }

// Open writes a new session, durably, and adopts it. An empty ID is filled.
func (r *Registry) Open(ctx context.Context, row store.Session) (*Session, error) {
	if row.ID == "" {
		row.ID = NewID()
	}
	if err := r.store.PutSession(ctx, row); err != nil {
		return nil, err
	}
	return r.Adopt(row), nil
}

// Adopt takes in a session whose row the caller has just written himself. One that was revoked in between comes back
// revoked. It publishes session.opened; the audit line is the caller's, who knows the request.
func (r *Registry) Adopt(row store.Session) *Session {
	s, err := fromRow(row)
	if err != nil { // the caller's own bytes; Get refuses whoever has no readable identity
		s.over.Store(&ending{cause: ErrEnded, reason: "damaged"})
		return s
	}
	s.slack = 0 // nothing was lost: it is new
	s = r.keep(s)
	r.Publish("session.opened", s.Info(r.now()))
	return s
}

// Get finds a live session, in memory or in the store. A session that is over is ErrEnded, an unknown one
// store.ErrNotFound; any error is a refusal.
func (r *Registry) Get(ctx context.Context, id string) (*Session, error) {
	now := r.now()
	r.mu.RLock()
	s := r.live[id]
	if s != nil {
		// Inside the lock: a session that Get returned is not forgotten while its request is on the way to Track.
		if at := now.UnixMilli(); at-s.seen.Load() > 1000 {
			s.seen.Store(at)
		}
	}
	r.mu.RUnlock()
	if s == nil {
		var err error
		if s, err = r.load(ctx, id); err != nil {
			return nil, err
		}
	}
	if e := s.over.Load(); e != nil {
		return nil, fmt.Errorf("%w: %s", ErrEnded, e.reason)
	}
	if why := s.lapsed(now); why != "" {
		return nil, fmt.Errorf("%w: %s", ErrEnded, why)
	}
	return s, nil
}

// load reads one row, once for all who ask at the same time.
func (r *Registry) load(ctx context.Context, id string) (*Session, error) {
	v, err, _ := r.flight.Do(id, func() (any, error) {
		// One caller's hang-up must not refuse the others.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
		defer cancel()
		row, err := r.store.Session(ctx, id)
		if err != nil {
			return nil, err
		}
		s, err := fromRow(row)
		if err != nil {
			return nil, err
		}
		if s.over.Load() != nil || s.lapsed(r.now()) != "" {
			return s, nil // memory is for the living
		}
		return r.keep(s), nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*Session), nil
}

// keep puts s into memory, unless it is there already or ended while its row was read.
func (r *Registry) keep(s *Session) *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if have := r.live[s.ID]; have != nil {
		return have
	}
	if m, found := r.marks[s.ID]; found {
		if m.over != nil {
			s.over.Store(m.over)
			return s
		}
		if m.who != nil && m.checked >= s.checked.Load() {
			s.who.Store(m.who)
			s.checked.Store(m.checked)
		}
	}
	s.seen.Store(r.now().UnixMilli())
	s.gone = false
	r.live[s.ID] = s
	return s
}

// Anonymous is a caller on an open proxy: never stored, and listed only while it has a stream.
func (r *Registry) Anonymous(proxy, ip string) *Session {
	s := &Session{ID: "o_" + rand.Text(), Kind: KindOpen, Proxy: proxy, Auth: "none", Created: r.now().UTC()}
	id := policy.Anon()
	s.Sub = id.Sub
	s.who.Store(&id)
	s.ip.Store(&ip)
	s.last.Store(toMS(s.Created))
	return s
}

// UpdateIdentity replaces what is known of a person, in the store first.
func (r *Registry) UpdateIdentity(ctx context.Context, id string, who policy.Identity, checked time.Time) error {
	text, err := json.Marshal(who)
	if err != nil {
		return err
	}
	if err := r.store.UpdateIdentity(ctx, id, text, checked); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.marks[id]
	m.who, m.checked, m.at = &who, toMS(checked), r.now()
	r.marks[id] = m
	if s := r.live[id]; s != nil {
		s.who.Store(&who)
		s.checked.Store(m.checked)
	}
	return nil
}
