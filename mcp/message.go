package mcp

// Type is what a message is in JSON-RPC.
type Type uint8

// Types of Message.
const (
	Request Type = iota + 1
	Notification
	Response // the client answers a request of the server
)

func (t Type) String() string {
	switch t {
	case Request:
		return "request"
	case Notification:
		return "notification"
	case Response:
		return "response"
	}
	return "unknown"
}

// Kinds of Call: what its Name names. They are the words of policy's kinds.
const (
	KindTool     = "tool"
	KindResource = "resource"
	KindPrompt   = "prompt"
	KindMethod   = "method"
)

// Message is one parsed POST body.
type Message struct {
	Type Type
	// ID is the raw JSON of the id, byte for byte; nil for a notification.
	ID []byte
	// Call is what a request or notification asks for; the zero Call for a response.
	Call Call
	// Canonical is what is forwarded: the whole message without unknown envelope members. It is the body itself when the
	// body is already so; it is never changed afterwards.
	Canonical []byte
	// Version is the protocol version that the client named, or Default when it named none.
	Version string
	// Modern: the message follows the stateless rules of 2026-07-28 and later.
	Modern bool
}

// Call is what a request or notification asks for.
type Call struct {
	Method string
	Kind   string // KindTool, KindResource, KindPrompt or KindMethod
	// Name is the tool, the resource URI, the prompt, or for KindMethod the method itself.
	Name string
	// Args is the raw JSON of params.arguments, nil when absent.
	Args []byte
	// List says which list the answer holds, ListNone for all other methods.
	List List
	// Standing: the answer is a stream that stays open by intention (subscriptions/listen).
	Standing bool
}

// ArgNames are the member names of Args, at most max of them; nil when Args is no object.
func (c *Call) ArgNames(max int) []string { return objectNames(c.Args, max) }

// List is the kind of a list answer.
type List uint8

// Lists that a server can answer with.
const (
	ListNone List = iota
	ListTools
	ListResources
	ListTemplates
	ListPrompts
)

// Kind is the Kind of the entries.
func (l List) Kind() string {
	switch l {
	case ListTools:
		return KindTool
	case ListResources, ListTemplates:
		return KindResource
	case ListPrompts:
		return KindPrompt
	}
	return KindMethod
}
