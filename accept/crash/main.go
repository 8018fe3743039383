// Crash measures reliability promises RP-1 and ST-01: it kills the gate with SIGKILL at random moments of logins, refreshes
// and revocations, and counts what was acknowledged and is gone, or was ended and is back. Run from the module:
//
//	go run ./accept/crash [-rounds 500]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"gatehouse/accept/gate"
)

func main() {
	rounds := flag.Int("rounds", 500, "kills")
	flag.Parse()
	gate.Program(func(g *gate.Gate) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(*rounds)*20*time.Second)
		defer cancel()
		if err := g.Start(ctx); err != nil {
			return "", err
		}
		began := time.Now()
		for i := range *rounds {
			work := g.CrashRevoke
			if i%2 == 0 {
				work = func(ctx context.Context) error { return g.CrashLogins(ctx, 4) }
			}
			if err := work(ctx); err != nil {
				return "", fmt.Errorf("round %d: %w", i, err)
			}
			if (i+1)%25 == 0 {
				fmt.Fprintf(os.Stderr, "%d of %d rounds, %v\n", i+1, *rounds, time.Since(began).Round(time.Second))
			}
		}
		return fmt.Sprintf("%d kills: 0 lost, 0 resurrected", *rounds), nil
	})
}
