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
	"strings"
	"sync"
	"time"
)

// target is somewhere to send requests to.
type target struct {
	name  string
	addr  string
	path  string
	token string
	proc  *process // nil for direct
}

// request is a whole POST as bytes.
func (t *target) request(body []byte) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\n%sContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMcp-Protocol-Version: 2025-11-25\r\nContent-Length: %d\r\n\r\n%s",
		t.path, t.host(), t.bearer(), len(body), body)
}

// host is the name that the gate's base URL has.
func (t *target) host() string {
	_, port, _ := net.SplitHostPort(t.addr)
	return "localhost:" + port
}

func (t *target) bearer() string {
	if t.token == "" {
		return ""
	}
	return "Authorization: Bearer " + t.token + "\r\n"
}

// sample is one round at one target.
type sample struct {
	requests int
	cpu      time.Duration // of the proxy, per request
	rate     float64       // requests per second
	p50, p99 time.Duration
}

// measure loads t over n connections for a while. Every answer is compared.
func measure(ctx context.Context, t *target, n int, body []byte, length time.Duration) (sample, error) {
	conns := make([]*client, n)
	for i := range conns {
		c, err := dial(t)
		if err != nil {
			return sample{}, err
		}
		defer c.Close()
		conns[i] = c
	}
	req := t.request(body)
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	// All connections are open and have carried one request before the clock runs.
	for _, c := range conns {
		if err := c.exchange(req); err != nil {
			return sample{}, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	before, err := cpuOf(t)
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, n)
	times := make([][]time.Duration, n)
	for i, c := range conns {
		wg.Go(func() {
			for ctx.Err() == nil {
				at := time.Now()
				if errs[i] = c.exchange(req); errs[i] != nil {
					return
				}
				times[i] = append(times[i], time.Since(at))
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	after, err := cpuOf(t)
	if err != nil {
		return sample{}, err
	}
	for _, err := range errs {
		if err != nil {
			return sample{}, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	all := slices.Concat(times...)
	if len(all) == 0 {
		return sample{}, fmt.Errorf("%s: no request completed", t.name)
	}
	slices.Sort(all)
	return sample{
		requests: len(all) + n, cpu: (after - before) / time.Duration(len(all)), rate: float64(len(all)) / took.Seconds(),
		p50: all[len(all)/2], p99: all[len(all)*99/100],
	}, nil
}

func cpuOf(t *target) (time.Duration, error) {
	if t.proc == nil {
		return 0, nil
	}
	return t.proc.cpu()
}

// client is one connection that sends one request after the other.
type client struct {
	net.Conn
	r    *bufio.Reader
	body []byte
}

func dial(t *target) (*client, error) {
	c, err := net.DialTimeout("tcp", t.addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &client{c, bufio.NewReaderSize(c, 4<<10), make([]byte, len(answer))}, nil
}

// exchange sends req and compares the answer. It parses just enough of HTTP to leave the core to the others.
func (c *client) exchange(req []byte) error {
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write(req); err != nil {
		return err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
		rest, _ := io.ReadAll(io.LimitReader(c.r, 600))
		return fmt.Errorf("answered %q: %s", strings.TrimSpace(string(line)), rest)
	}
	length := -1
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(v))); err != nil {
				return err
			}
		}
	}
	if length != len(answer) {
		return fmt.Errorf("answer has %d bytes, want %d", length, len(answer))
	}
	if _, err := io.ReadFull(c.r, c.body); err != nil {
		return err
	}
	if !bytes.Equal(c.body, answer) {
		return fmt.Errorf("wrong answer %s", c.body)
	}
	return nil
}
