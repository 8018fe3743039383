package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"gatehouse/accept/gate"
)

// defaults is an installation whose rate limits nobody wrote down, behind a balancer.
func defaults(t *testing.T) *gate.Gate {
	t.Helper()
	return newGate(t, "rate_limits: {register: 6000/m, token: 60000/m, authorize: 60000/m}\n", "",
		"shutdown_grace: 5s", "shutdown_grace: 5s\n  trusted_proxies: [127.0.0.1/32, \"::1/128\"]")
}

// exhaust counts how many requests pass until one is answered 429 with a Retry-After in whole seconds. As many more as
// the bucket refilled meanwhile may pass.
func exhaust(t *testing.T, what string, burst int, perSecond float64, request func(i int) answer) {
	t.Helper()
	began := time.Now()
	for i := range burst * 3 {
		a := request(i)
		if a.Status != http.StatusTooManyRequests {
			continue
		}
		if most := float64(burst) + perSecond*time.Since(began).Seconds() + 1; i < burst || float64(i) > most {
			t.Errorf("%s: request %d is the first refused one, want %d (at most %.0f by now)", what, i+1, burst+1, most)
		}
		if s, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || s < 1 || s > 60 {
			t.Errorf("%s: Retry-After %q", what, a.Header.Get("Retry-After"))
		}
		return
	}
	t.Errorf("%s: never refused", what)
}

func TestSixtyNewRegistrationsAMinuteOfOneAddress(t *testing.T) {
	t.Parallel()
	g := defaults(t)
	where := endpoint(g, "notes", "register")
	known := registration(1, `,"token_endpoint_auth_method":"none"`)
	id := ask(t, "POST", where, known, "X-Forwarded-For: 203.0.113.1").want(t, "first", 201).field("client_id")
	exhaust(t, "register", 59, 1, func(i int) answer {
		return ask(t, "POST", where, registration(1000+i, ""), "X-Forwarded-For: 203.0.113.1")
	})
	again := ask(t, "POST", where, known, "X-Forwarded-For: 203.0.113.1").want(t, "the same registration again", 201)
	if again.field("client_id") != id {
		t.Errorf("registered again as %s, was %s", again.field("client_id"), id)
	}
	ask(t, "POST", where, registration(2, ""), "X-Forwarded-For: 203.0.113.2").want(t, "another address", 201)
}

func TestSixtyTokenRequestsAMinuteOfOneClientAndSixHundredOfAnAddress(t *testing.T) {
	t.Parallel()
	g := defaults(t)
	where := endpoint(g, "notes", "token")
	request := func(client, ip string) answer {
		return ask(t, "POST", where, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gw_refresh_x"}, "client_id": {client}},
			"X-Forwarded-For: "+ip)
	}
	exhaust(t, "token of one client", 60, 1, func(int) answer { return request("c_one", "203.0.113.1") })
	request("c_one", "203.0.113.1").want(t, "the same client", 429, "temporarily_unavailable")
	request("c_one", "203.0.113.2").want(t, "the same client elsewhere", 401, "invalid_client")
	request("c_two", "203.0.113.1").want(t, "another client there", 401, "invalid_client")
	exhaust(t, "token of one address", 600, 10, func(i int) answer { return request(fmt.Sprint("c_", i), "203.0.113.9") })
	request("c_new", "203.0.113.2").want(t, "another address", 401, "invalid_client")
}
