package oauth

import (
	"net/url"
	"strings"
	"testing"
)

func with(raw, name, value string) string {
	u, _ := url.Parse(raw)
	q := u.Query()
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func TestCallbackOfAnotherProvider(t *testing.T) { // UO-02: iss is looked at before the code goes anywhere
	h := newHouse(t)
	client := h.public("m", loopback)
	for _, iss := range []string{"https://evil.test", h.idp.Issuer + "/", strings.ToUpper(h.idp.Issuer)} {
		b, back := h.begun("m", "alice", client, loopback)
		asked := h.idp.Hits("/token")
		if a := b.get(with(back, "iss", iss)); a.status < 400 || a.to() != "" || h.idp.Hits("/token") != asked {
			t.Errorf("iss %q: %d %s, %d token requests", iss, a.status, a.to(), h.idp.Hits("/token")-asked)
		}
	}
}

func TestStolenProviderCodeInAnotherLogin(t *testing.T) { // UO-03: the code of mallory's login in alice's callback
	h := newHouse(t)
	client := h.public("m", loopback)
	_, stolen := h.begun("m", "mallory", client, loopback)
	b, back := h.begun("m", "alice", client, loopback)
	u, _ := url.Parse(stolen)
	if a := b.get(with(back, "code", u.Query().Get("code"))); a.status < 400 || strings.Contains(a.to(), "code=") {
		t.Errorf("got %d %s", a.status, a.to())
	}
}

func TestCallbackParametersTwice(t *testing.T) { // AZ-05 at our own callback; the state is not used up by it
	h := newHouse(t)
	b, back := h.begun("m", "alice", h.public("m", loopback), loopback)
	for _, more := range []string{"&state=x", "&code=x", "&iss=x&iss=y", "&x=%zz", ";state=x"} {
		if a := b.get(back + more); a.status != 400 || a.to() != "" {
			t.Errorf("%s: %d %s", more, a.status, a.to())
		}
	}
	if a := b.post(back, url.Values{}); a.status != 405 {
		t.Errorf("POST: %d", a.status)
	}
	if a := b.get(back); !strings.Contains(a.to(), "code=") {
		t.Errorf("honest: %d %s", a.status, a.body)
	}
}

func TestProviderSaysNo(t *testing.T) { // RFC 9207 on this way back too
	h := newHouse(t)
	client := h.public("m", loopback)
	for _, code := range []string{"access_denied", `"><script>alert(1)</script>`, "server_error", "x\r\nSet-Cookie: a=b"} {
		b, back := h.begun("m", "alice", client, loopback)
		at := with(with(with(back, "code", ""), "error", code), "error_description", "canary<script>")
		a := b.get(at)
		u, _ := url.Parse(a.to())
		if strings.Contains(a.body+a.to(), "<script") || strings.Contains(a.body+a.to(), "canary") || u.Query().Has("code") || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%q: %d %s %s", code, a.status, a.to(), a.body)
		}
		if code == "access_denied" && (u.Query().Get("error") != "access_denied" || u.Query().Get("iss") != h.url+"/m" || u.Query().Get("state") != "st&1") {
			t.Errorf("%q: %d %s", code, a.status, a.to())
		}
	}
}
