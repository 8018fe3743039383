package app

import (
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"gatehouse/audit"
)

// bodyTime is how long a body may take that no protocol reads with care of its own (DS-02). Without it the server would
// wait for the rest of a refused body for as long as its sender likes, before the answer is sent. proxy has the same
// bound and extends it as a body makes progress.
const bodyTime = 30 * time.Second

// visit is one request at the entrance, its answer and its body: it knows whether the answer has begun, and takes the
// body's deadline away when the body is whole.
type visit struct {
	http.ResponseWriter
	body  io.ReadCloser
	began bool
}

// receive makes the visit of a request, whose body is bounded from here on.
func receive(w http.ResponseWriter, r *http.Request, within time.Duration) *visit {
	v := &visit{ResponseWriter: w}
	if r.ContentLength != 0 && http.NewResponseController(w).SetReadDeadline(time.Now().Add(within)) == nil {
		v.body, r.Body = r.Body, v
	}
	return v
}

// Unwrap serves http.ResponseController.
func (v *visit) Unwrap() http.ResponseWriter { return v.ResponseWriter }

func (v *visit) WriteHeader(status int) {
	v.began = v.began || status >= 200
	v.ResponseWriter.WriteHeader(status)
}

func (v *visit) Write(p []byte) (int, error) {
	v.began = true
	return v.ResponseWriter.Write(p)
}

// Read is the request's body. A deadline that outlives it would end the answer.
func (v *visit) Read(p []byte) (int, error) {
	n, err := v.body.Read(p)
	if err == io.EOF {
		http.NewResponseController(v.ResponseWriter).SetReadDeadline(time.Time{})
	}
	return n, err
}

// Close closes the body.
func (v *visit) Close() error { return v.body.Close() }

// survive is deferred around everything that serves a visit: a mistake of ours costs one answer, is on record, and never
// looks like a success (DS-12). What ends by http.ErrAbortHandler wanted to end so.
func (h *house) survive(v *visit, r *http.Request) {
	rec := recover()
	switch {
	case rec == nil:
		return
	case rec == http.ErrAbortHandler:
		panic(rec)
	}
	if ok, _ := h.limits.Allow("panic logged", 60, time.Minute, h.now()); ok {
		h.log.Error("panic", "request_id", requestID(r), "path", r.URL.Path, "panic", rec, "stack", string(debug.Stack()))
	}
	h.audit.RefusedAnonymous(&audit.Event{Event: "mcp.request", Action: "call", Outcome: audit.Error, Reason: "internal_error",
		Req: audit.Req{ID: requestID(r), Method: r.Method, Status: http.StatusInternalServerError}, Actor: audit.Actor{Type: "anonymous"},
		Src: audit.Src{IP: clientIP(r)}, Target: audit.Target{Kind: "path", Name: r.URL.Path}})
	if v.began {
		panic(http.ErrAbortHandler) // half an answer must not look whole
	}
	clear(v.Header())
	v.Header()[requestIDHeader] = []string{requestID(r)}
	writeError(v, http.StatusInternalServerError, "server_error", "something went wrong here", requestID(r))
}
