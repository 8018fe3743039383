// Package proxy is the guarded request: authenticate, limit, parse, decide, record, track, forward, close the record.
// ServeHTTP in handler.go is the table of contents; it calls the other files one after the other, and they do not call
// each other. What cannot be parsed strictly is refused and never forwarded; an error on the way to a decision refuses.
package proxy
