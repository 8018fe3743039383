package store

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNoSecretIsReadableOnDisk looks for a canary, plain and encoded, in every file of the state directory while the
// store is open (-wal) and in a backup.
func TestNoSecretIsReadableOnDisk(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	key, _, err := LoadKey(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, Options{URL: "sqlite:" + filepath.Join(dir, "gatehouse.db"), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	canary := "canary-7Hq2vLx9"
	soon := time.Now().Add(time.Hour)
	se := testSession("s1")
	se.Identity = []byte(canary)
	re := testRefresh("r1", "s1")
	re.Token = canary
	next := testRefresh("r2", "s1")
	next.Token = canary
	_, rotate := s.RotateRefresh(ctx, "r1", next, time.Now())
	for _, err := range []error{
		s.PutLogin(ctx, Login{ID: "l", Expires: soon, Data: []byte(canary)}),
		s.UpdateLogin(ctx, Login{ID: "l", Expires: soon, Data: []byte(canary)}),
		s.PutCode(ctx, Code{Hash: "c", Expires: soon, Data: []byte(canary)}),
		s.IssueGrant(ctx, "c", se, re), rotate,
		s.UpdateIdentity(ctx, "s1", []byte(canary), time.Now()),
		s.PutBrowser(ctx, Browser{Hash: "b", Identity: []byte(canary), Expires: soon}),
		s.PutKey(ctx, Key{KID: "k", Alg: "ES256", State: KeyActive, Private: []byte(canary)}),
		s.PutProviderToken(ctx, ProviderToken{SessionID: "s1", Access: canary, RefreshToken: canary}),
		s.Backup(ctx, filepath.Join(dir, "backup.db")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary))[:16], hex.EncodeToString([]byte(canary))} {
			if bytes.Contains(data, []byte(form)) {
				t.Errorf("%s holds the canary", file)
			}
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v; want 0600", file, info.Mode(), err)
		}
	}
	// What stands in an error is seen by operators and ends in logs.
	if _, err := s.sealer.open("sessions/identity/s1", "x."+canary); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("error tells too much: %v", err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
		if got := fmt.Sprintf(verb, key); got != "<key>" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func TestSealedValueMovedToAnotherRowDoesNotOpen(t *testing.T) {
	ctx := t.Context()
	s := openTest(t, filepath.Join(t.TempDir(), "g.db"))
	for _, id := range []string{"victim", "evil"} {
		if err := s.PutSession(ctx, testSession(id)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.writer.Exec(`UPDATE sessions SET sealed_identity = (SELECT sealed_identity FROM sessions WHERE id = 'victim')
		WHERE id = 'evil'`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Session(ctx, "evil"); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v, want a refusal", err)
	}
}

func TestKeyIsMadeOnceAndNeverReplaced(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	first, made, err := LoadKey(dir, "")
	if err != nil || !made {
		t.Fatalf("made %v, %v", made, err)
	}
	again, made, err := LoadKey(dir, "")
	if err != nil || made || again != first {
		t.Fatalf("second time: made %v, same %v, %v", made, again == first, err)
	}
	path := filepath.Join(dir, "encryption.key")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	url := "sqlite:" + filepath.Join(dir, "gatehouse.db")
	s, err := Open(ctx, Options{URL: url, Key: first})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"lost":            func() error { return os.Remove(path) },
		"empty":           func() error { return os.WriteFile(path, nil, 0o600) },
		"read by others":  func() error { return os.Chmod(path, 0o644) },
		"a directory":     func() error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"a symbolic link": func() error { return errors.Join(os.Rename(path, path+"2"), os.Symlink(path+"2", path)) },
		"far too long":    func() error { return os.WriteFile(path, make([]byte, maxKeyFile+1), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := spoil(); err != nil {
				t.Fatal(err)
			}
			if _, made, err := LoadKey(dir, ""); !errors.Is(err, ErrKey) || made {
				t.Errorf("made %v, %v; want ErrKey", made, err)
			}
			if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, text, 0o600)); err != nil {
				t.Fatal(err)
			}
		})
	}
	if _, err := Open(ctx, Options{URL: url, Key: SealKey{9}}); !errors.Is(err, ErrKey) {
		t.Errorf("opened with another key: %v", err)
	}
	if s, err = Open(ctx, Options{URL: url, Key: first}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
}

func TestMissingSentinelIsNotForgiven(t *testing.T) {
	ctx := t.Context()
	file := filepath.Join(t.TempDir(), "g.db")
	s := openTest(t, file)
	if err := s.PutSession(ctx, testSession("s")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.Exec(`DELETE FROM meta`); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(ctx, Options{URL: "sqlite:" + file, Key: SealKey{9}}); !errors.Is(err, ErrKey) {
		t.Fatalf("got %v, want ErrKey", err)
	}
}

func TestGivenSecret(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := LoadKey(dir, "fifteen bytes.."); !errors.Is(err, ErrKey) {
		t.Errorf("15 bytes: %v", err)
	}
	a, made, err := LoadKey(dir, "sixteen bytes...")
	if err != nil || made {
		t.Errorf("16 bytes: made %v, %v", made, err)
	}
	if b, _, _ := LoadKey(dir, "sixteen bytes..!"); a == b {
		t.Error("two secrets, one key")
	}
	if _, err := os.Stat(filepath.Join(dir, "encryption.key")); err == nil {
		t.Error("a key was made although one was given")
	}
}

func FuzzOpenSealed(f *testing.F) {
	s, err := newSealer(testKey)
	if err != nil {
		f.Fatal(err)
	}
	good := s.seal("a/b", []byte("x"))
	for _, seed := range []string{"", ".", good, good[:20], "zz" + good, s.id + ".!!!"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if plain, err := s.open("c/d", text); err == nil {
			t.Fatalf("%q opened as %q", text, plain)
		}
	})
}
