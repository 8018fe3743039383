package control

import (
	"context"
	"strings"
	"time"
)

// Backend is what the sockets show and do. It is called from many goroutines. A refusal is an *Error (see NotFound,
// BadRequest); any other error reaches the client as "internal", its text only the log.
type Backend interface {
	Status(ctx context.Context) (Status, error)
	Config(ctx context.Context) (ConfigInfo, error)
	// Reload reads the file again and answers with the verdict; a file with faults is a result, not an error.
	Reload(ctx context.Context, by By) (ReloadResult, error)

	Sessions(ctx context.Context, f SessionFilter) ([]Session, error)
	Session(ctx context.Context, id string) (Session, error)
	// RevokeSessions returns when the end of the sessions is durable and their streams are cut.
	RevokeSessions(ctx context.Context, r RevokeRequest) (RevokeResult, error)

	Users(ctx context.Context) ([]User, error)
	User(ctx context.Context, name string) (UserDetail, error)
	BlockUser(ctx context.Context, r BlockRequest) (BlockResult, error)
	UnblockUser(ctx context.Context, name string, by By) error

	Clients(ctx context.Context) ([]Client, error)
	Client(ctx context.Context, id string) (Client, error)
	BlockClient(ctx context.Context, r BlockRequest) (BlockResult, error)

	Proxies(ctx context.Context) ([]Proxy, error)
	Tools(ctx context.Context, proxy string) ([]Tool, error)
	Groups(ctx context.Context) ([]Group, error)
	Explain(ctx context.Context, r ExplainRequest) (Trace, error)

	Keys(ctx context.Context) ([]Key, error)
	RotateKeys(ctx context.Context, by By) (Key, error) // the key that signs from now on

	// Events delivers everything after since (0 = only what is to come) until ctx ends; then, and when the receiver
	// is too slow, the channel is closed. ErrGone: since is older than what is kept.
	Events(ctx context.Context, since uint64) (<-chan Event, error)
}

// By is who acts, as the kernel says; Login is the name of UID. SudoUser and SSH are hints that the caller's own process
// sent: they go into the audit log and decide nothing.
type By struct {
	UID      int
	GID      int
	PID      int
	Login    string
	SudoUser string
	SSH      string
}

// SessionFilter selects sessions; an empty field selects all.
type SessionFilter struct {
	User    string        // e-mail, stable id, or provider:subject
	Proxy   string        // name
	Client  string        // client_id, or name
	IdleFor time.Duration // not used for at least this long
}

// Match reports whether a session passes the filter.
func (f SessionFilter) Match(s Session, now time.Time) bool {
	switch {
	case f.User != "" && !s.belongsTo(f.User):
		return false
	case f.Proxy != "" && f.Proxy != s.Proxy:
		return false
	case f.Client != "" && f.Client != s.ClientID && f.Client != s.ClientName:
		return false
	case f.IdleFor > 0 && now.Sub(s.Last) < f.IdleFor:
		return false
	}
	return true
}

// belongsTo reports whether a session is of the person called so.
func (s Session) belongsTo(name string) bool {
	if name == s.User || equalFold(name, s.Email) {
		return true
	}
	provider, rest, ok := strings.Cut(name, ":")
	return ok && rest != "" && provider == s.Provider && (rest == s.Subject || equalFold(rest, s.Email))
}

// RevokeRequest ends sessions: those in IDs, or those of User (and Proxy), of Client, or All. Reason is required.
type RevokeRequest struct {
	IDs    List[string] `json:"ids,omitempty"`
	User   string       `json:"user,omitempty"`
	Client string       `json:"client,omitempty"`
	Proxy  string       `json:"proxy,omitempty"`
	All    bool         `json:"all,omitempty"`
	Reason string       `json:"reason"`
	Block  Duration     `json:"block,omitempty"`   // also keep the people out for this long
	DryRun bool         `json:"dry_run,omitempty"` // only say what would end
	By     By           `json:"-"`
}

// RevokeResult is what ended, or would.
type RevokeResult struct {
	IDs      List[string]  `json:"ids"`
	Sessions List[Session] `json:"sessions"`
	Streams  int           `json:"streams"`
	Blocked  List[string]  `json:"blocked"`
	DryRun   bool          `json:"dry_run"`
	AuditSeq uint64        `json:"audit_seq"` // of the admin.revoke line
}

// BlockRequest keeps a person or a client out. For is 0 for a client: until unblocked.
type BlockRequest struct {
	Name   string   `json:"-"` // from the path
	For    Duration `json:"for,omitempty"`
	Reason string   `json:"reason"`
	By     By       `json:"-"`
}

// BlockResult is what a block ended.
type BlockResult struct {
	Subject  string       `json:"subject"`
	Until    time.Time    `json:"until,omitzero"`
	Sessions List[string] `json:"sessions"`
	Streams  int          `json:"streams"`
}

// ExplainRequest is one question to policy. Kind and Name empty ask about the proxy itself.
type ExplainRequest struct {
	User   string
	Proxy  string
	Kind   string // tool, resource, prompt, method
	Name   string
	Client string
}

// ReloadResult is the verdict on the file as it is on disk.
type ReloadResult struct {
	OK           bool         `json:"ok"`
	Changed      bool         `json:"changed"` // false: the file is the one in force
	Faults       List[Fault]  `json:"faults"`  // errors and warnings
	Version      int          `json:"version"` // in force after this
	Hash         string       `json:"hash"`
	SessionsCut  int          `json:"sessions_cut"`
	StreamsCut   int          `json:"streams_cut"`
	NeedsRestart List[string] `json:"needs_restart"`
}
