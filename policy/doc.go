// Package policy answers four questions about an Identity under one config.Config: which groups is it in, may it enter
// this proxy, may it see or use this tool, resource, prompt or method, and why.
//
// It is a pure function: no clock, no network, no log, no state but the compiled configuration. Everything that is not
// understood is refused: an unknown proxy, a nil Subject, a name that is not admitted, a rule whose feature is missing.
// What takes rights away is matched broadly (any e-mail claim, verified or not), what gives them narrowly (the
// provider's own id of the person, or an address the provider vouches for).
//
// Explain runs the very functions that Enter and Decide run, with a sink that writes down their steps, so it cannot
// disagree with enforcement.
package policy
