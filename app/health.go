package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/session"
)

// Words of a health check.
const (
	checkOK      = "ok"
	checkFailing = "failing"
)

// health answers /health on every listener and /api/v1/health: no credential, no names, no versions, no addresses.
type health struct {
	config, audit func() bool
	// auditFatal: a failing audit log makes every call fail (audit.on_failure: deny).
	auditFatal func() bool
	ping       func(context.Context) error
	upstreams  *upstreams
	now        func() time.Time

	mu      sync.Mutex // guards the last ping
	pinged  time.Time
	storeOK bool
}

// pingEvery bounds how often a health request writes to the store.
const pingEvery = 2 * time.Second

type healthAnswer struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks"`
}

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeError(w, http.StatusMethodNotAllowed, "method_not_allowed", "health answers GET", requestID(r))
		return
	}
	answer, fatal := h.check(r.Context())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if fatal {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(answer)
}

func (h *health) check(ctx context.Context) (answer healthAnswer, fatal bool) {
	answer = healthAnswer{Status: checkOK, Checks: map[string]string{}}
	set := func(name string, ok bool) {
		answer.Checks[name] = checkOK
		if !ok {
			answer.Checks[name], answer.Status = checkFailing, "degraded"
		}
	}
	auditOK := h.audit()
	set("config", h.config())
	set("store", h.store(ctx))
	set("audit", auditOK)
	set("upstream", h.upstreams.allUp())
	return answer, !auditOK && h.auditFatal()
}

func (h *health) store(ctx context.Context) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.now(); now.Sub(h.pinged) >= pingEvery {
		// Not the asker's context: who hangs up at once must not make the store look broken to everybody else.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		h.storeOK, h.pinged = h.ping(ctx) == nil, now
	}
	return h.storeOK
}

// upstreams remembers how the last request to each proxy's upstream ended.
type upstreams struct{ byProxy sync.Map } // name → *upstreamState

type upstreamState struct {
	failingSince atomic.Int64 // unix ms; 0 = up
	lastError    atomic.Pointer[string]
}

func (u *upstreams) of(proxy string) *upstreamState {
	if s, ok := u.byProxy.Load(proxy); ok {
		return s.(*upstreamState)
	}
	s, _ := u.byProxy.LoadOrStore(proxy, new(upstreamState))
	return s.(*upstreamState)
}

// keep forgets proxies that are gone.
func (u *upstreams) keep(names func(string) bool) {
	u.byProxy.Range(func(k, _ any) bool {
		if !names(k.(string)) {
			u.byProxy.Delete(k)
		}
		return true
	})
}

func (u *upstreams) allUp() bool {
	up := true
	u.byProxy.Range(func(_, v any) bool {
		up = v.(*upstreamState).failingSince.Load() == 0
		return up
	})
	return up
}

// watched reports the outcome of every round trip to its state.
type watched struct {
	http.RoundTripper
	state *upstreamState
	now   func() time.Time
}

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	switch {
	case err == nil:
		if w.state.failingSince.Load() != 0 {
			w.state.failingSince.Store(0)
		}
	case !left(context.Cause(r.Context())):
		text := classify(err, context.Cause(r.Context()))
		w.state.lastError.Store(&text)
		w.state.failingSince.CompareAndSwap(0, w.now().UnixMilli())
	}
	return resp, err
}

// left reports that a request ended because its caller went away or was thrown out, which says nothing of the upstream;
// proxy also ends one whose upstream is silent for too long.
func left(cause error) bool {
	for _, own := range []error{context.Canceled, session.ErrRevoked, session.ErrPolicy, session.ErrExpired, session.ErrToken, session.ErrShutdown} {
		if errors.Is(cause, own) {
			return true
		}
	}
	return false
}

// classify names a transport error without copying text that the upstream chose.
func classify(err, cause error) string {
	var timeout interface{ Timeout() bool }
	if cause != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return "timeout"
	}
	return "connection failed"
}

// writeError is the JSON error of routes that belong to no protocol.
func writeError(w http.ResponseWriter, status int, code, description, id string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": description, "request_id": id})
}
