package idp

import (
	"errors"
	"strings"
)

// Kinds of Error: who is at fault, and so what follows.
const (
	InvalidGrant = "invalid_grant" // the provider refuses this code or refresh token; a session that lived on it ends
	InvalidToken = "invalid_token" // what the provider sent is not what it must be: wrong issuer, audience, nonce, signature …
	Denied       = "denied"        // the person or the provider said no
	Unavailable  = "unavailable"   // the provider could not be asked, or does not know us; changes nothing about anybody
	NoIdentity   = "no_identity"   // the provider's answer does not say who the person is
)

// ErrUnavailable is what an Error of kind Unavailable is, for errors.Is.
var ErrUnavailable = errors.New("identity provider unavailable")

// Error is why a sign-in or a recheck did not work. It never contains a code or a token.
type Error struct {
	Kind string
	// Safe is one sentence for the person in the browser.
	Safe string
	// Err is the cause, for the operator.
	Err error
}

func (e *Error) Error() string { return e.Kind + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, ErrUnavailable) work.
func (e *Error) Is(target error) bool { return target == ErrUnavailable && e.Kind == Unavailable }

// fail wraps a cause. An Error deeper down keeps its kind: unreachable keys are no fault of the token.
func fail(kind, safe string, err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return &Error{Kind: kind, Safe: safe, Err: err}
}

// foreign is text from a provider as it may stand in a log line: one line, no control characters, at most 200 bytes.
func foreign(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return s
}
