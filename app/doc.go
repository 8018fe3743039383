// Package app is the wiring: it makes the long-lived parts once (store, sessions, audit log, authorization server), builds
// a world from each valid configuration, swaps it in with one atomic pointer and sweeps what lost its right to be there.
// It is the only package that knows all the others; none of them knows it, but cli.
package app
