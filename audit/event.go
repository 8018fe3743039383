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
	ID        string `json:"id,omitempty"`
	Trace     string `json:"trace,omitempty"`
	Method    string `json:"method,omitempty"`
	Proxy     string `json:"proxy,omitempty"`
	Proto     string `json:"proto,omitempty"` // MCP protocol version
	Transport string `json:"transport,omitempty"`
	BytesIn   int64  `json:"bytes_in,omitempty"`
	BytesOut  int64  `json:"bytes_out,omitempty"`
	Ms        int64  `json:"ms,omitempty"`
	UpMs      int64  `json:"up_ms,omitempty"`
	Status    int    `json:"status,omitempty"`
	UpStatus  int    `json:"up_status,omitempty"`
}

// Actor is who did it.
type Actor struct {
	Type       string   `json:"type,omitempty"` // user, client, key, anonymous, operator, system
	ID         string   `json:"id,omitempty"`   // provider|issuer|subject, or client_id, or uid:0
	Name       string   `json:"name,omitempty"`
	Email      string   `json:"email,omitempty"`
	Groups     []string `json:"groups,omitempty"`
	Auth       string   `json:"auth,omitempty"` // oauth, api_key, none, peercred
	ClientID   string   `json:"client_id,omitempty"`
	ClientName string   `json:"client_name,omitempty"`
	Session    string   `json:"session,omitempty"`
	Token      string   `json:"token,omitempty"` // Log.Digest of it
	KeyID      string   `json:"key_id,omitempty"`
}

// Src is where it came from.
type Src struct {
	IP   string   `json:"ip,omitempty"`
	Port int      `json:"port,omitempty"`
	Fwd  []string `json:"fwd,omitempty"`
	UA   string   `json:"ua,omitempty"`
}

// Target is what it was done to.
type Target struct {
	Kind      string `json:"kind,omitempty"` // tool, resource, prompt, method, session, client, user, key, config, proxy
	Upstream  string `json:"upstream,omitempty"`
	Name      string `json:"name,omitempty"`
	RPCID     string `json:"rpc_id,omitempty"`
	Args      string `json:"args,omitempty"` // per audit.arguments: names, digest or value
	ArgsBytes int    `json:"args_bytes,omitempty"`
}
