package app

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"gatehouse/control"
	"gatehouse/policy"
	"gatehouse/session"
)

// person gathers what is known of one identity.
type person struct {
	id       policy.Identity
	sessions []*session.Session
}

// people groups sessions by person.
func people(all []*session.Session) map[string]*person {
	found := map[string]*person{}
	for _, s := range all {
		id := s.Identity()
		if ended, _ := s.Revoked(); ended || id.Kind != policy.User {
			continue
		}
		p := found[id.Sub]
		if p == nil {
			p = &person{id: id}
			found[id.Sub] = p
		}
		p.sessions = append(p.sessions, s)
	}
	return found
}

// find resolves what an operator types: an address, provider:address, provider:subject or our own id. Of several people
// and sessions that it means, the one on the proxy asked about counts, else the one seen last. A person who is not inside
// is taken by the name alone, as somebody whose address is verified and who has no claims; known is false then.
func (h *house) find(all []*session.Session, name, proxyName string) (p *person, known bool) {
	var best *session.Session
	for _, s := range h.sessionsOf(all, canonical(name)) {
		if best == nil || rank(s, proxyName) > rank(best, proxyName) || rank(s, proxyName) == rank(best, proxyName) && s.Last().After(best.Last()) {
			best = s
		}
	}
	if best == nil {
		return h.stranger(name), false
	}
	p = people(all)[best.Identity().Sub]
	if p == nil { // a client or a key, not a person
		return h.stranger(name), false
	}
	p.id = best.Identity()
	return p, true
}

func rank(s *session.Session, proxyName string) int {
	if s.Proxy == proxyName {
		return 1
	}
	return 0
}

// stranger is the identity of somebody who is not inside, as far as a name tells it.
func (h *house) stranger(name string) *person {
	id := policy.Identity{Kind: policy.User}
	rest := name
	if provider, subject, ok := strings.Cut(name, ":"); ok {
		if c, ok := h.world.Load().cfg.Providers[provider]; ok {
			id.Provider, id.Issuer, rest = provider, c.Issuer, subject
		}
	}
	if strings.Contains(rest, "@") {
		id.Email, id.EmailVerified = strings.ToLower(rest), true
	} else {
		id.Subject = rest
	}
	if id.Provider != "" && id.Subject != "" {
		id.Sub = policy.StableSub(id.Provider, id.Issuer, id.Subject)
	}
	return &person{id: id}
}

// Users lists the people who are inside and those who are blocked.
func (b backend) Users(ctx context.Context) ([]control.User, error) {
	now := b.world.Load()
	all, err := b.sessions.List(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	var out []control.User
	for _, p := range people(all) {
		out = append(out, b.user(now, p))
	}
	for _, x := range b.blocks.active() {
		if len(b.sessionsOf(all, x.Subject)) == 0 {
			out = append(out, b.user(now, b.stranger(x.Subject)))
		}
	}
	slices.SortFunc(out, func(a, b control.User) int {
		return cmp.Or(cmp.Compare(a.Email, b.Email), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

func (h *house) user(now *world, p *person) control.User {
	block, blocked := h.blocks.of(now.policy, p.id)
	subject := now.policy.Subject(p.id, blocked)
	u := control.User{ID: p.id.Sub, Email: p.id.Email, Name: p.id.Name, Provider: p.id.Provider, Subject: p.id.Subject,
		Groups: subject.Groups, Sessions: len(p.sessions), State: control.UserOK}
	for _, s := range p.sessions {
		u.Streams += s.Streams()
		u.Requests += s.Requests()
		if s.Last().After(u.Last) {
			u.Last = s.Last()
		}
	}
	if blocked {
		u.State, u.BlockedUntil = control.UserBlocked, block.Until
	}
	if subject.Disabled != "" {
		u.State = control.UserDisabled
	}
	return u
}

// User is one person with groups and why, sessions, consents and blocks.
func (b backend) User(ctx context.Context, name string) (control.UserDetail, error) {
	now := b.world.Load()
	all, err := b.sessions.List(ctx)
	if err != nil {
		return control.UserDetail{}, storeError(err)
	}
	p, known := b.find(all, name, "")
	if !known && !strings.ContainsAny(name, "@:") {
		return control.UserDetail{}, control.NotFound("no person %q is inside", name)
	}
	d := control.UserDetail{User: b.user(now, p)}
	for _, w := range now.policy.Subject(p.id, false).Why {
		d.Memberships = append(d.Memberships, control.Membership{Group: w.Group, How: w.How, Rule: w.Rule, Line: now.cfg.At(w.Rule).Line})
	}
	for _, s := range p.sessions {
		d.SessionList = append(d.SessionList, b.wireSession(now, s))
	}
	if p.id.Sub != "" {
		consents, err := b.store.Consents(ctx, p.id.Sub)
		if err != nil {
			return d, storeError(err)
		}
		for _, c := range consents {
			d.Consents = append(d.Consents, control.Consent{ClientID: c.ClientID, ClientName: c.Label, Proxy: c.Proxy,
				RedirectHost: c.RedirectHost, Scopes: c.Scopes, Created: c.Created})
		}
	}
	if x, ok := b.blocks.of(now.policy, p.id); ok {
		d.Blocks = append(d.Blocks, control.Block{Subject: x.Subject, Reason: x.Reason, By: x.By, Created: x.Created, Until: x.Until})
	}
	return d, nil
}

// Explain answers with the trace of the evaluator that decides requests.
func (b backend) Explain(ctx context.Context, r control.ExplainRequest) (control.Trace, error) {
	now := b.world.Load()
	px, ok := now.cfg.ProxyByID(r.Proxy)
	if !ok {
		return control.Trace{}, control.NotFound("no proxy %q; there are %s", r.Proxy, strings.Join(sortedKeys(now.cfg.Proxies), ", "))
	}
	all, err := b.sessions.List(ctx)
	if err != nil {
		return control.Trace{}, storeError(err)
	}
	p, known := b.find(all, r.User, px.Name)
	if !known && p.id.Subject == "" {
		p.id.Subject = r.User // who never signed in has no id yet, and policy takes somebody without one for nobody
	}
	subject := now.policy.Subject(p.id, b.blocks.under(now.policy)(p.id))
	trace := now.policy.Explain(px.Name, subject, r.Kind, r.Name)
	out := control.Trace{Allow: trace.Allow, User: r.User, Proxy: px.Name, Kind: r.Kind, Name: r.Name, Client: r.Client,
		Reason: trace.Decision.Reason, Rule: trace.Decision.Rule, Groups: subject.Groups, ToAllow: trace.ToAllow}
	out.Steps = append(out.Steps, sessionStep(p, px.Name, known))
	for _, s := range trace.Steps {
		out.Steps = append(out.Steps, control.Step(s))
	}
	return out, nil
}

// sessionStep says what the answer rests on: claims of somebody who is inside, or the name alone.
func sessionStep(p *person, proxyName string, known bool) control.Step {
	step := control.Step{Name: "session", State: policy.StateSkip}
	switch {
	case !known:
		step.Text = "not inside: judged by the name alone, with a verified address and without the provider's claims"
	case slices.ContainsFunc(p.sessions, func(s *session.Session) bool { return s.Proxy == proxyName }):
		step.State, step.Text = policy.StateOK, "inside, judged by the claims of the sign-in"
	default:
		step.Text = "inside at another proxy, judged by the claims of that sign-in"
	}
	return step
}
