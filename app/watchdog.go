package app

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// answers asks the main listener for its health as a client would: a daemon that is alive but serves nobody must not
// keep systemd content. Any answer counts; what it says is for people.
func (h *house) answers() bool {
	main := h.listeners.open[0]
	if h.listeners.full() {
		return true // so many are served that nobody more gets in; a restart would cut them all
	}
	if main.ln.full() {
		return true // crowded, not dead: a restart would throw everybody out and let the same crowd in
	}
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, main.ln.Addr().String())
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // our own listener, asked whether it is alive
	}}
	url := "http://localhost/health"
	if main.srv.TLSConfig != nil {
		url = "https://localhost/health"
	}
	resp, err := client.Get(url)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}
