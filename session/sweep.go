package session

import (
	"context"
	"time"
)

// Run writes touches every 2 s, ends what is past its limits, and forgets what nobody uses, until ctx ends; then it writes
// the last touches. Its caller waits for it.
func (r *Registry) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
			defer cancel()
			if err := r.Flush(ctx); err != nil {
				r.log.Error("last touches are lost", "err", err)
			}
			return
		case <-tick.C:
			r.tick(ctx, time.Duration(n)*time.Second)
		}
	}
}

// tick is what is due at a second of Run's life.
func (r *Registry) tick(ctx context.Context, at time.Duration) {
	r.sweepStreams(r.now())
	if at%touchEvery != 0 {
		return
	}
	err := r.Flush(ctx)
	if err != nil {
		r.log.Error("touches wait", "err", err)
	}
	// A row whose touches could not be written looks older than the session is: then nobody is ended for being idle.
	if at%lapseEvery == 0 && err == nil {
		if err := r.endLapsed(ctx); err != nil {
			r.log.Error("end lapsed sessions", "err", err)
		}
	}
	if at%tidyEvery == 0 {
		r.tidy(r.now())
	}
	if at%deleteEvery == 0 {
		if err := r.store.ExpireSessions(ctx, r.now()); err != nil {
			r.log.Error("delete old sessions", "err", err)
		}
	}
}

// sweepStreams looks at the sessions that have streams, once a second: it stands in for a timer per stream.
func (r *Registry) sweepStreams(now time.Time) {
	late := now.Add(-afterToken).UnixMilli()
	for _, s := range r.streamingNow() {
		if s.Kind != KindOpen {
			r.stayAwake(s, now)
		}
		if why := s.lapsed(now); why != "" {
			s.end(ending{cause: ErrExpired, reason: why, by: "system", at: now})
			continue
		}
		s.cut(ErrToken, func(t *stream) bool { return t.standing && t.expires != 0 && t.expires <= late })
	}
}

// stayAwake: who waits for a long answer is not idle, although he sends nothing. A standing stream does not count; it
// would keep a forgotten client signed in.
func (r *Registry) stayAwake(s *Session, now time.Time) {
	idle := s.idle.Load()
	if idle == 0 || s.over.Load() != nil || now.UnixMilli() < idle-s.idleTTL.Milliseconds()/2 || s.lapsed(now) != "" {
		return
	}
	s.mu.Lock()
	running := false
	for t := s.head; t != nil && !running; t = t.next {
		running = !t.standing
	}
	s.mu.Unlock()
	if running {
		s.idle.Store(now.UnixMilli() + s.idleTTL.Milliseconds())
		r.soil(s)
	}
}

// endLapsed marks in the store what is past its limits, so that a clock set back wakes nobody, and announces it.
func (r *Registry) endLapsed(ctx context.Context) error {
	rows, err := r.store.EndLapsed(ctx, r.now())
	if err != nil || len(rows) == 0 {
		return err
	}
	ended := make([]*Session, 0, len(rows))
	for _, row := range rows {
		s, err := fromRow(row)
		if err != nil {
			r.log.Error("ended a session", "err", err)
		}
		over := s.over.Swap(nil)
		objects, _ := r.finish([]*Session{s}, ending{cause: ErrExpired, reason: over.reason, by: over.by, at: over.at})
		ended = append(ended, objects...)
	}
	return r.announce(ended)
}

// tidy forgets sessions that nobody used for a while, ended ones, and marks that no reader can need any more.
func (r *Registry) tidy(now time.Time) {
	r.jtis.tidy(now)
	unused := now.Add(-keepUnused).UnixMilli()
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, m := range r.marks {
		if now.Sub(m.at) > keepMark {
			delete(r.marks, id)
		}
	}
	for id, s := range r.live {
		over := s.over.Load()
		switch {
		case s.streams.Load() > 0 || s.dirty.Load():
		case over != nil && now.Sub(over.at) > keepMark,
			over == nil && max(s.seen.Load(), s.last.Load()) < unused:
			r.forget(id, s)
		}
	}
}

// forget is called with mu held.
func (r *Registry) forget(id string, s *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams.Load() > 0 { // one began just now
		return
	}
	s.gone = true
	delete(r.live, id)
}
