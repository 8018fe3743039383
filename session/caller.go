package session

import "time"

// Caller is what an authenticated request carries.
type Caller struct {
	Session      *Session
	JTI          string    // of the access token; "" = none
	TokenExpires time.Time // zero = none
	Token        string    // its digest for the audit log; may be ""
}

// AuthError refuses a request for what it carries or lacks.
type AuthError struct {
	Status      int
	Code        string // "" (no credentials), invalid_token or invalid_request
	Description string // for the client
	Reason      string // one of the closed set, for the audit log
	Err         error  // for the operator
}

func (e *AuthError) Error() string {
	text := e.Reason
	if text == "" {
		text = e.Code
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *AuthError) Unwrap() error { return e.Err }
