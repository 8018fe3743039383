package policy

// Reasons of refusals: a closed set, the same in answers, audit lines and `gatehouse explain`.
const (
	ReasonAllowed       = ""
	ReasonNotSignedIn   = "not_signed_in"
	ReasonUserDisabled  = "user_disabled"
	ReasonUserBlocked   = "user_blocked"
	ReasonNotInGroup    = "not_in_group"
	ReasonToolDisabled  = "tool_disabled"
	ReasonResDisabled   = "resource_disabled"
	ReasonPromptOff     = "prompt_disabled"
	ReasonMethodOff     = "method_disabled"
	ReasonBadName       = "name_not_admitted"
	ReasonProxyDisabled = "proxy_disabled"
	ReasonProxyClosed   = "proxy_closed"
)

// Decision is the answer to one question. Rule is the id of what decided, such as proxies.notes.tools.rules.delete_all
// or proxies.notes.tools.default; its place in the file is config.Config.At(Rule).
type Decision struct {
	Allow  bool
	Rule   string
	Reason string
}

// Kinds of Question.
const (
	KindTool     = "tool"
	KindResource = "resource"
	KindPrompt   = "prompt"
	KindMethod   = "method"
)
