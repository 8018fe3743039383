// Package fetch is the one door out for addresses that others chose: discovery documents, key sets, token endpoints,
// client metadata. A Client resolves a name once, checks every address, and dials exactly the address it checked, so
// that neither an odd spelling of an address, nor a redirect, nor a name server that changes its mind (DNS rebinding)
// reaches an address that was not admitted. It follows no redirect, keeps no cookie, asks no proxy of the environment,
// and bounds every answer in bytes and in time. It never retries anything but GET and HEAD.
package fetch
