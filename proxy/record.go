package proxy

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/audit"
	"gatehouse/mcp"
	"gatehouse/policy"
	"gatehouse/session"
)

// events holds records between requests: they are large, and a request needs two.
var events = sync.Pool{New: func() any { return new(audit.Event) }}

func free(e *audit.Event) {
	*e = audit.Event{}
	events.Put(e)
}

// record writes the decision before the upstream hears of the request. What cannot be recorded does not happen.
func (x *exchange) record() bool {
	e := x.newEvent()
	e.Outcome, e.Rule = audit.Allowed, x.decision.Rule
	if !x.write(e) {
		return false
	}
	x.h.Sessions.Touch(x.caller.Session, x.ip)
	return true
}

// write records e or refuses the request.
func (x *exchange) write(e *audit.Event) bool {
	err := x.h.Audit.Record(e)
	free(e)
	if err != nil {
		x.h.Logger.Error("audit", "request_id", x.id, "err", err)
		x.fail("audit_unavailable")
		x.answerError(http.StatusServiceUnavailable, "temporarily_unavailable", "the audit log cannot be written")
		return false
	}
	return true
}

// newEvent is the record of this request as far as it is known.
func (x *exchange) newEvent() *audit.Event {
	e := events.Get().(*audit.Event)
	*e = audit.Event{
		Event: "mcp.request", Action: "request", Cfg: x.h.Config.Hash,
		Req:   audit.Req{ID: x.id, Method: x.r.Method, Proxy: x.h.Proxy.Name, Proto: x.version, Transport: "http", BytesIn: int64(len(x.body))},
		Actor: x.actor(), Src: x.source(),
	}
	switch {
	case x.msg == nil && x.r.Method == http.MethodGet:
		e.Action = "stream"
	case x.msg == nil && x.r.Method == http.MethodDelete:
		e.Action = "close"
	case x.msg == nil:
	case x.msg.Type == mcp.Response:
		e.Action, e.Target = "answer", audit.Target{Kind: "message", RPCID: string(x.msg.ID)}
	default:
		c := &x.msg.Call
		e.Target = audit.Target{Kind: c.Kind, Name: c.Name, RPCID: string(x.msg.ID)}
		if c.Kind != mcp.KindMethod {
			e.Detail = map[string]string{"rpc_method": c.Method}
		}
		if c.Kind == mcp.KindTool {
			e.Event, e.Action, e.Detail = "mcp.tool_call", "call", nil
			e.Target.ArgsBytes = len(c.Args)
			e.Target.Args = x.arguments()
		}
	}
	return e
}

// arguments is what the record holds of the call's arguments.
func (x *exchange) arguments() string {
	c := &x.msg.Call
	switch mode := x.h.Config.Audit.Arguments; {
	case mode == "off" || len(c.Args) == 0:
		return ""
	case mode == "keys":
		// Only the names count: the values, which can be megabytes, are not read a second time.
		names := c.ArgNames(maxArgNames)
		slices.Sort(names)
		if ordinary(names) {
			return strings.Join(names, ",")
		}
		return x.h.Audit.Arguments(mode, mcp.NamesOnly(names))
	default:
		return x.h.Audit.Arguments(mode, c.Args)
	}
}

// maxArgNames is one more than the audit log keeps, so that it sees that there are more.
const maxArgNames = 33

// ordinary reports names that nothing can hide in: few, short, letters and underscores. All others are left to the
// audit log, which knows what a credential looks like.
func ordinary(names []string) bool {
	for _, n := range names {
		if len(n) > 16 {
			return false
		}
		for i := range len(n) {
			if c := n[i] | 0x20; n[i] != '_' && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return len(names) < maxArgNames
}

func (x *exchange) doneEvent(took time.Duration) *audit.Event {
	e := events.Get().(*audit.Event)
	*e = audit.Event{
		Event: "mcp.tool_done", Action: "call", Outcome: x.outcome, Reason: x.reason,
		Req: audit.Req{
			ID: x.id, Proxy: x.h.Proxy.Name, BytesOut: x.out.bytes, Ms: took.Milliseconds(), UpMs: x.upTime.Milliseconds(),
			Status: x.out.status, UpStatus: x.upStatus,
		},
		Actor: x.actor(),
	}
	e.Actor.Groups, e.Actor.Token = nil, ""
	switch {
	case x.msg == nil && x.r.Method == http.MethodGet:
		e.Action = "stream"
	case x.msg == nil:
		e.Action = "close"
	case x.msg.Call.Kind != mcp.KindTool:
		e.Action = "request"
	}
	if x.msg != nil {
		e.Target = audit.Target{Kind: x.msg.Call.Kind, Name: x.msg.Call.Name}
	}
	return e
}

func (x *exchange) actor() audit.Actor {
	s := x.caller.Session
	if s == nil {
		return audit.Actor{Type: policy.Anonymous}
	}
	id := &x.h.made.anonymous.Identity
	a := audit.Actor{Auth: s.Auth, ClientID: s.ClientID, ClientName: s.ClientName, Session: s.ID, Token: x.caller.Token}
	if x.person != nil {
		id, a.Groups = &x.person.subject.Identity, x.person.subject.Groups
		a.ID = x.person.id
	}
	a.Type, a.Name, a.Email = id.Kind, id.Name, id.Email
	return a
}

func (x *exchange) source() audit.Src {
	src := audit.Src{IP: x.ip, UA: x.r.Header.Get("User-Agent")}
	if ap, err := netip.ParseAddrPort(x.r.RemoteAddr); err == nil {
		src.Port = int(ap.Port())
	}
	return src
}

// refused records a refusal of somebody who is known. It answers itself when even that fails.
func (x *exchange) refused(event, reason, rule string) bool {
	x.outcome, x.reason = audit.Denied, reason
	e := x.newEvent()
	if event != "" {
		e.Event = event
	}
	e.Outcome, e.Reason, e.Rule = audit.Denied, reason, rule
	if rule != "" {
		at := x.h.Config.At(rule)
		e.File, e.Line = x.h.Config.File, at.Line
	}
	if x.caller.Session.Kind == session.KindOpen {
		x.h.Audit.RefusedAnonymous(e) // a stranger must not make us wait for the disk as often as he likes
		return true
	}
	return x.write(e)
}

// refusedCheaply records a refusal that a stranger can cause as often as he likes: repetitions are counted, not written.
func (x *exchange) refusedCheaply(event, reason string) {
	x.outcome, x.reason = audit.Denied, reason
	if x.h.err != nil {
		return
	}
	e := x.newEvent()
	e.Event, e.Outcome, e.Reason = event, audit.Denied, reason
	x.h.Audit.RefusedAnonymous(e)
}
