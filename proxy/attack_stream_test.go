package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/config"
	"gatehouse/gatetest"
	"gatehouse/mcp"
	"gatehouse/session"
)

// TestStreamLimit is SS-10: limits.max_streams counts open streams, not calls; what is open stays, and a place comes back.
func TestStreamLimit(t *testing.T) {
	stop := make(chan struct{})
	var slow sync.WaitGroup
	hold := make(chan struct{})
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.Contains(string(body), `"slow"`):
			slow.Done()
			<-hold
			fallthrough
		case strings.Contains(string(body), `"safe"`):
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
		default:
			streamer(stop)(w, r)
		}
	})
	g := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) { p.Limits.MaxStreams = 2 })
	// Calls in flight take no place.
	slow.Add(4)
	answers := make(chan int, 4)
	for range 4 {
		go func() {
			req, _ := http.NewRequest("POST", g.url, strings.NewReader(call("slow")))
			req.Header.Set("Authorization", "Bearer bob")
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				answers <- 0
				return
			}
			res.Body.Close()
			answers <- res.StatusCode
		}()
	}
	slow.Wait()
	open := func(method, body string) *http.Response {
		t.Helper()
		res := g.do(method, "alice", body)
		if res.StatusCode == 200 {
			firstEvent(t, bufio.NewReader(res.Body))
		}
		return res
	}
	one, two := open("GET", ""), open("POST", call("stream"))
	if one.StatusCode != 200 || two.StatusCode != 200 {
		t.Fatalf("%d %d", one.StatusCode, two.StatusCode)
	}
	before := up.Count()
	if res := open("GET", ""); res.StatusCode != 429 || res.Header.Get("Retry-After") != "10" || up.Count() != before {
		t.Errorf("third stream: %d %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
	// Standing streams do not make calls fail; answers that are streams do, before the upstream hears of them.
	three := open("POST", call("stream"))
	before = up.Count()
	four := open("POST", call("stream"))
	if three.StatusCode != 200 || four.StatusCode != 429 || up.Count() != before {
		t.Errorf("streams that answer: %d, %d", three.StatusCode, four.StatusCode)
	}
	close(hold)
	for range cap(answers) {
		if code := <-answers; code != 200 {
			t.Errorf("a slow call: %d", code)
		}
	}
	two.Body.Close()
	three.Body.Close()
	for range 6 { // four calls and two streams are over
		g.log.last(t)
	}
	if res := open("GET", ""); res.StatusCode != 200 {
		t.Errorf("no place came back: %d", res.StatusCode)
	}
	close(stop)
}

// TestAnswersThatBecomeStreamsTogetherStayBounded: all of them were let through before the first answer began.
func TestAnswersThatBecomeStreamsTogetherStayBounded(t *testing.T) {
	const calls = 12
	var arrived sync.WaitGroup
	arrived.Add(calls)
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		arrived.Done()
		arrived.Wait()
		streamer(nil)(w, r)
	})
	g := newRig(t, up.URL, func(_ *config.Config, p *config.Proxy) { p.Limits.MaxStreams = 5 })
	var admitted, refused atomic.Int64
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, "POST", g.url, strings.NewReader(call("stream")))
			req.Header.Set("Authorization", "Bearer alice")
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if res.StatusCode == 200 {
				admitted.Add(1)
				io.Copy(io.Discard, res.Body) // until it is cut
				return
			}
			b, _ := io.ReadAll(res.Body)
			if res.StatusCode != 503 || !strings.Contains(string(b), `"reason":"too_many_streams"`) || res.Header.Get("Retry-After") == "" {
				t.Errorf("%d %s", res.StatusCode, b)
			}
			if refused.Add(1) == calls-5 {
				g.registry.CutStreams(nil, session.ErrShutdown)
			}
		})
	}
	all.Wait()
	if admitted.Load() != 5 {
		t.Errorf("%d streams were open", admitted.Load())
	}
}

// TestReloadDuringARequestIsNotMissed: judged before the reload, tracked after its sweep; the stream must not begin.
func TestReloadDuringARequestIsNotMissed(t *testing.T) {
	up := gatetest.NewUpstream(t, streamer(nil))
	g := newRig(t, up.URL, nil)
	g.Still = func(s *session.Session) bool { return s.ID != "s_bob" }
	for method, body := range map[string]string{"GET": "", "POST": call("stream")} {
		before := up.Count()
		res := g.do(method, "bob", body)
		if got := text(t, res); res.StatusCode != 403 || up.Count() != before {
			t.Errorf("%s: %d %s", method, res.StatusCode, got)
		}
		if e := g.log.last(t); e.Reason != reasonPolicy {
			t.Errorf("audit %s", e.Reason)
		}
	}
	if res := g.do("GET", "alice", ""); res.StatusCode != 200 {
		t.Errorf("alice: %d", res.StatusCode)
	}
}

// TestSessionIDsThatWereTamperedWith is SS-01 and SS-03: every changed bit, every other form, and twice.
func TestSessionIDsThatWereTamperedWith(t *testing.T) {
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Mcp-Session-Id", "up-session-1")
		gatetest.DefaultAnswer(w, r)
	})
	g := newRig(t, up.URL, nil)
	id := g.do("POST", "alice", call("safe")).Header.Get("Mcp-Session-Id")
	before := up.Count()
	bad := []string{"", " ", id + "=", id + "A", id[1:], id[:len(id)-1], strings.ToUpper(id), id + "," + id, `"` + id + `"`, "up-session-1", strings.Repeat("A", 9000)}
	for i := range id {
		for bit := range 7 {
			c := id[i] ^ 1<<bit
			if c > ' ' && c < 0x7f {
				bad = append(bad, id[:i]+string(rune(c))+id[i+1:])
			}
		}
	}
	for _, v := range bad {
		head := fmt.Sprintf("Mcp-Session-Id: %s\r\n", v)
		if len(bad) > 100 && len(v) == len(id) && v[3:] == id[3:] { // the first bytes over the wire, all others by hand
			if status, _ := g.raw(post(head, call("safe"))); status != 404 {
				t.Errorf("%q: %d", v, status)
			}
		} else if got, err := g.made.sealer.Unseal("session", ownerOf(g, "alice"), v); err == nil {
			t.Errorf("%q opens as %q", v, got)
		}
	}
	for _, head := range []string{"Mcp-Session-Id: " + id + "\r\nMcp-Session-Id: " + id + "\r\n", "Mcp-Session-Id:\r\n", "mcp-session-id: " + id + ", x\r\n"} {
		if status, _ := g.raw(post(head, call("safe"))); status != 404 {
			t.Errorf("%q: %d", head, status)
		}
	}
	if up.Count() != before {
		t.Error("the upstream heard of it")
	}
	again := newRig(t, up.URL, nil) // after a restart
	if res := again.do("DELETE", "alice", "", "Mcp-Session-Id", id); res.StatusCode != 202 || up.Last(t).Header.Get("Mcp-Session-Id") != "up-session-1" {
		t.Errorf("after a restart: %d", res.StatusCode)
	}
}

// TestNothingIsLeftAfterManyEnds is DS-07: however exchanges end, no goroutine stays behind.
func TestNothingIsLeftAfterManyEnds(t *testing.T) {
	up := gatetest.NewUpstream(t, streamer(nil))
	g := newRig(t, up.URL, nil)
	settle := func() int {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		g.Transport.(Transport).CloseIdleConnections()
		return runtime.NumGoroutine()
	}
	base := settle()
	for i := range 60 {
		method, body := "GET", ""
		if i%2 == 0 {
			method, body = "POST", call("stream")
		}
		res := g.do(method, "alice", body)
		firstEvent(t, bufio.NewReader(res.Body))
		if i%3 == 0 {
			g.registry.CutStreams(nil, session.ErrPolicy)
		}
		res.Body.Close()
		g.log.last(t)
	}
	deadline := time.Now().Add(5 * time.Second)
	for settle() > base+5 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, before %d", runtime.NumGoroutine(), base)
		}
		runtime.Gosched()
	}
	if n := g.people["alice"].Streams(); n != 0 {
		t.Errorf("%d streams are tracked", n)
	}
}

func ownerOf(g *rig, name string) mcp.Owner {
	s := g.people[name]
	return mcp.Owner{Proxy: "notes", Sub: s.Sub, ClientID: s.ClientID}
}
