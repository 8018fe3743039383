package proxy

import (
	"net/http"

	"gatehouse/mcp"
)

// unseal opens the ids of the upstream that the client was given. Foreign ones are 404, which tells a client of any era
// to start anew; a missing one is the upstream's to judge.
func (x *exchange) unseal() bool {
	if x.msg != nil && x.msg.Modern {
		return true // no sessions there: the headers mean nothing and are not forwarded
	}
	var ok bool
	if x.session, ok = x.open(mcp.SealSession, mcp.HeaderSession); !ok {
		return false
	}
	if x.r.Method == http.MethodGet {
		if x.event, ok = x.open(mcp.SealEvent, mcp.HeaderLastEvent); !ok {
			return false
		}
	}
	return true
}

func (x *exchange) open(what, name string) (id string, ok bool) {
	values := x.r.Header[name]
	if len(values) == 0 {
		return "", true
	}
	if len(values) == 1 {
		if id, err := x.h.made.sealer.Unseal(what, x.owner, values[0]); err == nil {
			return id, true
		}
	}
	if x.refused("", "session_unknown", "") {
		var rpc []byte
		if x.msg != nil {
			rpc = x.msg.ID
		}
		x.answer(http.StatusNotFound, mcp.ErrorBody(rpc, mcp.CodeSession, "session not found", nil))
	}
	return "", false
}

// decide asks the rules about what the message names.
func (x *exchange) decide() bool {
	if x.msg == nil || x.msg.Type == mcp.Response {
		return true // Enter has decided
	}
	c := &x.msg.Call
	d := x.h.Policy.Decide(x.h.Proxy.Name, x.person.subject, c.Kind, c.Name)
	if d.Allow && c.Kind != mcp.KindMethod {
		if m, ruled := x.h.Policy.DecideMethod(x.h.Proxy.Name, x.person.subject, c.Method); ruled && !m.Allow {
			d = m
		}
	}
	if d.Allow && x.msg.Type == mcp.Notification && c.Kind != mcp.KindMethod {
		// A call without an id asks for something to be done that nobody is told about.
		d.Allow, d.Reason = false, "call_without_id"
	}
	x.decision = d
	if c.Kind == mcp.KindTool && x.h.Catalogue != nil {
		x.h.Catalogue.Called(x.h.Proxy.Name, c.Name, d.Allow)
	}
	if d.Allow {
		return true
	}
	if !x.refused("", d.Reason, d.Rule) {
		return false
	}
	if x.msg.Type == mcp.Notification {
		x.out.WriteHeader(http.StatusAccepted) // a notification has no answer; it goes no further
		return false
	}
	x.answerDenied(describe(d.Reason), d.Reason, d.Rule)
	return false
}
