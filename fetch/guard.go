package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// guard is the transport around the transport: it checks the URL, repeats what may be repeated, and caps the answer.
type guard struct {
	admission *admission
	maxBody   int64
	retries   int
	backoff   func(attempt int) time.Duration
	next      http.RoundTripper
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the pool.
func (g *guard) CloseIdleConnections() {
	if c, ok := g.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.admission.checkURL(r.URL); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	for attempt := 0; ; attempt++ {
		resp, err := g.next.RoundTrip(r)
		if attempt >= g.retries || !repeatable(r, resp, err) {
			if err != nil {
				return nil, err
			}
			return g.cap(resp)
		}
		if resp != nil {
			resp.Body.Close()
		}
		if err := wait(r.Context(), g.backoff(attempt)); err != nil {
			return nil, err
		}
	}
}

// repeatable reports a passing fault of a request that changes nothing. A refused address is never tried again, and a
// POST never is: its code or refresh token may have been spent.
func repeatable(r *http.Request, resp *http.Response, err error) bool {
	if (r.Method != http.MethodGet && r.Method != http.MethodHead) || r.Context().Err() != nil {
		return false
	}
	if err != nil {
		return !errors.Is(err, ErrBlocked)
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cap bounds the answer. Nobody was asked for an encoding, so an encoded answer is refused rather than unfolded.
func (g *guard) cap(resp *http.Response) (*http.Response, error) {
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		resp.Body.Close()
		return nil, fmt.Errorf("answer of %q is encoded with %q, which was not asked for", resp.Request.URL.Host, e)
	}
	if resp.ContentLength > g.maxBody {
		resp.Body.Close()
		return nil, fmt.Errorf("%w: %q announces %d bytes, at most %d are read", ErrTooLarge, resp.Request.URL.Host, resp.ContentLength, g.maxBody)
	}
	resp.Body = &cappedBody{ReadCloser: resp.Body, left: g.maxBody}
	return resp, nil
}

// cappedBody ends with ErrTooLarge, never with a truncated answer that looks whole.
type cappedBody struct {
	io.ReadCloser
	left int64
}

func (b *cappedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
