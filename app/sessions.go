package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/audit"
	"gatehouse/control"
	"gatehouse/oauth"
	"gatehouse/session"
	"gatehouse/store"
)

// Sessions lists who is inside, the most recently used first.
func (b backend) Sessions(ctx context.Context, f control.SessionFilter) ([]control.Session, error) {
	now := b.world.Load()
	all, err := b.sessions.List(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	var out []control.Session
	for _, s := range all {
		if w := b.wireSession(now, s); f.Match(w, b.now()) {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b control.Session) int { return b.Last.Compare(a.Last) })
	return out, ctx.Err()
}

// Session is one session; an id may be shortened as long as it is unique.
func (b backend) Session(ctx context.Context, id string) (control.Session, error) {
	all, err := b.sessions.List(ctx)
	if err != nil {
		return control.Session{}, storeError(err)
	}
	s, err := sessionByID(all, id)
	if err != nil {
		return control.Session{}, err
	}
	return b.wireSession(b.world.Load(), s), nil
}

func sessionByID(all []*session.Session, id string) (*session.Session, error) {
	var found *session.Session
	for _, s := range all {
		switch {
		case s.ID == id:
			return s, nil
		case len(id) >= 4 && strings.HasPrefix(s.ID, id):
			if found != nil {
				return nil, control.BadRequest("%q is the beginning of several session ids", id)
			}
			found = s
		}
	}
	if found == nil {
		return nil, control.NotFound("no session %q", id)
	}
	return found, nil
}

func (h *house) wireSession(now *world, s *session.Session) control.Session {
	id := s.Identity()
	return control.Session{
		ID: s.ID, User: id.Sub, Subject: id.Subject, Email: id.Email, Provider: id.Provider, Proxy: s.Proxy, ClientID: s.ClientID, ClientName: s.ClientName,
		Groups: now.policy.Subject(id, false).Groups, Auth: s.Auth, Created: s.Created, Last: s.Last(), Expires: s.Expires,
		IdleExpires: s.IdleExpires(), Requests: s.Requests(), Streams: s.Streams(), State: s.State(h.now()), IP: s.IP(),
	}
}

// RevokeSessions is the fourth route: store first, then the streams, then the record. What it answers is durable.
func (b backend) RevokeSessions(ctx context.Context, r control.RevokeRequest) (control.RevokeResult, error) {
	targets, err := b.targets(ctx, r)
	if err != nil {
		return control.RevokeResult{}, storeError(err)
	}
	now := b.world.Load()
	result := control.RevokeResult{DryRun: r.DryRun}
	for _, s := range targets {
		result.Sessions = append(result.Sessions, b.wireSession(now, s))
		result.IDs = append(result.IDs, s.ID)
		result.Streams += s.Streams()
	}
	if r.DryRun {
		return result, nil
	}
	// Blocking comes first: otherwise the people could be back before the last of their sessions ends.
	if r.Block > 0 {
		if result.Blocked, err = b.blockPeople(ctx, targets, time.Duration(r.Block), r.Reason, r.By); err != nil {
			return control.RevokeResult{}, storeError(err)
		}
	}
	if len(targets) > 0 {
		if err := b.end(ctx, targets, r.Reason, &result); err != nil {
			return control.RevokeResult{}, storeError(err)
		}
	}
	event := b.adminEvent("admin.revoke", "revoke", r.By, "session", strings.Join(shortIDs(result.IDs), " "))
	event.Detail["reason"] = r.Reason
	event.Detail["sessions"] = fmt.Sprint(len(result.IDs))
	event.Detail["streams"] = fmt.Sprint(result.Streams)
	err = b.audit.Record(event)
	result.AuditSeq = b.audit.Status().Seq
	return result, auditError(err)
}

// end makes the end of sessions durable, cuts their streams and makes the next sign-in a fresh one.
func (h *house) end(ctx context.Context, targets []*session.Session, reason string, result *control.RevokeResult) error {
	ids := make([]string, len(targets))
	for i, s := range targets {
		ids[i] = s.ID
	}
	done, err := h.sessions.Revoke(ctx, session.RevokeRequest{IDs: ids, Reason: reason, By: "operator"})
	if err != nil {
		return storeError(err)
	}
	result.IDs, result.Streams = done.IDs, done.Streams
	for _, s := range targets {
		if sub := s.Identity().Sub; sub != "" {
			if err := h.store.PutForceLogin(ctx, sub, s.Proxy, h.now()); err != nil {
				return storeError(err)
			}
			if err := h.store.DeleteBrowsersOf(ctx, sub); err != nil {
				return storeError(err)
			}
		}
	}
	return nil
}

// targets are the sessions that a request means. Naming nothing is refused rather than taken as everything.
func (h *house) targets(ctx context.Context, r control.RevokeRequest) (out []*session.Session, err error) {
	if strings.TrimSpace(r.Reason) == "" && !r.DryRun {
		return nil, control.BadRequest("a reason is required; it goes into the audit log")
	}
	all, err := h.sessions.List(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	if len(r.IDs) > 0 {
		for _, id := range r.IDs {
			s, err := sessionByID(all, id)
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		}
		return out, nil
	}
	if r.User == "" && r.Client == "" && r.Proxy == "" && !r.All {
		return nil, control.BadRequest("name sessions by id, user, client or proxy, or say all")
	}
	names := map[string]bool{}
	if r.User != "" {
		p, _ := h.find(all, r.User)
		for _, n := range subjectsOf(p.id) {
			names[n] = n != ""
		}
	}
	for _, s := range all {
		id := s.Identity()
		mine := r.User == "" || slices.ContainsFunc(subjectsOf(id), func(n string) bool { return names[n] })
		if mine && (r.Client == "" || r.Client == s.ClientID) && (r.Proxy == "" || r.Proxy == s.Proxy) && s.State(h.now()) != session.Revoked {
			out = append(out, s)
		}
	}
	return out, nil
}

func (h *house) adminEvent(event, action string, by control.By, kind, name string) *audit.Event {
	return &audit.Event{Event: event, Action: action, Outcome: audit.Allowed, Cfg: h.world.Load().cfg.Hash,
		Actor: operator(by), Target: audit.Target{Kind: kind, Name: name}, Detail: hints(by)}
}

// shortIDs keeps an audit field within its cap; every ended session has a session.ended line of its own.
func shortIDs(ids []string) []string {
	if len(ids) > 8 {
		return append(slices.Clone(ids[:8]), "…")
	}
	return ids
}

func wireEvent(e session.Event) control.Event {
	data, err := json.Marshal(e.Data)
	if err != nil {
		data = []byte("null")
	}
	return control.Event{Seq: e.Seq, Type: e.Type, Time: e.Time, Data: data}
}

func keyInfo(k oauth.KeyInfo) control.Key {
	return control.Key{KID: k.KID, Alg: k.Alg, State: k.State, Created: k.Created, Activated: k.Activated, Retired: k.Retired, RemoveAfter: k.RemoveAfter}
}

// storeError tells the operator that nothing was acknowledged.
func storeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotFound):
		return control.NotFound("not found")
	case errors.Is(err, store.ErrUnavailable):
		return &control.Error{Code: control.CodeUnavailable, Message: "the store cannot be written, nothing was changed", Fix: "gatehouse status"}
	case errors.Is(err, audit.ErrUnwritable):
		return &control.Error{Code: control.CodeUnavailable, Message: "the audit log cannot be written, so this is not confirmed; look whether it was done", Fix: "gatehouse status; gatehouse sessions list"}
	}
	return err
}

func auditError(err error) error {
	if err == nil {
		return nil
	}
	return &control.Error{Code: control.CodeUnavailable, Message: "done, but the audit log cannot be written", Fix: "gatehouse status"}
}
