package policy

// Kinds of Identity.
const (
	User      = "user"
	Client    = "client"
	Key       = "key"
	Anonymous = "anonymous"
)

// Identity is who calls. For people it is made in idp from verified claims; for clients, keys and anonymous callers in
// oauth. (Provider, Issuer, Subject) identifies a person; the e-mail address never does.
type Identity struct {
	Kind     string `json:"kind"`
	Provider string `json:"provider,omitempty"` // name of the provider in the configuration
	Issuer   string `json:"issuer,omitempty"`
	Subject  string `json:"subject,omitempty"` // the provider's own id of the person, or the client_id, or the key's name
	// Sub is our stable id of (provider, issuer, subject), the sub claim of our tokens; for a client its client_id.
	Sub   string `json:"sub"`
	Email string `json:"email,omitempty"` // lower case
	// EmailVerified: the provider vouches for Email, by email_verified or by trust_email. Only a verified address gives rights.
	EmailVerified bool   `json:"email_verified,omitempty"`
	Name          string `json:"name,omitempty"`
	// ProviderGroups is the provider's groups claim; okta:eng refers to "eng" of somebody who came from okta.
	ProviderGroups []string `json:"provider_groups,omitempty"`
	// Groups are groups given outside the provider: a client's or key's own.
	Groups []string `json:"groups,omitempty"`
	// Claims are the other claims that group rules may ask for, as decoded from JSON. Values are strings, numbers,
	// booleans and lists of them; nested objects are dropped. Bounded to 64 claims and 8 KiB.
	Claims map[string]any `json:"claims,omitempty"`
}

// Label is what people call this identity: the e-mail address, else the name, else provider:subject.
func (id Identity) Label() string {
	switch {
	case id.Email != "":
		return id.Email
	case id.Name != "":
		return id.Name
	case id.Provider != "":
		return id.Provider + ":" + id.Subject
	case id.Kind == Anonymous:
		return Anonymous
	}
	return id.Subject
}
