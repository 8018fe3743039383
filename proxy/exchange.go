package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"gatehouse/audit"
	"gatehouse/mcp"
	"gatehouse/policy"
	"gatehouse/session"
)

// exchange is one request on its way. It is the request's context too: the one value that all steps share, found again
// by Rewrite and ModifyResponse without further copies of the request.
type exchange struct {
	context.Context
	h      *Handler
	r      *http.Request
	out    writer
	start  time.Time
	id, ip string

	caller   session.Caller
	person   *person
	owner    mcp.Owner
	msg      *mcp.Message // nil but for POST
	body     []byte
	version  string
	standing bool
	session  string // the upstream's Mcp-Session-Id that the client's opened to
	event    string // the upstream's event id that Last-Event-ID opened to

	events *mcp.Events // the answer, when it is a stream of events

	decision policy.Decision
	cancel   context.CancelCauseFunc
	release  func()        // ends the tracking of the stream
	silence  *time.Timer   // ends the wait for the upstream: for its answer, then for each part of it
	placed   bool          // holds one of limits.max_streams
	sent     bool          // the upstream may have heard of it
	upStatus int           // 0: the upstream did not answer
	upTime   time.Duration // until the upstream's answer began
	sentAt   time.Time
	outcome  string // audit.Allowed while nothing went wrong
	reason   string
}

type exchangeKey struct{}

// Value finds the exchange from any context derived from it.
func (x *exchange) Value(key any) any {
	if _, ours := key.(exchangeKey); ours {
		return x
	}
	return x.Context.Value(key)
}

func (h *Handler) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{Context: r.Context(), h: h, r: r, outcome: audit.Allowed}
	x.out.w = w
	if err := h.Init(); err != nil {
		return x
	}
	x.start, x.id, x.ip = h.Now(), h.RequestID(r), h.ClientIP(r)
	x.out.id = x.id
	return x
}

// ready refuses for a proxy that cannot serve.
func (x *exchange) ready() bool {
	h := x.h
	switch {
	case h.err != nil:
		if h.Logger != nil {
			h.Logger.Error("proxy cannot serve", "err", h.err)
		}
		x.refuse(http.StatusServiceUnavailable, "unavailable", "this proxy is not ready", "proxy_not_ready")
	case !h.Proxy.Enabled:
		x.refuse(http.StatusNotFound, "not_found", "this proxy is disabled", policy.ReasonProxyDisabled)
	case h.Proxy.Closed != "":
		x.refuse(http.StatusServiceUnavailable, "proxy_closed", "this version of gatehouse does not have "+h.Proxy.Closed, policy.ReasonProxyClosed)
	default:
		return true
	}
	return false
}

// Causes of an end that this package decides.
var (
	errIdle     = errors.New("the upstream fell silent")
	errFlood    = errors.New("the upstream sent too many interim answers")
	errFinished = errors.New("request finished")
)

// end runs when everything is over, however it ended: ReverseProxy leaves by panic when a stream is cut.
func (x *exchange) end() {
	rec := recover()
	x.out.stop()
	if x.release != nil {
		x.release()
	}
	if x.silence != nil {
		x.silence.Stop()
	}
	if x.placed {
		x.h.Sessions.CloseStream(x.h.Proxy.Name, x.standing)
	}
	if x.events != nil {
		x.events.Close()
	}
	cause := context.Cause(x)
	if x.cancel != nil {
		x.cancel(errFinished)
	}
	ours := false
	switch {
	case rec == nil:
		if cause != nil && x.sent && x.reason == "" {
			x.fail(x.reasonOf(cause)) // the answer was cut where ReverseProxy did not mind
		}
	case rec == http.ErrAbortHandler:
		switch {
		case cause != nil:
			x.fail(x.reasonOf(cause))
			ours = x.r.Context().Err() == nil
		case x.out.gone:
			x.fail(reasonClientGone)
		default:
			x.fail(reasonReset)
		}
	default:
		x.fail("internal_error")
		if x.h.Logger != nil {
			x.h.Logger.Error("panic in proxy", "request_id", x.id, "panic", rec, "stack", string(debug.Stack()))
		}
	}
	if ours && x.out.goodbye(cause) {
		rec = nil // the client saw the stream end with a reason
	}
	if rec != nil && rec != http.ErrAbortHandler && x.out.status == 0 {
		x.answerError(http.StatusInternalServerError, "server_error", "something went wrong here")
		rec = nil
	}
	x.close()
	if calm := x.out.calm(); rec != nil || !calm {
		panic(http.ErrAbortHandler) // the connection must not be used again: its answer is not whole
	}
}

func (x *exchange) fail(reason string) { x.outcome, x.reason = audit.Error, reason }

// Reasons of an answer that did not end well.
const (
	reasonTimeout     = "upstream_timeout"
	reasonReset       = "reset"
	reasonUnreachable = "upstream_unreachable"
	reasonRevoked     = "revoked"
	reasonPolicy      = "policy_changed"
	reasonExpired     = "session_expired"
	reasonToken       = "token_expired"
	reasonShutdown    = "shutdown"
	reasonClientGone  = "client_gone"
	reasonFlood       = "upstream_flood"
)

func (x *exchange) reasonOf(cause error) string {
	switch {
	case errors.Is(cause, errIdle):
		return reasonTimeout
	case errors.Is(cause, errFlood):
		return reasonFlood
	case errors.Is(cause, session.ErrPolicy):
		return reasonPolicy
	case errors.Is(cause, session.ErrExpired):
		return reasonExpired
	case errors.Is(cause, session.ErrToken):
		return reasonToken
	case errors.Is(cause, session.ErrShutdown):
		return reasonShutdown
	case x.r.Context().Err() != nil:
		return reasonClientGone
	}
	return reasonRevoked
}

// close writes the closing record and counts.
func (x *exchange) close() {
	h := x.h
	if h.err != nil {
		return
	}
	took := h.Now().Sub(x.start)
	if x.sent || x.outcome == audit.Error && x.caller.Session != nil {
		e := x.doneEvent(took)
		h.Audit.Done(e)
		free(e)
	}
	if h.Metrics != nil {
		h.Metrics.Observe(h.Proxy.Name, x.outcome, took, x.standing || x.out.sse)
	}
	if !h.Logger.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	h.Logger.LogAttrs(context.Background(), slog.LevelDebug, "request", slog.String("proxy", h.Proxy.Name),
		slog.String("request_id", x.id), slog.Int("status", x.out.status), slog.String("outcome", x.outcome), slog.String("reason", x.reason))
}
