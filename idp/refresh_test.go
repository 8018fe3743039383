package idp_test

import (
	"context"
	"strings"
	"testing"

	"gatehouse/config"
	"gatehouse/demo"
	"gatehouse/gatetest"
	"gatehouse/idp"
)

func TestRefreshSeesChangedGroups(t *testing.T) {
	for _, with := range []string{"id token", "userinfo"} {
		t.Run(with, func(t *testing.T) {
			f := setup(t)
			before, tok, err := f.exchange("alice")
			if err != nil {
				t.Fatal(err)
			}
			f.fake.SetAccount(demo.Account{ID: "alice", Name: "Alice", Email: "alice@example.com", Groups: []string{"retired"}})
			if with == "userinfo" {
				f.fake.TokenAnswer(func(a map[string]any) { delete(a, "id_token") })
			}
			after, renewed, err := f.p.Refresh(context.Background(), tok.Refresh)
			if err != nil {
				t.Fatal(err)
			}
			if after.Sub != before.Sub || strings.Join(after.ProviderGroups, " ") != "retired" {
				t.Errorf("%+v", after)
			}
			if renewed.Refresh == tok.Refresh || renewed.Refresh == "" {
				t.Error("the new refresh token is missing")
			}
		})
	}
}

func TestVanishedPersonEnds(t *testing.T) {
	f := setup(t)
	_, tok, err := f.exchange("alice")
	if err != nil {
		t.Fatal(err)
	}
	f.fake.RemoveAccount("alice")
	_, _, err = f.p.Refresh(context.Background(), tok.Refresh)
	wantKind(t, err, idp.InvalidGrant)
	_, _, err = f.p.Refresh(context.Background(), "")
	wantKind(t, err, idp.InvalidGrant)
}

func TestUnreachableProviderEndsNothing(t *testing.T) {
	for _, fault := range []string{gatetest.Error500, gatetest.Reset, gatetest.HTML} {
		f := setup(t)
		_, tok, err := f.exchange("alice")
		if err != nil {
			t.Fatal(err)
		}
		f.fake.Fault("/token", fault)
		_, _, err = f.p.Refresh(context.Background(), tok.Refresh)
		wantKind(t, err, idp.Unavailable)
	}
}

// A provider that does not know us any more says nothing about the person.
func TestWrongClientSecretEndsNothing(t *testing.T) {
	f := setup(t)
	_, tok, err := f.exchange("alice")
	if err != nil {
		t.Fatal(err)
	}
	f.fake.ClientSecret = "rotated"
	_, _, err = f.p.Refresh(context.Background(), tok.Refresh)
	wantKind(t, err, idp.Unavailable)
}

func TestProviderThatKeepsItsRefreshToken(t *testing.T) {
	f := setup(t)
	_, tok, err := f.exchange("alice")
	if err != nil {
		t.Fatal(err)
	}
	f.fake.TokenAnswer(func(a map[string]any) { delete(a, "refresh_token") })
	_, renewed, err := f.p.Refresh(context.Background(), tok.Refresh)
	if err != nil || renewed.Refresh != tok.Refresh {
		t.Errorf("%v, the old refresh token is lost", err)
	}
}

func TestUserinfoRefusalAfterRefreshEnds(t *testing.T) {
	f := setup(t, func(c *config.Provider) { c.GroupsClaim = "nowhere" })
	_, tok, err := f.exchange("alice")
	if err != nil {
		t.Fatal(err)
	}
	f.fake.TokenAnswer(func(a map[string]any) { a["access_token"] = "stale"; delete(a, "id_token") })
	_, _, err = f.p.Refresh(context.Background(), tok.Refresh)
	wantKind(t, err, idp.Denied)
}
