package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var testKey = SealKey{7}

func openTest(t testing.TB, file string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Options{URL: "sqlite:" + file, Key: testKey, BusyTimeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func testSession(id string) Session {
	now := time.Now()
	return Session{ID: id, Sub: "u", Identity: []byte("{}"), ClientID: "c", Created: now, Last: now, Expires: now.Add(time.Hour)}
}

func testRefresh(hash, id string) Refresh {
	return Refresh{Hash: hash, SessionID: id, ClientID: "c", Created: time.Now(), Expires: time.Now().Add(time.Hour), Token: "t-" + hash}
}

// TestEveryFailingWriteLeavesOldOrNewState fails the k-th step of each change for every k (ST-07): the caller is told,
// nothing is half done, and the retry succeeds.
func TestEveryFailingWriteLeavesOldOrNewState(t *testing.T) {
	ctx := t.Context()
	for _, c := range []struct {
		name string
		run  func(s *Store) error
	}{
		{"grant", func(s *Store) error { return s.IssueGrant(ctx, "code", testSession("s2"), testRefresh("r2", "s2")) }},
		{"rotate", func(s *Store) error {
			won, err := s.RotateRefresh(ctx, "r1", testRefresh("r3", "s1"), time.Now())
			if err == nil && !won {
				return errors.New("not rotated")
			}
			return err
		}},
		{"revoke", func(s *Store) error {
			changed, err := s.RevokeSessions(ctx, []string{"s1", "s0"}, time.Now(), "", "")
			if err == nil && len(changed) != 2 || err != nil && changed != nil {
				return fmt.Errorf("changed %q: %v", changed, err)
			}
			return err
		}},
		{"redeem", func(s *Store) error {
			_, first, err := s.RedeemCode(ctx, "code", time.Now())
			if err == nil != first {
				return fmt.Errorf("first is %v, %v", first, err)
			}
			return err
		}},
		{"keys", func(s *Store) error { return s.UpdateKeys(ctx, []Key{{KID: "k2", Alg: "ES256", State: KeyActive}}) }},
		{"lapse", func(s *Store) error {
			_, err := s.EndLapsed(ctx, time.Now().Add(2*time.Hour))
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTest(t, filepath.Join(t.TempDir(), "g.db"))
			for _, err := range []error{
				s.IssueGrant(ctx, "", testSession("s1"), testRefresh("r1", "s1")),
				s.IssueGrant(ctx, "", testSession("s0"), testRefresh("r0", "s0")),
				s.PutCode(ctx, Code{Hash: "code", Expires: time.Now().Add(time.Minute)}),
				s.PutKey(ctx, Key{KID: "k1", Alg: "ES256", State: KeyActive}),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			before := dump(t, s)
			boom := errors.New("disk I/O error")
			for k := 1; ; k++ {
				reached := false
				s.fail = func(_ string, n int) error {
					if n != k {
						return nil
					}
					reached = true
					return boom
				}
				err := c.run(s)
				s.fail = nil
				if !reached {
					if err != nil || k < 2 {
						t.Fatalf("step %d: %v", k, err)
					}
					break
				}
				if !errors.Is(err, ErrUnavailable) {
					t.Fatalf("step %d: got %v, want ErrUnavailable", k, err)
				}
				if after := dump(t, s); after != before {
					t.Fatalf("step %d left\n%s\nwant\n%s", k, after, before)
				}
			}
			if dump(t, s) == before {
				t.Fatal("the retry changed nothing")
			}
		})
	}
}

func dump(t *testing.T, s *Store) string {
	t.Helper()
	var b strings.Builder
	for _, q := range []string{
		`SELECT id || revoked_at FROM sessions ORDER BY 1`, `SELECT hash || rotated_at || sealed_token FROM refresh_tokens ORDER BY 1`,
		`SELECT hash || used_at || session_id FROM codes ORDER BY 1`, `SELECT kid || state FROM signing_keys ORDER BY 1`,
	} {
		rows, err := s.readers.Query(q)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&b, line)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
	}
	return b.String()
}

func TestFullDiskRefusesWritesServesReadsAndRecovers(t *testing.T) {
	ctx := t.Context()
	s := openTest(t, filepath.Join(t.TempDir(), "g.db"))
	if err := s.IssueGrant(ctx, "", testSession("s1"), testRefresh("r1", "s1")); err != nil {
		t.Fatal(err)
	}
	var pages int
	if err := s.writer.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	set := func(n int) {
		t.Helper()
		if _, err := s.writer.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, n)); err != nil {
			t.Fatal(err)
		}
	}
	set(pages)
	var err error
	big := testSession("s2")
	big.Identity = make([]byte, 1<<20)
	if err = s.PutSession(ctx, big); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("write to a full disk: %v", err)
	}
	if _, err := s.Session(ctx, "s1"); err != nil {
		t.Fatalf("read with a full disk: %v", err)
	}
	set(1 << 30)
	if err := s.PutSession(ctx, big); err != nil {
		t.Fatalf("after space was made: %v", err)
	}
}

func TestReadOnlyStoreNeverReportsARevocation(t *testing.T) {
	ctx := t.Context()
	s := openTest(t, filepath.Join(t.TempDir(), "g.db"))
	if err := s.PutSession(ctx, testSession("s1")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.Exec(`PRAGMA query_only = 1`); err != nil {
		t.Fatal(err)
	}
	changed, err := s.RevokeSessions(ctx, []string{"s1"}, time.Now(), "", "")
	if !errors.Is(err, ErrUnavailable) || changed != nil {
		t.Fatalf("got %q, %v", changed, err)
	}
	if err := s.Ping(ctx); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("ping: %v", err)
	}
	if se, err := s.Session(ctx, "s1"); err != nil || !se.RevokedAt.IsZero() {
		t.Fatalf("session is %v, %v", se.RevokedAt, err)
	}
	if _, err := s.writer.Exec(`PRAGMA query_only = 0`); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(ctx); err != nil {
		t.Fatalf("ping after recovery: %v", err)
	}
}

func TestDurabilityIsFull(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "g.db"))
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		var got string
		if err := s.writer.QueryRow(`PRAGMA ` + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", pragma, got, err, want)
		}
	}
	if _, err := s.readers.Exec(`DELETE FROM sessions`); err == nil {
		t.Error("a reader can write")
	}
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "g.db"))
	s.Close()
	if _, err := s.Session(t.Context(), "s"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("read: %v", err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("write: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := openTest(t, filepath.Join(t.TempDir(), "g.db")).Ping(ctx); !errors.Is(err, ErrUnavailable) {
		t.Errorf("cancelled: %v", err)
	}
}
