package oauth

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatehouse/session"
)

// TestChallengeIsExact is B3 and HX-21: the clients read it with regular expressions.
func TestChallengeIsExact(t *testing.T) {
	h := newHouse(t)
	h.reload("", "path: /m,", "path: /,", "oauth: {scopes: [read, write]}", "oauth: {}", `"127.0.0.1:9050",`, `"127.0.0.1:9050", external_url: "https://mcp.example/notes",`)
	g := h.gate.Load()
	for proxy, metadata := range map[string]string{
		"m":   h.url + "/.well-known/oauth-protected-resource",
		"n":   h.url + "/.well-known/oauth-protected-resource/n",
		"own": "https://mcp.example/.well-known/oauth-protected-resource/notes/mcp",
	} {
		p := g.cfg.Proxies[proxy]
		for _, method := range []string{"GET", "POST", "DELETE", "HEAD", "OPTIONS"} {
			r := httptest.NewRequest(method, "http://evil.test/x", nil)
			r.Header.Set("X-Forwarded-Host", "evil.test")
			r.Header.Set("X-Forwarded-Proto", "gopher")
			_, err := g.Authenticate(r, p)
			e, _ := err.(*session.AuthError)
			if e == nil || e.Status != http.StatusUnauthorized || g.Challenge(p, e) != `Bearer resource_metadata="`+metadata+`"` {
				t.Errorf("%s %s: %v %s", method, proxy, err, g.Challenge(p, e))
			}
		}
		_, e := h.enter(proxy, "Bearer junk\"")
		want := `Bearer error="invalid_token", error_description="not an access token of this gateway", resource_metadata="` + metadata + `"`
		if e == nil || g.Challenge(p, e) != want {
			t.Errorf("%s: %s, want %s", proxy, g.Challenge(p, e), want)
		}
	}
	_, e := h.enter("open", "Bearer junk")
	if e == nil || g.Challenge(g.cfg.Proxies["open"], e) != `Bearer error="invalid_token", error_description="not an access token of this gateway"` {
		t.Errorf("open: %v", e)
	}
}

// TestMetadataIsWhereItsURLsSay follows what the documents say, from the challenge on, for every kind of address.
func TestMetadataIsWhereItsURLsSay(t *testing.T) {
	h := newHouse(t)
	for name, c := range map[string]struct {
		proxy string
		pairs []string
	}{
		"path":                            {"m", nil},
		"at /":                            {"m", []string{"path: /m,", "path: /,"}},
		"own listener":                    {"own", nil},
		"own listener, external":          {"own", []string{`"127.0.0.1:9050",`, `"127.0.0.1:9050", external_url: "https://mcp.example",`}},
		"own listener, external and path": {"own", []string{`"127.0.0.1:9050",`, `"127.0.0.1:9050", external_url: "https://mcp.example/notes",`}},
		"path, external":                  {"n", []string{"path: /n,", `path: /n, external_url: "https://mcp.example/other/n",`}},
		"path, external is another's":     {"n", []string{"path: /n,", `path: /n, external_url: "https://mcp.example/m",`}},
	} {
		h.reload("", c.pairs...)
		g := h.gate.Load()
		p := g.cfg.Proxies[c.proxy]
		get := func(raw string) answerOf {
			t.Helper()
			u, err := url.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if p.Listen != "" && !strings.HasPrefix(raw, h.url) {
				w := h.own("GET", u.EscapedPath(), "")
				return answerOf{status: w.Code, header: w.Header(), body: w.Body.String()}
			}
			r, err := http.NewRequest("GET", h.url+u.EscapedPath(), nil)
			r.Host = "evil.test"
			r.Header.Set("X-Forwarded-Host", "evil.test")
			r.Header.Set("Forwarded", "host=evil.test;proto=gopher")
			return h.browser().do(r, err)
		}
		for what, at := range map[string]string{
			`"resource":"` + g.addr[p.Name].resource + `"`: g.addr[p.Name].metadata,
			`"issuer":"` + g.addr[p.Name].issuer + `"`:     wellKnownURL(g.addr[p.Name].issuer, docServer),
			`"keys":[`: g.addr[p.Name].endpoints + "/jwks.json",
		} {
			if strings.HasSuffix(name, "another's") && !strings.Contains(at, "jwks") {
				continue // whoever stands in front must rewrite; the path proxy that is really there comes first
			}
			if a := get(at); a.status != 200 || !strings.Contains(a.body, what) || strings.Contains(a.body, "evil") {
				t.Errorf("%s: %s: %d %s", name, at, a.status, a.body)
			}
		}
		if strings.HasSuffix(name, "another's") {
			for range 20 { // and always the same one
				if a := get(h.url + "/.well-known/oauth-protected-resource/m"); !strings.Contains(a.body, `"resource":"`+h.url+`/m"`) {
					t.Fatalf("%s: %s", name, a.body)
				}
			}
		}
	}
}

func TestUnknownPlacesListTheOthers(t *testing.T) { // HX-11
	h := newHouse(t)
	h.reload("", "m: {id: 9,", "m: {id: 9, discoverable: false,", "n: {path: /n,", "n: {enabled: false, path: /n,")
	for _, path := range []string{"", "/", "/nope", "/open", "/n", "/m/x", "/M", "/m/../own", "//m", "/api/v1", "/m%2f", "/\u212A"} {
		for _, doc := range []string{docResource, docServer, "x", "oauth-protected-resource.json"} {
			r, err := http.NewRequest("GET", h.url+"/.well-known/"+doc+path, nil)
			a := h.browser().do(r, err)
			if path == "/m%2f" && a.status == 200 {
				continue
			}
			if a.status != 404 || a.json["proxies"] == nil || strings.Contains(a.body, `/m"`) || strings.Contains(a.body, `/n"`) || a.header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s%s: %d %s", doc, path, a.status, a.body)
			}
		}
	}
	if a := h.browser().get(h.url + "/.well-known/oauth-protected-resource/m"); a.status != 200 {
		t.Errorf("not discoverable is not hidden from whoever knows it: %d", a.status)
	}
	r, err := http.NewRequest("POST", h.url+"/.well-known/oauth-protected-resource/m", strings.NewReader(`{"jsonrpc":"2.0","method":"tools/call","id":1}`))
	if a := h.browser().do(r, err); a.status != 405 {
		t.Errorf("POST: %d", a.status)
	}
}

func TestMoreForgedBearers(t *testing.T) { // JW-01, JW-05, JW-07, JW-10: shapes that the table of forgeries lacks
	h := newHouse(t)
	_, a := h.tokens("m", "alice")
	good := a.str("access_token")
	parts := strings.Split(good, ".")
	kid, key := h.signingKey()
	head := map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": kid}
	body := func(edit func(string) string) []byte {
		raw, err := b64Decode(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		return []byte(edit(raw))
	}
	replace := func(old, new string) string {
		return forge(t, key, head, body(func(s string) string { return strings.Replace(s, old, new, 1) }))
	}
	for name, token := range map[string]string{
		"claim twice":         replace(`{"iss"`, `{"aud":"x","iss"`),
		"claim in other case": replace(`"aud"`, `"AUD"`),
		"escaped twice":       replace(`{"iss"`, `{"\u0061ud":"`+h.url+`/n","iss"`),
		"null audience":       forge(t, key, head, body(func(s string) string { return strings.Replace(s, `"aud":"`+h.url+`/m"`, `"aud":null`, 1) })),
		"trailing":            forge(t, key, head, body(func(s string) string { return s + "{}" })),
		"no object":           forge(t, key, head, []byte(`[]`)),
		"type list":           forge(t, key, map[string]any{"alg": "ES256", "typ": []string{"at+jwt"}, "kid": kid}, body(func(s string) string { return s })),
		"alg in other case":   forge(t, key, map[string]any{"alg": "es256", "typ": "at+jwt", "kid": kid}, body(func(s string) string { return s })),
		"issuer with slash":   replace(`/m","aud"`, `/m/","aud"`),
		"fractional exp":      replace(`"exp":`, `"exp":0.5e1,"x":`),
		"signature swapped":   parts[0] + "." + parts[1] + "." + parts[2][len(parts[2])/2:] + parts[2][:len(parts[2])/2],
		"truncated":           good[:len(good)-2],
		"leading dot":         "." + good,
		"url encoded":         strings.ReplaceAll(good, ".", "%2e"),
		"NUL":                 good + "\x00",
		"not ASCII":           good + "é",
		"tab":                 "\t" + good,
	} {
		if _, err := h.enter("m", "Bearer "+token); err == nil || err.Status != 401 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, headers := range [][]string{{"Bearer " + good, "Bearer " + good}, {"Bearer " + good, ""}, {"Basic x", "Bearer " + good}} {
		if _, err := h.enter("m", headers...); err == nil || err.Status != 400 {
			t.Errorf("%d headers: %v", len(headers), err)
		}
	}
}
