package storetest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/store"
)

// Key is the sealing key of every store that Open makes.
var Key = store.SealKey{1, 2, 3}

// Open opens an empty SQLite store in a directory of the test's and closes it with the test.
func Open(t testing.TB) *store.Store {
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
