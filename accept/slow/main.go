// Slow measures DS-01, DS-02 and DS-07: connections that send their headers or bodies a byte a second, and calls that are
// hung up on; when they are closed, what others notice of them, and what they leave behind. Run from the module:
//
//	go run ./accept/slow [-connections 2000]
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/accept/gate"
	"gatehouse/demo"
)

// Bars: when slow headers and slow bodies must be closed, and how many goroutines may be left.
const (
	barHeader = 15 * time.Second
	barBody   = 40 * time.Second
	barLeft   = 5
)

func main() {
	connections := flag.Int("connections", 2000, "of each kind")
	flag.Parse()
	gate.Program(func(g *gate.Gate) (string, error) {
		metrics, err := gate.FreePort()
		if err != nil {
			return "", err
		}
		if err := g.Replace("users: {}", "users: {}\nmetrics: {listen: \""+metrics+"\"}"); err != nil {
			return "", err
		}
		ctx := context.Background()
		if err := g.Start(ctx); err != nil {
			return "", err
		}
		p := g.Person("alice")
		if _, err := p.SignIn(ctx); err != nil {
			return "", err
		}
		// The base has the idle connections that the traffic itself keeps.
		warm, cold := context.WithTimeout(ctx, 2*time.Second)
		(&gate.Load{People: []*demo.Person{p}, Rate: 1000}).Run(warm)
		cold()
		base, err := goroutines(metrics)
		if err != nil {
			return "", err
		}
		traffic, stop := context.WithCancel(ctx)
		defer stop()
		var report gate.Report
		var wg sync.WaitGroup
		wg.Go(func() { report = (&gate.Load{People: []*demo.Person{p}, Rate: 100}).Run(traffic) })
		header, err := slow(*connections, g.Main, "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
		if err != nil {
			return "", err
		}
		post := " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: 1000000\r\n\r\n"
		body, err := slow(*connections, g.Main, "POST /nothing"+post, "POST /api/v1/oauth-proxy/notes/token"+post, "POST /open"+post)
		if err != nil {
			return "", err
		}
		aborted(g.OpenURL(), *connections)
		stop()
		wg.Wait()
		left, err := settled(metrics, base)
		if err != nil {
			return "", err
		}
		figure := fmt.Sprintf("%d slow headers closed after %v, slow bodies after %v; meanwhile %s; %d aborted calls; goroutines %+d",
			*connections, header.Round(time.Millisecond), body.Round(time.Millisecond), report, *connections, left)
		if header > barHeader || body > barBody || report.Failed > 0 || left > barLeft {
			return "", fmt.Errorf("%s (%v)", figure, report.First)
		}
		return figure, nil
	})
}

// slow opens n connections that begin in turns and go on a byte a second, and returns when the last was closed.
func slow(n int, addr string, beginnings ...string) (time.Duration, error) {
	began := time.Now()
	var wg sync.WaitGroup
	errs := make(chan error, n)
	for i := range n {
		wg.Go(func() { errs <- drip(addr, beginnings[i%len(beginnings)]) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

func drip(addr, beginning string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, beginning); err != nil {
		return nil // closed already
	}
	closed := make(chan struct{})
	go func() { // ends when the connection does
		defer close(closed)
		c.SetReadDeadline(time.Now().Add(time.Minute))
		io.Copy(io.Discard, c)
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-closed:
			return nil
		case <-tick.C:
			io.WriteString(c, "x") // fails once the other side is gone, which closed says
		}
	}
}

// aborted begins n calls and hangs up in the middle.
func aborted(url string, n int) {
	client := &http.Client{}
	defer client.CloseIdleConnections()
	for i := range n {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%5)*time.Millisecond)
		body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"watch_notes","arguments":{"seconds":600}}}`
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
		if err == nil {
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Accept", "application/json, text/event-stream")
			if resp, err := client.Do(req); err == nil {
				resp.Body.Close()
			}
		}
		cancel()
	}
}

// settled waits until the goroutines are back at base, or do not get fewer any more, and returns the difference.
func settled(metrics string, base int) (left int, err error) {
	for range 100 {
		now, err := goroutines(metrics)
		if err != nil {
			return 0, err
		}
		if left = now - base; left <= barLeft {
			break
		}
		time.Sleep(100 * time.Millisecond) // between two looks
	}
	return left, nil
}

var goroutinesLine = regexp.MustCompile(`(?m)^go_goroutines (\d+)$`)

func goroutines(metrics string) (int, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + metrics + "/metrics")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	m := goroutinesLine.FindSubmatch(text)
	if m == nil {
		fmt.Fprintf(os.Stderr, "%s\n", text)
		return 0, fmt.Errorf("no go_goroutines in the metrics")
	}
	return strconv.Atoi(string(m[1]))
}
