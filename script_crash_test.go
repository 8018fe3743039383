package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// crash kills the gate in the middle of things, as often as asked: crash ROUNDS revoke, crash ROUNDS login. The full
// figures are accept/crash.
func crash(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: crash ROUNDS revoke|login")
	}
	rounds, err := strconv.Atoi(args[0])
	ts.Check(err)
	s := storyOf(ts)
	for i := range rounds {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		switch args[1] {
		case "revoke":
			err = s.gate.CrashRevoke(ctx)
		case "login":
			err = s.gate.CrashLogins(ctx, 4)
		default:
			err = fmt.Errorf("unknown %q", args[1])
		}
		cancel()
		if err != nil {
			ts.Fatalf("round %d: %v\n%s", i, err, s.gate.Stderr())
		}
	}
	fmt.Fprintf(ts.Stdout(), "%d rounds, nothing lost, nothing resurrected\n", rounds)
}
