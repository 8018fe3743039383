package config

import (
	"strings"
	"testing"
)

func TestCaret(t *testing.T) {
	src := `groups: {admins: {members: [a@x.example]}}
providers: {okta: {issuer: https://a.example, client_id: x}}
proxies:
  repo:
    upstream: http://127.0.0.1:1/mcp
    tools:
      rules:
        # dangerous, needs admins
        delete_repo: restricted   # SEC-112
`
	_, fs := ParseString(src)
	if len(fs) != 1 {
		t.Fatal(fs)
	}
	want := `8 |         # dangerous, needs admins
9 |         delete_repo: restricted   # SEC-112
  |                      ^^^^^^^^^^ fix: delete_repo: {groups: [admins]}
`
	if got := Caret(fs[0], []byte(src)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := Caret(Fault{Line: 99}, []byte(src)); got != "" {
		t.Errorf("got %q for a line that is not there", got)
	}
}

func TestCaretNeverShowsASecret(t *testing.T) {
	const canary = "hunter2-canary"
	for _, src := range []string{
		"providers: {a: {client_secret: " + canary + ", clint_id: x}}",
		"providers:\n  a:\n    client_secret: '" + canary + "'\n    clint_id: x",
		"providers:\n  a:\n    client_secret " + canary,
		"providers:\n  a:\n    client_secret: |\n      " + canary + "\n    clint_id: x",
		"storage:\n  encryption_key: " + canary + "\n  nonsense: 1",
		"storage:\n  url: postgres://u:" + canary + "@h/db\n  nonsense: 1",
		"storage:\n  url: mysql://u:" + canary + "@h/db",
		"proxies:\n  a:\n    upstream_auth:\n      headers:\n        X-Key: " + canary + "\n        X-Bad Name: " + canary,
		"proxies:\n  a:\n    upstream_auth:\n      headers: {Authorization: Bearer " + canary + "\n",
		"proxies:\n  a:\n    upstream_auth:\n      header:\n        Authorization: Bearer " + canary + "\n",
		"proxies:\n  a:\n    upstream: http://user:" + canary + "@h/mcp\n",
		"clients:\n  a: {secret_hash: " + canary + "}",
		"api_keys:\n  a:\n    hash: " + canary,
		"providers:\n  a:\n    client_secret: ${X, " + canary + "}\n    x: 1\n",
		"providers:\n  a:\n    client_secret: [" + canary + "]\n",
		"storage:\n  encryption_key: !!binary " + canary + "\n",
		"providers:\n  a:\n    client_secrt: " + canary + "\n",
		"providers:\n  a:\n    cleint-secret: " + canary + "\n",
		"providers:\n\ta:\n\t\tclient_secret: " + canary + "\n",
	} {
		_, fs := ParseString(src)
		if len(fs) == 0 {
			t.Errorf("no fault in\n%s", src)
		}
		for _, f := range fs {
			if strings.Contains(f.Error(), canary) {
				t.Errorf("the message %q of\n%s", f.Error(), src)
			}
			if got := Caret(f, []byte(src)); strings.Contains(got, canary) {
				t.Errorf("caret\n%s", got)
			}
		}
	}
}
