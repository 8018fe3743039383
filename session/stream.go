package session

import (
	"context"
	"errors"
	"time"
)

// Causes that end a stream; what the stream's context was cancelled with.
var (
	ErrRevoked  = errors.New("session revoked")
	ErrPolicy   = errors.New("no longer admitted by the rules")
	ErrExpired  = errors.New("session expired")
	ErrToken    = errors.New("access token expired or revoked")
	ErrShutdown = errors.New("gatehouse is shutting down")
)

// afterToken is how long a standing stream outlives the access token it came with (SS-05).
const afterToken = 5 * time.Minute

// Stream is one running answer.
type Stream struct {
	JTI        string    // of the access token it came with; RevokeJTI cuts it
	JTIExpires time.Time // of that token; zero = none
	Standing   bool      // closed 5 min after JTIExpires; a running answer is not
}

// stream is a link of its session's list: no goroutine and no timer belongs to it.
type stream struct {
	prev, next *stream
	session    *Session
	cancel     context.CancelCauseFunc
	expires    int64 // ms of JTIExpires
	jti        string
	standing   bool
	released   bool // guarded by session.mu
}

// Track registers a running answer until release, which may be called more than once. cancel is called with the cause
// when the answer must end, at once if s has ended already; it may be called more than once, and must not block.
func (r *Registry) Track(s *Session, st Stream, cancel context.CancelCauseFunc) (release func()) {
	t := &stream{
		session: s, cancel: cancel, expires: toMS(st.JTIExpires), jti: st.JTI, standing: st.Standing,
	}
	if cause := r.link(t); cause != nil {
		cancel(cause)
		return func() {}
	}
	if t.jti != "" && r.JTIRevoked(t.jti) { // between Authenticate and here
		cancel(ErrToken)
	}
	return func() { r.unlink(t) }
}

func (r *Registry) link(t *stream) error {
	s := t.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.over.Load(); e != nil {
		return e.cause
	}
	// Whoever is not in the registry cannot be found by a revocation, so it gets no stream.
	if s.gone {
		return ErrExpired
	}
	if t.next = s.head; t.next != nil {
		t.next.prev = t
	}
	s.head = t
	r.streamsMu.Lock()
	defer r.streamsMu.Unlock()
	if s.streams.Add(1) == 1 {
		r.streaming[s] = struct{}{}
	}
	return nil
}

func (r *Registry) unlink(t *stream) {
	s := t.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.released {
		return
	}
	t.released = true
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		s.head = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.prev, t.next = nil, nil
	r.streamsMu.Lock()
	defer r.streamsMu.Unlock()
	if s.streams.Add(-1) == 0 {
		delete(r.streaming, s)
	}
}

// CutStreams ends the streams of every session that match picks, not the sessions, and says how many.
func (r *Registry) CutStreams(match func(*Session) bool, cause error) (cut int) {
	for _, s := range r.streamingNow() {
		if match == nil || match(s) {
			cut += s.cut(cause, nil)
		}
	}
	return cut
}

// CutStanding ends all standing streams and leaves running answers alone.
func (r *Registry) CutStanding(cause error) (cut int) {
	for _, s := range r.streamingNow() {
		cut += s.cut(cause, func(t *stream) bool { return t.standing })
	}
	return cut
}

func (r *Registry) streamingNow() []*Session {
	r.streamsMu.Lock()
	defer r.streamsMu.Unlock()
	all := make([]*Session, 0, len(r.streaming))
	for s := range r.streaming {
		all = append(all, s)
	}
	return all
}

// cut cancels the streams that match picks, nil = all. The lock is not held meanwhile: cancel is somebody else's code.
func (s *Session) cut(cause error, match func(*stream) bool) int {
	s.mu.Lock()
	var cancels []context.CancelCauseFunc
	for t := s.head; t != nil; t = t.next {
		if match == nil || match(t) {
			cancels = append(cancels, t.cancel)
		}
	}
	s.mu.Unlock()
	for _, cancel := range cancels {
		cancel(cause)
	}
	return len(cancels)
}

// end marks s as over and cuts its streams; first is false if it was over before. After the mark no stream begins.
func (s *Session) end(e ending) (first bool, cut int) {
	s.mu.Lock()
	if s.over.Load() != nil {
		s.mu.Unlock()
		return false, 0
	}
	e.cut = int(s.streams.Load())
	s.over.Store(&e)
	s.mu.Unlock()
	return true, s.cut(e.cause, nil)
}
