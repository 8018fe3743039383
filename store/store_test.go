package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"gatehouse/store/storetest"
)

func TestOpen(t *testing.T) {
	f := filepath.Join(t.TempDir(), "a?b#c d.db")
	n := time.Now()
	s := storetest.OpenAt(t, f, nil)
	t.Log(time.Since(n))
	s.Close()
	n = time.Now()
	s = storetest.OpenAt(t, f, nil)
	t.Log(time.Since(n))
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	m, _ := filepath.Glob(filepath.Dir(f) + "/*")
	t.Log(m)
}
