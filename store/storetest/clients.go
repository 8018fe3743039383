package storetest

import (
	"testing"
	"time"

	"gatehouse/store"
)

func aClient(id string) store.Client {
	return store.Client{
		ID: id, Proxy: "notes", Kind: "dcr", Name: "Cursor", RedirectURIs: []string{"http://127.0.0.1/cb", "cursor://cb"},
		GrantTypes: []string{"authorization_code"}, ResponseTypes: []string{"code"}, AuthMethod: "none",
		Metadata: []byte(`{"client_name":"Cursor"}`), Created: day, CreatedIP: "192.0.2.1", State: store.Approved,
	}
}

func clients(t *testing.T, s *store.Store) {
	ctx := t.Context()
	c := aClient("c_1")
	got, created, err := s.CreateClient(ctx, c)
	ok(t, err)
	same(t, got, c)
	same(t, created, true)
	_, _, err = s.CreateClient(ctx, c)
	want(t, err, store.ErrConflict)
	_, err = s.Client(ctx, "c_none")
	want(t, err, store.ErrNotFound)
	want(t, s.TouchClient(ctx, "c_none", day), store.ErrNotFound)
	ok(t, s.TouchClient(ctx, "c_1", day.Add(time.Hour)))
	ok(t, s.SetClientState(ctx, "c_1", store.Blocked, "spam"))
	c.LastUsed, c.State, c.BlockReason = day.Add(time.Hour), store.Blocked, "spam"
	got, err = s.Client(ctx, "c_1")
	ok(t, err)
	same(t, got, c)
	all, err := s.Clients(ctx)
	ok(t, err)
	same(t, all, []store.Client{c})
}

func sameClient(t *testing.T, s *store.Store) {
	ctx := t.Context()
	c := aClient("c_1")
	c.Fingerprint = "f"
	_, _, err := s.CreateClient(ctx, c)
	ok(t, err)
	again := aClient("c_2")
	again.Fingerprint = "f"
	got, created, err := s.CreateClient(ctx, again)
	ok(t, err)
	same(t, created, false)
	same(t, got, c)
	// On another proxy, or with a secret of its own, it is another client.
	other := aClient("c_3")
	other.Fingerprint, other.Proxy = "f", "files"
	secret := aClient("c_4")
	secret.Fingerprint, secret.SecretHash = "f", "sha256:x"
	for _, c := range []store.Client{other, secret} {
		_, created, err := s.CreateClient(ctx, c)
		ok(t, err)
		same(t, created, true)
	}
}

func unusedClients(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for id, change := range map[string]func(*store.Client){
		"c_old":     func(c *store.Client) {},
		"c_used":    func(c *store.Client) { c.LastUsed = day },
		"c_new":     func(c *store.Client) { c.Created = day.Add(time.Hour) },
		"c_yaml":    func(c *store.Client) { c.Kind = "yaml" },
		"c_blocked": func(c *store.Client) { c.State = store.Blocked },
		"c_other":   func(c *store.Client) { c.Proxy = "files" },
	} {
		c := aClient(id)
		change(&c)
		_, _, err := s.CreateClient(ctx, c)
		ok(t, err)
	}
	n, err := s.CountUnusedClients(ctx, "notes")
	ok(t, err)
	same(t, n, 3)
	ids, err := s.ExpireUnusedClients(ctx, "notes", day.Add(time.Minute))
	ok(t, err)
	same(t, ids, []string{"c_old"})
	all, err := s.Clients(ctx)
	ok(t, err)
	same(t, len(all), 5)
}
