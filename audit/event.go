package audit

// Outcomes.
const (
	Allowed   = "allowed"
	Denied    = "denied"
	Error     = "error"
	WouldDeny = "would_deny"
)

// Event is what happened, before the log gives it a sequence number, a time and its place in the chain. The field names
// in the file are those of the record in Encode; a string is capped and escaped there, never by the caller. Nothing in
// an Event may be a secret: a token is passed through Log.Digest first.
type Event struct {
	Event   string // mcp.tool_call, auth.login, admin.revoke, …
	Action  string // call, login, revoke, …
	Outcome string // Allowed, Denied, Error or WouldDeny
	Reason  string // one of the closed set, empty when allowed
	Rule    string // id of the rule that decided
	File    string // where the rule stands
	Line    int
	Cfg     string // hash of the configuration in force
	Flow    string // id of the sign-in flow this belongs to
	Count   int    // coalesced repetitions; 0 is written as 1
	Req     Req
	Actor   Actor
	Src     Src
	Target  Target
	// Detail holds a few event-specific facts, such as the fault of a refused configuration or the count of streams cut.
	// Keys are snake_case constants, values are capped at 512 bytes.
	Detail map[string]string
}

// Req is the request. Zero fields are left out of the line.
type Req struct {
	ID        string
	Trace     string
	Method    string
	Proxy     string
	Proto     string // MCP protocol version
	Transport string
	BytesIn   int64
	BytesOut  int64
	Ms        int64
	UpMs      int64
	Status    int
	UpStatus  int
}

// Actor is who did it.
type Actor struct {
	Type       string // user, client, key, anonymous, operator, system
	ID         string // provider|issuer|subject, or client_id, or uid:0
	Name       string
	Email      string
	Groups     []string
	Auth       string // oauth, api_key, none, peercred
	ClientID   string
	ClientName string
	Session    string
	Token      string // Log.Digest of it
	KeyID      string
}

// Src is where it came from.
type Src struct {
	IP   string
	Port int
	Fwd  []string
	UA   string
}

// Target is what it was done to.
type Target struct {
	Kind      string // tool, resource, prompt, method, session, client, user, key, config, proxy
	Upstream  string
	Name      string
	RPCID     string
	Args      string // per audit.arguments: names, digest or value
	ArgsBytes int
}
