package proxy

import (
	"net/http"
	"net/netip"
	"time"

	"gatehouse/limit"
	"gatehouse/session"
)

// limit holds the caller to the proxy's rates.
func (x *exchange) limit() bool {
	h, l := x.h, &x.h.Proxy.Limits
	if n := l.PerUser; n > 0 {
		key := "user\x00" + h.Proxy.Name + "\x00" + x.owner.Sub
		if x.caller.Session.Kind == session.KindOpen {
			key += "\x00" + addressKey(x.ip) // one customer has 2^64 IPv6 addresses
		}
		if !x.within(key, n, "per_user") {
			return false
		}
	}
	if n := l.RequestsPerMinute; n > 0 && !x.within(h.made.limitKey, n, "requests_per_minute") {
		return false
	}
	return true
}

func addressKey(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	return limit.AddressKey(a)
}

func (x *exchange) within(key string, count int, name string) bool {
	ok, retry := x.h.Limits.Allow(key, count, time.Minute, x.start)
	if !ok {
		x.tooMany(retry, "too many requests; limits."+name, "rate_limited")
	}
	return ok
}

// place takes one of limits.max_streams for a stream that stays open, and refuses a call whose answer could not be a
// stream any more: better now than after the upstream has carried it out.
func (x *exchange) place() bool {
	n := x.h.Proxy.Limits.MaxStreams
	switch {
	case n <= 0 || x.r.Method == http.MethodDelete:
		return true
	case x.standing && x.takePlace(), !x.standing && !x.h.Sessions.StreamsFull(x.h.Proxy.Name, n):
		return true
	}
	x.tooMany(10*time.Second, "too many open streams; limits.max_streams", reasonStreams)
	return false
}

// takePlace is given back by end.
func (x *exchange) takePlace() bool {
	x.placed = x.h.Sessions.OpenStream(x.h.Proxy.Name, x.standing, x.h.Proxy.Limits.MaxStreams)
	return x.placed
}

const reasonStreams = "too_many_streams"

func (x *exchange) tooMany(retry time.Duration, text, reason string) {
	retryAfter(x.out.Header(), retry)
	x.refusedCheaply("ratelimit.blocked", reason)
	x.answerError(http.StatusTooManyRequests, "rate_limited", text)
}
