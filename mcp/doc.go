// Package mcp is the MCP wire in every era it is spoken: strict JSON-RPC, the headers of 2026-07-28, server-sent events,
// list answers, sealed session ids. It knows what a message asks for and never decides whether it may.
//
// A POST body goes through Parse, which returns the one message in it and the exact bytes to forward. What cannot be
// read in exactly one way by every JSON reader is refused, never repaired.
package mcp
