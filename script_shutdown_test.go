package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Reliability promise RP-11, at the rate of the common path.
const (
	shutdownRate    = 200
	shutdownStreams = 20
	shutdownGrace   = 2 * time.Second
)

// slowUpstream adds a proxy named slow to the file, whose upstream takes its time over a call and never ends a stream.
func slowUpstream(ts *testscript.TestScript, neg bool, args []string) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodGet || strings.Contains(string(body), "watch") {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":\"x\"}}\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		time.Sleep(150 * time.Millisecond) // what is in flight when the signal comes
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":{"content":[]}}`)
	}))
	ts.Defer(up.Close)
	ts.Check(storyOf(ts).gate.Replace("  open:\n", "  slow:\n    upstream: "+up.URL+"/mcp\n    oauth: {enabled: false}\n  open:\n"))
}

// shutdown sends SIGTERM under load and wants every call that was under way to be answered, every stream to end with a
// comment, and exit 0 within the grace.
func shutdown(ts *testscript.TestScript, neg bool, args []string) {
	g := storyOf(ts).gate
	url := g.MainURL() + "/slow"
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: patience}
	defer client.CloseIdleConnections()
	ends := make(chan string, shutdownStreams)
	for i := range shutdownStreams {
		req := slowRequest(ts, url, []string{"", "watch"}[i%2])
		resp, err := client.Do(req)
		ts.Check(err)
		first := make([]byte, 16)
		_, err = io.ReadFull(resp.Body, first)
		ts.Check(err)
		go func() { // ends with the stream
			defer resp.Body.Close()
			rest, err := io.ReadAll(resp.Body)
			ends <- fmt.Sprint(string(rest), "|", err)
		}()
	}
	var signalled atomic.Int64 // when, in ns; 0 = not yet
	var answered, failed, late atomic.Int64
	var first atomic.Pointer[string]
	var wg sync.WaitGroup
	tick := time.NewTicker(time.Second / shutdownRate)
	defer tick.Stop()
	began := time.Now()
	var stopped time.Time
	for time.Since(began) < 700*time.Millisecond {
		<-tick.C
		if stopped.IsZero() && time.Since(began) > 400*time.Millisecond {
			stopped = time.Now()
			signalled.Store(stopped.UnixNano())
			ts.Check(g.Signal(syscall.SIGTERM))
		}
		req := slowRequest(ts, url, "slow")
		wg.Go(func() {
			var wrote atomic.Int64
			ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
				WroteRequest: func(httptrace.WroteRequestInfo) { wrote.CompareAndSwap(0, time.Now().UnixNano()) }})
			err := unary(client, req.WithContext(ctx))
			at, when := wrote.Load(), signalled.Load()
			switch {
			case err == nil:
				answered.Add(1)
			case when != 0 && (at == 0 || at > when-int64(5*time.Millisecond)):
				late.Add(1) // came when the door was closed, or closing
			default:
				failed.Add(1)
				text := err.Error()
				first.CompareAndSwap(nil, &text)
			}
		})
	}
	wg.Wait()
	code := g.Wait()
	took := time.Since(stopped)
	if n := failed.Load(); n > 0 {
		ts.Fatalf("%d of %d calls in flight failed, the first: %s\n%s", n, n+answered.Load(), *first.Load(), g.Stderr())
	}
	for range shutdownStreams {
		if end := <-ends; !strings.Contains(end, ": closed: ") || !strings.HasSuffix(end, "|<nil>") {
			ts.Fatalf("a stream ended with %q", end)
		}
	}
	if code != 0 || took > shutdownGrace+time.Second {
		ts.Fatalf("exit %d after %v\n%s", code, took, g.Stderr())
	}
	ts.Logf("%d answered, %d came too late, exit after %v", answered.Load(), late.Load(), took)
	fmt.Fprintf(ts.Stdout(), "0 calls failed, %d streams ended with a comment, exit 0\n", shutdownStreams)
}

// slowRequest is a call of a tool at the slow proxy, or a standing stream when tool is empty.
func slowRequest(ts *testscript.TestScript, url, tool string) *http.Request {
	method, body := http.MethodPost, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":{}}}`, tool)
	if tool == "" {
		method, body = http.MethodGet, ""
	}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	ts.Check(err)
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("MCP-Protocol-Version", "2025-06-18")
	return req
}

func unary(client *http.Client, req *http.Request) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !strings.Contains(string(body), `"result"`)) {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return err
}
