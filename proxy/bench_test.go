package proxy

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"

	"gatehouse/audit"
)

// canned answers without a network, so that what remains is ours and httputil's.
type canned struct{}

var cannedBody = bytes.Repeat([]byte{'x'}, 270)

func (canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, ContentLength: 270, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}, "Content-Length": {"270"}, "Date": {"x"}},
		Body:   io.NopCloser(bytes.NewReader(cannedBody)),
	}, nil
}

type discard struct{ head http.Header }

func (d *discard) Header() http.Header       { return d.head }
func (*discard) WriteHeader(int)             {}
func (*discard) Write(p []byte) (int, error) { return len(p), nil }
func (*discard) FlushError() error           { return nil }

type quiet struct{}

func (quiet) Record(*audit.Event) error       { return nil }
func (quiet) Done(*audit.Event)               {}
func (quiet) RefusedAnonymous(*audit.Event)   {}
func (quiet) Arguments(string, []byte) string { return "" }

// BenchmarkCall compares the guarded call with a bare ReverseProxy over the same canned upstream.
func BenchmarkCall(b *testing.B) {
	g := newRig(b, "http://127.0.0.1:1/mcp", nil)
	g.Transport, g.Audit = canned{}, quiet{}
	body := []byte(call("safe"))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	request := func() *http.Request {
		r := (&http.Request{
			Method: "POST", URL: &url.URL{Scheme: "http", Host: "localhost", Path: "/notes"}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body)),
			Header: http.Header{
				"Authorization": {"Bearer alice"}, "Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"},
				"User-Agent": {"bench"}, "Mcp-Protocol-Version": {"2025-11-25"},
			},
			Body: io.NopCloser(bytes.NewReader(body)), RemoteAddr: "127.0.0.1:1",
		}).WithContext(ctx)
		return r
	}
	plain := &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) { pr.Out.URL.Host = "127.0.0.1:1" }, Transport: canned{}, BufferPool: copyBuffers}
	for name, h := range map[string]http.Handler{"gate": g.Handler, "httputil": plain} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(&discard{http.Header{}}, request())
			}
		})
	}
}
