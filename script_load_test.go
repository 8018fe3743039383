package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/accept/gate"
	"gatehouse/demo"
)

// Reliability promise RP-4, at the rate of the common path.
const (
	loadRate    = 200
	loadStreams = 20
)

// load puts calls and open streams on the gate while something happens N times, and wants no call to fail and no stream
// to drop: load reloads N, load broken N, load rotations N.
func load(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: load reloads|broken|rotations N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	s := storyOf(ts)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var people []*demo.Person
	for i := range 4 {
		name := fmt.Sprintf("alice@load%d", i)
		_, err := s.act(ctx, name, "signin", nil)
		ts.Check(err)
		people = append(people, s.who(name))
	}
	for i := range loadStreams {
		ts.Check(s.openStream(fmt.Sprintf("stream%d", i), people[i%len(people)]))
	}
	traffic, done := context.WithCancel(ctx)
	var report gate.Report
	var wg sync.WaitGroup
	wg.Go(func() { report = (&gate.Load{People: people, Rate: loadRate}).Run(traffic) })
	for i := range n {
		switch args[0] {
		case "reloads":
			err = s.gate.Turn(ctx, i)
		case "broken":
			err = s.gate.Break(ctx)
		case "rotations":
			_, err = s.gate.Conn().RotateKeys(ctx)
			if err == nil {
				_, err = people[i%len(people)].Refresh(ctx) // a token of the new key, among those of the old ones
			}
		default:
			err = fmt.Errorf("unknown work %q", args[0])
		}
		if err != nil {
			break
		}
	}
	done()
	wg.Wait()
	ts.Check(err)
	ts.Logf("%s: %s", strings.Join(args, " "), report)
	if report.Failed > 0 {
		ts.Fatalf("%s, the first with %v\n%s", report, report.First, s.gate.Stderr())
	}
	for i := range loadStreams {
		ts.Check(s.streaming(fmt.Sprintf("stream%d", i)))
	}
	fmt.Fprintf(ts.Stdout(), "%d %s, 0 calls failed, 0 streams dropped\n", n, args[0])
}
