package policy

// Subject is an identity whose groups have been resolved under one configuration. It is immutable and cheap to keep per
// session; a Policy that is given the Subject of another one resolves it anew.
type Subject struct {
	Identity Identity
	// Groups are the declared groups he is in and those groups of his provider, as provider:group, that the
	// configuration mentions; sorted.
	Groups []string
	// Why holds one entry for each way into each group, in the order of Groups.
	Why []Membership
	// Disabled is the rule that disabled him, such as users.eve@example.com, or "".
	Disabled string
	// Blocked is what the caller of Policy.Subject said: an operator blocked him.
	Blocked bool

	of        *Policy
	set       bits
	overrides map[string]*ruleSet // by proxy; only those that concern him
}

// Membership is one way into a group.
type Membership struct {
	Group string
	How   string // for people: "member alice@example.com", "claim groups=eng via okta", …
	Rule  string // configuration path
}
