package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// crash copies the files of an open database as SIGKILL would leave them, and opens the copy.
func crash(t *testing.T, file string) *Store {
	t.Helper()
	to := filepath.Join(t.TempDir(), "g.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(file + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return openTest(t, to)
}

func TestAcknowledgedChangesSurviveSIGKILL(t *testing.T) {
	ctx := t.Context()
	file := filepath.Join(t.TempDir(), "g.db")
	s := openTest(t, file)
	for i := range 20 {
		id, hash := fmt.Sprintf("s%d", i), fmt.Sprintf("r%d", i)
		if err := s.IssueGrant(ctx, "", testSession(id), testRefresh(hash, id)); err != nil {
			t.Fatal(err)
		}
		if won, err := s.RotateRefresh(ctx, hash, testRefresh(hash+"b", id), time.Now()); err != nil || !won {
			t.Fatal(won, err)
		}
		if i%2 == 0 {
			if _, err := s.RevokeSessions(ctx, []string{id}, time.Now(), "", ""); err != nil {
				t.Fatal(err)
			}
		}
		back := crash(t, file)
		se, err := back.Session(ctx, id)
		if err != nil || se.RevokedAt.IsZero() == (i%2 == 0) {
			t.Fatalf("round %d: %v, %v", i, se.RevokedAt, err)
		}
		if r, err := back.Refresh(ctx, hash); err != nil || r.RotatedAt.IsZero() {
			t.Fatalf("round %d: old token is current again (%v)", i, err)
		}
		back.Close()
	}
}

// TestTornTailStarts cuts the write-ahead log anywhere in its last records: the store opens and all earlier records are
// there (ST-04).
func TestTornTailStarts(t *testing.T) {
	ctx := t.Context()
	file := filepath.Join(t.TempDir(), "g.db")
	s := openTest(t, file)
	if err := s.PutSession(ctx, testSession("old")); err != nil {
		t.Fatal(err)
	}
	safe, err := os.ReadFile(file + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutSession(ctx, testSession("new")); err != nil {
		t.Fatal(err)
	}
	full, err := os.ReadFile(file + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	db, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for cut := len(full); cut >= len(safe); cut -= 1531 {
		to := filepath.Join(dir, fmt.Sprintf("%d.db", cut))
		if err := errors.Join(os.WriteFile(to, db, 0o600), os.WriteFile(to+"-wal", full[:cut], 0o600)); err != nil {
			t.Fatal(err)
		}
		back := openTest(t, to)
		if _, err := back.Session(ctx, "old"); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if _, err := back.Session(ctx, "new"); err != nil && !errors.Is(err, ErrNotFound) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		back.Close()
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "g.db")
	s := openTest(t, file)
	if _, err := s.writer.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(t.Context(), Options{URL: "sqlite:" + file, Key: testKey}); !errors.Is(err, ErrNewer) {
		t.Fatalf("got %v, want ErrNewer", err)
	}
}

func TestOldDatabaseIsKeptBeforeItChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "g.db")
	s := openTest(t, file)
	for range 2 {
		if err := s.keepOld(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	copies, err := filepath.Glob(file + ".v1-*")
	if err != nil || len(copies) != 1 {
		t.Fatalf("%q, %v", copies, err)
	}
	if err := openTest(t, copies[0]).Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), file); err == nil {
		t.Fatal("a backup replaced the database")
	}
}

func BenchmarkSession(b *testing.B) {
	s := openTest(b, filepath.Join(b.TempDir(), "g.db"))
	if err := s.PutSession(b.Context(), testSession("s")); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Session(b.Context(), "s"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIssueGrant(b *testing.B) {
	s := openTest(b, filepath.Join(b.TempDir(), "g.db"))
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprint(i)
		if err := s.IssueGrant(b.Context(), "", testSession(id), testRefresh(id, id)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTouch500(b *testing.B) {
	s := openTest(b, filepath.Join(b.TempDir(), "g.db"))
	touches := make([]Touch, 500)
	for i := range touches {
		touches[i] = Touch{ID: fmt.Sprint(i), Requests: 1, IP: "192.0.2.1"}
		if err := s.PutSession(b.Context(), testSession(touches[i].ID)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		for i := range touches {
			touches[i].Last = time.Now()
		}
		if err := s.TouchSessions(b.Context(), touches); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	file := filepath.Join(b.TempDir(), "g.db")
	openTest(b, file).Close()
	for b.Loop() {
		openTest(b, file).Close()
	}
}
