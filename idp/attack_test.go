package idp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gatehouse/gatetest"
	"gatehouse/idp"
)

// TestForgedClaimsAreRefused: the provider's own signature, and one claim that is wrong.
func TestForgedClaimsAreRefused(t *testing.T) {
	f := setup(t)
	now := f.clock.Now()
	set := func(k string, v any) func(map[string]any) { return func(c map[string]any) { c[k] = v } }
	drop := func(k string) func(map[string]any) { return func(c map[string]any) { delete(c, k) } }
	for _, tt := range []struct {
		name string
		edit func(map[string]any)
		ok   bool
	}{
		{"honest", func(map[string]any) {}, true},
		{"issuer of another provider", set("iss", "https://evil.example"), false},
		{"issuer with a slash more", set("iss", f.fake.Issuer+"/"), false},
		{"no issuer", drop("iss"), false},
		{"audience of another client", set("aud", "other"), false},
		{"no audience", drop("aud"), false},
		{"empty audience", set("aud", []string{}), false},
		{"two audiences without azp", func(c map[string]any) { c["aud"] = []string{gatetest.ClientID, "other"}; delete(c, "azp") }, false},
		{"two audiences, azp ours", set("aud", []string{gatetest.ClientID, "other"}), true},
		{"azp of another client", set("azp", "other"), false},
		{"azp not a string", set("azp", []string{gatetest.ClientID}), false},
		{"nonce of another sign-in", set("nonce", "other"), false},
		{"no nonce", drop("nonce"), false},
		{"empty nonce", set("nonce", ""), false},
		{"expired a second beyond the skew", set("exp", now.Add(-31*time.Second).Unix()), false},
		{"expired within the skew", set("exp", now.Add(-29*time.Second).Unix()), true},
		{"no exp", drop("exp"), false},
		{"exp as text", set("exp", "9999999999"), false},
		{"exp huge", set("exp", json.Number("1e400")), false},
		{"exp negative", set("exp", -1), false},
		{"nbf in a minute", set("nbf", now.Add(time.Minute).Unix()), false},
		{"nbf within the skew", set("nbf", now.Add(20*time.Second).Unix()), true},
		{"nbf as text", set("nbf", "soon"), false},
		{"iat in the future", set("iat", now.Add(time.Hour).Unix()), false},
		{"no iat", drop("iat"), false},
		{"no sub", drop("sub"), false},
		{"sub too long", set("sub", strings.Repeat("a", 256)), false},
		{"at_hash of another access token", set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), false},
		{"no at_hash", drop("at_hash"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.fake.Claims(tt.edit)
			_, _, err := f.exchange("alice")
			if tt.ok {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			wantKind(t, err, idp.InvalidToken)
		})
	}
}

// TestForgedSignaturesAreRefused: the right claims, and a signature that is not the provider's.
func TestForgedSignaturesAreRefused(t *testing.T) {
	f := setup(t)
	attacker, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := f.fake.PublicKeys().Keys[0]
	der, err := x509.MarshalPKIXPublicKey(public.Key)
	if err != nil {
		t.Fatal(err)
	}
	jwk, _ := public.MarshalJSON()
	sign := func(alg jose.SignatureAlgorithm, key any, opt *jose.SignerOptions) func(string) string {
		return func(raw string) string {
			s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opt)
			if err != nil {
				t.Fatal(err)
			}
			out, err := jwt.Signed(s).Claims(gatetest.Payload(raw)).Serialize()
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	header := func(h string) func(string) string {
		return func(raw string) string {
			parts := strings.Split(raw, ".")
			return base64.RawURLEncoding.EncodeToString([]byte(h)) + "." + parts[1] + "."
		}
	}
	kid := (&jose.SignerOptions{}).WithHeader("kid", public.KeyID)
	other := setup(t)
	for _, tt := range []struct {
		name  string
		forge func(raw string) string
	}{
		{"alg none", header(`{"alg":"none"}`)},
		{"alg None", header(`{"alg":"None"}`)},
		{"alg nOnE with kid", header(`{"alg":"nOnE","kid":"` + public.KeyID + `"}`)},
		{"signature cut off", func(raw string) string { return raw[:strings.LastIndex(raw, ".")+1] }},
		{"signature changed", func(raw string) string { return raw[:len(raw)-4] + "AAAA" }},
		{"payload changed", func(raw string) string {
			parts := strings.Split(raw, ".")
			c := gatetest.Payload(raw)
			c["sub"] = "bob"
			b, _ := json.Marshal(c)
			return parts[0] + "." + base64.RawURLEncoding.EncodeToString(b) + "." + parts[2]
		}},
		{"HS256 with the public key as PEM", sign(jose.HS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), kid)},
		{"HS256 with the public key as JWK", sign(jose.HS256, jwk, kid)},
		{"HS256 with our client secret", sign(jose.HS256, []byte(gatetest.ClientSecret+gatetest.ClientSecret), kid)},
		{"attacker's key under the provider's kid", sign(jose.ES256, attacker, kid)},
		{"attacker's key in the header", sign(jose.ES256, attacker, &jose.SignerOptions{EmbedJWK: true})},
		{"attacker's key behind a jku", sign(jose.ES256, attacker, (&jose.SignerOptions{}).WithHeader("jku", "http://127.0.0.1:1/keys"))},
		{"kid that names a file", sign(jose.ES256, attacker, (&jose.SignerOptions{}).WithHeader("kid", "../../../../dev/null"))},
		{"another provider's key", func(raw string) string {
			out, err := other.fake.Sign(gatetest.Payload(raw))
			if err != nil {
				t.Fatal(err)
			}
			return out
		}},
		{"five parts", func(raw string) string { return raw + ".x.y" }},
		{"a million dots", func(string) string { return strings.Repeat(".", 1<<19) }},
		{"JSON serialization", func(raw string) string {
			p := strings.Split(raw, ".")
			return `{"payload":"` + p[1] + `","protected":"` + p[0] + `","signature":"` + p[2] + `"}`
		}},
		{"empty", func(string) string { return "" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.fake.TokenAnswer(func(a map[string]any) { a["id_token"] = tt.forge(a["id_token"].(string)) })
			_, _, err := f.exchange("alice")
			wantKind(t, err, idp.InvalidToken)
		})
	}
}

// TestUserinfoOfSomebodyElseIsRefused: an access token swapped for another person's.
func TestUserinfoOfSomebodyElseIsRefused(t *testing.T) {
	f := setup(t)
	_, bob, err := f.exchange("bob")
	if err != nil {
		t.Fatal(err)
	}
	f.fake.Claims(func(c map[string]any) { delete(c, "groups"); delete(c, "at_hash") })
	f.fake.TokenAnswer(func(a map[string]any) { a["access_token"] = bob.Access })
	_, _, err = f.exchange("alice")
	wantKind(t, err, idp.InvalidToken)
}

// TestSymmetricProviderIsRefused: a provider that only signs with secrets is not one.
func TestSymmetricProviderIsRefused(t *testing.T) {
	for name, doc := range map[string]string{
		"symmetric only":          `"id_token_signing_alg_values_supported":["HS256","none"],"authorization_endpoint":"https://a.example/a"`,
		"javascript endpoint":     `"authorization_endpoint":"javascript:alert(1)"`,
		"file endpoint":           `"authorization_endpoint":"file:///etc/passwd"`,
		"plain http to strangers": `"authorization_endpoint":"http://a.example/a"`,
	} {
		t.Run(name, func(t *testing.T) {
			f := withDocument(t, doc)
			_, err := f.AuthURL(t.Context(), idp.AuthRequest{State: state, Nonce: nonce, Verifier: verifier})
			wantKind(t, err, idp.Unavailable)
		})
	}
}
