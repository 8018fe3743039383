package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"syscall"
	"time"

	"gatehouse/session"
)

// forward hands the request to the upstream. From here on the stream belongs to its session: whoever ends the session
// ends the stream.
func (x *exchange) forward() {
	ctx, cancel := context.WithCancelCause(x.r.Context())
	x.Context, x.cancel, x.out.flood = ctx, cancel, func() { cancel(errFlood) }
	x.release = x.h.Sessions.Track(x.caller.Session, session.Stream{
		JTI: x.caller.JTI, JTIExpires: x.caller.TokenExpires, Standing: x.standing,
	}, x.cut)
	if x.h.Still != nil && !x.h.Still(x.caller.Session) {
		x.cut(session.ErrPolicy)
	}
	x.sent, x.sentAt = true, x.h.Now()
	r := x.r.WithContext(x)
	// rewrite makes head and body; ReverseProxy has no business with the client's, and would clone and wrap them.
	r.Header, r.Body, r.ContentLength = nil, http.NoBody, 0
	if wait := x.h.Proxy.Timeouts.ResponseHeader; wait > 0 {
		x.silence = time.AfterFunc(wait, func() { cancel(errIdle) })
	}
	x.h.made.reverse.ServeHTTP(&x.out, r)
}

// cutWrites is how long a write to a client that does not read may hold up the end of its stream.
const cutWrites = 50 * time.Millisecond

// cut ends the stream at once, also when it is blocked on a client that reads nothing.
func (x *exchange) cut(cause error) {
	x.cancel(cause)
	x.out.hurry(cutWrites)
}

// exchangeOf is the exchange that a context belongs to.
func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// rewrite makes the request to the upstream. It never takes over path, query, host, body or credentials of the client.
func rewrite(pr *httputil.ProxyRequest) {
	x := exchangeOf(pr.In.Context())
	out := pr.Out
	*out.URL = *x.h.made.upstream
	out.Host = ""
	out.Trailer = nil // credentials can stand in trailers too (HX-04)
	out.TransferEncoding = nil
	out.Header = x.outbound()
	if x.msg == nil {
		out.Body, out.GetBody, out.ContentLength = nil, nil, 0
		return
	}
	b := x.msg.Canonical
	// net/http writes head and body in one system call only when it sees that the body is in memory. ReverseProxy has
	// wrapped whatever stood here before, so it is set here and not earlier.
	out.Body = io.NopCloser(bytes.NewReader(b))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	out.ContentLength = int64(len(b))
}

// upstreamError is an answer of the upstream that is not passed on.
type upstreamError struct {
	reason, text string
}

func (e *upstreamError) Error() string { return e.text }

// upstreamFailed answers when no answer of the upstream's can be passed on.
func upstreamFailed(_ http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	if cause := context.Cause(x); cause != nil {
		x.fail(x.reasonOf(cause))
		x.answerCut()
		return
	}
	var refused *upstreamError
	var timeout net.Error
	switch {
	case errors.As(err, &refused) && refused.reason == reasonStreams:
		x.fail(refused.reason)
		retryAfter(x.out.Header(), 10*time.Second)
		x.answerFailure(http.StatusServiceUnavailable, "temporarily_unavailable", refused.text)
	case errors.As(err, &refused):
		x.fail(refused.reason)
		x.answerFailure(http.StatusBadGateway, "bad_gateway", refused.text)
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		x.fail(reasonTimeout)
		x.answerFailure(http.StatusGatewayTimeout, "gateway_timeout", "the upstream did not answer in time")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		x.fail(reasonReset)
		x.answerFailure(http.StatusBadGateway, "bad_gateway", "the upstream broke the connection off")
	default:
		x.fail(reasonUnreachable)
		x.answerFailure(http.StatusBadGateway, "bad_gateway", "the upstream cannot be reached or does not speak HTTP")
	}
	x.h.Logger.Warn("upstream", "proxy", x.h.Proxy.Name, "request_id", x.id, "reason", x.reason, "err", err)
}

// answerCut answers a request that ended before the upstream's answer began.
func (x *exchange) answerCut() {
	switch x.reason {
	case reasonClientGone:
		x.out.status = 499 // nobody is there to read it
	case reasonTimeout:
		x.answerFailure(http.StatusGatewayTimeout, "gateway_timeout", "the upstream fell silent")
	case reasonFlood:
		x.answerFailure(http.StatusBadGateway, "bad_gateway", "the upstream did not answer properly")
	case reasonPolicy:
		x.answerError(http.StatusForbidden, "access_denied", "this server is no longer available to you")
	case reasonShutdown:
		retryAfter(x.out.Header(), time.Second)
		x.answerFailure(http.StatusServiceUnavailable, "temporarily_unavailable", "gatehouse is shutting down")
	default:
		e := &session.AuthError{Status: http.StatusUnauthorized, Code: "invalid_token", Description: "the session ended", Reason: x.reason}
		if c := x.h.Auth.Challenge(x.h.Proxy, e); c != "" {
			x.out.Header().Set("WWW-Authenticate", c)
		}
		x.answerError(e.Status, e.Code, e.Description)
	}
}
