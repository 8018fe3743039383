package web

import "time"

// ConsentData is what the consent page says. Every text in it is untrusted and is cleaned and escaped here.
type ConsentData struct {
	App            string   // name chosen by the app
	AppID          string   // its client_id
	AppKind        string   // "dcr" (registered itself) or "yaml" (registered by the operator)
	RegisteredAgo  string   // "2 minutes ago"; empty hides it
	RedirectHost   string   // where the answer goes: host:port, or the scheme of a private-use URI; never hidden
	RedirectURI    string   // the whole of it, for the details
	Loopback       bool     // the answer stays on this computer
	LookAlike      bool     // another app of this name is connected already
	Proxy          string   // name of the server asked for
	Gateway        string   // host of our public URL
	Resource       string   // its address, for the details
	Provider       string   // who signs people in
	SignedInAs     string   // label of the browser session's person; empty when unknown
	NotYouURL      string   // a link of ours that forgets that person; empty hides it
	Tools          []string // names he can use as far as known
	ToolsDenied    []ToolDenied
	Changing       int // how many of Tools change data; 0 hides it
	Scopes         []string
	ProviderScopes []string
	Until          time.Time
	Offline        bool   // a refresh token will be given
	Action         string // URL of the form's POST
	CSRF           string // token for that form
	LoginID        string // id of the login, a hidden field
	RequestID      string
}

// ToolDenied is a tool that the person cannot use, and the group that would change this ("" when nobody may).
type ToolDenied struct{ Name, Need string }

// ContinueData is the page between our form and somebody else's site.
type ContinueData struct {
	To        string // the provider, or the app
	Back      bool   // the app waits there for its answer
	Denied    bool   // and the answer is no
	URL       string // where the browser goes by itself, and the link
	RequestID string
}

// SignedInData is the last page of a login that succeeded.
type SignedInData struct {
	App       string
	Proxy     string
	User      string
	ReturnURL string // only for private-use schemes: the button back to the app
	RequestID string
}

// RefusedData is the last page of a login that succeeded although the person is not admitted.
type RefusedData struct {
	App       string
	Proxy     string
	User      string
	Reason    string   // one of the policy.Reason… constants
	Missing   []string // groups one of which would let him in
	Contact   string   // whom to ask; "the administrator" when empty
	ReturnURL string   // where the app waits for the answer, as a link; empty hides it
	Seconds   int      // after which the browser goes there by itself, which the page says; 0 = never
	RequestID string
}

// ErrorData is a page about something that went wrong. All of it is fixed text of ours, never the error itself.
type ErrorData struct {
	Title     string // what happened, as a heading
	What      string // what happened, in a sentence
	Whose     string // whose fault it is
	Do        string // what to do
	RequestID string
	RetryURL  string // a link of ours; empty hides it
}
