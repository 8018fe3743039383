package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/accept/gate"
	"gatehouse/demo"
)

// RP-5, CF-05: whatever the file becomes, the configuration in force stays, to the byte of the documents it makes, and
// each broken file is one config.failed, however often it is looked at, by events, polls, SIGHUP and reload.
func TestBrokenFilesChangeNothing(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	alice := signedIn(t, g, "alice")
	good, err := os.ReadFile(g.ConfigPath)
	if err != nil {
		t.Fatal(err)
	}
	before := behaviour(t, g, alice)
	for i, b := range brokenFiles(string(good)) {
		if err := errors.Join(os.RemoveAll(g.ConfigPath), b.put(g.ConfigPath)); err != nil {
			t.Fatalf("%s: %v", b.name, err)
		}
		// reload is the operator's impatience: it comes to the same verdict as the watcher, at once.
		out, code, err := g.CLI("reload")
		if code != 3 || err != nil {
			t.Fatalf("%s: reload exits %d, %v: %s", b.name, code, err, out)
		}
		if i%10 == 0 {
			g.Signal(syscall.SIGHUP)
		}
		if strings.Contains(out, gate.IdPSecret) || strings.Contains(out, gate.EncryptionKey) || strings.Contains(out, "goroutine") {
			t.Errorf("%s: reload says too much: %s", b.name, out)
		}
		if i%12 == 0 {
			if after := behaviour(t, g, alice); after != before {
				t.Errorf("%s changed something:\n%s\n%s", b.name, before, after)
			}
		}
	}
	if after := behaviour(t, g, alice); after != before {
		t.Errorf("changed:\n%s\n%s", before, after)
	}
	if err := errors.Join(os.RemoveAll(g.ConfigPath), g.Write(string(good))); err != nil {
		t.Fatal(err)
	}
	within(t, 5*time.Second, "the good file", func() error { return health(g, "200", `"config":"ok"`) })
	g.Stop()
	lines, err := os.ReadFile(g.AuditPath())
	if err != nil {
		t.Fatal(err)
	}
	// Between two broken files the watcher may see that there is none, which is a broken state of its own.
	seen := map[string]int{}
	for line := range bytes.Lines(lines) {
		var e struct {
			Event  string
			Cfg    string
			Detail struct{ Fault string }
		}
		if json.Unmarshal(line, &e) == nil && e.Event == "config.failed" && !strings.Contains(e.Detail.Fault, "no such file") {
			seen[e.Cfg+e.Detail.Fault]++
		}
	}
	for what, n := range seen {
		if strings.Contains(what, "not a regular file") && n <= 4 {
			continue // a directory, a FIFO, a device and a socket are told by the same words
		}
		if n != 1 {
			t.Errorf("%d events of one broken file: %s", n, what)
		}
	}
	if len(seen) < 50 { // those above are one, and what leads to nothing is left out
		t.Errorf("%d broken files on record, want at least 50", len(seen))
	}
	for _, where := range []string{string(lines), g.Stderr()} {
		if strings.Contains(where, gate.IdPSecret) || strings.Contains(where, gate.EncryptionKey) {
			t.Error("a secret of the file is in a log")
		}
	}
}

// behaviour is what callers see: documents, tools, refusals. Ids and times are left out.
func behaviour(t *testing.T, g *gate.Gate, p *demo.Person) string {
	t.Helper()
	var b strings.Builder
	for _, url := range []string{
		g.MainURL() + "/.well-known/oauth-authorization-server/second", g.MainURL() + "/.well-known/oauth-protected-resource/second",
		strings.TrimSuffix(g.ProxyURL(), "/mcp") + "/.well-known/oauth-protected-resource/mcp", g.MainURL() + "/api/v1/oauth-proxy/notes/jwks.json",
	} {
		text, err := get(url)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(text + "\n")
	}
	tools, err := p.List(t.Context())
	fmt.Fprintln(&b, tools, err)
	_, err = p.Call(t.Context(), "export_all", nil)
	var refused *demo.RPCError
	if !errors.As(err, &refused) {
		t.Fatalf("export_all: %v", err)
	}
	fmt.Fprintln(&b, refused.Code, refused.Message)
	return b.String()
}

type broken struct {
	name string
	put  func(path string) error // where nothing is
}

// brokenFiles are ways to break a file; each is another content or another kind of thing.
func brokenFiles(good string) []broken {
	text := func(name, s string) broken {
		return broken{name, func(path string) error { return os.WriteFile(path, []byte(s), 0o600) }}
	}
	edit := func(old, new string) broken { return text(old+" → "+new, strings.Replace(good, old, new, 1)) }
	return []broken{
		{"empty", func(path string) error { return os.WriteFile(path, nil, 0o600) }},
		{"deleted", func(string) error { return nil }},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"a FIFO", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"a symbolic link to itself", func(path string) error { return os.Symlink(path, path) }},
		{"a link to nowhere", func(path string) error { return os.Symlink(path+".nowhere", path) }},
		{"a device", func(path string) error { return os.Symlink("/dev/zero", path) }},
		{"a socket", func(path string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(filepath.Dir(path), "s"), Net: "unix"})
			if err != nil {
				return err
			}
			l.SetUnlinkOnClose(false)
			return errors.Join(l.Close(), os.Rename(filepath.Join(filepath.Dir(path), "s"), path))
		}},
		{"100 MiB", func(path string) error {
			return errors.Join(os.WriteFile(path, []byte(good), 0o600), os.Truncate(path, 100<<20))
		}},
		text("binary", "\x7fELF\x02\x01\x01\x00\x00"), text("a NUL", good+"\x00"), text("not UTF-8", good+"# \xff\xfe\n"),
		text("spaces", " \n\t\n"), text("a comment", "# nothing\n"), text("null", "null\n"), text("a list", "- a\n- b\n"), text("a word", "hello\n"),
		text("JSON cut off", `{"server": {"listen": "127.0.0.1:1"`), text("two documents", good+"\n---\n"+good), text("half the file", good[:len(good)/2]+"\n  x"),
		text("tabs", strings.ReplaceAll(good, "  ", "\t")), text("an alias bomb", bomb()), text("deep", strings.Repeat("[", 100_000)),
		text("a duplicate key", good+"\nserver: {listen: 127.0.0.1:1}\n"), text("an unknown anchor", good+"\nlog: *nobody\n"),
		text("a recursive alias", good+"\nlog: &a {level: *a}\n"), text("a tag", good+"\nlog: !!python/object {}\n"), text("a merge of a word", good+"\nlog: {<<: word}\n"),
		edit("listen:", "listn:"), edit("server:", "Server:"), edit("shutdown_grace: 5s", "shutdown_grace: 5"), edit("shutdown_grace: 5s", "shutdown_grace: -5s"),
		edit("shutdown_grace: 5s", "shutdown_grace: [5s]"), edit("type: oidc", "type: magic"), edit("id: 9", "id: nine"), edit("provider: demo", "provider: nobody"),
		edit("provider: demo", "provider: {a: b}"), edit("groups: [admins]", "groups: [nobodys]"), edit("allowed_groups: [eng, admins, data]", "allowed_groups: eng"),
		edit("allowed_groups: [eng, admins, data]", "allowed_groups:"), edit("disabled", "no"), edit("disabled", "off"), edit("delete_all", "\"[\""),
		edit("register: 6000/m", "register: lots"), edit("register: 6000/m", "register: 0/m"), edit("upstream: http", "upstream: ftp"), edit("upstream: http://", "upstream: http://user:"+gate.IdPSecret+"@"),
		edit("client_secret: "+gate.IdPSecret, "client_secret: ${NOT_SET_ANYWHERE}"), edit("client_secret: "+gate.IdPSecret, "client_secret: ${file:/does/not/exist}"),
		edit("client_secret: "+gate.IdPSecret, "client_secret: ${file:/dev/zero}"), edit("client_secret: "+gate.IdPSecret, "client_secret: ["+gate.IdPSecret+"]"),
		edit("encryption_key: "+gate.EncryptionKey, "encryption_key: {x: "+gate.EncryptionKey+"}"), edit("users: {}", "users: {}\nserver.tls: {}"),
		edit("shutdown_grace: 5s", "shutdown_grace: 5s\n  tls: {cert_file: /does/not/exist, key_file: /neither}"), edit("users: {}", "users: {}\naudit: {on_failure: maybe}"),
		edit("shutdown_grace: 5s", "shutdown_grace: 5s\n  trusted_proxies: [everybody]"), edit("scopes: [openid", "scopes: [openid, *x"),
	}
}

// bomb is a billion laughs.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [lol, lol]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i-1, i-1, i-1)
	}
	return b.String()
}
