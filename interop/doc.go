// Package interop runs real clients, servers and a browser against the built binary: the official TypeScript and Go SDK
// clients, oidc-provider as the identity provider, server-everything and the Go SDK's server as upstreams, Chromium on
// the pages. `interop/run` installs the pinned npm packages into this folder and runs the tests, which stand behind the
// build tag interop.
package interop
