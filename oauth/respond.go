package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"gatehouse/web"
)

// wireError is a refusal as the client sees it. Code and Description are fixed text of ours; Err is for the log only.
type wireError struct {
	Status      int
	Code        string // of RFC 6749 section 5.2 and its extensions
	Description string
	Retry       time.Duration // > 0 sends Retry-After
	Basic       bool          // adds WWW-Authenticate: Basic, because the client tried it
	Reason      string        // for the audit log; Code when empty
	Who         who           // for the log
	Err         error
}

// who is what a refused request said of itself, or what its code or token belonged to. Foreign words are cleaned.
type who struct{ ClientID, ClientName, Flow, Session string }

func (e *wireError) Error() string {
	if e.Err != nil {
		return e.Code + ": " + e.Description + ": " + e.Err.Error()
	}
	return e.Code + ": " + e.Description
}

func (e *wireError) Unwrap() error { return e.Err }

func (e *wireError) reason() string {
	if e.Reason != "" {
		return e.Reason
	}
	return e.Code
}

func badRequest(code, format string, args ...any) *wireError {
	return &wireError{Status: http.StatusBadRequest, Code: code, Description: fmt.Sprintf(format, args...)}
}

func invalidRequest(format string, args ...any) *wireError {
	return badRequest("invalid_request", format, args...)
}

// unavailable is the answer to every error of ours on the way to a decision: never a success, and worth another try.
func unavailable(err error) *wireError {
	return &wireError{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable",
		Description: "the gateway cannot do this right now", Retry: 5 * time.Second, Reason: "store_unavailable", Err: err}
}

// pageError is a refusal that a person reads.
type pageError struct {
	Status int
	Page   web.ErrorData
	Reason string
	Retry  time.Duration
	Err    error
}

func (e *pageError) Error() string {
	if e.Err != nil {
		return e.Page.Title + ": " + e.Err.Error()
	}
	return e.Page.Title + ": " + e.Page.What
}

func (e *pageError) Unwrap() error { return e.Err }

// handler is one endpoint of one proxy.
type handler func(w http.ResponseWriter, r *http.Request) error

// api runs h and writes its error as OAuth JSON (RFC 6749 section 5.2). No answer of these endpoints may be stored.
func (g *Gate) api(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		noStore(w)
		err := h(w, r)
		if err == nil {
			return
		}
		var we *wireError
		if !errors.As(err, &we) {
			we = unavailable(err)
		}
		// A client that could not register or get a token is somebody's lost morning; documents that are not there are
		// asked for all day.
		level := slog.LevelWarn
		if r.Method != http.MethodPost && we.Status < http.StatusInternalServerError {
			level = slog.LevelInfo
		}
		g.logRefusal(r, level, we.Status, we.reason(), we.Who, err)
		if we.Basic {
			w.Header().Set("WWW-Authenticate", `Basic realm="gatehouse"`)
		}
		retryAfter(w, we.Retry)
		writeJSON(w, we.Status, map[string]string{"error": we.Code, "error_description": we.Description, "request_id": g.requestID(r)})
	}
}

// page runs h and writes its error as a page. It never redirects: whoever must be told by redirect was told by h.
func (g *Gate) page(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		noStore(w)
		w.Header().Set("Referrer-Policy", "no-referrer")
		if prefetched(r) { // nobody asked for this page yet, so nothing may happen (CB-12)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		err := h(w, r)
		if err == nil {
			return
		}
		var pe *pageError
		if !errors.As(err, &pe) {
			pe = asPage(err)
		}
		level := slog.LevelInfo
		if pe.Status >= http.StatusInternalServerError {
			level = slog.LevelWarn
		}
		g.logRefusal(r, level, pe.Status, pe.Reason, who{}, err)
		retryAfter(w, pe.Retry)
		d := pe.Page
		d.RequestID = g.requestID(r)
		g.pages.Error(w, pe.Status, d)
	}
}

// asPage is the page for an error that was made for programs, or for nobody.
func asPage(err error) *pageError {
	var we *wireError
	if !errors.As(err, &we) || we.Status >= 500 {
		return &pageError{Status: http.StatusServiceUnavailable, Reason: "store_unavailable", Err: err, Retry: 5 * time.Second, Page: web.ErrorData{
			Title: "The gateway cannot do this right now", What: "Something the gateway needs did not answer.",
			Whose: "This is not your fault, and not the app's.", Do: "Try again in a moment. If it stays like this, give the administrator the request id."}}
	}
	if we.Status == http.StatusTooManyRequests {
		return &pageError{Status: we.Status, Reason: we.reason(), Retry: we.Retry, Page: web.ErrorData{
			Title: "Too many requests", What: "Too many requests came from your address.", Whose: "Another app or person at this address may have made them.",
			Do: "Wait a minute, then start again from the app."}}
	}
	return &pageError{Status: we.Status, Reason: we.reason(), Retry: we.Retry, Err: we.Err, Page: web.ErrorData{
		Title: "This sign-in request cannot be used", What: we.Description,
		Whose: "The app that sent you here made the request.", Do: "Start again from the app. If it happens again, tell its makers."}}
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}

func retryAfter(w http.ResponseWriter, d time.Duration) {
	if d > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))))
	}
}

// writeJSON writes v, which always marshals. HTML escaping stays off: URLs are to be compared byte for byte.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(v)
}

// allow answers 405 unless the method is one of methods.
func allow(w http.ResponseWriter, r *http.Request, methods ...string) error {
	list := ""
	for i, m := range methods {
		if r.Method == m {
			return nil
		}
		if i > 0 {
			list += ", "
		}
		list += m
	}
	w.Header().Set("Allow", list)
	return &wireError{Status: http.StatusMethodNotAllowed, Code: "invalid_request", Description: "this endpoint takes " + list}
}
