package proxy

import (
	"errors"
	"net/http"
	"strings"

	"gatehouse/mcp"
	"gatehouse/policy"
	"gatehouse/session"
)

// person is what follows from a session's identity under one policy. It is kept in the session, so that groups are
// resolved once and not on every request; another identity, policy or block makes another one.
type person struct {
	of      *policy.Policy
	ref     *policy.Identity
	blocked bool
	subject *policy.Subject
	id      string   // provider|issuer|subject, or the client's or key's name
	headers []header // identity towards the upstream
}

// authenticate asks who calls, on every request and for every method.
func (x *exchange) authenticate() bool {
	h, r := x.h, x.r
	if !h.Proxy.OAuth.Enabled && len(r.Header["Authorization"]) == 0 && len(r.Header["X-Api-Key"]) == 0 {
		// An open proxy. Whoever shows a credential there is not taken for anonymous: it must be good.
		x.caller.Session = h.Sessions.Anonymous(h.Proxy.Name, x.ip)
	} else {
		caller, err := h.Auth.Authenticate(r, h.Proxy)
		if err == nil && caller.Session == nil {
			err = errors.New("authenticated without a session")
		}
		if err != nil {
			x.unauthenticated(err)
			return false
		}
		x.caller = caller
	}
	x.person = h.personOf(x.caller.Session)
	s := x.caller.Session
	x.owner = mcp.Owner{Proxy: h.Proxy.Name, Sub: x.person.subject.Identity.Sub, ClientID: s.ClientID}
	if s.Kind == session.KindOpen {
		x.owner.Sub = policy.Anonymous
	}
	return true
}

func (x *exchange) unauthenticated(err error) {
	var refused *session.AuthError
	if !errors.As(err, &refused) {
		x.h.Logger.Error("authenticate", "request_id", x.id, "err", err)
		refused = &session.AuthError{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "sign-in cannot be checked now", Reason: "internal_error"}
	}
	status := refused.Status
	if status < 400 || status > 599 {
		status = http.StatusUnauthorized
	}
	if challenge := x.h.Auth.Challenge(x.h.Proxy, refused); challenge != "" && status < 500 {
		x.out.Header().Set("WWW-Authenticate", challenge)
	}
	if status == http.StatusServiceUnavailable {
		x.out.Header().Set("Retry-After", "5")
	}
	code, description := refused.Code, refused.Description
	if code == "" {
		code = "unauthorized"
	}
	if description == "" {
		description = "sign in to use this server"
	}
	reason := refused.Reason
	if reason == "" {
		reason = policy.ReasonNotSignedIn
	}
	x.refuse(status, code, description, reason)
}

func (h *Handler) personOf(s *session.Session) *person {
	ref := s.IdentityRef()
	if s.Kind == session.KindOpen || ref == nil {
		return &person{subject: h.made.anonymous, id: policy.Anonymous}
	}
	blocked := h.Blocked != nil && h.Blocked(*ref)
	if p, ok := s.Derived().(*person); ok && p.of == h.Policy && p.ref == ref && p.blocked == blocked {
		return p
	}
	p := &person{of: h.Policy, ref: ref, blocked: blocked, subject: h.Policy.Subject(*ref, blocked)}
	p.id = ref.Subject
	if ref.Provider != "" {
		p.id = ref.Provider + "|" + ref.Issuer + "|" + ref.Subject
	}
	names := h.made.identity
	for _, line := range [...]struct{ name, value string }{
		{names.User, ref.Sub}, {names.Email, ref.Email}, {names.Groups, joinGroups(p.subject.Groups)},
	} {
		if line.name != "" && line.value != "" && fieldValue(line.value) {
			p.headers = append(p.headers, header{http.CanonicalHeaderKey(line.name), []string{line.value}})
		}
	}
	s.Derive(p)
	return p
}

// joinGroups leaves out names that a list with commas cannot carry: a group "a,admins" must not arrive as two.
func joinGroups(groups []string) string {
	var b strings.Builder
	for _, g := range groups {
		if strings.ContainsAny(g, ",\"") || !fieldValue(g) || b.Len()+len(g) > 4<<10 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(g)
	}
	return b.String()
}

// fieldValue reports that s can be a header value.
func fieldValue(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// enter asks whether the caller may use this proxy at all.
func (x *exchange) enter() bool {
	d := x.h.Policy.Enter(x.h.Proxy.Name, x.person.subject)
	x.decision = d
	if d.Allow {
		return true
	}
	if !x.refused("", d.Reason, d.Rule) {
		return false
	}
	// Never insufficient_scope: clients would ask for scopes again and again, and none would help.
	x.answerJSON(http.StatusForbidden, refusal{
		Error: "access_denied", Description: describe(d.Reason), RequestID: x.id,
		Groups: x.h.Policy.Missing(x.h.Proxy.Name, x.person.subject),
	})
	return false
}

func describe(reason string) string {
	switch reason {
	case policy.ReasonUserDisabled:
		return "this account is disabled here"
	case policy.ReasonUserBlocked:
		return "an operator has blocked this account"
	case policy.ReasonNotInGroup:
		return "you are signed in but not in a group that may use this server"
	case policy.ReasonNotSignedIn:
		return "this needs a sign-in"
	case policy.ReasonToolDisabled:
		return "this tool is not available to you"
	case policy.ReasonResDisabled:
		return "this resource is not available to you"
	case policy.ReasonPromptOff:
		return "this prompt is not available to you"
	case policy.ReasonMethodOff:
		return "this method is not available to you"
	case policy.ReasonBadName:
		return "this name is not admitted"
	}
	return "not allowed"
}
