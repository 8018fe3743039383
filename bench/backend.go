package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The workloads. The answer is the same for all requests, so that every answer can be compared.
var (
	smallBody = []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_notes","arguments":{"query":"quarterly","limit":10}}}        `)
	largeBody = []byte(`{"jsonrpc":"2.0","id":1,"params":{"arguments":{"text":"` + strings.Repeat("lorem ipsum dolor sit amet ", 2420) + `"},"name":"search_notes"},"method":"tools/call"}`)
	answer    = []byte(`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"` + strings.Repeat("three notes were found; ", 8) + `"}]}}`)
)

// backend is the upstream: it answers calls at once and holds streams open.
type backend struct {
	addr  string
	srv   *http.Server
	calls atomic.Int64 // answered
	conns atomic.Int64 // open connections
	peak  atomic.Int64 // most of them at once
	// period is how often a stream opened from now on carries an event; 0 = it is silent.
	period atomic.Int64
	// burst is closed when silent streams are to send 64 KiB each.
	mu    sync.Mutex
	burst chan struct{}
}

func newBackend() (*backend, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &backend{addr: l.Addr().String(), burst: make(chan struct{})}
	length := []string{strconv.Itoa(len(answer))}
	b.srv = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				if n := b.conns.Add(1); n > b.peak.Load() {
					b.peak.Store(n)
				}
			case http.StateClosed, http.StateHijacked:
				b.conns.Add(-1)
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				b.stream(w, r)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			h := w.Header()
			h["Content-Type"], h["Content-Length"] = []string{"application/json"}, length
			_, _ = w.Write(answer)
			b.calls.Add(1)
		}),
	}
	go b.srv.Serve(l) // ends with close
	return b, nil
}

func (b *backend) close() { _ = b.srv.Close() }

func (b *backend) stream(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	burst := b.burst
	b.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	fmt.Fprint(w, ": open\n\n")
	_ = flush.Flush()
	var tick <-chan time.Time
	if d := time.Duration(b.period.Load()); d > 0 {
		t := time.NewTicker(d)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case <-burst:
			burst = nil
			// 64 KiB in events of 4 KiB.
			event := append([]byte("data: "), bytes.Repeat([]byte{' '}, 4<<10)...)
			copy(event[6:], `{"jsonrpc":"2.0","method":"notifications/message","params":{}}`)
			event = append(event, "\n\n"...)
			for range 16 {
				if _, err := w.Write(event); err != nil {
					return
				}
			}
			_ = flush.Flush()
		case <-tick:
			fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"at\":%d}}\n\n", time.Now().UnixNano())
			if flush.Flush() != nil {
				return
			}
		}
	}
}

// sendBurst makes every silent stream send 64 KiB.
func (b *backend) sendBurst() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.burst)
	b.burst = make(chan struct{})
}
