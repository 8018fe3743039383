package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// stream is an open GET.
type stream struct {
	net.Conn
	r     *bufio.Reader
	first time.Duration // until the first byte of the body
}

func (t *target) open() (*stream, error) {
	start := time.Now()
	c, err := net.DialTimeout("tcp", t.addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	s := &stream{Conn: c, r: bufio.NewReaderSize(c, 1<<10)}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\n%sAccept: text/event-stream\r\nMcp-Protocol-Version: 2025-11-25\r\n\r\n", t.path, t.host(), t.bearer())
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return nil, err
	}
	line, err := s.r.ReadString('\n')
	if err != nil || len(line) < 12 || line[9:12] != "200" {
		rest, _ := io.ReadAll(io.LimitReader(s.r, 400))
		c.Close()
		return nil, fmt.Errorf("%s: stream answered %q %s: %v", t.name, line, rest, err)
	}
	for {
		line, err := s.r.ReadSlice('\n')
		if err != nil {
			c.Close()
			return nil, err
		}
		if bytes.HasPrefix(line, []byte(": open")) {
			s.first = time.Since(start)
			return s, c.SetReadDeadline(time.Time{})
		}
	}
}

// openStreams opens n of them, a few at a time.
func (t *target) openStreams(n int) ([]*stream, error) {
	all := make([]*stream, n)
	errs := make([]error, 8)
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && errs[w] == nil; i = next.Add(1) - 1 {
				all[i], errs[w] = t.open()
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			closeStreams(all)
			return nil, err
		}
	}
	return all, nil
}

func closeStreams(all []*stream) {
	for _, s := range all {
		if s != nil {
			s.Close()
		}
	}
}

// idleStreams measures the memory of n streams, in a fresh process for each proxy.
func (l *lab) idleStreams(ctx context.Context, n int, r *report) error {
	progress("%d idle streams", n)
	l.back.period.Store(0)
	for _, name := range []string{"bare", "pooled", "gatehouse"} {
		var t *target
		var err error
		if name == "gatehouse" {
			t, err = l.startGate(ctx)
		} else {
			t, err = l.startRole(name)
		}
		if err == nil {
			err = l.idle(ctx, t, n, r)
		}
		if t != nil && t.proc != nil {
			if e := t.proc.stop(); err == nil && name == "gatehouse" {
				err = e
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) idle(ctx context.Context, t *target, n int, r *report) error {
	// A few requests only: garbage of a load would count as base, and the streams would fill its place for nothing.
	if _, err := measure(ctx, t, 1, smallBody, 20*time.Millisecond); err != nil {
		return err
	}
	base, err := t.proc.rss()
	if err != nil {
		return err
	}
	all, err := t.openStreams(n)
	if err != nil {
		return err
	}
	defer closeStreams(all)
	if err := settle(ctx); err != nil {
		return err
	}
	fresh, err := t.proc.rss()
	if err != nil {
		return err
	}
	var got atomic.Int64
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Go(func() {
			buf := make([]byte, 2<<10)
			for {
				k, err := s.r.Read(buf)
				got.Add(int64(k))
				if err != nil {
					return
				}
			}
		})
	}
	defer wg.Wait()
	defer closeStreams(all)
	l.back.sendBurst()
	for range 600 {
		if got.Load() >= int64(n)<<16 {
			break
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	if got.Load() < int64(n)<<16 {
		return fmt.Errorf("%s: %d bytes of 64 KiB on each of %d streams arrived", t.name, got.Load(), n)
	}
	if err := settle(ctx); err != nil {
		return err
	}
	after, err := t.proc.rss()
	if err != nil {
		return err
	}
	per := func(now int64) float64 { return float64(now-base) / float64(n) / 1024 }
	r.add(fmt.Sprintf("%d idle streams", n), t.name, kibPerStream, per(fresh))
	r.add(fmt.Sprintf("%d idle streams after 64 KiB on each", n), t.name, kibPerStream, per(after))
	return nil
}

func settle(ctx context.Context) error { return pause(ctx, 2*time.Second) }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

const (
	eventStreams = 50
	eventPeriod  = 20 * time.Millisecond
)

// eventStreams measures streams that carry events.
func (l *lab) eventStreams(ctx context.Context, o options, r *report) error {
	name := fmt.Sprintf("%d streams, an event per %v", eventStreams, eventPeriod)
	progress("%s", name)
	l.back.period.Store(int64(eventPeriod))
	defer l.back.period.Store(0)
	var targets []*target
	for _, n := range []string{"bare", "pooled", "gatehouse"} {
		targets = append(targets, l.target(n))
	}
	for round := range o.rounds + 1 {
		for i := range targets {
			t := targets[(i+round)%len(targets)]
			cpu, lags, firsts, err := watch(t, o.length)
			if err != nil {
				return err
			}
			if round == 0 {
				continue
			}
			slices.Sort(lags)
			slices.Sort(firsts)
			r.add(name, t.name, cpuPerEvent, float64(cpu)/float64(time.Microsecond)/float64(len(lags)))
			r.add(name, t.name, lagP50, float64(lags[len(lags)/2])/float64(time.Microsecond))
			r.add(name, t.name, lagP99, float64(lags[len(lags)*99/100])/float64(time.Microsecond))
			r.add(name, t.name, firstByte, float64(firsts[len(firsts)/2])/float64(time.Microsecond))
		}
	}
	return nil
}

func watch(t *target, length time.Duration) (cpu time.Duration, lags, firsts []time.Duration, err error) {
	all, err := t.openStreams(eventStreams)
	if err != nil {
		return 0, nil, nil, err
	}
	before, err := t.proc.cpu()
	if err != nil {
		closeStreams(all)
		return 0, nil, nil, err
	}
	got := make([][]time.Duration, len(all))
	var wg sync.WaitGroup
	for i, s := range all {
		firsts = append(firsts, s.first)
		wg.Go(func() {
			for {
				line, err := s.r.ReadSlice('\n')
				if err != nil {
					return // closed below
				}
				_, rest, found := bytes.Cut(line, []byte(`"at":`))
				if !found {
					continue
				}
				at, err := strconv.ParseInt(string(rest[:bytes.IndexByte(rest, '}')]), 10, 64)
				if err == nil {
					got[i] = append(got[i], time.Since(time.Unix(0, at)))
				}
			}
		})
	}
	time.Sleep(length)
	after, err := t.proc.cpu()
	closeStreams(all)
	wg.Wait()
	lags = slices.Concat(got...)
	if want := int(length/eventPeriod) * eventStreams / 2; len(lags) < want && err == nil {
		err = fmt.Errorf("%s: %d events arrived, expected at least %d", t.name, len(lags), want)
	}
	return after - before, lags, firsts, err
}
