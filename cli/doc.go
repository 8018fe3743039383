// Package cli is the command line. Each command is thin: read flags, call a package, print. Data goes to standard output,
// talk to standard error, and the exit code says what happened (see --help). Everything that a live gate shows or does is
// asked of its control socket; nothing here opens the store or decides.
package cli
