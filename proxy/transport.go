package proxy

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"gatehouse/config"
)

// Transport is the connection pool towards one upstream.
type Transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// TransportKey is equal for two configurations of a proxy that may share a Transport. Credentials are part of it:
// connections that one credential opened serve no other (SS-06).
func TransportKey(p *config.Proxy) string {
	key := fmt.Sprintf("%s|%s|%s", p.Name, p.Upstream, p.Timeouts.Connect)
	for _, name := range sortedKeys(p.UpstreamAuth.Headers) {
		key += "|" + name + "=" + digest(p.UpstreamAuth.Headers[name].Reveal())
	}
	return key
}

// NewTransport makes the pool for a proxy. It speaks HTTP/1.1, follows nothing, asks no proxy of the environment, and
// neither adds nor takes away compression. timeouts.response_header is the exchange's own, whose timer goes on to watch the
// answer: the Transport's would be a second one per call, and would not count while an upstream takes a request and does
// not read it. The defaults of net/http keep two idle connections per host, which doubles
// the CPU of a request and runs out of ports under load.
func NewTransport(p *config.Proxy) Transport {
	connect := p.Timeouts.Connect
	if connect <= 0 {
		connect = 5 * time.Second
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    connect,
		MaxIdleConns:           2048,
		MaxIdleConnsPerHost:    1024,
		IdleConnTimeout:        90 * time.Second,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        4 << 10,
		ReadBufferSize:         4 << 10,
		Protocols:              protocols,
	}
}
