package oauth

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/store/storetest"
)

// atOnce does n things at the same moment.
func atOnce(n int, do func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; do(i) })
	}
	close(start)
	wg.Wait()
}

func TestCodeRedeemedByManyAtOnce(t *testing.T) { // TK-01
	h := newHouse(t)
	client := h.public("m", loopback)
	code := h.code("m", "alice", client, loopback)
	answers := make([]answerOf, 10)
	atOnce(len(answers), func(i int) { answers[i] = h.redeem("m", client, loopback, code) })
	won := 0
	for _, a := range answers {
		if a.status == 200 {
			won++
			h.wantIn("m", a.str("access_token"), false) // somebody else had the code too
			wantError(t, h.refresh("m", client, a.str("refresh_token")), 400, "invalid_grant")
		} else {
			wantError(t, a, 400, "invalid_grant")
		}
	}
	if won > 1 {
		t.Errorf("%d redeemed one code", won)
	}
	if live, err := h.sessions.List(t.Context()); err != nil || len(live) != 0 {
		t.Errorf("left: %v %v", live, err)
	}
}

func TestRefreshRacesWithRevocation(t *testing.T) { // TK-17, TK-18
	h := newHouse(t)
	for range 5 {
		h.clock.Add(time.Minute) // rate limits
		client, first := h.tokens("m", "alice")
		answers := make([]answerOf, 8)
		atOnce(len(answers), func(i int) {
			if i == 3 {
				answers[i] = h.post("/api/v1/oauth-proxy/m/revoke", url.Values{"client_id": {client}, "token": {first.str("refresh_token")}})
				return
			}
			answers[i] = h.refresh("m", client, first.str("refresh_token"))
		})
		if answers[3].status != 200 {
			t.Fatalf("revoke: %d %s", answers[3].status, answers[3].body)
		}
		for _, a := range append(answers, first) {
			if a.status == 200 && a.str("access_token") != "" {
				h.wantIn("m", a.str("access_token"), false)
				wantError(t, h.refresh("m", client, a.str("refresh_token")), 400, "invalid_grant")
			}
		}
	}
}

func TestParallelRefreshOfTwoGenerations(t *testing.T) { // TK-10: R1, R2 and R3 at once, inside the grace
	h := newHouse(t)
	client, first := h.tokens("m", "alice")
	second := h.refresh("m", client, first.str("refresh_token"))
	answers := make([]answerOf, 20)
	atOnce(len(answers), func(i int) {
		answers[i] = h.refresh("m", client, []answerOf{first, second}[i%2].str("refresh_token"))
	})
	for _, a := range answers {
		if a.status != 200 {
			t.Fatalf("got %d %s", a.status, a.body)
		}
		h.wantIn("m", a.str("access_token"), true)
		// Whatever each was given still works inside the grace, and leads to the one current token.
		if again := h.refresh("m", client, a.str("refresh_token")); again.status != 200 {
			t.Errorf("again: %d %s", again.status, again.body)
		}
		h.clock.Add(time.Second)
	}
}

func TestGraceEndsForEachTokenByItself(t *testing.T) { // TK-10
	h := newHouse(t)
	client, r1 := h.tokens("m", "alice")
	r2 := h.refresh("m", client, r1.str("refresh_token"))
	h.clock.Add(60 * time.Second)
	r3 := h.refresh("m", client, r2.str("refresh_token"))
	if a := h.refresh("m", client, r1.str("refresh_token")); a.status != 200 || a.str("refresh_token") != r3.str("refresh_token") {
		t.Errorf("R1 after 60 s: %d %s", a.status, a.body)
	}
	h.clock.Add(29 * time.Second)
	if a := h.refresh("m", client, r1.str("refresh_token")); a.status != 200 || a.str("refresh_token") != r3.str("refresh_token") {
		t.Errorf("R1 after 89 s: %d %s", a.status, a.body)
	}
	h.server.Housekeep(t.Context())
	h.clock.Add(time.Second)
	if a := h.refresh("m", client, r2.str("refresh_token")); a.status != 200 || a.str("refresh_token") != r3.str("refresh_token") {
		t.Errorf("R2 after 30 s: %d %s", a.status, a.body)
	}
	wantError(t, h.refresh("m", client, r1.str("refresh_token")), 400, "invalid_grant") // 90 s: a replay
	wantError(t, h.refresh("m", client, r3.str("refresh_token")), 400, "invalid_grant")
	h.wantIn("m", r3.str("access_token"), false)
}

func TestReplayOnAnotherDoorEndsTheFamilyToo(t *testing.T) { // TK-09 on every alias
	for _, path := range []string{"/token", "/oauth/token", "/api/v1/oauth-proxy/9/token"} {
		h := newHouse(t)
		client, r1 := h.tokens("m", "alice")
		r2 := h.refresh("m", client, r1.str("refresh_token"))
		h.clock.Add(2 * time.Minute)
		wantError(t, h.post(path, url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {r1.str("refresh_token")}}), 400, "invalid_grant")
		h.wantIn("m", r2.str("access_token"), false)
	}
}

func TestRefreshTokenAtAnotherProxy(t *testing.T) { // JW-05, TK-03
	h := newHouse(t)
	client, a := h.tokens("m", "alice")
	for _, proxy := range []string{"n", "own"} {
		if got := h.refresh(proxy, client, a.str("refresh_token")); got.status != 401 {
			t.Errorf("%s: %d %s", proxy, got.status, got.body)
		}
		if got := h.refresh(proxy, h.public(proxy, loopback), a.str("refresh_token")); got.status != 400 {
			t.Errorf("%s: %d %s", proxy, got.status, got.body)
		}
	}
	for proxy, in := range map[string]bool{"m": true, "n": false, "own": false, "open": false} {
		h.wantIn(proxy, a.str("access_token"), in)
	}
	if got := h.refresh("m", client, a.str("refresh_token")); got.status != 200 {
		t.Errorf("the owner: %d %s", got.status, got.body)
	}
}

func TestFullDiskRevokesNothingAndSaysSo(t *testing.T) { // TK-17, RP-7, ST-06
	h := newHouse(t)
	client, a := h.tokens("m", "alice")
	code := h.code("m", "alice", client, loopback)
	release := storetest.HoldWrites(t, h.file)
	asks := map[string]func() answerOf{
		"revoke refresh": func() answerOf {
			return h.post("/api/v1/oauth-proxy/m/revoke", url.Values{"client_id": {client}, "token": {a.str("refresh_token")}})
		},
		"revoke access": func() answerOf {
			return h.post("/oauth/revoke", url.Values{"client_id": {client}, "token": {a.str("access_token")}})
		},
		"refresh": func() answerOf { return h.refresh("m", client, a.str("refresh_token")) },
		"code":    func() answerOf { return h.redeem("m", client, loopback, code) },
		"register": func() answerOf {
			return h.register("m", `{"redirect_uris":["https://new.example/cb"],"token_endpoint_auth_method":"none"}`)
		},
	}
	got := map[string]answerOf{}
	var mu sync.Mutex
	var names []string
	for name := range asks {
		names = append(names, name)
	}
	atOnce(len(names), func(i int) {
		answer := asks[names[i]]()
		mu.Lock()
		defer mu.Unlock()
		got[names[i]] = answer
	})
	for name, answer := range got {
		if answer.status != 503 || answer.str("error") != "temporarily_unavailable" || answer.header.Get("Retry-After") == "" || strings.Contains(answer.body, "sql") {
			t.Errorf("%s: %d %s", name, answer.status, answer.body)
		}
	}
	h.wantIn("m", a.str("access_token"), true)
	release()
	if b := h.redeem("m", client, loopback, code); b.status != 200 {
		t.Errorf("the code was lost: %d %s", b.status, b.body)
	}
	if b := h.refresh("m", client, a.str("refresh_token")); b.status != 200 {
		t.Errorf("the refresh token was lost: %d %s", b.status, b.body)
	}
}
