package proxy

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/mcp"
)

// maxList bounds a list answer, which has to be read whole.
const maxList = 16 << 20

// modifyResponse judges the head of the upstream's answer and puts the readers in place that its body goes through.
func modifyResponse(res *http.Response) error {
	x := exchangeOf(res.Request.Context())
	if x.silence != nil {
		x.silence.Stop()
	}
	x.upStatus, x.upTime = res.StatusCode, x.h.Now().Sub(x.sentAt)
	if err := refuseAnswer(res); err != nil {
		return err
	}
	kind, err := mediaType(res.Header)
	if err != nil {
		return err
	}
	ids := res.Header[mcp.HeaderSession]
	inbound(res.Header)
	res.Header["X-Content-Type-Options"] = noSniff
	res.Trailer = nil // not even announced
	if err := x.sealSession(res.Header, ids); err != nil {
		return err
	}
	if kind == eventStream && !x.standing && x.h.Proxy.Limits.MaxStreams > 0 && !x.takePlace() {
		return &upstreamError{reasonStreams, "too many open streams; limits.max_streams"}
	}
	body := &body{ReadCloser: res.Body, res: res}
	if idle := x.h.Proxy.Timeouts.IdleStream; idle > 0 && !x.standing && res.ContentLength != 0 {
		if x.silence == nil {
			x.silence = time.AfterFunc(idle, func() { x.cancel(errIdle) })
		} else {
			x.silence.Reset(idle)
		}
		body.idle, body.timer = idle, x.silence
	}
	res.Body = body
	switch {
	case kind == eventStream:
		res.Header["Content-Type"] = eventStreamType
		res.Header["X-Accel-Buffering"] = []string{"no"}
		res.Header.Del("Content-Length")
		res.ContentLength = -1
		x.out.stream(x.standing)
		var data func([]byte) ([]byte, bool)
		if x.standing || x.lists() {
			f := x.filter()
			data = func(d []byte) ([]byte, bool) { return x.filterEvent(f, d) }
		}
		seal := func(id string) (string, bool) { return x.h.made.sealer.Seal(mcp.SealEvent, x.owner, id) }
		x.events, res.Body = mcp.NewEvents(body, data, seal), http.NoBody // pump carries it
	case x.lists() && (res.StatusCode < 300 || kind == jsonMedia):
		return x.filterAnswer(res, kind)
	case kind != jsonMedia:
		inert(res.Header)
	}
	return nil
}

// refuseAnswer refuses answers that must not reach a client.
func refuseAnswer(res *http.Response) error {
	switch code := res.StatusCode; {
	case code == http.StatusSwitchingProtocols:
		// A tunnel would carry bytes that nobody judged (HX-15).
		return &upstreamError{"upstream_upgrade", "the upstream wanted to change the protocol"}
	case code < 200 || code > 599:
		return &upstreamError{"upstream_status", "the upstream answered with an impossible status"}
	case code >= 300 && code < 400:
		// Following or passing on a redirect would send the request, or the client, where nobody decided (UO-09).
		return &upstreamError{"upstream_redirect", "the upstream answered with a redirect"}
	case code == http.StatusUnauthorized || code == http.StatusProxyAuthRequired:
		return &upstreamError{"upstream_unauthorized", "the upstream did not accept gatehouse's credential"}
	}
	for _, v := range res.Header["Content-Encoding"] {
		if !strings.EqualFold(v, "identity") {
			return &upstreamError{"upstream_encoding", "the upstream answered with an encoding that was not asked for"}
		}
	}
	return nil
}

func (x *exchange) lists() bool { return x.msg != nil && x.msg.Call.List != mcp.ListNone }

// sealSession replaces the upstream's session id with one that only this caller can use.
func (x *exchange) sealSession(h http.Header, ids []string) error {
	delete(h, mcp.HeaderSession)
	if len(ids) == 0 {
		return nil
	}
	sealed, ok := x.h.made.sealer.Seal(mcp.SealSession, x.owner, ids[0])
	if !ok || len(ids) > 1 {
		return &upstreamError{"upstream_session_id", "the upstream sent an unusable session id"}
	}
	h[mcp.HeaderSession] = []string{sealed}
	return nil
}

const (
	jsonMedia   = "application/json"
	eventStream = "text/event-stream"
)

// Shared values of headers; never changed.
var (
	eventStreamType = []string{eventStream}
	jsonType        = []string{jsonMedia}
	noSniff         = []string{"nosniff"}
)

// mediaType is what the most careless client takes the answer for: some look for the name anywhere in the header. Two
// headers are two answers to the question what the body is.
func mediaType(h http.Header) (string, error) {
	values := h["Content-Type"]
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", &upstreamError{"upstream_content_type", "the upstream answered with several content types"}
	case values[0] == jsonMedia || values[0] == eventStream:
		return values[0], nil
	case strings.Contains(strings.ToLower(values[0]), eventStream):
		return eventStream, nil
	}
	media, _, _ := mime.ParseMediaType(values[0])
	return media, nil // the name without its parameters, "" when there is none
}

// inert keeps an answer that is no message from running in a browser: what the upstream writes stands on our origin.
func inert(h http.Header) {
	h["Content-Security-Policy"] = []string{"default-src 'none'; frame-ancestors 'none'; sandbox"}
}

func (x *exchange) filter() *mcp.Filter {
	f := &mcp.Filter{Admit: func(kind, name string) bool {
		return x.h.Policy.Decide(x.h.Proxy.Name, x.person.subject, kind, name).Allow
	}}
	if x.h.Catalogue != nil {
		f.Seen = x.seen
	}
	return f
}

func (x *exchange) seen(entries []mcp.Entry) {
	tools := make([]Tool, 0, len(entries))
	for _, e := range entries {
		if e.Kind == mcp.KindTool {
			tools = append(tools, Tool{Name: e.Name, Description: e.Description, Hash: e.Hash})
		}
	}
	if len(tools) > 0 {
		x.h.Catalogue.Seen(x.h.Proxy.Name, tools)
	}
}

// filterEvent is filterAnswer for the data of one event. On a standing stream an event that cannot be read is dropped;
// in the answer to a list it becomes the answer's error.
func (x *exchange) filterEvent(f *mcp.Filter, data []byte) (out []byte, changed bool) {
	if !mcp.MayBeResult(data) {
		return data, false
	}
	out, changed, err := f.Message(data)
	if err == nil {
		return out, changed
	}
	x.fail(reasonUnreadable)
	if x.msg != nil && x.msg.ID != nil && x.lists() {
		return x.unreadable(), true
	}
	return nil, true
}

const reasonUnreadable = "upstream_unreadable"

func (x *exchange) unreadable() []byte {
	return mcp.ErrorBody(x.msg.ID, mcp.CodeInternal, "the upstream's list could not be read strictly and is withheld", nil)
}

// filterAnswer replaces a JSON list with the list that this caller may see. What cannot be read strictly is withheld.
func (x *exchange) filterAnswer(res *http.Response, kind string) error {
	if res.StatusCode == http.StatusAccepted && res.ContentLength == 0 {
		return nil
	}
	var out []byte
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxList+1))
	if err != nil {
		return err
	}
	if kind == jsonMedia && len(raw) <= maxList {
		out, _, err = x.filter().Message(bytes.Trim(raw, " \t\r\n"))
	} else {
		err = &upstreamError{reasonUnreadable, "list is too long or not JSON"}
	}
	if err != nil {
		x.fail(reasonUnreadable)
		out = x.unreadable()
		res.Header["Content-Type"] = jsonType
		if res.StatusCode < 300 {
			res.StatusCode = http.StatusOK // an answer, whatever it was before
		}
	}
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(out))
	res.ContentLength = int64(len(out))
	res.Header["Content-Length"] = []string{strconv.Itoa(len(out))}
	return nil
}

// body watches for silence and lets no trailers through: they could carry what was taken from the head.
type body struct {
	io.ReadCloser
	res   *http.Response
	idle  time.Duration
	timer *time.Timer // nil: silence is allowed
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.timer != nil && n > 0 && err == nil {
		b.timer.Reset(b.idle)
	}
	return n, err
}

func (b *body) Close() error {
	if b.timer != nil {
		b.timer.Stop()
	}
	err := b.ReadCloser.Close()
	b.res.Trailer = nil
	return err
}
