// Revoke measures reliability promise RP-14: how long after an acknowledged revocation a stream is still open, under load.
// Run from the module:
//
//	go run ./accept/revoke [-rounds 50] [-rate 500]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"gatehouse/accept/gate"
	"gatehouse/control"
	"gatehouse/demo"
)

// bar is the promise.
const bar = 100 * time.Millisecond

func main() {
	rounds := flag.Int("rounds", 50, "revocations")
	rate := flag.Int("rate", 500, "calls per second beside them")
	flag.Parse()
	gate.Program(func(g *gate.Gate) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		if err := g.Start(ctx); err != nil {
			return "", err
		}
		busy := g.Person("bob")
		if _, err := busy.SignIn(ctx); err != nil {
			return "", err
		}
		traffic, done := context.WithCancel(ctx)
		var report gate.Report
		var wg sync.WaitGroup
		wg.Go(func() { report = (&gate.Load{People: []*demo.Person{busy}, Rate: *rate, Workers: 32}).Run(traffic) })
		var cuts []time.Duration
		var err error
		for i := 0; i < *rounds && err == nil; i++ {
			var cut time.Duration
			cut, err = round(ctx, g, i)
			cuts = append(cuts, cut)
		}
		done()
		wg.Wait()
		if err != nil {
			return "", err
		}
		slices.Sort(cuts)
		worst := cuts[len(cuts)-1]
		figure := fmt.Sprintf("%d revocations beside %s: stream closed after p50 %v, worst %v", *rounds, report, cuts[len(cuts)/2], worst)
		if worst > bar || report.Failed > 0 {
			return "", errors.New(figure)
		}
		return figure, nil
	})
}

// round opens a stream, revokes its session and measures until the client sees the end; then the token must be dead.
func round(ctx context.Context, g *gate.Gate, i int) (time.Duration, error) {
	p := g.Person("alice")
	p.ClientName = fmt.Sprint("round ", i)
	if _, err := p.SignIn(ctx); err != nil {
		return 0, err
	}
	s, err := p.OpenStream(ctx, "watch_notes", map[string]any{"seconds": 600})
	if err != nil {
		return 0, err
	}
	ended := make(chan time.Time, 1)
	go func() { // ends with the stream
		for {
			if _, err := s.Next(); err != nil {
				ended <- time.Now()
				return
			}
		}
	}()
	began := time.Now()
	if _, err := g.Conn().RevokeSessions(ctx, control.RevokeRequest{Client: p.ClientID(), Reason: "measured"}); err != nil {
		return 0, err
	}
	at := <-ended
	t := p.Tokens()
	p.SetTokens(demo.Tokens{Access: t.Access})
	var refused *demo.HTTPError
	if _, err := p.Call(ctx, "list_notes", nil); !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
		return 0, fmt.Errorf("the token still lives: %v", err)
	}
	return at.Sub(began), nil
}
