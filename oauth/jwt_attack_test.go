package oauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/store"
)

func b64(v any) string {
	raw, ok := v.([]byte)
	if !ok {
		raw, _ = json.Marshal(v)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// forge signs header and payload with key, over exactly these bytes.
func forge(t *testing.T, key *ecdsa.PrivateKey, header, payload any) string {
	t.Helper()
	input := b64(header) + "." + b64(payload)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// signingKey is the gate's own, as a thief would have to have it.
func (h *house) signingKey() (kid string, key *ecdsa.PrivateKey) {
	h.t.Helper()
	rows, err := h.store.Keys(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, k := range rows {
		if k.State == store.KeyActive {
			parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
			if err != nil {
				h.t.Fatal(err)
			}
			return k.KID, parsed.(*ecdsa.PrivateKey)
		}
	}
	h.t.Fatal("no active key")
	return "", nil
}

func TestForgedTokens(t *testing.T) { // JW-01 … JW-07, JW-10
	h := newHouse(t)
	_, a := h.tokens("m", "alice")
	good := a.str("access_token")
	h.wantIn("m", good, true)
	kid, key := h.signingKey()
	parts := strings.Split(good, ".")
	var body map[string]any
	raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
	json.Unmarshal(raw, &body)
	head := func(pairs ...any) map[string]any {
		m := map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": kid}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	with := func(name string, value any) map[string]any {
		m := map[string]any{}
		for k, v := range body {
			m[k] = v
		}
		if m[name] = value; value == nil {
			delete(m, name)
		}
		return m
	}
	now := h.clock.Now().Unix()
	if _, err := h.enter("m", "Bearer "+forge(t, key, head(), body)); err != nil {
		t.Fatalf("an honest copy is refused: %v", err)
	}
	public, _ := x509.MarshalPKIXPublicKey(&key.PublicKey)
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	hs := b64(head("alg", "HS256")) + "." + b64(body)
	mac.Write([]byte(hs))
	stranger, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	own := jose.JSONWebKey{Key: &stranger.PublicKey}
	for name, token := range map[string]string{
		"none":             b64(head("alg", "none")) + "." + parts[1] + ".",
		"None":             b64(head("alg", "None")) + "." + parts[1] + "." + parts[2],
		"empty signature":  parts[0] + "." + parts[1] + ".",
		"HS256 public key": hs + "." + b64(mac.Sum(nil)),
		"kid path":         forge(t, key, head("kid", "../../dev/null"), body),
		"kid huge":         forge(t, key, head("kid", strings.Repeat("k", 10<<10)), body),
		"no kid":           forge(t, key, head("kid", nil), body),
		"embedded jwk":     forge(t, stranger, head("jwk", own), body),
		"stranger's key":   forge(t, stranger, head(), body),
		"jku":              forge(t, stranger, head("jku", "http://127.0.0.1:1/k"), body),
		"crit":             forge(t, key, head("crit", []string{"x"}), body),
		"b64":              forge(t, key, head("b64", false), body),
		"plain JWT":        forge(t, key, head("typ", "JWT"), body),
		"no type":          forge(t, key, head("typ", nil), body),
		"two headers":      forge(t, key, []byte(`{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"`+kid+`"}`), body),
		"foreign issuer":   forge(t, key, head(), with("iss", "https://evil.test")),
		"no issuer":        forge(t, key, head(), with("iss", nil)),
		"foreign audience": forge(t, key, head(), with("aud", h.url+"/n")),
		"audience list":    forge(t, key, head(), with("aud", []string{h.url + "/m", "x"})),
		"list of one":      forge(t, key, head(), with("aud", []string{h.url + "/m"})),
		"empty list":       forge(t, key, head(), with("aud", []string{})),
		"no audience":      forge(t, key, head(), with("aud", nil)),
		"expired":          forge(t, key, head(), with("exp", now-31)),
		"no exp":           forge(t, key, head(), with("exp", nil)),
		"text exp":         forge(t, key, head(), with("exp", "9999999999")),
		"huge exp":         forge(t, key, head(), []byte(strings.Replace(string(raw), `"exp":`, `"exp":1e400,"x":`, 1))),
		"negative exp":     forge(t, key, head(), with("exp", -1)),
		"nbf ahead":        forge(t, key, head(), with("nbf", now+60)),
		"iat ahead":        forge(t, key, head(), with("iat", now+60)),
		"no sid":           forge(t, key, head(), with("sid", nil)),
		"other sid":        forge(t, key, head(), with("sid", "s_other")),
		"other person":     forge(t, key, head(), with("sub", "u_other")),
		"other client":     forge(t, key, head(), with("client_id", "c_other")),
		"no jti":           forge(t, key, head(), with("jti", nil)),
		"refresh token":    a.str("refresh_token"),
		"five parts":       good + ".x.y",
		"dots":             strings.Repeat(".", maxToken),
		"too long":         good + strings.Repeat("A", maxToken),
		"padding":          good + "=",
		"changed payload":  parts[0] + "." + b64(with("scope", "admin")) + "." + parts[2],
	} {
		if _, err := h.enter("m", "Bearer "+token); err == nil || err.Status != 401 || err.Code != "invalid_token" || err.Description == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	h.wantIn("n", good, false)
	h.wantIn("own", good, false)
	if err := (func() error { _, e := h.server.keys.Load().verify(strings.Repeat(".", 1<<20)); return e })(); err == nil {
		t.Error("a megabyte of dots")
	}
}

func TestIDTokenOfProviderIsNoAccessToken(t *testing.T) { // JW-06
	h := newHouse(t)
	token, err := h.idp.Sign(map[string]any{"iss": h.url + "/m", "aud": h.url + "/m", "sub": "alice", "exp": h.clock.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	h.wantIn("m", token, false)
}

func TestTokenExpiresWithThirtySecondsSkew(t *testing.T) { // JW-07
	h := newHouse(t)
	_, a := h.tokens("m", "alice")
	h.wantIn("m", a.str("access_token"), true) // from now on its verdict is cached
	h.clock.Add(time.Hour + 29*time.Second)
	h.wantIn("m", a.str("access_token"), true)
	h.clock.Add(2 * time.Second)
	h.wantIn("m", a.str("access_token"), false)
}

func TestAuthorizationHeader(t *testing.T) { // B21, TP
	h := newHouse(t)
	_, a := h.tokens("m", "alice")
	token := a.str("access_token")
	for name, c := range map[string]struct {
		headers []string
		status  int
		code    string
	}{
		"none":        {nil, 401, ""},
		"good":        {[]string{"Bearer " + token}, 0, ""},
		"lower case":  {[]string{"bearer " + token}, 0, ""},
		"two":         {[]string{"Bearer " + token, "Bearer " + token}, 400, "invalid_request"},
		"two spaces":  {[]string{"Bearer  " + token}, 401, "invalid_token"},
		"line break":  {[]string{"Bearer " + token + "\r\n"}, 401, "invalid_token"},
		"two tokens":  {[]string{"Bearer " + token + " x"}, 401, "invalid_token"},
		"with comma":  {[]string{"Bearer " + token + ",x"}, 401, "invalid_token"},
		"no token":    {[]string{"Bearer"}, 401, "invalid_token"},
		"only spaces": {[]string{"Bearer   "}, 401, "invalid_token"},
		"empty":       {[]string{""}, 401, "invalid_token"},
		"basic":       {[]string{"Basic YTpi"}, 401, "invalid_token"},
		"garbage":     {[]string{"Bearer garbage"}, 401, "invalid_token"},
	} {
		_, err := h.enter("m", c.headers...)
		switch {
		case c.status == 0 && err != nil, c.status != 0 && (err == nil || err.Status != c.status || err.Code != c.code || err.Description == ""):
			t.Errorf("%s: got %+v", name, err)
		}
	}
}

func TestOpenProxyRefusesJunk(t *testing.T) {
	h := newHouse(t)
	if c, err := h.enter("open"); err != nil || c.Session.Kind != "open" {
		t.Errorf("anonymous: %+v %v", c, err)
	}
	_, a := h.tokens("m", "alice")
	for _, token := range []string{"junk", a.str("access_token")} {
		if _, err := h.enter("open", "Bearer "+token); err == nil || err.Status != 401 {
			t.Errorf("bad credentials: %v", err)
		}
	}
}

func TestChallenge(t *testing.T) { // B3, RS1, RS2
	h := newHouse(t)
	g := h.gate.Load()
	_, none := h.enter("m")
	if got, want := g.Challenge(g.cfg.Proxies["m"], none), `Bearer resource_metadata="`+h.url+`/.well-known/oauth-protected-resource/m", scope="read write"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, bad := h.enter("own", "Bearer x")
	if got := g.Challenge(g.cfg.Proxies["own"], bad); !strings.Contains(got, `error="invalid_token"`) ||
		!strings.HasSuffix(got, `resource_metadata="http://localhost:9050/.well-known/oauth-protected-resource/mcp"`) {
		t.Errorf("got %s", got)
	}
}

func TestVerdictsAreBounded(t *testing.T) {
	v := &verdicts{capacity: 10}
	first := verdictKey("m", "first")
	v.put(first, &claims{})
	for i := range 1000 {
		v.put(verdictKey("m", strings.Repeat("x", i)), &claims{})
		if _, ok := v.get(first); !ok {
			t.Fatal("what is in use was forgotten")
		}
	}
	if n := len(v.young) + len(v.old); n > 21 {
		t.Errorf("holds %d", n)
	}
	if verdictKey("m", "a") == verdictKey("n", "a") {
		t.Error("two proxies share a verdict")
	}
}

func TestKeyRotation(t *testing.T) { // JW-09
	h := newHouse(t)
	client, a := h.tokens("m", "alice")
	before, err := h.server.Keys(t.Context())
	if err != nil || len(before) != 2 {
		t.Fatalf("keys: %v %v", before, err)
	}
	info, err := h.server.RotateKeys(t.Context(), "uid:0")
	if err != nil || info.State != store.KeyActive {
		t.Fatalf("rotate: %+v %v", info, err)
	}
	h.wantIn("m", a.str("access_token"), true)
	newer := h.refresh("m", client, a.str("refresh_token"))
	h.wantIn("m", newer.str("access_token"), true)
	raw, _ := base64.RawURLEncoding.DecodeString(strings.Split(newer.str("access_token"), ".")[0])
	if !strings.Contains(string(raw), info.KID) {
		t.Errorf("new token signed by another key: %s", raw)
	}
	jwks := h.browser().get(h.endpoint("m", "jwks.json"))
	if strings.Count(jwks.body, `"kid"`) != 3 || !strings.Contains(jwks.header.Get("Cache-Control"), "max-age=") || strings.Contains(jwks.body, `"d"`) {
		t.Errorf("jwks: %s %v", jwks.body, jwks.header)
	}
	h.clock.Add(2 * time.Hour)
	h.server.Housekeep(t.Context())
	if n := len(h.server.keys.Load().public); n != 2 || h.audit.count("key.rotated", "") != 1 {
		t.Errorf("%d keys after the last token expired", n)
	}
}

// FuzzJWT: nothing but what we signed is ever a token.
func FuzzJWT(f *testing.F) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	keys := &keySet{public: map[string]*ecdsa.PublicKey{"k": &private.PublicKey}}
	for _, s := range []string{"..", "a.b.c", b64(map[string]string{"alg": "none", "typ": "at+jwt", "kid": "k"}) + ".e30.",
		b64(map[string]string{"alg": "ES256", "typ": "at+jwt", "kid": "k"}) + ".e30." + strings.Repeat("A", 86)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := keys.verify(token); err == nil {
			t.Errorf("%q was accepted", token)
		}
	})
}

func b64Decode(s string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	return string(raw), err
}

// A second rotation while tokens of the key before last are alive must not lock their owners out.
func TestTwoRotationsKeepEveryLiveToken(t *testing.T) {
	h := newHouse(t)
	_, a := h.tokens("m", "alice")
	token := a.str("access_token")
	for range 3 {
		if _, err := h.server.RotateKeys(t.Context(), "operator"); err != nil {
			t.Fatal(err)
		}
		h.clock.Add(time.Minute)
		h.server.Housekeep(t.Context())
		h.wantIn("m", token, true)
	}
}

// A configuration that is only tried, and refused, must not become the one that housekeeping follows.
func TestDryBuildChangesNothing(t *testing.T) {
	h := newHouse(t)
	before := h.server.world.Load()
	other := *before
	h.server.In(&other)
	if h.server.world.Load() != before {
		t.Error("a gate that was only built is in force")
	}
}
