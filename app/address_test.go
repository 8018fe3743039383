package app

import (
	"net/netip"
	"strings"
	"testing"
)

func TestForwardedForCannotBeSpoofed(t *testing.T) {
	trusted := parsePrefixes([]string{"10.0.0.0/8", "::1/128", "127.0.0.1"})
	for _, tc := range []struct {
		name, remote, forwarded string
		trusted                 []netip.Prefix
		want                    string
	}{
		{"nobody is trusted by default", "127.0.0.1:5", "6.6.6.6", nil, "127.0.0.1"},
		{"untrusted peer", "192.0.2.1:5", "6.6.6.6", trusted, "192.0.2.1"},
		{"right-most untrusted", "10.0.0.1:5", "6.6.6.6, 192.0.2.9, 10.0.0.2", trusted, "192.0.2.9"},
		{"mapped peer is the same peer", "[::ffff:10.0.0.1]:5", "192.0.2.9", trusted, "192.0.2.9"},
		{"mapped hop is the same hop", "10.0.0.1:5", "6.6.6.6, ::ffff:10.9.9.9", trusted, "6.6.6.6"},
		{"garbage ends the search", "10.0.0.1:5", "6.6.6.6, evil, 10.0.0.2", trusted, "10.0.0.2"},
		{"empty header", "10.0.0.1:5", "", trusted, "10.0.0.1"},
		{"hop with a port", "10.0.0.1:5", "192.0.2.9:4711", trusted, "192.0.2.9"},
		{"ipv6 hop", "[::1]:5", "[2001:db8::1]:4711", trusted, "2001:db8::1"},
		{"all trusted", "10.0.0.1:5", "10.0.0.3", trusted, "10.0.0.3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := resolveClient(tc.remote, []string{tc.forwarded}, tc.trusted).Addr().String()
			if got != tc.want {
				t.Errorf("resolveClient(%q, %q) = %q, want %q", tc.remote, tc.forwarded, got, tc.want)
			}
		})
	}
}

func TestHostNamesThatRebind(t *testing.T) {
	allow := hosts{"gw.example.com": true}
	for host, want := range map[string]bool{
		"gw.example.com": true, "GW.example.com:443": true, "gw.example.com.": true,
		"localhost:8080": true, "127.0.0.1:9050": true, "[::1]:9050": true, "127.9.9.9": true,
		"host.docker.internal:8080": true,
		"rebind.test":               false, "localhost.evil.test": false, "gw.example.com.evil.test": false,
		"127.0.0.1.evil.test": false, "gw.example.com@evil": false, "x/#@gw.example.com": false, "": false, "[::1": false,
	} {
		if got := allow.admit(hostName(host)); got != want {
			t.Errorf("Host %q admitted = %v, want %v", host, got, want)
		}
	}
}

func TestLoopbackAliasIsMisdirected(t *testing.T) {
	for _, tc := range []struct {
		name, base string
		want       bool
	}{
		{"127.0.0.1", "http://localhost:9050", true},
		{"::1", "http://localhost:9050", true},
		{"localhost", "http://localhost:9050", false},
		{"127.0.0.1", "https://mcp.example.com", false},
	} {
		if got := misnamed(tc.name, loopbackHost(tc.base)); got != tc.want {
			t.Errorf("misnamed(%q, %q) = %v, want %v", tc.name, tc.base, got, tc.want)
		}
	}
}

func FuzzForwardedFor(f *testing.F) {
	f.Add("10.0.0.1:1", "1.2.3.4, 10.0.0.2")
	f.Add("[::1]:1", "[::1]:2,,")
	trusted := parsePrefixes([]string{"10.0.0.0/8"})
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		got := resolveClient(remote, []string{forwarded}, trusted)
		peer, err := netip.ParseAddrPort(remote)
		if err == nil && !contains(trusted, peer.Addr().Unmap()) && got.Addr() != peer.Addr().Unmap().WithZone("") {
			t.Errorf("untrusted peer %q became %q by %q", remote, got, forwarded)
		}
	})
}

func FuzzHostName(f *testing.F) {
	for _, s := range []string{"localhost:1", "[::1]:2", "a@b", "x/#@y", "evil.test", "a b", "%2e", "127.0.0.1:8080", "a.:", ":1", "a:1:2", "A:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name := hostName(host)
		if strings.ContainsAny(name, "/@#?\\ ") {
			t.Errorf("hostName(%q) = %q", host, name)
		}
		if quick, ok := plainHost(host); ok && quick != parsedHost(host) {
			t.Errorf("plainHost(%q) = %q, parsed it is %q", host, quick, parsedHost(host))
		}
	})
}
