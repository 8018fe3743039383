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
		if id.Kind != policy.User {
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

// find resolves what an operator types: an address, provider:address, provider:subject or our own id. A person who is not
// inside is taken by the name alone, as somebody whose address is verified and who has no claims; known is false then.
func (h *house) find(all []*session.Session, name string) (p *person, known bool) {
	want := strings.ToLower(name)
	for _, p := range people(all) {
		for _, s := range subjectsOf(p.id) {
			if s == name || strings.ToLower(s) == want {
				return p, true
			}
		}
	}
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
	return &person{id: id}, false
}

// Users lists the people who are inside and those who are blocked.
func (b backend) Users(ctx context.Context) ([]control.User, error) {
	now := b.world.Load()
	all, err := b.sessions.List(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	var out []control.User
	seen := map[string]bool{}
	for _, p := range people(all) {
		out = append(out, b.user(now, p))
		for _, s := range subjectsOf(p.id) {
			seen[s] = true
		}
	}
	for _, x := range b.blocks.active() {
		if others := b.blocks.together(x.Subject); x.Subject == plainest(others) && !slices.ContainsFunc(others, func(n string) bool { return seen[n] }) {
			p, _ := b.find(all, x.Subject)
			out = append(out, b.user(now, p))
		}
	}
	slices.SortFunc(out, func(a, b control.User) int {
		return cmp.Or(cmp.Compare(a.Email, b.Email), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// plainest is the name that people know somebody by, of all under which he is blocked: a bare address, else the shortest.
func plainest(names []string) string {
	return slices.MinFunc(names, func(a, b string) int {
		address := func(s string) int {
			if strings.Contains(s, "@") && !strings.Contains(s, ":") {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(address(a), address(b)), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
}

func (h *house) user(now *world, p *person) control.User {
	subject := now.policy.Subject(p.id, h.blocks.blocked(p.id))
	u := control.User{ID: p.id.Sub, Email: p.id.Email, Name: p.id.Name, Provider: p.id.Provider, Subject: p.id.Subject,
		Groups: subject.Groups, Sessions: len(p.sessions), State: control.UserOK}
	for _, s := range p.sessions {
		u.Streams += s.Streams()
		u.Requests += s.Requests()
		if s.Last().After(u.Last) {
			u.Last = s.Last()
		}
	}
	if x, ok := h.blocks.of(p.id); ok {
		u.State, u.BlockedUntil = control.UserBlocked, x.Until
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
	p, known := b.find(all, name)
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
	if x, ok := b.blocks.of(p.id); ok {
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
	p, known := b.find(all, r.User)
	if !known && p.id.Subject == "" {
		p.id.Subject = r.User // who never signed in has no id yet, and policy takes somebody without one for nobody
	}
	subject := now.policy.Subject(p.id, b.blocks.blocked(p.id))
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
