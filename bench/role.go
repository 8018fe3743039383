package main

import (
	"bytes"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// serveRole is this program as one of the proxies to compare with.
func serveRole(role string) error {
	up, err := url.Parse(os.Getenv("BENCH_UPSTREAM"))
	if err != nil {
		return err
	}
	rp := &httputil.ReverseProxy{
		Rewrite:  func(pr *httputil.ProxyRequest) { *pr.Out.URL, pr.Out.Host = *up, "" },
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		Transport: &http.Transport{
			DialContext:  (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			MaxIdleConns: 2048, MaxIdleConnsPerHost: 1024, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
		},
	}
	var h http.Handler = rp
	switch role {
	case "bare":
	case "pooled":
		rp.BufferPool = &pool{p: sync.Pool{New: func() any { return new([4 << 10]byte) }}}
	case "naive":
		if h, err = naive(rp); err != nil {
			return err
		}
	default:
		return fmt.Errorf("no role %q", role)
	}
	l, err := net.Listen("tcp", os.Getenv("BENCH_LISTEN"))
	if err != nil {
		return err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		<-end
		_ = s.Close()
	}()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type pool struct{ p sync.Pool }

func (b *pool) Get() []byte  { return b.p.Get().(*[4 << 10]byte)[:] }
func (b *pool) Put(p []byte) { b.p.Put((*[4 << 10]byte)(p)) }

// naive does what the gate does the way it comes to mind first: default transport, a signature per request,
// encoding/json, a log line per request through slog. It stands for OAuth proxies as they are commonly written.
func naive(rp *httputil.ReverseProxy) (http.Handler, error) {
	rp.Transport = http.DefaultTransport
	key, err := jwt.ParseRSAPublicKeyFromPEM([]byte(os.Getenv("BENCH_KEY")))
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(os.Getenv("BENCH_LOG"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &naiveProxy{rp, key, slog.New(slog.NewJSONHandler(log, nil))}, nil
}

type naiveProxy struct {
	next http.Handler
	key  *rsa.PublicKey
	log  *slog.Logger
}

func (n *naiveProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) { return n.key, nil }, jwt.WithValidMethods([]string{"RS256"}))
	if err != nil {
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	}
	var tool string
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		var msg map[string]any
		if err != nil || json.Unmarshal(body, &msg) != nil {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		params, _ := msg["params"].(map[string]any)
		tool, _ = params["name"].(string)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if strings.HasPrefix(tool, "admin_") {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	sub, _ := claims.GetSubject()
	n.log.Info("tool call", "user", sub, "tool", tool, "method", r.Method, "remote", r.RemoteAddr)
	n.next.ServeHTTP(w, r)
	n.log.Info("tool done", "user", sub, "tool", tool)
}
