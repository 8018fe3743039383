package session_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"gatehouse/session"
)

func BenchmarkGetTouch(b *testing.B) {
	h := newHouse(b)
	h.open("s_1")
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		s, err := h.Get(ctx, "s_1")
		if err != nil {
			b.Fatal(err)
		}
		h.Touch(s, "192.0.2.1")
	}
}

func BenchmarkTrack(b *testing.B) {
	h := newHouse(b)
	s := h.open("s_1")
	_, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	b.ReportAllocs()
	for b.Loop() {
		h.Track(s, session.Stream{}, cancel)()
	}
}

// BenchmarkMemory reports what a session costs while it sits in memory.
func BenchmarkMemory(b *testing.B) {
	h := newHouse(b)
	rows := make([]string, 2000)
	for i := range rows {
		rows[i] = fmt.Sprintf("s_%026d", i)
	}
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for _, id := range rows {
			h.Adopt(h.row(id))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(len(rows)), "B/session")
		b.StopTimer()
		h.start()
		b.StartTimer()
	}
}
