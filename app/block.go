package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gatehouse/audit"
	"gatehouse/control"
	"gatehouse/policy"
	"gatehouse/session"
	"gatehouse/store"
)

// errReason is the refusal of an act without a reason.
var errReason = control.BadRequest("a reason is required; it goes into the audit log")

// BlockUser keeps everybody out whom a name means, for a time, and ends what they have open. Somebody who was never here
// can be blocked too.
func (b backend) BlockUser(ctx context.Context, r control.BlockRequest) (control.BlockResult, error) {
	ctx = context.WithoutCancel(ctx) // an operator who hangs up does not leave half a block
	switch {
	case r.For <= 0:
		return control.BlockResult{}, control.BadRequest("say for how long, such as 1h")
	case strings.TrimSpace(r.Reason) == "":
		return control.BlockResult{}, errReason
	}
	all, err := b.sessions.List(ctx)
	if err != nil {
		return control.BlockResult{}, storeError(err)
	}
	subject := canonical(r.Name)
	if !strings.ContainsAny(subject, "@:") && !strings.HasPrefix(subject, "u_") {
		return control.BlockResult{}, control.NotFound("no person %q is inside; use an address or provider:subject", r.Name)
	}
	x := store.Block{Subject: subject, Reason: r.Reason, By: operator(r.By).ID, Created: b.now(), Until: b.now().Add(time.Duration(r.For)).UTC()}
	if err := b.blocks.put(ctx, x); err != nil {
		return control.BlockResult{}, storeError(err)
	}
	result := control.BlockResult{Subject: subject, Until: x.Until}
	ended, err := b.end(ctx, b.sessionsOf(all, subject), r.Reason)
	result.Sessions, result.Streams = ended.IDs, ended.Streams
	return result, errors.Join(err, b.recordBlock(x, r.By, err))
}

// recordBlock writes what became of a block, also when the sessions could not be ended: the block itself holds.
func (h *house) recordBlock(x store.Block, by control.By, failed error) error {
	event := h.adminEvent("user.blocked", "block", by, "user", x.Subject)
	event.Detail["reason"], event.Detail["until"] = x.Reason, x.Until.UTC().Format(time.RFC3339)
	if failed != nil {
		event.Outcome, event.Reason = audit.Error, "store_unavailable"
	}
	return auditError(h.audit.Record(event))
}

// UnblockUser lets people back in: those blocked under this name, and those inside whom the name means.
func (b backend) UnblockUser(ctx context.Context, name string, by control.By) error {
	ctx = context.WithoutCancel(ctx)
	subject := canonical(name)
	had, err := b.blocks.remove(ctx, subject)
	if err != nil {
		return storeError(err)
	}
	if !had {
		return control.NotFound("%q is not blocked; gatehouse users list shows under which name", name)
	}
	return auditError(b.audit.Record(b.adminEvent("user.unblocked", "unblock", by, "user", subject)))
}

// blockPeople blocks the owners of sessions that are about to end.
func (h *house) blockPeople(ctx context.Context, targets []*session.Session, life time.Duration, reason string, by control.By) (blocked []store.Block, err error) {
	for _, s := range targets {
		id := s.Identity()
		name := blockName(id)
		if id.Kind != policy.User || slices.ContainsFunc(blocked, func(x store.Block) bool { return x.Subject == name }) {
			continue
		}
		x := store.Block{Subject: name, Reason: reason, By: operator(by).ID, Created: h.now(), Until: h.now().Add(life).UTC()}
		if err := h.blocks.put(ctx, x); err != nil {
			return blocked, storeError(err)
		}
		blocked = append(blocked, x)
	}
	return blocked, nil
}
