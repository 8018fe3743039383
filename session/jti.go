package session

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// revokedJTIs are access tokens that ended alone, until they expire.
type revokedJTIs struct {
	loaded atomic.Bool
	n      atomic.Int64 // len of until
	loadM  sync.Mutex   // one load at a time
	mu     sync.RWMutex // guards until
	until  map[string]time.Time
}

func (j *revokedJTIs) init() { j.until = map[string]time.Time{} }

func (j *revokedJTIs) add(id string, exp time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.until[id] = exp
	j.n.Store(int64(len(j.until)))
}

func (j *revokedJTIs) tidy(now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for id, exp := range j.until {
		if !now.Before(exp) {
			delete(j.until, id)
		}
	}
	j.n.Store(int64(len(j.until)))
}

// RevokeJTI ends one access token, durably first, and cuts the streams it opened in its session.
func (r *Registry) RevokeJTI(ctx context.Context, jti string, exp time.Time, sid string) error {
	if err := r.store.RevokeJTI(ctx, jti, exp, sid); err != nil {
		return err
	}
	r.jtis.add(jti, exp)
	r.mu.RLock()
	s := r.live[sid]
	r.mu.RUnlock()
	if s != nil {
		s.cut(ErrToken, func(t *stream) bool { return t.jti == jti })
	}
	return nil
}

// JTIRevoked says whether an access token was revoked alone. The first call reads the store; as long as that fails every
// token counts as revoked, since nobody can know.
func (r *Registry) JTIRevoked(jti string) bool {
	j := &r.jtis
	if !j.loaded.Load() && !r.loadJTIs() {
		return true
	}
	if j.n.Load() == 0 {
		return false
	}
	j.mu.RLock()
	defer j.mu.RUnlock()
	_, found := j.until[jti]
	return found
}

func (r *Registry) loadJTIs() bool {
	j := &r.jtis
	j.loadM.Lock()
	defer j.loadM.Unlock()
	if j.loaded.Load() {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	all, err := r.store.RevokedJTIs(ctx, r.now())
	if err != nil {
		r.log.Error("read revoked access tokens", "err", err)
		return false
	}
	for _, one := range all {
		j.add(one.ID, one.Expires)
	}
	j.loaded.Store(true)
	return true
}
