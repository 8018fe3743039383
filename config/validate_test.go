package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const notes = "proxies:\n  notes: {upstream: http://127.0.0.1:1/mcp}\n"

func TestWhatIsAdmitted(t *testing.T) {
	for name, text := range map[string]string{
		"no proxies yet":                    okta,
		"open proxy without any provider":   "proxies: {a: {upstream: http://127.0.0.1:1/mcp, oauth: {enabled: false}}}\n",
		"behind a proxy on every address":   "server: {listen: ':8080', external_url: https://gate.example.com, trusted_proxies: [10.0.0.0/8]}\n" + okta + notes,
		"plain http where it is asked for":  "server: {listen: 0.0.0.0:8080, external_url: http://gate.example.com, allow_insecure: true}\n" + okta + notes,
		"upstream in the private network":   okta + "proxies: {a: {upstream: 'http://10.0.0.7:3000/mcp?x=1'}}\n",
		"root beside a prefix":              okta + "proxies: {a: {upstream: http://127.0.0.1:1/mcp, path: /}, b: {upstream: http://127.0.0.1:1/mcp, path: /b/c}}\n",
		"reserved words inside other words": okta + "proxies: {tokens: {upstream: http://127.0.0.1:1/mcp}, oauth2: {upstream: http://127.0.0.1:1/mcp}}\n",
		"provider group and nested groups":  okta + "groups: {a: {groups: [b, 'okta:x y']}, b: {groups: [c]}, c: {}}\n" + notes,
		"the same diamond twice":            okta + "groups: {a: {groups: [b, c]}, b: {groups: [d]}, c: {groups: [d]}, d: {}}\n",
		"strict grace, never recheck":       okta + "proxies: {a: {upstream: http://127.0.0.1:1/mcp, oauth: {refresh_grace: 0, recheck: 0}}}\n",
		"carriage returns":                  strings.ReplaceAll(okta+notes, "\n", "\r\n"),
		"byte order mark":                   "\ufeff" + okta + notes,
		"document markers":                  "---\n" + okta + notes + "...\n",
	} {
		if c, fs := Parse("test.yaml", []byte(text), Options{Getenv: none}); fs != nil || len(c.Warnings) > 0 {
			t.Errorf("%s: %v", name, fs)
		}
	}
}

func TestAttacksThatAreInvalidConfiguration(t *testing.T) {
	for name, e := range map[string]struct {
		text  string
		parts []string
	}{
		"TestEmptyAllowedGroupsIsNotEveryone": {okta + "proxies:\n  a:\n    upstream: http://127.0.0.1:1/mcp\n    allowed_groups:\n", []string{":6:20:", "allowed_groups: has no value"}},
		"a typo does not open access":         {okta + "proxies:\n  a:\n    upstream: http://127.0.0.1:1/mcp\n    alowed_groups: [x]\n", []string{":6:5:", "did you mean allowed_groups"}},
		"key hidden behind a carriage return": {"# harmless\rserver: {allow_insecure: true}\n", []string{":1:11:", "line break that editors do not show"}},
		"key hidden behind a separator":       {"# harmless\u2028server: {allow_insecure: true}\n", []string{":1:11:", "U+2028"}},
		"upper-case twin of a reserved path":  {okta + "proxies: {a: {upstream: http://127.0.0.1:1/mcp, path: /OAuth}}\n", []string{"belongs to gatehouse"}},
		"percent-encoded path":                {okta + "proxies: {a: {upstream: http://127.0.0.1:1/mcp, path: /%6fauth}}\n", []string{"a path has only"}},
		"userinfo in the public URL":          {"server: {external_url: 'https://gate.example.com@evil.example'}\n", []string{"user name or password"}},
		"two proxies, one issuer":             {okta + "proxies: {a: {upstream: http://127.0.0.1:1/mcp, listen: 127.0.0.1:9050}, b: {upstream: http://127.0.0.1:1/mcp, listen: '[::1]:9050'}}\n", []string{"public URL of proxies.a"}},
		"proxy with the gate's own URL":       {okta + "proxies: {a: {upstream: http://127.0.0.1:1/mcp, listen: '[::1]:8080'}}\n", []string{"public URL of server"}},
		"identity header from a client":       {"server: {identity_headers: {user: X-Id, email: x-id}}\n", []string{"the same header"}},
		"header injection":                    {okta + "proxies: {a: {upstream: http://127.0.0.1:1/mcp, upstream_auth: {type: header, headers: {X-A: \"a\\r\\nX-B: b\"}}}}\n", []string{"line breaks"}},
		"secret too short":                    {"storage: {encryption_key: short}\n", []string{"shorter than 16"}},
		"provider takes state away":           {"providers: {a: {issuer: https://id.example.com, client_id: x, extra_params: {STATE: x}}}\n", []string{"sets STATE itself"}},
		"regex that is no regex":              {"groups: {a: {rules: [{email_regex: 'a)|(b'}]}}\n", []string{"email_regex"}},
		"group by another case":               {okta + "groups: {Admins: {}}\nproxies: {a: {upstream: http://127.0.0.1:1/mcp, allowed_groups: [admins]}}\n", []string{"did you mean Admins"}},
		"client that reaches nothing":         {"clients: {a: {redirect_uris: ['https://x.example.com/cb']}}\n", []string{"names no proxy"}},
		"reserved with proxy_oauth":           {okta + "proxy_oauth: {enabled: true}\nproxies: {login: {upstream: http://127.0.0.1:1/mcp}}\n", []string{"/login belongs"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, fs := Parse("test.yaml", []byte(e.text), Options{Getenv: none})
			wantFault(t, fs, e.parts...)
		})
	}
}

// CF-11: a certificate that cannot be used is an invalid configuration, never plain http.
func TestUnusableCertificateIsNeverPlainHTTP(t *testing.T) {
	dir := t.TempDir()
	cert, key := selfSigned(t)
	_, otherKey := selfSigned(t)
	for name, data := range map[string][]byte{"a.crt": cert, "a.key": key, "b.key": otherKey, "empty.key": nil, "text.crt": []byte("not PEM")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for pair, want := range map[[2]string]string{
		{"a.crt", "a.key"}:      "",
		{"a.crt", "b.key"}:      "not a certificate with its key",
		{"a.crt", "empty.key"}:  "not a certificate with its key",
		{"text.crt", "a.key"}:   "not a certificate with its key",
		{"absent.crt", "a.key"}: "no such file",
		{"a.crt", "absent.key"}: "no such file",
		{".", "a.key"}:          "not a regular file",
	} {
		text := "server: {tls: {cert_file: " + pair[0] + ", key_file: " + pair[1] + "}}\n" + okta + notes
		c, fs := Parse(filepath.Join(dir, "test.yaml"), []byte(text), Options{Getenv: none})
		if want == "" {
			if fs != nil || c.PublicURL() != "https://localhost:8080" {
				t.Errorf("%v: %v", pair, fs)
			}
			continue
		}
		wantFault(t, fs, "server.tls", want)
	}
}

func selfSigned(t *testing.T) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk})
}
