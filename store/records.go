package store

import "time"

// Times are UTC and kept to the millisecond; the zero time stands for "never".

// Client is a registered OAuth client of one proxy.
type Client struct {
	ID, Proxy     string
	Kind          string // dcr or yaml
	Name          string
	SecretHash    string // "" for a public client
	RedirectURIs  []string
	GrantTypes    []string
	ResponseTypes []string
	AuthMethod    string
	Metadata      []byte // the registered JSON
	Fingerprint   string // makes the registration of a public client idempotent; "" = never the same
	Created       time.Time
	LastUsed      time.Time // zero = never used
	CreatedIP     string
	State         string // approved or blocked; "" is written as approved
	BlockReason   string
}

// States of a Client.
const (
	Approved = "approved"
	Blocked  = "blocked"
)

// Login is a sign-in on its way. Data belongs to oauth and is sealed on disk.
type Login struct {
	ID        string // random, opaque
	StateHash string // of the provider's state; "" until consent; unique otherwise
	Expires   time.Time
	Data      []byte
}

// Code is an authorization code. Data is sealed on disk.
type Code struct {
	Hash      string
	SessionID string    // what was made from it; "" until redeemed by IssueGrant
	UsedAt    time.Time // zero = not yet redeemed
	Expires   time.Time
	Data      []byte
}

// Session is a token family, or what stands for one. Identity is sealed on disk.
type Session struct {
	ID, Kind, Proxy, Sub string
	Identity             []byte // JSON of policy.Identity
	ClientID, ClientName string
	Auth, IP, Scope      string
	Created, Expires     time.Time
	IdleExpires          time.Time // zero = no idle limit
	Last, Checked        time.Time
	IdleTTL              time.Duration // 0 = no idle limit
	Requests             int64
	RevokedAt            time.Time // zero = live, as far as the limits allow
	RevokedBy            string
	RevokeReason         string
}

// Touch is what a session's requests changed since the last batch.
type Touch struct {
	ID          string
	Last        time.Time
	IdleExpires time.Time
	Requests    int64 // how many more
	IP          string
}

// Refresh is a refresh token, kept by its hash.
type Refresh struct {
	Hash      string
	SessionID string
	ClientID  string
	Seq       int
	Created   time.Time
	RotatedAt time.Time // zero = the current one of its session
	Expires   time.Time
	// Token is the token itself. Given to PutRefresh, IssueGrant and RotateRefresh it is kept sealed until ForgetSealed or
	// the next rotation, so that parallel refreshes get the same answer; "" keeps nothing. Only CurrentRefresh gives it back.
	Token string
}

// JTI is an access token that was revoked alone.
type JTI struct {
	ID, SessionID string
	Expires       time.Time
}

// Consent is one person's word about one client on one proxy, with codes going to one host.
type Consent struct {
	Sub, ClientID, Proxy, RedirectHost string
	Label                              string // the client's name as it was shown
	Scopes                             []string
	Created                            time.Time
}

// Browser is a signed-in browser, kept by the hash of its cookie. Identity is sealed on disk.
type Browser struct {
	Hash     string
	Sub      string // whose it is; DeleteBrowsersOf finds it by this
	Identity []byte
	Created  time.Time
	Last     time.Time
	Expires  time.Time
}

// Key is a signing key. Private is sealed on disk.
type Key struct {
	KID, Alg    string
	State       string // next, active or retired
	Private     []byte // PKCS #8
	Created     time.Time
	Activated   time.Time
	Retired     time.Time
	RemoveAfter time.Time
}

// States of a Key.
const (
	KeyNext    = "next"
	KeyActive  = "active"
	KeyRetired = "retired"
)

// Block keeps somebody out. Subject is an e-mail address, provider:sub or our own u_… id.
type Block struct {
	Subject    string
	Reason, By string
	Created    time.Time
	Until      time.Time // zero = until unblocked
}

// ForcedLogin makes the next sign-in of a person on a proxy ask for the password again.
type ForcedLogin struct {
	Sub, Proxy string
	At         time.Time
}

// ProviderToken is what a provider gave for a session. Access and RefreshToken are sealed on disk.
type ProviderToken struct {
	SessionID, Provider, Issuer string
	Access, RefreshToken        string
	Expiry                      time.Time
	Scope                       string
}

// Tool is a tool that an upstream was seen to offer.
type Tool struct {
	Proxy, Name, Hash, Description string
	FirstSeen, LastSeen            time.Time
	Calls, Denied                  int64
	Changed                        bool // its hash is not the one first seen
}
