package idp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gatehouse/config"
	"gatehouse/idp"
)

func TestIdentityClaims(t *testing.T) {
	type m = map[string]any
	for _, tt := range []struct {
		name     string
		provider func(*config.Provider)
		claims   m
		subject  string // "" = no_identity
		email    string
		verified bool
		groups   string
	}{
		{name: "as it is", subject: "alice", email: "alice@example.com", verified: true, groups: "eng admins"},
		{name: "nOAuth: an address nobody verified gives nothing", claims: m{"email": "boss@corp.example", "email_verified": false}, subject: "alice", email: "boss@corp.example", groups: "eng admins"},
		{name: "trust_email vouches for it", provider: func(c *config.Provider) { c.TrustEmail = true }, claims: m{"email_verified": false}, subject: "alice", email: "alice@example.com", verified: true, groups: "eng admins"},
		{name: "email_verified as text", claims: m{"email_verified": "true"}, subject: "alice", email: "alice@example.com", verified: true, groups: "eng admins"},
		{name: "email_verified as number", claims: m{"email_verified": 1}, subject: "alice", email: "alice@example.com", groups: "eng admins"},
		{name: "upper case address", claims: m{"email": "Alice@Example.COM"}, subject: "alice", email: "alice@example.com", verified: true, groups: "eng admins"},
		{name: "Kelvin sign is not a k", claims: m{"email": "ali\u212Ae@example.com"}, subject: "alice", email: "ali\u212Ae@example.com", verified: true, groups: "eng admins"},
		{name: "two @", claims: m{"email": "a@b@example.com"}, subject: "alice", groups: "eng admins"},
		{name: "email_claim upn is never verified by email_verified", provider: func(c *config.Provider) { c.EmailClaim = "upn" }, claims: m{"upn": "boss@corp.example"}, subject: "alice", email: "boss@corp.example", groups: "eng admins"},
		{name: "user_id_claim oid", provider: func(c *config.Provider) { c.UserIDClaim = "oid" }, claims: m{"oid": "0000-1"}, subject: "0000-1", email: "alice@example.com", verified: true, groups: "eng admins"},
		{name: "user_id_claim number", provider: func(c *config.Provider) { c.UserIDClaim = "uid" }, claims: m{"uid": json.Number("12345678901234567890")}, subject: "12345678901234567890", email: "alice@example.com", verified: true, groups: "eng admins"},
		{name: "user_id_claim missing", provider: func(c *config.Provider) { c.UserIDClaim = "oid" }},
		{name: "user_id_claim is a list", provider: func(c *config.Provider) { c.UserIDClaim = "oid" }, claims: m{"oid": []string{"alice"}}},
		{name: "user_id_claim with a control character", provider: func(c *config.Provider) { c.UserIDClaim = "oid" }, claims: m{"oid": "alice\u202e"}},
		{name: "user_id_claim email, verified", provider: func(c *config.Provider) { c.UserIDClaim = "email" }, subject: "alice@example.com", email: "alice@example.com", verified: true, groups: "eng admins"},
		{name: "user_id_claim email, not verified, is nobody", provider: func(c *config.Provider) { c.UserIDClaim = "email" }, claims: m{"email": "boss@corp.example", "email_verified": false}},
		{name: "groups as one string", claims: m{"groups": "eng"}, subject: "alice", email: "alice@example.com", verified: true, groups: "eng"},
		{name: "groups with junk", claims: m{"groups": []any{"eng", 7, "", nil, []string{"x"}, "a\u200bdmins"}}, subject: "alice", email: "alice@example.com", verified: true, groups: "eng"},
		{name: "groups below a path", provider: func(c *config.Provider) { c.GroupsClaim = "realm_access.roles" }, claims: m{"realm_access": m{"roles": []string{"ops"}}}, subject: "alice", email: "alice@example.com", verified: true, groups: "ops"},
		{name: "groups under a URL", provider: func(c *config.Provider) { c.GroupsClaim = "https://corp.example/groups" }, claims: m{"https://corp.example/groups": []string{"ops"}}, subject: "alice", email: "alice@example.com", verified: true, groups: "ops"},
		{name: "groups only in userinfo", claims: m{"groups": nil, "email": nil}, subject: "alice", email: "alice@example.com", verified: true, groups: "eng admins"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var edits []func(*config.Provider)
			if tt.provider != nil {
				edits = append(edits, tt.provider)
			}
			f := setup(t, edits...)
			f.fake.Claims(func(c map[string]any) {
				for k, v := range tt.claims {
					if c[k] = v; v == nil {
						delete(c, k)
					}
				}
			})
			id, _, err := f.exchange("alice")
			if tt.subject == "" {
				wantKind(t, err, idp.NoIdentity)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if id.Subject != tt.subject || id.Email != tt.email || id.EmailVerified != tt.verified || strings.Join(id.ProviderGroups, " ") != tt.groups {
				t.Errorf("subject %q, email %q verified %v, groups %q\nwant    %q, email %q verified %v, groups %q", id.Subject, id.Email,
					id.EmailVerified, id.ProviderGroups, tt.subject, tt.email, tt.verified, tt.groups)
			}
		})
	}
}

func TestClaimsAreBounded(t *testing.T) {
	f := setup(t)
	f.fake.Claims(func(c map[string]any) {
		for i := range 150 {
			c[fmt.Sprintf("a%03d", i)] = strings.Repeat("x", 100)
		}
		c["department"] = "R&D"
		c["upn"] = "alice@corp.example"
		c["address"] = map[string]string{"street": "dropped"}
		groups := make([]string, 2000)
		for i := range groups {
			groups[i] = fmt.Sprintf("g%d", i)
		}
		c["groups"] = groups
	})
	id, _, err := f.exchange("alice")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(id.Claims)
	if len(id.Claims) > 64 || len(b) > 10<<10 || len(id.ProviderGroups) != 1000 {
		t.Errorf("%d claims in %d bytes, %d groups", len(id.Claims), len(b), len(id.ProviderGroups))
	}
	if id.Claims["upn"] != "alice@corp.example" {
		t.Error("an address, which a ban may name, was pushed out")
	}
	for _, name := range []string{"iss", "aud", "nonce", "at_hash", "groups", "address"} {
		if id.Claims[name] != nil {
			t.Errorf("claim %q was kept", name)
		}
	}
}

func TestSameSubjectAtTwoProvidersIsTwoPeople(t *testing.T) {
	a, b := setup(t), setup(t)
	ida, _, err := a.exchange("alice")
	if err != nil {
		t.Fatal(err)
	}
	idb, _, err := b.exchange("alice")
	if err != nil {
		t.Fatal(err)
	}
	if ida.Sub == idb.Sub {
		t.Error("two issuers meet in one person")
	}
}
