package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/config"
	"gatehouse/mcp"
	"gatehouse/policy"
)

// made is what a Handler works out once.
type made struct {
	sealer    *mcp.Sealer
	upstream  *url.URL
	reverse   *httputil.ReverseProxy
	origins   origins
	protected protected
	fixed     []header // towards the upstream on every request
	identity  config.IdentityHeaders
	anonymous *policy.Subject
	limitKey  string
}

// header is a header line that is the same for many requests; its value is shared and never changed.
type header struct {
	name  string
	value []string
}

func (h *Handler) prepare() error {
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.Logger == nil {
		h.Logger = slog.New(slog.DiscardHandler)
	}
	if h.Proxy == nil || h.Config == nil || h.Policy == nil || h.Auth == nil || h.Sessions == nil || h.Limits == nil ||
		h.Audit == nil || h.Transport == nil || h.RequestID == nil || h.ClientIP == nil {
		return errors.New("proxy handler lacks a part")
	}
	sealer, err := mcp.NewSealer(h.SessionKey)
	if err != nil {
		return err
	}
	up, err := url.Parse(h.Proxy.Upstream)
	if err != nil || (up.Scheme != "http" && up.Scheme != "https") || up.Host == "" {
		return fmt.Errorf("upstream of proxy %q is no http URL", h.Proxy.Name)
	}
	up.User, up.Fragment = nil, ""
	base, err := url.Parse(h.Config.BaseURL(h.Proxy))
	if err != nil {
		return fmt.Errorf("base URL of proxy %q: %w", h.Proxy.Name, err)
	}
	h.made = made{
		sealer: sealer, upstream: up, identity: h.Config.Server.IdentityHeaders,
		anonymous: h.Policy.Subject(policy.Anon(), false), limitKey: "proxy\x00" + h.Proxy.Name,
		origins: newOrigins(h.Config, h.Proxy),
	}
	h.made.fixed = []header{
		{"X-Forwarded-Host", []string{base.Host}},
		{"X-Forwarded-Proto", []string{base.Scheme}},
	}
	var injected []string
	for _, name := range sortedKeys(h.Proxy.UpstreamAuth.Headers) {
		h.made.fixed = append(h.made.fixed, header{http.CanonicalHeaderKey(name), []string{h.Proxy.UpstreamAuth.Headers[name].Reveal()}})
		injected = append(injected, name)
	}
	h.made.protected = newProtected(append(injected, h.made.identity.User, h.made.identity.Email, h.made.identity.Groups))
	h.made.reverse = &httputil.ReverseProxy{
		Rewrite:        rewrite,
		ModifyResponse: modifyResponse,
		ErrorHandler:   upstreamFailed,
		Transport:      h.Transport,
		BufferPool:     copyBuffers,
		ErrorLog:       log.New(errorLog{h.Logger}, "", 0),
	}
	return nil
}

// copyBuffers holds 4 KiB: what one read of the Transport's buffer yields. Larger ones stay in memory per stream.
var copyBuffers = &bufferPool{pool: sync.Pool{New: func() any { return new([4 << 10]byte) }}}

type bufferPool struct{ pool sync.Pool }

func (b *bufferPool) Get() []byte  { return b.pool.Get().(*[4 << 10]byte)[:] }
func (b *bufferPool) Put(p []byte) { b.pool.Put((*[4 << 10]byte)(p)) }

// errorLog takes httputil's own lines: a stream that was cut is news for debugging only.
type errorLog struct{ logger *slog.Logger }

func (l errorLog) Write(p []byte) (int, error) {
	l.logger.Debug("reverse proxy", "text", strings.TrimSpace(string(p)))
	return len(p), nil
}

var _ io.Writer = errorLog{}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
