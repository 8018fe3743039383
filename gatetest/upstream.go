package gatetest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Upstream is an MCP server that remembers every byte it was sent. What it answers is Answer's to say; without one it
// echoes a JSON-RPC result.
type Upstream struct {
	URL string // of its MCP endpoint

	mu       sync.Mutex // guards what follows
	requests []Recorded
	raw      *bytes.Buffer
}

// Recorded is a request as it arrived.
type Recorded struct {
	Method, Path string
	Header       http.Header
	Trailer      http.Header
	Body         string
}

// NewUpstream starts an upstream on loopback that lives as long as the test. Nil answer: DefaultAnswer.
func NewUpstream(t testing.TB, answer http.HandlerFunc) *Upstream {
	t.Helper()
	if answer == nil {
		answer = DefaultAnswer
	}
	u := &Upstream{raw: new(bytes.Buffer)}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		u.mu.Lock()
		u.requests = append(u.requests, Recorded{r.Method, r.URL.RequestURI(), r.Header.Clone(), r.Trailer.Clone(), string(body)})
		u.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer(w, r)
	}))
	s.Listener = tapListener{s.Listener, u}
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	u.URL = s.URL + "/mcp"
	return u
}

// DefaultAnswer answers every request with an empty result of the same id, and everything else with 202.
func DefaultAnswer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	id, ok := rawID(body)
	if !ok {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{}}`, id)
}

func rawID(body []byte) (string, bool) {
	_, rest, found := strings.Cut(string(body), `"id":`)
	if !found || !strings.Contains(string(body), `"method"`) {
		return "", false
	}
	end := strings.IndexAny(rest, ",}")
	if end < 0 {
		return "", false
	}
	return rest[:end], true
}

// Requests are those that arrived so far.
func (u *Upstream) Requests() []Recorded {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Recorded(nil), u.requests...)
}

// Count is how many requests arrived: 0 proves that a refusal came before the upstream.
func (u *Upstream) Count() int { return len(u.Requests()) }

// Last is the newest request.
func (u *Upstream) Last(t testing.TB) Recorded {
	t.Helper()
	all := u.Requests()
	if len(all) == 0 {
		t.Fatal("the upstream heard nothing")
	}
	return all[len(all)-1]
}

// Saw reports that s is among all the bytes that ever arrived, in whatever place.
func (u *Upstream) Saw(s string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return bytes.Contains(bytes.ToLower(u.raw.Bytes()), []byte(strings.ToLower(s)))
}

// tapListener copies what connections receive.
type tapListener struct {
	net.Listener
	u *Upstream
}

func (l tapListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tapConn{c, l.u}, nil
}

type tapConn struct {
	net.Conn
	u *Upstream
}

func (c tapConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.u.mu.Lock()
	c.u.raw.Write(p[:n])
	c.u.mu.Unlock()
	return n, err
}

// NewRawUpstream starts an upstream that speaks by script: after it read one request, script has the connection to
// itself. It is for answers that net/http would not give: resets, lies, floods, halves.
func NewRawUpstream(t testing.TB, script func(c *net.TCPConn, request string)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				req, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				body, _ := io.ReadAll(req.Body)
				script(c.(*net.TCPConn), string(body))
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + l.Addr().String() + "/mcp"
}
