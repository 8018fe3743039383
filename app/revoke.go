package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/audit"
	"gatehouse/control"
	"gatehouse/session"
)

// RevokeSessions is the fourth route: store first, then the streams, then the record. What it answers is durable; what
// could not be recorded is done all the same and said.
func (b backend) RevokeSessions(ctx context.Context, r control.RevokeRequest) (control.RevokeResult, error) {
	ctx = context.WithoutCancel(ctx) // an operator who hangs up does not leave half a revocation
	targets, err := b.targets(ctx, r)
	if err != nil {
		return control.RevokeResult{}, err
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
	var failed []error
	// Blocking comes first: otherwise the people could be back before the last of their sessions ends.
	if r.Block > 0 {
		blocked, err := b.blockPeople(ctx, targets, time.Duration(r.Block), r.Reason, r.By)
		failed = append(failed, err)
		for _, x := range blocked {
			result.Blocked = append(result.Blocked, x.Subject)
			failed = append(failed, b.recordBlock(x, r.By, nil))
		}
	}
	ended, err := b.end(ctx, targets, r.Reason)
	result.IDs, result.Streams = ended.IDs, ended.Streams
	failed = append(failed, err)

	event := b.adminEvent("admin.revoke", "revoke", r.By, "session", strings.Join(shortIDs(result.IDs), " "))
	event.Detail["reason"] = r.Reason
	event.Detail["sessions"] = fmt.Sprint(len(result.IDs))
	event.Detail["streams"] = fmt.Sprint(result.Streams)
	if err := errors.Join(failed...); err != nil {
		event.Outcome, event.Reason = audit.Error, "store_unavailable"
	}
	failed = append(failed, auditError(b.audit.Record(event)))
	result.AuditSeq = b.audit.Status().Seq
	return result, errors.Join(failed...)
}

// end makes the next sign-in of the sessions' people a fresh one, then makes the end of the sessions durable and cuts
// their streams. In this order nobody is back at the provider's remembered login in between. The result tells what ended
// also beside an error: then only the record of it failed.
func (h *house) end(ctx context.Context, targets []*session.Session, reason string) (session.RevokeResult, error) {
	if len(targets) == 0 {
		return session.RevokeResult{}, nil
	}
	ids := make([]string, len(targets))
	for i, s := range targets {
		ids[i] = s.ID
		if sub := s.Identity().Sub; sub != "" {
			err := errors.Join(h.store.PutForceLogin(ctx, sub, s.Proxy, h.now()), h.store.DeleteBrowsersOf(ctx, sub))
			if err != nil {
				return session.RevokeResult{}, storeError(err)
			}
		}
	}
	done, err := h.sessions.Revoke(ctx, session.RevokeRequest{IDs: ids, Reason: reason, By: "operator"})
	return done, storeError(err)
}

// targets are the sessions that a request means. Naming nothing is refused rather than taken as everything.
func (h *house) targets(ctx context.Context, r control.RevokeRequest) (out []*session.Session, err error) {
	if strings.TrimSpace(r.Reason) == "" && !r.DryRun {
		return nil, errReason
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
	if r.User != "" {
		all = h.sessionsOf(all, canonical(r.User))
	}
	for _, s := range all {
		ended, _ := s.Revoked()
		if !ended && (r.Client == "" || r.Client == s.ClientID) && (r.Proxy == "" || r.Proxy == s.Proxy) {
			out = append(out, s)
		}
	}
	return out, nil
}

// sessionsOf are the live sessions of everybody whom a name means to those who take rights away: two people of two
// providers may share an address.
func (h *house) sessionsOf(all []*session.Session, name string) (out []*session.Session) {
	p := h.world.Load().policy
	for _, s := range all {
		if ended, _ := s.Revoked(); !ended && p.Keeps(name, s.Identity()) {
			out = append(out, s)
		}
	}
	return out
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
