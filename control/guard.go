package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// Headers by which the client's process tells what the kernel does not. They are hints for the audit log and decide
// nothing.
const (
	headerSudoUser = "X-Gatehouse-Sudo-User"
	headerSSH      = "X-Gatehouse-Ssh"
)

// call is one request on its way to the Backend.
type call struct {
	w  http.ResponseWriter
	r  *http.Request
	by By
	s  *Server
}

// guard is what every request passes before its route: who is it, may it be here, and how long may it take.
func (s *Server) guard(role role, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handling.Add(1)
		defer s.handling.Done()
		id := s.RequestID()
		w.Header().Set("X-Request-Id", id)
		w.Header().Set("Cache-Control", "no-store")
		rc := http.NewResponseController(w)
		rc.SetReadDeadline(time.Now().Add(s.bounds.read))
		c, ok := r.Context().Value(connKey{}).(*conn)
		if !ok {
			s.fail(w, &Error{Code: CodeInternal, Message: "no peer"})
			return
		}
		if c.busy {
			w.Header().Set("Connection", "close")
			s.fail(w, &Error{Code: CodeBusy, Message: "too many connections to this socket", Where: role.socket, Fix: "close other clients of it"})
			return
		}
		by := By{UID: c.peer.uid, GID: c.peer.gid, PID: c.peer.pid, Login: login(c.peer.uid),
			SudoUser: hint(r.Header.Get(headerSudoUser)), SSH: hint(r.Header.Get(headerSSH))}
		if why := role.refuses(c.peer); why != "" {
			c.refused.Do(func() {
				if s.Refused != nil {
					s.Refused(Refusal{Socket: role.socket, By: by, Why: why})
				}
			})
			w.Header().Set("Connection", "close")
			s.fail(w, role.refusal(by, why))
			return
		}
		if r.Method == http.MethodGet {
			if r.ContentLength != 0 {
				w.Header().Set("Connection", "close")
				s.fail(w, BadRequest("a GET has no body"))
				return
			}
			// A deadline that passes while the handler works would cancel the request's context.
			rc.SetReadDeadline(time.Time{})
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), byKey{}, by)))
	})
}

type byKey struct{}

// decode reads the JSON body of a POST. An unknown field is refused: a mistyped dry_run must not act.
func (c *call) decode(v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, c.s.bounds.body))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &Error{Code: CodeTooLarge, Message: "request is larger than 64 KiB"}
	}
	if err != nil {
		return BadRequest("read request: %v", err)
	}
	http.NewResponseController(c.w).SetReadDeadline(time.Time{})
	if len(body) == 0 {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return BadRequest("request is not the JSON expected: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return BadRequest("request has something after its JSON")
	}
	return nil
}

// answer writes v as JSON. A peer that does not read it in time is dropped.
func (s *Server) answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		s.Logger.Error("encode answer", "err", err)
		status, body = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"internal error"}}`)
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.bounds.write))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}

type errorBody struct {
	Error Error `json:"error"`
}

// fail writes a refusal. The text of an error that is no *Error stays in the log: it may name what a viewer must not see.
func (s *Server) fail(w http.ResponseWriter, err error) {
	var e *Error
	id := w.Header().Get("X-Request-Id")
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded):
		e = &Error{Code: CodeUnavailable, Message: "the daemon did not answer in time"}
	default:
		s.Logger.Error("control request failed", "request_id", id, "err", err)
		e = &Error{Code: CodeInternal, Message: "internal error", Where: "request " + id, Fix: "journalctl -u gatehouse"}
	}
	out := *e
	out.RequestID = id
	out.Message = firstOf(out.Message, strings.ReplaceAll(out.Code, "_", " "))
	s.answer(w, out.status(), errorBody{out})
}

// hint makes a header value fit for a log line.
func hint(v string) string {
	v = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, v)
	return v[:min(len(v), 128)]
}
