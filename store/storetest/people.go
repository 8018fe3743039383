package storetest

import (
	"bytes"
	"testing"
	"time"

	"gatehouse/store"
)

func consents(t *testing.T, s *store.Store) {
	ctx := t.Context()
	c := store.Consent{Sub: "u_a", ClientID: "c_1", Proxy: "notes", RedirectHost: "127.0.0.1", Label: "Cursor", Scopes: []string{"mcp"}, Created: day}
	ok(t, s.PutConsent(ctx, c))
	c.Label, c.Created = "Cursor 2", day.Add(time.Hour)
	ok(t, s.PutConsent(ctx, c))
	all, err := s.Consents(ctx, "u_a")
	ok(t, err)
	same(t, all, []store.Consent{c})
	for _, q := range []struct {
		sub, client, proxy, host string
		has                      bool
	}{
		{"u_a", "c_1", "notes", "127.0.0.1", true},
		{"u_b", "c_1", "notes", "127.0.0.1", false},
		{"u_a", "c_2", "notes", "127.0.0.1", false},
		{"u_a", "c_1", "files", "127.0.0.1", false},
		{"u_a", "c_1", "notes", "evil.test", false},
	} {
		has, err := s.HasConsent(ctx, q.sub, q.client, q.proxy, q.host)
		ok(t, err)
		same(t, has, q.has)
	}
	for _, there := range []bool{true, false} {
		existed, err := s.DeleteConsent(ctx, "u_a", "c_1", "notes", "127.0.0.1")
		ok(t, err)
		same(t, existed, there)
	}
	for _, proxy := range []string{"notes", "files", "wiki"} {
		c.Proxy = proxy
		ok(t, s.PutConsent(ctx, c))
	}
	for proxy, left := range map[string]int{"notes": 2} {
		ok(t, s.DeleteConsents(ctx, "u_a", proxy))
		all, err := s.Consents(ctx, "u_a")
		ok(t, err)
		same(t, len(all), left)
	}
	ok(t, s.DeleteConsents(ctx, "u_a", ""))
	all, err = s.Consents(ctx, "u_a")
	ok(t, err)
	same(t, len(all), 0)
}

func browsers(t *testing.T, s *store.Store) {
	ctx := t.Context()
	b := store.Browser{Hash: "h1", Sub: "u_a", Identity: []byte("{}"), Created: day, Last: day, Expires: day.Add(time.Hour)}
	ok(t, s.PutBrowser(ctx, b))
	ok(t, s.TouchBrowser(ctx, "h1", day.Add(time.Minute), day.Add(2*time.Hour)))
	want(t, s.TouchBrowser(ctx, "none", day, day), store.ErrNotFound)
	b.Last, b.Expires = day.Add(time.Minute), day.Add(2*time.Hour)
	got, err := s.Browser(ctx, "h1")
	ok(t, err)
	same(t, got, b)
	past := b
	past.Hash, past.Expires = "past", time.UnixMilli(1)
	ok(t, s.PutBrowser(ctx, past))
	_, err = s.Browser(ctx, "past")
	want(t, err, store.ErrNotFound)
	b.Hash, b.Sub = "h2", "u_b"
	ok(t, s.PutBrowser(ctx, b))
	ok(t, s.DeleteBrowsersOf(ctx, "u_a"))
	_, err = s.Browser(ctx, "h1")
	want(t, err, store.ErrNotFound)
	_, err = s.Browser(ctx, "h2")
	ok(t, err)
	ok(t, s.DeleteBrowser(ctx, "h2"))
	_, err = s.Browser(ctx, "h2")
	want(t, err, store.ErrNotFound)
}

func keys(t *testing.T, s *store.Store) {
	ctx := t.Context()
	k := store.Key{KID: "k1", Alg: "ES256", State: store.KeyActive, Private: []byte("private"), Created: day, Activated: day}
	ok(t, s.PutKey(ctx, k))
	want(t, s.PutKey(ctx, store.Key{KID: "k2", Alg: "ES256", State: store.KeyActive, Created: day}), store.ErrConflict)
	old := k
	old.State, old.Retired, old.RemoveAfter = store.KeyRetired, day, day.Add(time.Hour)
	k2 := store.Key{KID: "k2", Alg: "ES256", State: store.KeyActive, Private: []byte("more"), Created: day.Add(time.Second)}
	ok(t, s.UpdateKeys(ctx, []store.Key{old, k2}))
	all, err := s.Keys(ctx)
	ok(t, err)
	same(t, all, []store.Key{old, k2})
	// Two active keys are no valid set: all of the old one stays.
	want(t, s.UpdateKeys(ctx, []store.Key{k, k2}), store.ErrConflict)
	all, err = s.Keys(ctx)
	ok(t, err)
	same(t, all, []store.Key{old, k2})
}

func blocks(t *testing.T, s *store.Store) {
	ctx := t.Context()
	b := store.Block{Subject: "eve@example.com", Reason: "left", By: "uid:0", Created: day}
	ok(t, s.PutBlock(ctx, store.Block{Subject: b.Subject, Reason: "?"}))
	ok(t, s.PutBlock(ctx, b))
	ok(t, s.PutBlock(ctx, store.Block{Subject: "ran out", Until: time.UnixMilli(1)}))
	all, err := s.Blocks(ctx)
	ok(t, err)
	same(t, all, []store.Block{b})
	for _, there := range []bool{true, false} {
		existed, err := s.DeleteBlock(ctx, b.Subject)
		ok(t, err)
		same(t, existed, there)
	}
}

func forced(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for range 2 {
		ok(t, s.PutForceLogin(ctx, "u_a", "notes", day))
	}
	all, err := s.ForceLogins(ctx)
	ok(t, err)
	same(t, all, []store.ForcedLogin{{Sub: "u_a", Proxy: "notes", At: day}})
	for _, there := range []bool{true, false} {
		had, err := s.TakeForceLogin(ctx, "u_a", "notes")
		ok(t, err)
		same(t, had, there)
	}
}

func providerTokens(t *testing.T, s *store.Store) {
	ctx := t.Context()
	p := store.ProviderToken{SessionID: "s_1", Provider: "okta", Issuer: "https://okta.test", Access: "a", RefreshToken: "r", Expiry: day, Scope: "openid"}
	ok(t, s.PutProviderToken(ctx, p))
	p.Access, p.RefreshToken = "a2", ""
	ok(t, s.PutProviderToken(ctx, p))
	got, err := s.ProviderToken(ctx, "s_1")
	ok(t, err)
	same(t, got, p)
	ok(t, s.DeleteProviderToken(ctx, "s_1"))
	_, err = s.ProviderToken(ctx, "s_1")
	want(t, err, store.ErrNotFound)
}

func tools(t *testing.T, s *store.Store) {
	ctx := t.Context()
	a := store.Tool{Proxy: "notes", Name: "add", Hash: "h", Description: "adds", FirstSeen: day, LastSeen: day, Calls: 1}
	ok(t, s.PutTools(ctx, "notes", []store.Tool{a, {Proxy: "notes", Name: "zap", FirstSeen: day, LastSeen: day}}))
	a.Hash, a.Description, a.LastSeen, a.Calls, a.Changed = "h2", "does more", day.Add(time.Hour), 5, true
	later := a
	later.FirstSeen = day.Add(time.Hour)
	ok(t, s.PutTools(ctx, "notes", []store.Tool{later}))
	ok(t, s.PutTools(ctx, "files", []store.Tool{{Name: "read"}}))
	all, err := s.Tools(ctx, "notes")
	ok(t, err)
	same(t, len(all), 2)
	same(t, all[0], a)
	all, err = s.Tools(ctx, "")
	ok(t, err)
	same(t, len(all), 3)
}

func seal(t *testing.T, s *store.Store) {
	plain := []byte("secret")
	sealed := s.Seal("upstream/1", plain)
	if bytes.Contains(sealed, plain) || bytes.Equal(sealed, s.Seal("upstream/1", plain)) {
		t.Fatal("sealed text is readable, or repeats itself")
	}
	got, err := s.Open("upstream/1", sealed)
	ok(t, err)
	same(t, got, plain)
	if _, err := s.Open("upstream/2", sealed); err == nil {
		t.Fatal("opened in another place")
	}
	// The last character of base64 may carry bits that mean nothing; every other one counts.
	for i := range sealed[:len(sealed)-1] {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := s.Open("upstream/1", bad); err == nil {
			t.Fatalf("opened with byte %d changed", i)
		}
	}
}
