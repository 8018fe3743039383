// Package oauth is the gate as authorization server, and what becomes of its tokens when they come back: metadata,
// registration, authorize, consent, the provider's callback, tokens, revocation, signing keys, and Authenticate, the one
// way in for a request.
//
// A login is not a chain of handlers: authorize, the consent form and the callback each write what they learned into the
// stored login and call next, which alone decides what the person sees now (login.go). Handlers return errors; two
// adapters turn them into OAuth JSON or into a page (respond.go).
//
// It decides nothing about tools, keeps no table of its own beside the store, fetches no address that a client named,
// and derives no URL from a request.
package oauth
