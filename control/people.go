package control

import "time"

// States of a User.
const (
	UserOK       = "ok"
	UserBlocked  = "blocked"
	UserDisabled = "disabled"
)

// User is a person known from a session, a consent or a block.
type User struct {
	ID           string       `json:"id"` // our stable id
	Email        string       `json:"email"`
	Name         string       `json:"name"`
	Provider     string       `json:"provider"`
	Subject      string       `json:"subject"`
	Groups       List[string] `json:"groups"`
	Sessions     int          `json:"sessions"`
	Streams      int          `json:"streams"`
	Requests     int64        `json:"requests"`
	Last         time.Time    `json:"last,omitzero"`
	State        string       `json:"state"` // UserOK, UserBlocked or UserDisabled
	BlockedUntil time.Time    `json:"blocked_until,omitzero"`
}

// UserDetail is a person with everything that follows from them.
type UserDetail struct {
	User
	Memberships List[Membership] `json:"memberships"`
	SessionList List[Session]    `json:"session_list"`
	Consents    List[Consent]    `json:"consents"`
	Blocks      List[Block]      `json:"blocks"`
}

// Membership says by which rule a person is in a group.
type Membership struct {
	Group string `json:"group"`
	How   string `json:"how"`
	Rule  string `json:"rule"` // path in the file
	Line  int    `json:"line,omitempty"`
}

// Consent is an approval that a person gave to a client.
type Consent struct {
	ClientID     string       `json:"client_id"`
	ClientName   string       `json:"client_name"`
	Proxy        string       `json:"proxy"`
	RedirectHost string       `json:"redirect_host"`
	Scopes       List[string] `json:"scopes"`
	Created      time.Time    `json:"created"`
}

// Block keeps a person out for a time. A zero Until is until unblocked.
type Block struct {
	Subject string    `json:"subject"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	Created time.Time `json:"created"`
	Until   time.Time `json:"until,omitzero"`
}
