package main

import (
	"context"
	"fmt"
	"time"
)

// requests measures calls: every target in every round, in another order each time.
func (l *lab) requests(ctx context.Context, o options, r *report) error {
	type load struct {
		name  string
		conns int
		body  []byte
	}
	var loads []load
	for _, n := range o.conns {
		loads = append(loads, load{fmt.Sprintf("%d B call, %d connections", len(smallBody), n), n, smallBody})
	}
	if o.large {
		loads = append(loads, load{fmt.Sprintf("%d KiB call, 16 connections", len(largeBody)>>10), 16, largeBody})
	}
	for _, w := range loads {
		progress("%s", w.name)
		for round := range o.rounds + 1 {
			length := o.length
			if round == 0 {
				length /= 2 // thrown away
			}
			for i := range l.targets {
				t := l.targets[(i+round)%len(l.targets)]
				l.back.peak.Store(l.back.conns.Load())
				s, err := measure(ctx, t, w.conns, w.body, length)
				if err != nil {
					return err
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if t.name == "gatehouse" || t.name == "gatehouse, open" {
					l.passed += s.requests
				}
				if round > 0 {
					r.add(w.name, t.name, cpuPerRequest, float64(s.cpu)/float64(time.Microsecond))
					r.add(w.name, t.name, perSecond, s.rate)
					r.add(w.name, t.name, p50, float64(s.p50)/float64(time.Microsecond))
					r.add(w.name, t.name, p99, float64(s.p99)/float64(time.Microsecond))
				}
			}
		}
	}
	return nil
}
