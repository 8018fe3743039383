package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Defaults of Options.
const (
	DefaultTimeout = 30 * time.Second
	DefaultMaxBody = 1 << 20
)

var (
	// ErrBlocked is in the chain of every refusal to contact an address.
	ErrBlocked = errors.New("address not admitted")
	// ErrTooLarge is what reading an answer beyond MaxBody ends with.
	ErrTooLarge = errors.New("answer too large")
)

// Options describe a Client. The zero value reaches public https addresses only.
type Options struct {
	// Trusted are URLs as written in the YAML. Their host and port may be private, and may be spoken to over plain http
	// when the URL says http.
	Trusted []string
	// AllowPrivate are host names that may be private although somebody else named them (server.allow_private).
	AllowPrivate []string
	// Timeout bounds a request from the first lookup to the last byte of the answer; 0 is DefaultTimeout.
	Timeout time.Duration
	// MaxBody bounds an answer's body in bytes; 0 is DefaultMaxBody.
	MaxBody int64
	// Retries is how often GET and HEAD are repeated after a broken connection, 429, 502, 503 or 504; 0 is never.
	Retries int
	// RootCAs replace the system's certificate authorities; nil is the system's.
	RootCAs *x509.CertPool

	lookup  func(ctx context.Context, host string) ([]netip.Addr, error) // tests: a name server that lies
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	backoff func(attempt int) time.Duration
}

// Client makes a client that is safe to point at addresses chosen by others. Redirects are answers to it, never
// followed: Go forwards the body of a POST, and with it a refresh token, on a 307 to any host.
func Client(o Options) *http.Client {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.lookup == nil {
		o.lookup = systemLookup
	}
	if o.dial == nil {
		o.dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	if o.backoff == nil {
		o.backoff = func(n int) time.Duration { return time.Duration(1<<min(n, 4)) * 100 * time.Millisecond }
	}
	a := newAdmission(o)
	return &http.Client{
		Timeout:       o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &guard{
			admission: a, maxBody: o.MaxBody, retries: o.Retries, backoff: o.backoff,
			next: &http.Transport{
				Proxy:       nil, // a proxy from the environment would resolve and dial for us, unchecked
				DialContext: a.dialContext,
				// No transparent gunzip: a bomb would unfold before MaxBody counts it. Nobody is asked for gzip.
				DisableCompression:     true,
				ForceAttemptHTTP2:      true,
				TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
				TLSHandshakeTimeout:    10 * time.Second,
				ResponseHeaderTimeout:  o.Timeout,
				MaxResponseHeaderBytes: 64 << 10,
				MaxIdleConns:           16,
				MaxIdleConnsPerHost:    4,
				IdleConnTimeout:        30 * time.Second,
			},
		},
	}
}

func systemLookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}
