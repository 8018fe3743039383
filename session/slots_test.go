package session_test

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestNoMoreStreamsThanTheLimitHoweverManyAskAtOnce is SS-10: looking and taking are one step.
func TestNoMoreStreamsThanTheLimitHoweverManyAskAtOnce(t *testing.T) {
	h := newHouse(t)
	for _, standing := range []bool{true, false} {
		var got atomic.Int64
		var g sync.WaitGroup
		for range 32 {
			g.Go(func() {
				for range 16 {
					if h.OpenStream("notes", standing, 100) {
						got.Add(1)
					}
				}
			})
		}
		g.Wait()
		if got.Load() != 100 {
			t.Errorf("standing %v: %d streams, want 100", standing, got.Load())
		}
		if h.OpenStream("notes", true, 100) || !h.OpenStream("other", standing, 1) {
			t.Errorf("standing %v: the proxies' limits are not their own", standing)
		}
		if h.StreamsFull("notes", 100) == standing || h.StreamsFull("notes", 0) {
			t.Errorf("standing %v: full for calls: %v", standing, h.StreamsFull("notes", 100))
		}
		h.CloseStream("other", standing)
		for range 100 {
			h.CloseStream("notes", standing)
		}
		if !h.OpenStream("notes", true, 1) {
			t.Error("a place was not given back")
		}
		h.CloseStream("notes", true)
	}
}
