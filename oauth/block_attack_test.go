package oauth

import (
	"strings"
	"testing"
	"time"

	"gatehouse/store"
)

func TestBlockedByAnyOfHisNames(t *testing.T) { // an address in another claim, another case, the provider's id, ours
	h := newHouse(t)
	h.idp.Claims(func(c map[string]any) { c["preferred_username"] = "Old.Alice@corp.test" })
	client := h.public("m", loopback)
	sub := h.sub("alice")
	for _, subject := range []string{"alice@example.com", "ALICE@example.com", "demo:alice@example.com", "demo:alice", "old.alice@corp.test", sub} {
		h.clock.Add(time.Minute)
		code := h.code("m", "alice", client, loopback)
		if err := h.store.PutBlock(t.Context(), store.Block{Subject: subject, Created: h.clock.Now(), Until: h.clock.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		wantError(t, h.redeem("m", client, loopback, code), 400, "invalid_grant")
		a := h.browser().signIn("m", "alice", authorizeParams(client, loopback))
		if a.status != 403 || strings.Contains(a.to(), "code=") {
			t.Errorf("%s: %d %s", subject, a.status, a.to())
		}
		if _, err := h.store.DeleteBlock(t.Context(), subject); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"alice@example.com.evil", "alic@example.com", "other:alice", "demo:", "", "alice", "a\u017fice@example.com"} {
		h.clock.Add(time.Minute)
		if err := h.store.PutBlock(t.Context(), store.Block{Subject: other, Created: h.clock.Now()}); err != nil {
			continue
		}
		if a := h.redeem("m", client, loopback, h.code("m", "alice", client, loopback)); a.status != 200 {
			t.Errorf("%q keeps alice out: %d %s", other, a.status, a.body)
		}
		if _, err := h.store.DeleteBlock(t.Context(), other); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBlockedWhileSigningIn(t *testing.T) { // between consent and callback, and between the last page and the token
	h := newHouse(t)
	client := h.public("m", loopback)
	b, back := h.begun("m", "alice", client, loopback)
	if err := h.store.PutBlock(t.Context(), store.Block{Subject: "alice@example.com", Created: h.clock.Now()}); err != nil {
		t.Fatal(err)
	}
	a := b.get(back)
	if a.status != 403 || !strings.Contains(a.body, "blocked") {
		t.Fatalf("callback: %d %s", a.status, a.body)
	}
	a = b.get(a.to()) // the app gets its answer, and nothing for it
	_, code, _ := strings.Cut(a.to(), "code=")
	code, _, _ = strings.Cut(code, "&")
	wantError(t, h.redeem("m", client, loopback, code), 400, "invalid_grant")
}

func TestLimitsCountTheNetworkNotTheAddress(t *testing.T) { // DS-09: an IPv6 /64 is one caller; B16: 600 whatever the client
	h := newHouse(t)
	from := func(ip string) { h.ip.Store(&ip) }
	ask := func(id string) int {
		return h.post("/token", map[string][]string{"grant_type": {"refresh_token"}, "client_id": {id}, "refresh_token": {"x"}}).status
	}
	for i := range addressCap {
		from("2001:db8::" + string("0123456789abcdef"[i%16]))
		if got := ask("c" + strings.Repeat("x", i%20)); got == 429 {
			t.Fatalf("the %dth: 429", i+1)
		}
	}
	from("2001:db8::ffff")
	if got := ask("new"); got != 429 {
		t.Errorf("the 601st: %d", got)
	}
	from("2001:db8:0:1::1")
	if got := ask("new"); got == 429 {
		t.Error("another network is held back")
	}
}
