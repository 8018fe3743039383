package main

import (
	"github.com/rogpeppe/go-internal/testscript"
)

// attackCommands do what an attacker, a full disk or a careless operator does.
//
//	slowupstream          a proxy whose upstream takes its time; before start
//	shutdown              SIGTERM under load; see script_shutdown_test.go
var attackCommands = map[string]func(*testscript.TestScript, bool, []string){
	"slowupstream": slowUpstream, "shutdown": shutdown,
}
