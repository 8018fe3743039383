package session

import "context"

// List is every live session, those that only the store remembers too, and open ones that have a stream.
func (r *Registry) List(ctx context.Context) ([]*Session, error) {
	now := r.now()
	rows, err := r.store.LiveSessions(ctx, now)
	if err != nil {
		return nil, err
	}
	all := r.Snapshot()
	known := make(map[string]bool, len(all))
	for _, s := range all {
		known[s.ID] = true
	}
	for _, row := range rows {
		if known[row.ID] {
			continue
		}
		s, err := fromRow(row)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	live := all[:0]
	for _, s := range all {
		if s.over.Load() == nil && s.lapsed(now) == "" {
			live = append(live, s)
		}
	}
	return live, nil
}

// Snapshot is what is in memory: sessions used lately, also ones that just ended, and open ones that have a stream.
func (r *Registry) Snapshot() []*Session {
	r.mu.RLock()
	all := make([]*Session, 0, len(r.live))
	for _, s := range r.live {
		all = append(all, s)
	}
	r.mu.RUnlock()
	r.streamsMu.Lock()
	defer r.streamsMu.Unlock()
	for s := range r.streaming {
		if s.Kind == KindOpen {
			all = append(all, s)
		}
	}
	return all
}
