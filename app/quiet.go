package app

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Bounds of the debugging log (DS-14): what strangers can cause as often as they like is said so often and no more.
const (
	quietWindow = 10 * time.Second
	quietLines  = 50   // of one message in one window
	quietKinds  = 1000 // messages that are counted apart; ours are fixed texts and fewer
	quietValue  = 1024 // bytes of one value; a path can have 32 KiB
)

// quiet is a handler that passes at most quietLines of one message in a window. The first line after a window says how
// many were left out. Debug lines are passed: somebody asked for all of them.
type quiet struct {
	slog.Handler
	*quietState
}

type quietState struct {
	now func() time.Time

	mu     sync.Mutex // guards what follows
	window time.Time
	counts map[string]int
}

func newQuiet(h slog.Handler, now func() time.Time) slog.Handler {
	return quiet{h, &quietState{now: now, counts: map[string]int{}}}
}

// Handle passes a line, or counts it.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelInfo {
		return q.Handler.Handle(ctx, r)
	}
	pass, missed := q.count(r.Message)
	if !pass {
		return nil
	}
	if missed > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("left_out", missed))
	}
	return q.Handler.Handle(ctx, r)
}

func (s *quietState) count(message string) (pass bool, missed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); now.Sub(s.window) >= quietWindow || now.Before(s.window) {
		s.window = now
		for m, n := range s.counts {
			if s.counts[m] = -max(n-quietLines, 0); s.counts[m] == 0 {
				delete(s.counts, m) // nothing of it was left out
			}
		}
	}
	n := s.counts[message]
	if n < 0 {
		missed, n = -n, 0
	}
	if n == 0 && len(s.counts) >= quietKinds {
		return true, 0
	}
	s.counts[message] = n + 1
	return n < quietLines, missed
}

// WithAttrs and WithGroup keep the counts.
func (q quiet) WithAttrs(a []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(a), q.quietState}
}

// WithGroup is like WithAttrs.
func (q quiet) WithGroup(name string) slog.Handler {
	return quiet{q.Handler.WithGroup(name), q.quietState}
}

// shorten is a slog ReplaceAttr: no value that a stranger chose fills the disk. A stack is ours and stays whole.
func shorten(_ []string, a slog.Attr) slog.Attr {
	if a.Key == "stack" {
		return a
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		if s := v.String(); len(s) > quietValue {
			return slog.String(a.Key, s[:quietValue]+"…")
		}
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			if s := err.Error(); len(s) > quietValue {
				return slog.String(a.Key, s[:quietValue]+"…")
			}
		}
	}
	return a
}
