// Flood measures RG-05, DS-03 and AU-09: a flood of registrations, oversized bodies and calls without a token, and what it
// leaves behind in memory and in the audit log. Run from the module:
//
//	go run ./accept/flood [-requests 100000]
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/accept/gate"
)

// connections is how many requests are under way at once.
const connections = 32

// Bars: growth of resident memory, growth of the audit log per minute, and how many unused clients may remain.
const (
	barMemory  = 64 << 20
	barLog     = 5 << 20
	barClients = 1000
)

func main() {
	requests := flag.Int("requests", 100_000, "of each kind")
	flag.Parse()
	gate.Program(func(g *gate.Gate) (string, error) {
		ctx := context.Background()
		if err := g.Replace("rate_limits: {register: 6000/m, token: 60000/m, authorize: 60000/m}", "rate_limits: {register: 100000/s}"); err != nil {
			return "", err
		}
		if err := g.Start(ctx); err != nil {
			return "", err
		}
		before, logBefore, began := resident(g.PID()), size(g.AuditPath()), time.Now()
		flood(*requests, func(i int) (*http.Request, error) {
			body := fmt.Sprintf(`{"redirect_uris":["http://127.0.0.1:%d/cb"],"client_name":"flood %d","token_endpoint_auth_method":"none"}`, 1024+i%60000, i)
			return http.NewRequest(http.MethodPost, g.MainURL()+"/api/v1/oauth-proxy/notes/register", strings.NewReader(body))
		})
		anonymous := time.Now()
		logAnonymous := size(g.AuditPath())
		flood(*requests, func(int) (*http.Request, error) {
			return http.NewRequest(http.MethodPost, g.ProxyURL(), strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
		})
		huge := bytes.Repeat([]byte("x"), 5<<20)
		flood(*requests/1000, func(int) (*http.Request, error) {
			return http.NewRequest(http.MethodPost, g.ProxyURL(), bytes.NewReader(huge))
		})
		grown := resident(g.PID()) - before
		perMinute := float64(size(g.AuditPath())-logAnonymous) / max(time.Since(anonymous).Minutes(), 1)
		clients, err := g.Conn().Clients(ctx)
		if err != nil {
			return "", err
		}
		figure := fmt.Sprintf("%d requests of each kind in %v: memory +%d MiB, log +%d KiB by registrations and +%.0f KiB/min by anonymous calls, %d clients kept",
			*requests, time.Since(began).Round(time.Second), grown>>20, (logAnonymous-logBefore)>>10, perMinute/1024, len(clients))
		if grown > barMemory || perMinute > barLog || len(clients) > barClients {
			return "", fmt.Errorf("%s", figure)
		}
		return figure, nil
	})
}

// flood sends n requests over 32 connections and ignores the answers.
func flood(n int, make func(i int) (*http.Request, error)) {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	work := chanOf(n)
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for i := range work {
				req, err := make(i)
				if err != nil {
					continue
				}
				req.Header.Set("Content-Type", "application/json")
				if resp, err := client.Do(req); err == nil {
					resp.Body.Close()
				}
			}
		})
	}
	wg.Wait()
}

func chanOf(n int) <-chan int {
	c := make(chan int)
	go func() { // ends when all were taken
		for i := range n {
			c <- i
		}
		close(c)
	}()
	return c
}

// resident is the memory of a process in bytes.
func resident(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
