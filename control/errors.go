package control

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Codes of an Error.
const (
	CodeBadRequest  = "bad_request"
	CodePermission  = "permission"
	CodeReadOnly    = "read_only"
	CodeNotFound    = "not_found"
	CodeMethod      = "method_not_allowed"
	CodeConflict    = "conflict"
	CodeGone        = "gone"
	CodeTooLarge    = "too_large"
	CodeBusy        = "busy"
	CodeUnavailable = "unavailable"
	CodeInternal    = "internal"
)

// Error is how the sockets refuse: what happened, where, and the command that mends it.
type Error struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Where     string `json:"where"`
	Fix       string `json:"fix"`
	RequestID string `json:"request_id"`
}

func (e *Error) Error() string { return e.Message }

// Is makes errors.Is compare by code, so that errors.Is(err, ErrGone) holds on both sides of the socket.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Message == ""
}

// Errors to compare with; each stands for every Error of its code.
var (
	ErrNotFound = &Error{Code: CodeNotFound}
	ErrGone     = &Error{Code: CodeGone}
	// ErrUnreachable: no daemon answers at any socket that was tried.
	ErrUnreachable = errors.New("daemon not reachable")
	// ErrPermission: a socket is there, but not for this user.
	ErrPermission = &Error{Code: CodePermission}
)

// NotFound is the refusal for a name that nothing has.
func NotFound(format string, args ...any) *Error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf(format, args...)}
}

// BadRequest is the refusal for a request that cannot be carried out as it is.
func BadRequest(format string, args ...any) *Error {
	return &Error{Code: CodeBadRequest, Message: fmt.Sprintf(format, args...)}
}

// status is the HTTP status of a code.
func (e *Error) status() int {
	switch e.Code {
	case CodeBadRequest:
		return http.StatusBadRequest
	case CodePermission, CodeReadOnly:
		return http.StatusForbidden
	case CodeNotFound:
		return http.StatusNotFound
	case CodeMethod:
		return http.StatusMethodNotAllowed
	case CodeConflict:
		return http.StatusConflict
	case CodeGone:
		return http.StatusGone
	case CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeBusy, CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func equalFold(a, b string) bool { return a != "" && b != "" && strings.EqualFold(a, b) }
