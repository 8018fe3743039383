package session

import (
	"context"
	"errors"
	"strconv"

	"golang.org/x/sync/errgroup"

	"gatehouse/audit"
	"gatehouse/store"
)

// recordAtOnce is how many audit lines wait for the disk together: the log commits them as a group.
const recordAtOnce = 32

// RevokeRequest says whom to end: IDs, and whoever Match picks among all live sessions.
type RevokeRequest struct {
	IDs        []string
	Match      func(*Session) bool
	Reason, By string
	Cause      error // what the streams are told; nil = ErrRevoked
	DryRun     bool  // say who would be ended, change nothing
}

// RevokeResult is who was ended, or would be.
type RevokeResult struct {
	IDs      []string
	Streams  int
	Sessions []Info
}

// Ended is the data of the feed's session.ended.
type Ended struct {
	Info
	Reason string `json:"reason"`
	By     string `json:"by"`
	Cut    int    `json:"cut"` // streams
}

// Revoke ends sessions. The store comes first: when it fails, nothing happened, nothing is cut and the error is returned,
// so that nobody is told of a revocation that a restart would undo. Then the streams are cut, the audit log gets a
// session.ended for each, and the feed. An error with a filled result means that they are over but the record failed.
func (r *Registry) Revoke(ctx context.Context, q RevokeRequest) (RevokeResult, error) {
	targets, err := r.targets(ctx, q)
	if err != nil {
		return RevokeResult{}, err
	}
	if q.DryRun {
		return r.wouldEnd(targets), nil
	}
	if q.Cause == nil {
		q.Cause = ErrRevoked
	}
	now := r.now()
	var stored, changed []string
	for _, s := range targets {
		if s.Kind == KindOpen {
			changed = append(changed, s.ID)
		} else {
			stored = append(stored, s.ID)
		}
	}
	done, err := r.store.RevokeSessions(ctx, stored, now, q.By, q.Reason)
	if err != nil {
		return RevokeResult{}, err
	}
	changed = append(changed, done...)
	e := ending{cause: q.Cause, reason: q.Reason, by: q.By, at: now}
	// Sessions the store had ended before are cut here too, but they are nobody's news.
	objects, cuts := r.finish(targets, e)
	var result RevokeResult
	var news []*Session
	ended := make(map[string]bool, len(changed))
	for _, id := range changed {
		ended[id] = true
	}
	for i, s := range objects {
		result.Streams += cuts[i]
		if ended[s.ID] {
			result.IDs = append(result.IDs, s.ID)
			result.Sessions = append(result.Sessions, s.Info(now))
			news = append(news, s)
		}
	}
	return result, r.announce(news)
}

// targets are the sessions of a request, each once.
func (r *Registry) targets(ctx context.Context, q RevokeRequest) ([]*Session, error) {
	var all []*Session
	known := map[string]bool{}
	add := func(s *Session) {
		if !known[s.ID] {
			known[s.ID] = true
			all = append(all, s)
		}
	}
	if q.Match != nil {
		live, err := r.List(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range live {
			if q.Match(s) {
				add(s)
			}
		}
	}
	for _, id := range q.IDs {
		if known[id] {
			continue
		}
		s, err := r.find(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound): // there is nothing to end
		case err != nil:
			return nil, err
		default:
			add(s)
		}
	}
	return all, nil
}

// find returns a session in whatever state, from memory or from the store.
func (r *Registry) find(ctx context.Context, id string) (*Session, error) {
	r.mu.RLock()
	s := r.live[id]
	r.mu.RUnlock()
	if s != nil {
		return s, nil
	}
	for _, s := range r.streamingNow() { // an open session is one as long as it has a stream
		if s.ID == id {
			return s, nil
		}
	}
	row, err := r.store.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	s, _ = fromRow(row) // one with damaged data can be ended as well
	return s, nil
}

func (r *Registry) wouldEnd(targets []*Session) (result RevokeResult) {
	now := r.now()
	for _, s := range targets {
		info := s.Info(now)
		if info.State == Revoked {
			continue
		}
		result.IDs = append(result.IDs, s.ID)
		result.Sessions = append(result.Sessions, info)
		result.Streams += info.Streams
	}
	return result
}

// finish ends sessions in memory, leaves a mark for whoever reads their rows at this moment, and returns the objects
// that count (the registry's own where it has one) with the streams cut of each.
func (r *Registry) finish(targets []*Session, e ending) (objects []*Session, cuts []int) {
	objects, cuts = make([]*Session, len(targets)), make([]int, len(targets))
	r.mu.Lock()
	for i, s := range targets {
		if s.Kind != KindOpen {
			m := r.marks[s.ID]
			m.over, m.at = &e, e.at
			r.marks[s.ID] = m
		}
		if have := r.live[s.ID]; have != nil {
			s = have
		}
		objects[i] = s
	}
	r.mu.Unlock()
	for i, s := range objects {
		_, cuts[i] = s.end(e)
	}
	return objects, cuts
}

// announce records and publishes what ended. Every line is tried; the errors come together.
func (r *Registry) announce(ended []*Session) error {
	var g errgroup.Group
	g.SetLimit(recordAtOnce)
	errs := make([]error, len(ended))
	for i, s := range ended {
		if r.audit == nil {
			break
		}
		g.Go(func() error {
			errs[i] = r.audit.Record(endedEvent(s))
			return nil
		})
	}
	g.Wait()
	now := r.now()
	for _, s := range ended {
		e := s.over.Load()
		r.Publish("session.ended", Ended{Info: s.Info(now), Reason: e.reason, By: e.by, Cut: e.cut})
	}
	return errors.Join(errs...)
}

func endedEvent(s *Session) *audit.Event {
	e, who := s.over.Load(), s.IdentityRef()
	id := s.Sub
	if who.Issuer != "" {
		id = who.Provider + "|" + who.Issuer + "|" + who.Subject
	}
	kind := s.Kind
	if kind == KindOpen {
		kind = "anonymous"
	}
	return &audit.Event{
		Event: "session.ended", Action: "end", Outcome: audit.Allowed,
		Req: audit.Req{Proxy: s.Proxy},
		Actor: audit.Actor{
			Type: kind, ID: id, Name: who.Name, Email: who.Email, Auth: s.Auth,
			ClientID: s.ClientID, ClientName: s.ClientName, Session: s.ID,
		},
		Src:    audit.Src{IP: s.IP()},
		Target: audit.Target{Kind: "session", Name: s.ID},
		Detail: map[string]string{
			"cause": causeName(e.cause), "why": e.reason, "by": e.by,
			"streams": strconv.Itoa(e.cut), "requests": strconv.FormatInt(s.Requests(), 10),
		},
	}
}

func causeName(err error) string {
	switch {
	case errors.Is(err, ErrRevoked):
		return "revoked"
	case errors.Is(err, ErrPolicy):
		return "policy"
	case errors.Is(err, ErrExpired):
		return "expired"
	case errors.Is(err, ErrToken):
		return "token"
	case errors.Is(err, ErrShutdown):
		return "shutdown"
	}
	return "ended"
}
