package oauth

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(got), "", "  "); err != nil {
		t.Fatalf("%s: %v: %s", name, err, got)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, indented.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if indented.String() != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, indented.String(), want)
	}
}

// own asks p's own listener.
func (h *house) own(method, target string, body string) *httptest.ResponseRecorder {
	h.t.Helper()
	g := h.gate.Load()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "evil.test" // nothing may follow from it
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	if !g.ServeProxy(w, r, g.cfg.Proxies["own"]) {
		w.WriteHeader(http.StatusTeapot)
	}
	return w
}

func TestMetadataDocuments(t *testing.T) { // B1, B2, AS2 … AS4, AS8
	h := newHouse(t)
	clean := func(s string) string { return strings.ReplaceAll(s, h.url, "http://gw") }
	get := func(path string) string { return clean(h.browser().get(h.url + path).body) }
	golden(t, "resource_m.json", get("/.well-known/oauth-protected-resource/m"))
	golden(t, "server_m.json", get("/.well-known/oauth-authorization-server/m"))
	golden(t, "openid_m.json", get("/m/.well-known/openid-configuration"))
	golden(t, "resource_own.json", clean(h.own("GET", "/.well-known/oauth-protected-resource/mcp", "").Body.String()))
	golden(t, "server_own.json", clean(h.own("GET", "/.well-known/oauth-authorization-server", "").Body.String()))
	golden(t, "choices.json", get("/.well-known/oauth-protected-resource"))
	for _, same := range [][]string{
		{"/.well-known/oauth-authorization-server/m", "/m/.well-known/oauth-authorization-server"},
		{"/.well-known/openid-configuration/m", "/m/.well-known/openid-configuration"},
		{"/.well-known/oauth-protected-resource/m", "/m/.well-known/oauth-protected-resource"},
		{"/.well-known/jwks.json/m", "/api/v1/oauth-proxy/9/jwks.json"},
	} {
		if get(same[0]) != get(same[1]) {
			t.Errorf("%s and %s differ", same[0], same[1])
		}
	}
	for _, doc := range []string{docResource, docServer, docOpenID, docKeys} {
		root := h.own("GET", "/.well-known/"+doc, "")
		for _, at := range []string{"/.well-known/" + doc + "/mcp", "/mcp/.well-known/" + doc} {
			if w := h.own("GET", at, ""); w.Code != 200 || w.Body.String() != root.Body.String() || w.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s: %d %s", at, w.Code, w.Body)
			}
		}
	}
	for _, path := range []string{"/.well-known/oauth-protected-resource", "/.well-known/other", "/.well-known/oauth-protected-resource/open",
		"/.well-known/oauth-protected-resource/nope"} {
		if a := h.browser().get(h.url + path); a.status != 404 || a.json == nil {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	h.reload("", "require_consent: false", "require_consent: false, access_token_ttl: 2h", "oauth: {dcr: true", "oauth: {dcr: false")
	if doc := get("/.well-known/oauth-authorization-server/n"); strings.Contains(doc, "registration_endpoint") {
		t.Errorf("dcr: false, and yet %s", doc)
	}
	if a := h.register("n", `{}`); a.status != 404 {
		t.Errorf("dcr: false, and yet %d", a.status)
	}
}

func TestRootBelongsToTheProxyThere(t *testing.T) {
	h := newHouse(t)
	h.reload("", "path: /m,", "path: /,")
	a := h.browser().get(h.url + "/.well-known/oauth-authorization-server")
	if a.status != 200 || a.str("issuer") != h.url {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := h.browser().get(h.url + "/.well-known/oauth-protected-resource"); a.str("resource") != h.url {
		t.Errorf("resource: %s", a.body)
	}
}

func TestAliases(t *testing.T) { // X9, B5, B7, B8
	h := newHouse(t)
	client := h.public("m", loopback)
	q := authorizeParams(client, loopback)
	for _, path := range []string{"/authorize", "/oauth/authorize"} {
		if a := h.browser().get(h.url + path + "?" + q.Encode()); a.status != 302 || !strings.Contains(a.header.Get("Location"), "/consent?login=") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		w := h.own("GET", path+"?a=%20b&c=d;e", "")
		if w.Code != 302 || w.Header().Get("Location") != h.endpoint("own", "authorize")+"?a=%20b&c=d;e" || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("own %s: %d %v", path, w.Code, w.Header())
		}
	}
	first := h.post("/oauth/token", codeForm(client, loopback, h.code("m", "alice", client, loopback)))
	if first.status != 200 {
		t.Fatalf("/oauth/token: %d %s", first.status, first.body)
	}
	second := h.post("/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {first.str("refresh_token")}})
	if second.status != 200 {
		t.Errorf("/token: %d %s", second.status, second.body)
	}
	if a := h.post("/oauth/revoke", url.Values{"client_id": {client}, "token": {second.str("access_token")}}); a.status != 200 {
		t.Errorf("/oauth/revoke: %d %s", a.status, a.body)
	}
	h.wantIn("m", second.str("access_token"), false)
	for _, path := range []string{"/register", "/oauth/dcr", "/oauth/register", "/api/v1/oauth/register"} {
		r, err := http.NewRequest("POST", h.url+path, strings.NewReader(`{"redirect_uris":["https://x.example/cb"]}`))
		r.Header.Set("Content-Type", "application/json")
		if a := h.browser().do(r, err); a.status != 400 || !strings.Contains(a.body, h.url+"/m") {
			t.Errorf("%s without a proxy at /: %d %s", path, a.status, a.body)
		}
	}
	if w := h.own("POST", "/oauth/token", "grant_type=refresh_token&client_id=x&refresh_token=y"); w.Code != 401 {
		t.Errorf("own token: %d %s", w.Code, w.Body)
	}
	if w := h.own("POST", "/mcp", "{}"); w.Code != http.StatusTeapot {
		t.Errorf("took what is not ours: %d", w.Code)
	}
}

func TestCORSPreflight(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"token", "register", "revoke", "jwks.json"} {
		r, err := http.NewRequest("OPTIONS", h.endpoint("m", name), nil)
		a := h.browser().do(r, err)
		if a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
	if a := h.browser().get(h.endpoint("m", "authorize")); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a page can be read from elsewhere")
	}
}
