// Package idp signs a person in at an OpenID Connect provider and makes a policy.Identity of what the provider says.
//
// It knows one provider at a time: its discovery document and keys (fetched lazily, kept while the provider is away),
// the authorization request, the code exchange, userinfo, and the later question whether the person is still there
// (Refresh). It stores nothing, decides nothing about rights, and never logs a token.
package idp
