// Package demo is everything around the gate that a newcomer does not have at hand: an OpenID provider with clickable
// people (IdP), an MCP server with an honest notebook (Notes), and scripted people who sign in and work (Person). Run puts
// them together with the real gate, on loopback, in a directory that is gone afterwards. The end-to-end tests drive the
// same parts, so that the demo cannot rot.
package demo
