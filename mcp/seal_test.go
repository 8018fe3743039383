package mcp

import (
	"strings"
	"testing"
)

func testSealer(t testing.TB) *Sealer {
	t.Helper()
	s, err := NewSealer([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestForeignSessionIDDoesNotOpen is SS-01, SS-03 and SS-04.
func TestForeignSessionIDDoesNotOpen(t *testing.T) {
	s := testSealer(t)
	alice := Owner{"notes", "u_alice", "c_1"}
	const id = "upstream-session-0001"
	sealed, ok := s.Seal(SealSession, alice, id)
	if !ok || strings.Contains(sealed, "upstream") {
		t.Fatalf("sealed = %q", sealed)
	}
	for i := range len(sealed) {
		if sealed[i] < 0x21 || sealed[i] > 0x7e {
			t.Errorf("%q is not visible ASCII", sealed)
		}
	}
	if again, _ := s.Seal(SealSession, alice, id); again != sealed {
		t.Error("the same id of the same owner looks different the second time; clients compare")
	}
	if got, err := s.Unseal(SealSession, alice, sealed); err != nil || got != id {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := testSealer(t).Unseal(SealSession, alice, sealed); err != nil || got != id {
		t.Errorf("after a restart: %q, %v", got, err)
	}
	other, err := NewSealer([]byte(strings.Repeat("x", 32)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Unseal(SealSession, alice, sealed); err != ErrForeign {
		t.Errorf("another key: %v", err)
	}
	for name, o := range map[string]Owner{
		"person": {"notes", "u_bob", "c_1"}, "client": {"notes", "u_alice", "c_2"}, "proxy": {"other", "u_alice", "c_1"},
		"shifted": {"notes", "u_alicec", "_1"}, "nobody": {},
	} {
		if _, err := s.Unseal(SealSession, o, sealed); err != ErrForeign {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if _, err := s.Unseal(SealEvent, alice, sealed); err != ErrForeign {
		t.Error("a session id opened as an event id")
	}
	for i := range len(sealed) {
		b := []byte(sealed)
		b[i] ^= 1
		if _, err := s.Unseal(SealSession, alice, string(b)); err != ErrForeign {
			t.Errorf("changed at %d: %v", i, err)
		}
	}
	for _, bad := range []string{"", "x", id, sealed + "=", sealed[:len(sealed)-1], strings.Repeat("A", 1<<16), "\x00"} {
		if _, err := s.Unseal(SealSession, alice, bad); err != ErrForeign {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	if _, ok := s.Seal(SealSession, alice, ""); ok {
		t.Error("sealed nothing")
	}
	if _, ok := s.Seal(SealSession, alice, strings.Repeat("x", 1025)); ok {
		t.Error("sealed 1,025 bytes")
	}
	if _, err := NewSealer([]byte("short")); err == nil {
		t.Error("a short key was accepted")
	}
}

// FuzzSeal: nothing but what was sealed opens, and it opens to what it was.
func FuzzSeal(f *testing.F) {
	f.Add("id", "proxy", "sub", "client", "AAAA")
	s := testSealer(f)
	f.Fuzz(func(t *testing.T, id, proxy, sub, client, foreign string) {
		o := Owner{proxy, sub, client}
		sealed, ok := s.Seal(SealEvent, o, id)
		if !ok {
			return
		}
		if got, err := s.Unseal(SealEvent, o, sealed); err != nil || got != id {
			t.Fatalf("%q became %q, %v", id, got, err)
		}
		if foreign != sealed {
			if got, err := s.Unseal(SealEvent, o, foreign); err == nil {
				t.Fatalf("%q opened to %q", foreign, got)
			}
		}
	})
}

func BenchmarkUnseal(b *testing.B) {
	s := testSealer(b)
	o := Owner{"notes", "u_alice", "c_1"}
	sealed, _ := s.Seal(SealSession, o, "0123456789abcdef0123456789abcdef")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Unseal(SealSession, o, sealed); err != nil {
			b.Fatal(err)
		}
	}
}
