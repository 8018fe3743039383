package idp

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/config"
	"gatehouse/fetch"
)

func FuzzClaims(f *testing.F) {
	for _, s := range []string{
		`{"sub":"a","email":"A@b.example","email_verified":true,"groups":["x"],"n":1e400,"d":{"e":[1,[2],{"f":null}]}}`,
		`{"sub":12345678901234567890,"groups":"x"}`, `{"sub":"\u202e","email":"a@b@c"}`, `[]`, `null`, `{} {}`, `{"exp":-1e999}`,
	} {
		f.Add([]byte(s))
	}
	p := &Provider{c: &config.Provider{Name: "f", GroupsClaim: "groups", UserIDClaim: "sub", EmailClaim: "email"}, log: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseClaims(data)
		if err != nil {
			return
		}
		c.time("exp")
		id, err := p.person(c, nil)
		if err != nil {
			return
		}
		if id.Subject == "" || id.Sub == "" || !utf8.ValidString(id.Subject) || len(id.ProviderGroups) > maxGroups || len(id.Claims) > maxClaims {
			t.Errorf("%+v", id)
		}
		if id.EmailVerified && strings.Count(id.Email, "@") != 1 {
			t.Errorf("verified address %q", id.Email)
		}
		if _, err := json.Marshal(id); err != nil {
			t.Errorf("identity does not marshal: %v", err)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","use":"sig","kid":"1"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"c2VjcmV0"},{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ks, err := parseKeys(json.NewDecoder(strings.NewReader(string(data))))
		if err != nil {
			return
		}
		for _, k := range ks.keys {
			if _, symmetric := k.Key.([]byte); symmetric || !k.IsPublic() {
				t.Errorf("unusable key %T was kept", k.Key)
			}
		}
	})
}

// The production client holds the line that the tests' loopback providers cannot show: a document may not lead inside.
func TestDocumentCannotLeadInside(t *testing.T) {
	p := New(&config.Provider{Name: "x", Issuer: "https://idp.example", ClientID: "c"}, Options{})
	for _, u := range []string{"https://169.254.169.254/keys", "https://10.0.0.1/keys", "https://localhost/keys", "http://idp.example/keys"} {
		if resp, err := p.client.Get(u); err == nil {
			resp.Body.Close()
			t.Errorf("%s was fetched", u)
		} else if !strings.Contains(err.Error(), fetch.ErrBlocked.Error()) {
			t.Errorf("%s: %v", u, err)
		}
	}
}
