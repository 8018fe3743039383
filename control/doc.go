// Package control is the administration of the gate on two unix sockets: the JSON that scripts rely on, the server, and
// the client that the command line and the dashboard share. view.sock answers GET only; control.sock also acts. Who may
// connect is decided by the kernel's word about the peer, never by anything that the peer says.
//
// It knows nothing of the rest of the house: what is shown and done comes through Backend, which package app implements.
// Nothing secret crosses the sockets: ids only, never a token.
package control
