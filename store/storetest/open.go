package storetest

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gatehouse/store"
)

// Key is the sealing key of every store that Open makes.
var Key = store.SealKey{1, 2, 3}

// Open opens an empty SQLite store in a directory of the test's and closes it with the test.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return OpenAt(t, filepath.Join(t.TempDir(), "gatehouse.db"), nil)
}

// OpenAt opens the store in file; now nil is the real clock. Closing it earlier is fine.
func OpenAt(t testing.TB, file string, now func() time.Time) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{
		URL: "sqlite:" + file, Key: Key, Now: now, BusyTimeout: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// HoldWrites makes every write to the database in file fail, as a full or read-only disk does, while reads go on, until
// release: it holds the write lock from outside. It works on the database of a running binary too, whose writes then
// fail after its busy timeout of 2 s. The other ways to try this are PRAGMA max_page_count and PRAGMA query_only on the
// writing connection, which the store's own tests use.
func HoldWrites(t testing.TB, file string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		t.Fatalf("hold writes: %v", err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatalf("hold writes: %v", err)
	}
	release = sync.OnceFunc(func() {
		tx.Rollback()
		db.Close()
	})
	t.Cleanup(release)
	return release
}
