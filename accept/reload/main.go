// Reload measures reliability promise RP-4: calls and open streams while the configuration changes again and again.
// Run from the module:
//
//	go run ./accept/reload [-rate 500] [-streams 20] [-reloads 100]
package main

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/accept/gate"
	"gatehouse/demo"
)

func main() {
	rate := flag.Int("rate", 500, "calls per second")
	streams := flag.Int("streams", 20, "open streams")
	reloads := flag.Int("reloads", 100, "configuration changes")
	flag.Parse()
	gate.Program(func(g *gate.Gate) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		if err := g.Start(ctx); err != nil {
			return "", err
		}
		var people []*demo.Person
		for i := range 8 {
			p := g.Person("alice")
			p.ClientName = fmt.Sprint("load ", i)
			if _, err := p.SignIn(ctx); err != nil {
				return "", err
			}
			people = append(people, p)
		}
		var dropped atomic.Int32
		for i := range *streams {
			s, err := people[i%len(people)].OpenStream(ctx, "watch_notes", map[string]any{"seconds": 3000})
			if err != nil {
				return "", err
			}
			go func() { // ends with the gate
				for {
					if _, err := s.Next(); err != nil {
						dropped.Add(1)
						return
					}
				}
			}()
		}
		traffic, done := context.WithCancel(ctx)
		var report gate.Report
		var wg sync.WaitGroup
		wg.Go(func() { report = (&gate.Load{People: people, Rate: *rate, Workers: 64}).Run(traffic) })
		var err error
		for i := 0; i < *reloads && err == nil; i++ {
			err = g.Turn(ctx, i)
		}
		lost := dropped.Load()
		done()
		wg.Wait()
		switch {
		case err != nil:
			return "", err
		case report.Failed > 0 || lost > 0:
			return "", fmt.Errorf("%s, %d streams dropped, first failure: %v", report, lost, report.First)
		}
		return fmt.Sprintf("%d reloads: %s, 0 of %d streams dropped", *reloads, report, *streams), nil
	})
}
