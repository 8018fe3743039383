// Package storetest is what every store must pass, and what tests of other rooms need to have one.
package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/store"
)

// day is when everything in the suite happens: whole milliseconds, UTC, as a store gives times back. It lies far ahead,
// because a store compares the expiry of logins and browsers with its own clock.
var day = time.Date(2126, 1, 2, 3, 4, 5, 678e6, time.UTC)

// Run runs the suite; open gives an empty store that ends with its test.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *store.Store)
	}{
		{"clients", clients},
		{"client registered twice is one", sameClient},
		{"unused clients", unusedClients},
		{"logins", logins},
		{"code is redeemed once", codeOnce},
		{"code race has one winner", codeRace},
		{"grant", grant},
		{"grant race has one winner", grantRace},
		{"grant is all or nothing", grantAllOrNothing},
		{"sessions", sessions},
		{"touches", touches},
		{"revoked session does not come back", revoked},
		{"lapsed sessions", lapsed},
		{"refresh rotation", rotation},
		{"refresh race has one winner", rotationRace},
		{"refresh of a dead session", rotationDead},
		{"sealed copies are forgotten", forgetSealed},
		{"revoked access tokens", jtis},
		{"consents", consents},
		{"browsers", browsers},
		{"signing keys", keys},
		{"blocks", blocks},
		{"forced logins", forced},
		{"provider tokens", providerTokens},
		{"tools", tools},
		{"housekeeping", housekeeping},
		{"seal", seal},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want %v", err, kind)
	}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

func aSession(id string) store.Session {
	return store.Session{
		ID: id, Kind: "user", Proxy: "notes", Sub: "u_alice", Identity: []byte(`{"sub":"u_alice"}`), ClientID: "c_1",
		ClientName: "Cursor", Auth: "oauth", IP: "192.0.2.1", Scope: "mcp", Created: day, Expires: day.Add(720 * time.Hour),
		IdleExpires: day.Add(168 * time.Hour), IdleTTL: 168 * time.Hour, Last: day, Checked: day,
	}
}

func aRefresh(hash, session string) store.Refresh {
	return store.Refresh{Hash: hash, SessionID: session, ClientID: "c_1", Seq: 1, Created: day, Expires: day.Add(720 * time.Hour), Token: "t_" + hash}
}

func aCode(hash string) store.Code {
	return store.Code{Hash: hash, Expires: day.Add(time.Minute), Data: []byte("data of " + hash)}
}
