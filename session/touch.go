package session

import (
	"context"
	"fmt"

	"gatehouse/store"
)

// touchBatch bounds one transaction, so that a sign-in need not wait behind a hundred thousand touches.
const touchBatch = 500

// Touch notes a request. It takes no lock and does no I/O; the store hears of it within 2 s.
func (r *Registry) Touch(s *Session, ip string) {
	s.touch(r.now().UnixMilli())
	s.requests.Add(1)
	if p := s.ip.Load(); ip != "" && (p == nil || *p != ip) {
		to := ip
		s.ip.Store(&to)
	}
	if s.Kind != KindOpen {
		s.delta.Add(1)
		r.soil(s)
	}
}

func (s *Session) touch(now int64) {
	s.last.Store(now)
	if s.idleTTL > 0 {
		s.idle.Store(now + s.idleTTL.Milliseconds())
	}
}

// soil puts s on the stack of sessions to write, where it is at most once.
func (r *Registry) soil(s *Session) {
	if !s.dirty.CompareAndSwap(false, true) {
		return
	}
	for {
		top := r.dirty.Load()
		s.next = top
		if r.dirty.CompareAndSwap(top, s) {
			return
		}
	}
}

// Flush writes all touches. What could not be written is tried again with the next Flush.
func (r *Registry) Flush(ctx context.Context) error {
	r.flushM.Lock()
	defer r.flushM.Unlock()
	var touched []*Session
	for s := r.dirty.Swap(nil); s != nil; {
		next := s.next
		s.next = nil
		s.dirty.Store(false) // before the values are read: a later touch puts it on the new stack
		touched = append(touched, s)
		s = next
	}
	for len(touched) > 0 {
		n := min(len(touched), touchBatch)
		if err := r.flush(ctx, touched[:n]); err != nil {
			for _, s := range touched[n:] {
				r.soil(s)
			}
			return fmt.Errorf("write touches: %w", err)
		}
		touched = touched[n:]
	}
	return nil
}

func (r *Registry) flush(ctx context.Context, sessions []*Session) error {
	touches := make([]store.Touch, len(sessions))
	for i, s := range sessions {
		touches[i] = store.Touch{ID: s.ID, Last: s.Last(), IdleExpires: s.IdleExpires(), Requests: s.delta.Swap(0), IP: s.IP()}
	}
	err := r.store.TouchSessions(ctx, touches)
	if err != nil {
		for i, s := range sessions {
			s.delta.Add(touches[i].Requests)
			r.soil(s)
		}
	}
	return err
}
