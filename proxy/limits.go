package proxy

import (
	"net/http"
	"time"

	"gatehouse/session"
)

// limit holds the caller to the proxy's rates and to its number of open streams.
func (x *exchange) limit() bool {
	h, l := x.h, &x.h.Proxy.Limits
	if n := l.PerUser; n > 0 {
		key := "user\x00" + h.Proxy.Name + "\x00" + x.owner.Sub
		if x.caller.Session.Kind == session.KindOpen {
			key += "\x00" + x.ip
		}
		if !x.within(key, n, "per_user") {
			return false
		}
	}
	if n := l.RequestsPerMinute; n > 0 && !x.within(h.made.limitKey, n, "requests_per_minute") {
		return false
	}
	return x.r.Method != http.MethodGet || x.streamFree()
}

func (x *exchange) within(key string, count int, name string) bool {
	ok, retry := x.h.Limits.Allow(key, count, time.Minute, x.start)
	if !ok {
		x.tooMany(retry, "too many requests; limits."+name, "rate_limited")
	}
	return ok
}

// streamFree reports that one more standing stream fits.
func (x *exchange) streamFree() bool {
	if n := x.h.Proxy.Limits.MaxStreams; n > 0 && x.h.Sessions.StreamCount(x.h.Proxy.Name) >= n {
		x.tooMany(10*time.Second, "too many open streams; limits.max_streams", "too_many_streams")
		return false
	}
	return true
}

func (x *exchange) tooMany(retry time.Duration, text, reason string) {
	retryAfter(x.out.Header(), retry)
	x.refusedCheaply("ratelimit.blocked", reason)
	x.answerError(http.StatusTooManyRequests, "rate_limited", text)
}
